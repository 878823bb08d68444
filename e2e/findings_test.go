package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"ferry/internal/sample"
)

// linted is a line of `ferry media lint`.
type linted struct {
	Source   string
	Findings []struct{ Severity, Code, Why, Fix string }
	Error    string
}

// lint runs `ferry media lint` on objects of the world's bucket, or on URLs.
func (w *world) lint(wantStatus int, sources ...string) map[string]linted {
	w.t.Helper()
	env := environment(w.in.directory, "AWS_ACCESS_KEY_ID="+s3AccessKey, "AWS_SECRET_ACCESS_KEY="+s3SecretKey, "AWS_REGION="+region, "AWS_ENDPOINT_URL_S3="+w.s3.endpoint)
	stdout, stderr, status := run(w.t, env, "", w.in.program, append([]string{"media", "lint"}, sources...)...)
	if status != wantStatus {
		w.t.Errorf("lint ended with status %d, want %d:\n%s%s", status, wantStatus, stdout, stderr)
	}
	results := map[string]linted{}
	for line := range strings.Lines(stdout) {
		var one linted
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			w.t.Fatalf("%v: %s", err, line)
		}
		results[one.Source] = one
	}
	return results
}

// putBadFiles stores the bad samples and returns what lint says about them.
func (w *world) putBadFiles() map[string]linted {
	w.t.Helper()
	var sources []string
	for _, file := range sample.BadFiles() {
		w.s3.put(w.t, w.bucket, file.Name, file.Data, file.ContentType)
		sources = append(sources, "s3://"+w.bucket+"/"+file.Name)
	}
	results := w.lint(5, sources...) // some are refused
	for _, file := range sample.BadFiles() {
		one := results["s3://"+w.bucket+"/"+file.Name]
		if len(one.Findings) != 1 || one.Findings[0].Code != file.WantCode || one.Findings[0].Fix == "" {
			w.t.Fatalf("lint says about %s: %+v, want only %s, with a fix", file.Name, one, file.WantCode)
		}
		results[file.Name] = one
	}
	return results
}

// wantWarned checks that Meta has a file, and that the log has its finding.
func (w *world) wantWarned(mediaID string, file sample.BadFile, severity string) {
	w.t.Helper()
	w.sim.wantStored(mediaID, file.Data)
	entry := w.ferry.waitUpload(mediaID)
	if len(entry.Findings) != 1 || !strings.HasPrefix(entry.Findings[0], file.WantCode+" ("+severity+"): ") {
		w.t.Errorf("%s: the logged findings are %q, want only %s (%s)", file.Name, entry.Findings, file.WantCode, severity)
	}
}

// For files that WhatsApp would refuse, or accept and not deliver, the caller is
// told how to fix them. Files that only look bad are sent, and logged.
func TestBadFilesAreRefusedWithAFix(t *testing.T) {
	nodeBinary(t)
	w := newWorld(t, worldOptions{})
	node := startNode(t, w.ferry.url, w.key)
	results := w.putBadFiles()
	sent := 0
	for _, file := range sample.BadFiles() {
		finding := results[file.Name].Findings[0]
		answers := []outcome{node.post(jsFromBucket(w.phone, w.bucket, file.Name))}
		if finding.Severity == "looks-bad" {
			w.wantWarned(answers[0].mediaID(t), file, finding.Severity)
			sent++
			continue
		}
		answers = append(answers, node.post(jsFromURL(w.phone, w.s3.presign(t, w.bucket, file.Name), file.ContentType)))
		for _, answer := range answers {
			answer.wantException(t, "InvalidParametersException", http.StatusBadRequest, finding.Why, finding.Fix, " ["+file.WantCode+"]")
		}
	}
	if uploads := w.sim.uploads(); len(uploads) != sent || sent == 0 {
		t.Errorf("%d uploads to Meta were started, want those of the %d files that only look bad", len(uploads), sent)
	}
}

// With --will-fail=warn, files that would fail are sent, and logged. Meta accepts the upload of
// any bytes under a type of its list, and reports later that it could not process them
// (docs/references.md#media-failures), of which the simulator warns.
func TestFilesThatWouldFailAreSentWhereOnlyAWarningIsWanted(t *testing.T) {
	w := newWorld(t, worldOptions{args: []string{"--will-fail", "warn"}, lax: true})
	results := w.putBadFiles()
	sent := map[string]bool{}
	for _, file := range sample.BadFiles() {
		finding := results[file.Name].Findings[0]
		if finding.Severity == "refused" {
			_, err := w.client().PostWhatsAppMessageMedia(t.Context(), w.fromBucket(file.Name))
			wantGoException(t, err, "InvalidParametersException", http.StatusBadRequest, "["+file.WantCode+"]")
			continue
		}
		w.wantWarned(w.post(w.fromBucket(file.Name)), file, finding.Severity)
		sent[file.WantCode] = true
		uploads := w.sim.uploads()
		warnings := uploads[len(uploads)-1].Warnings
		unrecognisable := file.WantCode == "damaged-as-text" || file.WantCode == "leading-bytes"
		if len(warnings) > 0 && warnings[0].Code != "mislabelled" || unrecognisable != (len(warnings) > 0) {
			t.Errorf("%s: the simulator warns of %+v", file.Name, warnings)
		}
	}
	if !sent["damaged-as-text"] || !sent["leading-bytes"] || !sent["truncated"] {
		t.Errorf("only files with %v were sent", sent)
	}
}

// The end of a long object is read with a range request.
func TestLintReadsTheEndOfLongObjects(t *testing.T) {
	w := newWorld(t, worldOptions{})
	whole := pdf(300 << 10)
	cut := bytes.Clone(whole[:250<<10])
	w.s3.put(t, w.bucket, "whole.pdf", whole, "application/pdf")
	w.s3.put(t, w.bucket, "cut.pdf", cut, "application/pdf")
	for key, status := range map[string]int{"whole.pdf": 0, "cut.pdf": 3} {
		for _, source := range []string{"s3://" + w.bucket + "/" + key, w.s3.presign(t, w.bucket, key)} {
			shown, _, _ := strings.Cut(source, "?")
			one, known := w.lint(status, source)[shown]
			if !known || (len(one.Findings) > 0) != (status != 0) || status != 0 && one.Findings[0].Code != "pdf-end" {
				t.Errorf("%s: %+v", shown, one)
			}
		}
	}
	missing := "s3://" + w.bucket + "/missing.pdf"
	if one := w.lint(2, missing)[missing]; !strings.Contains(one.Error, "NoSuchKey") {
		t.Errorf("%+v", one)
	}
}
