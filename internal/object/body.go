package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// errStalled cancels a read that is slower than the minimum rate.
var errStalled = errors.New("the body came in below the minimum rate")

// errOpenTimeout cancels an Open that takes too long altogether.
var errOpenTimeout = errors.New("no answer within the time for opening")

// body is the Body of an [Object]: exactly size bytes or an error.
type body struct {
	origin origin
	size   int64
	left   int64
	src    io.ReadCloser
	pace   *pace
	err    error // what every further Read gives
	close  func() error
}

// newBody reads size bytes of src. cancel ends the request behind src; release
// gives back what it holds.
func newBody(from origin, src io.ReadCloser, size int64, p *pace, cancel context.CancelCauseFunc, release func()) *body {
	b := &body{origin: from, size: size, left: size, src: src, pace: p}
	b.close = sync.OnceValue(func() error {
		p.stop()
		// Cancelling first frees a Read that blocks: Close must not wait for it.
		// A body that was read to its end keeps its connection.
		cancel(context.Canceled)
		err := src.Close()
		release()
		if err != nil && !errors.Is(err, context.Canceled) {
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
	case b.left == 0:
		return 0, io.EOF
	case len(buf) == 0:
		return 0, nil
	}
	n, err := b.pace.read(b.src, buf[:min(int64(len(buf)), b.left)])
	b.left -= int64(n)
	if err == nil || b.left == 0 {
		return n, nil
	}
	b.err = b.broken(err)
	return n, b.err
}

// broken explains why the body ended too early.
func (b *body) broken(err error) *Error {
	if b.pace.stalled() {
		return b.origin.fail(Unavailable, "sent its data too slowly; try again.", errStalled)
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return b.origin.fail(Unavailable, fmt.Sprintf("broke off after %d of %d bytes; try again.", b.size-b.left, b.size), err)
}

// Close frees the connection. It may be called while a Read is blocked, and twice.
func (b *body) Close() error { return b.close() }

// pace is the minimum rate: quota bytes must arrive within each window of time
// spent in Read. Time outside Read does not count, so a slow consumer trips
// nothing.
type pace struct {
	quota  int64
	window time.Duration
	ctx    context.Context // of the request, cancelled with errStalled
	timer  *time.Timer
	got    int64         // bytes in this window
	left   time.Duration // of this window
}

// newPace starts with a full window. cancel is called in the middle of a Read
// that uses it up.
func newPace(ctx context.Context, cfg Config, cancel context.CancelCauseFunc) *pace {
	p := &pace{
		quota:  max(1, int64(float64(cfg.MinRate)*cfg.StallWindow.Seconds())),
		window: cfg.StallWindow,
		left:   cfg.StallWindow,
		ctx:    ctx,
	}
	p.timer = time.AfterFunc(time.Hour, func() { cancel(errStalled) })
	p.timer.Stop()
	return p
}

func (p *pace) read(src io.Reader, buf []byte) (int, error) {
	start := time.Now()
	p.timer.Reset(p.left)
	n, err := src.Read(buf)
	p.timer.Stop()
	p.left -= time.Since(start)
	if p.got += int64(n); p.got >= p.quota {
		p.got, p.left = 0, p.window
	}
	return n, err
}

// stalled reports whether a Read was cancelled for its slowness.
func (p *pace) stalled() bool { return errors.Is(context.Cause(p.ctx), errStalled) }

func (p *pace) stop() { p.timer.Stop() }
