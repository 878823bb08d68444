package media

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Bounds of [Examine], whatever a file says about itself. Its memory is one read, and
// its time goes with the bytes that it was given: no parser goes back, and none
// allocates by a length or a count from the file.
const (
	MaxReads     = 8         // ranged reads of one file
	MaxReadSize  = 256 * kib // bytes of one read
	MaxReadTotal = 1 * mib   // bytes of all reads together
)

// ExamineHead is how many first bytes are worth peeking at where the body is being
// opened anyway: enough for [Examine] to need no ranged read for most files, or one
// for what is at the end.
const ExamineHead = 64 * kib

// Source gives the bytes of a file.
type Source struct {
	Size int64  // bytes, all of them
	Head []byte // the first bytes, as many as were peeked at; not kept
	// ReadAt fills p from the offset off, as io.ReaderAt does; it is asked only for
	// what lies within Size. nil if the source cannot be read by ranges: then what
	// needs more than Head goes unchecked.
	ReadAt func(ctx context.Context, p []byte, off int64) (int, error)
}

// Examine looks inside a file that [Inspect] let through, for what WhatsApp refuses,
// fails to deliver or shows badly. Its error is ReadAt's; a file never causes one.
func Examine(ctx context.Context, result Result, source Source) (Report, error) {
	x := &examiner{kind: result.Type, size: source.Size, head: source.Head}
	if int64(len(x.head)) > x.size {
		x.head = x.head[:max(x.size, 0)]
	}
	if source.ReadAt != nil {
		x.read = func(p []byte, off int64) (int, error) { return source.ReadAt(ctx, p, off) }
	}
	if examine, ok := examiners[result.Type.MIME]; ok {
		examine(x)
	}
	return x.report, x.err
}

// examiners are the functions that look inside, one file of this package for each
// format. The old Office formats have none: they are left as they are.
var examiners = map[string]func(*examiner){
	"image/jpeg": examineJPEG, "image/png": examinePNG, "image/webp": examineWebP,
	"audio/ogg": examineOgg, "audio/mpeg": examineMP3, "audio/aac": examineAAC, "audio/amr": examineAMR,
	"audio/mp4": examineMP4, "video/mp4": examineMP4, "video/3gpp": examineMP4,
	"application/pdf": examinePDF, "text/plain": examineText,
	docx: examineOOXML, xlsx: examineOOXML, pptx: examineOOXML,
}

// examiner is one file being looked at.
type examiner struct {
	kind   Type
	size   int64
	head   []byte
	read   func(p []byte, off int64) (int, error) // nil without ranges
	report Report
	err    error // of read; from then on there are no more bytes

	window []byte // what was read last
	start  int64  // where in the file window begins
	reads  int
	asked  int

	miss string // why at gave nothing; "" if the file has no such bytes

	index box // MP4: moov, while and after it is read
}

// find reports a finding; findOther does for a file that the rule's own fix does not mend.
func (x *examiner) find(code string, args ...any) {
	x.report.add(x.kind, code, rules[code].fix, args...)
}
func (x *examiner) findOther(code string, args ...any) {
	x.report.add(x.kind, code, otherFixes[code], args...)
}

// at gives at least need bytes from an offset, at most want; nil if there are none,
// for one of the reasons that gap tells apart. The bytes hold until the next call.
func (x *examiner) at(off int64, need, want int) []byte {
	x.miss = ""
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

// within is the part of buf from off on, nil if that is less than need.
func within(buf []byte, off int64, need, want int) []byte {
	if off < 0 || off > int64(len(buf)-need) {
		return nil
	}
	return buf[off:min(int64(len(buf)), off+int64(max(need, want)))]
}

// load reads want bytes, or as many as file and bounds leave, into the window.
func (x *examiner) load(off int64, need, want int) []byte {
	n := min(max(need, want), MaxReadSize, MaxReadTotal-x.asked, int(min(x.size-off, MaxReadSize)))
	switch {
	case x.err != nil:
		x.miss = "reading failed"
		return nil
	case x.read == nil:
		x.miss = fmt.Sprintf("byte %d lies beyond the first %d, and the source is not read by ranges", off, len(x.head))
		return nil
	case x.reads == MaxReads || n < need:
		x.miss = fmt.Sprintf("it would take more than %d reads or %d bytes", MaxReads, MaxReadTotal)
		return nil
	}
	x.reads, x.asked = x.reads+1, x.asked+n
	if cap(x.window) < n {
		x.window = make([]byte, n)
	}
	x.window, x.start = x.window[:n], off
	got, err := x.read(x.window, off)
	if got == n {
		return x.window
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	x.err, x.window, x.miss = fmt.Errorf("reading %d bytes at %d: %w", n, off, err), nil, "reading failed"
	return nil
}

// gap accounts for what at did not give: a finding if the file ends before it,
// else an entry of what went unchecked.
func (x *examiner) gap(what string) {
	if x.miss == "" {
		x.find(CodeTruncated, "it ends before "+what)
		return
	}
	x.unchecked(what)
}

// unchecked notes what could not be looked at.
func (x *examiner) unchecked(what string) {
	x.report.Unchecked = append(x.report.Unchecked, what+": "+x.miss)
}
