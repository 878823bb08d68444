package tracing

import (
	"log/slog"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"ferry/internal/activity"
)

// nameOf returns the name of the span of an entry. The number of names is bounded.
func nameOf(e *activity.Entry) string {
	switch e.Kind {
	case activity.Call:
		return e.Operation
	case activity.Graph, activity.Webhook, activity.Fetch:
		return string(e.Kind) + " " + e.Operation
	case activity.Attempt:
		return "deliver"
	}
	return string(e.Kind)
}

func kindOf(e *activity.Entry) trace.SpanKind {
	switch e.Kind {
	case activity.Call, activity.Webhook:
		return trace.SpanKindServer
	case activity.Graph, activity.Fetch, activity.Attempt:
		return trace.SpanKindClient
	case activity.Send:
		return trace.SpanKindConsumer
	}
	return trace.SpanKindInternal
}

// statusOf returns the status of the span. What the caller of a server has to change is
// no error of the server.
func statusOf(e *activity.Entry) (code codes.Code, text string) {
	isOfCaller := e.Outcome == activity.Refused && (e.Kind == activity.Call || e.Kind == activity.Webhook)
	if !e.Outcome.IsFailure() || isOfCaller {
		return codes.Unset, ""
	}
	return codes.Error, e.Code
}

// attributesOf returns what a span says: ids, sizes and outcomes. It has nothing of a
// caller's or of Meta's text, no names of files, which may say who they are about, no phone
// numbers (a wamid has one inside), and no URL.
func attributesOf(e *activity.Entry) []attribute.KeyValue {
	list := make([]attribute.KeyValue, 0, 12)
	text := func(key, value string) {
		if value != "" {
			list = append(list, attribute.String(key, value))
		}
	}
	if e.Kind != activity.Attempt && e.Trace != e.EventID { // of these it is the id of the event
		text("ferry.request_id", e.Trace)
	}
	text("ferry.outcome", string(e.Outcome))
	text("ferry.code", e.Code)
	text("ferry.media_id", e.MediaID)
	text("ferry.message_id", e.MessageID)
	text("ferry.event_id", e.EventID)
	text("ferry.meta_trace_id", e.MetaTrace)
	text("ferry.store", e.Store)
	switch e.Kind {
	case activity.Event, activity.Attempt:
		text("ferry.event", e.Operation)
		text("ferry.destination", destinationOf(e.Destination))
	case activity.Send:
		text("ferry.message_type", e.Operation)
	}
	if e.Bytes > 0 {
		list = append(list, attribute.Int64("ferry.size", e.Bytes))
	}
	if e.Status > 0 {
		list = append(list, attribute.Int("http.response.status_code", e.Status))
	}
	for _, detail := range e.Details {
		if detail.Key == "attempt" && detail.Value.Kind() == slog.KindInt64 {
			list = append(list, attribute.Int64("ferry.attempt", detail.Value.Int64()))
		}
	}
	return list
}

// destinationOf returns the name, or the ARN, of a destination in the outbox.
func destinationOf(destination string) string {
	_, rest, _ := strings.Cut(destination, "/")
	_, target, _ := strings.Cut(rest, "/")
	return target
}
