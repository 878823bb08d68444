// Writes that end at the same time, committed together: each commit waits for
// the disk once, however many share it.

package store

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

// gatherTime is how long a batch waits for company, when the one before had some.
const gatherTime = 2 * time.Millisecond

var errNotCommitted = errors.New("the record was not committed")

// batcher commits writes of one kind.
type batcher[T any] struct {
	store *Store
	// apply makes the writes in a transaction. outcomes has an element for each; an
	// err undoes all.
	apply func(ctx context.Context, tx *sql.Tx, writes []T) (outcomes []error, err error)

	mu     sync.Mutex
	next   *batch[T]  // the one that can still be joined; nil = none
	commit sync.Mutex // held by the batch that is being committed, and for
	busy   bool       // whether that one had more than one write
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
		if b.busy {
			time.Sleep(gatherTime)
		}
		b.mu.Lock()
		b.next = nil
		b.busy = len(mine.writes) > 1
		b.mu.Unlock()
		b.run(ctx, mine)
	}
	<-mine.done
	return mine.outcomes[place]
}

// run commits a batch and lets go of the lock, whatever happens. Should that
// fail, each write is made by itself, so that one that cannot be made fails alone.
func (b *batcher[T]) run(ctx context.Context, all *batch[T]) {
	all.outcomes = slices.Repeat([]error{errNotCommitted}, len(all.writes))
	defer func() {
		b.commit.Unlock()
		close(all.done)
	}()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	outcomes, err := b.inTransaction(ctx, all.writes)
	if err == nil {
		all.outcomes = outcomes
		return
	}
	for i := range all.writes {
		if outcomes, err = b.inTransaction(ctx, all.writes[i:i+1]); err == nil {
			err = outcomes[0]
		}
		all.outcomes[i] = err
	}
}

func (b *batcher[T]) inTransaction(ctx context.Context, writes []T) (outcomes []error, err error) {
	err = b.store.inTransaction(ctx, func(tx *sql.Tx) error {
		outcomes, err = b.apply(ctx, tx, writes)
		return err
	})
	return outcomes, err
}
