// Package journal keeps what happened (internal/activity), so that it can be read
// afterwards and followed: by the console, `ferry logs` and `ferry why`.
//
// A [Journal] is an [activity.Sink]. It is either a ring in memory, for `ferry dev`,
// `ferry demo` and tests, or a table of a database, for `ferry serve`. Both have the same
// methods.
//
//	journal.go  Journal, and how it is read and followed
//	filter.go   which entries are read
//	ring.go     the last entries, in memory
//	writer.go   the loop that writes to a database
//	row.go      entries as they are stored there
//
// It has no payloads: no bodies of messages or events, no files, and no stacks.
package journal

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"ferry/internal/activity"
)

const (
	// DefaultSize is the default of Config.Size.
	DefaultSize = 10_000
	// DefaultKeep is the default of Config.Keep.
	DefaultKeep = 7 * 24 * time.Hour
	// DefaultRows is the default of Config.Rows.
	DefaultRows = 100_000
	// MaxPage bounds the entries that Read returns at once.
	MaxPage = 1000
)

// Config configures a Journal.
type Config struct {
	// Store keeps the entries. Default: memory.
	Store Store
	// Size is the number of entries that are kept in memory, if there is no Store.
	// Default: 10,000.
	Size int
	// Keep is how long a Store keeps an entry. Default: 168h, which is 7 days.
	Keep time.Duration
	// Rows is how many entries a Store keeps. Default: 100,000.
	Rows int
	// Logger receives a warning when entries were dropped. Default: it is discarded.
	Logger *slog.Logger
	// Now returns the current time. Default: time.Now.
	Now func() time.Time
}

// Store is a database. Its methods are safe for concurrent use.
type Store interface {
	// AddEntries stores entries and assigns their numbers, which grow in the order in
	// which they can be read: whoever has read the entries up to a number finds new ones
	// above it only.
	AddEntries(ctx context.Context, entries []activity.Entry) error
	// Entries returns the entries that a filter selects, oldest first.
	Entries(ctx context.Context, f Filter) ([]activity.Entry, error)
	// EntryBounds returns the numbers of the oldest and of the newest entry; of an empty
	// journal, first is last+1.
	EntryBounds(ctx context.Context) (first, last int64, err error)
	// CountEntries counts those of the newest MaxCounted entries that are not older than
	// since, by kind. An empty account means all accounts.
	CountEntries(ctx context.Context, account string, since time.Time) (map[activity.Kind]Count, error)
	// PurgeEntries deletes entries that are older than before, and all but the newest ones.
	PurgeEntries(ctx context.Context, before time.Time, rows int) (int64, error)
}

// Journal keeps entries. It is safe for concurrent use.
type Journal struct {
	config Config
	ring   *ring  // nil if there is a Store
	queue  *queue // nil if there is none

	dropped atomic.Int64

	mu   sync.Mutex
	next chan struct{} // closed by the next change; nil means that nobody waits
}

// New returns a Journal. With a Store, Run must run.
func New(config Config) *Journal {
	if config.Size <= 0 {
		config.Size = DefaultSize
	}
	if config.Keep <= 0 {
		config.Keep = DefaultKeep
	}
	if config.Rows <= 0 {
		config.Rows = DefaultRows
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	j := &Journal{config: config}
	if config.Store == nil {
		j.ring = &ring{entries: make([]activity.Entry, 0, min(config.Size, 64)), size: config.Size}
	} else {
		j.queue = newQueue()
	}
	return j
}

// readings are calls that only look at what happened. They are not kept: whoever follows
// the journal would see nothing but that.
var readings = map[string]bool{"ListEntries": true, "Why": true, "Stream": true, "ListEvents": true, "CountEvents": true, "ListDestinations": true}

// Append takes an entry, unless it is an Upload, whose parts are entries of their own. It never blocks: an entry that the database does not take fast
// enough is dropped and counted.
func (j *Journal) Append(e activity.Entry) {
	if e.Kind == activity.Upload || e.Kind == activity.Call && e.Outcome == activity.OK && readings[e.Operation] {
		return
	}
	if e.Time.IsZero() {
		e.Time = j.config.Now()
	}
	if j.ring != nil {
		j.ring.add(e)
		j.announce()
		return
	}
	if !j.queue.put(e) {
		j.dropped.Add(1)
	}
}

// Clear removes all entries of a journal in memory.
func (j *Journal) Clear() {
	if j.ring != nil {
		j.ring.clear()
		j.announce()
	}
}

// Dropped returns how many entries were dropped.
func (j *Journal) Dropped() int64 { return j.dropped.Load() }

// Kept describes for how long entries are kept: "7 days", or "the last 10,000 entries".
func (j *Journal) Kept() Kept {
	if j.ring != nil {
		return Kept{Entries: j.config.Size}
	}
	return Kept{Entries: j.config.Rows, Time: j.config.Keep}
}

// Kept is what a journal keeps at most.
type Kept struct {
	Entries int
	Time    time.Duration // 0 means that only the number of entries counts
}

// Read returns the entries that a filter selects, oldest first, at most MaxPage.
func (j *Journal) Read(ctx context.Context, f Filter) ([]activity.Entry, error) {
	if f.Limit <= 0 || f.Limit > MaxPage {
		f.Limit = MaxPage
	}
	if j.ring != nil {
		return j.ring.read(f), nil
	}
	return j.config.Store.Entries(ctx, f)
}

// Count counts those of the newest MaxCounted entries that are not older than since, by
// kind. An empty account means all accounts.
func (j *Journal) Count(ctx context.Context, account string, since time.Time) (map[activity.Kind]Count, error) {
	if j.ring != nil {
		return j.ring.count(account, since), nil
	}
	return j.config.Store.CountEntries(ctx, account, since)
}

// Bounds returns the numbers of the oldest and of the newest entry; of an empty journal,
// first is last+1.
func (j *Journal) Bounds(ctx context.Context) (first, last int64, err error) {
	if j.ring != nil {
		first, last = j.ring.bounds()
		return first, last, nil
	}
	return j.config.Store.EntryBounds(ctx)
}

// Changed returns a channel that is closed when there are entries that Read did not
// return before the call of Changed. Who follows the journal calls Changed, then Read
// with the number of the last entry, and waits if there is nothing.
func (j *Journal) Changed() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.next == nil {
		j.next = make(chan struct{})
	}
	return j.next
}

// announce wakes all who wait.
func (j *Journal) announce() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.next != nil {
		close(j.next)
		j.next = nil
	}
}

// isWatched reports whether somebody waits.
func (j *Journal) isWatched() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.next != nil
}
