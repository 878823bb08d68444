package state_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ferry/internal/outbox"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

// A clerk makes rounds as one process does.
type clerk struct {
	testing.TB
	*state.DB
	name string
	now  time.Time
}

func newClerk(tb testing.TB, db *state.DB, name string) *clerk {
	return &clerk{tb, db, name, now}
}

func (c *clerk) round(round outbox.Round) outbox.Result {
	c.Helper()
	round.Owner, round.Now, round.Lease = c.name, c.now, c.now.Add(10*time.Second)
	result, err := c.OutboxRound(c.Context(), round)
	if err != nil {
		c.Fatal(err)
	}
	return result
}

// take takes a number of lanes.
func (c *clerk) take(destination string, lanes int) []outbox.Lane {
	c.Helper()
	return c.round(outbox.Round{Take: []outbox.Take{{Destination: destination, Lanes: lanes}}}).Taken
}

// takeOne takes the only lane that is due.
func (c *clerk) takeOne(destination string) outbox.Lane {
	c.Helper()
	taken := c.take(destination, 10)
	if len(taken) != 1 {
		c.Fatalf("%s took %d lanes; expected one", c.name, len(taken))
	}
	return taken[0]
}

// ended returns the end of an attempt of the i-th delivery of a lane.
func (c *clerk) ended(lane outbox.Lane, i int, to string) outbox.Ended {
	d := lane.Deliveries[i]
	ended := outbox.Ended{Claim: lane.Claim, Seq: d.Seq, State: to, Attempts: d.Attempts + 1, AttemptedAt: c.now}
	if to != outbox.Delivered {
		ended.Error = "503"
	}
	return ended
}

// back returns the return of a lane whose deliveries have all ended.
func (c *clerk) back(lane outbox.Lane) outbox.Return {
	return outbox.Return{Claim: lane.Claim, Head: lane.End, Due: c.now}
}

// addEvents adds an account, and events in one conversation to destinations.
func addEvents(tb testing.TB, db *state.DB, destinations []string, ids ...string) {
	tb.Helper()
	addTo(tb, db, "conversation", destinations, ids...)
}

func addTo(tb testing.TB, db *state.DB, conversation string, destinations []string, ids ...string) {
	tb.Helper()
	if err := db.CreateAccessKey(tb.Context(), accessKey("AKIA"+conversation+ids[0], "111122223333")); err != nil {
		tb.Fatal(err)
	}
	var events []state.Event
	for _, id := range ids {
		events = append(events, state.Event{ID: id, AccountID: "111122223333", BusinessAccountID: "waba-1", PhoneNumberID: "phone-1", Kind: state.KindEvent,
			Name: "status.sent", Conversation: conversation, MessageID: "message-of-" + id, WAMID: "wamid-of-" + id, Body: []byte(`{"id":"` + id + `"}`),
			CreatedAt: now, Destinations: destinations})
	}
	if err := db.AddEvents(tb.Context(), events); err != nil {
		tb.Fatal(err)
	}
}

// deliveries returns the deliveries of an event.
func deliveries(tb testing.TB, db *state.DB, id string) []state.DeliveryRecord {
	tb.Helper()
	records, err := db.Events(tb.Context(), state.EventFilter{AccountID: "111122223333", ID: id}, state.EventPage{Limit: 2})
	if err != nil || len(records) != 1 {
		tb.Fatalf("event %s: %v, %v", id, records, err)
	}
	return records[0].Deliveries
}

// summary returns "state attempts error" of each delivery of events.
func summary(tb testing.TB, db *state.DB, ids ...string) []string {
	tb.Helper()
	var texts []string
	for _, id := range ids {
		for _, d := range deliveries(tb, db, id) {
			texts = append(texts, fmt.Sprintf("%s %d %s", d.State, d.Attempts, d.Error))
		}
	}
	return texts
}

func eventIDs(lane outbox.Lane) []string {
	var ids []string
	for _, d := range lane.Deliveries {
		ids = append(ids, d.EventID)
	}
	return ids
}

func numbered(prefix string, n int) []string {
	var ids []string
	for i := range n {
		ids = append(ids, fmt.Sprintf("%s%03d", prefix, i))
	}
	return ids
}

