// Package once lets several callers share one run of the same work: the
// attempts of one SDK call, and uploads of the same version of a file.
//
// An API without idempotency tokens needs it: an SDK whose call timed out
// retries it while the first attempt is still in progress. The retry joins that
// run instead of starting another, and gets the result that it missed.
package once

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrPanicked is the error that callers who joined a run get when its work panicked.
var ErrPanicked = errors.New("the work panicked")

// A Group holds the runs in progress by their key, and the successful ones for
// its grace period. It holds no more of them than there are calls in
// progress, plus the successes of the last grace period.
//
// A Group is safe for concurrent use. Its zero value is a Group without grace.
type Group[T any] struct {
	// Grace is how long a run whose callers have all disconnected continues, and
	// how long a success is kept for a caller that may not have received it.
	// A failure is not kept: a caller that retries after one wants a new run.
	// Zero means that both end at once. It is set before the first Do.
	Grace time.Duration

	mu      sync.Mutex
	runs    map[string]*run[T]
	stopped error // cause of Stop; nil while the group takes work
}

// A run is one piece of work. The caller that came first does it, in its own
// goroutine and also after it has disconnected; the others wait.
type run[T any] struct {
	key   string
	done  chan struct{}
	value T // value and err are written before done is closed
	err   error

	// Guarded by Group.mu.
	waiting int                     // callers that are still connected
	changes int                     // how often a caller joined or a grace period began
	cancel  context.CancelCauseFunc // ends the work; nil once it has ended
}

// Do does the work of a key, or waits for the run of the same key and returns
// its result. shared reports whether the run was another caller's. An empty key
// shares nothing: the work is done in ctx.
//
// The work gets a context of its own, which does not end with ctx: it ends when
// all callers of the run have been disconnected for the grace period, or when the Group
// is stopped. When ctx ends before the run of another caller does, Do returns
// the cause of ctx and the zero value. The value of the work is returned with its error.
func (g *Group[T]) Do(ctx context.Context, key string, work func(context.Context) (T, error)) (value T, shared bool, err error) {
	if key == "" {
		value, err = work(ctx)
		return value, false, err
	}
	r, own := g.join(ctx, key)
	if own != nil {
		value, err = g.do(ctx, own, r, work)
		return value, false, err
	}
	select {
	case <-r.done:
		g.leave(r, nil)
		return r.value, true, r.err
	case <-ctx.Done():
		g.leave(r, context.Cause(ctx))
		return value, true, context.Cause(ctx)
	}
}

// Stop ends all runs in progress with a cause, and those that begin later.
func (g *Group[T]) Stop(cause error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopped = cause
	for _, r := range g.runs {
		if r.cancel != nil {
			r.cancel(cause)
		}
	}
}

// join returns the run of a key and, to the caller that comes first, the
// context to do the work in.
func (g *Group[T]) join(ctx context.Context, key string) (r *run[T], own context.Context) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r = g.runs[key]
	if r == nil {
		r = &run[T]{key: key, done: make(chan struct{}), err: ErrPanicked}
		own, r.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
		if g.stopped != nil {
			r.cancel(g.stopped)
		}
		if g.runs == nil {
			g.runs = make(map[string]*run[T])
		}
		g.runs[key] = r
	}
	r.waiting++
	r.changes++
	return r, own
}

// do does the work of a run. A caller that disconnects meanwhile no longer counts.
func (g *Group[T]) do(ctx, own context.Context, r *run[T], work func(context.Context) (T, error)) (T, error) {
	stay := context.AfterFunc(ctx, func() { g.leave(r, context.Cause(ctx)) })
	defer func() { // also when the work panics; the panic goes on to the caller
		close(r.done)
		g.end(r)
		if stay() {
			g.leave(r, nil)
		}
	}()
	r.value, r.err = work(own)
	return r.value, r.err
}

// end records that a run has its result.
func (g *Group[T]) end(r *run[T]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r.cancel(nil)
	r.cancel = nil
	if r.waiting == 0 {
		g.keep(r, nil)
	}
}

// leave is called once for each caller, with a cause if there is no result yet.
func (g *Group[T]) leave(r *run[T], cause error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.waiting--; r.waiting == 0 {
		g.keep(r, cause)
	}
}

// keep starts the grace period of a run without callers, unless it has failed.
// The caller holds mu.
func (g *Group[T]) keep(r *run[T], cause error) {
	if hasFailed := r.cancel == nil && r.err != nil; hasFailed || g.Grace == 0 {
		g.forget(r, cause)
		return
	}
	r.changes++
	changes := r.changes
	time.AfterFunc(g.Grace, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if r.changes == changes {
			g.forget(r, context.Canceled)
		}
	})
}

// forget drops a run, and ends its work if it is still in progress. The caller
// holds mu.
func (g *Group[T]) forget(r *run[T], cause error) {
	if r.cancel != nil {
		r.cancel(cause)
	}
	if g.runs[r.key] == r {
		delete(g.runs, r.key)
	}
}
