package journal

import (
	"slices"
	"sync"
	"time"

	"ferry/internal/activity"
)

// A ring has the last entries.
type ring struct {
	size int

	mu      sync.Mutex
	entries []activity.Entry // grows up to size; then the oldest is overwritten
	last    int64            // number of the newest entry
	cleared int64            // number of the last entry that was removed by clear
}

// clear removes all entries. Their numbers are not used again.
func (r *ring) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleared = r.last
}

// kept returns how many entries there are. The caller holds r.mu.
func (r *ring) kept() int64 { return min(int64(len(r.entries)), r.last-r.cleared) }

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
	return r.last - r.kept() + 1, r.last
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
	first, last := max(r.last-r.kept(), f.After)+1, r.last
	if f.Before > 0 {
		last = min(last, f.Before-1)
	}
	if !f.Latest {
		for seq := first; seq <= last && take(seq); seq++ {
		}
		return found
	}
	for seq := last; seq >= first && take(seq); seq-- {
	}
	slices.Reverse(found)
	return found
}

// count counts the newest entries since a time.
func (r *ring) count(account string, since time.Time) map[activity.Kind]Count {
	r.mu.Lock()
	defer r.mu.Unlock()
	counts := make(map[activity.Kind]Count)
	for i := range min(int(r.kept()), MaxCounted) {
		e := &r.entries[(r.last-1-int64(i))%int64(r.size)]
		if e.Time.Before(since) || account != "" && e.Account != account {
			continue
		}
		c := counts[e.Kind]
		c.Kind, c.All, c.Last = e.Kind, c.All+1, max(c.Last, e.Seq)
		if e.Outcome.IsFailure() {
			c.Failed++
		}
		counts[e.Kind] = c
	}
	return counts
}
