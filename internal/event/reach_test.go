package event_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"ferry/internal/event"
)

func TestDestinationIsLookedForWithoutSendingAnEvent(t *testing.T) {
	m := startMoto(t)
	queue, _ := m.queue("events", nil)
	r := receive(t, func(http.ResponseWriter, *http.Request, int) { t.Error("the webhook has received a request") })
	destinations := []event.Destination{
		{Name: "topic", Type: event.SNS, TopicARN: m.topic("events"), AWS: m.aws()},
		{Name: "no-topic", Type: event.SNS, TopicARN: "arn:aws:sns:us-east-1:123456789012:missing", AWS: m.aws()},
		{Name: "queue", Type: event.SQS, QueueURL: queue, AWS: m.aws()},
		{Name: "no-queue", Type: event.SQS, QueueURL: strings.Replace(queue, "events", "missing", 1), AWS: m.aws()},
		{Name: "bus", Type: event.EventBridge, AWS: m.aws()},
		{Name: "no-bus", Type: event.EventBridge, Bus: "missing", AWS: m.aws()},
		webhook("hook", r.URL),
		webhook("no-hook", "https://127.0.0.1:1/"),
		{Name: "file", Type: event.File, Path: filepath.Join(t.TempDir(), "events.jsonl")},
		{Name: "no-file", Type: event.File, Path: filepath.Join(t.TempDir(), "missing", "events.jsonl")},
		{Name: "stdout", Type: event.Stdout},
	}
	w := newWorld(t, event.DelivererConfig{RootCAs: roots(r)}, destinations...)
	for name, want := range map[string]string{
		"topic": "events is there, and accepts the credentials", "queue": "is there, and accepts the credentials", "bus": "the event bus default is there",
		"hook": "can be connected to", "file": "the file does not exist yet; its folder does", "stdout": "standard output",
		"no-topic": "There is no such destination as the topic", "no-queue": "There is no such destination as the queue", "no-bus": "There is no such destination as the event bus missing",
		"no-hook": "could not be reached", "no-file": "There is no folder", "unknown": "has no destination 'unknown'",
	} {
		found, err := w.deliverer.Reach(t.Context(), name)
		if isThere := !strings.HasPrefix(name, "no-") && name != "unknown"; isThere != (err == nil) {
			t.Errorf("%s: %q, %v", name, found, err)
			continue
		}
		if err != nil {
			found = err.Error()
		}
		if !strings.Contains(found, want) {
			t.Errorf("%s: %q, want %q", name, found, want)
		}
	}
}

// A webhook whose certificate is not valid is no destination.
func TestDestinationIsLookedForWithItsCertificate(t *testing.T) {
	r := receive(t, nil)
	w := newWorld(t, event.DelivererConfig{}, webhook("hook", r.URL))
	if _, err := w.deliverer.Reach(t.Context(), "hook"); err == nil || !strings.Contains(err.Error(), "The TLS certificate of") {
		t.Errorf("Reach: %v", err)
	}
}
