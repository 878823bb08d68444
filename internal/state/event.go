// Messages to send and events to deliver, and their deliveries in the outbox.

package state

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"
)

// The kinds of an Event.
const (
	KindMessage = "message" // to send to Meta
	KindEvent   = "event"   // to deliver to the account's destinations
)

// An Event is a message to send or an event to deliver. It does not change.
type Event struct {
	ID                string // a UUID, the same on every attempt
	AccountID         string // 12 digits
	BusinessAccountID string // as BusinessAccount.ID
	PhoneNumberID     string // as PhoneNumber.ID; empty if it concerns no phone number
	Kind              string // KindMessage or KindEvent
	Name              string // "status.delivered", "message.image", or the field of Meta's webhook; of a message: its type
	Conversation      string // what is kept in order: the phone number and the user, or the business account and the field
	MessageID         string // of the Message that it is about; empty if unknown or none
	WAMID             string // Meta's id of the message that it is about; empty means none
	Body              []byte // of an event: AWS's envelope; of a message: Meta's JSON, as the caller sent it
	CreatedAt         time.Time
	TraceParent       string // of the span that has caused it, as activity.Span.TraceParent returns it; empty means that it is not traced

	// Destinations are where it is to be delivered, when it is added. Empty means
	// nowhere: then it is only on record.
	Destinations []string
}

// LaneID returns the id of the lane of a conversation's deliveries to a destination.
func LaneID(destination, conversation string) string { return destination + " " + conversation }

// OnDeliveries sets a function that is called with the destinations of new
// deliveries after each commit. It must not block. It must be set before the
// database is used.
func (s *DB) OnDeliveries(call func(destinations []string)) { s.onDeliveries = call }

// AddEvents stores events with their deliveries. Events that are added at the same
// time share a commit.
func (s *DB) AddEvents(ctx context.Context, events []Event) error {
	if err := s.events.write(ctx, events); err != nil {
		return err
	}
	s.announce(events)
	return nil
}

// addEventBatch stores the events of several callers in one transaction.
func (s *DB) addEventBatch(ctx context.Context, tx *sql.Tx, batches [][]Event) ([]error, error) {
	return make([]error, len(batches)), s.insertEvents(ctx, tx, slices.Concat(batches...))
}

// announce tells the outbox of the deliveries of events that are committed.
func (s *DB) announce(events []Event) {
	destinations := make(map[string]bool)
	for _, e := range events {
		for _, d := range e.Destinations {
			destinations[d] = true
		}
	}
	s.announceDestinations(destinations)
}

// announceDestinations tells the outbox of destinations with new deliveries.
func (s *DB) announceDestinations(destinations map[string]bool) {
	if len(destinations) > 0 && s.onDeliveries != nil {
		s.onDeliveries(slices.Sorted(maps.Keys(destinations)))
	}
}

const (
	// rowsPerStatement bounds the rows of one statement on PostgreSQL, so that its
	// parameters stay below the 65,535 that it allows.
	rowsPerStatement = 500
	// sqliteRowsPerStatement is the same on SQLite, which compares the name of each
	// parameter with those of all others: with 500 rows an event took five times as long.
	sqliteRowsPerStatement = 50
)

// rowLimit returns how many rows one statement may have.
func (s *DB) rowLimit() int {
	if s.isPostgres {
		return rowsPerStatement
	}
	return sqliteRowsPerStatement
}

// insertEvents stores events with their deliveries, in order. An event whose id is
// stored already was committed before without an answer, and is not stored again. The
// caller calls announce after the commit.
func (s *DB) insertEvents(ctx context.Context, tx *sql.Tx, events []Event) error {
	stored := make(map[string]bool, len(events))
	for rows := range slices.Chunk(events, s.rowLimit()) {
		var values []any
		for _, e := range rows {
			var ready any = e.CreatedAt.UnixMilli()
			if slices.ContainsFunc(e.Destinations, IsPreparation) {
				ready = nil
			}
			values = append(values, e.ID, e.AccountID, e.BusinessAccountID, e.PhoneNumberID, e.Kind, e.Name, e.Conversation,
				e.MessageID, e.WAMID, e.Body, e.CreatedAt.UnixMilli(), ready, e.TraceParent)
		}
		inserted, err := tx.QueryContext(ctx, `INSERT INTO event (id, account_id, business_account_id, phone_number_id, kind, name,
			conversation, message_id, wamid, body, created_at, ready_at, traceparent) VALUES `+placeholders(len(rows), 13)+` ON CONFLICT (id) DO NOTHING RETURNING id`, values...)
		if err != nil {
			return err
		}
		if err := collectIDs(inserted, stored); err != nil {
			return err
		}
	}
	return s.putDeliveries(ctx, tx, slices.DeleteFunc(slices.Clone(events), func(e Event) bool { return !stored[e.ID] }))
}

