// Calls that an SDK sends again while the first one is still under way.
//
// There is no idempotency token in the API. But an SDK marks its own retries:
// all attempts of one call carry the same amz-sdk-invocation-id. Attempts of
// one call share one upload; a caller that timed out and asks again gets the
// answer that it missed.

package social

import (
	"context"
	"runtime/debug"
	"sync"
	"time"

	"ferry/internal/store"
	"ferry/socialmessaging"
)

// retryGrace is how long an upload whose caller has gone waits to be asked for
// again before it is given up, and how long its result is kept.
const retryGrace = 5 * time.Second

// maxInvocation bounds an invocation's id, a UUID, in bytes.
const maxInvocation = 64

// flights are the uploads under way by the call that they are for. There are
// not more of them than uploads in flight, and those that ended within retryGrace.
type flights struct {
	mu     sync.Mutex
	byCall map[string]*flight
}

// A flight is one upload. Its goroutine writes media, err and line before it
// closes done.
type flight struct {
	done  chan struct{}
	media store.Media
	err   error
	line  auditLine

	waiters int // guarded by flights.mu
	cancel  context.CancelCauseFunc
}

// share runs an upload, or joins the one of the same call. Without a call's
// name it just runs it, and ends it when the caller goes.
func (f *flights) share(ctx context.Context, call string, run func(context.Context) (store.Media, error)) (store.Media, error) {
	if call == "" {
		return run(ctx)
	}
	f.mu.Lock()
	shared := f.byCall[call]
	if shared == nil {
		shared = f.begin(ctx, call, run)
	}
	shared.waiters++
	f.mu.Unlock()
	defer f.leave(call, shared)
	select {
	case <-shared.done:
		line := auditOf(ctx)
		line.take(&shared.line)
		return shared.media, shared.err
	case <-ctx.Done():
		return store.Media{}, context.Cause(ctx)
	}
}

// begin starts an upload that outlives its caller. The caller holds mu.
func (f *flights) begin(ctx context.Context, call string, run func(context.Context) (store.Media, error)) *flight {
	started := &flight{done: make(chan struct{})}
	f.byCall[call] = started
	ctx, started.cancel = context.WithCancelCause(withAudit(context.WithoutCancel(ctx), &started.line))
	go func() {
		defer close(started.done)
		defer func() {
			if panicked := recover(); panicked != nil {
				started.line.stack = string(debug.Stack())
				started.err = fail(socialmessaging.KindInternalService, &panicError{panicked}, internalMessage)
			}
		}()
		started.media, started.err = run(ctx)
	}()
	return started
}

// leave is called by each waiter. When the last one goes with its answer, the
// flight is forgotten; when it goes without, the flight has retryGrace to be
// asked for again.
func (f *flights) leave(call string, left *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if left.waiters--; left.waiters > 0 {
		return
	}
	select {
	case <-left.done:
		f.forget(call, left)
	default:
		time.AfterFunc(retryGrace, func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			if left.waiters == 0 {
				f.forget(call, left)
			}
		})
	}
}

// forget ends a flight, if it has not ended, and drops it. The caller holds mu.
func (f *flights) forget(call string, ended *flight) {
	ended.cancel(context.Canceled)
	if f.byCall[call] == ended {
		delete(f.byCall, call)
	}
}
