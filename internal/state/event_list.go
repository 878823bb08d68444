// Reading messages and events back, with their deliveries.

package state

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// EventFilter selects messages and events of one account. Each field that is set
// narrows it.
type EventFilter struct {
	AccountID   string    // required
	ID          string    // of an event or of a message, or Meta's id of a message
	Kind        string    // KindMessage or KindEvent
	Name        string    // "*" stands for any text
	Destination string    // of a delivery
	State       string    // of a delivery
	Since       time.Time // not before
	Until       time.Time // before

	isReplay bool // without the deliveries that prepare an event
}

// where returns the condition for the table event e, and for the table delivery d with
// the lane l if delivery is true.
func (f EventFilter) where(delivery bool) (text string, values []any) {
	conditions := []string{"e.account_id = $1"}
	values = []any{f.AccountID}
	add := func(condition string, value any) {
		values = append(values, value)
		conditions = append(conditions, strings.ReplaceAll(condition, "?", fmt.Sprintf("$%d", len(values))))
	}
	if f.ID != "" {
		add(`e.id IN (SELECT id FROM event WHERE id = ? UNION ALL SELECT id FROM event WHERE message_id = ? AND message_id <> ''
			UNION ALL SELECT id FROM event WHERE wamid = ? AND wamid <> '' UNION ALL SELECT id FROM message WHERE wamid = ? AND wamid <> '')`, f.ID)
	}
	if f.Kind != "" {
		add("e.kind = ?", f.Kind)
	}
	if f.Name != "" {
		add(`e.name LIKE ? ESCAPE '\'`, strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`, "*", "%").Replace(f.Name))
	}
	if !f.Since.IsZero() {
		add("e.created_at >= ?", f.Since.UnixMilli())
	}
	if !f.Until.IsZero() {
		add("e.created_at < ?", f.Until.UnixMilli())
	}
	of := len(conditions)
	if f.Destination != "" {
		add("l.destination = ?", f.Destination)
	}
	if f.State != "" {
		add("d.state = ?", f.State)
	}
	if f.isReplay {
		conditions = append(conditions, `l.destination NOT LIKE '`+preparePrefix+`%'`)
	}
	if !delivery && len(conditions) > of {
		return strings.Join(conditions[:of], " AND ") + ` AND EXISTS (SELECT 1 FROM delivery d JOIN lane l ON l.id = d.lane_id
			WHERE d.event_id = e.id AND ` + strings.Join(conditions[of:], " AND ") + `)`, values
	}
	return strings.Join(conditions, " AND "), values
}

// EventRecord is a message or an event with what became of it.
type EventRecord struct {
	Event
	ListedAt   time.Time     // its place in a list: when it was complete; while it is prepared, CreatedAt
	Status     MessageStatus // of a message
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
	Latest   bool      // the last Limit events, in place of the first ones
	Complete bool      // without the events that are prepared
	Limit    int
}

// listedAt is EventRecord.ListedAt in SQL, as the index event_listed has it. An event
// that is prepared moves in the list when it is complete, so that whoever follows the
// list does not miss it.
const listedAt = "COALESCE(e.ready_at, e.created_at)"

// Events returns a page of messages and events, sorted by ListedAt and by id, without
// their bodies.
func (s *DB) Events(ctx context.Context, filter EventFilter, page EventPage) ([]EventRecord, error) {
	where, values := filter.where(false)
	if from := page.From; !from.IsZero() || !filter.Since.IsZero() { // no event is listed before it was recorded
		if filter.Since.After(from) {
			from = filter.Since
		}
		values = append(values, from.UnixMilli())
		where += fmt.Sprintf(" AND %s >= $%d", listedAt, len(values))
	}
	if page.After != "" {
		values = append(values, page.From.UnixMilli(), page.After)
		where += fmt.Sprintf(" AND (%s > $%d OR e.id > $%d)", listedAt, len(values)-1, len(values))
	}
	if page.Complete {
		where += " AND e.ready_at IS NOT NULL"
	}
	order := "ASC"
	if page.Latest {
		order = "DESC"
	}
	values = append(values, page.Limit)
	rows, err := s.read.QueryContext(ctx, fmt.Sprintf(`SELECT e.id, e.account_id, e.business_account_id, e.phone_number_id, e.kind, e.name, e.conversation,
			e.message_id, e.wamid, LENGTH(e.body), e.created_at, `+listedAt+`, m.status, m.error, m.wamid
		FROM event e LEFT JOIN message m ON m.id = e.id
		WHERE %s ORDER BY `+listedAt+` %s, e.id %[2]s LIMIT $%[3]d`, where, order, len(values)), values...)
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
		var status, failure, wamid sql.NullString
		if err := rows.Scan(&r.ID, &r.AccountID, &r.BusinessAccountID, &r.PhoneNumberID, &r.Kind, &r.Name, &r.Conversation,
			&r.MessageID, &r.WAMID, &r.Size, &created, &listed, &status, &failure, &wamid); err != nil {
			return nil, err
		}
		r.CreatedAt, r.ListedAt, r.Status, r.Error = time.UnixMilli(created), time.UnixMilli(listed), MessageStatus(status.String), failure.String
		r.WAMID = cmp.Or(r.WAMID, wamid.String)
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
	for some := range slices.Chunk(ids, rowsPerStatement) {
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

// CountEvents returns the number of messages and events that a filter selects, and of
// their deliveries by state.
func (s *DB) CountEvents(ctx context.Context, filter EventFilter) (events int64, deliveries map[string]int64, err error) {
	where, values := filter.where(false)
	if err := s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM event e WHERE `+where, values...).Scan(&events); err != nil {
		return 0, nil, err
	}
	where, values = filter.where(true)
	rows, err := s.read.QueryContext(ctx, `SELECT d.state, COUNT(*) FROM event e JOIN delivery d ON d.event_id = e.id JOIN lane l ON l.id = d.lane_id
		WHERE `+where+` GROUP BY d.state`, values...)
	if err != nil {
		return 0, nil, err
	}
	defer rows.Close()
	deliveries = make(map[string]int64)
	for rows.Next() {
		var state string
		var count int64
		if err := rows.Scan(&state, &count); err != nil {
			return 0, nil, err
		}
		deliveries[state] = count
	}
	return events, deliveries, rows.Err()
}

// changeBatch bounds the deliveries that one transaction replays or discards, so that
// other writers do not wait for long.
const changeBatch = 500

// chosenDelivery is a delivery that is replayed or discarded.
type chosenDelivery struct {
	lane         string
	seq          int64
	event, kind  string
	destination  string
	conversation string
}

// chooseDeliveries returns deliveries that a filter selects, in order, after the given
// one. It locks their lanes, in order, and them.
func (s *DB) chooseDeliveries(ctx context.Context, tx *sql.Tx, filter EventFilter, states []any, before time.Time, after chosenDelivery) ([]chosenDelivery, error) {
	where, values := filter.where(true)
	n := len(values)
	values = append(values, states...)
	in := parameters(n+1, len(states))
	values = append(values, before.UnixMilli(), after.lane, after.seq)
	n = len(values)
	rows, err := tx.QueryContext(ctx, fmt.Sprintf(`SELECT d.lane_id, d.seq, d.event_id, e.kind, l.destination, e.conversation
		FROM event e JOIN delivery d ON d.event_id = e.id JOIN lane l ON l.id = d.lane_id
		WHERE %s AND d.state IN (%s) AND d.created_at <= $%d AND (d.lane_id > $%d OR d.lane_id = $%[4]d AND d.seq > $%[5]d)
		ORDER BY d.lane_id, d.seq LIMIT %d`, where, in, n-2, n-1, n, changeBatch)+s.locking(`FOR UPDATE OF l, d`), values...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var chosen []chosenDelivery
	for rows.Next() {
		var c chosenDelivery
		if err := rows.Scan(&c.lane, &c.seq, &c.event, &c.kind, &c.destination, &c.conversation); err != nil {
			return nil, err
		}
		chosen = append(chosen, c)
	}
	return chosen, rows.Err()
}

// changeDeliveries calls change for the deliveries that a filter selects, a batch in
// each transaction, and returns their number. Deliveries that are put in meanwhile are
// left alone.
func (s *DB) changeDeliveries(ctx context.Context, filter EventFilter, states []any, change func(tx *sql.Tx, chosen []chosenDelivery) error) (changed int64, err error) {
	before, after := s.now(), chosenDelivery{}
	for {
		var chosen []chosenDelivery
		err := s.inTransaction(ctx, func(tx *sql.Tx) (err error) {
			if chosen, err = s.chooseDeliveries(ctx, tx, filter, states, before, after); err != nil || len(chosen) == 0 {
				return err
			}
			return change(tx, chosen)
		})
		if err != nil {
			return changed, err
		}
		changed += int64(len(chosen))
		if len(chosen) < changeBatch {
			return changed, nil
		}
		after = chosen[len(chosen)-1]
	}
}

// ReplayEvents puts the deliveries of events that have ended at the ends of their lanes
// again, with the same event ids, and returns their number. Each delivery is replayed
// once: its state becomes "replayed". Messages are not replayed, because nobody can
// take a message back that was sent twice.
func (s *DB) ReplayEvents(ctx context.Context, filter EventFilter) (int64, error) {
	if filter.Kind == KindMessage {
		return 0, nil
	}
	filter.Kind, filter.isReplay = KindEvent, true
	var events []Event
	changed, err := s.changeDeliveries(ctx, filter, []any{"delivered", "dead", "cancelled"}, func(tx *sql.Tx, chosen []chosenDelivery) error {
		batch := make([]Event, len(chosen))
		for i, c := range chosen {
			batch[i] = Event{ID: c.event, Conversation: c.conversation, Destinations: []string{c.destination}}
		}
		if err := s.setDeliveryStates(ctx, tx, chosen, "replayed"); err != nil {
			return err
		}
		events = batch
		return s.putDeliveries(ctx, tx, batch)
	})
	s.announce(events)
	return changed, err
}

// DiscardEvents gives up deliveries that wait or have failed, and returns their number.
// A message that is discarded before it was sent has failed. A delivery that is being
// made at this moment may still arrive; then it is recorded as delivered.
func (s *DB) DiscardEvents(ctx context.Context, filter EventFilter) (int64, error) {
	return s.changeDeliveries(ctx, filter, []any{"waiting", "dead"}, func(tx *sql.Tx, chosen []chosenDelivery) error {
		if err := s.setDeliveryStates(ctx, tx, chosen, "cancelled"); err != nil {
			return err
		}
		var messages []any
		for _, c := range chosen {
			if c.kind == KindMessage {
				messages = append(messages, c.event)
			}
		}
		if len(messages) == 0 {
			return nil
		}
		_, err := tx.ExecContext(ctx, `UPDATE message SET status = 'failed', error = 'It was discarded by an operator before it was sent.', updated_at = $1
			WHERE status = 'queued' AND id IN (`+parameters(2, len(messages))+`)`, append([]any{s.now().UnixMilli()}, messages...)...)
		return err
	})
}

// setDeliveryStates sets the states of deliveries.
func (s *DB) setDeliveryStates(ctx context.Context, tx *sql.Tx, chosen []chosenDelivery, state string) error {
	var values []any
	for _, c := range chosen {
		values = append(values, c.lane, c.seq)
	}
	values = append(values, state, s.now().UnixMilli())
	_, err := tx.ExecContext(ctx, fmt.Sprintf(`UPDATE delivery SET state = $%d, ended_at = COALESCE(ended_at, $%d)
		WHERE (lane_id, seq) IN (VALUES %s)`, len(values)-1, len(values), typed(len(chosen), "TEXT", "BIGINT")), values...)
	return err
}

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

// Destinations returns the destinations to which deliveries of an account wait, are
// dead or are held.
func (s *DB) Destinations(ctx context.Context, accountID string) ([]DestinationSummary, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT l.destination,
			SUM(CASE WHEN d.state = 'waiting' THEN 1 ELSE 0 END), SUM(CASE WHEN d.state = 'dead' THEN 1 ELSE 0 END),
			MIN(CASE WHEN d.state = 'waiting' THEN d.created_at END), MAX(d.error), MAX(h.held_at), MAX(h.reason)
		FROM delivery d JOIN lane l ON l.id = d.lane_id JOIN event e ON e.id = d.event_id
			LEFT JOIN held_destination h ON h.destination = l.destination
		WHERE e.account_id = $1 AND d.state IN ('waiting', 'dead') GROUP BY l.destination ORDER BY l.destination`, accountID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []DestinationSummary
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

// OwnsDestination reports whether deliveries of an account have gone to a destination.
func (s *DB) OwnsDestination(ctx context.Context, accountID, destination string) (bool, error) {
	var one int
	err := s.read.QueryRowContext(ctx, `SELECT 1 FROM lane l JOIN delivery d ON d.lane_id = l.id JOIN event e ON e.id = d.event_id
		WHERE l.destination = $1 AND e.account_id = $2 LIMIT 1`, destination, accountID).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
