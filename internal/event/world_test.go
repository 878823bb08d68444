package event_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"ferry/internal/event"
	"ferry/internal/guard"
	"ferry/internal/guard/guardtest"
	"ferry/internal/outbox"
	"ferry/internal/secret"
	"ferry/internal/state"
)

const webhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// world is a Deliverer on a database.
type world struct {
	t         *testing.T
	state     *state.DB
	linked    state.BusinessAccount
	router    *event.Router
	deliverer *event.Deliverer
	events    int // that were added
}

func newWorld(t *testing.T, config event.DelivererConfig, destinations ...event.Destination) *world {
	t.Helper()
	w := &world{t: t}
	w.state, w.linked = newState(t)
	w.configure(config, destinations...)
	return w
}

// configure replaces the destinations of the configuration.
func (w *world) configure(config event.DelivererConfig, destinations ...event.Destination) {
	w.t.Helper()
	w.router = newRouter(w.t, w.state, destinations...)
	config.State, config.Router = w.state, w.router
	var err error
	if w.deliverer, err = event.NewDeliverer(w.t.Context(), config); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(w.deliverer.Close)
}

// run runs an outbox until the test ends. Back-off is short.
func (w *world) run(adjust ...func(*outbox.Config)) {
	w.t.Helper()
	config := outbox.Config{Store: w.state, Deliver: w.deliverer.Deliver, Slots: w.deliverer.Slots, MaxBackoff: 20 * time.Millisecond, Drain: time.Second}
	for _, f := range adjust {
		f(&config)
	}
	deliveries, err := outbox.New(config)
	if err != nil {
		w.t.Fatal(err)
	}
	w.state.OnDeliveries(func(destinations []string) { deliveries.Wake(destinations...) })
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := deliveries.Run(ctx); err != nil {
			w.t.Error(err)
		}
	}()
	w.t.Cleanup(func() { stop(); <-done })
}

// put sets the destination that the linked account has chosen.
func (w *world) put(arn, role string) {
	w.t.Helper()
	if err := w.state.PutEventDestinations(w.t.Context(), account, w.linked.ID, []state.EventDestination{{ARN: arn, RoleARN: role}}); err != nil {
		w.t.Fatal(err)
	}
}

// newEvent returns an event of a conversation with its destinations.
func (w *world) newEvent(name, user string, body []byte) state.Event {
	w.t.Helper()
	w.events++
	e := state.Event{
		ID: newUUID(), AccountID: account, BusinessAccountID: w.linked.ID, PhoneNumberID: w.linked.PhoneNumbers[0].ID,
		Kind: state.KindEvent, Name: name, Conversation: w.linked.PhoneNumbers[0].ID + "/" + user, Body: body, CreatedAt: time.Now(),
	}
	if e.Body == nil {
		e.Body = fmt.Appendf(nil, `{"number":%d}`, w.events)
	}
	if err := w.router.Route(w.t.Context(), &e); err != nil {
		w.t.Fatal(err)
	}
	return e
}

func (w *world) add(events ...state.Event) {
	w.t.Helper()
	if err := w.state.AddEvents(w.t.Context(), events); err != nil {
		w.t.Fatal(err)
	}
}

// awaitDelivered waits until nothing waits to be delivered.
func (w *world) awaitDelivered() {
	w.t.Helper()
	end := time.Now().Add(time.Minute)
	for {
		_, deliveries, err := w.state.CountEvents(w.t.Context(), state.EventFilter{AccountID: account})
		if err != nil {
			w.t.Fatal(err)
		}
		if deliveries[outbox.Waiting] == 0 {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("after a minute the deliveries are %v", deliveries)
		}
		time.Sleep(5 * time.Millisecond) // the database does not tell of ends
	}
}

// attempt makes one attempt to deliver a new event to its only destination, without
// the outbox.
func (w *world) attempt(name string, body []byte) error {
	w.t.Helper()
	e := w.newEvent(name, "16505551234", body)
	if len(e.Destinations) != 1 {
		w.t.Fatalf("the event has the destinations %q", e.Destinations)
	}
	w.add(e)
	return w.deliverer.Deliver(w.t.Context(), outbox.Delivery{EventID: e.ID, Destination: e.Destinations[0]})
}

// retryIn returns the shortest time until the next attempt, and whether there is one.
func retryIn(err error) (after time.Duration, isRetried bool) {
	retry, ok := errors.AsType[*outbox.RetryError](err)
	if !ok || errors.Is(err, outbox.ErrNever) {
		return 0, false
	}
	return retry.After, true
}

func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// webhook returns a destination for all events of the account.
func webhook(name, url string, secrets ...string) event.Destination {
	if len(secrets) == 0 {
		secrets = []string{webhookSecret}
	}
	d := event.Destination{Name: name, Type: event.HTTPS, URL: url, Private: true, Accounts: []string{account}, Timeout: time.Second}
	for _, s := range secrets {
		d.Secrets = append(d.Secrets, secret.New(s))
	}
	return d
}

// delivered is a request to a webhook.
type delivered struct {
	id, body string
	header   http.Header
}

// receiver is a webhook.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	received []delivered
	arrived  chan delivered
}

// receive starts a webhook over TLS. respond answers each request after it is kept; n
// counts them from 1.
func receive(t *testing.T, respond func(w http.ResponseWriter, r *http.Request, n int)) *receiver {
	t.Helper()
	r := &receiver{arrived: make(chan delivered, 10_000)}
	r.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return
		}
		d := delivered{request.Header.Get("Webhook-Id"), string(body), request.Header}
		r.mu.Lock()
		r.received = append(r.received, d)
		n := len(r.received)
		r.mu.Unlock()
		r.arrived <- d
		if respond != nil {
			respond(w, request, n)
		}
	}))
	t.Cleanup(func() {
		r.CloseClientConnections()
		r.Close()
	})
	return r
}

// roots returns a pool with the certificates of servers.
func roots(servers ...*receiver) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, s := range servers {
		pool.AddCert(s.Certificate())
	}
	return pool
}

// guardOn returns a guard for which every name has the same address, on a network
// without other machines.
func guardOn(network *guardtest.Network, address string) *guard.Guard {
	return guard.New(guard.Config{Resolver: guardtest.Always(address), Interfaces: guardtest.NoInterfaces, Connect: network.Connect})
}
