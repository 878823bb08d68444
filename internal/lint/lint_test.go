package lint

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"ferry/internal/media"
	"ferry/internal/sample"
)

// check checks one source.
func check(t *testing.T, source string) Result {
	t.Helper()
	linter := New(Config{})
	defer linter.Close()
	return linter.Check(t.Context(), source)
}

func TestFileNameMayContainAQuestionMark(t *testing.T) {
	path := writeTemporary(t, "a?b.txt", []byte("hello"))
	if got := check(t, path); got.Source != path || got.Name != "a?b.txt" || got.Error != "" || len(got.Findings) > 0 {
		t.Errorf("%+v", got)
	}
}

func TestTextIsReadableOn80Columns(t *testing.T) {
	for _, f := range sample.BadFiles() {
		result := check(t, writeTemporary(t, f.Name, f.Data))
		result.Source = "bad/" + f.Name
		var text strings.Builder
		if err := result.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(text.String()) {
			// A word in quotes is not broken, because the shell would not join it.
			if utf8.RuneCountInString(line) > 81 && strings.Count(strings.TrimSpace(line), " ") > 1 {
				t.Errorf("%d columns: %s", utf8.RuneCountInString(line)-1, line)
			}
		}
	}
	result := Result{Source: "a b.ogg", Type: "audio/ogg", Size: new(int64(2402)), path: "a b.ogg",
		Findings: []media.Finding{{
			Severity: media.WillFail, Code: "opus-not-mono",
			Why: "The Opus audio has 2 channels\x1b: WhatsApp accepts it and recipients cannot play it.", Fix: "Mix it down to one channel: ffmpeg -i IN -vn -ac 1 -c:a libopus -b:a 32k out.ogg",
		}},
		Unchecked: []string{"the rest"},
	}
	var text strings.Builder
	if err := result.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	const want = `a b.ogg  audio/ogg  2,402 bytes
  will-fail opus-not-mono
       why  The Opus audio has 2 channels\x1b: WhatsApp accepts it and
            recipients cannot play it.
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
func TestURLsAreReadByRangesIfTheServerSupportsThem(t *testing.T) {
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
	lintURL := func(path string) Result {
		return check(t, server.URL+path)
	}
	if got := lintURL("/a.pdf?signature"); got.MaxSeverity() != media.LooksBad || got.Findings[0].Code != media.CodePDFEnd || got.Source != server.URL+"/a.pdf" || got.Name != "a.pdf" || got.Error != "" {
		t.Errorf("%+v", got)
	}
	ranges = false
	if got := lintURL("/a.pdf"); got.Error != "" || got.MaxSeverity() != 0 || len(got.Unchecked) != 1 {
		t.Errorf("%+v", got)
	}
}
