// Calls that an SDK sends again while the first one is still under way.
//
// There is no idempotency token in the API. But an SDK marks its own retries:
// all attempts of one call carry the same amz-sdk-invocation-id. Attempts of
// one call share one piece of work; a caller that timed out and asks again gets
// the answer that it missed.

package social

import (
	"context"
	"runtime/debug"
	"sync"
	"time"

	"ferry/internal/store"
	"ferry/socialmessaging"
)

// retryGrace is how long a flight whose caller has gone waits to be asked for
// again before it is given up, and how long a success is kept for a caller whom
// the answer may not have reached. A failure is not kept: who asks again after
// it wants a new try.
const retryGrace = 5 * time.Second

// maxInvocation bounds an invocation's id, a UUID, in bytes.
const maxInvocation = 64

// flights are the pieces of work under way by the call that they are for. There
// are not more of them than calls in flight, and those that ended within grace.
type flights struct {
	grace time.Duration
	lost  func(f *flight) // is told of a flight whose result nobody took; may be nil

	mu      sync.Mutex
	byCall  map[string]*flight
	closed  bool
	running sync.WaitGroup // of the goroutines
}

// A flight is one piece of work. Its goroutine writes media, err and line
// before it closes done.
type flight struct {
	call   string
	done   chan struct{}
	media  store.Media
	err    error
	line   auditLine
	ctx    context.Context // of the work
	cancel context.CancelCauseFunc

	// Guarded by flights.mu.
	waiters   int
	joined    int  // how often somebody came to wait
	taken     bool // somebody has the result
	ended     bool // there is a result
	forgotten bool // nobody can join any more
}

// share runs a piece of work, or joins that of the same call. Without a call's
// name it just runs it, and ends it when the caller goes.
func (f *flights) share(ctx context.Context, call string, run func(context.Context) (store.Media, error)) (store.Media, error) {
	if call == "" {
		return run(ctx)
	}
	shared, err := f.join(ctx, call, run)
	if err != nil {
		return store.Media{}, err
	}
	select {
	case <-shared.done:
	case <-ctx.Done():
	}
	if ctx.Err() != nil { // whatever the result is, it does not arrive
		f.leave(shared, false)
		return store.Media{}, context.Cause(ctx)
	}
	line := auditOf(ctx)
	line.take(&shared.line)
	f.leave(shared, true)
	return shared.media, shared.err
}

// join gives the flight of a call, and begins it when it is the first.
func (f *flights) join(ctx context.Context, call string, run func(context.Context) (store.Media, error)) (*flight, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	shared := f.byCall[call]
	if shared == nil {
		if f.closed {
			return nil, ErrStopped
		}
		shared = f.begin(ctx, call, run)
	}
	shared.waiters++
	shared.joined++
	return shared, nil
}

// begin starts a flight that outlives its caller. The caller holds mu.
func (f *flights) begin(ctx context.Context, call string, run func(context.Context) (store.Media, error)) *flight {
	started := &flight{call: call, done: make(chan struct{}), line: *auditOf(ctx)}
	started.ctx, started.cancel = context.WithCancelCause(withAudit(context.WithoutCancel(ctx), &started.line))
	f.byCall[call] = started
	f.running.Go(func() {
		defer f.end(started)
		defer func() {
			if panicked := recover(); panicked != nil {
				started.line.stack = string(debug.Stack())
				started.err = fail(socialmessaging.KindInternalService, &panicError{panicked}, internalMessage)
			}
		}()
		started.media, started.err = run(started.ctx)
	})
	return started
}

// end publishes a flight's result.
func (f *flights) end(ended *flight) {
	close(ended.done)
	f.mu.Lock()
	ended.ended = true
	if ended.err != nil && ended.waiters == 0 {
		f.forget(ended, context.Canceled)
	}
	isLost := ended.forgotten && !ended.taken
	f.mu.Unlock()
	f.report(ended, isLost)
}

// leave is called by each waiter; with tookIt, it has the result. When the last
// one goes, the flight has grace to be asked for again.
func (f *flights) leave(left *flight, tookIt bool) {
	f.mu.Lock()
	left.waiters--
	left.taken = left.taken || tookIt
	isLast, joined := left.waiters == 0, left.joined
	isFailure := isLast && left.ended && left.err != nil
	f.mu.Unlock()
	switch {
	case !isLast:
	case isFailure || f.grace == 0:
		f.giveUp(left, joined)
	default:
		time.AfterFunc(f.grace, func() { f.giveUp(left, joined) })
	}
}

// giveUp forgets a flight for which nobody has come since.
func (f *flights) giveUp(left *flight, joined int) {
	f.mu.Lock()
	isOurs := left.waiters == 0 && left.joined == joined && !left.forgotten
	if isOurs {
		f.forget(left, context.Canceled)
	}
	isLost := isOurs && left.ended && !left.taken
	f.mu.Unlock()
	f.report(left, isLost)
}

// report tells of a flight whose result nobody took.
func (f *flights) report(one *flight, isLost bool) {
	if isLost && f.lost != nil {
		f.lost(one)
	}
}

// forget ends a flight, if it has not ended, and drops it. The caller holds mu.
func (f *flights) forget(ended *flight, cause error) {
	ended.cancel(cause)
	ended.forgotten = true
	if f.byCall[ended.call] == ended {
		delete(f.byCall, ended.call)
	}
}

// close takes no more flights, waits for those under way until ctx is done, and
// ends what is left.
func (f *flights) close(ctx context.Context) {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	landed := make(chan struct{})
	go func() {
		f.running.Wait()
		close(landed)
	}()
	select {
	case <-landed:
	case <-ctx.Done():
	}
	f.mu.Lock()
	var lost []*flight
	for _, left := range f.byCall {
		f.forget(left, ErrStopped)
		if left.ended && !left.taken {
			lost = append(lost, left)
		}
	}
	f.mu.Unlock()
	for _, one := range lost {
		f.report(one, true)
	}
	<-landed
}

// logLost writes the audit line of a flight whose callers have all gone.
func (s *Service) logLost(f *flight) {
	f.line.callerGone = true
	if f.err != nil {
		f.line.fault = faultOf(f.ctx, f.err)
	}
	f.line.write(f.ctx, s.config.Logger, s.config.Now())
}
