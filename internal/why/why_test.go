package why_test

import (
	"strings"
	"testing"
	"time"

	"ferry/internal/activity"
	"ferry/internal/why"
)

var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// sent are the facts of a message with a file that was delivered.
func sent() why.Facts {
	at := now.Add(-time.Hour)
	call := activity.Entry{Kind: activity.Call, Operation: "PostWhatsAppMessageMedia", Trace: "t1", MediaID: "1", Object: "s3://b/k", Status: 200, Outcome: activity.OK, Time: at}
	return why.Facts{
		ID: "m1", Now: now, Kept: "7 days",
		Entries: []activity.Entry{
			{Kind: activity.Fetch, Operation: "open", Trace: "t1", Object: "s3://b/k", Outcome: activity.OK},
			{Kind: activity.Inspect, Operation: "inspect", Trace: "t1", Object: "s3://b/k", Outcome: activity.OK},
			{Kind: activity.Graph, Operation: "upload", Trace: "t1", Status: 200, MetaTrace: "A1", Outcome: activity.OK},
			call,
			{Kind: activity.Send, MessageID: "m1", Outcome: activity.OK},
			{Kind: activity.Attempt, EventID: "e1", Outcome: activity.OK},
		},
		Message: &why.Message{ID: "m1", WAMID: "wamid.1", Type: "image", Recipient: "49", PhoneNumberID: "n1", MediaID: "1", Status: "delivered", Created: at},
		Media:   &why.Media{ID: "1", PhoneNumberID: "n1", Source: "s3://b/k", Created: at, Expires: at.Add(30 * 24 * time.Hour)},
		Events:  []why.Event{{ID: "e1", Name: "status.delivered", Created: at, Deliveries: []why.Delivery{{Destination: "hook", State: "delivered", Attempts: 1}}}},
	}
}

func TestAnEventThatIsAboutNoMessageIsFollowedToTheProgram(t *testing.T) {
	for state, want := range map[string]struct {
		answer why.Answer
		sign   why.Sign
	}{"delivered": {why.Arrived, why.OK}, "waiting": {why.Waiting, why.Finding}, "dead": {why.Halted, why.Stopped}, "": {why.Waiting, why.Finding}} {
		e := why.Event{ID: "e1", Name: "message.text", Created: now}
		if state != "" {
			e.Deliveries = []why.Delivery{{Destination: "hook", State: state, Attempts: 1}}
		}
		r := why.Join(why.Facts{ID: "e1", Now: now, Events: []why.Event{e}, Entries: []activity.Entry{{Kind: activity.Event, EventID: "e1", Person: "49", Outcome: activity.OK}}})
		if r.Answer != want.answer || r.Stations[7].Sign != want.sign || r.Stations[6].Sign != why.OK || r.Stations[5].Sign != why.NotReached || r.Subject != "event message.text" {
			t.Errorf("%q: %s", state, why.Text(r, 120))
		}
		if len(r.People) != 1 || r.People[0] != "49" || len(r.Stations[7].Refs) != 1 || r.Stations[7].Refs[0] != (why.Ref{Kind: "event", ID: "e1"}) {
			t.Errorf("%q: people %q, refs %v", state, r.People, r.Stations[7].Refs)
		}
	}
}

