package journal

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"ferry/internal/activity"
)

const (
	// maxText bounds a text of an entry, in bytes.
	maxText = 2000
	// maxDetails bounds the details of an entry.
	maxDetails = 24
	// maxID bounds an id by which an entry is found, in bytes. Longer ones, of which no
	// index could be made, are kept but not found.
	maxID = 2000
)

// bounded returns an entry as it is read: texts are bounded, and details are texts. Both
// kinds of a journal return the same.
func bounded(e activity.Entry) activity.Entry {
	e.Text, e.Cause = truncate(e.Text), truncate(e.Cause)
	details := make([]slog.Attr, 0, min(len(e.Details), maxDetails))
	for _, d := range e.Details {
		if d.Key == "stack" || len(details) == maxDetails {
			continue
		}
		details = append(details, slog.String(d.Key, truncate(text(d.Value))))
	}
	e.Details = details
	return e
}

// text returns a value of a detail. Elements of a list stand on lines of their own.
func text(value slog.Value) string {
	if list, ok := value.Any().([]string); ok {
		return strings.Join(list, "\n")
	}
	return value.String()
}

func truncate(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + "…"
}

// A Row is an entry as it is stored: what it is selected by, and its content.
type Row struct {
	At       int64 // Unix milliseconds
	Kind     string
	Account  string
	IsFailed bool
	IDs      [8]string // each is UTF-8 without NUL of at most 2000 bytes; empty means none
	Content  []byte
}

// IDColumns are the names of the ids of a Row.
var IDColumns = [8]string{"trace", "meta_trace", "media_id", "message_id", "wamid", "event_id", "person", "object"}

// RowOf returns the row of an entry.
func RowOf(e activity.Entry) (Row, error) {
	e = bounded(e)
	row := Row{At: e.Time.UnixMilli(), Kind: string(e.Kind), Account: e.Account, IsFailed: e.Outcome.IsFailure(), IDs: idsOf(&e)}
	for i, id := range row.IDs {
		if !IsID(id) {
			row.IDs[i] = ""
		}
	}
	content := stored{
		Took: e.Took, AccessKey: e.AccessKey, By: e.By, Remote: e.Remote, Operation: e.Operation, Resource: e.Resource,
		PhoneNumberID: e.PhoneNumberID, ETag: e.ETag, SHA256: e.SHA256, Destination: e.Destination, Bytes: e.Bytes,
		Outcome: e.Outcome, Status: e.Status, Code: e.Code, Text: e.Text, Cause: e.Cause,
	}
	for i, id := range idsOf(&e) {
		content.IDs[i] = id
	}
	for _, d := range e.Details {
		content.Details = append(content.Details, [2]string{d.Key, d.Value.String()})
	}
	var err error
	row.Content, err = json.Marshal(content)
	return row, err
}

// IsID reports whether a text can be an id by which entries are found.
func IsID(id string) bool {
	return len(id) <= maxID && utf8.ValidString(id) && !strings.Contains(id, "\x00")
}

// Entry returns the entry of a row with a number.
func (r Row) Entry(seq int64) (activity.Entry, error) {
	var c stored
	if err := json.Unmarshal(r.Content, &c); err != nil {
		return activity.Entry{}, fmt.Errorf("entry %d of the journal cannot be read: %w", seq, err)
	}
	e := activity.Entry{
		Seq: seq, Time: time.UnixMilli(r.At), Kind: activity.Kind(r.Kind), Account: r.Account,
		Trace: c.IDs[0], MetaTrace: c.IDs[1], MediaID: c.IDs[2], MessageID: c.IDs[3], WAMID: c.IDs[4], EventID: c.IDs[5], Person: c.IDs[6], Object: c.IDs[7],
		Took: c.Took, AccessKey: c.AccessKey, By: c.By, Remote: c.Remote, Operation: c.Operation, Resource: c.Resource,
		PhoneNumberID: c.PhoneNumberID, ETag: c.ETag, SHA256: c.SHA256, Destination: c.Destination, Bytes: c.Bytes,
		Outcome: c.Outcome, Status: c.Status, Code: c.Code, Text: c.Text, Cause: c.Cause, Details: []slog.Attr{},
	}
	for _, d := range c.Details {
		e.Details = append(e.Details, slog.String(d[0], d[1]))
	}
	return e, nil
}

// stored is the content of a row.
type stored struct {
	IDs           [8]string        `json:"ids"`
	Took          time.Duration    `json:"took,omitempty"`
	AccessKey     string           `json:"key,omitempty"`
	By            string           `json:"by,omitempty"`
	Remote        string           `json:"remote,omitempty"`
	Operation     string           `json:"operation,omitempty"`
	Resource      string           `json:"resource,omitempty"`
	PhoneNumberID string           `json:"number,omitempty"`
	ETag          string           `json:"etag,omitempty"`
	SHA256        string           `json:"sha256,omitempty"`
	Destination   string           `json:"destination,omitempty"`
	Bytes         int64            `json:"bytes,omitempty"`
	Outcome       activity.Outcome `json:"outcome"`
	Status        int              `json:"status,omitempty"`
	Code          string           `json:"code,omitempty"`
	Text          string           `json:"text,omitempty"`
	Cause         string           `json:"cause,omitempty"`
	Details       [][2]string      `json:"details,omitempty"`
}
