package message_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ferry/internal/message"
	"ferry/internal/outbox"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

// closed returns a channel that is closed: no attempt is in progress.
func closed() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

func TestAttemptThatHoldsItsLaneRecordsItsOutcomeItself(t *testing.T) {
	engine := statetest.Default()
	w := newWorld(t, engine)
	w.failRoutes(3)
	w.start()
	id := w.accept(text("4915112345678", "x"))
	if e := w.wait(); e.id != id || e.err != nil {
		t.Errorf("%+v", e)
	}
	if m := w.stored(id); m.Status != state.MessageAccepted || len(w.meta.sent()) != 1 {
		t.Errorf("%+v after %d requests", m, len(w.meta.sent()))
	}
}

// The first replica has Meta's responses, which the database does not take. Its leases
// end, and the second one finds attempts whose ends nobody recorded.
func TestOutcomeThatAnotherReplicaDoesNotKnowIsCorrected(t *testing.T) {
	t.Parallel() // it waits most of the time
	engine := statetest.Default()
	shared := state.Config{Path: engine.Path(t), Sealer: statetest.Sealer(t)}
	first, second := newWorldOn(t, engine.Open(t, shared)), newWorldOn(t, engine.Open(t, shared))
	first.meta.respondOnce(refuse(400, 131030, "No", "d"))
	first.failRoutes(2)
	refused, accepted := first.accept(text("4915112345678", "x")), first.accept(text("4915112345679", "y"))
	for _, id := range []string{refused, accepted} {
		if again, ok := errors.AsType[*outbox.RetryError](first.deliver(id, false)); !ok || !again.MayBeDone {
			t.Fatalf("%+v", again)
		}
		if err := second.deliver(id, true); !errors.Is(err, outbox.ErrNever) || second.stored(id).Status != state.MessageUnknown {
			t.Fatalf("the second replica: %v, %+v", err, second.stored(id))
		}
	}
	drained := make(chan struct{})
	first.onRoute = func() { close(drained) }
	first.sender.RecordLate(t.Context(), drained)
	for id, want := range map[string]state.MessageStatus{refused: state.MessageFailed, accepted: state.MessageAccepted} {
		if m := second.stored(id); m.Status != want {
			t.Errorf("%+v; expected %s", m, want)
		}
	}
	events := first.reported()
	if len(events) != 2 || !strings.Contains(string(events[0].Body), `\"code\":131030`) || events[1].Name != "status.accepted" {
		t.Errorf("%+v", events)
	}
	if requests := slices.Concat(first.meta.sent(), second.meta.sent()); len(requests) != 2 {
		t.Errorf("%q", requests)
	}
}

// The first replica records what it knows just before the second one records that it
// does not.
func TestMessageThatAnotherReplicaHasRecordedIsNotUnknown(t *testing.T) {
	engine := statetest.Default()
	shared := state.Config{Path: engine.Path(t), Sealer: statetest.Sealer(t)}
	first, second := newWorldOn(t, engine.Open(t, shared)), newWorldOn(t, engine.Open(t, shared))
	first.meta.respondOnce(refuse(400, 131030, "Recipient not in allowed list", "d"))
	first.failRoutes(2)
	refused, accepted := first.accept(text("4915112345678", "x")), first.accept(text("4915112345679", "y"))
	for _, id := range []string{refused, accepted} {
		_ = first.deliver(id, false)
	}
	second.onRoute = func() { first.sender.RecordLate(t.Context(), closed()) }
	if err := second.deliver(refused, true); !errors.Is(err, outbox.ErrNever) || !strings.Contains(err.Error(), "131030") {
		t.Errorf("the second replica: %v", err)
	}
	if err := second.deliver(accepted, true); err != nil {
		t.Errorf("the second replica: %v", err)
	}
	for id, want := range map[string]state.MessageStatus{refused: state.MessageFailed, accepted: state.MessageAccepted} {
		if m := first.stored(id); m.Status != want {
			t.Errorf("%+v; expected %s", m, want)
		}
	}
}

