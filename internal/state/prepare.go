// Events that need something before they are delivered, such as the file of an
// inbound message in the account's bucket.

package state

import (
	"context"
	"database/sql"
	"slices"
	"strings"
)

// preparePrefix and an account id are the destination of events in preparation.
const preparePrefix = "prepare/"

// PrepareDestination returns the destination of the events of an account that need
// something before they are delivered. Whoever delivers there calls Forward.
func PrepareDestination(accountID string) string { return preparePrefix + accountID }

// IsPreparation reports whether a destination is one of PrepareDestination.
func IsPreparation(destination string) bool { return strings.HasPrefix(destination, preparePrefix) }

// queueBehind sends events to be prepared whose conversation has earlier events in
// preparation: they would overtake these otherwise.
func (s *DB) queueBehind(ctx context.Context, tx *sql.Tx, events []Event) error {
	lanes := make([]any, 0, len(events))
	for _, e := range events {
		lanes = append(lanes, LaneID(PrepareDestination(e.AccountID), e.Conversation))
	}
	isBusy := make(map[string]bool)
	for some := range slices.Chunk(lanes, s.rowLimit()) {
		err := eachRow(ctx, tx, func(rows *sql.Rows) error {
			var lane string
			err := rows.Scan(&lane)
			isBusy[lane] = true
			return err
		}, `SELECT id FROM lane WHERE tail > head AND id IN (`+parameters(1, len(some))+`)`, some...)
		if err != nil {
			return err
		}
	}
	for i := range events {
		e := &events[i]
		prepare := PrepareDestination(e.AccountID)
		lane := LaneID(prepare, e.Conversation)
		if isBusy[lane] {
			e.Destinations = []string{prepare}
		} else if slices.Contains(e.Destinations, prepare) {
			isBusy[lane] = true
		}
	}
	return nil
}

// Forward ends the preparation of an event: it stores the event's body and message
// id, and adds the deliveries to its destinations. From then on it is listed as
// complete. Forward does nothing if an earlier attempt has done so. Events that are forwarded at the same time share a commit.
func (s *DB) Forward(ctx context.Context, event Event) error {
	if err := s.forwards.write(ctx, event); err != nil {
		return err
	}
	s.announce([]Event{event})
	return nil
}

func (s *DB) forward(ctx context.Context, tx *sql.Tx, events []Event) ([]error, error) {
	var waiting []Event
	for _, e := range events {
		// It is not listed before it was recorded, even if a clock was set back.
		result, err := tx.ExecContext(ctx, `UPDATE event SET body = $1, message_id = $2, ready_at = CASE WHEN created_at > $3 THEN created_at ELSE $3 END
			WHERE id = $4 AND ready_at IS NULL`, e.Body, e.MessageID, s.now().UnixMilli(), e.ID)
		if err != nil {
			return nil, err
		}
		changed, err := result.RowsAffected()
		if err != nil {
			return nil, err
		}
		if changed > 0 {
			waiting = append(waiting, e)
		}
	}
	return make([]error, len(events)), s.putDeliveries(ctx, tx, waiting)
}
