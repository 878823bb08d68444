package object

import (
	"fmt"
	"sync/atomic"
)

// Budget bounds the requests that one call sends to its source, over all loops
// that could repeat them: the retries of a request, the resumes of a body, the
// ranged reads of an inspection, and the retries of whoever opens the source.
//
// A Budget is of one call, and safe for concurrent use. A nil *Budget bounds
// nothing: each loop then has its own limit only.
type Budget struct {
	limit    int64
	mayRetry func() bool
	sent     atomic.Int64
}

// NewBudget returns a budget of so many requests, GET and HEAD together.
// mayRetry is called before each request that repeats one that failed, or that
// resumes a body, and may refuse it; nil allows all that the limit allows.
func NewBudget(limit int, mayRetry func() bool) *Budget {
	return &Budget{limit: int64(limit), mayRetry: mayRetry}
}

// Requests is how many requests have been sent so far.
func (b *Budget) Requests() int {
	if b == nil {
		return 0
	}
	return int(b.sent.Load())
}

// Spent reports whether no further request may be sent.
func (b *Budget) Spent() bool { return b != nil && b.sent.Load() >= b.limit }

// request takes one request out of the budget.
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

// mayInspect reports whether the file may be looked into with one more request:
// the last one is left for the file itself.
func (b *Budget) mayInspect() bool { return b == nil || b.sent.Load() < b.limit-1 }

// retry reports whether a request may be repeated, or a body resumed.
func (b *Budget) retry() bool {
	return b == nil || !b.Spent() && (b.mayRetry == nil || b.mayRetry())
}

// spent is the error of a request that the budget does not allow.
func (b *Budget) spent(from origin) *Error {
	return from.fail(Unavailable, fmt.Sprintf("failed too often: this call has sent its %d requests to the source. Retry later.", b.limit), nil)
}
