package metasim

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// maxRecord is the maximum size in bytes of a record.
const maxRecord = 1 << 20

// ErrBadRecord is the error of a record that is damaged: incomplete, under another
// id, or without something that its kind requires.
var ErrBadRecord = errors.New("bad record")

// A RecordStore keeps the state of a Server between restarts, except the bytes of
// files: small JSON values by kind and id. It must be safe for concurrent use.
// NewMemoryRecords returns one; the storage of NewDirectoryStorage has another.
//
// The kinds are "media" (type Media), "handle" (type Handle, with the id of its
// bytes in blob_id), "clock" (one record of id "clock"), "message" (type
// Message, with what is to happen next), "template" (type MessageTemplate, likewise),
// "subscription" (type Subscription), "person" (type Person), "flow" (type Flow, with
// the id of its JSON in blob_id), "encryption_key" (the public key of a phone number),
// "dataset", "conversion" (type Conversion), "click" (the id of a click on an
// advertisement), "settings" (of a phone number), "call" (type Call),
// "call_permission", "number" (type Number, with what only the simulator knows) "token"
// (that was made for a code), "qr_code" and "blocked" (a person whom a number has blocked).
type RecordStore interface {
	// Put stores a record, and replaces an older one of the same kind and id. If
	// it returns an error, the older one is unchanged. value is JSON.
	Put(kind, id string, value json.RawMessage) error

	// Delete removes a record. Deleting one that does not exist is no error.
	Delete(kind, id string) error

	// Records returns the records of a kind, in no order, and one error for each
	// that it cannot return. It deletes damaged ones, whose errors wrap
	// ErrBadRecord.
	Records(kind string) (records []Record, problems []error)

	// Close closes the store. The records stay.
	Close() error
}

// A Record is a value in a RecordStore.
type Record struct {
	ID    string          `json:"id"`
	Value json.RawMessage `json:"value"`
}

// badRecord returns an error that wraps ErrBadRecord.
func badRecord(kind, id, format string, args ...any) error {
	return fmt.Errorf("%w %s of kind %s: %w", ErrBadRecord, truncate(id), kind, fmt.Errorf(format, args...))
}

// isKind reports whether a kind has the form of one, which may name a directory.
func isKind(kind string) bool {
	return kind != "" && len(kind) <= 32 && !strings.ContainsFunc(kind, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') })
}

// memoryRecords keeps records as long as the process runs.
type memoryRecords struct {
	mu     sync.Mutex
	values map[string]map[string]json.RawMessage // kind → id → value
}

// NewMemoryRecords returns a RecordStore in memory, with which a test can start one
// Server after another.
func NewMemoryRecords() RecordStore {
	return &memoryRecords{values: map[string]map[string]json.RawMessage{}}
}

func (m *memoryRecords) Put(kind, id string, value json.RawMessage) error {
	if !isKind(kind) || !json.Valid(value) || len(value) > maxRecord {
		return badRecord(kind, id, "the kind is not of small letters and _, or the value is not JSON or too long")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values[kind] == nil {
		m.values[kind] = map[string]json.RawMessage{}
	}
	m.values[kind][id] = slices.Clone(value)
	return nil
}

func (m *memoryRecords) Delete(kind, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.values[kind], id)
	return nil
}

func (m *memoryRecords) Records(kind string) (records []Record, problems []error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, value := range m.values[kind] {
		records = append(records, Record{id, slices.Clone(value)})
	}
	return records, nil
}

func (m *memoryRecords) Close() error { return nil }
