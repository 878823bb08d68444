// The work on one lane, from when it was taken until it is returned.

package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"
)

// firstBackoff is the longest time before the second attempt of a delivery. It doubles
// with each failure.
const firstBackoff = time.Second

var errPanic = &RetryError{Err: errors.New("ferry failed to make the delivery; its log has the cause"), MayBeDone: true, NotOfDestination: true}

// A turn is the work on one lane.
type turn struct {
	lane Lane
	// until is the end of the lease in Unix milliseconds. The loop extends it.
	until atomic.Int64
	lost  atomic.Bool // another process has the lane
	// old says that another process has worked the lane meanwhile, and that this one has
	// it again: the attempt in progress is the last one of the turn.
	old atomic.Bool

	head        int64 // of the lane when it was taken the last time; of the loop only
	isReturning bool  // its Return waits to be recorded; of the loop only
}

// A report is what a turn tells the loop.
type report struct {
	turn   *turn
	ended  *Ended  // nil means none
	back   *Return // the last report of the turn; nil for the others
	effect effect
}

// An effect is what an attempt says about the destination as a whole.
type effect uint8

const (
	neutral effect = iota
	success
	failure
)

// work makes the deliveries of a turn, in order, and reports each end and the end of
// the turn. A delivery that is to be retried ends the turn, and so does the end of
// the lease, or stopping, or that another process has worked the lane.
func (o *Outbox) work(ctx context.Context, stopping <-chan struct{}, t *turn) {
	back := Return{Head: t.lane.Head, Failures: t.lane.Failures}
	isHeld := func() bool { return !t.lost.Load() && o.config.Now().UnixMilli() < t.until.Load() }
	isComplete := true
	for _, delivery := range t.lane.Deliveries {
		if t.old.Load() {
			isComplete = false
			break
		}
		if isDone(stopping) || !isHeld() {
			o.report(report{turn: t, ended: &Ended{Seq: delivery.Seq, State: Waiting, Attempts: delivery.Attempts, KeepBegun: delivery.Interrupted}})
			isComplete = false
			break
		}
		delivery.Held = isHeld
		ended, retry := o.attempt(ctx, delivery)
		entry := report{turn: t, ended: &ended}
		switch {
		case ended.State == Delivered:
			entry.effect, back.Failures = success, 0
		case retry.counts:
			entry.effect, back.Failures = retry.effect, back.Failures+1
		}
		o.report(entry)
		if ended.State != Waiting {
			back.Head = delivery.Seq
		}
		if retry.isNeeded {
			back.Due, back.NotBefore = o.due(retry, back.Failures)
			isComplete = false
			break
		}
	}
	if isComplete {
		back.Head = t.lane.End
	}
	if back.Due.IsZero() {
		back.Due = o.config.Now()
	}
	o.report(report{turn: t, back: &back})
}

func isDone(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (o *Outbox) report(r report) {
	o.mu.Lock()
	o.reports, o.rest.isReached = append(o.reports, r), false
	o.mu.Unlock()
	o.notify()
}

// A retry says whether the lane waits after an attempt that failed, and what that says.
type retry struct {
	isNeeded bool
	counts   bool          // something was attempted, and failed
	effect   effect        // of a failure that counts: failure or neutral
	after    time.Duration // the shortest time to wait; zero means that none is known
}

// attempt makes one attempt, and says how it ended.
func (o *Outbox) attempt(ctx context.Context, delivery Delivery) (Ended, retry) {
	ended := Ended{Seq: delivery.Seq, Attempts: delivery.Attempts + 1}
	err := o.deliver(ctx, delivery)
	now := o.config.Now()
	ended.AttemptedAt = now
	if err == nil {
		ended.State = Delivered
		return ended, retry{}
	}
	again := retry{isNeeded: true, counts: true, effect: failure}
	if wait, ok := errors.AsType[*RetryError](err); ok {
		again.after, again.counts = wait.After, !wait.NotAttempted
		ended.KeepBegun = wait.MayBeDone
		if wait.NotOfDestination {
			again.effect = neutral
		}
	}
	if !again.counts {
		ended.Attempts, ended.AttemptedAt, ended.KeepBegun = delivery.Attempts, time.Time{}, delivery.Interrupted
	}
	ended.State, ended.Error = Waiting, storable(err.Error())
	switch age := min(now.Sub(delivery.CreatedAt), now.Sub(delivery.ReleasedAt)); {
	case errors.Is(err, ErrNever):
		_, isOfDestination := errors.AsType[*DestinationError](err)
		ended.State, again = Dead, retry{counts: isOfDestination, effect: failure}
	case age >= o.config.GiveUp:
		ended.State = Dead
		ended.Error = storable(fmt.Sprintf("given up after %s: %v", age.Round(time.Minute), err))
	}
	if ended.State == Dead {
		o.config.Logger.Warn("a delivery has failed for good", "destination", delivery.Destination, "event", delivery.EventID,
			"attempts", ended.Attempts, "error", ended.Error)
	}
	return ended, again
}

// deliver calls Config.Deliver within Config.Timeout. A panic is an error.
func (o *Outbox) deliver(ctx context.Context, delivery Delivery) (err error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(o.config.Timeout(delivery.Destination), DefaultTimeout))
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			o.config.Logger.Error("a delivery panicked", "destination", delivery.Destination, "event", delivery.EventID,
				"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	return o.config.Deliver(ctx, delivery)
}

// due returns when to work a lane again, and until when it must not be worked.
func (o *Outbox) due(again retry, failures int) (due, notBefore time.Time) {
	now := o.config.Now()
	if !again.counts && again.after > 0 {
		due = roundUp(now.Add(again.after))
		return due, due
	}
	limit := o.config.MaxBackoff
	if failures = max(failures, 1); failures <= 30 {
		limit = min(limit, firstBackoff<<(failures-1))
	}
	wait := o.jitter(limit) // full jitter: docs/references.md#jitter
	if again.after > 0 {
		after := min(again.after, o.config.MaxBackoff)
		wait, notBefore = max(wait, after), roundUp(now.Add(after))
	}
	return roundUp(now.Add(wait)), notBefore
}

// roundUp rounds a time to the milliseconds of the database, so that nothing is due
// too early.
func roundUp(t time.Time) time.Time {
	return t.Add(time.Millisecond - 1).Truncate(time.Millisecond)
}

// storable returns the text of an error as every database accepts it: valid UTF-8,
// without NUL, and bounded.
func storable(text string) string {
	text = strings.ReplaceAll(text[:min(len(text), maxError)], "\x00", "\uFFFD")
	return strings.ToValidUTF8(text, "\uFFFD")
}
