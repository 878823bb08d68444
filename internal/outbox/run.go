// Run: one round after the other.

package outbox

import (
	"context"
	"sync"
	"time"
)

const (
	// roundTimeout bounds one round.
	roundTimeout = 15 * time.Second
	// firstRetry is the time after which a round that has failed is made again. It
	// doubles with each failure, up to maxRetry.
	firstRetry = 50 * time.Millisecond
	maxRetry   = time.Second
	// stopGrace is how long the attempts that were cancelled at the end of Config.Drain
	// may take to return, and their ends to be recorded.
	stopGrace = time.Second
)

// A loop is the state of Run. One goroutine uses it.
type loop struct {
	*Outbox
	destinations map[string]*destination
	groups       map[string]*group
	held         map[string]*turn // by lane
	pending      []report         // that are not recorded, in order

	number   uint64    // of rounds
	renewed  time.Time // when the leases were renewed
	polled   time.Time // when other processes' deliveries were looked for, by the time of this machine
	failures int       // of rounds, in a row
	retryAt  time.Time // after a failure: when to make the next round, by the time of this machine

	attempts context.Context // of all attempts
	stopping chan struct{}   // closed when no more attempts are to begin
	turns    sync.WaitGroup
}

// Run delivers until ctx is done. Then it lets the attempts in progress end, for
// Config.Drain at most, records their ends and returns nil. What is not recorded then
// is taken by the next process. Run may be called once.
func (o *Outbox) Run(ctx context.Context) error {
	attempts, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	l := &loop{Outbox: o, destinations: make(map[string]*destination), groups: make(map[string]*group), held: make(map[string]*turn),
		attempts: attempts, stopping: make(chan struct{})}
	end := l.start(ctx)
	if end == nil {
		return nil // ctx was done before
	}
	defer end()
	for ctx.Err() == nil {
		l.step(ctx)
		l.wait(ctx.Done())
	}
	l.drain(ctx, cancel)
	return nil
}

// start calls StartOutbox until it succeeds. It returns nil if ctx is done before.
func (l *loop) start(ctx context.Context) (end func()) {
	for ctx.Err() == nil {
		end, err := l.config.Store.StartOutbox(ctx)
		if err == nil {
			return end
		}
		if ctx.Err() == nil {
			l.failed(err)
			l.wait(ctx.Done())
		}
	}
	return nil
}

// step polls if it is time to, and makes a round if there is something to do.
func (l *loop) step(ctx context.Context) {
	l.collect()
	now := l.config.Now()
	if time.Now().Before(l.retryAt) {
		return
	}
	if ctx.Err() == nil && time.Since(l.polled).Abs() >= l.config.Poll {
		if err := l.poll(ctx, now); err != nil {
			if ctx.Err() == nil {
				l.failed(err)
			}
			return
		}
	}
	l.round(ctx, l.next(now, ctx.Err() == nil))
}

// collect takes over what was reported since the last time.
func (l *loop) collect() {
	l.mu.Lock()
	reports, woken := l.reports, l.woken
	l.reports, l.woken = nil, make(map[string]bool)
	l.mu.Unlock()
	now := l.config.Now()
	for name := range woken {
		l.destination(name).lookAt(now)
	}
	for _, r := range reports {
		l.destination(r.turn.lane.Destination).observe(r.effect, now)
		if r.back != nil {
			r.turn.isReturning = true
		}
	}
	l.pending = append(l.pending, reports...)
}

// poll looks for what other processes have put in, for retries, and for leases that
// have ended.
func (l *loop) poll(ctx context.Context, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, roundTimeout)
	defer cancel()
	due, err := l.config.Store.DueDestinations(ctx)
	if err != nil {
		return err
	}
	l.polled = time.Now()
	for name, at := range due {
		l.destination(name).lookAt(at)
	}
	for name, d := range l.destinations {
		if d.isIdle(now, l.config.MaxBackoff) {
			delete(l.destinations, name)
		}
	}
	l.forgetGroups()
	return nil
}

