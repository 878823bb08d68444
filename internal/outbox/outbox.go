// Package outbox delivers what the database holds for others: messages to Meta,
// and events to the destinations of accounts.
//
// A delivery is put into the database by the transaction that causes it
// (internal/state), so that it is never lost. The loop of this package takes lanes
// of deliveries, makes the deliveries of a lane in order, and records how they
// ended. Several processes may share one database.
package outbox

import (
	"errors"
	"time"
)

// A Delivery is an event, or a message, that is to be delivered to one destination.
type Delivery struct {
	Lane        string
	Seq         int64 // within the lane
	Destination string
	EventID     string
	Attempts    int  // that have ended before this one
	Interrupted bool // an attempt was begun whose end nobody has recorded
	CreatedAt   time.Time
}

// A RetryError says that an attempt failed and when to make the next one.
type RetryError struct {
	Err error
	// After is the shortest time until the next attempt. Zero means that the outbox
	// decides.
	After time.Duration
	// NotAttempted says that nothing was sent, so that the attempt does not count:
	// a rate limit or a closed circuit.
	NotAttempted bool
}

func (e *RetryError) Error() string { return e.Err.Error() }
func (e *RetryError) Unwrap() error { return e.Err }

// ErrNever is wrapped by errors after which the same delivery would fail again. It
// becomes a dead letter at once.
var ErrNever = errors.New("it cannot be delivered")
