package state_test

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ferry/internal/outbox"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

// replicas are two processes of which one knows what Meta responded to a message, and
// the other one only that nobody has recorded it.
type replicas struct {
	t             *testing.T
	first, second *state.DB
	linked        state.BusinessAccount
	id            string // of the message
	recipient     string
	wamid         string
}

func (r *replicas) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// event returns an event about the message.
func (r *replicas) event(name string) state.Event {
	e := statusEvent(r.linked, r.id+" "+name, name, "")
	e.MessageID = r.id
	return e
}

func (r *replicas) accept() {
	r.must(r.first.MessageSent(r.t.Context(), r.id, r.wamid, r.event("accepted")))
}

func (r *replicas) refuse() {
	r.must(r.first.MessageFailed(r.t.Context(), r.id, state.MessageFailed, "131030", r.event("refused")))
}

// refuseAgain records what another process has found out in its own attempt.
func (r *replicas) refuseAgain() {
	r.must(r.second.MessageFailed(r.t.Context(), r.id, state.MessageFailed, "131053", r.event("refused again")))
}

// giveUp records that the outcome is unknown.
func (r *replicas) giveUp() {
	r.must(r.second.MessageFailed(r.t.Context(), r.id, state.MessageUnknown, "interrupted", r.event("unknown")))
}

// bury makes the delivery a dead letter.
func (r *replicas) bury() { newClerk(r.t, r.second, "second").finish(r.destination(), outbox.Dead) }

// finish records that the delivery was made.
func (r *replicas) finish() {
	newClerk(r.t, r.second, "second").finish(r.destination(), outbox.Delivered)
}

func (r *replicas) discard() {
	_, err := r.second.DiscardEvents(r.t.Context(), state.EventFilter{AccountID: r.linked.AccountID, ID: r.id, Destination: r.destination()})
	r.must(err)
}

// resolve receives a status of Meta's.
func (r *replicas) resolve() {
	status := state.ReportedStatus{PhoneNumberID: r.linked.PhoneNumbers[0].ID, WAMID: r.wamid, Recipients: []string{r.recipient}, Time: now}
	_, err := r.second.Claim(r.t.Context(), status, state.Received{Status: state.MessageSent}, func(string) state.Event { return r.event("resolved") })
	r.must(err)
}

func (r *replicas) destination() string { return state.SendPrefix + r.linked.PhoneNumbers[0].ID }

