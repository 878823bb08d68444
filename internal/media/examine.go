package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Bounds of [Check], whatever a file claims. It keeps the bytes of one read in memory, and
// its time is proportional to the bytes that it receives: no parser goes back, and none
// allocates by a length or a count from the file.
const (
	maxReads     = 8         // ranged reads per file
	maxReadSize  = 256 * kib // bytes per read
	maxReadTotal = 1 * mib   // bytes of all reads together
)

// examine checks the content of a file whose type has been decided, and adds its findings
// to the result. Its error is that of ReadAt.
func examine(ctx context.Context, f File, result *Result) error {
	return newExaminer(ctx, f).examine(result)
}

// newExaminer returns an examiner of a file whose type is not decided yet.
func newExaminer(ctx context.Context, f File) *examiner {
	x := &examiner{size: f.Size, head: f.Head, result: &Result{}}
	if int64(len(x.head)) > x.size {
		x.head = x.head[:max(x.size, 0)]
	}
	if f.ReadAt != nil {
		x.read = func(p []byte, off int64) (int, error) { return f.ReadAt(ctx, p, off) }
	}
	return x
}

// examine examines a file as one of the type of the result. Findings about its type, which
// the result may have already, are listed after those about its content.
func (x *examiner) examine(result *Result) error {
	about := result.Findings
	result.Findings, result.Unchecked = x.result.Findings, x.result.Unchecked
	x.kind, x.result = result.Type, result
	look, ok := examiners[result.Type.MIME]
	if ok && !slices.ContainsFunc(about, func(f Finding) bool { return f.Code == CodeOfficeFormat || f.Code == CodeDocumentUnknown }) {
		look(x)
	}
	if result.MaxSeverity() < WillFail { // otherwise it has to be made again anyway
		result.Findings = append(result.Findings, about...)
	}
	return x.err
}

// examiners check the content of a format; each has its own file in this package. Of the old
// Office formats, only passwords are looked for.
var examiners = map[string]func(*examiner){
	"image/jpeg": examineJPEG, "image/png": examinePNG, "image/webp": examineWebP,
	"audio/ogg": examineOgg, "audio/mpeg": examineMP3, "audio/aac": examineAAC, "audio/amr": examineAMR,
	"audio/mp4": examineMP4, "video/mp4": examineMP4, "video/3gpp": examineMP4,
	"application/pdf": examinePDF, "text/plain": examineText,
	docx: examineOOXML, xlsx: examineOOXML, pptx: examineOOXML, doc: examineOLE, xls: examineOLE, ppt: examineOLE,
}

// examiner is one file that is being examined.
type examiner struct {
	kind   Type
	size   int64
	head   []byte
	read   func(p []byte, off int64) (int, error) // nil if the source has no ranges
	result *Result
	err    error // of read; no more bytes are read after it

	window    []byte // the bytes of the last read
	start     int64  // the offset of window in the file
	reads     int
	limited   bool // read is nil because of ErrReadLimit
	bytesRead int

	reason string // why the last at returned nil; empty if the offset is after the end of the file

	index box    // MP4: moov, once it has been found
	movie *movie // MP4: what has been read, once it has been
}

// report adds a finding with the rule's own fix.
func (x *examiner) report(code string, args ...any) {
	x.result.add(x.kind, code, "", args...)
}

// reportOther adds a finding with the fix of otherFixes.
func (x *examiner) reportOther(code string, args ...any) {
	x.result.add(x.kind, code, otherFixes[code], args...)
}

// at returns at least need and at most want bytes from an offset, or nil. The reason field
// then says why. The bytes are valid until the next call.
func (x *examiner) at(off int64, need, want int) []byte {
	x.reason = ""
	if off < 0 || off > x.size-int64(need) {
		return nil
	}
	if b := within(x.head, off, need, want); b != nil {
		return b
	}
	if b := within(x.window, off-x.start, need, want); b != nil {
		return b
	}
	return x.load(off, need, want)
}

// within returns the part of buf from off on, nil if that is shorter than need.
func within(buf []byte, off int64, need, want int) []byte {
	if off < 0 || off > int64(len(buf)-need) {
		return nil
	}
	return buf[off:min(int64(len(buf)), off+int64(max(need, want)))]
}

// load reads want bytes into the window, or fewer at the end of the file or at a bound.
func (x *examiner) load(off int64, need, want int) []byte {
	n := min(max(need, want), maxReadSize, maxReadTotal-x.bytesRead, int(min(x.size-off, maxReadSize)))
	switch {
	case x.err != nil:
		x.reason = "reading failed"
		return nil
	case x.read == nil:
		return x.noRanges(off)
	case x.reads == maxReads || n < need:
		x.reason = fmt.Sprintf("reading it would take more than %d requests or %d bytes", maxReads, maxReadTotal)
		return nil
	}
	x.reads, x.bytesRead = x.reads+1, x.bytesRead+n
	if cap(x.window) < n {
		x.window = make([]byte, n)
	}
	x.window, x.start = x.window[:n], off
	got, err := x.read(x.window, off)
	if got == n {
		return x.window
	}
	switch {
	case errors.Is(err, ErrNoRanges):
		x.read, x.window = nil, nil
		return x.noRanges(off)
	case errors.Is(err, ErrReadLimit):
		x.read, x.window, x.limited = nil, nil, true
		return x.noRanges(off)
	case err == nil, err == io.EOF: //nolint:errorlint // an io.ReaderAt returns io.EOF itself; one that is wrapped is a connection's
		err = io.ErrUnexpectedEOF
	}
	x.err, x.window, x.reason = fmt.Errorf("reading %d bytes at %d: %w", n, off, err), nil, "reading failed"
	return nil
}

// noRanges sets the reason for an offset that needs a ranged read, and returns nil.
func (x *examiner) noRanges(off int64) []byte {
	why := "the source is not read by ranges"
	if x.limited {
		why = "the call has reached its limit of requests"
	}
	x.reason = fmt.Sprintf("byte %d is after the first %d, and %s", off, len(x.head), why)
	return nil
}

// reportMissing is called after at has returned nil. It adds a finding if the file ends
// before those bytes, and otherwise lists them as unchecked.
func (x *examiner) reportMissing(what string) {
	if x.reason == "" {
		x.report(CodeTruncated, "it ends before "+what)
		return
	}
	x.unchecked(what)
}

// unchecked records what could not be checked.
func (x *examiner) unchecked(what string) {
	x.result.Unchecked = append(x.result.Unchecked, what+": "+x.reason)
}
