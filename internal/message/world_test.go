package message_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ferry/internal/activity"
	"ferry/internal/graph"
	"ferry/internal/message"
	"ferry/internal/outbox"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

const accountID = "111122223333"

// world is a Sender on real parts: a database, and an outbox when it is started. Meta is
// a server whose responses the test chooses.
type world struct {
	t        *testing.T
	state    *state.DB
	sender   *message.Sender
	governor *message.Governor
	linked   state.BusinessAccount
	from     state.Sender
	meta     *meta
	log      *journal
	logger   *slog.Logger // writes to log
	client   *graph.Client
	ended    chan ended // what Deliver has returned, in the outbox

	mu      sync.Mutex
	events  []state.Event // in the order in which they were made
	onRoute func()        // called when an event is routed, once; may be nil
	route   func() error  // whether the next event is routed; nil means that every one is
}

// ended is the end of an attempt.
type ended struct {
	id  string
	err error
}

func newWorld(t *testing.T, engine statetest.Engine, adjust ...func(*message.Config, *message.GovernorConfig)) *world {
	t.Helper()
	return newWorldOn(t, engine.Open(t), adjust...)
}

// inBubble runs a test with a clock that runs as fast as everybody waits. Such a clock
// cannot wait for a server: the test uses SQLite, and need not run once more on PostgreSQL.
func inBubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	if statetest.Default() == statetest.Postgres {
		t.Skip("the test runs on SQLite only")
	}
	synctest.Test(t, test)
}

// newWorldOn returns a world on a database that others may share.
func newWorldOn(t *testing.T, db *state.DB, adjust ...func(*message.Config, *message.GovernorConfig)) *world {
	t.Helper()
	w := &world{t: t, state: db, meta: newMeta(t), log: new(journal), ended: make(chan ended, 1000)}
	client, err := graph.New(graph.Config{BaseURL: w.meta.url, Version: "v25.0"})
	w.must(err)
	t.Cleanup(client.Close)
	w.client = client
	w.linked, err = db.Link(t.Context(), state.BusinessAccount{
		ID: strings.Repeat("b", 32), AccountID: accountID, MetaID: "100", Name: "Lucky Shrub", Token: secret.New("EAA-token"), PhoneNumbers: []state.PhoneNumber{
			{ID: strings.Repeat("1", 32), MetaID: "1001", DisplayNumber: "+1 555-078-3881"}, {ID: strings.Repeat("2", 32), MetaID: "1002", DisplayNumber: "+1 555-078-3882"},
		},
	})
	w.must(err)
	w.from, err = db.Sender(t.Context(), accountID, w.linked.PhoneNumbers[0].ID)
	w.must(err)
	limits := message.GovernorConfig{State: db}
	w.logger = slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	config := message.Config{State: db, Graph: client, Route: w.routeEvent, Begin: w.begin, Activity: activity.NewRecorder(w.logger), Logger: w.logger}
	for _, f := range adjust {
		f(&config, &limits)
	}
	w.governor, err = message.NewGovernor(limits)
	w.must(err)
	config.Governor = w.governor
	w.sender, err = message.New(config)
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// begin is the Begin of the Sender. A delivery without an outbox has no lane.
func (w *world) begin(ctx context.Context, d outbox.Delivery) error {
	if d.Lane == "" {
		return nil
	}
	return w.state.BeginDelivery(ctx, d)
}

// routeEvent is the Route of the Sender: it keeps the events.
func (w *world) routeEvent(_ context.Context, e *state.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.route != nil {
		if err := w.route(); err != nil {
			return err
		}
	}
	e.Destinations = []string{"event/x"}
	w.events = append(w.events, *e)
	if f := w.onRoute; f != nil {
		w.onRoute = nil
		f()
	}
	return nil
}

// failRoutes lets the next events fail to be routed: the first ones, or all if n is
// negative.
func (w *world) failRoutes(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.route = func() error {
		if n == 0 {
			return nil
		}
		n--
		return errors.New("the database is locked")
	}
}

// reported returns the events so far.
func (w *world) reported() []state.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events)
}

