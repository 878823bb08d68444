package object

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// Content is what goes into a [Sink].
type Content struct {
	// Body is read once. It must end, or fail, after Size bytes. It is not read
	// after Put has returned: Put waits for a Read that blocks.
	Body io.Reader
	// Size in bytes, which the store is told beforehand.
	Size int64
	// ContentType is stored with the object; "" stores none.
	ContentType string
	// SHA256 is the expected digest in lower-case hexadecimal, "" if it is not known.
	SHA256 string
}

// ErrContent is the identity of every refusal of a Body that is shorter, longer
// or of another digest than its Content says.
var errContent = errors.New("the body is not what was announced")

// errPutOver ends the reading of a request that nobody waits for any more.
var errRequestEnded = errors.New("the request is over")

var contentOrigin = origin{name: "The file to be stored"}

func (c Content) check(maxSize int64) *Error {
	switch digest, err := hex.DecodeString(c.SHA256); {
	case c.Body == nil || c.Size < 0:
		return contentOrigin.fail(Invalid, "has no known length.", nil)
	case c.Size > maxSize:
		return contentOrigin.fail(Invalid, fmt.Sprintf("has %d bytes; the most that can be stored is %d bytes.", c.Size, maxSize), nil)
	case c.SHA256 != "" && (err != nil || len(digest) != sha256.Size || hex.EncodeToString(digest) != c.SHA256):
		return contentOrigin.fail(Invalid, "has an expected SHA-256 that is not 64 lower-case hexadecimal digits.", nil)
	case c.ContentType != "" && !isHeaderValue(c.ContentType):
		return contentOrigin.fail(Invalid, "has a media type that cannot be sent.", nil)
	}
	return nil
}

// contentReader gives the bytes of a Content, and the last of them only when it is known
// that they are all there and right. Until then a store has less than its
// Content-Length says, and keeps nothing.
type contentReader struct {
	Content
	mu        sync.Mutex
	digest    hash.Hash
	remaining int64
	started   bool  // Body was read
	complete  bool  // the last byte was given out
	err       error // what Body or its end was wrong with
}

// newContentReader checks the content, and all of it if it is empty.
func newContentReader(c Content, maxSize int64) (*contentReader, error) {
	if err := c.check(maxSize); err != nil {
		return nil, err
	}
	f := &contentReader{Content: c, digest: sha256.New(), remaining: c.Size}
	if c.Size == 0 {
		f.started = true
		f.finish(nil)
	}
	return f, f.err
}

// Read is for one reader at a time; requests read through a [tap].
func (f *contentReader) Read(buf []byte) (int, error) {
	switch {
	case f.err != nil:
		return 0, f.err
	case f.complete:
		return 0, io.EOF
	case len(buf) == 0:
		return 0, nil
	}
	f.started = true
	n, err := f.Body.Read(buf[:min(int64(len(buf)), f.remaining)])
	_, _ = f.digest.Write(buf[:n])
	f.remaining -= int64(n)
	if f.remaining == 0 {
		if f.finish(err); f.err != nil {
			return 0, f.err
		}
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		err = contentOrigin.fail(Unavailable, fmt.Sprintf("broke off after %d of %d bytes; try again.", f.Size-f.remaining, f.Size), errors.Join(errContent, io.ErrUnexpectedEOF))
	}
	f.err = err
	return n, err
}

// finish judges the content after its last byte, which came with err.
func (f *contentReader) finish(err error) {
	var more [1]byte
	n := 0
	for tries := 0; n == 0 && err == nil && tries < 100; tries++ {
		n, err = f.Body.Read(more[:])
	}
	got := hex.EncodeToString(f.digest.Sum(nil))
	switch {
	case n > 0 || err == nil:
		f.err = contentOrigin.fail(Unavailable, fmt.Sprintf("is longer than the %d bytes that were announced; try again.", f.Size), errContent)
	case err != io.EOF: //nolint:errorlint // an io.Reader ends with io.EOF itself
		f.err = err
	case f.SHA256 != "" && got != f.SHA256:
		f.err = contentOrigin.fail(Unavailable, "came in with another SHA-256 than was announced; try again.", errContent)
	default:
		f.complete = true
	}
}

// tap is one request's way to the feed, at the rate at which the store takes it.
type requestBody struct {
	content *contentReader
	rate    *writeRate
	ended   bool
}

func (t *requestBody) Read(buf []byte) (int, error) {
	t.content.mu.Lock()
	defer t.content.mu.Unlock()
	if t.ended {
		return 0, errRequestEnded
	}
	t.rate.readBegins()
	n, err := t.content.Read(buf)
	t.rate.readEnds(n, t.content.complete)
	return n, err
}

// end waits until the request reads no more.
func (t *requestBody) end() {
	t.content.mu.Lock()
	defer t.content.mu.Unlock()
	t.ended = true
	t.rate.stop()
}

// outPace is the minimum rate at which a store takes a body: quota bytes within
// each window of time between two Reads. Time inside Read does not count.
type writeRate struct {
	quota        int64
	window       time.Duration
	responseTime time.Duration // for the last bytes and the answer
	started      atomic.Bool

	mu          sync.Mutex
	timer       *time.Timer
	since       time.Time // the last bytes were given
	last        int64     // bytes given then
	transferred int64     // bytes taken in this window
	remaining   time.Duration
	ended       bool
}

// newOutPace gives a request OpenTimeout until it wants its first byte.
func newWriteRate(cfg Config, cancel context.CancelCauseFunc) *writeRate {
	p := &writeRate{
		quota:  max(1, int64(float64(cfg.MinRate)*cfg.StallWindow.Seconds())),
		window: cfg.StallWindow, remaining: cfg.StallWindow,
		responseTime: cfg.StallWindow + cfg.HeaderTimeout,
		since:        time.Now(),
	}
	p.timer = time.AfterFunc(cfg.OpenTimeout, func() {
		if p.started.Load() {
			cancel(errStalled)
		} else {
			cancel(errOpenTimeout)
		}
	})
	return p
}

// taken says that the store has what it was given, and wants more.
func (p *writeRate) readBegins() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer.Stop()
	if p.started.Swap(true) {
		p.remaining -= time.Since(p.since)
	}
	if p.transferred += p.last; p.transferred >= p.quota {
		p.transferred, p.remaining = 0, p.window
	}
}

// given hands n more bytes to the store, with whole the last ones.
func (p *writeRate) readEnds(n int, complete bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.since, p.last = time.Now(), int64(n)
	switch {
	case p.ended:
	case complete:
		p.timer.Reset(p.responseTime)
	default:
		p.timer.Reset(max(p.remaining, 0))
	}
}

func (p *writeRate) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.timer.Stop()
}
