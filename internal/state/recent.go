// Rows that every call needs, remembered for a moment.

package state

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// Freshness is how long an access key, a sender or a reusable file is used
	// without being read again. A key that another process deletes, a policy or a token that it
	// changes, counts after at most this time; changes of this process at once.
	Freshness = time.Second
	// maxRecent bounds how many rows of a kind are remembered.
	maxRecent = 1024
)

// recent are rows of a kind by their key.
type recent[V any] struct {
	rows *lru.Cache[string, row[V]]
	now  func() time.Time

	mu      sync.Mutex
	changes int // of this process
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

// get gives the row of a key, or reads it. What is not found is not remembered,
// nor what may have been read before a change.
func (r *recent[V]) get(key string, read func() (V, error)) (V, error) {
	if kept, known := r.rows.Get(key); known && r.now().Before(kept.until) {
		return kept.value, nil
	}
	r.mu.Lock()
	before := r.changes
	r.mu.Unlock()
	until := r.now().Add(Freshness) // from before it was read
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

// forget makes the next calls read what they need again.
func (r *recent[V]) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes++
	r.rows.Purge()
}

// forgetRecent forgets keys and senders.
func (s *DB) forgetRecent() {
	s.keys.forget()
	s.senders.forget()
}
