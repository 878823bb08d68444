package message_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ferry/internal/graph"
	"ferry/internal/message"
	"ferry/internal/object"
	"ferry/internal/outbox"
	"ferry/internal/sample"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
	"ferry/internal/transfer"
	"ferry/metasim"
)

// linkWorld is a Sender with Links on real parts: the simulator, a database, and a web
// server with files.
type linkWorld struct {
	t         *testing.T
	simulator *metasim.Server
	state     *state.DB
	path      string // of the database
	sender    *message.Sender
	links     *message.Links
	from      state.Sender
	web       *web
	url       string       // of the web server
	ahead     atomic.Int64 // of the clock of links, in nanoseconds
	mu        sync.Mutex
	events    []state.Event
	begun     atomic.Int64 // attempts to send
	onBegin   func()       // called by each of them; may be nil
}

func newLinkWorld(t *testing.T, adjust ...func(*object.Config)) *linkWorld {
	t.Helper()
	w := &linkWorld{t: t, web: &web{requests: make(map[string]int)}}
	w.simulator = metasim.New(metasim.Config{Strict: true, BusinessAccounts: []metasim.BusinessAccount{{
		ID: "100", Token: "EAA-token", PhoneNumbers: []metasim.PhoneNumber{{ID: "1001"}},
	}}})
	meta := httptest.NewServer(w.simulator)
	t.Cleanup(func() {
		_ = w.simulator.Close()
		meta.Close()
	})
	client, err := graph.New(graph.Config{BaseURL: meta.URL})
	w.must(err)
	t.Cleanup(client.Close)
	w.path = statetest.Path(t)
	w.state = statetest.Open(t, state.Config{Path: w.path})
	linked, err := w.state.Link(t.Context(), state.BusinessAccount{AccountID: accountID, MetaID: "100", Token: secret.New("EAA-token"),
		PhoneNumbers: []state.PhoneNumber{{MetaID: "1001", DisplayNumber: "+1 555-078-3881"}}})
	w.must(err)
	w.from, err = w.state.Sender(t.Context(), accountID, linked.PhoneNumbers[0].ID)
	w.must(err)
	w.must(w.state.Set(t.Context(), accountID, state.LinkToID, true))

	server := httptest.NewServer(w.web)
	t.Cleanup(server.Close)
	w.url = server.URL
	config := object.Config{LinksInside: true, DefaultRegion: "us-east-1", RetryBackoff: time.Millisecond, ReachTimeout: 100 * time.Millisecond}
	for _, f := range adjust {
		f(&config)
	}
	objects, err := object.New(t.Context(), config)
	w.must(err)
	t.Cleanup(objects.Close)
	engine, err := transfer.New(transfer.Config{State: w.state, Graph: client, Objects: objects})
	w.must(err)
	w.links, err = message.NewLinks(message.LinksConfig{State: w.state, Objects: objects, Transfers: engine,
		Now: func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }})
	w.must(err)
	t.Cleanup(func() { w.links.Stop(context.Canceled) })
	governor, err := message.NewGovernor(message.GovernorConfig{State: w.state})
	w.must(err)
	w.sender, err = message.New(message.Config{State: w.state, Graph: client, Governor: governor, Links: w.links,
		Begin: func(context.Context, outbox.Delivery) error {
			if w.begun.Add(1); w.onBegin != nil {
				w.onBegin()
			}
			return nil
		},
		Route: func(_ context.Context, e *state.Event) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.events = append(w.events, *e)
			return nil
		}})
	w.must(err)
	return w
}

func (w *linkWorld) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// media returns a message to a user with a file of a type.
func media(user int, kind, link string) string {
	return fmt.Sprintf(`{"messaging_product":"whatsapp","to":"+1650555%04d","type":%q,%q:{"link":%q}}`, user, kind, kind, link)
}

// accept accepts a message.
func (w *linkWorld) accept(body string) (id string, err error) {
	return w.sender.Accept(w.t.Context(), message.Request{AccountID: accountID, AccessKeyID: "AKIA1", RequestID: "r-1", Sender: w.from, APIVersion: "v23.0", Body: []byte(body)})
}

// send accepts a message and makes one attempt to send it.
func (w *linkWorld) send(body string) error {
	w.t.Helper()
	id, err := w.accept(body)
	w.must(err)
	return w.deliver(id, 0)
}

func (w *linkWorld) deliver(id string, attempts int) error {
	return w.sender.Deliver(w.t.Context(), outbox.Delivery{EventID: id, Destination: state.SendPrefix + w.from.ID, Attempts: attempts})
}

// requests returns how many requests of an operation the simulator had.
func (w *linkWorld) requests(operation metasim.Operation) (n int) {
	for _, request := range w.simulator.Requests() {
		if request.Operation == operation {
			n++
		}
	}
	return n
}