func TestOutcomeThatIsDroppedIsLoggedWithItsIDs(t *testing.T) {
	for name, stop := range map[string]func(*world){
		"at the end of the drain": func(w *world) { w.sender.RecordLate(t.Context(), closed()) },
		"at a stop": func(w *world) {
			stopped, stop := context.WithCancel(t.Context())
			stop()
			w.sender.RecordLate(stopped, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, statetest.Default())
			w.failRoutes(-1)
			before, after := w.accept(text("4915112345678", "x")), w.accept(text("4915112345679", "y"))
			_ = w.deliver(before, false)
			stop(w)
			_ = w.deliver(after, false)
			for id, wamid := range map[string]string{before: "wamid.1", after: "wamid.2"} {
				if !w.hasLogged("could not be recorded", `"level":"ERROR"`, `"message_id":"`+id+`"`, `"wamid":"`+wamid+`"`) {
					t.Errorf("message %s: %s", id, w.log)
				}
			}
		})
	}
}

// The database does not answer at all, so that nobody is there when a write ends: neither
// one of an attempt, nor one of RecordLate.
func TestOutcomeThatIsBeingWrittenAtAStopIsLogged(t *testing.T) {
	entered, release := make(chan struct{}, 2), make(chan struct{})
	var isRefused atomic.Bool
	w := newWorld(t, statetest.Default(), func(c *message.Config, _ *message.GovernorConfig) {
		c.Route = func(context.Context, *state.Event) error {
			if isRefused.CompareAndSwap(true, false) {
				return errors.New("the database is locked")
			}
			entered <- struct{}{}
			<-release
			return errors.New("the database is locked")
		}
	})
	isRefused.Store(true)
	late, current := w.accept(text("4915112345678", "x")), w.accept(text("4915112345679", "y"))
	_ = w.deliver(late, false)
	ctx, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { w.sender.RecordLate(ctx, nil) })
	group.Go(func() { _ = w.sender.Deliver(ctx, outbox.Delivery{EventID: current}) })
	<-entered
	<-entered
	stop()
	for id, wamid := range map[string]string{late: "wamid.1", current: "wamid.2"} {
		for end := time.Now().Add(10 * time.Second); !w.hasLogged("could not be recorded", `"level":"ERROR"`, `"message_id":"`+id+`"`, `"wamid":"`+wamid+`"`); {
			if time.Now().After(end) {
				t.Errorf("message %s: %s", id, w.log)
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	close(release)
	group.Wait()
	if n := strings.Count(w.log.String(), "could not be recorded"); n != 2 {
		t.Errorf("%d lines: %s", n, w.log)
	}
}

// RecordLate and the next attempt may record the same outcome at the same time.
func TestOutcomeIsRecordedTwiceAtTheSameTime(t *testing.T) {
	var isRefused atomic.Bool
	arrived, both := make(chan *state.Event, 2), make(chan struct{})
	w := newWorld(t, statetest.Default(), func(c *message.Config, _ *message.GovernorConfig) {
		c.Route = func(_ context.Context, e *state.Event) error {
			if isRefused.CompareAndSwap(true, false) {
				return errors.New("the database is locked")
			}
			arrived <- e
			<-both
			e.Destinations = []string{"event/x"}
			return nil
		}
	})
	isRefused.Store(true)
	id := w.accept(text("4915112345678", "x"))
	_ = w.deliver(id, false)
	var group sync.WaitGroup
	group.Go(func() { w.sender.RecordLate(t.Context(), closed()) })
	group.Go(func() {
		if err := w.deliver(id, true); err != nil {
			t.Error(err)
		}
	})
	if first, second := <-arrived, <-arrived; first == second {
		t.Error("both write the same event")
	}
	close(both)
	group.Wait()
	if m := w.stored(id); m.Status != state.MessageAccepted || len(w.meta.sent()) != 1 {
		t.Errorf("%+v after %d requests", m, len(w.meta.sent()))
	}
}

func TestOutcomesThatAreKeptAreBounded(t *testing.T) {
	w := newWorld(t, statetest.Default())
	for i := range message.MaxLate + 1 {
		w.sender.Keep(fmt.Sprint("message-", i), fmt.Sprint("wamid.", i))
	}
	if n := strings.Count(w.log.String(), "could not be recorded"); n != 1 || !w.hasLogged("could not be recorded", fmt.Sprintf(`"wamid.%d"`, message.MaxLate)) {
		t.Errorf("%d outcomes were dropped: %s", n, w.log)
	}
}

// hasLogged reports whether a line of the log has all of some texts.
func (w *world) hasLogged(texts ...string) bool {
	for line := range strings.Lines(w.log.String()) {
		if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) }) {
			return true
		}
	}
	return false
}
