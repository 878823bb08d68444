package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// errStalled cancels a read that is slower than the minimum rate.
var errStalled = errors.New("the body came in below the minimum rate")

// errOpenTimeout cancels an Open that takes too long altogether.
var errOpenTimeout = errors.New("no answer within the time for opening")

// maxResumes bounds how often one body goes on with a new request.
const maxResumes = 3

// part is what one answer gives of a body.
type part struct {
	src     io.ReadCloser
	rate    *readRate
	release func() // ends the request and gives back what it holds
}

func (p *part) close() error {
	p.rate.stop()
	// Ending the request first frees a Read that blocks: Close must not wait
	// for it. A body that was read to its end keeps its connection.
	p.release()
	return p.src.Close()
}

// body is the Body of an [Object]: exactly size bytes or an error. One that
// breaks off or stalls goes on with a ranged GET, where again asks for one.
type body struct {
	origin    origin
	size      int64
	remaining int64
	ctx       context.Context // from Open to Close
	reopen    func(ctx context.Context, first int64) (*part, error)
	backoff   time.Duration // the longest wait before again
	budget    *Budget       // which again takes its requests from; nil = none
	attempts  int           // of again
	resumed   atomic.Int64
	err       error // what every further Read gives
	close     func() error

	mu     sync.Mutex
	part   *part // only Read replaces it
	closed bool
}

// newBody reads size bytes, at first from p. cancel ends ctx, and with it every
// request of the body. Without again the first failure is final.
func newBody(ctx context.Context, cancel context.CancelCauseFunc, from origin, size int64, p *part, reopen func(ctx context.Context, first int64) (*part, error), backoff time.Duration, budget *Budget) *body {
	b := &body{budget: budget, origin: from, size: size, remaining: size, ctx: ctx, part: p, reopen: reopen, backoff: backoff}
	b.close = sync.OnceValue(func() error {
		cancel(context.Canceled)
		b.mu.Lock()
		b.closed = true
		last := b.part
		b.mu.Unlock()
		if err := last.close(); err != nil && !errors.Is(err, context.Canceled) {
			return from.fail(Unavailable, "could not be closed.", err)
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

// resume goes on behind the last byte that came in, or explains why the body
// ended too early: by what broke it, not by what a resume met.
func (b *body) resume(err error) *Error {
	failed := b.broken(err)
	if b.reopen == nil || b.ctx.Err() != nil {
		return failed
	}
	_ = b.part.close()
	for b.attempts < maxResumes && b.budget.retry() && pause(b.ctx, b.backoff) {
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

// replace reports whether the body is still open, and else closes next.
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

// broken explains why the body ended too early.
func (b *body) broken(err error) *Error {
	if b.part.rate.stalled() {
		return b.origin.fail(Unavailable, "sent its data too slowly; try again.", errStalled)
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return b.origin.fail(Unavailable, fmt.Sprintf("broke off after %d of %d bytes; try again.", b.size-b.remaining, b.size), err)
}

// Close frees the connection. It may be called while a Read is blocked, and twice.
func (b *body) Close() error { return b.close() }

// pace is the minimum rate: quota bytes must arrive within each window of time
// spent in Read. Time outside Read does not count, so a slow consumer trips
// nothing.
type readRate struct {
	quota       int64
	window      time.Duration
	ctx         context.Context // of the request, cancelled with errStalled
	timer       *time.Timer
	transferred int64         // bytes in this window
	remaining   time.Duration // of this window
}

// newPace starts with a full window. cancel is called in the middle of a Read
// that uses it up.
func newReadRate(ctx context.Context, cfg Config, cancel context.CancelCauseFunc) *readRate {
	p := &readRate{
		quota:     max(1, int64(float64(cfg.MinRate)*cfg.StallWindow.Seconds())),
		window:    cfg.StallWindow,
		remaining: cfg.StallWindow,
		ctx:       ctx,
	}
	p.timer = time.AfterFunc(time.Hour, func() { cancel(errStalled) })
	p.timer.Stop()
	return p
}

func (p *readRate) read(src io.Reader, buf []byte) (int, error) {
	start := time.Now()
	p.timer.Reset(p.remaining)
	n, err := src.Read(buf)
	p.timer.Stop()
	p.remaining -= time.Since(start)
	if p.transferred += int64(n); p.transferred >= p.quota {
		p.transferred, p.remaining = 0, p.window
	}
	return n, err
}

// stalled reports whether a Read was cancelled for its slowness.
func (p *readRate) stalled() bool { return errors.Is(context.Cause(p.ctx), errStalled) }

func (p *readRate) stop() { p.timer.Stop() }

// Pace holds a body from elsewhere to the minimum rate of sources: cancel is
// called in the middle of a Read that falls below it, and has to end that Read.
func (o *Opener) WithMinRate(ctx context.Context, cancel context.CancelCauseFunc, body io.ReadCloser) io.ReadCloser {
	return &ratedBody{part{src: body, rate: newReadRate(ctx, o.cfg, cancel), release: func() {}}}
}

// paced is a body that Pace made.
type ratedBody struct{ part }

func (p *ratedBody) Read(buf []byte) (int, error) { return p.rate.read(p.src, buf) }
func (p *ratedBody) Close() error                 { return p.close() }
