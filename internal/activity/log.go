// The line of the log that an entry becomes.

package activity

import (
	"context"
	"log/slog"
	"net/http"
)

// write writes the line.
func (e Entry) write(ctx context.Context, log *slog.Logger) {
	if level := e.level(); log.Enabled(ctx, level) {
		log.LogAttrs(ctx, level, e.message(), e.attrs()...)
	}
}

// level is that of the log line: a call, or a webhook, is an error when the server
// failed, a warning when something that it depends on did. An attempt to send a
// message is no part of a call, so it has a line like one. Steps are for debugging.
func (e Entry) level() slog.Level {
	switch {
	case e.Kind == Admin:
		return slog.LevelInfo
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
	attrs := make([]slog.Attr, 0, 19+len(e.Details))
	text := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	attrs = append(attrs, slog.String("request_id", e.Trace), slog.String("operation", e.Operation))
	text("remote", e.Remote)
	attrs = append(attrs, slog.Duration("duration", e.Took))
	text("access_key", e.AccessKey)
	text("by", e.By)
	text("account", e.Account)
	text("resource", e.Resource)
	text("phone_number_id", e.PhoneNumberID)
	text("media_id", e.MediaID)
	text("message_id", e.MessageID)
	text("wamid", e.WAMID)
	text("event_id", e.EventID)
	text("source_name", e.Object)
	text("destination", e.Destination)
	text("meta_trace_id", e.MetaTrace)
	text("trace_id", e.Span.TraceID())
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