// forgetGroups forgets the groups that no destination has any more.
func (l *loop) forgetGroups() {
	used := make(map[*group]bool)
	for _, d := range l.destinations {
		used[d.group] = true
	}
	for name, g := range l.groups {
		if !used[g] {
			delete(l.groups, name)
		}
	}
}

// round makes a round and starts the turns of the lanes that it took.
func (l *loop) round(ctx context.Context, round Round) {
	if round.isEmpty() {
		l.succeeded()
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), roundTimeout)
	defer cancel()
	result, err := l.config.Store.OutboxRound(ctx, round)
	if err != nil {
		l.failed(err)
		return
	}
	l.succeeded()
	l.apply(round, result)
	for _, lane := range result.Taken {
		l.begin(lane, round.Lease)
	}
}

// begin begins the turn of a lane that was taken. If this process works the lane
// already, because its lease had ended, that turn continues with the new claim. If another
// process has had the lane meanwhile, it continues to the end of its attempt only: the
// others of its deliveries may have been made.
func (l *loop) begin(lane Lane, until time.Time) {
	t := l.held[lane.Lane]
	isNew := t == nil
	if isNew {
		t = &turn{lane: lane}
		l.held[lane.Lane] = t
		l.destination(lane.Destination).hold(1)
	} else if lane.Number != t.lane.Number+1 {
		t.old.Store(true)
	}
	t.lane.Claim, t.head = lane.Claim, lane.Head
	t.until.Store(until.UnixMilli())
	t.lost.Store(false)
	if isNew {
		l.turns.Go(func() { l.work(l.attempts, l.stopping, t) })
	}
}

// failed takes note that the database has failed, and delays the next round.
func (l *loop) failed(err error) {
	if l.failures == 0 {
		l.config.Logger.Error("deliveries wait, because the database has failed", "error", err)
	}
	l.problem.Store(&err)
	l.retryAt = time.Now().Add(min(maxRetry, firstRetry<<min(l.failures, 10)))
	l.failures++
}

// succeeded takes note that the database works again, or that nothing is left to do that
// has failed.
func (l *loop) succeeded() {
	if l.failures > 0 {
		l.config.Logger.Info("deliveries continue")
		l.failures, l.retryAt = 0, time.Time{}
		l.problem.Store(nil)
	}
}

// wait waits until there may be something to do, or until done.
func (l *loop) wait(done <-chan struct{}) {
	signal, wait := (<-chan struct{})(l.signal), l.idle()
	if l.failures > 0 {
		signal, wait = nil, time.Until(l.retryAt)
	}
	l.restUntil()
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(min(wait, max(l.config.Poll, maxRetry))) // bounded, should the clock be set back
	defer timer.Stop()
	select {
	case <-signal:
	case <-timer.C:
	case <-done:
	}
}

// idle returns how long nothing is to be done, unless there is a signal.
func (l *loop) idle() time.Duration {
	if len(l.pending) > 0 {
		return 0
	}
	next := l.config.Now().Add(l.config.Lease)
	if len(l.held) > 0 {
		next = l.renewed.Add(l.config.Lease / 3)
	}
	if isDone(l.stopping) { // nothing is taken any more
		return l.config.Until(next)
	}
	for _, d := range l.destinations {
		if at := d.next(); !at.IsZero() && d.held < d.open && d.group.free() > 0 && len(l.held) < maxLanes {
			next = earlier(next, at)
		}
	}
	return min(l.config.Until(next), l.config.Poll-time.Since(l.polled))
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// drain ends the turns and records what they have done.
func (l *loop) drain(ctx context.Context, cancelAttempts context.CancelFunc) {
	close(l.stopping)
	defer time.AfterFunc(l.config.Drain, cancelAttempts).Stop()
	over := make(chan struct{})
	defer time.AfterFunc(l.config.Drain+stopGrace, func() { close(over) }).Stop()
	for len(l.held) > 0 && !isDone(over) {
		l.step(ctx)
		if len(l.held) > 0 {
			l.wait(over)
		}
	}
	cancelAttempts()
	if len(l.held) > 0 {
		l.config.Logger.Error("the ends of some attempts could not be recorded; events are delivered again", "lanes", len(l.held))
		return
	}
	l.turns.Wait()
}
