// What the next round consists of, and what follows from it.

package outbox

import (
	"cmp"
	"slices"
	"time"
)

const (
	// maxRecords bounds what one round records, so that other writers of the database
	// do not wait for long.
	maxRecords = 400
	// maxTaken bounds the lanes that one round takes, for the same reason.
	maxTaken = 16
)

func (l *loop) destination(name string) *destination {
	d := l.destinations[name]
	if d == nil {
		d = newDestination(name, l.config.Slots(name), l.group(name))
		l.destinations[name] = d
	}
	return d
}

// group returns the group of a destination, which may be one of its own.
func (l *loop) group(destination string) *group {
	name, slots := l.config.Group(destination)
	if name == "" {
		return new(group)
	}
	g := l.groups[name]
	if g == nil {
		g = &group{slots: slots}
		l.groups[name] = g
	}
	return g
}

// next returns the next round. mayTake is false while the loop drains.
func (l *loop) next(now time.Time, mayTake bool) Round {
	round := Round{Owner: l.config.Owner, Now: now, Lease: now.Add(l.config.Lease)}
	returned := l.record(&round)
	if len(l.held) == 0 {
		l.renewed = now
	}
	if now.Sub(l.renewed).Abs() >= l.config.Lease/3 {
		for _, t := range l.held {
			if !t.isReturning && !t.lost.Load() {
				round.Renew = append(round.Renew, t.lane.Claim)
			}
		}
		if len(round.Renew) == 0 { // all leases are lost
			l.renewed = now
		}
	}
	if mayTake {
		for _, d := range l.destinations {
			if d.isRecovered {
				round.Recover = append(round.Recover, Recover{d.name, d.recovery})
				d.lookAt(now)
			}
		}
		round.Take = l.take(now, returned)
	}
	return round
}

// record adds to a round what is to be recorded. It returns the number of lanes that
// are returned, by destination.
func (l *loop) record(round *Round) map[string]int {
	returned := make(map[string]int)
	for _, r := range l.pending[:min(len(l.pending), maxRecords)] {
		claim := r.turn.lane.Claim
		if r.ended != nil {
			ended := *r.ended
			ended.Claim = claim
			round.Ended = append(round.Ended, ended)
		}
		if r.back != nil {
			back := *r.back
			back.Claim, back.Head = claim, max(back.Head, r.turn.head)
			round.Returns = append(round.Returns, back)
			returned[r.turn.lane.Destination]++
		}
	}
	return returned
}

// take chooses the destinations of which the next round takes lanes: those whose lanes
// are due, and those whose lanes are returned by the same round. The one that was
// looked at the longest ago comes first.
func (l *loop) take(now time.Time, returned map[string]int) []Take {
	var due []*destination
	total, free := len(l.held), make(map[*group]int)
	for _, d := range l.destinations {
		total -= returned[d.name]
		if _, known := free[d.group]; !known {
			free[d.group] = d.group.free()
		}
		free[d.group] += returned[d.name]
		isDue := returned[d.name] > 0 && !d.paused.After(now) || !d.next().IsZero() && !d.next().After(now)
		if isDue && d.open > d.held-returned[d.name] {
			due = append(due, d)
		}
	}
	due = slices.DeleteFunc(due, func(d *destination) bool { return free[d.group] <= 0 })
	slices.SortFunc(due, func(a, b *destination) int {
		return cmp.Or(cmp.Compare(a.served, b.served), cmp.Compare(a.name, b.name))
	})
	l.number++
	left := min(maxTaken, maxLanes-total)
	var takes []Take
	for _, d := range due {
		if left <= 0 || len(takes) == maxTaken {
			break
		}
		lanes := min(left, d.open-(d.held-returned[d.name]), free[d.group])
		if lanes <= 0 {
			continue
		}
		left -= lanes
		free[d.group] -= lanes
		d.served = l.number
		takes = append(takes, Take{Destination: d.name, Lanes: lanes, Once: l.config.Once(d.name)})
	}
	return takes
}

// apply takes note of a round that was made, except for the lanes that it has taken.
func (l *loop) apply(round Round, result Result) {
	l.pending = l.pending[min(len(l.pending), maxRecords):]
	if len(l.pending) == 0 {
		l.pending = nil
	}
	for _, back := range round.Returns {
		d := l.destination(l.held[back.Lane].lane.Destination)
		d.hold(-1)
		d.lookAt(back.Due)
		delete(l.held, back.Lane)
	}
	for _, lane := range result.Lost {
		if t := l.held[lane]; t != nil {
			t.lost.Store(true)
		}
	}
	if len(round.Renew) > 0 {
		l.renewed = round.Now
	}
	for _, claim := range round.Renew {
		l.held[claim.Lane].until.Store(round.Lease.UnixMilli()) // a lane that is lost is not worked all the same
	}
	for _, r := range round.Recover {
		d := l.destination(r.Destination)
		d.recovered(result.Recovered[r.Destination])
		d.isRecovered = false
	}
	for _, take := range round.Take {
		l.destination(take.Destination).due = result.Due[take.Destination]
	}
}
