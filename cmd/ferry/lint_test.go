package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"

	"ferry/internal/media"
	"ferry/internal/sample"
)

// samples writes the sample files into good/ and bad/.
func samples(ts *testscript.TestScript, _ bool, _ []string) {
	write := func(name string, data []byte) {
		ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(name)), 0o755))
		ts.Check(os.WriteFile(ts.MkAbs(name), data, 0o644))
	}
	for _, f := range sample.Files() {
		write("good/"+f.Name, f.Data)
	}
	for _, f := range sample.BadFiles() {
		write("bad/"+f.Name, f.Data)
	}
}

func TestLintFindsTheProblemOfEveryBadSample(t *testing.T) {
	directory := t.TempDir()
	for _, f := range sample.BadFiles() {
		path := filepath.Join(directory, f.Name)
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		status := run(t.Context(), t.Context(), []string{"media", "lint", path}, &out, io.Discard)
		var got struct {
			Type     string
			Findings []struct{ Severity, Code, Why, Fix string }
		}
		if err := json.Unmarshal(out.Bytes(), &got); err != nil || len(got.Findings) != 1 {
			t.Errorf("%s: %v, %s", f.Name, err, &out)
			continue
		}
		found := got.Findings[0]
		want := map[string]int{"looks-bad": 3, "will-fail": 4, "refused": 5}[found.Severity]
		if found.Code != f.WantCode || found.Why == "" || found.Fix == "" || got.Type != f.ContentType || status != want {
			t.Errorf("%s: status %d, %s", f.Name, status, &out)
		}
	}
}

func TestLintIsReadableOn80Columns(t *testing.T) {
	for _, f := range sample.BadFiles() {
		result := (&mediaLintCommand{}).lint(t.Context(), &lintSources{}, writeTemporary(t, f.Name, f.Data))
		result.Source = "bad/" + f.Name
		var text strings.Builder
		if err := result.print(&text); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(text.String()) {
			// A word in quotes is not broken, because the shell would not join it.
			if utf8.RuneCountInString(line) > 81 && strings.Count(strings.TrimSpace(line), " ") > 1 {
				t.Errorf("%d columns: %s", utf8.RuneCountInString(line)-1, line)
			}
		}
	}
	result := lintResult{Source: "a b.ogg", Type: "audio/ogg", Size: new(int64(2402)), path: "a b.ogg",
		Findings: []media.Finding{{
			Severity: media.WillFail, Code: "opus-not-mono",
			Why: "The Opus audio has 2 channels\x1b: WhatsApp accepts it and recipients cannot play it.", Fix: "Mix it down to one channel: ffmpeg -i IN -vn -ac 1 -c:a libopus -b:a 32k out.ogg",
		}},
		Unchecked: []string{"the rest"},
	}
	var text strings.Builder
	if err := result.print(&text); err != nil {
		t.Fatal(err)
	}
	const want = `a b.ogg  audio/ogg  2,402 bytes
  will-fail opus-not-mono
       why  The Opus audio has 2 channels?: WhatsApp accepts it and recipients
            cannot play it.
       fix  Mix it down to one channel:
            ffmpeg -i 'a b.ogg' -vn -ac 1 -c:a libopus -b:a 32k out.ogg
  unchecked the rest
`
	if text.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", &text, want)
	}
}

func writeTemporary(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFilePathsAreQuotedForAShell(t *testing.T) {
	for path, want := range map[string]string{
		"a/b-1.ogg": "a/b-1.ogg", "my voice.ogg": "'my voice.ogg'", "it's.ogg": `'it'\''s.ogg'`, "$(x).ogg": "'$(x).ogg'", "-y.ogg": "./-y.ogg", "~a": "'~a'",
	} {
		if got := shellQuote(path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}

// The end of a long file is requested from a web server that supports ranges, and is
// unchecked with one that does not.
func TestLintReadsURLsByRangesIfTheServerSupportsThem(t *testing.T) {
	data := append([]byte("%PDF-1.7\n"), bytes.Repeat([]byte("%.......\n"), 20000)...) // without an end mark
	ranges := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/pdf")
		if !ranges {
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
			_, _ = w.Write(data)
			return
		}
		w.Header().Set("ETag", `"v1"`)
		if r.Header.Get("Range") != "" && r.Header.Get("If-Match") != `"v1"` {
			t.Errorf("asked for a range of any version: %v", r.Header)
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}))
	defer server.Close()
	lint := func(path string) lintResult {
		return (&mediaLintCommand{}).lint(context.Background(), &lintSources{}, server.URL+path)
	}
	if got := lint("/a.pdf?signature"); got.maxSeverity() != media.WillFail || got.Findings[0].Code != media.CodeTruncated || got.Source != server.URL+"/a.pdf" || got.Name != "a.pdf" || got.Error != "" {
		t.Errorf("%+v", got)
	}
	ranges = false
	if got := lint("/a.pdf"); got.Error != "" || got.maxSeverity() != 0 || len(got.Unchecked) != 1 {
		t.Errorf("%+v", got)
	}
}
