// The rounds of the outbox: one transaction records what has ended and takes lanes.
//
// Lanes are locked in the order of their ids everywhere, so that two transactions
// never wait for each other: by putDeliveries, and by what a round records. What a
// round takes, it takes without waiting.

package state

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"ferry/internal/outbox"
)

// DueDestinations returns the destinations for which deliveries wait and which are not
// held, with the time at which the first of their lanes is due. It reads one entry of
// the index for each, however many lanes they have.
func (s *DB) DueDestinations(ctx context.Context) (map[string]time.Time, error) {
	rows, err := s.read.QueryContext(ctx, `WITH RECURSIVE waiting (destination) AS (
			SELECT MIN(destination) FROM lane WHERE due_at IS NOT NULL
			UNION ALL
			SELECT (SELECT MIN(lane.destination) FROM lane WHERE lane.due_at IS NOT NULL AND lane.destination > waiting.destination)
			FROM waiting WHERE waiting.destination IS NOT NULL)
		SELECT destination, (SELECT MIN(lane.due_at) FROM lane WHERE lane.due_at IS NOT NULL AND lane.destination = waiting.destination)
		FROM waiting WHERE destination IS NOT NULL AND destination NOT IN (SELECT destination FROM held_destination)`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	due := make(map[string]time.Time)
	for rows.Next() {
		var destination string
		var at sql.NullInt64
		if err := rows.Scan(&destination, &at); err != nil {
			return nil, err
		}
		if at.Valid {
			due[destination] = time.UnixMilli(at.Int64)
		}
	}
	return due, rows.Err()
}

// OutboxRound makes one round of the outbox in one transaction.
func (s *DB) OutboxRound(ctx context.Context, round outbox.Round) (result outbox.Result, err error) {
	err = s.inTransaction(ctx, func(tx *sql.Tx) error {
		r := outboxRound{s, tx, round, outbox.Result{Due: make(map[string]time.Time), Recovered: make(map[string]int)}}
		for _, step := range []func(context.Context) error{r.record, r.recover, r.take} {
			if err := step(ctx); err != nil {
				return err
			}
		}
		result = r.result
		return nil
	})
	return result, err
}

// An outboxRound is a round that is being made.
type outboxRound struct {
	db     *DB
	tx     *sql.Tx
	round  outbox.Round
	result outbox.Result
}

// record records what has ended, and returns and renews lanes.
func (r *outboxRound) record(ctx context.Context) error {
	claims, err := r.claims(ctx)
	if err != nil {
		return err
	}
	isHeld := func(claim outbox.Claim) bool { return claims[claim.Lane] == claim.Number }
	if err := r.end(ctx, isHeld); err != nil {
		return err
	}
	if err := r.giveBack(ctx, isHeld); err != nil {
		return err
	}
	return r.renew(ctx, isHeld)
}

// claims locks the lanes that the round records something of, and returns the numbers
// of their last claims.
func (r *outboxRound) claims(ctx context.Context) (map[string]int64, error) {
	var lanes []string
	for _, ended := range r.round.Ended {
		lanes = append(lanes, ended.Lane)
	}
	for _, back := range r.round.Returns {
		lanes = append(lanes, back.Lane)
	}
	for _, claim := range r.round.Renew {
		lanes = append(lanes, claim.Lane)
	}
	slices.Sort(lanes)
	claims := make(map[string]int64)
	for lanes := range slices.Chunk(slices.Compact(lanes), r.db.rowLimit()) {
		err := r.query(ctx, func(rows *sql.Rows) error {
			var lane string
			var number int64
			err := rows.Scan(&lane, &number)
			claims[lane] = number
			return err
		}, `SELECT id, claim FROM lane WHERE id IN (`+parameters(1, len(lanes))+`) ORDER BY id`+r.db.locking(`FOR UPDATE`), anySlice(lanes)...)
		if err != nil {
			return nil, err
		}
	}
	return claims, nil
}

// end records the ends of attempts. That a delivery was made is recorded in any case.
// The values are absolute, so that a round which is made twice records the same.
func (r *outboxRound) end(ctx context.Context, isHeld func(outbox.Claim) bool) error {
	var values []any
	for _, ended := range r.round.Ended {
		if ended.State != outbox.Delivered && !isHeld(ended.Claim) {
			continue
		}
		var endedAt, begunAt, attemptedAt any
		if ended.State != outbox.Waiting {
			endedAt = r.round.Now.UnixMilli()
		}
		if ended.KeepBegun {
			begunAt = r.round.Now.UnixMilli()
		}
		if !ended.AttemptedAt.IsZero() {
			attemptedAt = ended.AttemptedAt.UnixMilli()
		}
		values = append(values, ended.Lane, ended.Seq, ended.State, ended.Attempts, ended.Error, attemptedAt, begunAt, endedAt)
	}
	const columns = 8
	for values := range slices.Chunk(values, columns*r.db.rowLimit()) {
		_, err := r.tx.ExecContext(ctx, `UPDATE delivery SET state = v.column3, error = v.column5,
				attempts = CASE WHEN v.column4 > delivery.attempts THEN v.column4 ELSE delivery.attempts END,
				attempted_at = COALESCE(v.column6, delivery.attempted_at), begun_at = v.column7, ended_at = v.column8
			FROM (VALUES `+typed(len(values)/columns, "TEXT", "BIGINT", "TEXT", "BIGINT", "TEXT", "BIGINT", "BIGINT", "BIGINT")+`) AS v
			WHERE delivery.lane_id = v.column1 AND delivery.seq = v.column2
				AND (delivery.state = 'waiting' OR v.column3 = 'delivered' AND delivery.state <> 'delivered')`, values...)
		if err != nil {
			return err
		}
	}
	return nil
}

// giveBack frees lanes. A lane that has more deliveries than the round knows of, because
// one was put in meanwhile, becomes due in the same statement.
func (r *outboxRound) giveBack(ctx context.Context, isHeld func(outbox.Claim) bool) error {
	var values []any
	for _, back := range r.round.Returns {
		if !isHeld(back.Claim) {
			r.result.Lost = append(r.result.Lost, back.Lane)
			continue
		}
		notBefore := int64(0)
		if !back.NotBefore.IsZero() {
			notBefore = back.NotBefore.UnixMilli()
		}
		values = append(values, back.Lane, back.Head, back.Due.UnixMilli(), notBefore, back.Failures)
	}
	const columns = 5
	for values := range slices.Chunk(values, columns*r.db.rowLimit()) {
		_, err := r.tx.ExecContext(ctx, `UPDATE lane SET owner = '', head = v.column2, not_before = v.column4, failures = v.column5,
				due_at = CASE WHEN lane.tail = v.column2 THEN NULL ELSE v.column3 END
			FROM (VALUES `+typed(len(values)/columns, "TEXT", "BIGINT", "BIGINT", "BIGINT", "BIGINT")+`) AS v
			WHERE lane.id = v.column1`, values...)
		if err != nil {
			return err
		}
	}
	return nil
}

// renew extends the leases of lanes.
func (r *outboxRound) renew(ctx context.Context, isHeld func(outbox.Claim) bool) error {
	var lanes []string
	for _, claim := range r.round.Renew {
		if isHeld(claim) {
			lanes = append(lanes, claim.Lane)
		} else {
			r.result.Lost = append(r.result.Lost, claim.Lane)
		}
	}
	for lanes := range slices.Chunk(lanes, r.db.rowLimit()) {
		_, err := r.tx.ExecContext(ctx, `UPDATE lane SET due_at = $1 WHERE id IN (`+parameters(2, len(lanes))+`)`,
			append([]any{r.round.Lease.UnixMilli()}, anySlice(lanes)...)...)
		if err != nil {
			return err
		}
	}
	return nil
}

// recover makes lanes due that wait for a back-off.
func (r *outboxRound) recover(ctx context.Context) error {
	for _, recovered := range r.round.Recover {
		result, err := r.tx.ExecContext(ctx, `UPDATE lane SET due_at = $2 WHERE id IN (
				SELECT id FROM lane WHERE destination = $1 AND due_at IS NOT NULL AND due_at > $2 AND not_before <= $2 AND failures > 0 AND owner = ''
				ORDER BY due_at LIMIT $3`+r.db.locking(`FOR UPDATE SKIP LOCKED`)+`)`,
			recovered.Destination, r.round.Now.UnixMilli(), recovered.Lanes)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return err
		}
		r.result.Recovered[recovered.Destination] = int(n)
	}
	return nil
}

// query calls scan for each row that a query returns.
func (r *outboxRound) query(ctx context.Context, scan func(*sql.Rows) error, text string, values ...any) error {
	return eachRow(ctx, r.tx, scan, text, values...)
}

// locking returns a clause that locks rows, for engines with more than one writer.
func (s *DB) locking(clause string) string {
	if s.isPostgres {
		return " " + clause
	}
	return ""
}