func TestALaneIsHeldByOneProcessUntilItsLeaseEnds(t *testing.T) {
	eachKind(t, func(t *testing.T, db *state.DB) {
		a, b := newClerk(t, db, "a"), newClerk(t, db, "b")
		addEvents(t, db, []string{"event/1"}, "one", "two")
		lane := a.takeOne("event/1")
		if diff := cmp.Diff([]string{"one", "two"}, eventIDs(lane)); diff != "" {
			t.Error(diff)
		}
		b.now = now.Add(9 * time.Second)
		if taken := b.take("event/1", 1); len(taken) != 0 {
			t.Errorf("the lane was taken twice: %v", taken)
		}
		a.now = now.Add(5 * time.Second)
		a.round(outbox.Round{Renew: []outbox.Claim{lane.Claim}})
		b.now = now.Add(14 * time.Second)
		if taken := b.take("event/1", 1); len(taken) != 0 {
			t.Errorf("the lease was not renewed: %v", taken)
		}
		b.now = now.Add(15 * time.Second)
		if again := b.takeOne("event/1"); again.Number != lane.Number+1 {
			t.Errorf("claim %d after %d", again.Number, lane.Number)
		}
	})
}

// TestWhatTheLoserOfALaneReports: only that a delivery was made.
func TestWhatTheLoserOfALaneReports(t *testing.T) {
	eachKind(t, func(t *testing.T, db *state.DB) {
		a, b := newClerk(t, db, "a"), newClerk(t, db, "b")
		addEvents(t, db, []string{"event/1"}, "one", "two", "three")
		lost := a.takeOne("event/1")
		a.now, b.now = now.Add(10*time.Second), now.Add(10*time.Second)
		held := b.takeOne("event/1")
		result := a.round(outbox.Round{
			Ended:   []outbox.Ended{a.ended(lost, 0, outbox.Delivered), a.ended(lost, 1, outbox.Dead)},
			Returns: []outbox.Return{a.back(lost)},
			Renew:   []outbox.Claim{lost.Claim},
		})
		if diff := cmp.Diff([]string{lost.Lane, lost.Lane}, result.Lost); diff != "" {
			t.Error(diff)
		}
		if taken := a.take("event/1", 1); len(taken) != 0 {
			t.Errorf("the loser has returned the lane: %v", taken)
		}
		b.round(outbox.Round{Ended: []outbox.Ended{b.ended(held, 0, outbox.Waiting), b.ended(held, 1, outbox.Waiting)}})
		if diff := cmp.Diff([]string{"delivered 1 ", "waiting 1 503", "waiting 0 "}, summary(t, db, "one", "two", "three")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWhatIsPutInWhileALaneIsWorkedMakesItDueAgain(t *testing.T) {
	eachKind(t, func(t *testing.T, db *state.DB) {
		a := newClerk(t, db, "a")
		addEvents(t, db, []string{"event/1"}, "one")
		lane := a.takeOne("event/1")
		addEvents(t, db, []string{"event/1"}, "two")
		a.round(outbox.Round{Ended: []outbox.Ended{a.ended(lane, 0, outbox.Delivered)}, Returns: []outbox.Return{a.back(lane)}})
		lane = a.takeOne("event/1")
		if diff := cmp.Diff([]string{"two"}, eventIDs(lane)); diff != "" {
			t.Error(diff)
		}
		a.round(outbox.Round{Ended: []outbox.Ended{a.ended(lane, 0, outbox.Delivered)}, Returns: []outbox.Return{a.back(lane)}})
		if due, err := db.DueDestinations(t.Context()); err != nil || len(due) != 0 {
			t.Errorf("due %v, %v", due, err)
		}
	})
}

// TestARoundThatIsMadeTwiceRecordsTheSame, because its commit may have failed or not.
func TestARoundThatIsMadeTwiceRecordsTheSame(t *testing.T) {
	eachKind(t, func(t *testing.T, db *state.DB) {
		a := newClerk(t, db, "a")
		addEvents(t, db, []string{"event/1"}, "one", "two", "three")
		lane := a.takeOne("event/1")
		due := a.now.Add(time.Minute)
		round := outbox.Round{
			Ended:   []outbox.Ended{a.ended(lane, 0, outbox.Delivered), a.ended(lane, 1, outbox.Waiting)},
			Returns: []outbox.Return{{Claim: lane.Claim, Head: 1, Due: due, Failures: 1}},
		}
		a.round(round)
		a.round(round)
		if diff := cmp.Diff([]string{"delivered 1 ", "waiting 1 503", "waiting 0 "}, summary(t, db, "one", "two", "three")); diff != "" {
			t.Error(diff)
		}
		a.now = due
		if lane := a.takeOne("event/1"); lane.Failures != 1 || lane.Head != 1 || lane.Deliveries[0].Attempts != 1 {
			t.Errorf("%+v", lane)
		}
	})
}

// TestALaneWhoseNextDeliveriesHaveEndedMovesOn: those of a whole turn were recorded by a
// process that did not return the lane.
func TestALaneWhoseNextDeliveriesHaveEndedMovesOn(t *testing.T) {
	eachKind(t, func(t *testing.T, db *state.DB) {
		a := newClerk(t, db, "a")
		ids := numbered("e", outbox.TurnLength+1)
		addEvents(t, db, []string{"event/1"}, ids...)
		lane := a.takeOne("event/1")
		var ended []outbox.Ended
		for i := range lane.Deliveries {
			ended = append(ended, a.ended(lane, i, outbox.Delivered))
		}
		a.round(outbox.Round{Ended: ended})
		a.now = now.Add(10 * time.Second)
		if lane = a.takeOne("event/1"); len(lane.Deliveries) != 0 {
			t.Errorf("taken again: %v", eventIDs(lane))
		}
		a.round(outbox.Round{Returns: []outbox.Return{a.back(lane)}})
		if lane = a.takeOne("event/1"); !slices.Equal(eventIDs(lane), ids[outbox.TurnLength:]) {
			t.Errorf("then %v", eventIDs(lane))
		}
	})
}

func TestAnAttemptToSendThatNobodyRecordedIsInterrupted(t *testing.T) {
	eachKind(t, func(t *testing.T, db *state.DB) {
		a := newClerk(t, db, "a")
		addEvents(t, db, []string{"send/1"}, "one", "two")
		once := outbox.Round{Take: []outbox.Take{{Destination: "send/1", Lanes: 1, Once: true}}}
		lane := a.round(once).Taken[0]
		if len(lane.Deliveries) != 1 || lane.Deliveries[0].Interrupted || lane.End != 1 {
			t.Fatalf("%+v", lane)
		}
		a.now = now.Add(10 * time.Second)
		early := lane.Deliveries[0]
		lane = a.round(once).Taken[0]
		if lane.Deliveries[0].Interrupted {
			t.Fatal("an attempt that had not begun counts as interrupted")
		}
		if err := db.BeginDelivery(t.Context(), early); !errors.Is(err, state.ErrLaneLost) {
			t.Fatalf("beginning with an old claim: %v", err)
		}
		if err := db.BeginDelivery(t.Context(), lane.Deliveries[0]); err != nil {
			t.Fatal(err)
		}
		a.now = now.Add(20 * time.Second)
		lane = a.round(once).Taken[0]
		if d := lane.Deliveries[0]; d.EventID != "one" || !d.Interrupted {
			t.Fatalf("%+v", d)
		}
		unknown := a.ended(lane, 0, outbox.Waiting)
		unknown.KeepBegun = true
		a.round(outbox.Round{Ended: []outbox.Ended{unknown}, Returns: []outbox.Return{{Claim: lane.Claim, Due: a.now}}})
		lane = a.round(once).Taken[0]
		if !lane.Deliveries[0].Interrupted {
			t.Error("an attempt whose outcome is unknown does not count as interrupted")
		}
		a.round(outbox.Round{Ended: []outbox.Ended{a.ended(lane, 0, outbox.Waiting)}, Returns: []outbox.Return{{Claim: lane.Claim, Due: a.now}}})
		lane = a.round(once).Taken[0]
		if lane.Deliveries[0].Interrupted {
			t.Error("an attempt whose end is known counts as interrupted")
		}
		a.round(outbox.Round{Ended: []outbox.Ended{a.ended(lane, 0, outbox.Delivered)}, Returns: []outbox.Return{a.back(lane)}})
		if lane = a.round(once).Taken[0]; lane.Deliveries[0].EventID != "two" || lane.Deliveries[0].Interrupted {
			t.Errorf("%+v", lane)
		}
	})
}

func TestAHeldDestinationWaits(t *testing.T) {
	eachKind(t, func(t *testing.T, db *state.DB) {
		a := newClerk(t, db, "a")
		addEvents(t, db, []string{"event/1", "event/2"}, "one")
		if err := db.HoldDestination(t.Context(), "event/1", "maintenance"); err != nil {
			t.Fatal(err)
		}
		due, err := db.DueDestinations(t.Context())
		if diff := cmp.Diff(map[string]time.Time{"event/2": now}, due, cmp.Transformer("UTC", time.Time.UTC)); diff != "" || err != nil {
			t.Error(diff, err)
		}
		if taken := a.take("event/1", 1); len(taken) != 0 {
			t.Errorf("taken: %v", taken)
		}
		if err := db.ReleaseDestination(t.Context(), "event/1"); err != nil {
			t.Fatal(err)
		}
		if lane := a.takeOne("event/1"); !lane.Deliveries[0].ReleasedAt.Equal(now) {
			t.Errorf("released at %v", lane.Deliveries[0].ReleasedAt)
		}
	})
}

func TestRecoveryMakesDueWhatWaitsForItsBackOff(t *testing.T) {
	eachKind(t, func(t *testing.T, db *state.DB) {
		a := newClerk(t, db, "a")
		for _, conversation := range []string{"failed", "asked to wait", "rate limit", "other destination", "held"} {
			destination := "event/1"
			if conversation == "other destination" {
				destination = "event/2"
			}
			addTo(t, db, conversation, []string{destination}, conversation)
			lane := a.takeOne(destination)
			back := outbox.Return{Claim: lane.Claim, Due: now.Add(time.Hour), Failures: 1}
			switch conversation {
			case "asked to wait":
				back.NotBefore = back.Due
			case "rate limit":
				back.Failures = 0
			case "held":
				continue // the lane is being worked
			}
			a.round(outbox.Round{Ended: []outbox.Ended{a.ended(lane, 0, outbox.Waiting)}, Returns: []outbox.Return{back}})
		}
		result := a.round(outbox.Round{Recover: []outbox.Recover{{Destination: "event/1", Lanes: 10}}})
		if result.Recovered["event/1"] != 1 {
			t.Errorf("made due: %v", result.Recovered)
		}
		if lane := a.takeOne("event/1"); lane.Deliveries[0].EventID != "failed" {
			t.Errorf("due: %v", eventIDs(lane))
		}
	})
}

// TestASecondServerKeepsTheLanesOfTheFirst, which uses the same file.
func TestASecondServerKeepsTheLanesOfTheFirst(t *testing.T) {
	path, sealer := filepath.Join(t.TempDir(), "ferry ?#%.db"), statetest.Sealer(t)
	first, second := open(t, path, sealer), open(t, path, sealer)
	startOutbox := func(db *state.DB) (end func()) {
		t.Helper()
		end, err := db.StartOutbox(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return end
	}
	addEvents(t, first, []string{"event/1"}, "one")
	end := startOutbox(first)
	newClerk(t, first, "a").takeOne("event/1")
	endSecond := startOutbox(second)
	b := newClerk(t, second, "b")
	if taken := b.take("event/1", 1); len(taken) != 0 {
		t.Errorf("the second server took %v", taken)
	}
	end() // the first one was killed
	endThird := startOutbox(first)
	if taken := b.take("event/1", 1); len(taken) != 0 {
		t.Errorf("a start freed lanes while another server ran: %v", taken)
	}
	endThird()
	endSecond()
	defer startOutbox(second)()
	b.takeOne("event/1")
}

// TestAStartFreesTheLanesOfAnEarlierProcess that lived by a simulated clock and was killed:
// its leases may end in years.
func TestAStartFreesTheLanesOfAnEarlierProcess(t *testing.T) {
	statetest.Each(t, func(t *testing.T, engine statetest.Engine) {
		db := engine.Open(t, state.Config{Now: func() time.Time { return now }, Machine: time.Now})
		addEvents(t, db, []string{"event/1"}, "one")
		newClerk(t, db, "first").takeOne("event/1")
		second := newClerk(t, db, "second")
		if taken := second.take("event/1", 1); len(taken) != 0 {
			t.Errorf("a lane was taken that is held: %v", taken)
		}
		end, err := db.StartOutbox(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer end()
		second.takeOne("event/1")
	})
}

// TestProcessesWithDifferentClocksAgreeOnLeases, because they follow PostgreSQL's.
func TestProcessesWithDifferentClocksAgreeOnLeases(t *testing.T) {
	path, sealer := statetest.Postgres.Path(t), statetest.Sealer(t)
	var clerks []*clerk
	for _, ahead := range []time.Duration{0, time.Hour, -time.Hour} {
		db, err := state.Open(t.Context(), state.Config{Path: path, Sealer: sealer, Now: func() time.Time { return time.Now().Add(ahead) }})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := db.FollowClock(t.Context()); err != nil {
			t.Fatal(err)
		}
		if off := time.Until(db.Clock()); off.Abs() > 10*time.Second {
			t.Errorf("with a clock that is %v ahead: %v", ahead, off)
		}
		c := newClerk(t, db, ahead.String())
		c.now = db.Clock()
		clerks = append(clerks, c)
	}
	addEvents(t, clerks[1].DB, []string{"event/1"}, "one") // by the one that is an hour ahead
	clerks[0].now = clerks[0].Clock().Add(time.Second)
	clerks[0].takeOne("event/1")
	for _, other := range clerks[1:] {
		if taken := other.take("event/1", 1); len(taken) != 0 {
			t.Errorf("with a clock that is %s ahead a lease seems to have ended: %v", other.name, taken)
		}
	}
}