// collectIDs adds the ids that rows have to a set, and closes the rows.
func collectIDs(rows *sql.Rows, ids map[string]bool) error {
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return err
		}
		ids[id] = true
	}
	return rows.Err()
}

// putDeliveries adds the deliveries of events to the ends of their lanes. Lanes are
// locked in the order of their ids, as everywhere.
func (s *DB) putDeliveries(ctx context.Context, tx *sql.Tx, events []Event) error {
	destinations, waiting := make(map[string]string), make(map[string][]string) // by lane
	owners := make(map[string]string)                                           // accounts, by destination
	for _, e := range events {
		for _, d := range e.Destinations {
			lane := LaneID(d, e.Conversation)
			destinations[lane], owners[d] = d, e.AccountID
			waiting[lane] = append(waiting[lane], e.ID)
		}
	}
	now := s.Clock().UnixMilli()
	var deliveries []any
	isNew := make(map[string]bool) // destinations, perhaps
	for lanes := range slices.Chunk(slices.Sorted(maps.Keys(waiting)), s.rowLimit()) {
		tails, err := s.extendLanes(ctx, tx, lanes, destinations, waiting, now)
		if err != nil {
			return err
		}
		for _, lane := range lanes {
			first := tails[lane] - int64(len(waiting[lane])) + 1
			if first == 1 {
				isNew[destinations[lane]] = true
			}
			for i, id := range waiting[lane] {
				deliveries = append(deliveries, lane, first+int64(i), id, now)
			}
		}
	}
	if err := s.addDestinations(ctx, tx, slices.Sorted(maps.Keys(isNew)), owners); err != nil {
		return err
	}
	const columns = 4
	for rows := range slices.Chunk(deliveries, columns*s.rowLimit()) {
		if _, err := tx.ExecContext(ctx, `INSERT INTO delivery (lane_id, seq, event_id, created_at, state, attempts, error, attempted_at) VALUES `+
			placeholders(len(rows)/columns, columns, `'waiting'`, `0`, `''`, `0`), rows...); err != nil {
			return err
		}
	}
	return nil
}

// addDestinations records to which account destinations belong that have a new lane.
func (s *DB) addDestinations(ctx context.Context, tx *sql.Tx, destinations []string, owners map[string]string) error {
	for some := range slices.Chunk(destinations, s.rowLimit()) {
		var values []any
		for _, d := range some {
			values = append(values, d, owners[d])
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO destination (id, account_id) VALUES `+placeholders(len(some), 2)+` ON CONFLICT DO NOTHING`, values...); err != nil {
			return err
		}
	}
	return nil
}

// extendLanes adds to the tail of each lane the number of deliveries that it
// receives, makes it due if nothing waited, and returns the new tails.
func (s *DB) extendLanes(ctx context.Context, tx *sql.Tx, lanes []string, destinations map[string]string, waiting map[string][]string, now int64) (map[string]int64, error) {
	var values []any
	for _, lane := range lanes {
		values = append(values, lane, destinations[lane], len(waiting[lane]), now)
	}
	rows, err := tx.QueryContext(ctx, `INSERT INTO lane (id, destination, tail, due_at, head, owner, claim, failures, not_before, released_at) VALUES `+
		placeholders(len(lanes), 4, `0`, `''`, `0`, `0`, `0`, `0`)+`
		 ON CONFLICT (id) DO UPDATE SET tail = lane.tail + excluded.tail, due_at = COALESCE(lane.due_at, excluded.due_at)
		 RETURNING id, tail`, values...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	tails := make(map[string]int64, len(lanes))
	for rows.Next() {
		var lane string
		var tail int64
		if err := rows.Scan(&lane, &tail); err != nil {
			return nil, err
		}
		if len(waiting[lane]) == 0 { // PostgreSQL has stored another text: see storable
			return nil, fmt.Errorf("the database cannot store a lane by its name, and stored %q", lane)
		}
		tails[lane] = tail
	}
	return tails, rows.Err()
}

// Event returns an event without its destinations. It returns ErrNotFound if there is
// none.
func (s *DB) Event(ctx context.Context, id string) (Event, error) {
	e := Event{ID: id}
	var created int64
	err := s.read.QueryRowContext(ctx, `SELECT account_id, business_account_id, phone_number_id, kind, name, conversation, message_id, wamid, body, created_at, traceparent
		FROM event WHERE id = $1`, id).Scan(&e.AccountID, &e.BusinessAccountID, &e.PhoneNumberID, &e.Kind, &e.Name, &e.Conversation,
		&e.MessageID, &e.WAMID, &e.Body, &created, &e.TraceParent)
	e.CreatedAt = time.UnixMilli(created)
	return e, asNotFound(err)
}
