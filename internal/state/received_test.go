package state_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ferry/internal/outbox"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

// inbound returns an update with an event of a user.
func inbound(linked state.BusinessAccount, key, id, user string, destinations ...string) state.Received {
	number := linked.PhoneNumbers[0].ID
	return state.Received{Key: key, Event: state.Event{
		ID: id, AccountID: linked.AccountID, BusinessAccountID: linked.ID, PhoneNumberID: number, Kind: state.KindEvent, Name: "message.text",
		Conversation: number + "/" + user, WAMID: "wamid." + id, Body: []byte("{}"), CreatedAt: now, Destinations: destinations,
	}}
}

func receive(t *testing.T, s *state.DB, updates ...state.Received) int {
	t.Helper()
	fresh, err := s.Receive(t.Context(), updates)
	if err != nil {
		t.Fatal(err)
	}
	return fresh
}

// TestUpdateIsRecognisedForEightDays moves the clock, and purges at each time.
func TestUpdateIsRecognisedForEightDays(t *testing.T) {
	statetest.Each(t, func(t *testing.T, engine statetest.Engine) {
		at := now
		s := engine.Open(t, state.Config{Now: func() time.Time { return at }})
		linked := link(t, s, "1")
		if n := receive(t, s, inbound(linked, "k", "a", "1")); n != 1 {
			t.Fatalf("%d fresh updates", n)
		}
		for i, step := range []struct {
			after time.Duration
			fresh int
		}{{-24 * time.Hour, 0}, {time.Hour, 0}, {7 * 24 * time.Hour, 0}, {8*24*time.Hour - time.Minute, 0}, {8*24*time.Hour + time.Minute, 1}} {
			at = now.Add(step.after)
			if _, err := s.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := receive(t, s, inbound(linked, "k", fmt.Sprint("b", i), "1")); n != step.fresh {
				t.Errorf("%v later, %d updates are fresh; expected %d", step.after, n, step.fresh)
			}
		}
	})
}

func TestUpdateThatIsReceivedAtTheSameTimeIsStoredOnce(t *testing.T) {
	statetest.Each(t, func(t *testing.T, engine statetest.Engine) {
		path := engine.Path(t)
		sealer := statetest.Sealer(t)
		replicas := []*state.DB{engine.Open(t, state.Config{Path: path, Sealer: sealer}), engine.Open(t, state.Config{Path: path, Sealer: sealer})}
		linked := link(t, replicas[0], "1")
		var group sync.WaitGroup
		var mu sync.Mutex
		total := 0
		for i := range 60 {
			group.Go(func() {
				var updates []state.Received
				for k := range 10 { // in another order each time
					key := (k*7 + i) % 10
					updates = append(updates, inbound(linked, fmt.Sprint("k", key), fmt.Sprintf("e%d-%d", i, key), "1", "event/x"))
				}
				n, err := replicas[i%2].Receive(t.Context(), updates)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				total += n
			})
		}
		group.Wait()
		stored, err := replicas[0].Deliveries(t.Context(), "event/x")
		if err != nil || total != 10 || len(stored) != 10 {
			t.Errorf("%d updates were fresh, and %d events are stored (%v); expected 10", total, len(stored), err)
		}
	})
}

// TestEventsWaitForThoseInPreparation: an event does not overtake an earlier one of its
// conversation that is being prepared, and goes straight to its destination otherwise.
func TestEventsWaitForThoseInPreparation(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		linked := link(t, s, "1")
		prepare := state.PrepareDestination(linked.AccountID)
		receive(t, s, inbound(linked, "1", "a1", "1", "event/x"), inbound(linked, "2", "a2", "1", prepare), inbound(linked, "3", "a3", "1", "event/x"), inbound(linked, "4", "b1", "2", "event/x"))
		receive(t, s, inbound(linked, "5", "a4", "1", "event/x"))
		want := func(destination string, want ...string) {
			t.Helper()
			got, err := s.Deliveries(t.Context(), destination)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", destination, diff)
			}
		}
		want(prepare, "a2", "a3", "a4")
		want("event/x", "a1", "b1")
		forward := func(d outbox.Delivery) error {
			e, err := s.Event(t.Context(), d.EventID)
			if err != nil {
				return err
			}
			e.Destinations, e.Body = []string{"event/x"}, []byte(`{"done":true}`)
			return errors.Join(s.Forward(t.Context(), e), s.Forward(t.Context(), e)) // as after a crash
		}
		deliverAll(t, s, prepare, 3, forward)
		want("event/x", "a1", "a2", "a3", "a4", "b1")
		if e, err := s.Event(t.Context(), "a2"); err != nil || string(e.Body) != `{"done":true}` {
			t.Errorf("the event is %q, %v", e.Body, err)
		}
		receive(t, s, inbound(linked, "6", "a5", "1", "event/x"))
		want("event/x", "a1", "a2", "a3", "a4", "a5", "b1")
	})
}

