// What Meta's webhooks have reported: each update once, as an event.

package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// receivedKept is how long an update is recognised when Meta repeats it: Meta retries
// a webhook for up to 7 days (docs/references.md#webhooks).
const receivedKept = 8 * 24 * time.Hour

// Received is an update of Meta's webhooks, as an event of one account.
type Received struct {
	// Key is the same for each repetition of the update, and another one for every
	// other update. It must be ASCII, of at most 128 bytes.
	Key   string
	Event Event
	// Status is what the update reports about the message Event.WAMID, which this
	// phone number has sent; empty if it reports nothing that Message.Status has.
	Status MessageStatus
	Reason string // why the message has failed; empty unless Status is MessageFailed
	// IsNew says that it was not received before. Receive sets it.
	IsNew bool
}

// receipt is the updates of one webhook.
type receipt struct {
	updates []Received
	added   []Event // those that were not known, as they were stored
}

// Receive stores the updates that have not been received before: their events with
// their deliveries, and what they report about messages. It returns their number.
// All are durable when Receive returns, or none is certain to be. Webhooks that are
// received at the same time share a commit.
//
// An event whose conversation has events in preparation is prepared, too, so that the
// order is kept; see PrepareDestination.
func (s *DB) Receive(ctx context.Context, updates []Received) (fresh int, err error) {
	if len(updates) == 0 {
		return 0, nil
	}
	r := &receipt{updates: updates}
	if err := s.receipts.write(ctx, r); err != nil {
		return 0, err
	}
	s.announce(r.added)
	return len(r.added), nil
}

// receive stores the updates of several webhooks in one transaction. Rows of messages
// are locked before those of lanes, as everywhere.
func (s *DB) receive(ctx context.Context, tx *sql.Tx, receipts []*receipt) ([]error, error) {
	isFresh, err := s.insertReceived(ctx, tx, receipts)
	if err != nil {
		return nil, err
	}
	var fresh []Received
	counts := make([]int, len(receipts))
	for i, r := range receipts {
		for j, update := range r.updates {
			r.updates[j].IsNew = isFresh[update.Key]
			if isFresh[update.Key] {
				isFresh[update.Key] = false // of repetitions in the same transaction, the first one counts
				fresh = append(fresh, update)
				counts[i]++
			}
		}
	}
	if err := s.reportStatuses(ctx, tx, fresh); err != nil {
		return nil, err
	}
	events := make([]Event, len(fresh))
	for i, update := range fresh {
		events[i] = update.Event
	}
	if err := s.queueBehind(ctx, tx, events); err != nil {
		return nil, err
	}
	if err := s.insertEvents(ctx, tx, events); err != nil {
		return nil, err
	}
	for i, r := range receipts {
		r.added, events = events[:counts[i]], events[counts[i]:]
	}
	return make([]error, len(receipts)), nil
}

// insertReceived records updates and returns the keys of those that were not known.
// Keys are inserted in their order, so that replicas wait for each other and do not
// lock each other out.
func (s *DB) insertReceived(ctx context.Context, tx *sql.Tx, receipts []*receipt) (isFresh map[string]bool, err error) {
	keys := make(map[string]bool)
	for _, r := range receipts {
		for _, update := range r.updates {
			keys[update.Key] = true
		}
	}
	isFresh = make(map[string]bool, len(keys))
	now := s.now().UnixMilli()
	for some := range slices.Chunk(slices.Sorted(maps.Keys(keys)), s.rowLimit()) {
		var values []any
		for _, key := range some {
			values = append(values, key, now)
		}
		err := eachRow(ctx, tx, func(rows *sql.Rows) error {
			var key string
			err := rows.Scan(&key)
			isFresh[key] = true
			return err
		}, `INSERT INTO received (id, received_at) VALUES `+placeholders(len(some), 2)+` ON CONFLICT DO NOTHING RETURNING id`, values...)
		if err != nil {
			return nil, err
		}
	}
	return isFresh, nil
}

