// Permits to send, of which a process takes some at a time.
//
// A permit is a moment: the permits of a phone number are 1/perSecond apart, over
// all processes, because a process takes its permits from the database as one piece
// of time that no other process has. A permit is used at its moment or up to
// permitLife later; then it expires. So no second has more than perSecond +
// perSecond × permitLife + 1 messages, and the same holds for any other time.

package message

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"ferry/internal/state"
)

const (
	// permitLife is how long a permit may be used. What is sent in this time is the burst
	// that the governor allows.
	permitLife = 100 * time.Millisecond
	// permitAhead is how far in the future a permit may be. A message that would have
	// to wait for longer goes back to the outbox.
	permitAhead = 2 * time.Second
)

// permits are those of one phone number that this process has.
type permits struct {
	state    *state.DB
	rate     string // its id in the database
	interval time.Duration
	now      func() time.Time

	waiting atomic.Int64  // callers of take
	turn    chan struct{} // holds one element; who has it owns the fields below
	next    time.Time     // the first permit that is left
	left    int
	taken   time.Time     // when the last permits were taken from the database
	took    time.Duration // how long that took
	used    int           // since then
}

func newPermits(db *state.DB, rate string, perSecond int, now func() time.Time) *permits {
	p := &permits{state: db, rate: rate, interval: time.Second / time.Duration(perSecond), now: now, turn: make(chan struct{}, 1)}
	p.turn <- struct{}{}
	return p
}

// take returns the moment of a permit, which is now the caller's. The error is an
// *outbox.RetryError of an attempt that was not made.
func (p *permits) take(ctx context.Context) (time.Time, error) {
	p.waiting.Add(1)
	defer p.waiting.Add(-1)
	select {
	case <-p.turn:
		defer func() { p.turn <- struct{}{} }()
	case <-ctx.Done():
		return time.Time{}, later(context.Cause(ctx), permitAhead)
	}
	p.expire()
	if p.left == 0 {
		if err := p.takeMore(ctx); err != nil {
			return time.Time{}, err
		}
	}
	moment := p.next
	p.next, p.left, p.used = p.next.Add(p.interval), p.left-1, p.used+1
	return moment, nil
}

// expire drops the permits that were not used in time.
func (p *permits) expire() {
	for oldest := p.now().Add(-permitLife); p.left > 0 && p.next.Before(oldest); p.left-- {
		p.next = p.next.Add(p.interval)
	}
}

// takeMore takes permits from the database: one for each caller that waits, and at
// least as many as were used lately in permitLife, so that a steady flow of messages
// needs few commits. Moments that have just passed are taken, too, if no process has
// used them, for the callers that wait.
func (p *permits) takeMore(ctx context.Context) error {
	now := p.now()
	waiting := int(p.waiting.Load())
	number := max(waiting, min(p.usedLately(now), int(permitLife/p.interval)))
	past := min(time.Duration(waiting-1)*p.interval, permitLife)
	due := now.Add(min(p.took, permitAhead)) // when they will probably be here
	begin, ok, err := p.state.TakeRate(ctx, p.rate, time.Duration(number)*p.interval, due.Add(-past), now.Add(permitAhead))
	p.took = p.now().Sub(now)
	if err != nil {
		return later(fmt.Errorf("taking permits to send: %w", err), permitAhead)
	}
	if !ok {
		return later(errNumberUsed, permitAhead)
	}
	p.next, p.left, p.taken, p.used = begin, number, now, 0
	return nil
}

// usedLately returns how many permits were used per permitLife since the last ones
// were taken.
func (p *permits) usedLately(now time.Time) int {
	past := now.Sub(p.taken)
	if past <= 0 {
		return 0
	}
	return int(math.Ceil(float64(p.used) * float64(permitLife) / float64(past)))
}
