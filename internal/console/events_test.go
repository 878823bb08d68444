package console_test

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"ferry/internal/activity"
	"ferry/internal/console"
	"ferry/internal/control"
	"ferry/internal/local"
	"ferry/metasim"
)

// lines is the destination of a server, as events have it.
func (s *server) lines() string {
	s.t.Helper()
	for {
		changed := s.local.Gateway.Journal().Changed()
		page, err := s.inside().ListEvents(s.t.Context(), control.ListEventsInput{Filter: control.Filter{Kind: "event"}, Latest: true, Limit: 1})
		if err != nil {
			s.t.Fatal(err)
		}
		if len(page.Events) > 0 && len(page.Events[0].Deliveries) > 0 {
			return page.Events[0].Deliveries[0].Destination
		}
		select {
		case <-changed:
		case <-s.t.Context().Done():
			s.t.Fatal("there is no event")
		}
	}
}

// say makes Anna write.
func (s *server) say(text string) {
	s.t.Helper()
	if _, err := s.sim.Receive(s.local.MetaPhoneNumberID, metasim.Inbound{From: anna, Text: &metasim.InboundText{Body: text}}); err != nil {
		s.t.Fatal(err)
	}
}

// changes returns the texts of the changes that the console has recorded.
func (s *server) changes() string {
	s.t.Helper()
	var list []string
	for _, e := range s.entriesOf(activity.Admin) {
		list = append(list, e.By+" "+e.Operation+" "+e.Account+" "+string(e.Outcome)+": "+e.Text)
	}
	return strings.Join(list, "\n")
}

