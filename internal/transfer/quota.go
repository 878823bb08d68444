package transfer

import "sync"

const (
	// retryShare is how many retries an account gets for each transfer that it
	// starts: while everything fails, Meta and the stores get a tenth more
	// requests than they would, not a multiple. It covers all loops that retry.
	retryShare = 0.1
	// retryReserve is how many retries an account has at first, and at most at once.
	retryReserve = 10
)

// quota bounds the transfers in progress, in all and of each account, and the
// retries of each account. It holds one entry for each account that has made a
// transfer; accounts are made by the operator, so they are few.
type quota struct {
	places     chan struct{} // has an element for each transfer in progress
	perAccount int           // transfers in progress of one account

	mu       sync.Mutex
	accounts map[string]*usage
}

// usage is what one account uses.
type usage struct {
	inProgress int
	retries    float64 // that are left
}

func newQuota(transfers int) *quota {
	return &quota{
		places: make(chan struct{}, transfers), perAccount: max(1, transfers*3/4),
		accounts: make(map[string]*usage),
	}
}

// usageOf returns an account's entry. The caller holds mu.
func (q *quota) usageOf(accountID string) *usage {
	u := q.accounts[accountID]
	if u == nil {
		u = &usage{retries: retryReserve}
		q.accounts[accountID] = u
	}
	return u
}

// begin reserves a place for a transfer of an account, or returns an Error of kind
// Busy. end frees the place.
func (q *quota) begin(accountID string) (end func(), err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	u := q.usageOf(accountID)
	if u.inProgress >= q.perAccount {
		return nil, fail(Busy, nil, "The account already has %d transfers in progress, the limit per account. Retry later.", q.perAccount)
	}
	select {
	case q.places <- struct{}{}:
	default:
		return nil, fail(Busy, nil, "The server already has %d transfers in progress, its limit. Retry later.", cap(q.places))
	}
	u.inProgress++
	u.retries = min(u.retries+retryShare, retryReserve)
	return func() {
		<-q.places
		q.mu.Lock()
		defer q.mu.Unlock()
		u.inProgress--
	}, nil
}

// mayRetry uses one retry of an account's share, and reports whether there was one.
func (q *quota) mayRetry(accountID string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	u := q.usageOf(accountID)
	if u.retries < 1 {
		return false
	}
	u.retries--
	return true
}
