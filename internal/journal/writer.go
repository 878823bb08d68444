package journal

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"ferry/internal/activity"
)

const (
	// maxQueue bounds the entries that wait to be written.
	maxQueue = 4096
	// maxBatch bounds the entries that one transaction writes, so that other writers do
	// not wait for long.
	maxBatch = 256
	// writeInterval is the time between two transactions while few entries wait: they
	// share one wait for the disk.
	writeInterval = 250 * time.Millisecond
	// pollInterval is the time between two looks for entries of other processes, while
	// somebody follows the journal.
	pollInterval = 500 * time.Millisecond
	// purgeInterval is the time between two purges.
	purgeInterval = time.Minute
	// writeTimeout bounds one transaction. It is also the time for the entries that wait
	// when the server stops.
	writeTimeout = 5 * time.Second
	// reportInterval is the time between two lines in the log about entries that were
	// dropped.
	reportInterval = time.Minute
)

// A queue has the entries that wait to be written.
type queue struct {
	entries chan activity.Entry
	full    chan struct{}    // a batch is full
	batch   []activity.Entry // that is being written; only the loop that writes uses it
}

func newQueue() *queue {
	return &queue{entries: make(chan activity.Entry, maxQueue), full: make(chan struct{}, 1)}
}

// put adds an entry. It reports false if there is no room.
func (q *queue) put(e activity.Entry) bool {
	select {
	case q.entries <- e:
	default:
		return false
	}
	if len(q.entries) >= maxBatch {
		select {
		case q.full <- struct{}{}:
		default:
		}
	}
	return true
}

// take adds the entries that wait to the batch, up to maxBatch.
func (q *queue) take() {
	for len(q.batch) < maxBatch {
		select {
		case e := <-q.entries:
			q.batch = append(q.batch, e)
		default:
			return
		}
	}
}

// Run writes to the Store, looks for the entries of other processes and purges, until ctx
// is done; then it writes what waits, and returns nil. Without a Store it waits for ctx.
// One loop writes, so that entries are in the order in which they were appended.
func (j *Journal) Run(ctx context.Context) error {
	if j.ring != nil {
		<-ctx.Done()
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return j.write(ctx) })
	group.Go(func() error { return j.poll(ctx) })
	group.Go(func() error { return j.purge(ctx) })
	return group.Wait()
}

func (j *Journal) write(ctx context.Context) error {
	ticker := time.NewTicker(writeInterval)
	defer ticker.Stop()
	report := reporter{journal: j}
	for {
		select {
		case <-ticker.C:
		case <-j.queue.full:
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
			defer cancel()
			for j.writeBatch(last) {
			}
			j.dropped.Add(int64(len(j.queue.batch) + len(j.queue.entries)))
			report.now()
			return nil
		}
		for j.writeBatch(context.WithoutCancel(ctx)) && len(j.queue.entries) >= maxBatch {
		}
		report.sometimes()
	}
}

// writeBatch writes what waits, and reports whether there was anything and it could be
// written. What could not be is tried again with the next batch, while new entries wait.
func (j *Journal) writeBatch(ctx context.Context) bool {
	q := j.queue
	q.take()
	if len(q.batch) == 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if j.config.Store.AddEntries(ctx, q.batch) != nil {
		return false
	}
	clear(q.batch)
	q.batch = q.batch[:0]
	j.announce()
	return true
}

// A reporter logs how many entries were dropped. Only the loop that writes uses it.
type reporter struct {
	journal  *Journal
	reported int64
	at       time.Time
}

func (r *reporter) sometimes() {
	if time.Since(r.at) >= reportInterval {
		r.now()
	}
}

func (r *reporter) now() {
	dropped := r.journal.Dropped()
	if dropped == r.reported {
		return
	}
	r.journal.config.Logger.Warn("entries of the journal were dropped, because the database did not take them fast enough; 'ferry logs' and 'ferry why' do not show what they report",
		"dropped", dropped-r.reported, "since_start", dropped)
	r.reported, r.at = dropped, time.Now()
}

// poll wakes those who follow the journal when another process has written.
func (j *Journal) poll(ctx context.Context) error {
	var known int64
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
		if !j.isWatched() {
			continue
		}
		within, cancel := context.WithTimeout(ctx, writeTimeout)
		_, last, err := j.config.Store.EntryBounds(within)
		cancel()
		if err == nil && last != known {
			known = last
			j.announce()
		}
	}
}

func (j *Journal) purge(ctx context.Context) error {
	ticker := time.NewTicker(purgeInterval)
	defer ticker.Stop()
	for {
		if _, err := j.config.Store.PurgeEntries(ctx, j.config.Now().Add(-j.config.Keep), j.config.Rows); err != nil && ctx.Err() == nil {
			j.config.Logger.Warn("old entries of the journal cannot be deleted", "error", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}
