package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ferry/internal/outbox"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

const stepMessages, stepEvents = "message/1", "event/1"

// A stepRig delivers messages, which must not be sent twice, and events, while the clock of
// a process steps.
type stepRig struct {
	t    *testing.T
	db   *state.DB
	step atomic.Int64 // of the clock that steps, in nanoseconds

	mu      sync.Mutex
	sent    map[string]int      // messages
	unknown map[string]bool     // messages whose outcome is not known
	made    map[string]int      // attempts of events
	order   map[string][]string // of the first attempts, by lane
	ids     []string
	putAt   time.Time     // of the last ones
	longest time.Duration // from then to a first attempt
}

func newStepRig(t *testing.T) *stepRig {
	return &stepRig{t: t, sent: map[string]int{}, unknown: map[string]bool{}, made: map[string]int{}, order: map[string][]string{}}
}

func (r *stepRig) now() time.Time { return time.Now().Add(time.Duration(r.step.Load())) }

func (r *stepRig) deliver(ctx context.Context, _ int, d outbox.Delivery) error {
	if d.Destination == stepMessages {
		if d.Interrupted {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.unknown[d.EventID] = true
			return fmt.Errorf("its outcome is not known: %w", outbox.ErrNever)
		}
		if err := r.db.BeginDelivery(ctx, d); err != nil {
			return &outbox.RetryError{Err: err, NotAttempted: true}
		}
	}
	r.mu.Lock()
	counts := r.made
	if d.Destination == stepMessages {
		counts = r.sent
	}
	if counts[d.EventID]++; counts[d.EventID] == 1 {
		r.order[d.Lane] = append(r.order[d.Lane], d.EventID)
		r.longest = max(r.longest, time.Since(r.putAt))
	}
	r.mu.Unlock()
	time.Sleep(300 * time.Millisecond)
	return nil
}

// put adds deliveries, three in each of ten lanes of each destination.
func (r *stepRig) put() {
	r.mu.Lock()
	r.putAt = time.Now()
	r.mu.Unlock()
	for lane := range 10 {
		ids := names(fmt.Sprintf("%04d-%d-", len(r.ids), lane), 3)
		put(r.t, r.db, fmt.Sprint("c", lane), []string{stepMessages, stepEvents}, ids...)
		r.ids = append(r.ids, ids...)
	}
}

// check checks that everything was delivered, and no message twice.
func (r *stepRig) check() {
	r.t.Helper()
	for _, id := range r.ids {
		if r.sent[id] > 1 {
			r.t.Errorf("the message %s was sent %d times", id, r.sent[id])
		}
		if r.sent[id] == 0 && !r.unknown[id] {
			r.t.Errorf("the message %s was neither sent nor reported", id)
		}
		if made := r.made[id]; made < 1 || made > 2 {
			r.t.Errorf("the event %s was delivered %d times", id, made)
		}
	}
	for lane, ids := range r.order {
		if !slices.IsSorted(ids) {
			r.t.Errorf("the deliveries of %s were made in the order %q", lane, ids)
		}
	}
	repeated := 0
	for _, made := range r.made {
		repeated += made - 1
	}
	r.t.Logf("%d messages and as many events; %d messages are unknown, %d events were delivered twice; the last ones began after %v", len(r.ids), len(r.unknown), repeated, r.longest)
}

func (r *stepRig) once(c *outbox.Config) {
	c.Once = func(destination string) bool { return destination == stepMessages }
}

func (r *stepRig) stepping(c *outbox.Config) { c.Now = r.now }

// steps are what clocks do when somebody sets them.
var steps = map[string][]time.Duration{
	"an hour forward":          {time.Hour},
	"an hour back":             {-time.Hour},
	"an hour forward and back": {time.Hour, 0},
	"an hour back and forward": {-time.Hour, 0},
}

// run makes the clock step while deliveries are in progress, and adds others before and
// after each step.
func (r *stepRig) run(steps []time.Duration) {
	r.put()
	for _, step := range steps {
		time.Sleep(500 * time.Millisecond)
		r.step.Store(int64(step))
		r.put()
		time.Sleep(4 * time.Second)
		r.put()
	}
	time.Sleep(3 * time.Hour)
	r.check()
}

func TestClockOfAServerThatIsSetLosesNothingAndSendsNothingTwice(t *testing.T) {
	for name, clock := range steps {
		t.Run(name, func(t *testing.T) {
			sealer := statetest.Sealer(t)
			synctest.Test(t, func(t *testing.T) {
				r := newStepRig(t)
				r.db = openAt(t, sealer, r.now)
				start(t, r.db, r.deliver, r.once, r.stepping)
				r.run(clock)
			})
		})
	}
}

// The clock of one of two processes steps; the other one and the database have the right
// time. A process that is ahead takes lanes that the other one holds.
func TestClockOfOneOfTwoServersThatIsSetLosesNothingAndSendsNothingTwice(t *testing.T) {
	for name, clock := range steps {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, db *state.DB) {
				r := newStepRig(t)
				r.db = db
				start(t, db, r.deliver, r.once)
				start(t, db, r.deliver, r.once, r.stepping)
				synctest.Wait() // each has begun: that ends all leases of a database in memory
				r.run(clock)
			})
		})
	}
}

// openAt opens a database in memory whose clock is given.
func openAt(t *testing.T, sealer *secret.Sealer, now func() time.Time) *state.DB {
	t.Helper()
	db, err := state.Open(context.Background(), state.Config{Path: state.Memory, Sealer: sealer, Now: now, Machine: time.Now})
	if err == nil {
		err = db.CreateAccessKey(context.Background(), state.AccessKey{ID: "AKIA1", AccountID: account, Secret: secret.New("x")})
	}
	if err != nil {
		t.Fatal(errors.Join(err, db.Close()))
	}
	t.Cleanup(func() { db.Close() })
	return db
}
