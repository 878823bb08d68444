package object

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// errStalled is the cause of canceling a read below the minimum rate.
var errStalled = errors.New("the body arrived below the minimum rate")

// errOpenTimeout is the cause of canceling an Open that exceeds OpenTimeout.
var errOpenTimeout = errors.New("no response within OpenTimeout")

// maxResumes is the limit for resuming one body.
const maxResumes = 3

// part is the share of a body that one response delivers.
type part struct {
	src     io.ReadCloser
	rate    *readRate
	release func() // ends the request
}

func (p *part) close() error {
	p.rate.stop()
	// The request ends first, so that Close does not wait for a blocked Read. A body
	// that was read to its end leaves its connection usable.
	p.release()
	return p.src.Close()
}

// body is the Body of an [Object]: exactly size bytes, or an error. If reopen is
// set, a body that breaks off or stalls resumes with a range request.
type body struct {
	origin    origin
	size      int64
	remaining int64
	ctx       context.Context // from Open to Close
	reopen    func(ctx context.Context, first int64) (*part, error)
	backoff   time.Duration // the longest wait before reopen
	budget    *Budget       // that limits the requests of reopen; may be nil
	checksum  *checksum     // of all bytes; nil if none is verified
	attempts  int           // calls of reopen
	resumed   atomic.Int64
	err       error // what every further Read returns
	close     func() error

	mu     sync.Mutex
	part   *part // only Read replaces it
	closed bool
}

// newBody returns a body of size bytes, which reads from p first. cancel ends ctx
// and with it every request of the body. If reopen is nil, the first failure is final.
func newBody(ctx context.Context, cancel context.CancelCauseFunc, from origin, size int64, p *part, reopen func(ctx context.Context, first int64) (*part, error), backoff time.Duration, budget *Budget) *body {
	b := &body{budget: budget, origin: from, size: size, remaining: size, ctx: ctx, part: p, reopen: reopen, backoff: backoff}
	b.close = sync.OnceValue(func() error {
		cancel(context.Canceled)
		b.mu.Lock()
		b.closed = true
		last := b.part
		b.mu.Unlock()
		if err := last.close(); err != nil && !errors.Is(err, context.Canceled) {
			return from.fail(notClosed, err)
		}
		return nil
	})
	return b
}

func (b *body) Read(buf []byte) (int, error) {
	switch {
	case b.err != nil:
		return 0, b.err
	case b.remaining == 0:
		return 0, io.EOF
	case len(buf) == 0:
		return 0, nil
	}
	for {
		n, err := b.part.rate.read(b.part.src, buf[:min(int64(len(buf)), b.remaining)])
		b.remaining -= int64(n)
		if b.checksum != nil && !b.verify(buf[:n]) {
			return 0, b.err
		}
		if err == nil || b.remaining == 0 {
			return n, nil
		}
		if failed := b.resume(err); failed != nil {
			b.err = failed
			return n, failed
		}
		if n > 0 {
			return n, nil
		}
	}
}

// verify adds bytes to the checksum and, after the last ones, compares it. If it differs,
// the last bytes are withheld, so that the copy stays incomplete.
func (b *body) verify(read []byte) bool {
	_, _ = b.checksum.Write(read)
	if b.remaining == 0 && !b.checksum.matches() {
		b.err = b.origin.fail(badChecksum, nil, b.checksum.name)
	}
	return b.err == nil
}

// resume continues after the last byte that arrived. If that is impossible, it
// returns why the body broke off, rather than why it could not be resumed.
func (b *body) resume(err error) *Error {
	failed := b.broken(err)
	if b.reopen == nil || b.ctx.Err() != nil {
		return failed
	}
	_ = b.part.close()
	for b.attempts < maxResumes && b.budget.retry() && pause(b.ctx, b.backoff, time.Time{}) {
		b.attempts++
		next, err := b.reopen(b.ctx, b.size-b.remaining)
		if err == nil {
			if !b.replace(next) {
				return failed
			}
			b.resumed.Add(1)
			return nil
		}
		if !isRetryable(err) {
			break
		}
	}
	return failed
}

// replace sets the part to read from and reports whether the body is still open.
// If it is not, replace closes next.
func (b *body) replace(next *part) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		_ = next.close()
		return false
	}
	b.part = next
	return true
}

// broken returns the error of a body that ended too early.
func (b *body) broken(err error) *Error {
	if b.part.rate.stalled() {
		return b.origin.fail(tooSlow, errStalled)
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return b.origin.fail(brokeOff, err, b.size-b.remaining, b.size)
}

// Close frees the connection. It may be called during a blocked Read, and more than once.
func (b *body) Close() error { return b.close() }

// readRate enforces the minimum rate: quota bytes must arrive within each window
// of time spent in Read. Time between Reads does not count, so a slow consumer
// never counts as a stall.
type readRate struct {
	quota       int64
	window      time.Duration
	ctx         context.Context // of the request, canceled with errStalled
	timer       *time.Timer
	transferred int64         // bytes in this window
	remaining   time.Duration // of this window
}

// newReadRate returns a readRate at the start of a window. cancel is called during
// the Read that uses up its window.
func newReadRate(ctx context.Context, cfg Config, cancel context.CancelCauseFunc) *readRate {
	r := &readRate{
		quota:     max(1, int64(float64(cfg.MinRate)*cfg.StallWindow.Seconds())),
		window:    cfg.StallWindow,
		remaining: cfg.StallWindow,
		ctx:       ctx,
	}
	r.timer = time.AfterFunc(time.Hour, func() { cancel(errStalled) })
	r.timer.Stop()
	return r
}

func (r *readRate) read(src io.Reader, buf []byte) (int, error) {
	start := time.Now()
	r.timer.Reset(r.remaining)
	n, err := src.Read(buf)
	r.timer.Stop()
	r.remaining -= time.Since(start)
	if r.transferred += int64(n); r.transferred >= r.quota {
		r.transferred, r.remaining = 0, r.window
	}
	return n, err
}

// stalled reports whether a Read was canceled because it was too slow.
func (r *readRate) stalled() bool { return errors.Is(context.Cause(r.ctx), errStalled) }

func (r *readRate) stop() { r.timer.Stop() }

// WithMinRate enforces the minimum rate of sources on a body that this package did
// not open. cancel is called during a Read that is too slow, and must end that Read.
func (o *Opener) WithMinRate(ctx context.Context, cancel context.CancelCauseFunc, body io.ReadCloser) io.ReadCloser {
	return &ratedBody{part{src: body, rate: newReadRate(ctx, o.cfg, cancel), release: func() {}}}
}

// ratedBody is the body that WithMinRate returns.
type ratedBody struct{ part }

func (b *ratedBody) Read(buf []byte) (int, error) { return b.rate.read(b.src, buf) }
func (b *ratedBody) Close() error                 { return b.close() }
