package console_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"ferry/internal/activity"
	"ferry/internal/console"
	"ferry/internal/control"
	"ferry/internal/local"
	"ferry/internal/state"
	"ferry/metasim"
)

func TestTraceShowsTheStepsOfARequestAndTheFaultThatActed(t *testing.T) {
	s := startServer(t)
	if _, err := s.sim.AddFault(metasim.Fault{Operation: "upload", ErrorCode: 131016, Times: 1}); err != nil {
		t.Fatal(err)
	}
	s.putPrint()
	_, err := s.uploadObject("print.jpg")
	if err == nil {
		t.Fatal("the fault did not act")
	}
	a := s.await("/timeline?kind=call&failed=1", nil, "PostWhatsAppMessageMedia", "DependencyException")
	path := ""
	for _, link := range attribute(a, "href") {
		if strings.HasPrefix(link, "/trace/") {
			path = link
		}
	}
	a = s.await(path, nil, "request upload", "open", "inspect", "131016", "✗ 3 failed", "fault fault-1 acted", `<rect class="fill" x="`, "s3://ferry-media/print.jpg")
	for _, name := range []string{"x", "width"} {
		for _, value := range attribute(a, name) {
			var n int
			if _, err := fmt.Sscan(value, &n); err != nil || n < 0 || n > 1000 {
				t.Errorf("a bar has the %s %q", name, value)
			}
		}
	}
	if strings.Contains(a.body, "style=") {
		t.Error("there is a style that the policy refuses")
	}
	// Meta's trace id leads to the same.
	entries := s.entriesOf(activity.Graph)
	s.get("/trace/"+url.PathEscape(entries[len(entries)-1].MetaTrace)).want(t, 200, "PostWhatsAppMessageMedia", "request upload")
	s.get("/trace/nothing").want(t, http.StatusNotFound, "as far as the journal knows")
	s.get("/trace/%ff").want(t, http.StatusNotFound)
	s.record(activity.Entry{Kind: activity.Admin, Operation: "Alone", Outcome: activity.OK, Time: s.sim.Now()})
	for _, link := range attribute(s.get("/timeline?kind=admin"), "href") {
		if strings.HasPrefix(link, "/trace/entry-") {
			s.get(link).want(t, 200, "Alone", "1 step")
			s.get(link+"9").want(t, http.StatusNotFound)
		}
	}
}

func TestTheFirstPageSaysWhatWorksWhatFailedAndWhatToDo(t *testing.T) {
	s := startServer(t)
	s.get("/").want(t, 200, "Nothing has failed", "API", "Database", "Simulator", "S3 server", "nothing in the last hour", "ferry send --to", "ferry trigger inbound", `data-live="world tick"`)
	if _, err := s.uploadObject("missing.jpg"); err == nil {
		t.Fatal("a file was uploaded that does not exist")
	}
	_, _ = s.uploadObject("lost.jpg") // for the same cause
	a := s.await("/", nil, "✗ 2×", "ResourceNotFoundException", "calls of the API", "✗ 2 failed", "ferry why ", "! look")
	if n := strings.Count(a.body, "✗ 2×"); n != 1 {
		t.Errorf("%d causes", n)
	}
	s.sendText("Hello")
	s.await("/", nil, "nothing waits", "last: receive ok", "attempts to deliver")
	s.record(activity.Entry{Kind: activity.Fetch, Outcome: activity.OK, Operation: "open", Time: s.sim.Now()})
	s.await("/", nil, "! look", "2 of 3 in the last hour failed")
	for range 3 {
		s.record(activity.Entry{Kind: activity.Fetch, Outcome: activity.Failed, Operation: "open", Time: s.sim.Now()})
	}
	s.await("/", nil, "✗ fails", "5 of 6 in the last hour failed")
}

