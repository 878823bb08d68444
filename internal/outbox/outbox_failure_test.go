package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ferry/internal/outbox"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

type failingStore struct {
	outbox.Store
	fails   atomic.Bool
	isMade  atomic.Bool
	refused atomic.Int64
}

var errStore = errors.New("the disk is full")

func (s *failingStore) OutboxRound(ctx context.Context, round outbox.Round) (outbox.Result, error) {
	if !s.fails.Load() {
		return s.Store.OutboxRound(ctx, round)
	}
	s.refused.Add(1)
	if s.isMade.Load() {
		if _, err := s.Store.OutboxRound(ctx, round); err != nil {
			return outbox.Result{}, err
		}
	}
	return outbox.Result{}, errStore
}

// TestADatabaseThatFailsDelaysDeliveries, whether its rounds were made or not.
func TestADatabaseThatFailsDelaysDeliveries(t *testing.T) {
	for _, isMade := range []bool{false, true} {
		t.Run(fmt.Sprintf("made %v", isMade), func(t *testing.T) {
			inBubble(t, func(t *testing.T, db *state.DB) {
				store := &failingStore{Store: db}
				store.isMade.Store(isMade)
				w := start(t, db, func(context.Context, int, outbox.Delivery) error {
					time.Sleep(2 * time.Second)
					return nil
				}, func(c *outbox.Config) { c.Store = store })
				put(t, db, "one", []string{"event/1"}, "a", "b")
				time.Sleep(time.Second)
				store.fails.Store(true)
				time.Sleep(time.Minute) // several leases
				if n := store.refused.Load(); n < 40 || n > 90 {
					t.Errorf("%d rounds within a minute of failures", n)
				}
				put(t, db, "two", []string{"event/1"}, "c")
				store.fails.Store(false)
				time.Sleep(30 * time.Second)
				for _, id := range []string{"a", "b", "c"} {
					if state := records(t, db, id)[0].State; state != outbox.Delivered {
						t.Errorf("%s is %s", id, state)
					}
				}
				if n := len(w.order()); n > 4 {
					t.Errorf("attempts: %v", w.order())
				}
			})
		})
	}
}

// unreachableStore fails at the start and at the first look for deliveries.
type unreachableStore struct {
	outbox.Store
	started, looked atomic.Bool
}

func (s *unreachableStore) StartOutbox(ctx context.Context) (end func(), err error) {
	if !s.started.Swap(true) {
		return nil, errStore
	}
	return s.Store.StartOutbox(ctx)
}

func (s *unreachableStore) DueDestinations(ctx context.Context) (map[string]time.Time, error) {
	if !s.looked.Swap(true) {
		return nil, errStore
	}
	return s.Store.DueDestinations(ctx)
}

// The loop does not spin when nothing waits after the failure.
func TestLoopRestsAfterADatabaseThatFailedWhileNothingWaited(t *testing.T) {
	w := start(t, statetest.Open(t), nil, func(c *outbox.Config) { c.Store = &unreachableStore{Store: c.Store} })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if next, err := w.NextDue(ctx); err != nil || !next.IsZero() {
		t.Errorf("the loop does not rest: %v, %v", next, err)
	}
}

func TestALaneIsHeldUntilItsLeaseEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, db *state.DB) {
		store := &failingStore{Store: db}
		var longest atomic.Int64 // the bubble orders the attempt before the end of the test only by its clock
		start(t, db, func(_ context.Context, attempt int, d outbox.Delivery) error {
			for begun := time.Now(); attempt == 0 && d.Held(); longest.Store(int64(time.Since(begun))) {
				time.Sleep(time.Second)
			}
			return nil
		}, func(c *outbox.Config) { c.Store = store })
		put(t, db, "one", []string{"event/1"}, "a")
		time.Sleep(30 * time.Second) // three leases, which are renewed
		store.fails.Store(true)
		time.Sleep(30 * time.Second)
		store.fails.Store(false)
		time.Sleep(30 * time.Second)
		if held := time.Duration(longest.Load()); held < 36*time.Second || held > 41*time.Second {
			t.Errorf("the lane was held for %v; its last lease began within 4 s before the database failed, which it did after 30 s", held)
		}
	})
}

// The first process cannot reach the database while its attempt hangs. The second one works
// the lane to its end, and then the first one takes the lane again.
func TestALaneThatAnotherProcessHasWorkedIsNotWorkedFromAnOldList(t *testing.T) {
	inBubble(t, func(t *testing.T, db *state.DB) {
		store, hangs := &failingStore{Store: db}, make(chan struct{})
		first := start(t, db, func(_ context.Context, _ int, d outbox.Delivery) error {
			if d.EventID == "a" {
				<-hangs
			}
			return nil
		}, func(c *outbox.Config) { c.Store = store })
		put(t, db, "one", []string{"event/1"}, "a", "b", "c")
		synctest.Wait()
		store.fails.Store(true)
		time.Sleep(15 * time.Second)
		second := start(t, db, nil)
		put(t, db, "one", []string{"event/1"}, "d")
		time.Sleep(5 * time.Second)
		second.end()
		put(t, db, "one", []string{"event/1"}, "e")
		store.fails.Store(false)
		time.Sleep(5 * time.Second) // the first one takes the lane
		close(hangs)
		time.Sleep(30 * time.Second)
		if got := second.order(); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
			t.Errorf("the second process has attempted %v", got)
		}
		if got := first.order(); !slices.Equal(got, []string{"a", "e"}) {
			t.Errorf("the first process has attempted %v", got)
		}
		for _, id := range first.order() {
			if state := records(t, db, id)[0].State; state != outbox.Delivered {
				t.Errorf("%s is %s", id, state)
			}
		}
	})
}
