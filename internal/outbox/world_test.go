package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ferry/internal/outbox"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

const account = "111122223333"

// open opens a database with an account.
func open(tb testing.TB, path string, sealer *secret.Sealer) *state.DB {
	tb.Helper()
	db, err := state.Open(context.Background(), state.Config{Path: path, Sealer: sealer})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	if err := db.CreateAccessKey(context.Background(), state.AccessKey{ID: "AKIA1", AccountID: account, Secret: secret.New("x")}); err != nil {
		tb.Fatal(err)
	}
	return db
}

// A world is an outbox on a database, and what it has delivered.
type world struct {
	*outbox.Outbox
	db   *state.DB
	stop context.CancelFunc
	done chan struct{} // closed when Run has returned

	mu       sync.Mutex
	attempts []outbox.Delivery
	at       []time.Time
	ended    []string // ids of events, as their attempts ended
	deliver  func(ctx context.Context, attempt int, d outbox.Delivery) error
}

// start runs an outbox. deliver decides how the attempts of each delivery end, counted
// from 0; nil means that each succeeds.
func start(tb testing.TB, db *state.DB, deliver func(ctx context.Context, attempt int, d outbox.Delivery) error, adjust ...func(*outbox.Config)) *world {
	tb.Helper()
	w := &world{db: db, deliver: deliver, done: make(chan struct{})}
	config := outbox.Config{Store: db, Deliver: w.attempt}
	for _, f := range adjust {
		f(&config)
	}
	var err error
	if w.Outbox, err = outbox.New(config); err != nil {
		tb.Fatal(err)
	}
	db.OnDeliveries(func(destinations []string) { w.Wake(destinations...) })
	var ctx context.Context
	ctx, w.stop = context.WithCancel(context.Background())
	go func() {
		defer close(w.done)
		if err := w.Run(ctx); err != nil {
			tb.Errorf("Run: %v", err)
		}
	}()
	tb.Cleanup(w.end)
	return w
}

func (w *world) end() {
	w.stop()
	<-w.done
}

func (w *world) attempt(ctx context.Context, d outbox.Delivery) error {
	w.mu.Lock()
	attempt := 0
	for _, before := range w.attempts {
		if before.EventID == d.EventID && before.Destination == d.Destination {
			attempt++
		}
	}
	w.attempts, w.at = append(w.attempts, d), append(w.at, time.Now())
	w.mu.Unlock()
	var err error
	if w.deliver != nil {
		err = w.deliver(ctx, attempt, d)
	}
	w.mu.Lock()
	w.ended = append(w.ended, d.EventID)
	w.mu.Unlock()
	return err
}

// times returns when attempts to deliver an event began.
func (w *world) times(id string) []time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	var times []time.Time
	for i, d := range w.attempts {
		if d.EventID == id {
			times = append(times, w.at[i])
		}
	}
	return times
}

// order returns the events whose attempts began, in order.
func (w *world) order() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var ids []string
	for _, d := range w.attempts {
		ids = append(ids, d.EventID)
	}
	return ids
}

// inBubble runs a test with a clock that runs as fast as everybody waits. It has a
// database in memory.
func inBubble(t *testing.T, test func(t *testing.T, db *state.DB)) {
	sealer := statetest.Sealer(t)
	synctest.Test(t, func(t *testing.T) { test(t, open(t, state.Memory, sealer)) })
}

// put adds events for destinations to a conversation.
func put(tb testing.TB, db *state.DB, conversation string, destinations []string, ids ...string) {
	tb.Helper()
	var events []state.Event
	for _, id := range ids {
		events = append(events, state.Event{ID: id, AccountID: account, Kind: state.KindEvent, Name: "status.sent",
			Conversation: conversation, Body: []byte("{}"), CreatedAt: time.Now(), Destinations: destinations})
	}
	if err := db.AddEvents(context.Background(), events); err != nil {
		tb.Fatal(err)
	}
}

func names(prefix string, n int) []string {
	var ids []string
	for i := range n {
		ids = append(ids, fmt.Sprintf("%s%04d", prefix, i))
	}
	return ids
}

var errDown = errors.New("503 Service Unavailable")

func TestDeliveriesOfALaneAreMadeInOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, db *state.DB) {
		w := start(t, db, func(_ context.Context, attempt int, d outbox.Delivery) error {
			if attempt == 0 && d.Seq%7 == 0 {
				return errDown
			}
			return nil
		})
		first, second := names("a", 50), names("b", 50)
		put(t, db, "one", []string{"event/1"}, first...)
		put(t, db, "two", []string{"event/1"}, second...)
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, want := range [][]string{first, second} {
			got := slices.DeleteFunc(w.order(), func(id string) bool { return id[0] != want[0][0] })
			if got = slices.Compact(got); !slices.Equal(got, want) {
				t.Errorf("attempts %v", got)
			}
		}
	})
}

func TestADeliveryBeginsAsSoonAsItIsCommitted(t *testing.T) {
	inBubble(t, func(t *testing.T, db *state.DB) {
		w := start(t, db, nil)
		time.Sleep(10*time.Second + 300*time.Millisecond)
		put(t, db, "one", []string{"event/1"}, "a")
		synctest.Wait()
		if got := w.order(); !slices.Equal(got, []string{"a"}) {
			t.Errorf("attempts without waiting for the poll: %v", got)
		}
	})
}
