// Group commit: writes that arrive while a commit waits for the disk share the
// next commit.

package state

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"time"
)

const (
	// uncertainTime is how long a batch tries to find out whether it was committed, and
	// uncertainInterval the time between two tries.
	uncertainTime     = 15 * time.Second
	uncertainInterval = 100 * time.Millisecond
)

var errNotCommitted = errors.New("the record was not committed")

// batcher commits writes of one kind in batches.
type batcher[T any] struct {
	db *DB
	// apply makes the writes in a transaction. outcomes has one element per write.
	// After an err the transaction is rolled back.
	apply func(ctx context.Context, tx *sql.Tx, writes []T) (outcomes []error, err error)
	// isIdempotent says that a write which is made twice has the same result and the same
	// outcome as one. Then a batch whose commit is uncertain is committed again.
	isIdempotent bool

	mu     sync.Mutex
	next   *batch[T]  // the batch that new writes join; nil means none
	commit sync.Mutex // held while a batch is being committed
}

// batch is the writes of one transaction: at most one per request in progress.
type batch[T any] struct {
	writes   []T
	outcomes []error // one per write; set when done is closed
	done     chan struct{}
}

// write makes a write, which is durable when write returns. It ignores
// cancellation of ctx, because what it records has already happened.
func (b *batcher[T]) write(ctx context.Context, w T) error {
	b.mu.Lock()
	joined := b.next
	isFirst := joined == nil
	if isFirst {
		joined = &batch[T]{done: make(chan struct{})}
		b.next = joined
	}
	index := len(joined.writes)
	joined.writes = append(joined.writes, w)
	b.mu.Unlock()

	if isFirst {
		b.commit.Lock() // other writes join this batch until the previous one is on disk
		b.mu.Lock()
		b.next = nil
		b.mu.Unlock()
		b.run(ctx, joined)
	}
	<-joined.done
	return joined.outcomes[index]
}

// run commits a batch and releases the lock, even after a panic. If a write
// fails, run makes each write in a transaction of its own, so that only that
// write fails. If the commit fails, it may still have happened; then all writes
// fail.
func (b *batcher[T]) run(ctx context.Context, all *batch[T]) {
	all.outcomes = slices.Repeat([]error{errNotCommitted}, len(all.writes))
	defer func() {
		b.commit.Unlock()
		close(all.done)
	}()
	ctx = context.WithoutCancel(ctx)
	outcomes, cannotApply, err := b.certainly(ctx, all.writes)
	switch {
	case err == nil:
		all.outcomes = outcomes
	case !cannotApply:
		all.outcomes = slices.Repeat([]error{err}, len(all.writes))
	default:
		for i := range all.writes {
			if outcomes, _, err = b.certainly(ctx, all.writes[i:i+1]); err == nil {
				err = outcomes[0]
			}
			all.outcomes[i] = err
		}
	}
}

// certainly makes writes in one transaction. If the server did not confirm the commit, and
// the writes are idempotent, it makes them again until it is known what has become of
// them, for uncertainTime at most.
func (b *batcher[T]) certainly(ctx context.Context, writes []T) (outcomes []error, cannotApply bool, err error) {
	outcomes, cannotApply, err = b.inTransaction(ctx, writes)
	if !b.isIdempotent || !errors.Is(err, ErrUncertain) {
		return outcomes, cannotApply, err
	}
	uncertain := err
	for end := time.Now().Add(uncertainTime); time.Now().Before(end); {
		time.Sleep(uncertainInterval)
		outcomes, cannotApply, err = b.inTransaction(ctx, writes)
		if err == nil || cannotApply {
			return outcomes, cannotApply, err
		}
	}
	return nil, false, uncertain
}

// inTransaction makes writes in one transaction. cannotApply reports whether err
// comes from a write, not from the database, the commit or the deadline.
func (b *batcher[T]) inTransaction(ctx context.Context, writes []T) (outcomes []error, cannotApply bool, err error) {
	err = b.db.inTransaction(ctx, func(tx *sql.Tx) (err error) {
		outcomes, err = b.apply(ctx, tx, writes)
		cannotApply = err != nil
		return err
	})
	return outcomes, cannotApply && !errors.Is(err, ErrUnwritable), err
}
