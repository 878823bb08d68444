package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"ferry/internal/sample"
)

func TestCheckFindsProblemsOfTypeAndContent(t *testing.T) {
	for _, f := range sample.BadFiles() {
		r, err := Check(t.Context(), File{DeclaredType: f.ContentType, Name: f.Name, Size: int64(len(f.Data)), Head: f.Data[:min(len(f.Data), HeadSize)]})
		if err != nil || r.Type.MIME != f.ContentType || r.FileName != f.Name || codes(r) != f.WantCode {
			t.Errorf("%s: %+v, %v", f.Name, r, err)
		}
	}
	r, err := Check(t.Context(), File{DeclaredType: "image/gif", Name: "a.gif", Size: 5, Head: []byte(headGIF)[:5]})
	if err != nil || code(t, r) != CodeTypeNotAccepted {
		t.Errorf("%+v, %v", r, err)
	}
}

// A source may report only at the first ranged read that it serves no ranges. Findings until
// then are kept, and the rest is unchecked, as for a source without ReadAt.
func TestSourceThatTurnsOutToHaveNoRanges(t *testing.T) {
	data := badSample(t, "mp4-index-last.mp4")
	mdat, moov := strings.Index(data, "mdat")-4, strings.Index(data, "moov")-4
	long := []byte(data[:mdat] + mp4Box("mdat", strings.Repeat("m", 1<<20)) + data[moov:])
	file := File{DeclaredType: "video/mp4", Name: "a.mp4", Size: int64(len(long)), Head: long[:HeadSize]}
	want, err := Check(t.Context(), file)
	if err != nil || len(want.Unchecked) == 0 {
		t.Fatalf("without ReadAt: %+v, %v", want, err)
	}
	calls := 0
	file.ReadAt = func(context.Context, []byte, int64) (int, error) {
		calls++
		return 0, fmt.Errorf("status 200: %w", ErrNoRanges)
	}
	got, err := Check(t.Context(), file)
	if err != nil || calls != 1 || !slices.Equal(got.Unchecked, want.Unchecked) || !slices.Equal(got.Findings, want.Findings) {
		t.Errorf("after %d calls: %+v, %v; want %+v", calls, got, err, want)
	}
	file.ReadAt = func(_ context.Context, p []byte, off int64) (int, error) { return bytes.NewReader(long).ReadAt(p, off) }
	if got, err = Check(t.Context(), file); err != nil || codes(got) != CodeMP4IndexLast || len(got.Unchecked) > 0 {
		t.Errorf("with ranges: %+v, %v", got, err)
	}
	file.ReadAt = func(context.Context, []byte, int64) (int, error) { return 0, io.ErrClosedPipe }
	if _, err = Check(t.Context(), file); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a read that fails: %v", err)
	}
}

func TestRefusalIsBounded(t *testing.T) {
	r := Result{Findings: []Finding{{Severity: LooksBad, Code: "other", Why: "Other."}}}
	if text := r.Refusal(WillFail); text != "" {
		t.Errorf("nothing bad enough: %q", text)
	}
	for range 20 {
		r.Findings = append(r.Findings, Finding{Severity: WillFail, Code: "some-code", Why: strings.Repeat("w", 200) + ".", Fix: "Mend it."})
	}
	text := r.Refusal(WillFail)
	if len(text) > maxRefusal+100 || !strings.HasSuffix(text, "more findings. [some-code]") || strings.Contains(text, "Other") {
		t.Errorf("%d bytes: %s", len(text), text)
	}
}
