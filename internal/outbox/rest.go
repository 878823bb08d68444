// When an outbox has nothing to do at present.

package outbox

import (
	"context"
	"time"
)

// rest says whether everything that was due has been attempted and recorded. Outbox.mu
// guards it.
type rest struct {
	isReached bool
	next      time.Time     // when something is due, as far as is known; zero means never
	changed   chan struct{} // closed when isReached or next may have changed
}

// NextDue waits until Run has made every delivery that is due, and returns when the next
// one is due. The zero time means that none waits. If ctx is done before, it returns its
// error, and the time as far as it is known.
func (o *Outbox) NextDue(ctx context.Context) (time.Time, error) {
	for {
		o.mu.Lock()
		rest := o.rest
		o.mu.Unlock()
		if rest.isReached && (rest.next.IsZero() || rest.next.After(o.config.Now())) {
			return rest.next, nil
		}
		select {
		case <-rest.changed:
		case <-ctx.Done():
			return rest.next, context.Cause(ctx)
		}
	}
}

// restUntil records what is known before the loop waits.
func (l *loop) restUntil() {
	var next time.Time
	for _, d := range l.destinations {
		if at := d.next(); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	isReached := len(l.held) == 0 && len(l.pending) == 0 && l.failures == 0 && len(l.reports) == 0 && len(l.woken) == 0 &&
		(next.IsZero() || next.After(l.config.Now()))
	l.rest.isReached, l.rest.next = isReached, next
	close(l.rest.changed)
	l.rest.changed = make(chan struct{})
}
