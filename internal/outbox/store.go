// What a round reads and writes.

package outbox

import (
	"context"
	"time"
)

// A Store keeps lanes and deliveries. Times are stored in milliseconds.
type Store interface {
	// StartOutbox is called once before the first round. It frees the lanes that
	// processes held which certainly have ended. The function that it returns is
	// called after the last round.
	StartOutbox(ctx context.Context) (end func(), err error)
	// DueDestinations returns the destinations for which deliveries wait and which are
	// not held, with the time at which the first of their lanes is due.
	DueDestinations(ctx context.Context) (map[string]time.Time, error)
	// OutboxRound makes one round in one transaction. If it returns an error, the
	// round may have been made or not; its records are then made again with a later
	// round.
	OutboxRound(ctx context.Context, round Round) (Result, error)
}

// The states of a delivery.
const (
	Waiting   = "waiting"
	Delivered = "delivered"
	Dead      = "dead"
	Cancelled = "cancelled"
	Replayed  = "replayed" // it had ended, and was put in once more
)

// A Round is what one transaction records and takes, in this order.
type Round struct {
	Owner string    // the process
	Now   time.Time // at which it is made
	Lease time.Time // until when lanes that it takes or renews are held

	Ended   []Ended  // attempts
	Returns []Return // lanes that are not held any longer
	Renew   []Claim
	Recover []Recover
	Take    []Take
}

func (r Round) isEmpty() bool {
	return len(r.Ended)+len(r.Returns)+len(r.Renew)+len(r.Recover)+len(r.Take) == 0
}

// A Claim is the right to work a lane. It is lost when another process has taken the
// lane, with a greater number.
type Claim struct {
	Lane   string
	Number int64
}

// An Ended is the end of an attempt. Delivered is recorded even if the claim is lost;
// other states only if it is not, and if the delivery still waits.
type Ended struct {
	Claim
	Seq         int64
	State       string    // Waiting, Delivered or Dead
	Attempts    int       // that have ended
	AttemptedAt time.Time // zero means that nothing was attempted
	Error       string    // empty means none
	// KeepBegun says that the outcome is not known, so that the next attempt is
	// Interrupted.
	KeepBegun bool
}

// A Return frees a lane whose claim is not lost.
type Return struct {
	Claim
	Head int64 // all deliveries up to this one have ended
	// Due is when to work it, if it has more deliveries.
	Due time.Time
	// NotBefore is the time until which the destination asked to wait; zero means that
	// it did not.
	NotBefore time.Time
	Failures  int // since the last success
}

// A Recover makes lanes of a destination due that wait for their back-off, because
// the destination has recovered. The time until which it asked to wait is kept.
type Recover struct {
	Destination string
	Lanes       int // at most so many
}

// A Take takes lanes of a destination that are due.
type Take struct {
	Destination string
	Lanes       int // at most so many
	// Once means that one delivery of each lane is taken, which may be Interrupted.
	Once bool
}

// A Result is what came of a Round.
type Result struct {
	// Lost are the lanes of Renew and Returns whose claim was lost.
	Lost []string
	// Taken are lanes that are held now.
	Taken []Lane
	// Due is when the first lane of each destination of Take is due, those that are
	// held included. A destination without such a lane, or one that is held by an
	// operator, is not there.
	Due map[string]time.Time
	// Recovered is the number of lanes of each Recover that were made due.
	Recovered map[string]int
}

// A Lane is a lane that was taken.
type Lane struct {
	Claim
	Destination string
	Failures    int // since the last success
	// Head is the number of the last delivery before those of Deliveries.
	Head int64
	// End is the number up to which deliveries were looked for: those in between that
	// are not in Deliveries have ended.
	End        int64
	Deliveries []Delivery
}
