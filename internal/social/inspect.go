// What a file is and what is wrong with it, before a byte of it goes to WhatsApp.

package social

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"ferry/internal/media"
	"ferry/internal/object"
)

// What becomes of a file that WhatsApp would take and then fail to deliver.
const (
	RefuseWillFail = "refuse" // InvalidParametersException, as for one that WhatsApp refuses
	WarnWillFail   = "warn"   // it is uploaded, and the audit line has the findings
)

// A rangeReader is a source that also gives bytes from an offset on, of the
// object that has the ETag ifMatch. It fills p or fails.
type rangeReader interface {
	ReadAt(ctx context.Context, p []byte, off int64, ifMatch string) (int, error)
}

// inspect decides the type of a file and looks inside it. A file that WhatsApp
// does not take, or would not deliver, is an error; all findings go to the audit line.
func (s *Service) inspect(ctx context.Context, from source, opened *object.Object, head []byte) (media.Result, error) {
	found, err := media.Check(ctx, media.File{
		DeclaredType: opened.ContentType, Name: opened.Name, Size: opened.Size, Head: head, ReadAt: ranges(from, opened.ETag),
	})
	auditOf(ctx).found = found
	if err != nil {
		return found, err
	}
	least := media.WillFail
	if s.config.WillFail == WarnWillFail {
		least = media.Refused
	}
	if text := found.Refusal(least); text != "" {
		return found, &badFile{text}
	}
	return found, nil
}

// ranges gives the function that reads parts of a source, nil if the source
// has none or no ETag that tells that the parts are of the file that was opened.
func ranges(from source, etag string) func(ctx context.Context, p []byte, off int64) (int, error) {
	file, ok := from.Source.(rangeReader)
	if !ok || etag == "" {
		return nil
	}
	return func(ctx context.Context, p []byte, off int64) (int, error) {
		n, err := file.ReadAt(ctx, p, off, etag)
		if n < len(p) && (err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
			err = &object.Error{Kind: object.Unavailable, Message: "The store sent less of the object than was asked for; try again.", Cause: err}
		}
		if refused, ok := errors.AsType[*object.Error](err); ok && refused.Kind == object.Invalid { // the store serves no ranges
			err = fmt.Errorf("%w: %w", media.ErrNoRanges, err)
		}
		return n, err
	}
}

// badFile is the error of a file that is not uploaded because of what it is.
type badFile struct{ text string }

func (b *badFile) Error() string { return b.text }

// heads are buffers for the first bytes of files. What was read into one is
// never shown beyond the length that was read.
var heads = sync.Pool{New: func() any { return new([media.HeadSize]byte) }}

// head is the first bytes of a file; once they have been read from it, its
// buffer serves another file. One that is not read to its end is left to the
// garbage collector: the transport may still be reading it after it failed.
type head struct {
	bytes  []byte // until the first Read
	buffer *[media.HeadSize]byte
}

// peek reads the first bytes of a file of size bytes.
func peek(body io.Reader, size int64) (*head, error) {
	h := &head{buffer: heads.Get().(*[media.HeadSize]byte)}
	h.bytes = h.buffer[:min(size, media.HeadSize)]
	if _, err := io.ReadFull(body, h.bytes); err != nil {
		h.free()
		return nil, fmt.Errorf("reading the first bytes: %w", err)
	}
	return h, nil
}

func (h *head) Read(p []byte) (int, error) {
	n := copy(p, h.bytes)
	if h.bytes = h.bytes[n:]; len(h.bytes) == 0 {
		h.free()
		if n == 0 {
			return 0, io.EOF
		}
	}
	return n, nil
}

// free gives the buffer back; nothing may read it afterwards.
func (h *head) free() {
	if h.buffer != nil {
		heads.Put(h.buffer)
		h.bytes, h.buffer = nil, nil
	}
}