func TestTheFirstPageOfAServerSaysWhatIsNotSetUp(t *testing.T) {
	s := startServer(t, asServe)
	admin := []string{"Cookie", s.login("admin")}
	a := s.get("/", admin...)
	a.want(t, 200, "Database", "ferry logs --follow")
	if strings.Contains(a.body, "ferry trigger") || strings.Contains(a.body, "/phone") || strings.Contains(a.body, "/world") {
		t.Error("it has what only ferry dev has")
	}
	nav := ""
	for _, path := range attribute(a, "href") {
		nav += path + " "
	}
	if !strings.Contains(nav, "/timeline /why /events ") {
		t.Errorf("the head has %s", nav)
	}
	for _, path := range []string{"/phone", "/world", "/test"} {
		s.get(path, admin...).want(t, http.StatusNotFound)
	}
}

func TestAServerWithSeveralAccountsFindsAnIdInAllOfThemAndListsTheEventsOfOne(t *testing.T) {
	s := startServer(t)
	const other = "444455556666"
	if err := s.db.CreateAccessKey(t.Context(), state.AccessKey{ID: "AKIAOTHER", AccountID: other, Name: "b", Secret: s.local.SecretAccessKey}); err != nil {
		t.Fatal(err)
	}
	now := s.sim.Now()
	s.record(activity.Entry{Kind: activity.Call, Account: other, Trace: "of-b", Operation: "CallB", Outcome: activity.Refused, Code: "ValidationException", Time: now})
	event := state.Event{ID: state.NewUUID(), AccountID: other, BusinessAccountID: "w", PhoneNumberID: "p", Kind: state.KindEvent, Name: "message.of-b", Conversation: "p/1", Body: []byte(`{}`), CreatedAt: now, Destinations: []string{"event/w/b"}}
	if err := s.db.AddEvents(t.Context(), []state.Event{event}); err != nil {
		t.Fatal(err)
	}
	s.get("/why?id=of-b").want(t, 200, "CallB")
	s.get("/why?id="+event.ID).want(t, 200, "WhatsApp has reported message.of-b", "event/w/b: waiting")
	s.get("/timeline").want(t, 200, "CallB", `<select name="account"><option value="">all</option>`)
	if a := s.get("/timeline?account=" + local.AccountID); strings.Contains(a.body, "CallB") {
		t.Error("the timeline of one account has entries of another one")
	}
	s.get("/events?account="+other).want(t, 200, "message.of-b", "event/w/b")
	s.get("/events/"+event.ID).want(t, 200, "message.of-b", `name="account" value="`+other+`"`)
	if a := s.get("/events"); strings.Contains(a.body, "message.of-b") {
		t.Error("the events of one account are among those of another one")
	}
	a := s.post("/events/discard", "account", other, "id", event.ID, "note", "x")
	if a.header.Get("Location") != "/events/"+event.ID+"?account="+other+"&discarded=1" {
		t.Errorf("%d %s", a.status, a.header.Get("Location"))
	}
	if want := "developer DiscardEvents " + other + " ok"; !strings.Contains(s.changes(), want) {
		t.Errorf("%q is not recorded: %s", want, s.changes())
	}
	if n := len(s.page(other, control.Filter{State: control.Cancelled})); n != 1 {
		t.Errorf("%d deliveries are cancelled", n)
	}
}

func (s *server) page(account string, f control.Filter) []control.Event {
	s.t.Helper()
	page, err := s.local.Gateway.Service().Account(account).ListEvents(s.t.Context(), control.ListEventsInput{Filter: f})
	if err != nil {
		s.t.Fatal(err)
	}
	return page.Events
}

var tags = regexp.MustCompile(`<[^>]*>`)

