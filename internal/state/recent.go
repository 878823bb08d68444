// A short-lived cache of the rows that every call needs.

package state

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// freshness is how long an access key, a sender, a reusable file or the destinations
	// of a business account are cached.
	// Changes by other processes take effect after at most this time, for example
	// the deletion of a key; changes by this process take effect at once.
	freshness = time.Second
	// maxRecent is the maximum number of cached rows of each kind.
	maxRecent = 1024
)

// recent caches rows of one kind by key.
type recent[V any] struct {
	rows *lru.Cache[string, row[V]]
	now  func() time.Time

	mu      sync.Mutex
	changes int // number of changes by this process
}

type row[V any] struct {
	value V
	until time.Time
}

func newRecent[V any](now func() time.Time) *recent[V] {
	rows, err := lru.New[string, row[V]](maxRecent)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &recent[V]{rows: rows, now: now}
}

// get returns the cached row of a key, or reads it. Errors are not cached, and
// neither are rows that may have been read before a change.
func (r *recent[V]) get(key string, read func() (V, error)) (V, error) {
	if cached, ok := r.rows.Get(key); ok && r.now().Before(cached.until) {
		return cached.value, nil
	}
	r.mu.Lock()
	before := r.changes
	r.mu.Unlock()
	until := r.now().Add(freshness) // counted from before the read
	value, err := read()
	if err != nil {
		return value, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changes == before {
		r.rows.Add(key, row[V]{value, until})
	}
	return value, nil
}

// clear empties the cache, after a change.
func (r *recent[V]) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes++
	r.rows.Purge()
}

// clearRecent empties the caches of keys, senders and linked accounts, after a change.
func (s *DB) clearRecent() {
	s.keys.clear()
	s.senders.clear()
	s.linked.clear()
}
