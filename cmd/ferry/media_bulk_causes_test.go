package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"ferry/internal/local"
	"ferry/internal/sample"
	"ferry/metasim"
)

// putBadFile stores a bad sample under a key.
func putBadFile(t *testing.T, world *local.World, key, name string) {
	t.Helper()
	for _, f := range sample.BadFiles() {
		if f.Name != name {
			continue
		}
		_, err := newDemo(world, nil).bucket.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String(local.Bucket), Key: &key, Body: bytes.NewReader(f.Data), ContentType: &f.ContentType,
		})
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("no %s", name)
}

// Files that fail with the same exception but for different reasons are listed separately.
func TestFailuresOfABulkUploadAreGroupedByTheirCause(t *testing.T) {
	world := startWorld(t)
	putBadFile(t, world, "in/1.ogg", "opus-not-mono.ogg")
	putBadFile(t, world, "in/2.ogg", "opus-not-mono.ogg")
	putBadFile(t, world, "in/3.jpg", "jpeg-cmyk.jpg")
	putFiles(t, world, "in/text/", 1)
	addFault(t, world, metasim.Fault{Operation: metasim.OperationUpload, ErrorCode: 100, Times: 1})
	path := filepath.Join(t.TempDir(), "m.jsonl")
	var out, notes bytes.Buffer
	status := run(t.Context(), t.Context(), []string{"media", "post", "s3://" + local.Bucket + "/in/", "--recursive", "--manifest", path}, &out, &notes)
	if status != exitFailure {
		t.Errorf("exit status %d", status)
	}
	_, summary, _ := strings.Cut(notes.String(), "4 failed\n")
	var heads []string
	for line := range strings.Lines(summary) {
		if line = strings.TrimSuffix(line, "\n"); line != "" && !strings.HasPrefix(line, "  ") {
			heads = append(heads, line)
		}
	}
	if diff := cmp.Diff([]string{
		"InvalidParametersException [opus-not-mono]: 2", "InvalidParametersException [jpeg-cmyk]: 1", "InvalidParametersException [meta-100]: 1",
	}, heads); diff != "" {
		t.Errorf("%s\n%s", diff, notes.String())
	}
	if !strings.Contains(summary, "jpeg-cmyk]: 1\n  for example s3://"+local.Bucket+"/in/3.jpg\n  The JPEG has ") {
		t.Errorf("no example: %s", notes.String())
	}
	findings := map[string]string{}
	for _, line := range readLines(t, path) {
		findings[strings.TrimPrefix(line.Source, "s3://"+local.Bucket+"/in/")] = line.Finding
	}
	want := map[string]string{"1.ogg": "opus-not-mono", "2.ogg": "opus-not-mono", "3.jpg": "jpeg-cmyk", "text/0000.txt": "meta-100"}
	if diff := cmp.Diff(want, findings); diff != "" {
		t.Error(diff)
	}
}
