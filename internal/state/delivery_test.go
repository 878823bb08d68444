package state_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ferry/internal/outbox"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

// finish takes the only due lane of a destination and ends all its deliveries.
func (c *clerk) finish(destination, to string) {
	c.Helper()
	lane := c.takeOne(destination)
	var ended []outbox.Ended
	for i := range lane.Deliveries {
		ended = append(ended, c.ended(lane, i, to))
	}
	c.round(outbox.Round{Ended: ended, Returns: []outbox.Return{c.back(lane)}})
}

func TestAReplayMakesEachDeadDeliveryOnceMore(t *testing.T) {
	eachKind(t, func(t *testing.T, db *state.DB) {
		a := newClerk(t, db, "a")
		addEvents(t, db, []string{"event/1"}, "one", "two")
		a.finish("event/1", outbox.Dead)
		addEvents(t, db, []string{"event/1"}, "three")
		var woken []string
		db.OnDeliveries(func(destinations []string) { woken = append(woken, destinations...) })
		for _, want := range []int64{2, 0} {
			if n, err := db.ReplayEvents(t.Context(), state.EventFilter{AccountID: "111122223333", State: outbox.Dead}); n != want || err != nil {
				t.Errorf("replayed %d, %v; expected %d", n, err, want)
			}
		}
		if diff := cmp.Diff([]string{"event/1"}, woken); diff != "" {
			t.Error(diff)
		}
		lane := a.takeOne("event/1")
		if diff := cmp.Diff([]string{"three", "one", "two"}, eventIDs(lane)); diff != "" {
			t.Error(diff)
		}
		a.round(outbox.Round{Ended: []outbox.Ended{a.ended(lane, 1, outbox.Dead)}})
		if n, err := db.ReplayEvents(t.Context(), state.EventFilter{AccountID: "111122223333", State: outbox.Dead}); n != 1 || err != nil {
			t.Errorf("after it failed again: replayed %d, %v", n, err)
		}
		if diff := cmp.Diff([]string{"replayed 1 503", "replayed 1 503", "waiting 0 "}, summary(t, db, "one")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestADiscardCancelsWhatWaits(t *testing.T) {
	eachKind(t, func(t *testing.T, db *state.DB) {
		a := newClerk(t, db, "a")
		addEvents(t, db, []string{"event/1", "event/2"}, "one", "two", "three")
		lane := a.takeOne("event/1")
		if n, err := db.DiscardEvents(t.Context(), state.EventFilter{AccountID: "111122223333", Destination: "event/1"}); n != 3 || err != nil {
			t.Errorf("discarded %d, %v", n, err)
		}
		// The attempts in progress end, one of them well.
		a.round(outbox.Round{Ended: []outbox.Ended{a.ended(lane, 0, outbox.Delivered), a.ended(lane, 1, outbox.Waiting)},
			Returns: []outbox.Return{{Claim: lane.Claim, Head: 1, Due: now}}})
		if diff := cmp.Diff([]string{"delivered 1 ", "waiting 0 ", "cancelled 0 ", "waiting 0 ", "cancelled 0 ", "waiting 0 "}, summary(t, db, "one", "two", "three")); diff != "" {
			t.Error(diff)
		}
		lane = a.takeOne("event/1")
		a.round(outbox.Round{Returns: []outbox.Return{a.back(lane)}})
		if taken := a.take("event/1", 1); len(lane.Deliveries) != 0 || len(taken) != 0 {
			t.Errorf("taken: %v, then %v", lane, taken)
		}
	})
}

func TestEventsArePurgedWithTheirDeliveriesAndLanes(t *testing.T) {
	clock := now
	db, err := state.Open(t.Context(), state.Config{Path: state.Memory, Sealer: statetest.Sealer(t), Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	a := newClerk(t, db, "a")
	const more = 2 * 500 // than one statement purges
	for i, id := range numbered("d", more) {
		addTo(t, db, fmt.Sprint("lane ", i), []string{"event/1"}, id)
		a.finish("event/1", outbox.Delivered)
	}
	addTo(t, db, "dead", []string{"event/2"}, "dead")
	a.finish("event/2", outbox.Dead)
	addTo(t, db, "waits", []string{"event/3"}, "waits")
	addTo(t, db, "nowhere", nil, "nowhere")
	count := func() string {
		t.Helper()
		events, counts, err := db.CountEvents(t.Context(), state.EventFilter{AccountID: "111122223333"})
		if err != nil {
			t.Fatal(err)
		}
		lanes, err := db.CountLanes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(len(counts), events, lanes)
	}
	for _, step := range []struct {
		after time.Duration
		want  string
	}{
		{state.DeliveredKept - time.Millisecond, fmt.Sprint(3, more+3, more+2)},
		{state.DeliveredKept, fmt.Sprint(2, 2, 2)},
		{state.UndeliveredKept - time.Millisecond, fmt.Sprint(2, 2, 2)},
		{state.UndeliveredKept, fmt.Sprint(1, 1, 1)},
		{10 * state.UndeliveredKept, fmt.Sprint(1, 1, 1)},
	} {
		clock = now.Add(step.after)
		if _, err := db.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := count(); got != step.want {
			t.Errorf("after %v: kinds of deliveries, events, lanes: %s; expected %s", step.after, got, step.want)
		}
	}
}
