package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// getRequest describes one GET: of all of an object, or of a range of it.
type getRequest struct {
	ifMatch     string
	encoding    string // of the object that the range is the rest of
	ranged      bool
	first, last int64 // byte positions, both inclusive
	total       int64 // length of the object; 0 if it is not known yet

	reachBy time.Time // by which a presigned URL's host must be reached; zero means in ReachTimeout from now
}

// requestRest returns the request for the bytes of an object from first to its end.
func requestRest(obj *Object, first int64) getRequest {
	return getRequest{ifMatch: obj.ETag, encoding: obj.Encoding, ranged: true, first: first, last: obj.Size - 1, total: obj.Size}
}

// rangeHeader returns the value of the Range header (RFC 9110 §14.1.2, docs/references.md#http-range).
func (want getRequest) rangeHeader() string {
	if want.total > 0 {
		return fmt.Sprintf("bytes=%d-", want.first)
	}
	return fmt.Sprintf("bytes=%d-%d", want.first, want.last)
}

// check checks that a 206 has the requested bytes: all of them, or those up to the
// end of the object if its length was not known.
func (want getRequest) check(from origin, contentRange []string, got *Object) *Error {
	size := got.Size
	if want.total > 0 && got.Encoding != want.encoding {
		return from.fail(otherCoding, nil)
	}
	first, last, total, ok := parseContentRange(contentRange)
	short := want.total == 0 && last < want.last && last == total-1
	if !ok || first != want.first || last != want.last && !short || size != last-first+1 || want.total > 0 && total != want.total {
		return from.fail(otherRange,
			fmt.Errorf("requested %s of %d, received %d bytes as %s", want.rangeHeader(), want.total, size, shorten(strings.Join(contentRange, ", "))))
	}
	return nil
}

// parseContentRange parses "bytes first-last/total" (RFC 9110 §14.4). The numbers
// must be in canonical form.
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

// errPastEnd is the cause of the error for a range after the last byte (HTTP 416).
var errPastEnd = errors.New("the range begins after the end of the object")

// ReadAt reads len(p) bytes from offset off with one range request. It is for
// inspecting an object before it is opened. ifMatch is required: it is the ETag of
// an earlier response, so that all bytes belong to one version of the object.
//
// As with [io.ReaderAt], an n < len(p) comes with an error, which is io.EOF at the
// end of the object. The other errors are those of Open; Invalid also means that
// the store does not support ranges.
func (f *File) ReadAt(ctx context.Context, p []byte, off int64, ifMatch string) (int, error) {
	want := getRequest{ifMatch: ifMatch, ranged: true, first: off, last: off + int64(len(p)) - 1}
	switch {
	case len(p) == 0:
		return 0, nil
	case off < 0 || want.last < off:
		return 0, f.origin.fail(noOffset, nil)
	case ifMatch == "":
		return 0, f.origin.fail(noETag, nil)
	}
	if !f.budget.mayInspect() {
		return 0, f.origin.fail(inspected, ErrBudget)
	}
	return readRange(ctx, f.origin, p, want, f.get)
}

// readRange reads the range of want into p, as ReadAt does.
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
