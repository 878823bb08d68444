package metasim

import (
	"cmp"
	"container/heap"
	"encoding/json"
	"errors"
	"slices"
	"sort"
	"sync"
	"time"
)

// What is known of messages, and the agenda of what is to happen to them.

const (
	messageKind       = "message" // of records
	maxMessages       = 10_000    // messages that are kept; one more replaces the oldest
	maxMessageContent = 64 << 10  // bytes of a message that are kept
)

// A Message is a message that a phone number has sent.
type Message struct {
	ID            string          `json:"id"` // wamid
	PhoneNumberID string          `json:"phone_number_id"`
	AccountID     string          `json:"business_account_id"`
	Recipient     string          `json:"recipient"`         // as in the request
	WAID          string          `json:"wa_id,omitempty"`   // digits of the number; empty if the message was sent to a UserID
	UserID        string          `json:"user_id,omitempty"` // business-scoped; empty if the message was sent to a number
	Type          string          `json:"type"`
	Content       json.RawMessage `json:"content,omitempty"` // of the member that Type names, as it was sent; empty above 64 KiB
	Template      string          `json:"template,omitempty"`
	Category      string          `json:"category"`             // marketing, utility, authentication or service
	ContextID     string          `json:"context_id,omitempty"` // of the message that this one replies to
	CallbackData  string          `json:"biz_opaque_callback_data,omitempty"`
	Version       string          `json:"version"`  // of the Graph API
	TraceID       string          `json:"trace_id"` // of the request in the history
	Created       time.Time       `json:"created"`
	Status        string          `json:"status"`             // the last of Statuses; accepted before the first
	Statuses      []StatusChange  `json:"statuses,omitempty"` // oldest first
	Notes         []string        `json:"notes,omitempty"`    // what the simulator could not do as Meta does
}

// A StatusChange is a step of a message.
type StatusChange struct {
	Status  string    `json:"status"` // sent, delivered, read, played or failed
	Time    time.Time `json:"time"`   // by the simulator's clock
	Code    int       `json:"code,omitempty"`
	Title   string    `json:"title,omitempty"`
	Details string    `json:"details,omitempty"`
}

// messageRow is a message with what is to happen next.
type messageRow struct {
	Message
	Media     []messageMedia `json:"media,omitempty"`
	Step      step           `json:"step,omitempty"` // empty means that nothing happens by itself
	Due       time.Time      `json:"due,omitzero"`   // of Step
	Offline   bool           `json:"offline,omitempty"`
	Voice     bool           `json:"voice,omitempty"`
	FailLater int            `json:"fail_later,omitempty"` // code of Fault.FailLater
	TargetID  string         `json:"target_id,omitempty"`  // of the message that a reaction is for
	LinkFault string         `json:"link_fault,omitempty"` // what is wrong with what was fetched
}

// messageMedia is a file of a message.
type messageMedia struct {
	Kind string `json:"kind"` // image, video, document, audio or sticker
	ID   string `json:"id,omitempty"`
	Link string `json:"link,omitempty"`
}

func (m messageRow) createdAt() time.Time { return m.Created }
func (m messageRow) expiresAt() time.Time { return time.Time{} }

var errMessagesFull = errors.New("too many messages")

// messages are all messages and the agenda.
type messages struct {
	table *table[messageRow]
	wake  chan struct{} // capacity 1: the agenda has changed

	mu    sync.Mutex
	order []string // ids, oldest first
	// removed counts the messages that are no longer in order.
	removed int
	agenda  agenda
	made    int // entries of the agenda
	// working counts the entries that were taken from the agenda and whose steps are not
	// done yet.
	working int
}

// entry of the agenda: a message has something to do at a time. One whose row has
// another time is out of date.
type entry struct {
	due   time.Time
	order int // of entries with the same time
	id    string
}

func newMessages(records RecordStore) *messages {
	return &messages{table: newTable[messageRow](messageKind, maxMessages+1, errMessagesFull, records), wake: make(chan struct{}, 1)}
}