// deliverAll runs an outbox until it has made a number of deliveries to a destination,
// and has recorded them.
func deliverAll(t *testing.T, s *state.DB, destination string, count int, deliver func(outbox.Delivery) error) {
	t.Helper()
	made := make(chan string, count)
	o, err := outbox.New(outbox.Config{Store: s, Poll: 10 * time.Millisecond, Deliver: func(_ context.Context, d outbox.Delivery) error {
		if d.Destination != destination {
			return fmt.Errorf("%w: another destination", outbox.ErrNever)
		}
		err := deliver(d)
		made <- d.EventID
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- o.Run(ctx) }()
	for range count {
		<-made
	}
	stop() // Run records how the deliveries have ended
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// TestClaimFindsTheMessageThatAStatusIsAbout forces the order of Meta's webhook and of
// its response to a message.
func TestClaimFindsTheMessageThatAStatusIsAbout(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		linked := link(t, s, "1")
		number := linked.PhoneNumbers[0].ID
		reported := state.ReportedStatus{PhoneNumberID: number, WAMID: "wamid.1", Recipients: []string{"4915"}, Time: now}
		update := state.Received{Status: state.MessageSent}
		accepted := func(messageID string) state.Event {
			e := inbound(linked, "", "accepted-"+messageID, "4915").Event
			e.MessageID = messageID
			return e
		}
		claim := func() (string, error) { return s.Claim(t.Context(), reported, update, accepted) }
		if id, err := claim(); id != "" || err != nil {
			t.Errorf("without a message: %q, %v", id, err)
		}
		id := add(t, s, textTo(linked, "4915", ""))
		if id, err := claim(); id != "" || err != nil {
			t.Errorf("a message whose sending has not begun: %q, %v", id, err)
		}
		// The attempt begins, the status comes, and then Meta's response is recorded.
		deliver := func(conclude func()) {
			deliverOnce(t, s, state.SendPrefix+number, func() {
				found, err := s.UnsettledRecipients(t.Context(), number, []string{"1", "4915"})
				if err != nil || len(found) != 1 || !found["4915"] {
					t.Errorf("unsettled: %v, %v", found, err)
				}
				if id, err := claim(); !errors.Is(err, state.ErrUnsettled) {
					t.Errorf("a message that is being sent: %q, %v", id, err)
				}
				conclude()
			})
		}
		deliver(func() {
			if err := s.MessageSent(t.Context(), id, "wamid.1"); err != nil {
				t.Error(err)
			}
		})
		if got, err := claim(); got != id || err != nil {
			t.Errorf("a message that was sent: %q, %v; expected %q", got, err, id)
		}
		if m, err := s.Message(t.Context(), id); err != nil || m.Status != state.MessageSent {
			t.Errorf("its status is %q, %v", m.Status, err)
		}
		// The response to the next one is lost.
		lost := add(t, s, textTo(linked, "4915", ""))
		reported.WAMID = "wamid.2"
		deliver(func() {
			if err := s.MessageFailed(t.Context(), lost, state.MessageUnknown, "no response"); err != nil {
				t.Error(err)
			}
		})
		for range 2 { // the second time as after a crash
			if got, err := claim(); got != lost || err != nil {
				t.Errorf("a message of unknown outcome: %q, %v; expected %q", got, err, lost)
			}
		}
		if m, err := s.Message(t.Context(), lost); err != nil || m.Status != state.MessageSent || m.WAMID != "wamid.2" {
			t.Errorf("it is %q, %q, %v", m.Status, m.WAMID, err)
		}
		if e, err := s.Event(t.Context(), "accepted-"+lost); err != nil || e.MessageID != lost {
			t.Errorf("the event that it was accepted: %+v, %v", e, err)
		}
	})
}

// deliverOnce makes the next delivery to a destination whose deliveries are made once,
// and calls during meanwhile.
func deliverOnce(t *testing.T, s *state.DB, destination string, during func()) {
	t.Helper()
	done := make(chan struct{}, 1)
	o, err := outbox.New(outbox.Config{Store: s, Poll: 10 * time.Millisecond, Once: func(d string) bool { return d == destination },
		Deliver: func(ctx context.Context, d outbox.Delivery) error {
			if err := s.BeginDelivery(ctx, d); err != nil {
				t.Error(err)
			}
			during()
			done <- struct{}{}
			return nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- o.Run(ctx) }()
	<-done
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

func TestLinkedAccountsAreFoundByMetasID(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		linked := link(t, s, "1", "2")
		if _, err := s.Link(t.Context(), businessAccount("444455556666", "100", "1")); err != nil {
			t.Fatal(err)
		}
		if err := s.SetArchive(t.Context(), "444455556666", state.Archive{Bucket: "b", Prefix: "in/"}); err != nil {
			t.Fatal(err)
		}
		found, err := s.LinkedTo(t.Context(), "100")
		if err != nil || len(found) != 2 || found[0].ID != linked.ID || len(found[0].PhoneNumbers) != 2 || found[0].Archive != (state.Archive{}) ||
			found[1].AccountID != "444455556666" || found[1].Archive != (state.Archive{Bucket: "b", Prefix: "in/"}) {
			t.Errorf("LinkedTo = %+v, %v", found, err)
		}
		if none, err := s.LinkedTo(t.Context(), "101"); err != nil || len(none) > 0 {
			t.Errorf("LinkedTo = %+v, %v", none, err)
		}
		if _, err := s.Link(t.Context(), businessAccount("444455556666", "101", "1")); err != nil {
			t.Fatal(err)
		}
		if one, err := s.LinkedTo(t.Context(), "101"); err != nil || len(one) != 1 {
			t.Errorf("after the account was linked, LinkedTo = %+v, %v", one, err)
		}
		if err := s.SetArchive(t.Context(), "777788889999", state.Archive{Bucket: "b"}); !errors.Is(err, state.ErrNotFound) {
			t.Errorf("the archive of an unknown account: %v", err)
		}
	})
}

func TestCountsOfUnlinkedUpdatesAreBoundedAndEnd(t *testing.T) {
	statetest.Each(t, func(t *testing.T, engine statetest.Engine) {
		at := now
		s := engine.Open(t, state.Config{Now: func() time.Time { return at }})
		count := func(id, number string, n int64) {
			t.Helper()
			if err := s.CountUnlinked(t.Context(), []state.Unlinked{{BusinessAccount: id, PhoneNumber: number, Updates: n}}); err != nil {
				t.Fatal(err)
			}
		}
		counted := func() []state.Unlinked {
			t.Helper()
			list, err := s.UnlinkedUpdates(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return list
		}
		count("100", "", 2)
		at = now.Add(time.Hour)
		count("100", "", 3)
		if list := counted(); len(list) != 1 || list[0].Updates != 5 || !list[0].FirstAt.Equal(now) || !list[0].LastAt.Equal(at) {
			t.Errorf("counted: %+v", list)
		}
		var many []state.Unlinked
		for i := range state.MaxUnlinked + 10 {
			many = append(many, state.Unlinked{BusinessAccount: fmt.Sprint("x", i), Updates: 1})
		}
		if err := s.CountUnlinked(t.Context(), many); err != nil {
			t.Fatal(err)
		}
		count("100", "", 1)
		list := counted()
		i := slices.IndexFunc(list, func(u state.Unlinked) bool { return u.BusinessAccount == "100" })
		if len(list) != state.MaxUnlinked || i < 0 || list[i].Updates != 6 {
			t.Errorf("%d are counted, and 100 is at %d", len(list), i)
		}
		link(t, s, "1")
		if list := counted(); len(list) != state.MaxUnlinked-1 {
			t.Errorf("%d are counted after one was linked", len(list))
		}
		at = now.Add(31 * 24 * time.Hour)
		if _, err := s.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if list := counted(); len(list) > 0 {
			t.Errorf("%d are counted after 31 days", len(list))
		}
	})
}

// TestReceiveOnAFullDiskStoresNothing: SQLite behaves as on a full disk.
func TestReceiveOnAFullDiskStoresNothing(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "ferry.db"), statetest.Sealer(t))
	linked := link(t, s, "1")
	if err := s.LimitPages(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	large := inbound(linked, "k", "a", "1", "event/x")
	large.Event.Body = make([]byte, 1<<20)
	if fresh, err := s.Receive(t.Context(), []state.Received{large}); !errors.Is(err, state.ErrUnwritable) || fresh != 0 {
		t.Errorf("Receive = %d, %v; expected ErrUnwritable", fresh, err)
	}
	if err := s.LimitPages(t.Context(), 10_000); err != nil {
		t.Fatal(err)
	}
	if n := receive(t, s, large); n != 1 {
		t.Errorf("after there is space again, %d updates are fresh", n)
	}
}
