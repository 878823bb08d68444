package journal

import (
	"slices"
	"sync"

	"ferry/internal/activity"
)

// A ring has the last entries.
type ring struct {
	size int

	mu      sync.Mutex
	entries []activity.Entry // grows up to size; then the oldest is overwritten
	last    int64            // number of the newest entry
}

// add adds an entry and sets its number.
func (r *ring) add(e activity.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	e.Seq = r.last
	if len(r.entries) < r.size {
		r.entries = append(r.entries, e)
		return
	}
	r.entries[(r.last-1)%int64(r.size)] = e
}

// bounds returns the numbers of the oldest and of the newest entry.
func (r *ring) bounds() (first, last int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last - int64(len(r.entries)) + 1, r.last
}

// read returns the entries that a filter selects.
func (r *ring) read(f Filter) []activity.Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []activity.Entry
	take := func(seq int64) bool {
		if e := &r.entries[(seq-1)%int64(r.size)]; f.selects(e) {
			found = append(found, bounded(*e))
		}
		return len(found) < f.Limit
	}
	first := max(r.last-int64(len(r.entries)), f.After) + 1
	if !f.Latest {
		for seq := first; seq <= r.last && take(seq); seq++ {
		}
		return found
	}
	for seq := r.last; seq >= first && take(seq); seq-- {
	}
	slices.Reverse(found)
	return found
}
