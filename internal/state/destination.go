// Where the events of business accounts go, and which destinations are held.

package state

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"
)

// EventDestination is where the events of a business account go.
type EventDestination struct {
	ARN     string
	RoleARN string // of the role with which events are published; empty means none
}

// PutEventDestinations replaces the destinations of a linked account. It returns
// ErrNotFound if the account has no such linked account.
func (s *DB) PutEventDestinations(ctx context.Context, accountID, businessAccountID string, destinations []EventDestination) error {
	defer s.destinations.clear()
	return s.inTransaction(ctx, func(tx *sql.Tx) error {
		// The lock on the row keeps two calls from mixing their destinations.
		var id string
		if err := tx.QueryRowContext(ctx, `UPDATE business_account SET id = id WHERE account_id = $1 AND id = $2 RETURNING id`,
			accountID, businessAccountID).Scan(&id); err != nil {
			return asNotFound(err)
		}
		return s.replaceDestinations(ctx, tx, id, destinations)
	})
}

// replaceDestinations replaces the destinations of a business account that is locked.
func (s *DB) replaceDestinations(ctx context.Context, tx *sql.Tx, businessAccountID string, destinations []EventDestination) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM event_destination WHERE business_account_id = $1`, businessAccountID); err != nil {
		return err
	}
	for _, d := range destinations {
		if _, err := tx.ExecContext(ctx, `INSERT INTO event_destination (business_account_id, arn, role_arn, created_at) VALUES ($1, $2, $3, $4)`,
			businessAccountID, d.ARN, d.RoleARN, s.now().UnixMilli()); err != nil {
			return err
		}
	}
	return nil
}

// EventDestinations returns the destinations of a business account, which may be
// cached for up to a second (freshness).
func (s *DB) EventDestinations(ctx context.Context, businessAccountID string) ([]EventDestination, error) {
	list, err := s.destinations.get(businessAccountID, func() ([]EventDestination, error) {
		return s.ReadEventDestinations(ctx, businessAccountID)
	})
	return slices.Clone(list), err
}

// ReadEventDestinations returns the destinations of a business account as they are at
// this moment.
func (s *DB) ReadEventDestinations(ctx context.Context, businessAccountID string) ([]EventDestination, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT arn, role_arn FROM event_destination WHERE business_account_id = $1 ORDER BY arn`, businessAccountID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []EventDestination
	for rows.Next() {
		var d EventDestination
		if err := rows.Scan(&d.ARN, &d.RoleARN); err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	return list, rows.Err()
}

// Held is a destination whose deliveries wait until it is released.
type Held struct {
	Destination string // as in Event.Destinations
	Reason      string
	HeldAt      time.Time
}

// HoldDestination makes the deliveries to a destination wait until ReleaseDestination. If it is held
// already, it keeps its reason and its time.
func (s *DB) HoldDestination(ctx context.Context, destination, reason string) error {
	_, err := s.exec(ctx, `INSERT INTO held_destination (destination, reason, held_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		destination, reason, s.Clock().UnixMilli())
	return err
}

// ReleaseDestination ends HoldDestination: deliveries continue with the one that has waited longest, and
// the time after which they are given up begins anew. It returns ErrNotFound if the destination is not held.
func (s *DB) ReleaseDestination(ctx context.Context, destination string) error {
	if err := s.beginAnew(ctx, destination); err != nil { // first: what is held meanwhile has waited for a moment only
		return err
	}
	err := s.execOne(ctx, `DELETE FROM held_destination WHERE destination = $1 RETURNING destination`, destination)
	if err == nil {
		s.announceDestinations(map[string]bool{destination: true})
	}
	return err
}

// waitingLanes is the query of a batch of lanes of a destination in which something
// waits.
const waitingLanes = `SELECT id FROM lane WHERE id > $1 AND id < $2 AND due_at IS NOT NULL ORDER BY id LIMIT $3`

// beginAnew sets when a held destination was released, for a batch of lanes in each
// transaction.
func (s *DB) beginAnew(ctx context.Context, destination string) error {
	if held, err := s.texts(ctx, `SELECT destination FROM held_destination WHERE destination = $1`, destination); err != nil || len(held) == 0 {
		return cmp.Or(err, ErrNotFound)
	}
	for after := LaneID(destination, ""); ; {
		lanes, err := s.texts(ctx, waitingLanes, after, destination+"!", s.changeBatch)
		if err != nil || len(lanes) == 0 {
			return err
		}
		in := parameters(2, len(lanes))
		if _, err := s.exec(ctx, `UPDATE lane SET released_at = $1 WHERE id IN (SELECT id FROM lane WHERE id IN (`+in+`) AND due_at IS NOT NULL ORDER BY id`+
			s.locking(`FOR UPDATE`)+`)`, append([]any{s.Clock().UnixMilli()}, anySlice(lanes)...)...); err != nil {
			return err
		}
		after = lanes[len(lanes)-1]
	}
}

// HeldDestinations returns the destinations that are held, sorted by name.
func (s *DB) HeldDestinations(ctx context.Context) ([]Held, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT destination, reason, held_at FROM held_destination ORDER BY destination`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Held
	for rows.Next() {
		var h Held
		var at int64
		if err := rows.Scan(&h.Destination, &h.Reason, &at); err != nil {
			return nil, err
		}
		h.HeldAt = time.UnixMilli(at)
		list = append(list, h)
	}
	return list, rows.Err()
}