// load reads the messages of an earlier Server and continues with them.
func (m *messages) load() (problems []error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	problems = m.table.load(func(id string, row messageRow) error {
		if row.ID != id || !isMessageID(id) || !isObjectID(row.PhoneNumberID) {
			return badRecord(messageKind, id, "it is the record of %q", truncate(row.ID))
		}
		return nil
	})
	rows := m.table.all()
	sort.Slice(rows, func(i, j int) bool {
		a, b := &rows[i], &rows[j]
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID)) < 0
	})
	for _, row := range rows {
		m.order = append(m.order, row.ID)
		m.schedule(row)
	}
	return problems
}

// add adds a message, in place of the oldest if there are too many.
func (m *messages) add(row messageRow) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.table.put(row.ID, row); err != nil {
		return err
	}
	m.order = append(m.order, row.ID)
	if len(m.order) > maxMessages {
		if _, err := m.table.remove(m.order[0]); err != nil {
			return err
		}
		m.order = m.order[1:]
		m.removed++
	}
	m.schedule(row)
	return nil
}

func (m *messages) find(id string) (messageRow, bool) { return m.table.find(id, time.Time{}) }

// change changes a message and its place in the agenda. It reports false if there is
// none, or if apply does.
func (m *messages) change(id string, apply func(*messageRow) bool) (messageRow, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	row, ok := m.find(id)
	if !ok {
		return messageRow{}, false, nil
	}
	row.Statuses, row.Notes = slices.Clone(row.Statuses), slices.Clone(row.Notes)
	if !apply(&row) {
		return row, false, nil
	}
	err := m.table.put(id, row)
	m.schedule(row)
	return row, err == nil, err
}

// schedule puts a message into the agenda. The caller holds m.mu, or is the only one.
func (m *messages) schedule(row messageRow) {
	if row.Step == "" || row.Offline {
		return
	}
	m.made++
	heap.Push(&m.agenda, entry{row.Due, m.made, row.ID})
	m.signal()
}

// signal makes the loop of the messages look at the agenda.
func (m *messages) signal() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// resume lets the messages continue that wait for a person to be online.
func (m *messages) resume(phoneID, waID, userID string, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range m.order {
		row, ok := m.find(id)
		if !ok || !row.Offline || row.PhoneNumberID != phoneID || row.WAID != waID && row.UserID != userID {
			continue
		}
		row.Offline, row.Due = false, now
		if m.table.put(id, row) == nil {
			m.schedule(row)
		}
	}
}

// due removes an entry from the agenda whose time has come. If there is none, it
// returns the time of the next one, which is zero if nothing is to happen. The caller
// calls done when the step was carried out.
func (m *messages) due(now time.Time) (id string, next time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.agenda) > 0 {
		first := m.agenda[0]
		row, ok := m.find(first.id)
		if ok && row.Step != "" && row.Due.Equal(first.due) && first.due.After(now) {
			return "", first.due
		}
		heap.Pop(&m.agenda)
		if ok && row.Step != "" && row.Due.Equal(first.due) {
			m.working++
			return first.id, time.Time{}
		}
	}
	return "", time.Time{}
}

// done takes note that a step which due has returned was carried out.
func (m *messages) done() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.working--
}

// clear removes all messages.
func (m *messages) clear() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.removed += len(m.order)
	m.order, m.agenda = nil, nil
	_, err := m.table.removeWhere(func(messageRow) bool { return true })
	return err
}

// agenda is a heap of entries.
type agenda []entry

func (a agenda) Len() int      { return len(a) }
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a agenda) Less(i, j int) bool {
	if order := a[i].due.Compare(a[j].due); order != 0 {
		return order < 0
	}
	return a[i].order < a[j].order
}
func (a *agenda) Push(e any) { *a = append(*a, e.(entry)) }
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// Message returns a message that was sent.
func (s *Server) Message(wamid string) (Message, bool) {
	row, ok := s.messages.find(wamid)
	return row.Message.copied(), ok
}

// Messages returns the messages that were sent, oldest first: the last 10,000.
func (s *Server) Messages() []Message { return s.messages.after(0) }

// copied returns a message that shares nothing with the simulator's.
func (m Message) copied() Message {
	m.Content, m.Statuses, m.Notes = slices.Clone(m.Content), slices.Clone(m.Statuses), slices.Clone(m.Notes)
	return m
}
