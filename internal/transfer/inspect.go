// What a file is and what is wrong with it, before a byte of it is sent.

package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"ferry/internal/activity"
	"ferry/internal/media"
	"ferry/internal/object"
)

// WillFail says what happens to a file that WhatsApp would accept and then fail
// to deliver.
type WillFail string

const (
	RefuseWillFail WillFail = "refuse" // an Error of kind Unsuitable, as for a file that WhatsApp refuses
	WarnWillFail   WillFail = "warn"   // it is sent, and the report has the findings
)

// blocks returns the lowest severity that stops an upload.
func (w WillFail) blocks() media.Severity {
	if w == WarnWillFail {
		return media.Refused
	}
	return media.WillFail
}

// An inspection is the result for one version of the source.
type inspection struct {
	etag, contentType, encoding string
	size                        int64
	result                      media.Result
}

// inspect decides the type of a file and looks inside it. A file that WhatsApp
// does not accept, or would not deliver, is an Error of kind Unsuitable. A retry
// of the same version is not inspected again, which saves its ranged reads.
func (r *run) inspect(ctx context.Context, opened *object.Object, head []byte) (media.Result, error) {
	if known := r.inspected; known != nil && opened.ETag != "" &&
		known.etag == opened.ETag && known.contentType == opened.ContentType && known.encoding == opened.Encoding && known.size == opened.Size {
		return known.result, nil
	}
	var result media.Result
	err := r.step(ctx, activity.Inspect, "inspect", func(e *activity.Entry) (err error) {
		e.Bytes = opened.Size
		result, err = media.Check(ctx, media.File{
			DeclaredType: opened.ContentType, ContentEncoding: opened.Encoding, Name: opened.Name, Size: opened.Size, Head: head,
			ReadAt: rangeReader(r.source, opened.ETag), TextAsPlain: r.job.TextAsPlain,
		})
		r.report.File = result
		e.ETag = opened.ETag
		e.Details = append(e.Details, slog.String("declared_type", opened.ContentType), slog.String("type", result.Type.MIME))
		for _, f := range result.Findings {
			e.Findings = append(e.Findings, activity.Finding{Code: f.Code, Severity: f.Severity.String()})
		}
		if len(result.Findings) > 0 {
			e.Details = append(e.Details, slog.Any("findings", findingTexts(result.Findings)), slog.Any("fixes", fixes(result.Findings)))
			e.Code, e.Text = result.Findings[0].Code, result.Findings[0].Why
		}
		if text := result.Refusal(r.job.WillFail.blocks()); err == nil && text != "" {
			e.Outcome = activity.Refused
			first := result.Findings[slices.IndexFunc(result.Findings, func(f media.Finding) bool { return f.Severity >= r.job.WillFail.blocks() })]
			return &Error{Kind: Unsuitable, Message: text, Code: first.Code, Fix: first.Fix}
		}
		if err == nil {
			if err = r.job.suits(result.Type.MIME); err != nil {
				e.Outcome, e.Text = activity.Refused, err.Error()
			}
		}
		return err
	})
	if err == nil {
		r.inspected = &inspection{opened.ETag, opened.ContentType, opened.Encoding, opened.Size, result}
	}
	return result, err
}

// suits returns an error if the job's message cannot show a file of a type.
func (j Job) suits(mime string) error {
	if j.MessageType == "" || media.Suits(mime, j.MessageType) {
		return nil
	}
	shown := media.MessageType(mime)
	fix := fmt.Sprintf("Send it in a message of type %s, or use a file of a type that this message shows: %s.", shown, strings.Join(media.Types(j.MessageType), ", "))
	return &Error{Kind: Unsuitable, Code: CodeOtherMessage, Fix: fix,
		Message: fmt.Sprintf("The file is %s, which a message of type %s cannot show. %s [%s]", mime, j.MessageType, fix, CodeOtherMessage)}
}

// rangeReader returns the function that reads parts of a source. It is nil if
// the source has none, or no ETag that tells that the parts are of the file
// that was opened.
func rangeReader(source object.Source, etag string) func(ctx context.Context, p []byte, off int64) (int, error) {
	file, ok := source.(interface {
		ReadAt(ctx context.Context, p []byte, off int64, ifMatch string) (int, error)
	})
	if !ok || etag == "" {
		return nil
	}
	return func(ctx context.Context, p []byte, off int64) (int, error) {
		n, err := file.ReadAt(ctx, p, off, etag)
		if n < len(p) && (err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
			err = &object.Error{Kind: object.Unavailable, Code: "broke-off", Message: "The store sent less of the object than was requested.", Fix: "Retry later.", Cause: err}
		}
		switch failed, ok := errors.AsType[*object.Error](err); {
		case errors.Is(err, object.ErrBudget):
			err = fmt.Errorf("%w: %w", media.ErrReadLimit, err)
		case ok && failed.Kind == object.Invalid: // the store serves no ranges
			err = fmt.Errorf("%w: %w", media.ErrNoRanges, err)
		}
		return n, err
	}
}

// headPool has buffers for the first bytes of files.
var headPool = sync.Pool{New: func() any { return new([media.HeadSize]byte) }}

// head is the first bytes of a file. Once they have been read from it, its
// buffer serves another file. A head that is not read to its end is left to the
// garbage collector: the transport may still read it after it failed.
type head struct {
	bytes  []byte // until the first Read
	buffer *[media.HeadSize]byte
}

// peek reads the first bytes of a file of size bytes.
func peek(body io.Reader, size int64) (*head, error) {
	h := &head{buffer: headPool.Get().(*[media.HeadSize]byte)}
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

// free returns the buffer to the pool; nothing may read it afterwards.
func (h *head) free() {
	if h.buffer != nil {
		headPool.Put(h.buffer)
		h.bytes, h.buffer = nil, nil
	}
}
