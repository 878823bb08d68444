package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// ask is what one GET asks for: all of an object, or a range of it.
type getRequest struct {
	ifMatch     string
	ranged      bool
	first, last int64 // of the bytes, both included
	total       int64 // length of the object, 0 if that is not known yet
}

// restOf asks for what an object has from its byte first on.
func requestRest(obj *Object, first int64) getRequest {
	return getRequest{ifMatch: obj.ETag, ranged: true, first: first, last: obj.Size - 1, total: obj.Size}
}

// rangeHeader names the bytes (RFC 9110 §14.1.2).
func (want getRequest) rangeHeader() string {
	if want.total > 0 {
		return fmt.Sprintf("bytes=%d-", want.first)
	}
	return fmt.Sprintf("bytes=%d-%d", want.first, want.last)
}

// accept holds a 206 to the bytes that were asked for: all of them, or those up
// to the end of the object where its length was not known.
func (want getRequest) check(from origin, contentRange []string, size int64) *Error {
	first, last, total, ok := parseContentRange(contentRange)
	short := want.total == 0 && last < want.last && last == total-1
	if !ok || first != want.first || last != want.last && !short || size != last-first+1 || want.total > 0 && total != want.total {
		return from.fail(Invalid, "answered with another part of the object than it was asked for.",
			fmt.Errorf("asked for %s of %d, got %d bytes as %s", want.rangeHeader(), want.total, size, shorten(strings.Join(contentRange, ", "))))
	}
	return nil
}

// parseContentRange reads "bytes first-last/total" (RFC 9110 §14.4), as numbers
// in their one spelling.
func parseContentRange(fields []string) (first, last, total int64, ok bool) {
	if len(fields) != 1 {
		return 0, 0, 0, false
	}
	text, isBytes := strings.CutPrefix(fields[0], "bytes ")
	span, totalText, hasTotal := strings.Cut(text, "/")
	firstText, lastText, hasLast := strings.Cut(span, "-")
	first, okFirst := parseLength(firstText)
	last, okLast := parseLength(lastText)
	total, okTotal := parseLength(totalText)
	ok = isBytes && hasTotal && hasLast && okFirst && okLast && okTotal && first <= last && last < total
	return first, last, total, ok
}

func parseLength(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && strconv.FormatInt(n, 10) == text && n >= 0
}

// errPastEnd is a range that begins behind the last byte (HTTP 416).
var errPastEnd = errors.New("the range begins behind the end of the object")

// ReadAt reads the bytes from off on into p with one GET of that range, for a
// look inside before the object is opened. ifMatch is the ETag of an earlier
// answer, and is needed: pieces of two objects make no file.
//
// As with [io.ReaderAt], n < len(p) comes with an error, which is io.EOF at the
// end of the object. The other errors are those of Open; Invalid also for a
// store that serves no ranges.
func (f *File) ReadAt(ctx context.Context, p []byte, off int64, ifMatch string) (int, error) {
	want := getRequest{ifMatch: ifMatch, ranged: true, first: off, last: off + int64(len(p)) - 1}
	switch {
	case len(p) == 0:
		return 0, nil
	case off < 0 || want.last < off:
		return 0, f.origin.fail(Invalid, "cannot be asked for bytes outside of the object.", nil)
	case ifMatch == "":
		return 0, f.origin.fail(Invalid, "gave no ETag, so parts of the object cannot be told to belong together.", nil)
	}
	if !f.budget.mayInspect() {
		return 0, f.origin.fail(Invalid, "is not asked for more parts of the object: the call has reached its limit of requests.", nil)
	}
	return readRange(ctx, f.origin, p, want, f.get)
}

// readRange fills p with the range that a asks for, as ReadAt does.
func readRange(ctx context.Context, from origin, p []byte, want getRequest, get func(context.Context, getRequest) (*Object, *part, error)) (int, error) {
	obj, got, err := get(ctx, want)
	if errors.Is(err, errPastEnd) {
		return 0, io.EOF
	}
	if err != nil {
		return 0, err
	}
	defer func() { _ = got.close() }()
	n := 0
	for n < int(obj.Size) && err == nil {
		var m int
		m, err = got.rate.read(got.src, p[n:obj.Size])
		n += m
	}
	switch {
	case n == len(p):
		return n, nil
	case n == int(obj.Size):
		return n, io.EOF
	}
	b := body{origin: from, size: obj.Size, remaining: obj.Size - int64(n), part: got}
	return n, b.broken(errors.Join(err, context.Cause(ctx)))
}
