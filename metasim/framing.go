package metasim

import (
	"bytes"
	"errors"
	"io"
)

var errUnclosed = errors.New("the closing boundary is missing")

// framing reads a multipart body and notes how it begins and ends.
// mime/multipart skips what precedes the first boundary, ignores what follows the
// last, and does not tell a body that ends early from one that is complete.
type framing struct {
	source  io.Reader
	opening []byte // "--" and the boundary
	closing []byte // CRLF, "--", the boundary and "--" (docs/references.md#multipart)
	head    []byte // the first len(opening) bytes
	recent  []byte // the last len(closing)-1 bytes, where a closing boundary may begin
	closed  bool   // the closing boundary has been read
	after   []byte // up to maxTrailing bytes after it
}

// maxTrailing is one byte more than the line end that may follow the closing
// boundary.
const maxTrailing = 3

func newFraming(source io.Reader, boundary string) *framing {
	closing := []byte("\r\n--" + boundary + "--")
	recent := make([]byte, 0, 2*len(closing)) // room for the end of one read and the beginning of the next
	return &framing{
		source:  source,
		opening: []byte("--" + boundary),
		closing: closing,
		recent:  append(recent, "\r\n"...), // a body without parts begins with its closing boundary
	}
}

func (f *framing) Read(p []byte) (int, error) {
	n, err := f.source.Read(p)
	f.watch(p[:n])
	return n, err
}

func (f *framing) watch(b []byte) {
	if f.closed {
		f.trail(b)
		return
	}
	f.head = append(f.head, b[:min(len(b), len(f.opening)-len(f.head))]...)

	// A closing boundary may be split between two reads.
	most := len(f.closing) - 1
	seam := append(f.recent, b[:min(len(b), most)]...)
	if at := bytes.Index(seam, f.closing); at >= 0 {
		f.closed = true
		f.trail(b[at+len(f.closing)-len(f.recent):])
		return
	}
	if at := bytes.Index(b, f.closing); at >= 0 {
		f.closed = true
		f.trail(b[at+len(f.closing):])
		return
	}
	if len(b) >= most {
		seam = b
	}
	f.recent = append(f.recent[:0], seam[max(0, len(seam)-most):]...)
}

func (f *framing) trail(b []byte) {
	f.after = append(f.after, b[:min(len(b), maxTrailing-len(f.after))]...)
}

// finish reads the few bytes that may follow the closing boundary, and returns
// what is wrong with the body.
func (f *framing) finish() error {
	if _, err := io.Copy(io.Discard, io.LimitReader(f, maxTrailing)); err != nil {
		return err
	}
	if !f.closed {
		return errUnclosed
	}
	return nil
}

// surrounded reports whether there are bytes before the first boundary, or more
// than a line end after the last one.
func (f *framing) surrounded() bool {
	return !bytes.Equal(f.head, f.opening) || len(f.after) > 0 && string(f.after) != "\r\n"
}
