// The messages that people have written, as they see them: with what the business has
// done about them.

package metasim

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"sort"
	"sync"
	"time"
)

const (
	writtenKind     = "written"        // of records
	maxWritten      = 10_000           // messages of people that are remembered; one more drops the oldest
	maxWrittenBytes = 64 << 10         // of the content of one that is kept
	typingTime      = 25 * time.Second // for which a typing indicator is shown (docs/references.md#graph-messages)
)

// A Written message is one that a person has sent to a business phone number.
type Written struct {
	ID            string          `json:"id"` // wamid
	PhoneNumberID string          `json:"phone_number_id"`
	WAID          string          `json:"wa_id"` // of the person, when the message was written
	Type          string          `json:"type"`
	Content       json.RawMessage `json:"content,omitempty"`    // of the member that Type names, as in the webhook; empty above 64 KiB
	MediaID       string          `json:"media_id,omitempty"`   // of the file
	ContextID     string          `json:"context_id,omitempty"` // of the message that this one replies to
	Time          time.Time       `json:"time"`                 // by the simulator's clock
	Read          time.Time       `json:"read,omitzero"`        // when the business marked it as read
	TypingUntil   time.Time       `json:"typing_until,omitzero"`
}

func (w Written) createdAt() time.Time { return w.Time }
func (w Written) expiresAt() time.Time { return time.Time{} }

var errWrittenFull = errors.New("too many messages of people")

// inbox holds the messages of people.
type inbox struct {
	table *table[Written]

	mu    sync.Mutex
	order []string // ids, oldest first
}

func newInbox(records RecordStore) *inbox {
	return &inbox{table: newTable[Written](writtenKind, maxWritten+1, errWrittenFull, records)}
}

// load reads the messages of an earlier Server.
func (b *inbox) load() (problems []error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	problems = b.table.load(func(id string, row Written) error {
		if row.ID != id || !isMessageID(id) || !isObjectID(row.PhoneNumberID) || !isWAID(row.WAID) {
			return badRecord(writtenKind, id, "it is the record of %q", truncate(row.ID))
		}
		return nil
	})
	rows := b.table.all()
	sort.Slice(rows, func(i, j int) bool {
		x, y := &rows[i], &rows[j]
		return cmp.Or(x.Time.Compare(y.Time), cmp.Compare(x.ID, y.ID)) < 0
	})
	for _, row := range rows {
		b.order = append(b.order, row.ID)
	}
	return problems
}

// add adds a message, in place of the oldest if there are too many.
func (b *inbox) add(row Written) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.table.put(row.ID, row); err != nil {
		return err
	}
	b.order = append(b.order, row.ID)
	if len(b.order) <= maxWritten {
		return nil
	}
	_, err := b.table.remove(b.order[0])
	b.order = b.order[1:]
	return err
}

// markRead records that the business has read a message and, with typing, that it
// shows that it is writing. A message that is not known is no error, as at Meta.
func (b *inbox) markRead(id string, now time.Time, typing bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	row, ok := b.table.find(id, time.Time{})
	if !ok {
		return nil
	}
	if row.Read.IsZero() {
		row.Read = now
	}
	if typing {
		row.TypingUntil = now.Add(typingTime)
	}
	return b.table.put(id, row)
}

// clear removes all messages.
func (b *inbox) clear() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.order = nil
	_, err := b.table.removeWhere(func(Written) bool { return true })
	return err
}

// remember keeps a message of a person.
func (s *Server) remember(received Received, message inboundMessage) {
	row := Written{
		ID: received.ID, PhoneNumberID: received.PhoneNumberID, WAID: received.Person.WAID,
		Type: received.Type, MediaID: received.MediaID, Time: received.Time.Round(0),
	}
	if message.Context != nil {
		row.ContextID = message.Context.ID
	}
	var members map[string]json.RawMessage
	if text, err := json.Marshal(message.inboundContent); err == nil && json.Unmarshal(text, &members) == nil && len(members[row.Type]) <= maxWrittenBytes {
		row.Content = members[row.Type]
	}
	s.logStorage(s.inbox.add(row))
}

// Written returns the messages that a person has sent to a phone number, oldest first,
// among the last 10,000 of all people. A wa_id of "" means all people.
func (s *Server) Written(phoneID, waID string) []Written {
	s.inbox.mu.Lock()
	defer s.inbox.mu.Unlock()
	list := []Written{}
	for _, id := range s.inbox.order {
		row, ok := s.inbox.table.find(id, time.Time{})
		if ok && row.PhoneNumberID == phoneID && (waID == "" || row.WAID == waID) {
			row.Content = slices.Clone(row.Content)
			list = append(list, row)
		}
	}
	return list
}

// Changed returns a channel that is closed by the next change: a request, a message, a
// status, a webhook, a person, a template, a fault or the clock. The channel is to be
// read before the state that the caller looks at.
func (s *Server) Changed() <-chan struct{} { return s.changed.change() }

// MediaFiles returns the files that were uploaded or sent by people and have neither
// been deleted nor expired: the newest n, newest last.
func (s *Server) MediaFiles(n int) []Media {
	files, _ := s.media.list(s.Now(), n)
	return files
}

// OpenMedia opens the bytes of a file. It returns ErrNotStored if there is none.
func (s *Server) OpenMedia(id string) (io.ReadSeekCloser, error) {
	if _, ok := s.Media(id); !ok {
		return nil, ErrNotStored
	}
	return s.cfg.Storage.Open(id)
}
