package transfer

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// retryShare is how many retries an account gets for each transfer that it
	// starts: while everything fails, Meta and the stores get a tenth more
	// requests than they would, not a multiple. It covers all loops that retry.
	retryShare = 0.1
	// retryReserve is how many retries an account has at first, and at most at once.
	retryReserve = 10
	// minRun is how long a transfer runs at least before it can be ended for the
	// sake of another account.
	minRun = 10 * time.Second
)

// quota bounds the transfers in progress, in all and of each account, and the
// retries of each account. It holds one entry for each account that has made a
// transfer; accounts are made by the operator, so they are few.
//
// No account can keep the others out:
//
//   - An account without a transfer in progress always gets a place, beyond the
//     total if all places are taken.
//   - While all places are taken, an account with less than its share of them gets
//     one from the account with the most: of the transfers of that account that
//     have run for minRun, the one with the lowest rate is ended with an Error of
//     kind Busy. A share is the number of places divided by the number of accounts
//     that use any. A transfer whose last bytes have been passed on is not ended.
type quota struct {
	places     int // in all
	perAccount int // of one account
	now        func() time.Time

	mu       sync.Mutex
	taken    int // by transfers in progress; at most one for each account more than places
	accounts map[string]*usage
}

// PerAccount returns how many transfers one account may have in progress, of all.
func PerAccount(transfers int) int { return max(1, transfers*3/4) }

// usage is what one account uses.
type usage struct {
	inProgress map[*place]struct{}
	retries    float64 // that are left
}

func newQuota(transfers int) *quota {
	return &quota{
		places: transfers, perAccount: PerAccount(transfers), now: time.Now,
		accounts: make(map[string]*usage),
	}
}

// usageOf returns an account's entry. The caller holds mu.
func (q *quota) usageOf(accountID string) *usage {
	u := q.accounts[accountID]
	if u == nil {
		u = &usage{inProgress: make(map[*place]struct{}), retries: retryReserve}
		q.accounts[accountID] = u
	}
	return u
}

// inProgress returns how many places are taken.
func (q *quota) inProgress() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.taken
}

// begin reserves a place for a transfer of an account, or returns an Error of kind
// Busy. The end of the place frees it.
func (q *quota) begin(accountID string) (*place, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	u := q.usageOf(accountID)
	if len(u.inProgress) >= q.perAccount {
		return nil, fail(Busy, nil, "The account already has %d transfers in progress, the limit per account. Retry later.", q.perAccount)
	}
	if q.taken >= q.places && len(u.inProgress) > 0 && !q.makeRoom(u) {
		return nil, fail(Busy, nil, "The server already has %d transfers in progress, its limit. Retry later.", q.places)
	}
	p := &place{quota: q, account: u, began: q.now()}
	p.ended, p.stop = context.WithCancelCause(context.Background())
	q.take(p)
	u.retries = min(u.retries+retryShare, retryReserve)
	return p, nil
}

// take and release keep the counts. The caller holds mu.
func (q *quota) take(p *place) {
	p.account.inProgress[p] = struct{}{}
	q.taken++
}

func (q *quota) release(p *place) {
	if _, holds := p.account.inProgress[p]; holds {
		delete(p.account.inProgress, p)
		q.taken--
	}
}

// makeRoom ends a transfer of the account with the most for an account that has
// less than its share, and reports whether it did. The caller holds mu.
func (q *quota) makeRoom(u *usage) bool {
	var most *usage
	active := 0
	for _, other := range q.accounts {
		if len(other.inProgress) > 0 {
			active++
		}
		if most == nil || len(other.inProgress) > len(most.inProgress) {
			most = other
		}
	}
	// All places are taken: if this account has less than its share, another has more.
	if share := max(1, q.places/active); len(u.inProgress) >= share {
		return false
	}
	slowest := q.slowest(most)
	if slowest == nil {
		return false
	}
	q.release(slowest)
	slowest.stop(fail(Busy, nil, "The transfer was ended because all %d places for transfers were taken, its account used the most of them, "+
		"and it was the account's slowest. The file is not at its destination. Retry later.", q.places))
	return true
}

// slowest returns the transfer of an account with the lowest rate, of those that
// may be ended. It returns nil if there is none.
func (q *quota) slowest(u *usage) (slowest *place) {
	var lowest float64
	for p := range u.inProgress {
		age := q.now().Sub(p.began)
		if p.settled || age < minRun {
			continue
		}
		if rate := float64(p.moved.Load()) / age.Seconds(); slowest == nil || rate < lowest {
			slowest, lowest = p, rate
		}
	}
	return slowest
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

// A place is held by a transfer in progress.
type place struct {
	quota   *quota
	account *usage
	began   time.Time
	moved   atomic.Int64            // bytes that were passed on
	settled bool                    // the last bytes were passed on; guarded by quota.mu
	ended   context.Context         // done when the transfer is ended for another account
	stop    context.CancelCauseFunc // ends it
}

// end frees the place.
func (p *place) end() {
	p.quota.mu.Lock()
	p.quota.release(p)
	p.quota.mu.Unlock()
	p.stop(nil)
}

// within returns ctx, which also ends when the transfer is ended for another
// account, and a function that frees its resources.
func (p *place) within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(p.ended, func() { cancel(context.Cause(p.ended)) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// settle reports whether the last bytes may be passed on. If so, the transfer is
// not ended from now on.
func (p *place) settle() bool {
	p.quota.mu.Lock()
	defer p.quota.mu.Unlock()
	p.settled = p.ended.Err() == nil
	return p.settled
}

// unsettle says that the transfer starts anew.
func (p *place) unsettle() {
	p.quota.mu.Lock()
	p.settled = false
	p.quota.mu.Unlock()
}

// reader returns body, of size bytes. It counts what is read. Once the transfer is
// ended for another account, it returns no more bytes, so that a file is either
// passed on completely or certainly not.
func (p *place) reader(body io.Reader, size int64) io.Reader {
	p.unsettle()
	return &countedReader{place: p, body: body, left: size}
}

type countedReader struct {
	place *place
	body  io.Reader
	left  int64 // bytes
}

func (c *countedReader) Read(b []byte) (int, error) {
	if c.place.ended.Err() != nil {
		return 0, context.Cause(c.place.ended)
	}
	n, err := c.body.Read(b)
	c.place.moved.Add(int64(n))
	c.left -= int64(n)
	if isLast := c.left <= 0 && n > 0 || err == io.EOF; isLast && !c.place.settle() {
		return 0, context.Cause(c.place.ended)
	}
	return n, err
}
