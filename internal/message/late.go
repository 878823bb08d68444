// Outcomes that the database refused at first: they are recorded as soon as it can be
// written, so that a message of which Meta's response is known does not become one whose
// outcome is unknown.

package message

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"ferry/internal/activity"
	"ferry/internal/outbox"
	"ferry/internal/state"
)

const (
	// maxLate bounds the outcomes that are kept in memory until they can be recorded.
	maxLate = 1024
	// lateKept is how long an outcome is kept.
	lateKept = 24 * time.Hour
	// lateInterval is the time between two tries to record what is kept.
	lateInterval = time.Second
	// settleTime is how long an attempt itself tries to record its outcome, while its
	// lane is held: another process that takes the lane knows nothing of the outcome.
	settleTime = time.Minute
	// settleInterval is the time before the second of these tries. It doubles with each
	// one, up to lateInterval.
	settleInterval = 50 * time.Millisecond
	// stopWait is how long an attempt may take to record its outcome when the server stops.
	// Then the outcome is logged, because the process may end before the database responds.
	// It is shorter than the gateway's time for that.
	stopWait = 500 * time.Millisecond
)

var errStillWriting = errors.New("the database does not respond")

// An outcome is what became of a message, with the events that report it.
type outcome struct {
	id     string // of the message
	status state.MessageStatus
	wamid  string // if Meta has accepted the message; empty for a read receipt
	reason string // why it has not, or may not have
	events []state.Event
	since  time.Time // when it was kept
	// Of the entries in the journal about events:
	trace, person, code, text string

	isDropped atomic.Bool // that it may be lost is in the log
}

// recordOutcome records an outcome, also if ctx has ended. An outcome that is recorded twice
// changes nothing, and one that is known takes the place of one that another process has
// recorded as unknown.
func (s *Sender) recordOutcome(ctx context.Context, o *outcome) error {
	ctx = context.WithoutCancel(ctx)
	events := slices.Clone(o.events) // RecordLate and an attempt may record one outcome at the same time
	for i := range events {
		if err := s.config.Route(ctx, &events[i]); err != nil {
			return err
		}
	}
	var err error
	if o.status == state.MessageAccepted {
		err = s.config.State.MessageSent(ctx, o.id, o.wamid, events...)
	} else {
		err = s.config.State.MessageFailed(ctx, o.id, o.status, o.reason, events...)
	}
	if err != nil {
		return err
	}
	for i := range events {
		entry := events[i].Entry(o.trace)
		entry.Person = o.person
		if o.status != state.MessageAccepted {
			entry.Outcome, entry.Code, entry.Text = activity.Failed, o.code, o.text
		}
		s.config.Activity.Record(ctx, entry)
	}
	return nil
}

// settle records the outcome of an attempt, also if ctx has ended. While that fails, it
// tries again as long as the lane is held, for settleTime at most. Then the outcome is kept.
// RecordLate records it, or the next attempt of this process does in place of sending the
// message again.
func (a *attempt) settle(ctx context.Context, o *outcome) error {
	over := make(chan struct{})
	defer close(over)
	defer context.AfterFunc(ctx, func() { a.warn(ctx, o, over) })()
	err := a.recordOutcome(ctx, o)
	end := time.Now().Add(settleTime)
	for pause := settleInterval; err != nil && a.isHeld() && time.Now().Before(end); pause = min(2*pause, lateInterval) {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			end = time.Time{} // the last try
		}
		err = a.recordOutcome(ctx, o)
	}
	if err == nil {
		return nil
	}
	a.keep(ctx, o, err)
	return notRecorded(err)
}

// notRecorded returns the error of an attempt whose outcome could not be recorded.
func notRecorded(err error) error {
	return &outbox.RetryError{Err: err, MayBeDone: true, NotOfDestination: true}
}

// isHeld reports whether this process holds the lane of the message.
func (a *attempt) isHeld() bool { return a.delivery.Held != nil && a.delivery.Held() }

