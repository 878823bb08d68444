package event_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ferry/internal/activity"
	"ferry/internal/event"
	"ferry/internal/secret"
	"ferry/internal/state"
)

func TestTestEventIsDeliveredAtOnceAndSaysThatItIsOne(t *testing.T) {
	r := receive(t, nil)
	path := filepath.Join(t.TempDir(), "events.jsonl")
	hook := webhook("crm", r.URL+"/events?token=hidden")
	hook.Events = []string{"status.failed"} // a test passes every filter
	var log bytes.Buffer
	w := newWorld(t, event.DelivererConfig{RootCAs: roots(r), Activity: activity.NewRecorder(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))},
		hook, event.Destination{Name: "log", Type: event.File, Path: path})
	id, err := w.deliverer.Test(t.Context(), w.linked, "crm")
	if err != nil {
		t.Fatal(err)
	}
	got := <-r.arrived
	if got.id != id || got.header.Get("Webhook-Signature") != signature(webhookSecret, id, got.header.Get("Webhook-Timestamp"), got.body) {
		t.Errorf("%s: %v", id, got.header)
	}
	for _, text := range []string{`"wabaId":"` + w.linked.MetaID + `"`, `"aws_account_id":"` + account + `"`, "ferry.test", "This is a test event"} {
		if !strings.Contains(got.body, text) {
			t.Errorf("%s is not in %s", text, got.body)
		}
	}
	if id, err = w.deliverer.Test(t.Context(), state.BusinessAccount{}, "log"); err != nil {
		t.Fatal(err)
	}
	line, err := os.ReadFile(path)
	if err != nil || bytes.Count(line, []byte("\n")) != 1 || !bytes.Contains(line, []byte("This is a test event")) {
		t.Errorf("%s, %v", line, err)
	}
	if !strings.Contains(log.String(), "msg=attempt request_id="+id+" operation=ferry.test") || strings.Contains(log.String(), "hidden") {
		t.Errorf("the log is %s", log.String())
	}
	if events, _, err := w.state.CountEvents(t.Context(), state.EventFilter{AccountID: account}); err != nil || events != 0 {
		t.Errorf("the database has %d events, %v", events, err)
	}
}

func TestTestEventReportsWhyItWasNotAccepted(t *testing.T) {
	r := receive(t, func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(http.StatusGone) })
	w := newWorld(t, event.DelivererConfig{RootCAs: roots(r)}, webhook("crm", r.URL), event.Destination{Name: "other", Type: event.Stdout, Accounts: []string{"444455556666"}})
	for _, c := range []struct {
		account      state.BusinessAccount
		target, says string
	}{
		{w.linked, "crm", "responded with status 410"},
		{state.BusinessAccount{}, "crm", "responded with status 410"},
		{state.BusinessAccount{}, "nowhere", "has no destination 'nowhere'"},
		{w.linked, "nowhere", "has no destination 'nowhere'"},
		{w.linked, "other", "no longer an event destination"},
		{w.linked, "arn:aws:sns:us-east-1:111122223333:topic", "no longer an event destination"},
	} {
		if _, err := w.deliverer.Test(t.Context(), c.account, c.target); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.target, err, c.says)
		}
	}
	if held, err := w.state.HeldDestinations(t.Context()); err != nil || len(held) > 0 {
		t.Errorf("a test holds %v, %v", held, err)
	}
}

func TestTargetsAreWhatABusinessAccountHasChosenAndWhatIsConfiguredForIt(t *testing.T) {
	const topic = "arn:aws:sns:us-east-1:111122223333:topic"
	filtered := webhook("filtered", "https://example.com/secret?token=hidden")
	filtered.Events = []string{"status.failed"}
	w := newWorld(t, event.DelivererConfig{}, filtered, event.Destination{Name: "choice", Type: event.Stdout}, event.Destination{Name: "other", Type: event.Stdout, Accounts: []string{"444455556666"}},
		event.Destination{Name: "queue", Type: event.SQS, QueueURL: "https://sqs.us-east-1.amazonaws.com/111122223333/q", AWS: event.AWS{AccessKeyID: "AKIA", SecretAccessKey: secret.New("hidden")}})
	w.put(topic, "")
	got, err := w.router.Targets(t.Context(), account, w.linked.ID)
	if err != nil || !slices.Equal(got, []string{topic, "filtered"}) {
		t.Errorf("%v, %v", got, err)
	}
	list := w.router.Destinations()
	if len(list) != 4 || list[0].URL != "https://example.com" || len(list[0].Secrets) > 0 || !list[3].AWS.SecretAccessKey.IsZero() || list[3].AWS.AccessKeyID != "AKIA" || !list[1].OnPut {
		t.Errorf("%+v", list)
	}
}