// lastError returns the error in the last event.
func (w *linkWorld) lastError() (code int, details string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.events) == 0 {
		w.t.Fatal("no event was made")
	}
	var envelope struct {
		Entry string `json:"whatsAppWebhookEntry"`
	}
	w.must(json.Unmarshal(w.events[len(w.events)-1].Body, &envelope))
	var entry struct {
		Changes []struct {
			Value struct {
				Statuses []struct {
					Errors []struct {
						Code int `json:"code"`
						Data struct {
							Details string `json:"details"`
						} `json:"error_data"`
					} `json:"errors"`
				} `json:"statuses"`
			} `json:"value"`
		} `json:"changes"`
	}
	w.must(json.Unmarshal([]byte(envelope.Entry), &entry))
	failure := entry.Changes[0].Value.Statuses[0].Errors[0]
	return failure.Code, failure.Data.Details
}

// web is a web server with the sample files, and with paths that go wrong.
type web struct {
	mu       sync.Mutex
	requests map[string]int
	gate     chan struct{} // /slow/ responds when it is closed
	failures int           // so often, /flaky/ fails
}

func (s *web) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[path]
}

func (s *web) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests[r.URL.Path]++
	flaky := strings.HasPrefix(r.URL.Path, "/flaky/") && s.requests[r.URL.Path] <= s.failures
	gate := s.gate
	s.mu.Unlock()
	directory, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case directory == "redirect":
		http.Redirect(w, r, "/files/"+name, http.StatusFound)
		return
	case directory == "page":
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!DOCTYPE html><html><body>Not here</body></html>"))
		return
	case flaky:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case directory == "slow":
		select {
		case <-gate:
		case <-r.Context().Done():
			return
		}
	}
	at := slices.IndexFunc(sample.Files(), func(f sample.File) bool { return f.Name == name })
	if at < 0 {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	file := sample.Files()[at]
	w.Header().Set("Content-Type", file.ContentType)
	w.Header().Set("ETag", `"`+name+`"`)
	switch directory {
	case "chunked": // without a length
		w.(http.Flusher).Flush()
	case "large":
		file.Data = append(file.Data, make([]byte, 9_000_000)...)
		fallthrough
	default:
		w.Header().Set("Content-Length", strconv.Itoa(len(file.Data)))
	}
	_, _ = w.Write(file.Data)
}

func TestLinkedFilesAreSentByTheirIDs(t *testing.T) {
	w := newLinkWorld(t)
	for i, test := range []struct{ kind, path string }{
		{"image", "/files/sample.jpg"}, {"video", "/files/sample.mp4"}, {"audio", "/files/voice.ogg"}, {"document", "/files/sample.pdf"},
		{"sticker", "/files/sticker-static.webp"}, {"document", "/files/sample.png"}, {"image", "/redirect/sample.png"},
	} {
		if err := w.send(media(i, test.kind, w.url+test.path)); err != nil {
			t.Errorf("%s %s: %v", test.kind, test.path, err)
		}
		if got := w.requests(metasim.OperationSendMessage); got != i+1 {
			t.Errorf("%s %s: %d messages at Meta", test.kind, test.path, got)
		}
	}
	if got := w.requests(metasim.OperationUpload); got != 6 { // the PNG is the same file twice
		t.Errorf("%d uploads", got)
	}
}

