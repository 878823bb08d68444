// When access keys were last used.

package state

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// keyUseInterval is the time for which uses of keys are collected before they are
	// recorded, so that a busy key costs one write a minute.
	keyUseInterval = time.Minute
	// keyUseTimeout is the time in which those of the last minute are recorded at a stop.
	keyUseTimeout = 500 * time.Millisecond
)

// keyUses are the uses of keys that are not recorded yet.
type keyUses struct {
	mu   sync.Mutex
	at   map[string]time.Time // by the id of the key; nil means that there are none
	some chan struct{}        // receives when there are some
}

// KeyUsed notes that a call with a key was verified. It is recorded while Run runs, to
// within a minute.
func (s *DB) KeyUsed(id string) {
	s.uses.mu.Lock()
	defer s.uses.mu.Unlock()
	if s.uses.at == nil {
		s.uses.at = make(map[string]time.Time)
		select {
		case s.uses.some <- struct{}{}:
		default:
		}
	}
	s.uses.at[id] = s.now()
}

// lastUse returns the later one of what is recorded of a key and what is not yet.
func (s *DB) lastUse(id string, recorded sql.NullInt64) (at time.Time) {
	s.uses.mu.Lock()
	defer s.uses.mu.Unlock()
	at = s.uses.at[id]
	if recorded.Valid && recorded.Int64 > at.UnixMilli() {
		return time.UnixMilli(recorded.Int64)
	}
	return at
}

// recordKeyUses records uses of keys until ctx is done. It uses no time when there are none.
func (s *DB) recordKeyUses(ctx context.Context) error {
	for ctx.Err() == nil {
		select {
		case <-s.uses.some:
		case <-ctx.Done():
		}
		select {
		case <-time.After(keyUseInterval):
			s.flushKeyUses(ctx)
		case <-ctx.Done():
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), keyUseTimeout)
	defer cancel()
	s.flushKeyUses(last)
	return nil
}

// flushKeyUses records the uses that are not recorded yet. What cannot be recorded is
// dropped: a key that is in use is noted again.
func (s *DB) flushKeyUses(ctx context.Context) {
	s.uses.mu.Lock()
	uses := s.uses.at
	s.uses.at = nil
	s.uses.mu.Unlock()
	if len(uses) == 0 {
		return
	}
	err := s.inTransaction(ctx, func(tx *sql.Tx) error {
		for _, id := range slices.Sorted(maps.Keys(uses)) { // in one order, so that processes do not block each other
			for _, isTemporary := range []bool{false, true} {
				if _, err := tx.ExecContext(ctx, `UPDATE `+keyTable(isTemporary)+` SET used_at = $2 WHERE id = $1 AND (used_at IS NULL OR used_at < $2)`, id, uses[id].UnixMilli()); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		s.logger.Warn("recording when access keys were used failed", "error", err)
	}
}
