// The queue of a phone number, which is bounded.

package message

import (
	"context"
	"fmt"
	"sync"
	"time"

	"ferry/internal/state"
)

const (
	// queueAge is how long a count of the messages that wait is used. Meanwhile, a
	// process counts what it accepts itself; so together the processes accept at most
	// as many messages too many as the others accept within queueAge.
	queueAge = time.Second
	// maxQueueWait is the longest time after which a caller should retry.
	maxQueueWait = time.Minute
)

// A QueueFullError says that a phone number has too many messages that wait.
type QueueFullError struct {
	Limit      int           // messages that may wait
	RetryAfter time.Duration // until some of them have probably been sent
}

func (e *QueueFullError) Error() string {
	return fmt.Sprintf("%d messages of the phone number wait to be sent, the limit per number. Retry in %d s.", e.Limit, int(e.RetryAfter.Seconds()))
}

// Admit counts a message that is about to be accepted. It returns a *QueueFullError
// if the phone number has too many already.
func (g *Governor) Admit(ctx context.Context, flow Flow) error {
	waiting, err := g.number(flow.PhoneNumberID).queue.admit(ctx)
	if err != nil || waiting == 0 {
		return err
	}
	wait := time.Duration(waiting-g.config.MaxQueued+1) * time.Second / time.Duration(g.perSecond(flow.PhoneNumberID))
	rates, err := g.config.State.Rates(ctx, accountRate(flow.BusinessAccountID), numberRate(flow.PhoneNumberID))
	if err != nil {
		return err
	}
	now := g.config.Now()
	for _, rate := range rates {
		wait = max(wait, rate.BlockedUntil.Sub(now))
	}
	return &QueueFullError{Limit: g.config.MaxQueued, RetryAfter: min(max(wait, time.Second), maxQueueWait).Round(time.Second)}
}

// queue counts the messages of one phone number that wait.
type queue struct {
	state       *state.DB
	destination string
	limit       int
	now         func() time.Time

	mu       sync.Mutex
	counted  time.Time // when waiting was counted
	waiting  int       // in the database
	admitted int       // by this process since then
}

// admit counts one more message. If there are too many already, it returns their
// number instead.
func (q *queue) admit(ctx context.Context) (tooMany int, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now := q.now(); q.counted.IsZero() || now.Sub(q.counted) >= queueAge {
		waiting, err := q.state.Waiting(ctx, q.destination, q.limit)
		if err != nil {
			return 0, err
		}
		q.counted, q.waiting, q.admitted = now, waiting, 0
	}
	if q.waiting+q.admitted >= q.limit {
		return q.waiting + q.admitted, nil
	}
	q.admitted++
	return 0, nil
}
