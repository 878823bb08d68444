// Reading messages and events back, with their deliveries.

package state

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"
)

// EventRecord is a message or an event with what became of it.
type EventRecord struct {
	Event
	ListedAt   time.Time     // its place in a list: when it was complete or replayed; while it is prepared, CreatedAt
	Status     MessageStatus // of a message
	Recipient  string        // of a message: digits of the number, or an id
	Error      string        // of a message: why it failed
	Size       int           // bytes of the body, which ReadBodies reads
	Deliveries []DeliveryRecord
}

// DeliveryRecord is a delivery of an event.
type DeliveryRecord struct {
	Destination string
	State       string
	Attempts    int
	Error       string // of the last attempt
	CreatedAt   time.Time
	AttemptedAt time.Time // zero means never
	EndedAt     time.Time // zero means that it waits
}

// EventPage says which of the events that a filter selects are read.
type EventPage struct {
	From     time.Time // ListedAt is not before
	After    string    // with From: events of exactly this time only with greater ids
	Until    time.Time // ListedAt is not after; zero means no limit
	Before   string    // with Until: events of exactly this time only with smaller ids
	Latest   bool      // the last Limit events, in place of the first ones
	Complete bool      // without the events that are prepared
	Limit    int
}

// listedAt is EventRecord.ListedAt in SQL, as the index event_listed has it. An event
// that is prepared moves in the list when it is complete, and another one when it is
// replayed, so that whoever follows the list does not miss it.
const listedAt = "COALESCE(e.ready_at, e.created_at)"

// list returns the query of Events.
func (f EventFilter) list(page EventPage) statement {
	c := f.ofEvents()
	f.haveDelivery(&c)
	if from := page.From; !from.IsZero() || !f.Since.IsZero() { // no event is listed before it was recorded
		if f.Since.After(from) {
			from = f.Since
		}
		c.add(listedAt+" >= ?", from.UnixMilli())
	}
	if page.After != "" {
		c.add("("+listedAt+" > ? OR e.id > ?)", page.From.UnixMilli(), page.After)
	}
	if !page.Until.IsZero() {
		c.add(listedAt+" <= ?", page.Until.UnixMilli())
		c.add("("+listedAt+" < ? OR e.id < ?)", page.Until.UnixMilli(), page.Before)
	}
	if page.Complete {
		c.add("e.ready_at IS NOT NULL")
	}
	order := "ASC"
	if page.Latest {
		order = "DESC"
	}
	return statement{fmt.Sprintf(`SELECT e.id, e.account_id, e.business_account_id, e.phone_number_id, e.kind, e.name, e.conversation,
			e.message_id, e.wamid, LENGTH(e.body), e.created_at, `+listedAt+`, m.status, m.error, m.wamid, m.recipient
		FROM %s LEFT JOIN message m ON m.id = e.id
		WHERE %s ORDER BY `+listedAt+` %s, e.id %[3]s LIMIT %[4]d`, f.events(), c.text(), order, page.Limit), c.values}
}

// fewEvents is up to how many events with open deliveries are listed by their ids; a list
// of more is read in its order.
const fewEvents = 500

// openEvents returns the query of the ids of events with open deliveries that are
// selected, or of fewEvents and one of them.
func (f EventFilter) openEvents() statement {
	selected := f.deliveries(nil)
	return statement{fmt.Sprintf(`SELECT DISTINCT d.event_id FROM %s WHERE %s LIMIT %d`, selected.from, selected.text(), fewEvents+1), selected.values}
}

