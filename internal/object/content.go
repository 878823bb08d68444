package object

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// Content is what a [Sink] writes.
type Content struct {
	// Body is read once. It must end, or fail, after Size bytes. It is not read
	// after Put has returned: Put waits for a blocked Read.
	Body io.Reader
	// Size in bytes, which the store is told in advance.
	Size int64
	// ContentType is stored with the object. Empty means that none is stored.
	ContentType string
	// SHA256 is the expected digest in lower-case hexadecimal. Empty means that it
	// is not known.
	SHA256 string
}

// errContent is wrapped by the error for a Body whose length or digest is not the
// one in its Content.
var errContent = errors.New("the body is not what was announced")

// errRequestEnded is what the body of a request returns after the request has ended.
var errRequestEnded = errors.New("the request is over")

var contentOrigin = origin{name: "The file to be stored"}

func (c Content) check(maxSize int64) *Error {
	switch digest, err := hex.DecodeString(c.SHA256); {
	case c.Body == nil || c.Size < 0:
		return contentOrigin.fail(contentInvalid, nil, "has no known length")
	case c.Size > maxSize:
		return contentOrigin.fail(tooMuch, nil, c.Size, maxSize)
	case c.SHA256 != "" && (err != nil || len(digest) != sha256.Size || hex.EncodeToString(digest) != c.SHA256):
		return contentOrigin.fail(contentInvalid, nil, "has an expected SHA-256 that is not 64 lower-case hexadecimal digits")
	case c.ContentType != "" && !isHeaderValue(c.ContentType):
		return contentOrigin.fail(contentInvalid, nil, "has a media type that cannot be sent")
	}
	return nil
}

// contentReader reads a Content and withholds its last bytes until length and
// digest are verified. Until then the store has fewer bytes than the request's
// Content-Length announced, and so stores nothing.
type contentReader struct {
	Content
	mu        sync.Mutex
	digest    hash.Hash // nil if no digest is expected
	remaining int64
	started   bool  // a Read of Body has begun
	complete  bool  // the last byte was verified and returned
	err       error // of Body, or of the verification
}

// newContentReader checks c. If c is empty, it also verifies that Body has ended.
func newContentReader(c Content, maxSize int64) (*contentReader, error) {
	if err := c.check(maxSize); err != nil {
		return nil, err
	}
	r := &contentReader{Content: c, remaining: c.Size}
	if c.SHA256 != "" {
		r.digest = sha256.New()
	}
	if c.Size == 0 {
		r.started = true
		r.finish(nil)
	}
	return r, r.err
}

// Read must not be called concurrently; requests read through a [requestBody].
func (r *contentReader) Read(buf []byte) (int, error) {
	switch {
	case r.err != nil:
		return 0, r.err
	case r.complete:
		return 0, io.EOF
	case len(buf) == 0:
		return 0, nil
	}
	r.started = true
	n, err := r.Body.Read(buf[:min(int64(len(buf)), r.remaining)])
	if r.digest != nil {
		_, _ = r.digest.Write(buf[:n])
	}
	r.remaining -= int64(n)
	if r.remaining == 0 {
		if r.finish(err); r.err != nil {
			return 0, r.err
		}
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		err = contentOrigin.fail(brokeOff, errors.Join(errContent, io.ErrUnexpectedEOF), r.Size-r.remaining, r.Size)
	}
	r.err = err
	return n, err
}

// finish verifies the content after its last byte. err is the error that Body
// returned together with that byte.
func (r *contentReader) finish(err error) {
	var more [1]byte
	n := 0
	for tries := 0; n == 0 && err == nil && tries < 100; tries++ {
		n, err = r.Body.Read(more[:])
	}
	switch {
	case n > 0 || err == nil:
		r.err = contentOrigin.fail(tooLong, errContent, r.Size)
	case err != io.EOF: //nolint:errorlint // an io.Reader ends with io.EOF itself
		r.err = err
	case r.digest != nil && hex.EncodeToString(r.digest.Sum(nil)) != r.SHA256:
		r.err = contentOrigin.fail(otherDigest, errContent)
	default:
		r.complete = true
	}
}

// requestBody is the body of one request. It reads the content, and enforces the
// minimum rate at which the store accepts it.
type requestBody struct {
	content *contentReader
	rate    *writeRate
	ended   bool
}

func (b *requestBody) Read(buf []byte) (int, error) {
	b.content.mu.Lock()
	defer b.content.mu.Unlock()
	if b.ended {
		return 0, errRequestEnded
	}
	b.rate.readBegins()
	n, err := b.content.Read(buf)
	b.rate.readEnds(n, b.content.complete)
	return n, err
}

// end makes every further Read fail, and waits for the one in progress.
func (b *requestBody) end() {
	b.content.mu.Lock()
	defer b.content.mu.Unlock()
	b.ended = true
	b.rate.stop()
}

// writeRate enforces the minimum rate at which a store accepts a body: quota bytes
// within each window of time between Reads. Time spent in Read does not count.
type writeRate struct {
	quota        int64
	window       time.Duration
	responseTime time.Duration // limit for the last bytes and the response
	started      atomic.Bool

	mu          sync.Mutex
	timer       *time.Timer
	since       time.Time // when the last Read ended
	last        int64     // bytes that it returned
	transferred int64     // bytes accepted in this window
	remaining   time.Duration
	ended       bool
}

// newWriteRate returns a writeRate that allows OpenTimeout until the first Read.
func newWriteRate(cfg Config, cancel context.CancelCauseFunc) *writeRate {
	r := &writeRate{
		quota:  max(1, int64(float64(cfg.MinRate)*cfg.StallWindow.Seconds())),
		window: cfg.StallWindow, remaining: cfg.StallWindow,
		responseTime: cfg.StallWindow + cfg.HeaderTimeout,
		since:        time.Now(),
	}
	r.timer = time.AfterFunc(cfg.OpenTimeout, func() {
		if r.started.Load() {
			cancel(errStalled)
		} else {
			cancel(errOpenTimeout)
		}
	})
	return r
}

// readBegins is called when a Read begins: the store has accepted what the last
// Read returned.
func (r *writeRate) readBegins() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.timer.Stop()
	if r.started.Swap(true) {
		r.remaining -= time.Since(r.since)
	}
	if r.transferred += r.last; r.transferred >= r.quota {
		r.transferred, r.remaining = 0, r.window
	}
}

// readEnds is called when a Read returns n bytes. complete says that they are the last.
func (r *writeRate) readEnds(n int, complete bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.since, r.last = time.Now(), int64(n)
	switch {
	case r.ended:
	case complete:
		r.timer.Reset(r.responseTime)
	default:
		r.timer.Reset(max(r.remaining, 0))
	}
}

func (r *writeRate) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	r.timer.Stop()
}