func TestADestinationThatFailsIsHeldReleasedAndItsDeadEventsAreReplayed(t *testing.T) {
	s := startServer(t)
	s.down.Store(true)
	if _, err := s.sim.StopClock(); err != nil {
		t.Fatal(err)
	}
	s.say("Hello")
	lines := s.lines()
	s.await("/events", nil, lines, "! failing", "1 waiting", "the disk of the receiver is full", "message.text")

	a := s.post("/events/hold", "destination", lines, "reason", "the disk is being replaced")
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/events?waiting=1" {
		t.Fatalf("hold: %d %s", a.status, a.body)
	}
	s.get("/events?waiting=1").want(t, 200, "Deliveries that wait: 1", "❙❙ held", "the disk is being replaced, since", ">Resume<")
	s.post("/events/release", "destination", lines).want(t, http.StatusSeeOther)
	s.post("/events/release", "destination", lines).want(t, http.StatusBadRequest, "is not held")

	for range 80 { // given up after 72 h
		if _, err := s.sim.AdvanceClock(time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	s.await("/events", nil, "✗ dead", "1 dead")
	s.get("/").want(t, 200, "1 dead", "ferry events replay --dead")
	s.get("/events/change?do=replay&state=dead").want(t, 200, "<strong>1 delivery</strong>: 1 dead", ">Replay 1<", `name="state" value="dead"`)
	s.down.Store(false)
	if a = s.post("/events/replay", "state", "dead"); a.header.Get("Location") != "/events?replayed=1&state=dead" {
		t.Fatalf("replay: %d %s %s", a.status, a.header.Get("Location"), a.body)
	}
	s.get(a.header.Get("Location")).want(t, 200, "1 deliveries were put in again.")
	s.await("/events?name=message.text", nil, "✓ delivered", "replayed")
	for _, want := range []string{
		"developer HoldDestination " + local.AccountID + " ok: " + lines + ": held, the disk is being replaced",
		"developer ReleaseDestination " + local.AccountID + " ok: " + lines + ": held → released",
		"developer ReleaseDestination " + local.AccountID + " refused: The destination",
		"developer ReplayEvents " + local.AccountID + " ok: 1 deliveries, selected by state dead",
	} {
		if !strings.Contains(s.changes(), want) {
			t.Errorf("%q is not recorded: %s", want, s.changes())
		}
	}
}

func TestAnEventIsShownWithItsBodyItsAttemptsAndWhatCanBeDone(t *testing.T) {
	s := startServer(t)
	s.down.Store(true)
	s.say("Where is my order?")
	s.lines()
	page, err := s.inside().ListEvents(t.Context(), control.ListEventsInput{Filter: control.Filter{Name: "message.text"}})
	if err != nil || len(page.Events) != 1 {
		t.Fatalf("%v %v", page.Events, err)
	}
	id := page.Events[0].ID
	s.await("/events/"+id, nil, "Where is my order?", "<h2>Attempts</h2><ul", "the disk of the receiver is full", `href="/trace/`+id, `name="note" required`)
	s.post("/events/discard", "id", id).want(t, http.StatusBadRequest, "The note is missing")
	s.post("/events/discard", "id", id, "note", strings.Repeat("ü", 501)).want(t, http.StatusBadRequest, "501 characters")
	a := s.post("/events/discard", "id", id, "note", "a test")
	if a.header.Get("Location") != "/events/"+id+"?discarded=1" {
		t.Fatalf("%d %s %s", a.status, a.header.Get("Location"), a.body)
	}
	s.get(a.header.Get("Location")).want(t, 200, "1 deliveries were discarded.", "– cancelled", ">Replay<")
	if want := "DiscardEvents " + local.AccountID + " ok: 1 deliveries, selected by id " + id + ": a test"; !strings.Contains(s.changes(), want) {
		t.Errorf("%q is not recorded: %s", want, s.changes())
	}
	s.down.Store(false)
	s.post("/events/replay", "id", id).want(t, http.StatusSeeOther)
	s.await("/events/"+id, nil, "✓ delivered")
	s.get("/events/nothing").want(t, http.StatusNotFound)
}

func TestAMessageIsShownWithTheEventsAboutIt(t *testing.T) {
	s := startServer(t)
	id := s.sendText("Hello, Anna")
	s.await("/events/"+id, nil, "Message of type text", "Hello, Anna", "Events about it", "status.delivered", "✓ delivered")
	if a := s.get("/events/" + id); strings.Contains(a.body, ">Replay<") {
		t.Error("a message could be sent twice")
	}
	s.get("/events/change?do=replay&kind=message&state=delivered").want(t, 200)
}

func TestNothingIsChangedWithoutASelectionAndItsCount(t *testing.T) {
	s := startServer(t)
	s.get("/events/change?do=replay").want(t, http.StatusBadRequest, "This would concern all events")
	s.get("/events/change?do=delete&state=dead").want(t, http.StatusBadRequest, "expected replay or discard")
	s.get("/events/change?do=discard&state=dead").want(t, 200, "There is nothing to discard")
	s.post("/events/replay").want(t, http.StatusBadRequest, "This would concern all events")
	s.post("/events/discard", "note", "all").want(t, http.StatusBadRequest, "This would concern all events")
	s.get("/events?state=lost").want(t, http.StatusBadRequest, "no state")
	s.get("/events?kind=call").want(t, http.StatusBadRequest, "no kind")
	s.get("/events?before=AAAA").want(t, http.StatusBadRequest, "place in the list")
	s.post("/events/hold", "destination", "event/of/others").want(t, http.StatusBadRequest, "No delivery of account")
}

func TestEventsAreListedOverTheirPagesWithoutLossAlsoOfOneMoment(t *testing.T) {
	s := startServer(t)
	if _, err := s.sim.StopClock(); err != nil {
		t.Fatal(err)
	}
	const all = console.MaxEventRows + 15
	for i := range all {
		s.say("message " + strconv.Itoa(i))
	}
	for { // until all have arrived
		changed := s.local.Gateway.Journal().Changed()
		counts, err := s.inside().CountEvents(t.Context(), control.CountEventsInput{Filter: control.Filter{Name: "message.text"}})
		if err != nil {
			t.Fatal(err)
		}
		if counts.Events == all {
			break
		}
		<-changed
	}
	seen := make(map[string]bool)
	for path := "/events?name=message.text"; path != ""; {
		a := s.get(path)
		for _, id := range attribute(a, "id") {
			if strings.HasPrefix(id, "v-") {
				seen[id] = true
			}
		}
		path = ""
		for _, link := range attribute(a, "href") {
			if strings.Contains(link, "before=") {
				path = link
			}
		}
	}
	if len(seen) != all {
		t.Errorf("%d of %d events were listed", len(seen), all)
	}
}

func TestViewersSeeNeitherNumbersNorBodiesAndChangeNothing(t *testing.T) {
	s := startServer(t, asServe)
	s.down.Store(true)
	media := s.cmyk()
	id := s.sendTo(map[string]any{"type": "image", "image": map[string]any{"id": media, "caption": "the secret caption"}})
	s.say("the secret answer")
	lines := s.lines()
	s.record(
		activity.Entry{Kind: activity.Send, Account: local.AccountID, Trace: "r1", Person: anna, Outcome: activity.Failed, Operation: "text", Time: s.sim.Now(),
			Text: "(#131030) " + anna + " is not on the list, nor is +49 151 1234 5678", Cause: "the secret cause", Remote: "192.0.2.7:1"},
		activity.Entry{Kind: activity.Admin, By: "eve", Operation: "X", Outcome: activity.OK, Person: "4915112345678", Text: "4915112345678 → 4915112345679", Time: s.sim.Now()},
	)
	viewer, operator := []string{"Cookie", s.login("viewer")}, []string{"Cookie", s.login("operator")}
	s.await("/why?id="+id, operator, "Stopped at station 7")
	event := regexp.MustCompile(`/events/([0-9a-f-]{36})"`).FindStringSubmatch(s.await("/events?name=message.text", operator, "/events/").body)[1]
	paths := []string{"/", "/timeline", "/timeline?failed=1", "/why", "/why?id=" + id, "/why?id=s3://ferry-media/print.jpg", "/trace/r1", "/events", "/events/" + event, "/events/" + id}
	for _, link := range attribute(s.get("/timeline", operator...), "href") {
		if strings.HasPrefix(link, "/trace/") {
			paths = append(paths, link)
		}
	}
	encoded := strings.TrimRight("MTY1MDU1NTEyMz", "=") // of the number, as in Meta's ids of messages
	secrets := []string{anna, "650555", "15112345678", "1511234", encoded, "the secret caption", "the secret answer", "the secret cause", "192.0.2.7"}
	all, shown := "", ""
	for _, path := range paths {
		a := s.get(path, viewer...)
		a.want(t, http.StatusOK)
		for _, secret := range secrets {
			if strings.Contains(a.body, secret) {
				t.Errorf("a viewer sees %q on %s: %s", secret, path, a.body)
			}
		}
		shown += a.body
		all += s.get(path, operator...).body
	}
	for _, secret := range append(secrets[:1:1], secrets[4:]...) { // the operator sees them, so that the test means something
		if !strings.Contains(all, secret) {
			t.Errorf("an operator does not see %q", secret)
		}
	}
	for _, want := range []string{"&#43;16…234", "&#43;49…678", "Operators see it", "wamid.…"} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is on no page of a viewer", want)
		}
	}
	s.get("/why?id=%2B"+anna, viewer...).want(t, http.StatusOK) // who knows a number may ask about it
	for _, path := range []string{"/events/replay", "/events/discard", "/events/hold", "/events/release"} {
		a := s.send(http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader("state=waiting&note=x&destination="+lines), viewer...)
		a.want(t, http.StatusForbidden, "needs the role operator")
	}
	s.get("/events/change?do=replay&state=dead", viewer...).want(t, http.StatusForbidden)
	if body := s.get("/events", viewer...).body; strings.Contains(body, ">Hold<") || strings.Contains(body, "Discard…") {
		t.Error("a viewer sees buttons")
	}
	s.get("/events/change?do=discard&state=waiting", operator...).want(t, http.StatusOK, ">Discard ")
	s.send(http.MethodPost, "/events/hold", "application/x-www-form-urlencoded", strings.NewReader("destination="+lines), operator...).want(t, http.StatusSeeOther)
	if want := "anna HoldDestination " + local.AccountID + " ok: " + lines + ": held, held by anna"; !strings.Contains(s.changes(), want) {
		t.Errorf("%q is not recorded: %s", want, s.changes())
	}
}