// Events returns a page of messages and events, sorted by ListedAt and by id, without
// their bodies.
func (s *DB) Events(ctx context.Context, filter EventFilter, page EventPage) ([]EventRecord, error) {
	if at, areOpen := filter.start(nil); at == startDestination && areOpen {
		open := filter.openEvents()
		ids, err := s.texts(ctx, open.text, open.values...)
		if err != nil || len(ids) == 0 {
			return nil, err
		}
		if len(ids) <= fewEvents {
			filter.ids = anySlice(ids)
		}
	}
	list := filter.list(page)
	rows, err := s.read.QueryContext(ctx, list.text, list.values...)
	if err != nil {
		return nil, err
	}
	records, err := scanEvents(rows)
	if err != nil {
		return nil, err
	}
	if page.Latest {
		for i, j := 0, len(records)-1; i < j; i, j = i+1, j-1 {
			records[i], records[j] = records[j], records[i]
		}
	}
	return records, s.readDeliveries(ctx, records)
}

func scanEvents(rows *sql.Rows) ([]EventRecord, error) {
	defer rows.Close()
	var records []EventRecord
	for rows.Next() {
		var r EventRecord
		var created, listed int64
		var status, failure, wamid, recipient sql.NullString
		if err := rows.Scan(&r.ID, &r.AccountID, &r.BusinessAccountID, &r.PhoneNumberID, &r.Kind, &r.Name, &r.Conversation,
			&r.MessageID, &r.WAMID, &r.Size, &created, &listed, &status, &failure, &wamid, &recipient); err != nil {
			return nil, err
		}
		r.CreatedAt, r.ListedAt, r.Status, r.Error = time.UnixMilli(created), time.UnixMilli(listed), MessageStatus(status.String), failure.String
		r.WAMID, r.Recipient = cmp.Or(r.WAMID, wamid.String), recipient.String
		records = append(records, r)
	}
	return records, rows.Err()
}

// ReadBodies reads the bodies of events. The caller bounds the sum of their sizes.
func (s *DB) ReadBodies(ctx context.Context, records []EventRecord) error {
	byID := make(map[string]*EventRecord, len(records))
	ids := make([]any, len(records))
	for i := range records {
		byID[records[i].ID], ids[i] = &records[i], records[i].ID
	}
	for some := range slices.Chunk(ids, s.rowLimit()) {
		if err := s.readBodies(ctx, some, byID); err != nil {
			return err
		}
	}
	return nil
}

func (s *DB) readBodies(ctx context.Context, ids []any, byID map[string]*EventRecord) error {
	rows, err := s.read.QueryContext(ctx, `SELECT id, body FROM event WHERE id IN (`+parameters(1, len(ids))+`)`, ids...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var body []byte
		if err := rows.Scan(&id, &body); err != nil {
			return err
		}
		byID[id].Body = body
	}
	return rows.Err()
}

// readDeliveries adds the deliveries of events, in the order in which they were put in.
func (s *DB) readDeliveries(ctx context.Context, records []EventRecord) error {
	if len(records) == 0 {
		return nil
	}
	byID := make(map[string]*EventRecord, len(records))
	ids := make([]any, len(records))
	for i := range records {
		byID[records[i].ID], ids[i] = &records[i], records[i].ID
	}
	rows, err := s.read.QueryContext(ctx, `SELECT d.event_id, l.destination, d.state, d.attempts, d.error, d.created_at, d.attempted_at, d.ended_at
		FROM delivery d JOIN lane l ON l.id = d.lane_id WHERE d.event_id IN (`+parameters(1, len(ids))+`) ORDER BY d.created_at, l.destination, d.seq`, ids...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var d DeliveryRecord
		var created, attempted int64
		var ended sql.NullInt64
		if err := rows.Scan(&id, &d.Destination, &d.State, &d.Attempts, &d.Error, &created, &attempted, &ended); err != nil {
			return err
		}
		d.CreatedAt = time.UnixMilli(created)
		if attempted > 0 {
			d.AttemptedAt = time.UnixMilli(attempted)
		}
		if ended.Valid {
			d.EndedAt = time.UnixMilli(ended.Int64)
		}
		byID[id].Deliveries = append(byID[id].Deliveries, d)
	}
	return rows.Err()
}
