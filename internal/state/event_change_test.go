package state_test

import (
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ferry/internal/outbox"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

// batch is how many deliveries one transaction changes in a test, and batchAndMore more
// than that.
const batch, batchAndMore = 5, 18

// addMany adds events, each in a conversation of its own.
func addMany(t *testing.T, db *state.DB, n int, destinations ...string) {
	t.Helper()
	if err := db.CreateAccessKey(t.Context(), accessKey("AKIAmany", "111122223333")); err != nil {
		t.Fatal(err)
	}
	events := make([]state.Event, n)
	for i := range events {
		events[i] = state.Event{ID: fmt.Sprintf("e%04d", i), AccountID: "111122223333", BusinessAccountID: "waba-1", Kind: state.KindEvent, Name: "status.sent",
			Conversation: fmt.Sprintf("c%04d", i), Body: []byte("{}"), CreatedAt: now, Destinations: destinations}
	}
	if err := db.AddEvents(t.Context(), events); err != nil {
		t.Fatal(err)
	}
}

func TestMoreThanABatchIsReleasedDiscardedAndReplayedOnce(t *testing.T) {
	statetest.Each(t, func(t *testing.T, engine statetest.Engine) {
		db := engine.Open(t)
		db.SetChangeBatch(batch)
		addMany(t, db, batchAndMore, "event/1")
		addTo(t, db, "c", []string{"event/10"}, "ten")
		checkReleased(t, db)
		counted := func(want map[string]int64) {
			t.Helper()
			events, deliveries, err := db.CountEvents(t.Context(), state.EventFilter{AccountID: "111122223333"})
			if diff := cmp.Diff(want, deliveries); events != batchAndMore+1 || diff != "" || err != nil {
				t.Errorf("there are %d events, %v: %s", events, err, diff)
			}
		}
		if n, err := db.DiscardEvents(t.Context(), state.EventFilter{AccountID: "111122223333", Name: "status.*"}); n != batchAndMore+1 || err != nil {
			t.Fatalf("discarded %d, %v", n, err)
		}
		counted(map[string]int64{"cancelled": batchAndMore + 1})
		woken := make(map[string]bool)
		db.OnDeliveries(func(destinations []string) {
			for _, d := range destinations {
				woken[d] = true
			}
		})
		for _, filter := range []state.EventFilter{{Since: now}, {Destination: "event/1", State: outbox.Cancelled}} { // nothing is left for the second one
			filter.AccountID = "111122223333"
			if _, err := db.ReplayEvents(t.Context(), filter); err != nil {
				t.Fatal(err)
			}
			counted(map[string]int64{"replayed": batchAndMore + 1, "waiting": batchAndMore + 1})
		}
		if diff := cmp.Diff(map[string]bool{"event/1": true, "event/10": true}, woken); diff != "" {
			t.Errorf("the outbox was told of other destinations: %s", diff)
		}
		if n, err := db.CountWaiting(t.Context(), "event/1"); n != batchAndMore || err != nil {
			t.Errorf("%d wait for event/1, %v", n, err)
		}
	})
}

// checkReleased holds and releases a destination, and checks that the waits of its
// lanes begin anew, and no others.
func checkReleased(t *testing.T, db *state.DB) {
	t.Helper()
	if err := db.HoldDestination(t.Context(), "event/1", "closed"); err != nil {
		t.Fatal(err)
	}
	if err := db.ReleaseDestination(t.Context(), "event/1"); err != nil {
		t.Fatal(err)
	}
	a := newClerk(t, db, "a")
	a.now = db.Clock().Add(time.Second)
	taken := a.take("event/1", 2*batchAndMore)
	isOld := func(lane outbox.Lane) bool { return lane.Deliveries[0].ReleasedAt.UnixMilli() == 0 }
	if len(taken) != batchAndMore || slices.ContainsFunc(taken, isOld) {
		t.Errorf("%d lanes are due; some that were not released: %v", len(taken), slices.ContainsFunc(taken, isOld))
	}
	if other := a.take("event/10", 1); len(other) != 1 || !isOld(other[0]) {
		t.Errorf("a lane of another destination is %v", other)
	}
}

// Each way to select deliveries selects those of the destination, and of the account.
func TestAChangeIsOfTheAccountAndTheDestinationOnly(t *testing.T) {
	eachKind(t, func(t *testing.T, db *state.DB) {
		addTo(t, db, "c", []string{"event/1"}, "one")
		addTo(t, db, "c", []string{"event/10"}, "ten")
		filters := []state.EventFilter{{}, {State: "waiting"}, {Destination: "event/1"}, {Destination: "event/1", Since: now}, {ID: "one"}, {Until: now.Add(1)}}
		for _, filter := range filters {
			filter.AccountID = "444455556666"
			n, err := db.DiscardEvents(t.Context(), filter)
			events, deliveries, countErr := db.CountEvents(t.Context(), filter)
			if n != 0 || events != 0 || len(deliveries) != 0 || err != nil || countErr != nil {
				t.Errorf("%+v: another account has %d events, %v, and has discarded %d (%v, %v)", filter, events, deliveries, n, err, countErr)
			}
			if filter.AccountID = "111122223333"; filter.Destination == "" {
				continue
			}
			events, deliveries, err = db.CountEvents(t.Context(), filter)
			if events != 1 || deliveries["waiting"] != 1 || err != nil {
				t.Errorf("%+v: there are %d events, %v, %v", filter, events, deliveries, err)
			}
		}
		if n, err := db.DiscardEvents(t.Context(), state.EventFilter{AccountID: "111122223333", Destination: "event/1"}); n != 1 || err != nil {
			t.Errorf("discarded %d, %v", n, err)
		}
	})
}

func TestTheFewEventsThatAreDeadAreListedInOrder(t *testing.T) {
	eachKind(t, func(t *testing.T, db *state.DB) {
		a := newClerk(t, db, "a")
		for _, id := range []string{"c", "a", "b", "d"} {
			addTo(t, db, id, []string{"event/" + id, "event/all"}, id)
		}
		for _, destination := range []string{"event/c", "event/a", "event/b"} {
			a.finish(destination, outbox.Dead)
		}
		list := func(filter state.EventFilter, page state.EventPage) (ids []string) {
			t.Helper()
			filter.AccountID = "111122223333"
			records, err := db.Events(t.Context(), filter, page)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range records {
				ids = append(ids, r.ID)
			}
			return ids
		}
		dead := state.EventFilter{State: outbox.Dead}
		for want, got := range map[string][]string{
			"[a b c]":   list(dead, state.EventPage{Limit: 9}),
			"[a b]":     list(dead, state.EventPage{Limit: 2}),
			"[b c]":     list(dead, state.EventPage{Limit: 2, Latest: true}),
			"[c]":       list(dead, state.EventPage{Limit: 2, From: now, After: "b"}),
			"[a]":       list(dead, state.EventPage{Limit: 2, Until: now, Before: "b", Latest: true}),
			"[b]":       list(state.EventFilter{State: outbox.Dead, Destination: "event/b"}, state.EventPage{Limit: 2}),
			"[]":        list(state.EventFilter{State: outbox.Dead, Name: "message.*"}, state.EventPage{Limit: 2}),
			"[a b c d]": list(state.EventFilter{State: outbox.Waiting}, state.EventPage{Limit: 9}),
		} {
			if fmt.Sprint(got) != want {
				t.Errorf("listed: %v; expected %s", got, want)
			}
		}
	})
}

func TestDestinationsAreThoseOfTheAccountAndTheHeldOnes(t *testing.T) {
	eachKind(t, func(t *testing.T, db *state.DB) {
		a := newClerk(t, db, "a")
		for _, destination := range []string{"event/dead", "event/done", "event/held", "event/waits"} {
			addTo(t, db, "c", []string{destination}, destination)
			if destination != "event/waits" {
				a.finish(destination, map[bool]string{true: outbox.Dead, false: outbox.Delivered}[destination == "event/dead"])
			}
		}
		if err := db.HoldDestination(t.Context(), "event/held", "closed"); err != nil {
			t.Fatal(err)
		}
		list, err := db.Destinations(t.Context(), "111122223333")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range list {
			got = append(got, fmt.Sprint(d.Destination, " ", d.Waiting, d.Dead, !d.OldestAt.IsZero(), d.HeldReason, d.LastError))
		}
		if diff := cmp.Diff([]string{"event/dead 0 1 false503", "event/held 0 0 falseclosed", "event/waits 1 0 true"}, got); diff != "" {
			t.Error(diff)
		}
		if list, err := db.Destinations(t.Context(), "444455556666"); len(list) > 0 || err != nil {
			t.Errorf("another account has %v, %v", list, err)
		}
		for account, want := range map[string]bool{"111122223333": true, "444455556666": false} {
			if owns, err := db.OwnsDestination(t.Context(), account, "event/done"); owns != want || err != nil {
				t.Errorf("account %s owns the destination: %v, %v", account, owns, err)
			}
		}
	})
}

func TestALaneWhoseDeliveriesAreGoneIsPurged(t *testing.T) {
	eachKind(t, func(t *testing.T, db *state.DB) {
		addMany(t, db, 3, "event/1")
		err := db.InTransaction(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), `DELETE FROM delivery WHERE event_id <> 'e0001'`)
			if err == nil {
				_, err = tx.ExecContext(t.Context(), `UPDATE lane SET due_at = NULL WHERE id <> 'event/1 c0002'`)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		lanes, err := db.Texts(t.Context(), `SELECT id FROM lane ORDER BY id`)
		if diff := cmp.Diff([]string{"event/1 c0001", "event/1 c0002"}, lanes); diff != "" || err != nil {
			t.Errorf("the lanes that are used, or due, are others: %s (%v)", diff, err)
		}
	})
}