func TestFileForManyUsersIsReadAndUploadedOnce(t *testing.T) {
	w := newLinkWorld(t)
	const users = 30
	var group sync.WaitGroup
	for i := range users {
		group.Go(func() {
			if err := w.send(media(i, "image", w.url+"/files/sample.jpg?user=all")); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if sent, uploads := w.requests(metasim.OperationSendMessage), w.requests(metasim.OperationUpload); sent != users || uploads != 1 {
		t.Errorf("%d messages, %d uploads", sent, uploads)
	}
	if reads := w.web.count("/files/sample.jpg"); reads > 2 { // one for its ETag, one for its bytes
		t.Errorf("the file was requested %d times", reads)
	}
}

func TestLinkIsSentAsItIsWhileLinkToIDIsOff(t *testing.T) {
	w := newLinkWorld(t)
	w.must(w.state.Set(t.Context(), accountID, state.LinkToID, false))
	if err := w.send(media(1, "image", "https://shop.com/a.jpg")); err != nil {
		t.Fatal(err)
	}
	if sent, uploads := w.requests(metasim.OperationSendMessage), w.requests(metasim.OperationUpload); sent != 1 || uploads != 0 {
		t.Errorf("%d messages, %d uploads", sent, uploads)
	}
}

// WhatsApp takes more by link than it lets upload.
func TestFileThatCannotBeUploadedIsSentByLink(t *testing.T) {
	w := newLinkWorld(t)
	for i, test := range []struct{ kind, path string }{
		{"image", "/chunked/sample.jpg"},  // its length is not known before it has been read
		{"document", "/large/sample.jpg"}, // too large for an image
	} {
		if err := w.send(media(i, test.kind, w.url+test.path)); err != nil {
			t.Errorf("%s: %v", test.path, err)
		}
	}
	if sent, uploads := w.requests(metasim.OperationSendMessage), w.requests(metasim.OperationUpload); sent != 2 || uploads != 0 {
		t.Errorf("%d messages, %d uploads", sent, uploads)
	}
}

func TestFileThatCannotBeSentFailsTheMessage(t *testing.T) {
	w := newLinkWorld(t)
	for i, test := range []struct {
		name, kind, path string
		says             []string
	}{
		{"missing", "image", "/files/none.jpg?token=canary", []string{"image.link", "/files/none.jpg", "HTTP 404", "object-not-found"}},
		{"a page", "image", "/page/a.jpg", []string{"text/html"}},
		{"of another type", "image", "/files/sample.mp4", []string{"video/mp4", "type image", "other-message-type"}},
		{"a sticker", "image", "/files/sticker-static.webp", []string{"image/webp"}},
		{"too large", "image", "/large/sample.jpg", []string{"too-large"}},
		{"behind a redirect to nothing", "video", "/redirect/none.mp4", []string{"HTTP 404"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := w.send(media(100+i, test.kind, w.url+test.path))
			if !errors.Is(err, outbox.ErrNever) {
				t.Fatalf("the attempt ended with %v", err)
			}
			code, details := w.lastError()
			if code != 131053 || strings.Contains(details, "canary") {
				t.Errorf("code %d: %s", code, details)
			}
			for _, word := range test.says {
				if !strings.Contains(details, word) {
					t.Errorf("%q does not say %q", details, word)
				}
			}
		})
	}
	if sent := w.requests(metasim.OperationSendMessage); sent != 0 {
		t.Errorf("%d messages were sent", sent)
	}
}

func TestHostThatFailsIsTriedAgainAndThenFailsTheMessage(t *testing.T) {
	w := newLinkWorld(t)
	w.web.failures = 2
	id, err := w.accept(media(1, "image", w.url+"/flaky/sample.jpg"))
	w.must(err)
	retry, ok := errors.AsType[*outbox.RetryError](w.deliver(id, 0))
	if !ok || retry.NotAttempted {
		t.Fatalf("the first attempt ended with %v", retry)
	}
	for attempt := 1; ; attempt++ {
		w.ahead.Add(int64(retry.After))
		if err := w.deliver(id, attempt); err == nil {
			break
		} else if attempt == 4 {
			t.Fatalf("attempt %d ended with %v", attempt, err)
		}
	}

	w.web.failures = 1000
	id, err = w.accept(media(2, "image", w.url+"/flaky/sample.png"))
	w.must(err)
	if err := w.deliver(id, 4); !errors.Is(err, outbox.ErrNever) {
		t.Fatalf("the last attempt ended with %v", err)
	}
	if code, details := w.lastError(); code != 131053 || !strings.Contains(details, "HTTP 503") {
		t.Errorf("code %d: %s", code, details)
	}
}

// A database that cannot be read is no failure of the file, so that the message does not fail.
func TestDatabaseThatFailsDoesNotFailTheMessage(t *testing.T) {
	if statetest.Default() == statetest.Postgres {
		t.Skip("the test breaks the database file of SQLite")
	}
	w := newLinkWorld(t)
	id, err := w.accept(media(1, "image", w.url+"/files/sample.jpg"))
	w.must(err)
	file, err := sql.Open("sqlite", "file:"+w.path)
	w.must(err)
	defer file.Close()
	rename := func(from, to string) {
		t.Helper()
		_, err := file.ExecContext(t.Context(), `ALTER TABLE `+from+` RENAME TO `+to)
		w.must(err)
	}
	rename("link", "gone")
	for attempt := range 6 {
		if retry, ok := errors.AsType[*outbox.RetryError](w.deliver(id, attempt)); !ok || !retry.NotAttempted || retry.After <= 0 {
			t.Errorf("attempt %d: %+v", attempt, retry)
		}
	}
	rename("gone", "link")
	w.must(w.deliver(id, 6))
}

// The host of a link that fails is not asked again for each message with it.
func TestFailureOfALinkIsRememberedForAShortTime(t *testing.T) {
	w := newLinkWorld(t)
	w.web.failures = 1000
	const age = 10 * time.Second
	for i, test := range []struct {
		path, says string
		isFinal    bool
	}{
		{"/files/none.jpg", "HTTP 404", true},
		{"/page/a.jpg", "text/html", true},
		{"/flaky/sample.jpg", "HTTP 503", false},
	} {
		link := w.url + test.path
		send := func(user int) error { return w.send(media(10*i+user, "image", link)) }
		first := send(1)
		asked := w.web.count(test.path)
		for user := range 3 {
			err := send(2 + user)
			retry, isRetry := errors.AsType[*outbox.RetryError](err)
			switch {
			case err.Error() != first.Error() || !strings.Contains(err.Error(), test.says):
				t.Errorf("%s: %v; expected as before: %v", test.path, err, first)
			case isRetry == test.isFinal:
				t.Errorf("%s: the attempt ended with %v", test.path, err)
			case isRetry && (retry.NotAttempted || retry.After <= age/2 || retry.After > age):
				t.Errorf("%s: the next attempt is to be made after %v and counts %v", test.path, retry.After, !retry.NotAttempted)
			}
		}
		if n := w.web.count(test.path); n != asked {
			t.Errorf("%s was requested %d times for the first message, and %d for the others", test.path, asked, n-asked)
		}
		w.ahead.Add(int64(age))
		_ = send(9)
		if n := w.web.count(test.path); n == asked {
			t.Errorf("%s was not requested again after %v", test.path, age)
		}
	}
}

// A message whose file arrives slowly lets others be sent first, and the file is read
// to its end.
func TestSlowHostDoesNotHoldUpOtherMessages(t *testing.T) {
	if statetest.Default() == statetest.Postgres {
		t.Skip("the test waits for 10 s, on SQLite only")
	}
	t.Parallel()
	w := newLinkWorld(t)
	w.web.gate = make(chan struct{})
	id, err := w.accept(media(1, "image", w.url+"/slow/sample.jpg"))
	w.must(err)
	missing, err := w.accept(media(2, "image", w.url+"/slow/none.jpg"))
	w.must(err)
	var waiting sync.WaitGroup
	waiting.Go(func() { _ = w.deliver(missing, 0) })
	begun := time.Now()
	retry, ok := errors.AsType[*outbox.RetryError](w.deliver(id, 0))
	if !ok || !retry.NotAttempted || retry.After <= 0 || time.Since(begun) > 14*time.Second {
		t.Fatalf("after %v the attempt ended with %v", time.Since(begun), retry)
	}
	if w.begun.Load() != 0 {
		t.Error("an attempt that waits for its file counts as begun, so that a kill would leave its outcome unknown")
	}
	waiting.Wait()
	close(w.web.gate)
	for range 2 {
		if err := w.deliver(missing, 0); !errors.Is(err, outbox.ErrNever) || w.web.count("/slow/none.jpg") != 1 {
			t.Errorf("a file that is missing: %v after %d requests", err, w.web.count("/slow/none.jpg"))
		}
	}
	if err := w.deliver(id, 0); err != nil || w.begun.Load() != 1 {
		t.Errorf("the next attempt ended with %v, and %d have begun", err, w.begun.Load())
	}
	if uploads := w.requests(metasim.OperationUpload); uploads != 1 {
		t.Errorf("%d uploads", uploads)
	}
}

func TestRetriedMessageDoesNotUploadItsFileAgain(t *testing.T) {
	w := newLinkWorld(t)
	id, err := w.accept(media(2, "image", w.url+"/files/sample.jpg"))
	w.must(err)
	_, err = w.simulator.AddFault(metasim.Fault{Operation: metasim.OperationSendMessage, ErrorCode: 131000, Times: 2})
	w.must(err)
	for attempt := range 3 {
		err := w.deliver(id, attempt)
		if isLast := attempt == 2; isLast != (err == nil) {
			t.Errorf("attempt %d ended with %v", attempt, err)
		}
	}
	if uploads := w.requests(metasim.OperationUpload); uploads != 1 {
		t.Errorf("%d uploads", uploads)
	}
}

func TestLinkThatCannotBeReadIsTheCallersMistake(t *testing.T) {
	w := newLinkWorld(t, func(c *object.Config) { c.LinksInside = false })
	for _, link := range []string{"http://127.0.0.1/a.jpg", "http://10.0.0.1/a.jpg", "http://printer.local/a.jpg", "ftp://shop.com/a.jpg", "http://shop.com", "a.jpg"} {
		_, err := w.accept(media(1, "image", link))
		if refused, ok := errors.AsType[*message.Error](err); !ok || !strings.Contains(refused.Message, "image.link") {
			t.Errorf("%s: %v", link, err)
		}
	}
	if _, err := w.accept(media(1, "image", "https://shop.com/a.jpg")); err != nil {
		t.Errorf("a link to a public host: %v", err)
	}
}
