// Calls that an SDK sends again while the first one is still under way.
//
// There is no idempotency token in the API. But an SDK marks its own retries:
// all attempts of one call carry the same amz-sdk-invocation-id. Attempts of
// one call share one piece of work; a caller that timed out and asks again gets
// the answer that it missed.

package social

import (
	"context"
	"errors"
	"sync"
	"time"

	"ferry/internal/state"
)

// retryGrace is how long a flight whose caller has gone waits to be asked for
// again before it is given up, and how long a success is kept for a caller whom
// the answer may not have reached. A failure is not kept: who asks again after
// it wants a new try.
const retryGrace = 5 * time.Second

// maxInvocation bounds an invocation's id, a UUID, in bytes.
const maxInvocation = 64

// flights are the pieces of work under way by the call that they are for. There
// are not more of them than calls in flight, and those that succeeded within grace.
type flights struct {
	grace time.Duration
	until context.Context // ends all work

	mu     sync.Mutex
	byCall map[string]*flight
}

// A flight is one piece of work. Whoever came first does it, in its own
// goroutine and even after its caller has gone; the others wait.
type flight struct {
	call  string
	done  chan struct{}
	media state.Media // these three are written before done is closed
	err   error
	line  auditLine // what is known of the work

	// Guarded by flights.mu.
	waiters int                     // callers that are still there
	changes int                     // how often one came, or grace began
	cancel  context.CancelCauseFunc // ends the work; nil = it has ended
}

// share does a piece of work, or waits for that of the same call. Without a
// call's name it just does it, and ends it when the caller goes.
func (f *flights) share(ctx context.Context, call string, work func(context.Context) (state.Media, error)) (state.Media, error) {
	if call == "" {
		return work(ctx)
	}
	shared, own := f.join(ctx, call)
	if own != nil {
		return f.fly(ctx, own, shared, work)
	}
	select {
	case <-shared.done:
		f.leave(shared, nil)
		line := auditOf(ctx)
		line.take(&shared.line)
		return shared.media, shared.err
	case <-ctx.Done():
		f.leave(shared, context.Cause(ctx))
		return state.Media{}, context.Cause(ctx)
	}
}

// join gives the flight of a call and, to the first who comes, the context to
// do the work in.
func (f *flights) join(ctx context.Context, call string) (shared *flight, own context.Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	shared = f.byCall[call]
	if shared == nil {
		shared = &flight{call: call, done: make(chan struct{}), err: errNotDone}
		own, shared.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
		f.byCall[call] = shared
	}
	shared.waiters++
	shared.changes++
	return shared, own
}

// errNotDone is the result of a flight that ended in a panic.
var errNotDone = errors.New("the work was not done")

// fly does the work. When its caller goes, it counts as one waiter less; when
// until is over, it ends.
func (f *flights) fly(ctx, own context.Context, shared *flight, work func(context.Context) (state.Media, error)) (state.Media, error) {
	stay := context.AfterFunc(ctx, func() { f.leave(shared, context.Cause(ctx)) })
	goOn := context.AfterFunc(f.until, func() { f.stop(shared, context.Cause(f.until)) })
	defer func() { // also of a panic, which goes on to the gate
		goOn()
		shared.line.take(auditOf(ctx))
		close(shared.done)
		f.end(shared)
		if stay() {
			f.leave(shared, nil)
		}
	}()
	shared.media, shared.err = work(own)
	return shared.media, shared.err
}

// stop ends the work of a flight.
func (f *flights) stop(shared *flight, cause error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if shared.cancel != nil {
		shared.cancel(cause)
	}
}

// end notes that a flight has its result.
func (f *flights) end(shared *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	shared.cancel(nil)
	shared.cancel = nil
	if shared.waiters == 0 {
		f.keep(shared, nil)
	}
}

// leave is called by each who came, with the cause if there is no result yet.
func (f *flights) leave(left *flight, cause error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if left.waiters--; left.waiters == 0 {
		f.keep(left, cause)
	}
}

// keep gives a flight that nobody waits for grace to be asked for again, from
// now on, unless it has failed. The caller holds mu.
func (f *flights) keep(left *flight, cause error) {
	if hasFailed := left.cancel == nil && left.err != nil; hasFailed || f.grace == 0 {
		f.forget(left, cause)
		return
	}
	left.changes++
	changes := left.changes
	time.AfterFunc(f.grace, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if left.changes == changes {
			f.forget(left, context.Canceled)
		}
	})
}

// forget ends a flight, if it has not ended, and drops it. The caller holds mu.
func (f *flights) forget(left *flight, cause error) {
	if left.cancel != nil {
		left.cancel(cause)
	}
	if f.byCall[left.call] == left {
		delete(f.byCall, left.call)
	}
}
