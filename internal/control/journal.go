// The operations that show what has happened.

package control

import (
	"time"

	"ferry/internal/why"
)

// The operations of the journal.
var (
	// ListEntries lists what has happened, oldest first.
	ListEntries = Operation[ListEntriesInput, ListEntriesOutput]{"ListEntries"}
	// Why says what became of a file, a message or a call.
	Why = Operation[WhyInput, why.Report]{"Why"}
)

// The stream of entries: a signed GET of StreamPath, whose response has server-sent events
// with the number, the kind and an id of each entry as it happens. It resumes after the
// entry that the header Last-Event-ID names; an event "gap" says that entries are missing.
const (
	StreamPath   = "/_ferry/stream"
	StreamAction = "ferry:Stream" // that a policy must allow
)

// EntryFilter selects entries. Each field that is set narrows it.
type EntryFilter struct {
	// ID is any id: of a request, a file at Meta, a message, an event, Meta's trace id, a
	// phone number in digits, or "s3://bucket/key".
	ID     string    `json:"id,omitempty"`
	Kinds  []string  `json:"kinds,omitempty"`
	Failed bool      `json:"failed,omitempty"`
	Since  time.Time `json:"since,omitzero"`
	// SinceAgeMS replaces Since: milliseconds before the present time of the server. Zero
	// means that it does not.
	SinceAgeMS int64 `json:"sinceAgeMs,omitempty"`
}

// At returns the filter with a time instead of an age, when the server's clock shows now.
func (f EntryFilter) At(now time.Time) EntryFilter {
	if f.SinceAgeMS != 0 {
		f.Since = before(now, f.SinceAgeMS)
	}
	f.SinceAgeMS = 0
	return f
}

// Entry is one thing that happened.
type Entry struct {
	Seq           int64             `json:"seq"`
	Time          time.Time         `json:"time"`
	TookMS        float64           `json:"tookMs"`
	Kind          string            `json:"kind"`
	Operation     string            `json:"operation,omitempty"`
	Outcome       string            `json:"outcome"`
	Status        int               `json:"status,omitempty"`
	Code          string            `json:"code,omitempty"`
	Text          string            `json:"text,omitempty"`
	RequestID     string            `json:"requestId,omitempty"` // of an attempt to deliver: the id of the event
	AccessKeyID   string            `json:"accessKeyId,omitempty"`
	By            string            `json:"by,omitempty"`
	Resource      string            `json:"resource,omitempty"`
	PhoneNumberID string            `json:"phoneNumberId,omitempty"`
	Person        string            `json:"person,omitempty"`
	MediaID       string            `json:"mediaId,omitempty"`
	MessageID     string            `json:"messageId,omitempty"`
	WAMID         string            `json:"wamid,omitempty"`
	EventID       string            `json:"eventId,omitempty"`
	Object        string            `json:"object,omitempty"`
	ETag          string            `json:"etag,omitempty"`
	SHA256        string            `json:"sha256,omitempty"`
	Destination   string            `json:"destination,omitempty"`
	MetaTraceID   string            `json:"metaTraceId,omitempty"`
	Bytes         int64             `json:"bytes,omitempty"`
	Details       map[string]string `json:"details,omitempty"`
}

// ListEntriesInput selects a page of entries.
type ListEntriesInput struct {
	Filter EntryFilter `json:"filter"`
	// After is the Next of an earlier page. 0 means from the start.
	After int64 `json:"after,omitempty"`
	// Latest lists the last Limit entries in place of the first ones.
	Latest bool `json:"latest,omitempty"`
	// Limit is the size of the page, at most MaxEvents, which is the default.
	Limit int `json:"limit,omitempty"`
	// Wait is how many seconds to wait for an entry if there is none, at most 20.
	Wait int `json:"wait,omitempty"`
}

// ListEntriesOutput is a page of entries. It is the last one if Next does not change.
type ListEntriesOutput struct {
	Entries []Entry `json:"entries"`
	Next    int64   `json:"next"`
	// Oldest is the number of the oldest entry that is kept.
	Oldest int64 `json:"oldest"`
}

// WhyInput has an id of any sort.
type WhyInput struct {
	ID string `json:"id"`
}
