// How many calls of the media operations an account may make.

package social

import (
	"sync"

	"golang.org/x/time/rate"
)

// DefaultMediaPerSecond is the default of Config.MediaPerSecond: AWS's quota.
const DefaultMediaPerSecond = 100

// NoLimit as a rate lets everything pass.
const NoLimit = -1

// rates limits the calls of each media operation that an account makes in a
// second. It holds one limiter for each operation and account that has called;
// accounts are made by the operator, so they are few.
type rates struct {
	perSecond int

	mu       sync.Mutex
	limiters map[[2]string]*rate.Limiter // by account and operation
}

// allow counts a call of an operation, and reports whether the account may make it.
func (r *rates) allow(accountID, operation string) bool {
	if r.perSecond == NoLimit {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	key := [2]string{accountID, operation}
	limiter := r.limiters[key]
	if limiter == nil {
		limiter = rate.NewLimiter(rate.Limit(r.perSecond), r.perSecond)
		if r.limiters == nil {
			r.limiters = make(map[[2]string]*rate.Limiter)
		}
		r.limiters[key] = limiter
	}
	return limiter.Allow()
}

// countMediaCall counts a call of a media operation. It returns a fault if the
// account's quota of this second is used.
func (c *call) countMediaCall() error {
	if c.rates.allow(c.caller.accountID, c.operation) {
		return nil
	}
	return throttled("The account has used its quota of %d calls of %s per second. Retry later.", c.config.MediaPerSecond, c.operation)
}