// start runs an outbox until the test ends.
func (w *world) start() {
	w.t.Helper()
	runOutbox(w.t, w.state, outbox.Config{
		Store: w.state, Once: func(string) bool { return true }, Now: w.state.Clock,
		Deliver: func(ctx context.Context, d outbox.Delivery) error {
			if !strings.HasPrefix(d.Destination, state.SendPrefix) {
				return nil
			}
			err := w.sender.Deliver(ctx, d)
			w.ended <- ended{d.EventID, err}
			return err
		},
	})
}

// wait returns the end of the next attempt.
func (w *world) wait() ended {
	w.t.Helper()
	select {
	case e := <-w.ended:
		return e
	case <-time.After(30 * time.Second):
		w.t.Fatal("no attempt has ended")
		return ended{}
	}
}

// request returns a request to send a message from the first number.
func (w *world) request(body string) message.Request {
	return message.Request{AccountID: accountID, AccessKeyID: "AKIA1", RequestID: "r-1", Sender: w.from, APIVersion: "v23.0", Body: []byte(body)}
}

// accept accepts a message.
func (w *world) accept(body string) (id string) {
	w.t.Helper()
	id, err := w.sender.Accept(w.t.Context(), w.request(body))
	w.must(err)
	return id
}

// text returns a text message.
func text(to, body string) string {
	return fmt.Sprintf(`{"messaging_product":"whatsapp","to":"+%s","biz_opaque_callback_data":"order-7","text":{"body":%q}}`, to, body)
}

// deliver makes an attempt without an outbox.
func (w *world) deliver(id string, interrupted bool) error {
	return w.sender.Deliver(w.t.Context(), outbox.Delivery{EventID: id, Destination: state.SendPrefix + w.from.ID, Interrupted: interrupted})
}

// stored returns a message.
func (w *world) stored(id string) state.Message {
	w.t.Helper()
	m, err := w.state.Message(w.t.Context(), id)
	w.must(err)
	return m
}

// entry returns the entry of Meta's webhook in the only event so far, and its envelope.
func (w *world) entry() (entry string, envelope map[string]any) {
	w.t.Helper()
	events := w.reported()
	if len(events) != 1 {
		w.t.Fatalf("%d events: %+v", len(events), events)
	}
	w.must(json.Unmarshal(events[0].Body, &envelope))
	entry, _ = envelope["whatsAppWebhookEntry"].(string)
	return entry, envelope
}

// meta is a server in place of Meta's API.
type meta struct {
	url string

	mu       sync.Mutex
	requests []string // path and body of each
	respond  func(w http.ResponseWriter, request string)
}

func newMeta(t *testing.T) *meta {
	t.Helper()
	m := &meta{}
	server := httptest.NewServer(m)
	m.url = server.URL
	t.Cleanup(server.Close)
	return m
}

func (m *meta) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	request := r.URL.Path + " " + string(body)
	m.mu.Lock()
	m.requests = append(m.requests, request)
	respond, number := m.respond, len(m.requests)
	m.mu.Unlock()
	switch {
	case respond != nil:
		respond(w, request)
	case strings.Contains(request, `"status":"read"`):
		_, _ = io.WriteString(w, `{"success":true}`)
	default:
		fmt.Fprintf(w, `{"messaging_product":"whatsapp","contacts":[{"input":"x","wa_id":"16505551234"}],"messages":[{"id":"wamid.%d"}]}`, number)
	}
}

// respondOnce responds to the next requests, one after the other; later ones succeed.
func (m *meta) respondOnce(responses ...func(w http.ResponseWriter, request string)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.respond = func(w http.ResponseWriter, request string) {
		m.mu.Lock()
		next := responses[0]
		if responses = responses[1:]; len(responses) == 0 {
			m.respond = nil
		}
		m.mu.Unlock()
		next(w, request)
	}
}

// sent returns the requests so far.
func (m *meta) sent() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.requests)
}

// refuse responds with an error of Meta's.
func refuse(status, code int, message, details string) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, _ string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error":{"message":%q,"type":"OAuthException","code":%d,"error_data":{"messaging_product":"whatsapp","details":%q},"fbtrace_id":"AbC"}}`, message, code, details)
	}
}

// hangUp closes the connection without a response.
func hangUp(http.ResponseWriter, string) { panic(http.ErrAbortHandler) }

// A journal is a log that several goroutines write and read.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}
