package admission

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

const (
	// evictionGrace is how long a request of HTTP/1.1 that is given up may take to
	// send a response, and how long others wait for the memory of what was evicted.
	evictionGrace = time.Second
	// youth is the age below which a connection is not evicted: others wait until it
	// has proved itself or is older. A client that sends its request without delay
	// needs less, even if many connect at once.
	youth = 100 * time.Millisecond
	// reportInterval is the time between two lines in the log about evictions.
	reportInterval = time.Minute
)

// lightShare is the part of MaxUnverified up to which an address never waits for
// others.
const lightShare = 16

// makeSlot evicts connections until there is room for one more of an address. It
// reports whether there is; the mutex is then held.
func (l *Limiter) makeSlot(address netip.Prefix) bool {
	for {
		l.mu.Lock()
		var victim *conn
		if g := l.groups[address]; g != nil && len(g.connections) >= l.config.MaxPerAddress {
			victim = g.idlest()
		} else if l.open < l.config.MaxConnections {
			return true
		} else {
			victim = l.idlest()
		}
		if victim == nil {
			l.mu.Unlock()
			return false
		}
		end := l.evict(victim, false)
		l.mu.Unlock()
		end()
	}
}

// makeRoom evicts until unverified clients hold no more than they may. If mayWait
// is set and the address of c itself holds a lot, makeRoom also waits until what
// was evicted has ended, and while all that could be evicted is young; for
// evictionGrace at most: then it evicts c itself.
func (l *Limiter) makeRoom(c *conn, mayWait bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var deadline time.Time
	for !c.evicted && l.held+l.dying > l.config.MaxUnverified {
		pause := evictionGrace
		if victim := l.holder(); victim != nil && l.held > l.config.MaxUnverified {
			age := time.Since(victim.since)
			if age >= youth {
				end := l.evict(victim, true)
				l.mu.Unlock()
				end()
				l.mu.Lock()
				continue
			}
			pause = youth - age
		}
		if !mayWait || l.groups[c.address].held <= l.config.MaxUnverified/lightShare {
			return
		}
		if deadline.IsZero() {
			deadline = time.Now().Add(evictionGrace)
		}
		if pause = min(pause, time.Until(deadline)); pause <= 0 {
			end := l.evict(c, true)
			l.mu.Unlock()
			end()
			l.mu.Lock()
			return
		}
		l.wait(pause)
	}
	l.wakeNext()
}

// wait waits until wakeNext wakes this goroutine, or for a time. The mutex is held,
// but not during the wait.
func (l *Limiter) wait(pause time.Duration) {
	woken := make(chan struct{})
	place := l.waiting.PushBack(woken)
	l.mu.Unlock()
	timer := time.NewTimer(pause)
	select {
	case <-woken:
	case <-timer.C:
	}
	timer.Stop()
	l.mu.Lock()
	l.waiting.Remove(place) // if it is still there
}

// wakeNext wakes the goroutine that has waited in makeRoom for the longest time.
// The mutex is held.
func (l *Limiter) wakeNext() {
	if first := l.waiting.Front(); first != nil {
		close(l.waiting.Remove(first).(chan struct{}))
	}
}

// idlest returns the connection that is closed first when there are too many: the
// oldest stranger of the address with the most of them, and the oldest of all if
// several addresses have as many; if there is none, the connection that has been
// idle for the longest time. It returns nil if all serve verified callers. The
// mutex is held.
func (l *Limiter) idlest() *conn {
	var most *group
	for _, g := range l.groups {
		if g.strangers.Len() == 0 {
			continue
		}
		more := 1
		if most != nil {
			more = cmp.Compare(g.strangers.Len(), most.strangers.Len())
		}
		if more > 0 || more == 0 && g.idlest().since.Before(most.idlest().since) {
			most = g
		}
	}
	if most != nil {
		return most.idlest()
	}
	var idle *conn
	for _, g := range l.groups {
		if c := g.idlest(); c != nil && (idle == nil || c.since.Before(idle.since)) {
			idle = c
		}
	}
	return idle
}

// idlest returns the group's oldest stranger, or its connection that has been
// idle for the longest time, or nil. The mutex is held.
func (g *group) idlest() (idle *conn) {
	if first := g.strangers.Front(); first != nil {
		return first.Value.(*conn)
	}
	for c := range g.connections {
		if c.busy == 0 && !c.evicted && (idle == nil || c.since.Before(idle.since)) {
			idle = c
		}
	}
	return idle
}

// holder returns the connection that is evicted first when unverified clients
// hold too much. It belongs to the address that holds the most, and is its oldest
// stranger or, if it has none, the connection that holds the most. The mutex is
// held.
func (l *Limiter) holder() (holder *conn) {
	var most *group
	for _, g := range l.groups {
		if most == nil || g.held > most.held {
			most = g
		}
	}
	if most == nil {
		return nil
	}
	if first := most.strangers.Front(); first != nil {
		return first.Value.(*conn)
	}
	for c := range most.connections {
		if c.held > 0 && !c.evicted && (holder == nil || c.held > holder.held) {
			holder = c
		}
	}
	return holder
}

// evict ends a connection, or only its unverified requests if a caller was
// verified on it. What it holds is released when it has ended. With mayRespond, a
// request over HTTP/1.1 may still send a response. The mutex is held; the returned
// function, which carries it out, is called without.
func (l *Limiter) evict(c *conn, mayRespond bool) (carryOut func()) {
	isStranger := c.stranger != nil
	requests := slices.DeleteFunc(slices.Clone(c.requests), func(r *request) bool { return r.evicted })
	isHTTP2 := len(requests) > 0 && requests[0].isHTTP2
	closes := !mayRespond || len(requests) == 0 || isStranger && isHTTP2
	if closes || isStranger {
		l.abandon(c)
	} else {
		for _, r := range requests {
			r.abandon()
		}
	}
	c.lingers = !closes && !isHTTP2
	l.wakeNext()
	report := l.countEviction()
	return func() {
		if report > 0 {
			l.config.Logger.Warn("connections were closed to make room for others", "count", report,
				"max_connections", l.config.MaxConnections, "max_connections_per_address", l.config.MaxPerAddress, "max_unverified_bytes", l.config.MaxUnverified)
		}
		if closes {
			_ = c.Close()
			return
		}
		for _, r := range requests {
			r.giveUp()
		}
	}
}

// abandon takes a connection, with its requests, out of those that can be
// evicted. The mutex is held.
func (l *Limiter) abandon(c *conn) {
	g := l.groups[c.address]
	l.held -= c.held
	g.held -= c.held
	l.dying += c.held
	if c.stranger != nil {
		g.strangers.Remove(c.stranger)
		c.stranger = nil
	}
	for _, r := range c.requests {
		r.evicted = true
	}
	c.evicted = true
}

// countEviction returns how many evictions the log is to report now; usually 0.
// The mutex is held.
func (l *Limiter) countEviction() (report int) {
	l.evictions++
	if now := time.Now(); now.Sub(l.reported) >= reportInterval {
		report, l.evictions, l.reported = l.evictions, 0, now
	}
	return report
}

// evictOne closes a connection, to make its file descriptor available.
func (l *Limiter) evictOne() {
	l.mu.Lock()
	victim := l.idlest()
	if victim == nil {
		l.mu.Unlock()
		return
	}
	end := l.evict(victim, false)
	l.mu.Unlock()
	end()
}