func TestKnownOutcomeTakesThePlaceOfAnUnknownOneAndNeverTheReverse(t *testing.T) {
	type steps []func(*replicas)
	accept, refuse, refuseAgain, giveUp := (*replicas).accept, (*replicas).refuse, (*replicas).refuseAgain, (*replicas).giveUp
	bury, finish, resolve, discard := (*replicas).bury, (*replicas).finish, (*replicas).resolve, (*replicas).discard
	cases := []struct {
		name     string
		steps    steps
		status   state.MessageStatus
		reason   string
		events   []string
		delivery string
		counted  int // messages at the pair limit
	}{
		{"accepted after unknown", steps{giveUp, bury, accept}, state.MessageAccepted, "", []string{"accepted", "unknown"}, "delivered ", 1},
		{"refused after unknown", steps{giveUp, bury, refuse}, state.MessageFailed, "131030", []string{"refused", "unknown"}, "dead 131030", 1},
		{"unknown after accepted", steps{accept, giveUp, finish}, state.MessageAccepted, "", []string{"accepted"}, "delivered ", 1},
		{"unknown after refused", steps{refuse, giveUp, bury}, state.MessageFailed, "131030", []string{"refused"}, "dead 503", 0},
		{"failed here after it was accepted there", steps{accept, finish, refuse}, state.MessageAccepted, "", []string{"accepted"}, "delivered ", 1},
		{"failed here and there", steps{refuse, bury, refuseAgain, refuse}, state.MessageFailed, "131030", []string{"refused"}, "dead 503", 0},
		{"resolved by a status", steps{giveUp, bury, resolve}, state.MessageSent, "", []string{"resolved", "unknown"}, "delivered ", 1},
		{"accepted after that", steps{giveUp, bury, resolve, accept}, state.MessageSent, "", []string{"resolved", "unknown"}, "delivered ", 1},
		{"accepted after it was discarded", steps{discard, accept}, state.MessageAccepted, "", []string{"accepted"}, "delivered ", 1},
		{"refused after it was discarded", steps{discard, refuse, refuseAgain}, state.MessageFailed, "131030", []string{"refused"}, "cancelled ", 0},
	}
	statetest.Each(t, func(t *testing.T, engine statetest.Engine) {
		path, sealer := engine.Path(t), statetest.Sealer(t)
		r := replicas{first: open(t, path, sealer), second: open(t, path, sealer)}
		r.linked = link(t, r.first, "1")
		for i, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				r.t, r.recipient, r.wamid = t, fmt.Sprint("4915", i), fmt.Sprint("wamid.", i)
				r.id = add(t, r.first, textTo(r.linked, r.recipient, ""))
				for _, step := range c.steps {
					step(&r)
				}
				m, err := r.first.Message(t.Context(), r.id)
				wamid := r.wamid
				if c.status == state.MessageFailed {
					wamid = ""
				}
				if err != nil || m.Status != c.status || m.WAMID != wamid || m.Error != c.reason {
					t.Errorf("%q %q %q, %v; expected %q %q %q", m.Status, m.WAMID, m.Error, err, c.status, wamid, c.reason)
				}
				events, err := r.first.Texts(t.Context(), `SELECT substr(id, length(message_id) + 2) AS name FROM event WHERE message_id = $1 ORDER BY name`, r.id)
				if diff := cmp.Diff(c.events, events); diff != "" || err != nil {
					t.Errorf("events: %s %v", diff, err)
				}
				deliveries, err := r.first.Texts(t.Context(), `SELECT state || ' ' || error FROM delivery WHERE event_id = $1`, r.id)
				if diff := cmp.Diff([]string{c.delivery}, deliveries); diff != "" || err != nil {
					t.Errorf("delivery: %s %v", diff, err)
				}
				used, err := r.first.Texts(t.Context(), `SELECT CAST(used_until AS TEXT) FROM rate WHERE id = $1`, state.PairRate(r.linked.PhoneNumbers[0].ID, r.recipient))
				var want []string
				for n := range c.counted {
					want = []string{fmt.Sprint(now.UnixMicro() + int64(n+1)*state.PairInterval.Microseconds())}
				}
				if err != nil || !slices.Equal(used, want) {
					t.Errorf("used %v, %v; expected %v", used, err, want)
				}
			})
		}
	})
}

// The status of a message comes while the process that has sent it records Meta's response:
// between the look at the messages of unknown outcome and the conclusion from it.
func TestStatusDoesNotResolveAMessageThatIsRecordedMeanwhile(t *testing.T) {
	statetest.Postgres.Require(t) // SQLite makes one transaction at a time
	path, sealer := statetest.Postgres.Path(t), statetest.Sealer(t)
	r := replicas{t: t, first: open(t, path, sealer), second: open(t, path, sealer), recipient: "49151", wamid: "wamid.1"}
	r.linked = link(t, r.first, "1")
	r.id = add(t, r.first, textTo(r.linked, r.recipient, ""))
	r.giveUp()
	status := state.ReportedStatus{PhoneNumberID: r.linked.PhoneNumbers[0].ID, WAMID: r.wamid, Recipients: []string{r.recipient}, Time: now}
	claim := func() (string, error) {
		return r.second.Claim(t.Context(), status, state.Received{Status: state.MessageSent}, func(string) state.Event { return r.event("resolved") })
	}
	claimed := make(chan error, 1)
	r.must(r.first.InTransaction(t.Context(), func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(t.Context(), `UPDATE message SET status = 'accepted', wamid = $1 WHERE id = $2`, r.wamid, r.id); err != nil {
			return err
		}
		go func() {
			_, err := claim()
			claimed <- err
		}()
		return r.second.WaitForLock(t.Context())
	}))
	if err := <-claimed; !errors.Is(err, state.ErrUnsettled) {
		t.Errorf("the status that came meanwhile: %v", err)
	}
	if id, err := claim(); id != r.id || err != nil {
		t.Errorf("after that it is about %q, %v", id, err)
	}
	events, err := r.first.Texts(t.Context(), `SELECT name FROM event WHERE message_id = $1`, r.id)
	if len(events) != 1 || err != nil {
		t.Errorf("events %q, %v; expected the one of the unknown outcome", events, err)
	}
}
