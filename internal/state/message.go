// Messages: what was accepted to be sent to Meta, and what became of it.

package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
)

// MessageStatus says how far a message has come.
type MessageStatus string

// The statuses of a Message.
const (
	MessageQueued    MessageStatus = "queued"    // accepted by ferry, not sent yet
	MessageAccepted  MessageStatus = "accepted"  // accepted by Meta
	MessageSent      MessageStatus = "sent"      // as Meta's webhooks report it, and so on for the next two
	MessageDelivered MessageStatus = "delivered" //
	MessageRead      MessageStatus = "read"      //
	MessageFailed    MessageStatus = "failed"    // refused by Meta, at once or later, or given up
	MessageUnknown   MessageStatus = "unknown"   // sent, and Meta's response is not known
)

// MessageStatuses are all of them.
var MessageStatuses = []MessageStatus{MessageQueued, MessageAccepted, MessageSent, MessageDelivered, MessageRead, MessageFailed, MessageUnknown}

// SendPrefix and a PhoneNumber.ID are the destination of the messages of a phone number.
const SendPrefix = "send/"

// Message is a message that was accepted to be sent to Meta.
type Message struct {
	ID                string // a UUID, as SendWhatsAppMessage returned it; AddMessage makes one up if it is empty
	AccountID         string // 12 digits
	BusinessAccountID string // as BusinessAccount.ID
	PhoneNumberID     string // as PhoneNumber.ID
	Type              string // "text", "image", "template" and so on; "receipt" for a read receipt
	Recipient         string // digits of the number, a business-scoped user id or a group's id; empty for a read receipt
	// Conversation is what is kept in order: the phone number and the user.
	Conversation string
	APIVersion   string // of Meta's API, as the caller named it
	AccessKeyID  string // of the caller
	RequestID    string // of the call
	SDKCall      string // what all attempts of one SDK call have in common; empty means unknown
	Body         []byte // Meta's JSON, as the caller sent it; not set by MessageByWAMID
	Status       MessageStatus
	WAMID        string // Meta's id; empty until Meta has accepted the message, and for a read receipt
	Error        string // why it failed, or why the outcome is unknown; empty means that it did not
	CreatedAt    time.Time
	UpdatedAt    time.Time
	TraceParent  string // of the call's span; empty means that it is not traced
}

// newMessage is a message that is being added, and the outcome.
type newMessage struct {
	message Message
	id      string // of the message that the call has
	isNew   bool
}

// AddMessage stores a message with its delivery to Meta, which is durable when
// AddMessage returns. Messages that are added at the same time share a commit. If
// another attempt of the same SDK call has added its message, AddMessage returns the
// id of that one and adds nothing. It ignores Status, WAMID, Error and UpdatedAt.
func (s *DB) AddMessage(ctx context.Context, m Message) (id string, isNew bool, err error) {
	if m.ID == "" {
		m.ID = NewUUID()
	}
	if m.CreatedAt.IsZero() {
		m.CreatedAt = s.now()
	}
	adding := &newMessage{message: m}
	if err := s.messages.write(ctx, adding); err != nil {
		return "", false, err
	}
	if adding.isNew {
		s.announce([]Event{adding.message.event()})
	}
	return adding.id, adding.isNew, nil
}

// event returns what is delivered to Meta.
func (m Message) event() Event {
	return Event{
		ID: m.ID, AccountID: m.AccountID, BusinessAccountID: m.BusinessAccountID, PhoneNumberID: m.PhoneNumberID, Kind: KindMessage,
		Name: m.Type, Conversation: m.Conversation, Body: m.Body, CreatedAt: m.CreatedAt, TraceParent: m.TraceParent, Destinations: []string{SendPrefix + m.PhoneNumberID},
	}
}

// addMessages stores the messages of several callers in one transaction. Two replicas
// that add the message of one SDK call at the same time violate a unique index; then
// the batcher adds each message again, and the second replica finds the first one's.
func (s *DB) addMessages(ctx context.Context, tx *sql.Tx, adding []*newMessage) ([]error, error) {
	known, err := s.messagesOfCalls(ctx, tx, adding)
	if err != nil {
		return nil, err
	}
	var events []Event
	var values []any
	for _, a := range adding {
		m := a.message
		id, isKnown := known[m.SDKCall]
		if a.id, a.isNew = id, !isKnown || id == m.ID; isKnown { // its own id: committed before without an answer
			continue
		}
		a.id = m.ID
		var call any // NULL
		if m.SDKCall != "" {
			call, known[m.SDKCall] = m.SDKCall, m.ID
		}
		events = append(events, m.event())
		values = append(values, m.ID, m.PhoneNumberID, m.Recipient, m.APIVersion, m.AccessKeyID, m.RequestID, call, m.CreatedAt.UnixMilli())
	}
	if err := s.insertEvents(ctx, tx, events); err != nil {
		return nil, err
	}
	const columns = 8
	for rows := range slices.Chunk(values, columns*s.rowLimit()) {
		if _, err := tx.ExecContext(ctx, `INSERT INTO message (id, phone_number_id, recipient, api_version, access_key_id, request_id, sdk_call,
			updated_at, status, wamid, error) VALUES `+placeholders(len(rows)/columns, columns, `'queued'`, `''`, `''`)+` ON CONFLICT (id) DO NOTHING`, rows...); err != nil {
			return nil, err
		}
	}
	return make([]error, len(adding)), nil
}

