// Rate limits at Meta, of which all processes together use one share.

package state

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// A Rate is what is known of a rate limit. Its times are those of the processes'
// clocks: a process whose clock is behind gets less, and never more.
type Rate struct {
	UsedUntil    time.Time // when all that was taken will have been paid for
	BlockedUntil time.Time // until when nothing is sent
	Refusals     int       // by Meta in a row
}

// rateKept is how long a rate limit is kept after its last use or refusal.
const rateKept = time.Hour

// Rates returns what is known of rate limits. One that is not known is missing.
func (s *DB) Rates(ctx context.Context, ids ...string) (map[string]Rate, error) {
	values := make([]any, len(ids))
	for i, id := range ids {
		values[i] = id
	}
	rows, err := s.read.QueryContext(ctx,
		`SELECT id, used_until, blocked_until, refusals FROM rate WHERE id IN `+placeholders(1, len(ids)), values...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	rates := make(map[string]Rate, len(ids))
	for rows.Next() {
		var id string
		var used, blocked int64
		var rate Rate
		if err := rows.Scan(&id, &used, &blocked, &rate.Refusals); err != nil {
			return nil, err
		}
		rate.UsedUntil, rate.BlockedUntil = time.UnixMicro(used), time.UnixMicro(blocked)
		rates[id] = rate
	}
	return rates, rows.Err()
}

// TakeRate takes a share of a rate limit: a time of the given length that no
// process has taken before. It begins when the shares that were taken before end,
// and not before earliest. If it would begin after latest, nothing is taken and ok
// is false.
func (s *DB) TakeRate(ctx context.Context, id string, length time.Duration, earliest, latest time.Time) (begin time.Time, ok bool, err error) {
	var until int64
	err = s.inTransaction(ctx, func(tx *sql.Tx) error {
		ok = true
		err := tx.QueryRowContext(ctx,
			`INSERT INTO rate (id, used_until, blocked_until, refusals) VALUES ($1, $2, 0, 0)
			 ON CONFLICT (id) DO UPDATE SET used_until = CASE WHEN rate.used_until > $3 THEN rate.used_until ELSE $3 END + $4
			 WHERE rate.used_until <= $5
			 RETURNING used_until`,
			id, earliest.Add(length).UnixMicro(), earliest.UnixMicro(), length.Microseconds(), latest.UnixMicro()).Scan(&until)
		if errors.Is(err, sql.ErrNoRows) {
			ok = false
			return nil
		}
		return err
	})
	return time.UnixMicro(until).Add(-length), ok, err
}

// PairInterval is the share of Meta's pair rate limit that one message uses: the time
// after which a phone number may send one more message to the same user
// (docs/references.md#graph-rate-limits).
const PairInterval = 6 * time.Second

// pairPrefix begins the ids of pair rate limits.
const pairPrefix = "pair/"

// PairRate returns the id of the rate limit for messages from a phone number to a user.
func PairRate(phoneNumberID, recipient string) string {
	return pairPrefix + phoneNumberID + "/" + recipient
}

// spendPair counts a message of the transaction as sent to its user. A read receipt has
// none.
func (s *DB) spendPair(ctx context.Context, tx *sql.Tx, messageID string) error {
	now := s.now()
	_, err := tx.ExecContext(ctx,
		`INSERT INTO rate (id, used_until, blocked_until, refusals)
		 SELECT '`+pairPrefix+`' || phone_number_id || '/' || recipient, CAST($2 AS BIGINT), 0, 0 FROM message WHERE id = $1 AND recipient <> ''
		 ON CONFLICT (id) DO UPDATE SET used_until = CASE WHEN rate.used_until > $3 THEN rate.used_until ELSE $3 END + $4`,
		messageID, now.Add(PairInterval).UnixMicro(), now.UnixMicro(), PairInterval.Microseconds())
	return err
}

// BlockRate records that Meta refused something for a rate limit. It blocks the
// limit for the time that pause returns, if it is not blocked for longer, and
// returns until when it is blocked. pause gets the number of refusals in a row. A
// refusal while the limit is blocked is of a request that was sent before, and
// counts as one with the refusal that blocked it; one that comes more than quiet
// after the end of the last block is the first.
func (s *DB) BlockRate(ctx context.Context, id string, quiet time.Duration, pause func(refusals int) time.Duration) (until time.Time, err error) {
	err = s.inTransaction(ctx, func(tx *sql.Tx) error {
		now := s.now()
		var refusals int
		var blocked int64
		err := tx.QueryRowContext(ctx,
			`INSERT INTO rate (id, used_until, blocked_until, refusals) VALUES ($1, 0, 0, 1)
			 ON CONFLICT (id) DO UPDATE SET refusals = CASE
			   WHEN rate.blocked_until > $2 THEN rate.refusals
			   WHEN rate.blocked_until > $3 THEN rate.refusals + 1
			   ELSE 1 END
			 RETURNING refusals, blocked_until`,
			id, now.UnixMicro(), now.Add(-quiet).UnixMicro()).Scan(&refusals, &blocked)
		if err != nil {
			return err
		}
		if until = now.Add(pause(refusals)); until.UnixMicro() <= blocked {
			until = time.UnixMicro(blocked)
			return nil
		}
		_, err = tx.ExecContext(ctx, `UPDATE rate SET blocked_until = $1 WHERE id = $2`, until.UnixMicro(), id)
		return err
	})
	return until, err
}

// ClockSetBack says that the clock was set back: what waits for a time waits as much longer as
// before, and the rate limits, whose times are in the future now, begin anew. It is for a clock
// that one process sets.
func (s *DB) ClockSetBack(ctx context.Context, by time.Duration) error {
	return s.inTransaction(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM rate`); err != nil {
			return err
		}
		now, back := s.Clock().UnixMilli(), by.Milliseconds()
		_, err := tx.ExecContext(ctx, `UPDATE lane SET due_at = due_at - $1, not_before = CASE WHEN not_before > $2 THEN not_before - $1 ELSE not_before END
			 WHERE due_at > $2 AND owner = ''`, back, now)
		return err
	})
}

// Waiting returns how many deliveries to a destination have not ended. It counts no
// further than limit lanes.
func (s *DB) Waiting(ctx context.Context, destination string, limit int) (waiting int, err error) {
	err = s.read.QueryRowContext(ctx,
		`SELECT CAST(COALESCE(SUM(waiting), 0) AS BIGINT) FROM (
		   SELECT tail - head AS waiting FROM lane WHERE destination = $1 AND due_at IS NOT NULL LIMIT $2) AS lanes`,
		destination, limit).Scan(&waiting)
	return waiting, err
}

// purgeRates deletes the rate limits that have not been used for some time, and
// returns their number.
func (s *DB) purgeRates(ctx context.Context) (removed int64, err error) {
	before := s.now().Add(-rateKept).UnixMicro()
	for {
		result, err := s.exec(ctx,
			`DELETE FROM rate WHERE id IN (SELECT id FROM rate WHERE used_until < $1 AND blocked_until < $1 LIMIT $2)
			 AND used_until < $1 AND blocked_until < $1`, before, purgeBatch)
		if err != nil {
			return removed, err
		}
		n, err := result.RowsAffected()
		removed += n
		if err != nil || n < purgeBatch {
			return removed, err
		}
	}
}
