package admission

// Sums returns the open connections, and the estimated bytes of unverified
// clients: held, and of what has not ended yet.
func (l *Limiter) Sums() (open int, held, dying int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open, l.held, l.dying
}

// Busy returns the requests in progress.
func (l *Limiter) Busy() (busy int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, g := range l.groups {
		for c := range g.connections {
			busy += c.busy
		}
	}
	return busy
}

// Evict begins to evict a connection with a request in progress, with a response.
// The returned function does the rest.
func (l *Limiter) Evict() (carryOut func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, g := range l.groups {
		for c := range g.connections {
			if len(c.requests) > 0 {
				return l.evict(c, true)
			}
		}
	}
	return nil
}

// What tests need to know.
const (
	MaxHeaderLines = maxHeaderLines
	ConnCost       = connCost
)

// Functions that tests call.
var (
	DivideLimit = divide
	AddressOf   = addressOf
)
