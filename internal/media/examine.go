package media

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Bounds of [Check], whatever a file says about itself. Its memory is one read, and
// its time goes with the bytes that it was given: no parser goes back, and none
// allocates by a length or a count from the file.
const (
	maxReads     = 8         // ranged reads of one file
	maxReadSize  = 256 * kib // bytes of one read
	maxReadTotal = 1 * mib   // bytes of all reads together
)

// examine looks inside a file whose type identify has decided, and adds what it finds
// to the result. Its error is ReadAt's.
func examine(ctx context.Context, f File, result *Result) error {
	x := &examiner{kind: result.Type, size: f.Size, head: f.Head, result: result}
	if int64(len(x.head)) > x.size {
		x.head = x.head[:max(x.size, 0)]
	}
	if f.ReadAt != nil {
		x.read = func(p []byte, off int64) (int, error) { return f.ReadAt(ctx, p, off) }
	}
	if look, ok := examiners[result.Type.MIME]; ok {
		look(x)
	}
	return x.err
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
	result *Result
	err    error // of read; from then on there are no more bytes

	window    []byte // what was read last
	start     int64  // where in the file window begins
	reads     int
	bytesRead int

	reason string // why at gave nothing; "" if the file has no such bytes

	index box // MP4: moov, while and after it is read
}

// report reports a finding; findOther does for a file that the rule's own fix does not mend.
func (x *examiner) report(code string, args ...any) {
	x.result.add(x.kind, code, "", args...)
}
func (x *examiner) reportOther(code string, args ...any) {
	x.result.add(x.kind, code, otherFixes[code], args...)
}

// at gives at least need bytes from an offset, at most want; nil if there are none,
// for one of the reasons that gap tells apart. The bytes hold until the next call.
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

// within is the part of buf from off on, nil if that is less than need.
func within(buf []byte, off int64, need, want int) []byte {
	if off < 0 || off > int64(len(buf)-need) {
		return nil
	}
	return buf[off:min(int64(len(buf)), off+int64(max(need, want)))]
}

// load reads want bytes, or as many as file and bounds leave, into the window.
func (x *examiner) load(off int64, need, want int) []byte {
	n := min(max(need, want), maxReadSize, maxReadTotal-x.bytesRead, int(min(x.size-off, maxReadSize)))
	switch {
	case x.err != nil:
		x.reason = "reading failed"
		return nil
	case x.read == nil:
		return x.noRanges(off)
	case x.reads == maxReads || n < need:
		x.reason = fmt.Sprintf("it would take more than %d reads or %d bytes", maxReads, maxReadTotal)
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
	case err == nil, err == io.EOF: //nolint:errorlint // an io.ReaderAt returns io.EOF itself; one that is wrapped is a connection's
		err = io.ErrUnexpectedEOF
	}
	x.err, x.window, x.reason = fmt.Errorf("reading %d bytes at %d: %w", n, off, err), nil, "reading failed"
	return nil
}

// noRanges is what at returns for an offset that only a ranged read would reach.
func (x *examiner) noRanges(off int64) []byte {
	x.reason = fmt.Sprintf("byte %d lies beyond the first %d, and the source is not read by ranges", off, len(x.head))
	return nil
}

// reportMissing accounts for what at did not give: a finding if the file ends before it,
// else an entry of what went unchecked.
func (x *examiner) reportMissing(what string) {
	if x.reason == "" {
		x.report(CodeTruncated, "it ends before "+what)
		return
	}
	x.unchecked(what)
}

// unchecked notes what could not be looked at.
func (x *examiner) unchecked(what string) {
	x.result.Unchecked = append(x.result.Unchecked, what+": "+x.reason)
}