func TestPagesOfWhatHappenedShowMarkupAsTextAndStaySmall(t *testing.T) {
	s := startServer(t)
	now := s.sim.Now()
	long := strings.Repeat(hostile, 30)
	for i := range 200 {
		e := activity.Entry{
			Kind: activity.Graph, Account: local.AccountID, Trace: "t", Operation: long, Outcome: activity.Failed, Time: now.Add(time.Duration(i) * time.Millisecond), Took: time.Second, Status: 500,
			Person: hostile, MediaID: long, MessageID: long, WAMID: long, EventID: long, Object: "s3://" + long, ETag: long, Destination: long, MetaTrace: long, Code: hostile + fmt.Sprint(i),
			Text: long, Cause: long, By: long, AccessKey: long, Remote: hostile, Resource: long,
		}
		for range 24 {
			e.Details = append(e.Details, slog.String(hostile, long), slog.String("fault", hostile))
		}
		s.record(e)
	}
	event := state.Event{ID: state.NewUUID(), AccountID: local.AccountID, BusinessAccountID: "w", PhoneNumberID: "p", Kind: state.KindEvent, Name: hostile, Conversation: "p/1",
		WAMID: long, MessageID: long, Body: []byte(`{"x":"` + strings.Repeat("<script>alert(1)</script>", 4000) + `"}`), CreatedAt: now, Destinations: []string{"event/w/" + url.PathEscape(hostile)}}
	if err := s.db.AddEvents(t.Context(), []state.Event{event}); err != nil {
		t.Fatal(err)
	}
	destination := url.QueryEscape(event.Destinations[0])
	s.post("/events/hold", "destination", event.Destinations[0], "reason", hostile).want(t, http.StatusSeeOther)
	for _, path := range []string{
		"/", "/timeline", "/timeline?failed=1&id=" + url.QueryEscape(long[:1500]), "/timeline?since=1h&kind=graph", "/trace/t", "/trace/" + url.PathEscape(hostile), "/why?id=" + url.QueryEscape(hostile), "/why?id=t",
		"/events", "/events?name=" + url.QueryEscape(hostile), "/events/" + event.ID, "/events/" + url.PathEscape(hostile), "/events/change?do=discard&name=" + url.QueryEscape(hostile),
		"/events?state=waiting&destination=" + destination, "/events?replayed=" + url.QueryEscape(hostile), "/timeline?kind=" + url.QueryEscape(hostile), "/timeline?account=" + url.QueryEscape(hostile),
	} {
		a := s.get(path)
		if a.status >= 500 || strings.Contains(a.body, "<script>alert") || strings.Contains(a.body, "<img src=x") || strings.ContainsAny(tags.ReplaceAllString(a.body, ""), "\x1b\u202e") {
			t.Errorf("%s: %d has the markup: %s", path, a.status, a.body)
		}
		if len(a.body) > 200_000 { // of hostile entries; real ones are below
			t.Errorf("%s has %d bytes", path, len(a.body))
		}
	}
}

func TestPagesOfRealContentHaveAtMost100KB(t *testing.T) {
	s := startServer(t)
	media := s.cmyk()
	for range 12 {
		s.sendTo(map[string]any{"type": "image", "image": map[string]any{"id": media}})
		s.sendText(strings.Repeat("A long text. ", 200))
	}
	_, _ = s.uploadObject(strings.Repeat("a-long-name-of-an-object/", 30) + "missing.jpg")
	s.await("/why?id="+media, nil, "Stopped at station 7")
	s.await("/timeline", nil, ">Older<")
	for _, path := range []string{"/", "/timeline", "/timeline?kind=attempt", "/events", "/why?id=%2B" + anna, "/why?id=" + media, "/trace/" + anna} {
		if a := s.get(path); len(a.body) > 100_000 || a.status != 200 {
			t.Errorf("%s: %d, %d bytes", path, a.status, len(a.body))
		}
	}
}

func TestTheStreamTellsOfTheJournal(t *testing.T) {
	s := startServer(t)
	response, err := s.client.Get(s.url + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	buffer := make([]byte, 4096)
	text := ""
	for told := 0; told < 2; {
		n, err := response.Body.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		text += string(buffer[:n])
		if now := strings.Count(text, "journal"); now > told {
			if told = now; told == 1 {
				s.record(activity.Entry{Kind: activity.Call, Outcome: activity.OK})
			}
		}
	}
}

func TestAConsoleNeedsSomethingToShow(t *testing.T) {
	s := startServer(t)
	if _, err := console.New(console.Config{State: s.db}); err == nil {
		t.Error("there is neither a gateway nor a simulator")
	}
	if _, err := console.New(console.Config{}); err == nil || errors.Is(err, errors.ErrUnsupported) {
		t.Error("there is no database")
	}
}

func TestScriptsAreFew(t *testing.T) {
	files, err := filepath.Glob("web/*.js")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	lines := 0
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines += strings.Count(string(text), "\n")
	}
	if lines > 900 {
		t.Errorf("the scripts have %d lines", lines)
	}
}
