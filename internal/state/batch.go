// Writes that end at the same time, committed together: each commit waits for
// the disk once, however many share it.

package state

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"time"
)

// commitTimeout bounds one commit, waiting for the writer included.
const commitTimeout = 15 * time.Second

var errNotCommitted = errors.New("the record was not committed")

// batcher commits writes of one kind.
type batcher[T any] struct {
	store *DB
	// apply makes the writes in a transaction. outcomes has an element for each; an
	// err undoes all.
	apply func(ctx context.Context, tx *sql.Tx, writes []T) (outcomes []error, err error)

	mu     sync.Mutex
	next   *batch[T]  // the one that can still be joined; nil = none
	commit sync.Mutex // held by the batch that is being committed
}

// batch is what one transaction commits. It holds at most one write of each
// call in flight.
type batch[T any] struct {
	writes   []T
	outcomes []error // one each, once done is closed
	done     chan struct{}
}

// write makes a write, durably before it returns. It does not stop when ctx
// does: what it records has happened.
func (b *batcher[T]) write(ctx context.Context, w T) error {
	b.mu.Lock()
	mine := b.next
	isFirst := mine == nil
	if isFirst {
		mine = &batch[T]{done: make(chan struct{})}
		b.next = mine
	}
	place := len(mine.writes)
	mine.writes = append(mine.writes, w)
	b.mu.Unlock()

	if isFirst {
		b.commit.Lock() // until the batch before is on disk, others join this one
		b.mu.Lock()
		b.next = nil
		b.mu.Unlock()
		b.run(ctx, mine)
	}
	<-mine.done
	return mine.outcomes[place]
}

// run commits a batch and lets go of the lock, whatever happens. When a write
// cannot be made, each is made by itself, so that this one fails alone. When the
// commit fails, nobody knows whether it has happened: then all fail.
func (b *batcher[T]) run(ctx context.Context, all *batch[T]) {
	all.outcomes = slices.Repeat([]error{errNotCommitted}, len(all.writes))
	defer func() {
		b.commit.Unlock()
		close(all.done)
	}()
	ctx = context.WithoutCancel(ctx)
	outcomes, cannotApply, err := b.inTransaction(ctx, all.writes)
	switch {
	case err == nil:
		all.outcomes = outcomes
	case !cannotApply:
		all.outcomes = slices.Repeat([]error{err}, len(all.writes))
	default:
		for i := range all.writes {
			if outcomes, _, err = b.inTransaction(ctx, all.writes[i:i+1]); err == nil {
				err = outcomes[0]
			}
			all.outcomes[i] = err
		}
	}
}

// inTransaction makes writes in one transaction; cannotApply says that an error is of a write.
func (b *batcher[T]) inTransaction(ctx context.Context, writes []T) (outcomes []error, cannotApply bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	err = b.store.inTransaction(ctx, func(tx *sql.Tx) (err error) {
		outcomes, err = b.apply(ctx, tx, writes)
		cannotApply = err != nil
		return err
	})
	return outcomes, cannotApply, err
}
