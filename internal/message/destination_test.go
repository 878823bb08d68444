package message_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"ferry/internal/outbox"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
	"ferry/metasim"
)

// What is about one message or one user says nothing about the phone number, whose other
// messages are not slowed.
func TestFailureOfOneMessageIsNoneOfItsNumber(t *testing.T) {
	w := newWorld(t, statetest.Default())
	for i, test := range []struct {
		name     string
		respond  func(http.ResponseWriter, string)
		isLate   bool // the database does not take the outcome
		ofNumber bool
	}{
		{name: "undeliverable", respond: refuse(400, 131026, "Message undeliverable", "d")},
		{name: "no such template", respond: refuse(404, 132001, "Template does not exist", "d")},
		{name: "template that is not there yet", respond: refuse(400, 134101, "Template syncing", "d")},
		{name: "too many messages to the user", respond: refuse(400, 131056, "Pair rate limit hit", "d")},
		{name: "too many messages of a category", respond: refuse(400, 131064, "Messaging limit reached", "d")},
		{name: "outcome that is not recorded", isLate: true},
		{name: "response that is lost", respond: hangUp, ofNumber: true},
		{name: "service unavailable", respond: refuse(500, 131016, "Service unavailable", "d"), ofNumber: true},
		{name: "too many messages of the number", respond: refuse(400, 130429, "Rate limit hit", "d"), ofNumber: true}, // it stops the number
	} {
		if test.respond != nil {
			w.meta.respondOnce(test.respond)
		}
		if test.isLate {
			w.failRoutes(1)
		}
		requests := len(w.meta.sent())
		err := w.deliver(w.accept(text(fmt.Sprint("491511234567", i), "x")), false)
		if len(w.meta.sent()) != requests+1 {
			t.Errorf("%s: no attempt was made: %v", test.name, err)
		}
		if isOfDestination(err) != test.ofNumber {
			t.Errorf("%s: %+v counts as a failure of the number: %v", test.name, err, !test.ofNumber)
		}
	}
}

// isOfDestination reports whether the outbox counts an error as a failure of the
// destination.
func isOfDestination(err error) bool {
	if errors.Is(err, outbox.ErrNever) {
		_, ok := errors.AsType[*outbox.DestinationError](err)
		return ok
	}
	retry, ok := errors.AsType[*outbox.RetryError](err)
	return err != nil && (!ok || !retry.NotAttempted && !retry.NotOfDestination)
}

// More messages have a link that cannot be read than break a destination. Then others are
// sent at the same time, as ever.
func TestLinksThatCannotBeReadSlowNoOtherMessages(t *testing.T) {
	w := newLinkWorld(t)
	w.web.failures = 1000
	const slots, dead = 4, 12
	var begun atomic.Int64
	isFull, failed := make(chan struct{}), make(chan struct{}, dead)
	w.onBegin = func() {
		if begun.Add(1) == slots {
			close(isFull)
		}
		select {
		case <-isFull:
		case <-t.Context().Done():
		}
	}
	w.run(func(c *outbox.Config) {
		deliver := c.Deliver
		c.Slots = func(string) int { return slots }
		c.Deliver = func(ctx context.Context, d outbox.Delivery) error {
			err := deliver(ctx, d)
			if err != nil && d.Attempts == 0 {
				failed <- struct{}{}
			}
			return err
		}
	})
	for i := range dead {
		_, err := w.accept(media(i, "image", fmt.Sprintf("%s/flaky/%d.jpg", w.url, i)))
		w.must(err)
	}
	for range dead {
		<-failed
	}
	for i := range slots {
		_, err := w.accept(fmt.Sprintf(`{"messaging_product":"whatsapp","to":"+1650556%04d","text":{"body":"x"}}`, i))
		w.must(err)
	}
	select {
	case <-isFull:
	case <-time.After(10 * time.Second):
		t.Errorf("%d messages are sent at a time; expected %d", begun.Load(), slots)
	}
	if n := w.requests(metasim.OperationUpload); n != 0 {
		t.Errorf("%d uploads", n)
	}
}

// run runs an outbox until the test ends.
func (w *linkWorld) run(adjust func(*outbox.Config)) {
	config := outbox.Config{Store: w.state, Once: func(string) bool { return true }, Deliver: w.sender.Deliver}
	adjust(&config)
	runOutbox(w.t, w.state, config)
}

// runOutbox runs an outbox until the test ends.
func runOutbox(t *testing.T, db *state.DB, config outbox.Config) {
	t.Helper()
	o, err := outbox.New(config)
	if err != nil {
		t.Fatal(err)
	}
	db.OnDeliveries(func(destinations []string) { o.Wake(destinations...) })
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = o.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
}
