// Moving the clock forward in steps, so that what is due on the way happens in its order.

package metasim

import (
	"context"
	"time"
)

const (
	settleTime  = 5 * time.Second      // for what is due at one moment, in real time
	advanceTime = time.Minute          // for all steps of one advance, in real time
	settlePause = 2 * time.Millisecond // between two looks whether everything is done
)

// A ClockFollower is a program that lives by the clock of a Server.
type ClockFollower interface {
	// ClockChanged is called after each change of the clock, with how far it was moved: a
	// negative time if it was set back. It must return soon.
	ClockChanged(by time.Duration)
	// NextDue waits until the program has done everything that is due by the clock, and
	// returns when the next is due; the zero time means that nothing is. If ctx is done
	// before, it returns an error, and when the next is due as far as it knows.
	NextDue(ctx context.Context) (time.Time, error)
}

// changeClock changes the clock, removes what has expired by its new time, and lets the
// loops look at it. Changes are made one after the other.
func (s *Server) changeClock(to clockJSON) (Clock, error) {
	s.clockChange.Lock()
	defer s.clockChange.Unlock()
	if to.AdvanceMS == nil || *to.AdvanceMS <= 0 || s.loops.Load() == 0 {
		return s.setClock(to)
	}
	first := to
	first.AdvanceMS = nil
	begin, err := s.setClock(first)
	if err != nil {
		return begin, err
	}
	advance := time.Duration(min(*to.AdvanceMS, maxAdvance.Milliseconds()+1)) * time.Millisecond
	target := begin.Time.Add(advance)
	if advance > maxAdvance || !validTime(target) {
		return s.setClock(clockJSON{AdvanceMS: to.AdvanceMS}) // which returns the error
	}
	s.stepTo(target)
	if s.Now().Before(target) {
		if _, err := s.setClock(clockJSON{Time: &target}); err != nil {
			return Clock{}, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	s.settle(ctx)
	return s.Clock(), nil
}

// stepTo moves the clock to each moment before target at which something is due.
func (s *Server) stepTo(target time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), advanceTime)
	defer cancel()
	for {
		step, cancelStep := context.WithTimeout(ctx, settleTime)
		next := s.settle(step)
		cancelStep()
		if ctx.Err() != nil {
			s.cfg.Logger.Warn("metasim: the clock is advanced at once from here on, because the steps took too long", "limit", advanceTime, "time", s.Now(), "to", target)
			return
		}
		if next.IsZero() || !next.Before(target) {
			return
		}
		if next.After(s.Now()) {
			if _, err := s.setClock(clockJSON{Time: &next}); err != nil {
				s.logStorage(err)
				return
			}
		}
	}
}

// settle waits until everything that is due has been done, here and by the follower, and
// returns when the next is due. If ctx is done first, it returns when the next is due
// after the present time, as far as is known.
func (s *Server) settle(ctx context.Context) (next time.Time) {
	for {
		changed := s.changed.change()
		own, isAtRest := s.nextDue()
		if isAtRest || ctx.Err() != nil {
			next = earliest(own, s.followersNext(ctx))
			own, isAtRest = s.nextDue()
			if next = earliest(next, own); isAtRest && !isClosed(changed) && ctx.Err() == nil || ctx.Err() != nil {
				return next
			}
		}
		timer := time.NewTimer(settlePause)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
		case <-s.closed:
			timer.Stop()
			return time.Time{}
		}
		timer.Stop()
	}
}

// followersNext returns when the follower has something to do next.
func (s *Server) followersNext(ctx context.Context) time.Time {
	if s.cfg.ClockFollower == nil {
		return time.Time{}
	}
	next, err := s.cfg.ClockFollower.NextDue(ctx)
	if err != nil && !next.After(s.Now()) {
		return time.Time{}
	}
	return next
}

// nextDue returns when something is due next, and whether nothing is at present.
func (s *Server) nextDue() (next time.Time, isAtRest bool) {
	now := s.Now()
	ofMessages, messagesRest := s.messages.nextDue(now)
	ofWebhooks, webhooksRest := s.webhooks.nextDue(now)
	ofTemplates := s.templates.nextDue()
	isAtRest = messagesRest && webhooksRest && (ofTemplates.IsZero() || ofTemplates.After(now))
	for _, at := range []time.Time{ofMessages, ofWebhooks, ofTemplates} {
		if at.After(now) {
			next = earliest(next, at)
		}
	}
	return next, isAtRest
}

// nextDue returns when the next step of a message is due, and whether none is at a time.
func (m *messages) nextDue(now time.Time) (next time.Time, isAtRest bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.agenda) > 0 {
		next = m.agenda[0].due
	}
	return next, m.working == 0 && (next.IsZero() || next.After(now))
}

// nextDue returns when the next webhook is due, and whether none is at a time.
func (w *webhooks) nextDue(now time.Time) (next time.Time, isAtRest bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.timers) > 0 {
		next = w.timers[0].due
	}
	return next, w.inProgress == 0 && len(w.ready) == 0 && (next.IsZero() || next.After(now))
}

func (t *templates) nextDue() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.due
}

// earliest returns the earlier of two times, of which the zero time means none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// setClock changes the clock at once.
func (s *Server) setClock(to clockJSON) (Clock, error) {
	before := s.Now()
	now, err := s.clock.change(to)
	if err != nil {
		return now, err
	}
	s.records.set(now.Time)
	s.clockMoved(now.Time.Sub(before))
	return now, nil
}

// clockMoved makes everything look at the clock, which was moved by a time.
func (s *Server) clockMoved(by time.Duration) {
	s.removeExpired()
	s.webhooks.signal()
	s.messages.signal()
	s.templates.signal()
	s.changed.broadcast()
	if s.cfg.ClockFollower != nil {
		s.cfg.ClockFollower.ClockChanged(by)
	}
}
