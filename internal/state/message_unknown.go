// Messages whose outcome is not known, and the status of Meta that resolves one.

package state

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"time"
)

const (
	// statusSkew is how much earlier than the acceptance of its message a status may
	// be: Meta's clock is another one, and its times are in seconds.
	statusSkew = time.Minute
	// resolveWindow is how long after the end of the attempt a status counts as one of
	// a message of unknown outcome.
	resolveWindow = 10 * time.Minute
)

// ReportedStatus is a status of Meta's webhooks for a wamid that no message has.
type ReportedStatus struct {
	PhoneNumberID string   // as PhoneNumber.ID
	WAMID         string   //
	Recipients    []string // recipient_id and recipient_user_id, those that are set
	CallbackData  string   // biz_opaque_callback_data; empty means none
	Time          time.Time
}

// resolveUnknown looks for the message of unknown outcome that a status is about, and
// gives it the wamid. It returns the message's id, or "" if there is no such message. It
// returns ErrUnsettled if another process has recorded the outcome of the message meanwhile.
//
// Meta's API has no idempotency key, so this is a conclusion from the circumstances:
// the only message of unknown outcome from this number to this user, accepted before
// and attempted at most resolveWindow before, with the same biz_opaque_callback_data.
// The caller has seen to it that no message to this user is being sent, whose wamid
// this may be, too. The conclusion is wrong only if something else sends to the same
// user through the same number at that time; with callback data of their own, messages
// are told apart for certain.
func (s *DB) resolveUnknown(ctx context.Context, tx *sql.Tx, status ReportedStatus) (id string, err error) {
	candidates, err := unknownMessages(ctx, tx, status)
	if err != nil {
		return "", err
	}
	for _, m := range candidates {
		switch {
		case m.CreatedAt.After(status.Time.Add(statusSkew)) || m.UpdatedAt.Add(resolveWindow).Before(status.Time):
		case callbackData(m.Body) != status.CallbackData:
		case id != "":
			return "", nil // two are possible
		default:
			id = m.ID
		}
	}
	if id == "" {
		return "", nil
	}
	result, err := tx.ExecContext(ctx, `UPDATE message SET status = $1, wamid = $2, error = '', updated_at = $3 WHERE id = $4 AND status = 'unknown'`,
		MessageAccepted, status.WAMID, s.now().UnixMilli(), id)
	if err != nil {
		return "", err
	}
	if n, err := result.RowsAffected(); n == 0 || err != nil {
		return "", cmp.Or(err, ErrUnsettled)
	}
	return id, nil
}

// unknownMessages returns the messages of unknown outcome to a user.
func unknownMessages(ctx context.Context, tx *sql.Tx, status ReportedStatus) ([]Message, error) {
	if len(status.Recipients) == 0 {
		return nil, nil
	}
	values := []any{status.PhoneNumberID}
	for _, recipient := range status.Recipients {
		values = append(values, recipient)
	}
	// Both conditions on the status: the first one is that of the index.
	rows, err := tx.QueryContext(ctx, `SELECT m.id, e.body, e.created_at, m.updated_at
		FROM message m JOIN event e ON e.id = m.id
		WHERE m.phone_number_id = $1 AND m.recipient IN (`+parameters(2, len(status.Recipients))+`) AND m.status IN ('queued', 'unknown') AND m.status = 'unknown'`, values...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var messages []Message
	for rows.Next() {
		var m Message
		var created, updated int64
		if err := rows.Scan(&m.ID, &m.Body, &created, &updated); err != nil {
			return nil, err
		}
		m.CreatedAt, m.UpdatedAt = time.UnixMilli(created), time.UnixMilli(updated)
		messages = append(messages, m)
	}
	return messages, rows.Err()
}

// callbackData returns what Meta repeats in each status of a message.
func callbackData(body []byte) string {
	var message struct {
		Data string `json:"biz_opaque_callback_data"`
	}
	_ = json.Unmarshal(body, &message) // which acceptance has parsed; other types than text are Meta's business
	return message.Data
}