// keep keeps an outcome that could not be recorded.
func (s *Sender) keep(ctx context.Context, o *outcome, cause error) {
	o.since = s.config.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch _, isKept := s.late[o.id]; {
	case s.isStopped:
		s.drop(ctx, o, "the server stops", cause)
	case !isKept && len(s.late) >= maxLate:
		s.drop(ctx, o, "too many other outcomes wait for the database", cause)
	default:
		s.late[o.id] = o
		select {
		case s.kept <- struct{}{}:
		default: // RecordLate has not taken the last one yet
		}
	}
}

// warn logs an outcome that an attempt is still recording some time after its context has
// ended. over is closed when it is not recording any more.
func (s *Sender) warn(ctx context.Context, o *outcome, over <-chan struct{}) {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) { // the server does not stop
		return
	}
	select {
	case <-over:
	case <-time.After(stopWait):
		s.drop(ctx, o, "the server stops", errStillWriting)
	}
}

// drop logs an outcome that may not be recorded any more, once. Then another attempt records
// the message as one whose outcome is unknown.
func (s *Sender) drop(ctx context.Context, o *outcome, reason string, cause error) {
	if o.isDropped.Swap(true) {
		return
	}
	s.config.Logger.ErrorContext(ctx, "what became of a message could not be recorded, so that its outcome may be reported as unknown",
		"message_id", o.id, "wamid", o.wamid, "status", string(o.status), "outcome", o.reason, "reason", reason, "error", cause)
}

// dropAll logs the outcomes that are kept, and those that are to be kept from then on.
func (s *Sender) dropAll(ctx context.Context, cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.isStopped = true
	for _, o := range s.late {
		s.drop(ctx, o, "the server stops", cause)
	}
	clear(s.late)
}

// RecordLate records the outcomes that are kept, each second, until drained is closed:
// then no attempt is in progress or begins. It tries those that are left once more, and
// logs what it cannot record. When ctx is done, it logs what is left at once, also if the
// database does not respond.
func (s *Sender) RecordLate(ctx context.Context, drained <-chan struct{}) {
	defer context.AfterFunc(ctx, func() { s.dropAll(ctx, context.Cause(ctx)) })()
	var err error
	var next <-chan time.Time // nil means that nothing is kept
	for isLast := false; !isLast && ctx.Err() == nil; {
		if next == nil && s.keepsSome() {
			next = time.After(lateInterval)
		}
		select {
		case <-s.kept:
			continue
		case <-next:
			next = nil
		case <-drained:
			isLast = true
		case <-ctx.Done():
			continue
		}
		err = s.recordAll(ctx)
	}
	s.dropAll(ctx, err)
}

// keepsSome reports whether an outcome is kept.
func (s *Sender) keepsSome() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.late) > 0
}

// recordAll tries to record what is kept, the oldest first. It returns the last error,
// and ends with the first that concerns all of them.
func (s *Sender) recordAll(ctx context.Context) (err error) {
	s.mu.Lock()
	kept := slices.SortedFunc(maps.Values(s.late), func(a, b *outcome) int { return a.since.Compare(b.since) })
	s.mu.Unlock()
	for _, o := range kept {
		if ctx.Err() != nil {
			return err
		}
		if failed := s.recordKept(ctx, o); failed != nil {
			if err = failed; errors.Is(err, state.ErrUnwritable) {
				return err
			}
		}
	}
	return err
}

// recordKept records an outcome that is kept, or drops it if it is too old.
func (s *Sender) recordKept(ctx context.Context, o *outcome) error {
	err := s.recordOutcome(ctx, o)
	isOld := s.config.Now().Sub(o.since) >= lateKept
	if err != nil && !isOld {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.late[o.id] == o {
		delete(s.late, o.id)
		if err != nil {
			s.drop(ctx, o, "it was kept for "+lateKept.String(), err)
		}
	}
	return nil
}

// recordLate records what an earlier attempt could not record. It returns true if
// there is no such outcome, or it is recorded.
func (s *Sender) recordLate(ctx context.Context, id string) (recorded bool, err error) {
	s.mu.Lock()
	o, isLate := s.late[id]
	s.mu.Unlock()
	if !isLate {
		return true, nil
	}
	if err := s.recordKept(ctx, o); err != nil {
		return false, notRecorded(err)
	}
	return true, nil
}