func TestEachCaseHasItsStationItsSentenceAndItsNextStep(t *testing.T) {
	fail := func(code, text string) func(*why.Facts) {
		return func(f *why.Facts) {
			f.Message.Status, f.Message.Error = "failed", text
			f.Entries = append(f.Entries, activity.Entry{Kind: activity.Event, Operation: "status.failed", Code: code, Outcome: activity.Failed})
		}
	}
	delivery := func(d why.Delivery) func(*why.Facts) {
		return func(f *why.Facts) { f.Events[0].Deliveries = []why.Delivery{d} }
	}
	cases := map[string]struct {
		change  func(*why.Facts)
		answer  why.Answer
		station int
		sign    why.Sign
		want    string // in the station
	}{
		"delivered":       {func(*why.Facts) {}, why.Arrived, 7, why.OK, "delivered"},
		"wrong number":    {func(f *why.Facts) { f.Message.PhoneNumberID = "n2" }, why.Halted, 5, why.Stopped, "Upload the file for the number that sends"},
		"older than 30 d": {func(f *why.Facts) { f.Media.Expires = now.Add(-2 * time.Hour) }, why.Halted, 5, why.Stopped, "WhatsApp keeps files for 30 days"},
		"deleted": {func(f *why.Facts) {
			f.Entries = append(f.Entries, activity.Entry{Kind: activity.Call, Operation: "DeleteWhatsAppMessageMedia", MediaID: "1", Outcome: activity.OK, Time: now.Add(-2 * time.Hour)})
		}, why.Halted, 5, why.Stopped, "It was deleted"},
		"24-hour window":   {fail("meta-131047", "131047: Re-engagement message"), why.Halted, 7, why.Stopped, "Send a template"},
		"template paused":  {fail("meta-132015", "132015: paused"), why.Halted, 7, why.Stopped, "The template is paused"},
		"blocked":          {fail("meta-131026", "131026: undeliverable"), why.Halted, 7, why.Stopped, "has blocked the number"},
		"unknown code":     {fail("meta-999", "999: x"), why.Halted, 7, why.Stopped, "error-codes"},
		"destination dead": {delivery(why.Delivery{Destination: "hook", State: "dead", Error: "404"}), why.Halted, 8, why.Stopped, "ferry events replay --id e1"},
		"destination held": {delivery(why.Delivery{Destination: "hook", State: "waiting", Held: "repair"}), why.Halted, 8, why.Stopped, "ferry events release hook"},
		"no webhook":       {func(f *why.Facts) { f.Message.Status, f.Events = "accepted", nil }, why.Waiting, 7, why.Unknown, "--webhook-verify-token"},
		"queued":           {func(f *why.Facts) { f.Message.Status, f.Events = "queued", nil }, why.Waiting, 6, why.Finding, "ferry events show m1"},
		"no journal":       {func(f *why.Facts) { f.Entries = nil }, why.Arrived, 1, why.Unknown, "it keeps 7 days"},
		"clock skew": {func(f *why.Facts) {
			*f = why.Facts{ID: "t", Entries: []activity.Entry{{Kind: activity.Call, Operation: "PostWhatsAppMessageMedia", Trace: "t", Status: 403, Code: "InvalidSignatureException", Text: "Signature expired", Outcome: activity.Refused}}}
		}, why.Halted, 1, why.Stopped, "Set the clock"},
		"object missing": {func(f *why.Facts) {
			*f = why.Facts{ID: "t", Entries: []activity.Entry{
				{Kind: activity.Fetch, Operation: "open", Trace: "t", Object: "s3://b/k", Text: "NoSuchKey", Outcome: activity.Failed},
				{Kind: activity.Call, Operation: "PostWhatsAppMessageMedia", Trace: "t", Status: 400, Outcome: activity.Refused},
			}}
		}, why.Halted, 2, why.Stopped, "Check that the object exists"},
	}
	for name, c := range cases {
		f := sent()
		c.change(&f)
		report := why.Join(f)
		s := report.Stations[c.station-1]
		text := strings.Join(s.Facts, "\n") + "\n" + s.Next
		if report.Answer != c.answer || s.Sign != c.sign || !strings.Contains(text, c.want) {
			t.Errorf("%s: answer %s, station %d is %s: %s\n%s", name, report.Answer, c.station, s.Sign, text, why.Text(report, 80))
		}
		if c.answer == why.Halted && report.StoppedAt != c.station {
			t.Errorf("%s: stopped at station %d", name, report.StoppedAt)
		}
		for _, s := range report.Stations {
			if s.Sign == why.Unknown && len(s.Facts) == 0 && s.Next == "" {
				t.Errorf("%s: station %d does not say why it is not known", name, s.Number)
			}
		}
	}
}

func TestWhatIsNotFoundSaysHowLongThingsAreKept(t *testing.T) {
	report := why.Join(why.Facts{ID: "x", Kept: "7 days"})
	if report.Answer != why.NotFound || !strings.Contains(report.Verdict, "7 days") {
		t.Errorf("%+v", report)
	}
}

func TestTextFitsTheWidthAndKeepsCommandsWhole(t *testing.T) {
	f := sent()
	f.Events[0].Deliveries[0].State = "dead"
	text := why.Text(why.Join(f), 80)
	for line := range strings.Lines(text) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 || strings.HasSuffix(line, " \n") {
			t.Errorf("%d characters: %q", n, line)
		}
	}
	if !strings.Contains(text, "  ferry events replay --id e1\n") {
		t.Errorf("the command is not on a line of its own:\n%s", text)
	}
}
