// Package activity is ferry's account of what happened: one [Entry] for each
// call of the API and for each step of it, made where it happens.
//
// A [Recorder] receives the entries and hands each one to the log and to its sinks,
// such as the journal (internal/journal). The log has a call
// at level Info, Warn or Error, and so it has a webhook of Meta's and an attempt to send a
// message; all else is at level Debug (log.go).
//
// Entries are joined by their ids. Those of one call have the same Trace, the request
// id; requests to Meta keep Meta's own trace id, which the simulator keeps as well; and
// the ids of media, messages and events lead from one call to the next.
package activity

import (
	"context"
	"log/slog"
	"time"
)

// A Kind says what an Entry is about.
type Kind string

const (
	Call    Kind = "call"    // a request to the API
	Fetch   Kind = "fetch"   // a source that was opened
	Inspect Kind = "inspect" // a file that was looked into
	Upload  Kind = "upload"  // an attempt to upload a file: its source, its inspection and the requests that send it
	Graph   Kind = "graph"   // a request to Meta's Graph API
	Webhook Kind = "webhook" // a request of Meta's to the webhook
	Event   Kind = "event"   // an event that was recorded: by a webhook, or because of the outcome of a message
	Attempt Kind = "attempt" // an attempt to deliver an event
	Message Kind = "message" // a message that a caller wants to send
	Send    Kind = "send"    // an attempt to send a message to Meta
	Archive Kind = "archive" // the file of an inbound message that was stored
	Phone   Kind = "phone"   // what the simulator did, or the people in it: only in ferry dev and demo
	Admin   Kind = "admin"   // a change by an administrator
)

// Kinds are the kinds that a journal keeps: all but Upload, whose parts are entries of
// their own.
var Kinds = []Kind{Call, Fetch, Inspect, Graph, Webhook, Event, Attempt, Message, Send, Archive, Phone, Admin}

// An Outcome says how it ended.
type Outcome string

const (
	OK        Outcome = "ok"
	Refused   Outcome = "refused"   // the caller has to change something
	Failed    Outcome = "failed"    // the server, the store or Meta failed
	Ambiguous Outcome = "ambiguous" // it is unknown whether Meta has done it
	Waiting   Outcome = "waiting"   // something has to happen first, such as the next attempt
)

// IsFailure reports whether somebody may have to do something.
func (o Outcome) IsFailure() bool { return o == Refused || o == Failed || o == Ambiguous }

// An Entry is one thing that happened. Fields that do not apply are empty.
type Entry struct {
	Seq  int64     // number in the journal, which sets it
	Time time.Time // when it began
	Took time.Duration
	Kind Kind

	Trace     string // request id of the call, in the header x-amzn-RequestId; of an attempt: id of the event
	Account   string // 12 digits; empty until the caller is known
	AccessKey string // id of the access key, as claimed until it is verified
	By        string // of a change by an administrator without an access key: who made it
	Remote    string // address of the caller
	Operation string // of the AWS API, or name of a request to the Graph API; of an event: its name

	Resource      string // ARN that the call was authorised for; "*" for all
	PhoneNumberID string // as in the ARN
	Person        string // the other side: a WhatsApp number in digits, or a user's or group's id
	MediaID       string // Meta's
	MessageID     string // of a message that was accepted, a UUID
	WAMID         string // Meta's id of that message
	EventID       string // a UUID
	Object        string // source: "s3://bucket/key", or a URL without its query
	ETag          string // of the source
	SHA256        string // of the file, in hexadecimal, if it was computed
	Destination   string // of a file that was read back, in the same form; of an event
	MetaTrace     string // header x-fb-trace-id of Meta's response
	Bytes         int64

	// For metrics and traces; a journal does not keep them.
	Span     Span
	Store    string    // of a source that was opened: the host of its store, or the kind of its URL
	Findings []Finding // of a file that was inspected
	Usage    float64   // of a request to Meta: the share of a rate limit that is used, 1 means all; 0 means that Meta does not say

	Outcome Outcome
	Status  int    // HTTP status: of the response to the caller, or of Meta's response; 0 if there was none
	Code    string // exception, code of a finding, or Meta's error code
	Text    string // what the caller was told
	Cause   string // for the operator only
	Details []slog.Attr
}

// A Finding is a problem of a file that was inspected.
type Finding struct {
	Code     string
	Severity string
}

// A Sink receives entries. Append must not block. It must not change Details.
type Sink interface{ Append(Entry) }

// A Recorder receives entries. It is safe for concurrent use, and never blocks
// on anything but the log's writer. A nil Recorder drops them.
type Recorder struct {
	log    *slog.Logger
	sinks  []Sink
	tracer Tracer // one of sinks; nil means that nothing is traced
}

// NewRecorder returns a Recorder that writes to log, which may be nil, and to sinks. One
// of them may be a Tracer.
func NewRecorder(log *slog.Logger, sinks ...Sink) *Recorder {
	if log == nil && len(sinks) == 0 {
		return nil
	}
	r := &Recorder{log: log, sinks: sinks}
	for _, sink := range sinks {
		if tracer, ok := sink.(Tracer); ok {
			r.tracer = tracer
		}
	}
	return r
}

// Record takes an entry. It is written even if ctx has ended.
func (r *Recorder) Record(ctx context.Context, e Entry) {
	if r == nil {
		return
	}
	if r.log != nil {
		e.write(context.WithoutCancel(ctx), r.log)
	}
	for _, sink := range r.sinks {
		sink.Append(e)
	}
}
