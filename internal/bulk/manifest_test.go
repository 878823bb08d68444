package bulk

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// lineOf returns a line as a bulk upload writes it.
func lineOf(source, mediaID, failure string) Result {
	size, now := int64(0), time.Now().UTC().Truncate(time.Millisecond)
	return Result{Source: source, ETag: "e", Size: &size, MediaID: mediaID, Failure: Failure{Error: failure}, PhoneNumberID: "p", Millis: 3, Time: &now}
}

func openForTest(t *testing.T, path string) *manifest[Result] {
	t.Helper()
	m, err := openManifest(path, time.Now(), func(Result) {})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func addAll(t *testing.T, m *manifest[Result], lines ...Result) {
	t.Helper()
	for _, line := range lines {
		if err := m.add(line); err != nil {
			t.Fatal(err)
		}
	}
}

func TestManifestRemembersObjectsWithAMediaID(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.jsonl")
	m := openForTest(t, path)
	written := []Result{lineOf("s3://b/ä\n<\"?x", "1", ""), lineOf("s3://b/failed", "", "sorry")}
	addAll(t, m, written...)
	if _, err := openManifest(path, time.Now(), func(Result) {}); err == nil {
		t.Error("a second process may write the manifest at the same time")
	}
	if err := m.close(); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(path)
	var read []Result
	if _, _, err := readManifest(bytes.NewReader(text), func(p Result) { read = append(read, p) }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(written, read); diff != "" {
		t.Error(diff)
	}
	m = openForTest(t, path)
	defer m.close()
	for _, test := range []struct {
		phone, source, etag string
		want                bool
	}{
		{"p", "s3://b/ä\n<\"?x", "e", true}, {"p", "s3://b/ä\n<\"?x", "changed", false},
		{"other", "s3://b/ä\n<\"?x", "e", false}, {"p", "s3://b/failed", "e", false},
	} {
		if got := m.has(digestOf(test.phone, test.source, test.etag)); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

func TestManifestIgnoresExpiredMediaIDs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.jsonl")
	m := openForTest(t, path)
	addAll(t, m, lineOf("s3://b/a", "1", ""))
	m.close()
	m, err := openManifest(path, time.Now().Add(mediaLife), func(Result) {})
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	if m.has(digestOf("p", "s3://b/a", "e")) {
		t.Error("an id of 30 days ago counts")
	}
}

func TestManifestRemovesAnIncompleteLastLine(t *testing.T) {
	first, second := lineOf("s3://b/1", "1", "").line(), lineOf("s3://b/2", "2", "").line()
	for _, tail := range []string{"{", `{"sour`, string(second[:len(second)-3]), "\x00\x00\x00", `{"source":"s3` + "\x00\x00"} {
		path := filepath.Join(t.TempDir(), "m.jsonl")
		if err := os.WriteFile(path, append(first[:len(first):len(first)], tail...), 0o600); err != nil {
			t.Fatal(err)
		}
		m := openForTest(t, path)
		if !m.has(digestOf("p", "s3://b/1", "e")) || m.has(digestOf("p", "s3://b/2", "e")) {
			t.Errorf("%q: the wrong lines are read", tail)
		}
		addAll(t, m, lineOf("s3://b/2", "2", ""))
		m.close()
		if text, _ := os.ReadFile(path); strings.Count(string(text), "\n") != 2 || strings.Contains(string(text), "\x00") {
			t.Errorf("%q: %s", tail, text)
		}
	}
}

func TestManifestDoesNotTruncateOtherFiles(t *testing.T) {
	for _, text := range []string{"hello", "hello\n", "{}\n", string(lineOf("s3://b/1", "1", "").line()) + "x\n", "\xff\xd8\xff"} {
		path := filepath.Join(t.TempDir(), "other")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openManifest(path, time.Now(), func(Result) {}); err == nil || !strings.Contains(err.Error(), "not a line of a manifest") {
			t.Errorf("%q: %v", text, err)
		}
		if after, _ := os.ReadFile(path); string(after) != text {
			t.Errorf("%q became %q", text, after)
		}
	}
}

func TestManifestIsNotWrittenAfterAnError(t *testing.T) {
	m := openForTest(t, filepath.Join(t.TempDir(), "m.jsonl"))
	m.file.Close()
	first := m.add(lineOf("s3://b/1", "1", ""))
	if second := m.add(lineOf("s3://b/2", "2", "")); first == nil || second != first {
		t.Errorf("%v, then %v", first, second)
	}
	if m.has(digestOf("p", "s3://b/1", "e")) {
		t.Error("a line that was not written counts")
	}
	m.close()
}

func TestLinesAreBounded(t *testing.T) {
	p := lineOf("s3://b/"+strings.Repeat("\x01", 1024), "", strings.Repeat("\x01", 1<<20))
	if length := len(p.line()); length > maxManifestLine {
		t.Errorf("a line has %d bytes", length)
	}
}

// FuzzManifestTruncated checks that of a truncated manifest every complete line is read, and
// nothing else.
func FuzzManifestTruncated(f *testing.F) {
	f.Add("s3://b/k", "123", "", uint16(10))
	f.Add("s3://b/\"\\\n\u2028é", "", "went wrong\x00", uint16(200))
	f.Fuzz(func(t *testing.T, source, mediaID, failure string, cut uint16) {
		source = "s3://" + strings.ToValidUTF8(source[:min(len(source), 1024)], "?")
		lines := [][]byte{lineOf(source, mediaID, failure).line(), lineOf("s3://b/2", "2", "").line(), lineOf(source+"3", "", failure).line()}
		if len(lines[0]) > maxManifestLine || len(lines[2]) > maxManifestLine {
			t.Skip("an id longer than any")
		}
		text := bytes.Join(lines, nil)
		text = text[:int(cut)%(len(text)+1)]
		whole, length := 0, 0
		for _, line := range lines {
			if length+len(line)-1 > len(text) { // a line may lack its line break
				break
			}
			whole++
			length += len(line)
		}
		read := 0
		end, ended, err := readManifest(bytes.NewReader(text), func(Result) { read++ })
		if err != nil || read != whole || end != int64(min(length, len(text))) || ended != (length <= len(text)) {
			t.Fatalf("%q: read %d of %d lines to %d of %d, ended %v: %v", text, read, whole, end, length, ended, err)
		}
	})
}

func TestManifestIsReadableByItsOwnerOnlyUnlessItExists(t *testing.T) {
	for about, c := range map[string]struct{ before, want os.FileMode }{
		"a new one":                           {0, 0o600},
		"one that exists keeps its mode":      {0o644, 0o644},
		"one of a group keeps its mode":       {0o660, 0o660},
		"one that exists and is private, too": {0o600, 0o600},
	} {
		path := filepath.Join(t.TempDir(), "m.jsonl")
		if c.before != 0 {
			if err := os.WriteFile(path, nil, c.before); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.before); err != nil { // WriteFile's mode is subject to the umask
				t.Fatal(err)
			}
		}
		m := openForTest(t, path)
		addAll(t, m, lineOf("s3://b/a", "1", ""))
		if err := m.close(); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != c.want {
			t.Errorf("%s: %v, %v", about, info.Mode(), err)
		}
	}
}
