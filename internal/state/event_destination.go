// The destinations of an account, and what waits for them.

package state

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sort"
	"time"
)

// DestinationSummary is a destination and what waits for it.
type DestinationSummary struct {
	Destination string
	Waiting     int64
	Dead        int64
	OldestAt    time.Time // when the oldest delivery that waits was put in; zero means that none waits
	HeldAt      time.Time // zero means that it is not held
	HeldReason  string
	LastError   string // of a delivery that waits or is dead; empty means none
}

// summaries is the query of Destinations for what waits and is dead.
const summaries = `SELECT t.id, SUM(CASE WHEN d.state = 'waiting' THEN 1 ELSE 0 END), SUM(CASE WHEN d.state = 'dead' THEN 1 ELSE 0 END),
		MIN(CASE WHEN d.state = 'waiting' THEN d.created_at END), MAX(d.error), MAX(h.held_at), MAX(h.reason)
	FROM destination t CROSS JOIN delivery d LEFT JOIN held_destination h ON h.destination = t.id
	WHERE t.account_id = $1 AND ` + toDestination + ` AND ` + isOpen + ` GROUP BY t.id`

// idleHeld is the query of Destinations for those that are held, without deliveries.
const idleHeld = `SELECT h.destination, 0, 0, NULL, NULL, h.held_at, h.reason
	FROM held_destination h JOIN destination t ON t.id = h.destination WHERE t.account_id = $1`

// Destinations returns the destinations of an account to which deliveries wait or are
// dead, or which are held, sorted by name.
func (s *DB) Destinations(ctx context.Context, accountID string) ([]DestinationSummary, error) {
	list, err := s.summaries(ctx, summaries, accountID)
	if err != nil {
		return nil, err
	}
	held, err := s.summaries(ctx, idleHeld, accountID)
	for _, h := range held {
		if !slices.ContainsFunc(list, func(d DestinationSummary) bool { return d.Destination == h.Destination }) {
			list = append(list, h)
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Destination < list[j].Destination })
	return list, err
}

func (s *DB) summaries(ctx context.Context, query, accountID string) (list []DestinationSummary, err error) {
	rows, err := s.read.QueryContext(ctx, query, accountID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var d DestinationSummary
		var oldest, held sql.NullInt64
		var failure, reason sql.NullString
		if err := rows.Scan(&d.Destination, &d.Waiting, &d.Dead, &oldest, &failure, &held, &reason); err != nil {
			return nil, err
		}
		if oldest.Valid {
			d.OldestAt = time.UnixMilli(oldest.Int64)
		}
		if held.Valid {
			d.HeldAt = time.UnixMilli(held.Int64)
		}
		d.LastError, d.HeldReason = failure.String, reason.String
		list = append(list, d)
	}
	return list, rows.Err()
}

// countWaiting is the query of CountWaiting.
const countWaiting = `SELECT COUNT(*) FROM destination t CROSS JOIN delivery d
	WHERE t.id = $1 AND ` + toDestination + ` AND ` + isOpen + ` AND d.state = 'waiting'`

// CountWaiting returns the number of deliveries that wait for a destination.
func (s *DB) CountWaiting(ctx context.Context, destination string) (count int64, err error) {
	err = s.read.QueryRowContext(ctx, countWaiting, destination).Scan(&count)
	return count, err
}

// OwnsDestination reports whether deliveries of an account have gone to a destination.
func (s *DB) OwnsDestination(ctx context.Context, accountID, destination string) (bool, error) {
	var one int
	err := s.read.QueryRowContext(ctx, `SELECT 1 FROM destination WHERE id = $1 AND account_id = $2`, destination, accountID).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
