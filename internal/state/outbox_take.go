// How a round of the outbox takes lanes.

package state

import (
	"context"
	"database/sql"
	"time"

	"ferry/internal/outbox"
)

// take takes lanes and loads their next deliveries.
func (r *outboxRound) take(ctx context.Context) error {
	isHeld, err := r.heldDestinations(ctx)
	if err != nil {
		return err
	}
	var ids []any
	once := make(map[string]bool)
	for _, take := range r.round.Take {
		if isHeld[take.Destination] {
			continue
		}
		once[take.Destination] = take.Once
		err := r.query(ctx, func(rows *sql.Rows) error {
			var id string
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		}, `SELECT id FROM lane WHERE destination = $1 AND due_at IS NOT NULL AND due_at <= $2 ORDER BY due_at LIMIT $3`+r.db.locking(`FOR UPDATE SKIP LOCKED`),
			take.Destination, r.round.Now.UnixMilli(), take.Lanes)
		if err != nil {
			return err
		}
	}
	if len(ids) > 0 {
		if err := r.claim(ctx, ids); err != nil {
			return err
		}
		if err := r.load(ctx, ids, once); err != nil {
			return err
		}
	}
	for destination := range once {
		if err := r.nextDue(ctx, destination); err != nil {
			return err
		}
	}
	return nil
}

// heldDestinations returns which destinations of the round are held.
func (r *outboxRound) heldDestinations(ctx context.Context) (map[string]bool, error) {
	var names []any
	for _, take := range r.round.Take {
		names = append(names, take.Destination)
	}
	held := make(map[string]bool)
	if len(names) == 0 {
		return held, nil
	}
	err := r.query(ctx, func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		held[name] = true
		return err
	}, `SELECT destination FROM held_destination WHERE destination IN (`+parameters(1, len(names))+`)`, names...)
	return held, err
}

// claim makes the lanes the round's own.
func (r *outboxRound) claim(ctx context.Context, ids []any) error {
	return r.query(ctx, func(rows *sql.Rows) error {
		var lane outbox.Lane
		var tail int64
		if err := rows.Scan(&lane.Lane, &lane.Destination, &lane.Number, &lane.Head, &tail, &lane.Failures); err != nil {
			return err
		}
		lane.End = min(tail, lane.Head+outbox.TurnLength)
		r.result.Taken = append(r.result.Taken, lane)
		return nil
	}, `UPDATE lane SET owner = $1, claim = claim + 1, due_at = $2 WHERE id IN (`+parameters(3, len(ids))+`)
		RETURNING id, destination, claim, head, tail, failures`, append([]any{r.round.Owner, r.round.Lease.UnixMilli()}, ids...)...)
}

// load reads the next deliveries of the lanes that were taken. Of a destination whose
// deliveries are made once, it takes one of each lane.
func (r *outboxRound) load(ctx context.Context, ids []any, once map[string]bool) error {
	byLane := make(map[string]*outbox.Lane)
	for i := range r.result.Taken {
		byLane[r.result.Taken[i].Lane] = &r.result.Taken[i]
	}
	return r.query(ctx, func(rows *sql.Rows) error {
		var d outbox.Delivery
		var createdAt, releasedAt int64
		var begunAt sql.NullInt64
		if err := rows.Scan(&d.Lane, &d.Seq, &d.EventID, &d.Attempts, &begunAt, &createdAt, &releasedAt); err != nil {
			return err
		}
		lane := byLane[d.Lane]
		d.Destination, d.Claim = lane.Destination, lane.Number
		d.CreatedAt, d.ReleasedAt = time.UnixMilli(createdAt), time.UnixMilli(releasedAt)
		if once[lane.Destination] {
			if len(lane.Deliveries) > 0 {
				return nil
			}
			lane.End, d.Interrupted = d.Seq, begunAt.Valid
		}
		lane.Deliveries = append(lane.Deliveries, d)
		return nil
	}, `SELECT delivery.lane_id, delivery.seq, delivery.event_id, delivery.attempts, delivery.begun_at, delivery.created_at, lane.released_at
		FROM lane JOIN delivery ON delivery.lane_id = lane.id AND delivery.seq > lane.head AND delivery.seq <= lane.head + $1
		WHERE lane.id IN (`+parameters(2, len(ids))+`) AND delivery.state = 'waiting' ORDER BY delivery.lane_id, delivery.seq`,
		append([]any{outbox.TurnLength}, ids...)...)
}

// nextDue sets when the next lane of a destination is due.
func (r *outboxRound) nextDue(ctx context.Context, destination string) error {
	var at sql.NullInt64
	err := r.tx.QueryRowContext(ctx, `SELECT MIN(due_at) FROM lane WHERE destination = $1 AND due_at IS NOT NULL`, destination).Scan(&at)
	if at.Valid {
		r.result.Due[destination] = time.UnixMilli(at.Int64)
	}
	return err
}
