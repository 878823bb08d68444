package metasim

import (
	"sync"
	"time"
)

// How many messages a number may send (docs/references.md#graph-rate-limits). The limits
// follow the simulator's clock.

const (
	standardThroughput  = 80   // messages a second from a phone number
	highThroughput      = 1000 // the same, of a number with throughput HIGH
	defaultPairBurst    = 45   // messages to one person at once
	defaultPairInterval = 6 * time.Second
	maxPairs            = 1 << 16 // pairs of number and person that are remembered
	maxLinkHosts        = 1 << 10 // hosts of links that are remembered
)

// MessageLimits bound the messages that a phone number sends.
type MessageLimits struct {
	// PerSecond is the throughput of a phone number; more are refused with code
	// 130429. Default: 80, and 1000 for a number whose ThroughputLevel is HIGH.
	// Negative means no limit.
	PerSecond int

	// PairBurst messages can be sent to one person at once, and one more each
	// PairInterval; more are refused with code 131056. Defaults 45 and 6 s. A
	// negative PairBurst means no limit.
	PairBurst    int
	PairInterval time.Duration
}

// bucket is a token bucket of which nothing is left until a time in the future: each
// token that was taken moves that time by the interval in which one comes back.
type bucket struct{ used time.Time }

// take takes a token, or reports false if there is none.
func (b *bucket) take(now time.Time, burst int, interval time.Duration) bool {
	latest := now.Add(time.Duration(burst) * interval)
	if b.used.Before(now) || b.used.After(latest) { // after latest: the clock was set back
		b.used = now
	}
	next := b.used.Add(interval)
	if next.After(latest) {
		return false
	}
	b.used = next
	return true
}

// limiter counts messages by phone number and by pair.
type limiter struct {
	mu     sync.Mutex
	phones map[string]*bucket // by id of the phone number
	pairs  map[string]*bucket // by id of the phone number and person
	hosts  map[string]*bucket // of links
}

func newLimiter() *limiter {
	return &limiter{phones: map[string]*bucket{}, pairs: map[string]*bucket{}, hosts: map[string]*bucket{}}
}

// takeLink counts a link to a host, and reports whether the limit allows it. 0 means
// no limit.
func (l *limiter) takeLink(now time.Time, host string, perMinute int) bool {
	if perMinute <= 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.hosts[host]
	if b == nil {
		if len(l.hosts) >= maxLinkHosts {
			clear(l.hosts)
		}
		b = &bucket{}
		l.hosts[host] = b
	}
	return b.take(now, perMinute, time.Minute/time.Duration(perMinute))
}

// take counts a message, or returns the code of the limit that it exceeds.
func (l *limiter) take(now time.Time, limits MessageLimits, phoneID, person string) (code int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all, pair := l.phones[phoneID], l.pairs[phoneID+"/"+person]
	if all == nil {
		all = &bucket{}
		l.phones[phoneID] = all
	}
	if pair == nil {
		l.makeRoom(now)
		pair = &bucket{}
		l.pairs[phoneID+"/"+person] = pair
	}
	before := all.used
	if limits.PerSecond > 0 && !all.take(now, limits.PerSecond, time.Second/time.Duration(limits.PerSecond)) {
		return 130429
	}
	if limits.PairBurst > 0 && !pair.take(now, limits.PairBurst, limits.PairInterval) {
		all.used = before
		return 131056
	}
	return 0
}

// makeRoom forgets pairs that have nothing used; if that is not enough, all. The
// caller holds l.mu.
func (l *limiter) makeRoom(now time.Time) {
	if len(l.pairs) < maxPairs {
		return
	}
	for name, pair := range l.pairs {
		if !pair.used.After(now) {
			delete(l.pairs, name)
		}
	}
	if len(l.pairs) >= maxPairs {
		clear(l.pairs)
	}
}

func (l *limiter) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.phones)
	clear(l.pairs)
	clear(l.hosts)
}

// limitsOf returns the limits of a phone number.
func (s *Server) limitsOf(p *phone) MessageLimits {
	limits := s.cfg.MessageLimits
	if limits.PerSecond == 0 {
		limits.PerSecond = standardThroughput
		if p.ThroughputLevel == "HIGH" {
			limits.PerSecond = highThroughput
		}
	}
	return limits
}
