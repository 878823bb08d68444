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
var ErrContent = errors.New("the body is not what was announced")

// errPutOver ends the reading of a request that nobody waits for any more.
var errPutOver = errors.New("the request is over")

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

// feed gives the bytes of a Content, and the last of them only when it is known
// that they are all there and right. Until then a store has less than its
// Content-Length says, and keeps nothing.
type feed struct {
	Content
	mu      sync.Mutex
	digest  hash.Hash
	left    int64
	touched bool  // Body was read
	whole   bool  // the last byte was given out
	err     error // what Body or its end was wrong with
}

// newFeed checks the content, and all of it if it is empty.
func newFeed(c Content, maxSize int64) (*feed, error) {
	if err := c.check(maxSize); err != nil {
		return nil, err
	}
	f := &feed{Content: c, digest: sha256.New(), left: c.Size}
	if c.Size == 0 {
		f.touched = true
		f.finish(nil)
	}
	return f, f.err
}

// Read is for one reader at a time; requests read through a [tap].
func (f *feed) Read(buf []byte) (int, error) {
	switch {
	case f.err != nil:
		return 0, f.err
	case f.whole:
		return 0, io.EOF
	case len(buf) == 0:
		return 0, nil
	}
	f.touched = true
	n, err := f.Body.Read(buf[:min(int64(len(buf)), f.left)])
	_, _ = f.digest.Write(buf[:n])
	f.left -= int64(n)
	if f.left == 0 {
		if f.finish(err); f.err != nil {
			return 0, f.err
		}
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		err = contentOrigin.fail(Unavailable, fmt.Sprintf("broke off after %d of %d bytes; try again.", f.Size-f.left, f.Size), errors.Join(ErrContent, io.ErrUnexpectedEOF))
	}
	f.err = err
	return n, err
}

// finish judges the content after its last byte, which came with err.
func (f *feed) finish(err error) {
	var more [1]byte
	n := 0
	for tries := 0; n == 0 && err == nil && tries < 100; tries++ {
		n, err = f.Body.Read(more[:])
	}
	got := hex.EncodeToString(f.digest.Sum(nil))
	switch {
	case n > 0 || err == nil:
		f.err = contentOrigin.fail(Unavailable, fmt.Sprintf("is longer than the %d bytes that were announced; try again.", f.Size), ErrContent)
	case err != io.EOF: //nolint:errorlint // an io.Reader ends with io.EOF itself
		f.err = err
	case f.SHA256 != "" && got != f.SHA256:
		f.err = contentOrigin.fail(Unavailable, "came in with another SHA-256 than was announced; try again.", ErrContent)
	default:
		f.whole = true
	}
}

// tap is one request's way to the feed, at the rate at which the store takes it.
type tap struct {
	feed *feed
	pace *outPace
	over bool
}

func (t *tap) Read(buf []byte) (int, error) {
	t.feed.mu.Lock()
	defer t.feed.mu.Unlock()
	if t.over {
		return 0, errPutOver
	}
	t.pace.taken()
	n, err := t.feed.Read(buf)
	t.pace.given(n, t.feed.whole)
	return n, err
}

// end waits until the request reads no more.
func (t *tap) end() {
	t.feed.mu.Lock()
	defer t.feed.mu.Unlock()
	t.over = true
	t.pace.stop()
}

// outPace is the minimum rate at which a store takes a body: quota bytes within
// each window of time between two Reads. Time inside Read does not count.
type outPace struct {
	quota   int64
	window  time.Duration
	answer  time.Duration // for the last bytes and the answer
	started atomic.Bool

	mu    sync.Mutex
	timer *time.Timer
	since time.Time // the last bytes were given
	last  int64     // bytes given then
	got   int64     // bytes taken in this window
	left  time.Duration
	ended bool
}

// newOutPace gives a request OpenTimeout until it wants its first byte.
func newOutPace(cfg Config, cancel context.CancelCauseFunc) *outPace {
	p := &outPace{
		quota:  max(1, int64(float64(cfg.MinRate)*cfg.StallWindow.Seconds())),
		window: cfg.StallWindow, left: cfg.StallWindow,
		answer: cfg.StallWindow + cfg.HeaderTimeout,
		since:  time.Now(),
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
func (p *outPace) taken() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer.Stop()
	if p.started.Swap(true) {
		p.left -= time.Since(p.since)
	}
	if p.got += p.last; p.got >= p.quota {
		p.got, p.left = 0, p.window
	}
}

// given hands n more bytes to the store, with whole the last ones.
func (p *outPace) given(n int, whole bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.since, p.last = time.Now(), int64(n)
	switch {
	case p.ended:
	case whole:
		p.timer.Reset(p.answer)
	default:
		p.timer.Reset(max(p.left, 0))
	}
}

func (p *outPace) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.timer.Stop()
}
