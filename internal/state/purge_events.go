// Removal of events and messages that have ended, with their deliveries and lanes.

package state

import (
	"context"
	"database/sql"
	"maps"
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

// purgedLanes bounds the lanes that one purge examines because they may have no
// deliveries, besides those whose last delivery it deletes.
const purgedLanes = 20_000

// purgeEvents deletes deliveries that have ended long ago, with the lanes that have no
// others, and then events without deliveries. What is deleted is looked for before each
// transaction, which examines a batch.
func (s *DB) purgeEvents(ctx context.Context) (removed int64, err error) {
	now := s.Clock()
	delivered, undelivered := now.Add(-deliveredKept).UnixMilli(), now.Add(-undeliveredKept).UnixMilli()
	for _, step := range []func() (int64, error){
		func() (int64, error) { return s.purgeDeliveries(ctx, outbox.Delivered, delivered) },
		func() (int64, error) { return s.purgeDeliveries(ctx, outbox.Replayed, delivered) },
		func() (int64, error) { return s.purgeDeliveries(ctx, outbox.Dead, undelivered) },
		func() (int64, error) { return s.purgeDeliveries(ctx, outbox.Cancelled, undelivered) },
		func() (int64, error) { return s.purgeEventsWithout(ctx, delivered, undelivered) },
		func() (int64, error) { return s.purgeLanesWithout(ctx) },
	} {
		n, err := step()
		removed += n
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// endedDeliveries is the query of a batch of deliveries with a state that ended before a
// time.
const endedDeliveries = `SELECT lane_id, seq FROM delivery WHERE ended_at IS NOT NULL AND state = $1 AND ended_at <= $2 LIMIT $3`

// purgeDeliveries deletes the deliveries with a state that ended before a time, and the
// lanes that have no others.
func (s *DB) purgeDeliveries(ctx context.Context, state string, before int64) (removed int64, err error) {
	for {
		var n int64
		err := s.inTransaction(ctx, func(tx *sql.Tx) (err error) {
			n, err = s.purgeDeliveryBatch(ctx, tx, state, before)
			return err
		})
		if removed += n; err != nil || n < purgeBatch {
			return removed, err
		}
	}
}

// purgeDeliveryBatch locks the lanes before it deletes, so that nobody puts a delivery
// into a lane that is deleted, or deletes another delivery of it at the same time.
func (s *DB) purgeDeliveryBatch(ctx context.Context, tx *sql.Tx, state string, before int64) (removed int64, err error) {
	var values []any
	lanes := make(map[string]bool)
	err = eachRow(ctx, tx, func(rows *sql.Rows) error {
		var lane string
		var seq int64
		err := rows.Scan(&lane, &seq)
		values, lanes[lane] = append(values, lane, seq), true
		return err
	}, endedDeliveries, state, before, purgeBatch)
	if err != nil || len(values) == 0 {
		return 0, err
	}
	ids := anySlice(slices.Sorted(maps.Keys(lanes)))
	in := parameters(1, len(ids))
	err = eachRow(ctx, tx, func(*sql.Rows) error { return nil }, `SELECT id FROM lane WHERE id IN (`+in+`) ORDER BY id`+s.locking(`FOR UPDATE`), ids...)
	if err != nil {
		return 0, err
	}
	result, err := tx.ExecContext(ctx, `DELETE FROM delivery WHERE (lane_id, seq) IN (VALUES `+typed(len(values)/2, "TEXT", "BIGINT")+`) AND state = `+
		parameters(len(values)+1, 1), append(values, state)...)
	if err != nil {
		return 0, err
	}
	if removed, err = result.RowsAffected(); err != nil {
		return 0, err
	}
	return removed, deleteLanes(ctx, tx, ids)
}

// deleteLanes deletes those of some lanes, which are locked, that have no deliveries.
func deleteLanes(ctx context.Context, tx *sql.Tx, ids []any) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM lane WHERE id IN (`+parameters(1, len(ids))+`) AND due_at IS NULL
		AND NOT EXISTS (SELECT 1 FROM delivery WHERE lane_id = lane.id)`, ids...)
	return err
}

// isPurgeable is the condition for events of which nothing is left to be delivered. $1
// and $2 are the times before which they were recorded.
const isPurgeable = `created_at <= $1 AND (kind = 'event' OR created_at <= $2) AND NOT EXISTS (SELECT 1 FROM delivery WHERE event_id = event.id)`

// purgeableEvents returns the query of a batch of events that are deleted, after the
// given one.
func purgeableEvents(created int64, id string, delivered, undelivered int64) statement {
	return statement{`SELECT created_at, id FROM event WHERE ` + isPurgeable + ` AND (created_at, id) > ($3, $4) ORDER BY created_at, id LIMIT $5`,
		[]any{delivered, undelivered, created, id, purgeBatch}}
}

// purgeEventsWithout deletes old events without deliveries. It locks them before it
// looks at the condition for the last time: what another process has just put in, for
// example to replay an event, is seen by that statement or prevents the lock.
func (s *DB) purgeEventsWithout(ctx context.Context, delivered, undelivered int64) (removed int64, err error) {
	var created int64
	var id string
	for {
		ids, err := s.readPurgeable(ctx, purgeableEvents(created, id, delivered, undelivered), &created, &id)
		if err != nil || len(ids) == 0 {
			return removed, err
		}
		err = s.inTransaction(ctx, func(tx *sql.Tx) error {
			in := ` AND id IN (` + parameters(3, len(ids)) + `)`
			values := append([]any{delivered, undelivered}, ids...)
			lock := `SELECT id FROM event WHERE ` + isPurgeable + in + ` ORDER BY id` + s.locking(`FOR UPDATE SKIP LOCKED`)
			var locked []any
			err := eachRow(ctx, tx, func(rows *sql.Rows) error {
				var id string
				err := rows.Scan(&id)
				locked = append(locked, id)
				return err
			}, lock, values...)
			if err != nil || len(locked) == 0 {
				return err
			}
			result, err := tx.ExecContext(ctx, `DELETE FROM event WHERE `+isPurgeable+` AND id IN (`+parameters(3, len(locked))+`)`,
				append([]any{delivered, undelivered}, locked...)...)
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

// readPurgeable returns the ids of a batch, and sets what the next one begins after.
func (s *DB) readPurgeable(ctx context.Context, query statement, created *int64, id *string) (ids []any, err error) {
	rows, err := s.read.QueryContext(ctx, query.text, query.values...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(created, id); err != nil {
			return nil, err
		}
		ids = append(ids, *id)
	}
	return ids, rows.Err()
}

// unusedLanes is the query of a batch of lanes, with whether each may be unused.
const unusedLanes = `SELECT id, due_at IS NULL AND NOT EXISTS (SELECT 1 FROM delivery WHERE lane_id = lane.id) FROM lane WHERE id > $1 ORDER BY id LIMIT $2`

// purgeLanesWithout deletes lanes whose last delivery was deleted while the lane was
// due, or with its event. There are few: it examines some lanes, and the next purge the
// ones after these.
func (s *DB) purgeLanesWithout(ctx context.Context) (removed int64, err error) {
	for examined := 0; examined < purgedLanes; examined += purgeBatch {
		lanes, unused, err := s.readUnused(ctx)
		if err != nil {
			return removed, err
		}
		if len(unused) > 0 {
			err = s.inTransaction(ctx, func(tx *sql.Tx) error {
				err := eachRow(ctx, tx, func(*sql.Rows) error { return nil },
					`SELECT id FROM lane WHERE id IN (`+parameters(1, len(unused))+`) ORDER BY id`+s.locking(`FOR UPDATE`), unused...)
				if err != nil {
					return err
				}
				return deleteLanes(ctx, tx, unused)
			})
			if err != nil {
				return removed, err
			}
			removed += int64(len(unused))
		}
		if len(lanes) < purgeBatch {
			s.purgeLane = "" // the next purge begins anew
			return removed, nil
		}
		s.purgeLane = lanes[len(lanes)-1]
	}
	return removed, nil
}

// readUnused returns the next batch of lanes, and those of them that may be unused.
func (s *DB) readUnused(ctx context.Context) (lanes []string, unused []any, err error) {
	rows, err := s.read.QueryContext(ctx, unusedLanes, s.purgeLane, purgeBatch)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var isUnused bool
		if err := rows.Scan(&id, &isUnused); err != nil {
			return nil, nil, err
		}
		if lanes = append(lanes, id); isUnused {
			unused = append(unused, id)
		}
	}
	return lanes, unused, rows.Err()
}
