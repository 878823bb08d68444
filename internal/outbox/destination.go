// How many lanes of a destination are worked at a time, and what happens when it
// fails and recovers.

package outbox

import "time"

const (
	// breakAfter is the number of failures in a row after which a destination has one
	// slot only, until an attempt succeeds.
	breakAfter = 8
	// firstPause is the time after such a failure in which the destination is not
	// attempted. It doubles with each further one, up to maxPause, so that a destination
	// that fails at once does not occupy the database.
	firstPause = 10 * time.Millisecond
	maxPause   = time.Second
	// firstRecovery is the number of lanes that the first success after a failure
	// makes due, although their back-off has not ended. It doubles with each success.
	firstRecovery = 8
	// maxRecovery bounds it.
	maxRecovery = 256
)

// A destination is what the loop knows of a destination.
type destination struct {
	name  string
	slots int // lanes that may be worked at a time, when it works
	open  int // lanes that may be worked at a time now: fewer while it fails
	held  int // lanes that are worked
	group *group
	// due is when to look for lanes. The zero time means that none waits, as far as is
	// known.
	due      time.Time
	paused   time.Time // no attempt begins before
	served   uint64    // the number of the round in which it was looked at last
	failures int       // in a row, over all lanes
	seen     time.Time // when the end of an attempt was observed last
	// recovery is the number of lanes that the next success makes due. Zero means that
	// none waits for a back-off.
	recovery    int
	isRecovered bool // an attempt has succeeded since the last round
}

// A group is what several destinations have in common.
type group struct {
	slots int // lanes of all of them that may be worked at a time; 0 means any number
	held  int // lanes that are worked
}

// free returns how many more lanes may be worked.
func (g *group) free() int {
	if g.slots <= 0 {
		return maxLanes
	}
	return g.slots - g.held
}

// hold takes note that n more lanes are worked; a negative n says that they are not any
// more.
func (d *destination) hold(n int) {
	d.held += n
	d.group.held += n
}

// newDestination returns what is known of a destination at first: other processes, or
// this one before it was started, may have failed to reach it.
func newDestination(name string, slots int, group *group) *destination {
	if slots <= 0 {
		slots = DefaultSlots
	}
	return &destination{name: name, slots: slots, open: slots, group: group, recovery: firstRecovery}
}

// observe takes note of an attempt.
func (d *destination) observe(attempt effect, now time.Time) {
	d.seen = now
	switch attempt {
	case success:
		d.failures, d.open, d.paused = 0, min(d.slots, 2*d.open), time.Time{}
		d.isRecovered = d.recovery > 0
	case failure:
		if d.failures++; d.failures >= breakAfter {
			d.open = 1
			d.paused = now.Add(min(maxPause, firstPause<<min(d.failures-breakAfter, 10)))
		}
		d.recovery, d.isRecovered = max(d.recovery, firstRecovery), false
	}
}

// recovered takes note of the number of lanes that a success has made due.
func (d *destination) recovered(lanes int) {
	if lanes < d.recovery {
		d.recovery = 0
	} else {
		d.recovery = min(2*d.recovery, maxRecovery)
	}
}

// lookAt makes the loop look for lanes at a time, or earlier.
func (d *destination) lookAt(at time.Time) {
	if d.due.IsZero() || at.Before(d.due) {
		d.due = at
	}
}

// next returns when to take lanes, or zero if none waits.
func (d *destination) next() time.Time {
	if d.due.IsZero() || d.due.After(d.paused) {
		return d.due
	}
	return d.paused
}

// isIdle reports whether nothing waits and there is nothing to know of it: it works, or it
// had no attempt for some time.
func (d *destination) isIdle(now time.Time, kept time.Duration) bool {
	works := d.failures == 0 && d.recovery == 0
	return d.held == 0 && d.due.IsZero() && (works || now.Sub(d.seen).Abs() >= kept)
}