// messagesOfCalls returns the ids of the messages that SDK calls have added already.
func (s *DB) messagesOfCalls(ctx context.Context, tx *sql.Tx, adding []*newMessage) (map[string]string, error) {
	var calls []any
	for _, a := range adding {
		if a.message.SDKCall != "" {
			calls = append(calls, a.message.SDKCall)
		}
	}
	known := make(map[string]string)
	for some := range slices.Chunk(calls, s.rowLimit()) {
		if err := readMessagesOfCalls(ctx, tx, some, known); err != nil {
			return nil, err
		}
	}
	return known, nil
}

// readMessagesOfCalls adds to known the ids of the messages of some SDK calls.
func readMessagesOfCalls(ctx context.Context, tx *sql.Tx, calls []any, known map[string]string) error {
	rows, err := tx.QueryContext(ctx, `SELECT sdk_call, id FROM message WHERE sdk_call IN (`+parameters(1, len(calls))+`)`, calls...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var call, id string
		if err := rows.Scan(&call, &id); err != nil {
			return err
		}
		known[call] = id
	}
	return rows.Err()
}

// MessageOfCall returns the id of the message that an SDK call has added. It returns
// ErrNotFound if there is none.
func (s *DB) MessageOfCall(ctx context.Context, sdkCall string) (id string, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT id FROM message WHERE sdk_call = $1`, sdkCall).Scan(&id)
	return id, asNotFound(err)
}

const messageColumns = `m.id, e.account_id, e.business_account_id, m.phone_number_id, e.name, m.recipient, e.conversation, m.api_version,
	 m.access_key_id, m.request_id, COALESCE(m.sdk_call, ''), m.status, m.wamid, m.error, e.created_at, m.updated_at, e.traceparent`

func scanMessage(row interface{ Scan(...any) error }) (Message, error) {
	var m Message
	var created, updated int64
	err := row.Scan(&m.ID, &m.AccountID, &m.BusinessAccountID, &m.PhoneNumberID, &m.Type, &m.Recipient, &m.Conversation, &m.APIVersion,
		&m.AccessKeyID, &m.RequestID, &m.SDKCall, &m.Status, &m.WAMID, &m.Error, &created, &updated, &m.TraceParent)
	m.CreatedAt, m.UpdatedAt = time.UnixMilli(created), time.UnixMilli(updated)
	return m, asNotFound(err)
}

// Message returns a message with its body. It returns ErrNotFound if there is none,
// which is so after its phone number was unlinked.
func (s *DB) Message(ctx context.Context, id string) (Message, error) {
	var body []byte
	m, err := scanMessage(rowWith{s.read.QueryRowContext(ctx,
		`SELECT `+messageColumns+`, e.body FROM message m JOIN event e ON e.id = m.id WHERE m.id = $1`, id), &body})
	m.Body = body
	return m, err
}

// MessageByWAMID returns the message to which Meta gave an id. It returns ErrNotFound
// if there is none.
func (s *DB) MessageByWAMID(ctx context.Context, phoneNumberID, wamid string) (Message, error) {
	if wamid == "" {
		return Message{}, ErrNotFound
	}
	return scanMessage(s.read.QueryRowContext(ctx,
		`SELECT `+messageColumns+` FROM message m JOIN event e ON e.id = m.id WHERE m.wamid = $1 AND m.phone_number_id = $2`, wamid, phoneNumberID))
}

// ConversationOf returns the conversation of an inbound message, and whether ferry has
// received it. A read receipt goes in order with the other messages to that user.
func (s *DB) ConversationOf(ctx context.Context, phoneNumberID, wamid string) (conversation string, isKnown bool, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT conversation FROM event WHERE wamid = $1 AND wamid <> '' AND phone_number_id = $2 AND kind = 'event'
		AND name LIKE 'message.%' LIMIT 1`, wamid, phoneNumberID).Scan(&conversation)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return conversation, err == nil, err
}

// ForeignMedia returns those of the media ids that another phone number has uploaded
// and this one has not. A number that several accounts have linked is one number.
func (s *DB) ForeignMedia(ctx context.Context, phoneNumberID string, mediaIDs []string) (foreign []string, err error) {
	for some := range slices.Chunk(mediaIDs, s.rowLimit()) {
		var values []any
		for _, id := range some {
			values = append(values, id)
		}
		query := fmt.Sprintf(`SELECT m.id FROM media m JOIN phone_number p ON p.id = m.phone_number_id
			WHERE m.id IN (%s) AND NOT EXISTS (
			  SELECT 1 FROM media o JOIN phone_number q ON q.id = o.phone_number_id JOIN phone_number me ON me.meta_id = q.meta_id
			  WHERE o.id = m.id AND me.id = $%d)`, parameters(1, len(some)), len(some)+1)
		found, err := s.texts(ctx, query, append(values, phoneNumberID)...)
		if err != nil {
			return nil, err
		}
		foreign = append(foreign, found...)
	}
	return foreign, nil
}

// texts returns the rows of a query that selects one text.
func (s *DB) texts(ctx context.Context, query string, values ...any) (texts []string, err error) {
	rows, err := s.read.QueryContext(ctx, query, values...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, rows.Err()
}
