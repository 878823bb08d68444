// Package activity is ferry's account of what happened: one [Entry] for each
// call of the API and for each step of it, made where it happens.
//
// A [Recorder] receives the entries. Today it writes them to the log: a call at
// level Info, Warn or Error, and so is a webhook of Meta's, its steps at level Debug. Entries of one call have
// the same Trace, the request id, and requests to Meta keep Meta's own trace id,
// so that a line of ferry's log, a line of the simulator's history and a
// question to Meta's support can be joined.
package activity

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// A Kind says what an Entry is about.
type Kind string

const (
	Call    Kind = "call"    // a request to the API
	Fetch   Kind = "fetch"   // a source that was opened
	Inspect Kind = "inspect" // a file that was looked into
	Graph   Kind = "graph"   // a request to Meta's Graph API
	Webhook Kind = "webhook" // a request of Meta's to the webhook
	Attempt Kind = "attempt" // an attempt to deliver an event
	Message Kind = "message" // a message that a caller wants to send
	Send    Kind = "send"    // an attempt to send a message to Meta
	Archive Kind = "archive" // the file of an inbound message that was stored
)

// An Outcome says how it ended.
type Outcome string

const (
	OK        Outcome = "ok"
	Refused   Outcome = "refused"   // the caller has to change something
	Failed    Outcome = "failed"    // the server, the store or Meta failed
	Ambiguous Outcome = "ambiguous" // it is unknown whether Meta has done it
)

// An Entry is one thing that happened. Fields that do not apply are empty.
type Entry struct {
	Time      time.Time // when it began
	Took      time.Duration
	Kind      Kind
	Trace     string // request id of the call, in the header x-amzn-RequestId; of an attempt: id of the event
	Account   string // 12 digits; empty until the caller is known
	AccessKey string // id of the access key, as claimed until it is verified
	Remote    string // address of the caller
	Operation string // of the AWS API, or name of a request to the Graph API

	Resource      string // ARN that the call was authorised for; "*" for all
	PhoneNumberID string // as in the ARN
	MediaID       string // Meta's
	MessageID     string // of a message that was accepted, a UUID
	WAMID         string // Meta's id of that message
	Object        string // source: "s3://bucket/key", or a URL without its query
	Destination   string // of a file that was read back, in the same form; of an event
	MetaTrace     string // header x-fb-trace-id of Meta's response
	Bytes         int64

	Outcome Outcome
	Status  int    // HTTP status: of the response to the caller, or of Meta's response; 0 if there was none
	Code    string // exception, code of a finding, or Meta's error code
	Text    string // what the caller was told
	Cause   string // for the operator only
	Details []slog.Attr
}

// A Recorder receives entries. It is safe for concurrent use, and never blocks
// on anything but the log's writer. A nil Recorder drops them.
type Recorder struct{ log *slog.Logger }

// NewRecorder returns a Recorder that writes to log. A nil log drops the entries.
func NewRecorder(log *slog.Logger) *Recorder {
	if log == nil {
		return nil
	}
	return &Recorder{log}
}

// Record takes an entry. It is written even if ctx has ended.
func (r *Recorder) Record(ctx context.Context, e Entry) {
	if r == nil {
		return
	}
	ctx = context.WithoutCancel(ctx)
	if level := e.level(); r.log.Enabled(ctx, level) {
		r.log.LogAttrs(ctx, level, e.message(), e.attrs()...)
	}
}

// level is that of the log line: a call, or a webhook, is an error when the server
// failed, a warning when something that it depends on did. An attempt to send a
// message is no part of a call, so it has a line like one. Steps are for debugging.
func (e Entry) level() slog.Level {
	switch {
	case e.Kind != Call && e.Kind != Webhook && e.Kind != Send:
		return slog.LevelDebug
	case e.Outcome != Failed && e.Outcome != Ambiguous:
		return slog.LevelInfo
	case e.Status == http.StatusInternalServerError:
		return slog.LevelError
	}
	return slog.LevelWarn
}

// message is that of the log line. A call is a "request".
func (e Entry) message() string {
	if e.Kind == Call {
		return "request"
	}
	return string(e.Kind)
}

// attrs are those of the log line: the fields that are set, with Details before
// the outcome.
func (e Entry) attrs() []slog.Attr {
	attrs := make([]slog.Attr, 0, 16+len(e.Details))
	text := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	attrs = append(attrs, slog.String("request_id", e.Trace), slog.String("operation", e.Operation))
	text("remote", e.Remote)
	attrs = append(attrs, slog.Duration("duration", e.Took))
	text("access_key", e.AccessKey)
	text("account", e.Account)
	text("resource", e.Resource)
	text("phone_number_id", e.PhoneNumberID)
	text("media_id", e.MediaID)
	text("message_id", e.MessageID)
	text("wamid", e.WAMID)
	text("source_name", e.Object)
	text("destination", e.Destination)
	text("meta_trace_id", e.MetaTrace)
	if e.Bytes > 0 {
		attrs = append(attrs, slog.Int64("size", e.Bytes))
	}
	attrs = append(attrs, e.Details...)
	if e.Kind == Call {
		text("exception", e.Code)
		text("message", e.Text)
	} else {
		text("code", e.Code)
		text("text", e.Text)
	}
	text("cause", e.Cause)
	if e.Outcome == Ambiguous {
		attrs = append(attrs, slog.Bool("ambiguous", true))
	}
	if e.Status != 0 {
		attrs = append(attrs, slog.Int("status", e.Status))
	}
	return append(attrs, slog.String("outcome", string(e.Outcome)))
}
