// Whether the database can be written: what is done when it cannot, for example
// because the disk is full, and when it can again.

package state

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"time"
)

const (
	// freeReserve is the free space, in bytes, below which Writable refuses. It is for
	// the records of the uploads in progress, and of what becomes of messages and of
	// deliveries: the record of an upload and its indexes take up to five pages of 4 KiB
	// in the log of SQLite, 256 of them take 5 MiB.
	freeReserve = 16 << 20
	// writableAge is how long an answer of Writable may be reused.
	writableAge = time.Second
	// probeSize is the size of the row, in bytes, that tries whether the database can
	// be written again.
	probeSize = 64 << 10
)

// writability is what is known of the ability to write. The zero value means that
// nothing has failed.
type writability struct {
	mu      sync.Mutex
	broken  error     // why the last write failed; nil means that writes work
	isFatal bool      // broken until the process starts again
	low     error     // that there is too little free space; nil means there is enough
	lowAt   time.Time // when low was found out
	probed  time.Time // when a write was tried last
	fatal   chan error
}

// wrote is called with the result of every write. It returns the error with what
// can be done about it, and remembers that the database cannot be written.
func (s *DB) wrote(err error) error {
	kind, err := explain(err)
	switch kind {
	case busy, full, broken, lost, unsure:
		s.unwritten(err, kind)
	}
	return err
}

// unwritten remembers that the database cannot be written, and why.
func (s *DB) unwritten(err error, kind failure) {
	w := &s.writability
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken == nil {
		s.logger.Error("the database cannot be written: uploads, deletions, messages and webhooks are refused until it can", "error", err)
	}
	if !w.isFatal {
		w.broken, w.probed = err, s.machine()
	}
	if s.isPostgres && kind == broken {
		s.write.SetMaxIdleConns(0) // closes them: another server may be the primary now
		s.write.SetMaxIdleConns(s.write.Stats().MaxOpenConnections)
	}
	if kind == unsure && !w.isFatal {
		w.isFatal = true
		w.fatal <- err
	}
}

// Writable returns an error that is ErrUnwritable if a write would fail: if the last
// one has failed and a new try does, too, or if the disk has too little free space
// for recording what is in progress. It costs nothing while all is well.
//
// It is no guarantee: another program may fill the disk a moment later, and a quota
// is not seen before a write fails.
func (s *DB) Writable(ctx context.Context) error {
	w, now := &s.writability, s.machine()
	w.mu.Lock()
	if s.isFile() && !isRecent(now, w.lowAt) {
		s.checkFree()
		w.lowAt = now
	}
	if w.low != nil {
		defer w.mu.Unlock()
		return w.low
	}
	if w.broken == nil || w.isFatal || isRecent(now, w.probed) {
		defer w.mu.Unlock()
		return w.broken
	}
	w.probed = now // the others get the last result meanwhile
	w.mu.Unlock()
	return s.probe(ctx)
}

func isRecent(now, at time.Time) bool {
	age := now.Sub(at)
	return 0 <= age && age < writableAge
}

// checkFree sets whether there is too little free space. The caller has locked
// writability.
func (s *DB) checkFree() {
	before := s.writability.low
	system, err := s.config.filesystem()
	if err != nil || system.Free >= freeReserve {
		s.writability.low = nil
	} else {
		s.writability.low = &writeError{kind: ErrUnwritable,
			reason: fmt.Sprintf("its disk has only %d MiB of free space, less than the %d MiB that are kept for recording what is in progress. Free some space there; ferry then continues by itself", system.Free>>20, freeReserve>>20)}
	}
	switch after := s.writability.low; {
	case before == nil && after != nil:
		s.logger.Error("uploads, deletions, messages and webhooks are refused", "error", after)
	case before != nil && after == nil:
		s.logger.Info("the disk of the database has free space again")
	}
}

// probe tries to write, and returns why that fails.
func (s *DB) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	err := s.inTransaction(ctx, func(tx *sql.Tx) error {
		const id = "probe"
		if _, err := tx.ExecContext(ctx, `INSERT INTO keyset_check (id, sealed) VALUES ($1, $2)`, id, make([]byte, probeSize)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM keyset_check WHERE id = $1`, id)
		return err
	})
	if err != nil {
		return err
	}
	w := &s.writability
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.isFatal {
		w.broken = nil
		s.logger.Info("the database can be written again")
	}
	return w.broken
}