// reportStatuses records what updates report about messages. The status of a message
// never goes back.
func (s *DB) reportStatuses(ctx context.Context, tx *sql.Tx, updates []Received) error {
	type message struct{ phoneNumberID, wamid string }
	reports := make(map[message][]Received)
	var wamids []any
	for _, update := range updates {
		if update.Status == "" || update.Event.WAMID == "" {
			continue
		}
		m := message{update.Event.PhoneNumberID, update.Event.WAMID}
		if len(reports[m]) == 0 {
			wamids = append(wamids, m.wamid)
		}
		reports[m] = append(reports[m], update)
	}
	found := make(map[string][]Received) // by the id of the message
	for some := range slices.Chunk(wamids, s.rowLimit()) {
		err := eachRow(ctx, tx, func(rows *sql.Rows) error {
			var id string
			var m message
			if err := rows.Scan(&id, &m.phoneNumberID, &m.wamid); err != nil {
				return err
			}
			if about := reports[m]; len(about) > 0 {
				found[id] = about
			}
			return nil
		}, `SELECT id, phone_number_id, wamid FROM message WHERE wamid <> '' AND wamid IN (`+parameters(1, len(some))+`)`, some...)
		if err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(found)) {
		if err := s.advance(ctx, tx, id, found[id]); err != nil {
			return err
		}
	}
	return nil
}

// advance changes the status of a message to the furthest one of those reported, if
// that is further than its own. It tries again if another replica changes it at the
// same time, which happens once per status at most.
func (s *DB) advance(ctx context.Context, tx *sql.Tx, id string, reports []Received) error {
	for {
		var known MessageStatus
		var reason string
		err := tx.QueryRowContext(ctx, `SELECT status, error FROM message WHERE id = $1`, id).Scan(&known, &reason)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // unlinked meanwhile
		}
		if err != nil {
			return err
		}
		status := known
		for _, report := range reports {
			if report.Status.follows(status) {
				status, reason = report.Status, report.Reason
			}
		}
		if status == known {
			return nil
		}
		result, err := tx.ExecContext(ctx, `UPDATE message SET status = $1, error = $2, updated_at = $3 WHERE id = $4 AND status = $5`,
			status, reason, s.now().UnixMilli(), id, known)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); n > 0 || err != nil {
			return err
		}
	}
}

