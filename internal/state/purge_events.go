// Removal of events and messages that have ended, with their deliveries and lanes.

package state

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"ferry/internal/outbox"
)

const (
	// deliveredKept is how long deliveries that were made are kept, and events
	// without deliveries.
	deliveredKept = 7 * 24 * time.Hour
	// undeliveredKept is how long dead letters and cancelled deliveries are kept, and
	// messages: until then, the statuses that Meta reports find them.
	undeliveredKept = 30 * 24 * time.Hour
)

// purgeEvents deletes deliveries that have ended long ago, then events without
// deliveries, and then lanes without deliveries.
func (s *DB) purgeEvents(ctx context.Context) (removed int64, err error) {
	now := s.now()
	delivered, undelivered := now.Add(-deliveredKept).UnixMilli(), now.Add(-undeliveredKept).UnixMilli()
	for _, step := range []func() (int64, error){
		func() (int64, error) { return s.purgeDeliveries(ctx, outbox.Delivered, delivered) },
		func() (int64, error) { return s.purgeDeliveries(ctx, outbox.Replayed, delivered) },
		func() (int64, error) { return s.purgeDeliveries(ctx, outbox.Dead, undelivered) },
		func() (int64, error) { return s.purgeDeliveries(ctx, outbox.Cancelled, undelivered) },
		func() (int64, error) {
			return s.purgeUnused(ctx, "event", "created_at, id", []any{int64(0), ""},
				`created_at <= $1 AND (kind = 'event' OR created_at <= $2) AND NOT EXISTS (SELECT 1 FROM delivery WHERE event_id = event.id)`,
				delivered, undelivered)
		},
		func() (int64, error) {
			return s.purgeUnused(ctx, "lane", "id", []any{""}, `due_at IS NULL AND NOT EXISTS (SELECT 1 FROM delivery WHERE lane_id = lane.id)`)
		},
	} {
		n, err := step()
		removed += n
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// purgeDeliveries deletes the deliveries with a state that ended before a time.
func (s *DB) purgeDeliveries(ctx context.Context, state string, before int64) (removed int64, err error) {
	for {
		result, err := s.exec(ctx, `DELETE FROM delivery WHERE (lane_id, seq) IN (
			SELECT lane_id, seq FROM delivery WHERE ended_at IS NOT NULL AND state = $1 AND ended_at <= $2 LIMIT $3)`, state, before, purgeBatch)
		if err != nil {
			return removed, err
		}
		n, err := result.RowsAffected()
		if removed += n; err != nil || n < purgeBatch {
			return removed, err
		}
	}
}

// purgeUnused deletes the rows of a table for which a condition holds, in the order of
// a key, which ends with the id; after is less than every key. It locks them before it
// looks at the condition for the last time: what another process has just put in, for
// example to replay an event, is seen by that statement or prevents the lock. The
// parameters of the condition begin with $1.
func (s *DB) purgeUnused(ctx context.Context, table, key string, after []any, condition string, values ...any) (removed int64, err error) {
	last := make([]any, len(after))
	for i := range after {
		last[i] = &after[i]
	}
	for {
		var ids []any
		err := s.inTransaction(ctx, func(tx *sql.Tx) error {
			ids = nil
			err := eachRow(ctx, tx, func(rows *sql.Rows) error {
				err := rows.Scan(last...)
				ids = append(ids, after[len(after)-1])
				return err
			}, `SELECT `+key+` FROM `+table+` WHERE `+condition+` AND (`+key+`) > (`+parameters(len(values)+1, len(after))+`)
				ORDER BY `+key+` LIMIT `+parameters(len(values)+len(after)+1, 1)+s.locking(`FOR UPDATE SKIP LOCKED`), slices.Concat(values, after, []any{purgeBatch})...)
			if err != nil || len(ids) == 0 {
				return err
			}
			result, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE `+condition+` AND id IN (`+parameters(len(values)+1, len(ids))+`)`, slices.Concat(values, ids)...)
			if err != nil {
				return err
			}
			n, err := result.RowsAffected()
			removed += n
			return err
		})
		if err != nil || len(ids) < purgeBatch {
			return removed, err
		}
	}
}
