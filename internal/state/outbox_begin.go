// Attempts that must not be repeated blindly: that one is about to be made is on record
// before it is made.

package state

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"ferry/internal/outbox"
)

// ErrLaneLost is returned for a delivery that is not to be made any more: another process
// has taken its lane, or it was discarded.
var ErrLaneLost = errors.New("another process makes the delivery, or it was discarded")

// BeginDelivery records that an attempt of a delivery is about to be made, which is
// durable when it returns nil. If the end of the attempt is not recorded, the next one
// is Interrupted. It returns ErrLaneLost if the attempt must not be made. Attempts that
// begin at the same time share a commit.
func (s *DB) BeginDelivery(ctx context.Context, d outbox.Delivery) error {
	return s.beginnings.write(ctx, d)
}

// beginDeliveries records several beginnings in one transaction. It locks the lanes, so
// that no other process takes one between the look at its claim and the commit.
func (s *DB) beginDeliveries(ctx context.Context, tx *sql.Tx, beginning []outbox.Delivery) ([]error, error) {
	outcomes := slices.Repeat([]error{ErrLaneLost}, len(beginning))
	index := make(map[string]int, len(beginning)) // one delivery of each lane is made at a time
	var lanes []any
	for i, d := range beginning {
		index[d.Lane] = i
		lanes = append(lanes, d.Lane)
	}
	var held []any
	for some := range slices.Chunk(lanes, s.rowLimit()) {
		err := eachRow(ctx, tx, func(rows *sql.Rows) error {
			var lane string
			var claim int64
			err := rows.Scan(&lane, &claim)
			if d := beginning[index[lane]]; claim == d.Claim {
				held = append(held, lane, d.Seq)
			}
			return err
		}, `SELECT id, claim FROM lane WHERE id IN (`+parameters(1, len(some))+`) ORDER BY id`+s.locking(`FOR UPDATE`), some...)
		if err != nil {
			return nil, err
		}
	}
	const columns = 2
	for some := range slices.Chunk(held, columns*s.rowLimit()) {
		err := eachRow(ctx, tx, func(rows *sql.Rows) error {
			var lane string
			err := rows.Scan(&lane)
			outcomes[index[lane]] = nil
			return err
		}, `UPDATE delivery SET begun_at = `+parameters(len(some)+1, 1)+`
			FROM (VALUES `+typed(len(some)/columns, "TEXT", "BIGINT")+`) AS v
			WHERE delivery.lane_id = v.column1 AND delivery.seq = v.column2 AND delivery.state = 'waiting' RETURNING delivery.lane_id`,
			slices.Concat(some, []any{s.Clock().UnixMilli()})...)
		if err != nil {
			return nil, err
		}
	}
	return outcomes, nil
}