// MessagesByWAMID returns the ids of the messages of a phone number to which Meta
// gave the ids, by these ids. Those that are not known are missing.
func (s *DB) MessagesByWAMID(ctx context.Context, phoneNumberID string, wamids []string) (map[string]string, error) {
	found := make(map[string]string)
	for some := range slices.Chunk(wamids, s.rowLimit()) {
		values := []any{phoneNumberID}
		for _, wamid := range some {
			values = append(values, wamid)
		}
		rows, err := s.read.QueryContext(ctx, `SELECT wamid, id FROM message
			WHERE phone_number_id = $1 AND wamid <> '' AND wamid IN (`+parameters(2, len(some))+`)`, values...)
		if err != nil {
			return nil, err
		}
		if err := scanPairs(rows, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func scanPairs(rows *sql.Rows, into map[string]string) error {
	defer rows.Close()
	for rows.Next() {
		var key, value string
		if err := rows.Scan(&key, &value); err != nil {
			return err
		}
		into[key] = value
	}
	return rows.Err()
}

// unsettledFrom and unsettledWhere select the messages that a status with an unknown
// wamid may be about: their outcome is not known, or an attempt to send them has begun
// and its end is not recorded.
const (
	unsettledFrom  = ` FROM message m JOIN delivery d ON d.event_id = m.id`
	unsettledWhere = ` WHERE m.phone_number_id = $1 AND m.status IN ('queued', 'unknown') AND (m.status = 'unknown' OR d.begun_at IS NOT NULL AND d.state = 'waiting')`
)

// UnsettledRecipients returns those of the recipients for whom a phone number has a
// message that is being sent, or whose outcome is not known.
func (s *DB) UnsettledRecipients(ctx context.Context, phoneNumberID string, recipients []string) (map[string]bool, error) {
	found := make(map[string]bool)
	for some := range slices.Chunk(recipients, s.rowLimit()) {
		values := []any{phoneNumberID}
		for _, recipient := range some {
			values = append(values, recipient)
		}
		unsettled, err := s.texts(ctx, `SELECT DISTINCT m.recipient`+unsettledFrom+unsettledWhere+
			` AND m.recipient IN (`+parameters(2, len(some))+`)`, values...)
		if err != nil {
			return nil, err
		}
		for _, recipient := range unsettled {
			found[recipient] = true
		}
	}
	return found, nil
}

// ErrUnsettled says that a message is being sent that a status may be about.
var ErrUnsettled = errors.New("a message to this recipient is being sent, and Meta's id of it is not known yet")

// Claim finds the message that a status is about, whose wamid was not known when the
// status was received, and records what the status reports. It returns the message's
// id; empty means that ferry has not sent the message. If the outcome of the message
// was unknown, the status resolves it, and Claim adds the event that accepted returns
// for the message. It returns ErrUnsettled while a message is being sent, or its outcome
// being recorded, that the status may be about.
func (s *DB) Claim(ctx context.Context, status ReportedStatus, update Received, accepted func(messageID string) Event) (messageID string, err error) {
	var added []Event
	err = s.inTransaction(ctx, func(tx *sql.Tx) error {
		messageID, added = "", nil
		isUnsettled, err := s.isUnsettled(ctx, tx, status) // first: a message that is not has its wamid
		if err != nil {
			return err
		}
		err = tx.QueryRowContext(ctx, `SELECT id FROM message WHERE wamid = $1 AND wamid <> '' AND phone_number_id = $2`,
			status.WAMID, status.PhoneNumberID).Scan(&messageID)
		switch {
		case err == nil:
		case !errors.Is(err, sql.ErrNoRows):
			return err
		case isUnsettled:
			return ErrUnsettled
		default:
			if messageID, err = s.resolveUnknown(ctx, tx, status); err != nil || messageID == "" {
				return err
			}
			added = []Event{accepted(messageID)}
			if err := s.insertEvents(ctx, tx, added); err != nil {
				return err
			}
		}
		if update.Status == "" {
			return nil
		}
		return s.advance(ctx, tx, messageID, []Received{update})
	})
	if err != nil {
		return "", err
	}
	s.announce(added)
	if len(added) > 0 {
		s.correctDelivery(ctx, messageID, MessageAccepted, "")
	}
	return messageID, nil
}

// isUnsettled reports whether a message is being sent that a status may be about.
func (s *DB) isUnsettled(ctx context.Context, tx *sql.Tx, status ReportedStatus) (bool, error) {
	if len(status.Recipients) == 0 {
		return false, nil
	}
	values := []any{status.PhoneNumberID}
	for _, recipient := range status.Recipients {
		values = append(values, recipient)
	}
	var count int
	err := tx.QueryRowContext(ctx, fmt.Sprintf(`SELECT COUNT(*)%s%s AND m.status = 'queued' AND m.recipient IN (%s)`,
		unsettledFrom, unsettledWhere, parameters(2, len(status.Recipients))), values...).Scan(&count)
	return count > 0, err
}

// purgeReceived deletes the records of updates that Meta does not repeat any more, and
// old counts of refused ones.
func (s *DB) purgeReceived(ctx context.Context) (removed int64, err error) {
	for query, before := range map[string]time.Time{
		`DELETE FROM received WHERE received_at <= $1 AND id IN (SELECT id FROM received WHERE received_at <= $1 LIMIT $2)`: s.now().Add(-receivedKept),
		`DELETE FROM unlinked WHERE last_at <= $1 AND (business_account, phone_number, app_id) IN
		   (SELECT business_account, phone_number, app_id FROM unlinked WHERE last_at <= $1 LIMIT $2)`: s.now().Add(-unlinkedKept),
	} {
		for {
			result, err := s.exec(ctx, query, before.UnixMilli(), purgeBatch)
			if err != nil {
				return removed, err
			}
			n, err := result.RowsAffected()
			removed += n
			if err != nil {
				return removed, err
			}
			if n < purgeBatch {
				break
			}
		}
	}
	return removed, nil
}
