package object

import (
	"errors"
	"sync/atomic"
)

// ErrBudget is wrapped by the error for a request that its budget does not allow.
var ErrBudget = errors.New("the budget of requests is spent")

// Budget limits the requests that one call sends to its source, over all loops that
// may repeat them: the retries of a request, the resumes of a body, the range
// requests of an inspection, and further Opens by the caller.
//
// A Budget belongs to one call and is safe for concurrent use. A nil *Budget has no
// limit: then each loop has only its own limit.
type Budget struct {
	limit    int64
	mayRetry func() bool
	sent     *atomic.Int64
}

// NewBudget returns a budget of limit requests, GET and HEAD together. mayRetry is
// called before each request that retries another or resumes a body, and may refuse
// it. If it is nil, only the limit applies.
func NewBudget(limit int, mayRetry func() bool) *Budget {
	return &Budget{limit: int64(limit), mayRetry: mayRetry, sent: new(atomic.Int64)}
}

// Leaving returns the same budget with a limit that leaves n requests to others.
func (b *Budget) Leaving(n int) *Budget {
	return &Budget{limit: b.limit - int64(n), mayRetry: b.mayRetry, sent: b.sent}
}

// Take counts a request that another call sends for this one, and reports whether
// the budget allowed it.
func (b *Budget) Take() bool { return b.request() }

// Requests returns the number of requests that were sent so far.
func (b *Budget) Requests() int {
	if b == nil {
		return 0
	}
	return int(b.sent.Load())
}

// Spent reports whether no further request may be sent.
func (b *Budget) Spent() bool { return b != nil && b.sent.Load() >= b.limit }

// request counts one request and reports whether it may be sent.
func (b *Budget) request() bool {
	for b != nil {
		sent := b.sent.Load()
		if sent >= b.limit {
			return false
		}
		if b.sent.CompareAndSwap(sent, sent+1) {
			break
		}
	}
	return true
}

// mayInspect reports whether the inspection may send one more request. The last
// request is reserved for the file itself.
func (b *Budget) mayInspect() bool { return b == nil || b.sent.Load() < b.limit-1 }

// retry reports whether a request may be retried, or a body resumed.
func (b *Budget) retry() bool {
	return b == nil || !b.Spent() && (b.mayRetry == nil || b.mayRetry())
}

// spent returns the error for a request that the budget does not allow.
func (b *Budget) spent(from origin) *Error {
	return from.fail(budgetSpent, ErrBudget, b.Requests())
}
