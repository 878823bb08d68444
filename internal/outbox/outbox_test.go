package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"ferry/internal/outbox"
	"ferry/internal/state"
)

// records returns the events of a database.
func records(tb testing.TB, db *state.DB, id string) []state.DeliveryRecord {
	tb.Helper()
	events, err := db.Events(context.Background(), state.EventFilter{AccountID: account, ID: id}, state.EventPage{Limit: 10})
	if err != nil || len(events) != 1 {
		tb.Fatalf("event %s: %v, %v", id, events, err)
	}
	return events[0].Deliveries
}

func states(tb testing.TB, db *state.DB, ids ...string) []string {
	tb.Helper()
	var all []string
	for _, id := range ids {
		for _, d := range records(tb, db, id) {
			all = append(all, fmt.Sprintf("%s %d", d.State, d.Attempts))
		}
	}
	return all
}

// seldom makes the outbox poll seldom, which is for other processes' deliveries.
func seldom(c *outbox.Config) { c.Poll = time.Hour }

func TestAttemptsAreJitteredBelowALimitThatDoubles(t *testing.T) {
	inBubble(t, func(t *testing.T, db *state.DB) {
		w := start(t, db, func(context.Context, int, outbox.Delivery) error { return errDown }, seldom)
		put(t, db, "one", []string{"event/1"}, "a")
		time.Sleep(71 * time.Hour)
		w.end()
		times := w.times("a")
		if len(times) < 72 || len(times) > 300 {
			t.Errorf("%d attempts within 71 hours", len(times))
		}
		var longest, sum time.Duration
		for i := 1; i < len(times); i++ {
			gap, limit := times[i].Sub(times[i-1]), time.Hour
			if i < 13 {
				limit = min(limit, time.Second<<(i-1))
			}
			if gap > limit+10*time.Millisecond {
				t.Errorf("%v before attempt %d; expected at most %v", gap, i+1, limit)
			}
			if i > 13 {
				longest, sum = max(longest, gap), sum+gap
			}
		}
		if mean := sum / time.Duration(len(times)-14); longest < 50*time.Minute || mean < 20*time.Minute || mean > 40*time.Minute {
			t.Errorf("later attempts after %v on average, %v at most: not uniform below an hour", mean, longest)
		}
	})
}

func TestADeliveryIsGivenUpWithItsCause(t *testing.T) {
	inBubble(t, func(t *testing.T, db *state.DB) {
		w := start(t, db, func(context.Context, int, outbox.Delivery) error { return errDown }, seldom)
		put(t, db, "one", []string{"event/1"}, "a", "b")
		time.Sleep(72*time.Hour + 2*time.Hour)
		w.end()
		times := w.times("a")
		if age := times[len(times)-1].Sub(times[0]); age < 72*time.Hour || age > 73*time.Hour+time.Second {
			t.Errorf("given up after %v", age)
		}
		for _, id := range []string{"a", "b"} {
			if d := records(t, db, id)[0]; d.State != outbox.Dead || !strings.HasPrefix(d.Error, "given up after 7") || !strings.HasSuffix(d.Error, errDown.Error()) {
				t.Errorf("%s: %+v", id, d)
			}
		}
	})
}

func TestTheAgeOfADeliveryCountsFromTheReleaseOfItsDestination(t *testing.T) {
	inBubble(t, func(t *testing.T, db *state.DB) {
		if err := db.HoldDestination(context.Background(), "event/1", "maintenance"); err != nil {
			t.Fatal(err)
		}
		w := start(t, db, func(_ context.Context, attempt int, _ outbox.Delivery) error {
			if attempt < 5 {
				return errDown
			}
			return nil
		}, seldom)
		put(t, db, "one", []string{"event/1"}, "a")
		time.Sleep(100 * time.Hour)
		if n := len(w.order()); n != 0 {
			t.Fatalf("%d attempts while the destination was held", n)
		}
		if err := db.ReleaseDestination(context.Background(), "event/1"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if got := states(t, db, "a"); !slices.Equal(got, []string{"delivered 6"}) {
			t.Errorf("%v", got)
		}
	})
}

func TestADeliveryThatCanNeverBeMadeIsDeadAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, db *state.DB) {
		w := start(t, db, func(_ context.Context, _ int, d outbox.Delivery) error {
			if d.EventID == "a" {
				return fmt.Errorf("413 \x00 \xff Content Too Large %s: %w", strings.Repeat("é", 5000), outbox.ErrNever)
			}
			return nil
		})
		put(t, db, "one", []string{"event/1"}, "a", "b")
		time.Sleep(10 * time.Millisecond)
		if got := states(t, db, "a", "b"); !slices.Equal(got, []string{"dead 1", "delivered 1"}) {
			t.Errorf("%v after attempts %v", got, w.order())
		}
		if text := records(t, db, "a")[0].Error; !utf8.ValidString(text) || strings.Contains(text, "\x00") || len(text) > 2100 || !strings.HasPrefix(text, "413") {
			t.Errorf("stored: %q", text)
		}
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	inBubble(t, func(t *testing.T, db *state.DB) {
		wait := map[string]time.Duration{"a": 90 * time.Second, "b": 5 * time.Hour}
		w := start(t, db, func(_ context.Context, attempt int, d outbox.Delivery) error {
			if attempt == 0 && wait[d.EventID] > 0 {
				return &outbox.RetryError{Err: errDown, After: wait[d.EventID]}
			}
			return nil
		})
		put(t, db, "one", []string{"event/1"}, "a")
		put(t, db, "two", []string{"event/1"}, "b")
		time.Sleep(10 * time.Second)
		put(t, db, "three", []string{"event/1"}, "c") // a success, which makes other lanes due
		time.Sleep(2 * time.Hour)
		for id, least := range map[string]time.Duration{"a": 90 * time.Second, "b": time.Hour} {
			times := w.times(id)
			if len(times) != 2 {
				t.Fatalf("%d attempts of %s", len(times), id)
			}
			if gap := times[1].Sub(times[0]); gap < least || gap > least+time.Second {
				t.Errorf("%s: the second attempt came after %v; expected %v", id, gap, least)
			}
		}
	})
}

func TestARateLimitDelaysWithoutCounting(t *testing.T) {
	inBubble(t, func(t *testing.T, db *state.DB) {
		const delays = 50
		w := start(t, db, func(_ context.Context, attempt int, _ outbox.Delivery) error {
			if attempt < delays {
				return &outbox.RetryError{Err: errors.New("rate limit"), After: 7 * time.Millisecond, NotAttempted: true}
			}
			return nil
		})
		put(t, db, "one", []string{"send/1"}, "a")
		time.Sleep(time.Second)
		if got := states(t, db, "a"); !slices.Equal(got, []string{"delivered 1"}) {
			t.Errorf("%v", got)
		}
		times := w.times("a")
		for i := 1; i < len(times); i++ {
			if gap := times[i].Sub(times[i-1]); gap < 7*time.Millisecond || gap > 10*time.Millisecond {
				t.Errorf("%v before attempt %d", gap, i+1)
			}
		}
	})
}

func TestAPanicIsAFailure(t *testing.T) {
	inBubble(t, func(t *testing.T, db *state.DB) {
		var interrupted []bool
		start(t, db, func(_ context.Context, attempt int, d outbox.Delivery) error {
			interrupted = append(interrupted, d.Interrupted)
			if attempt == 0 {
				panic("canary-7")
			}
			return nil
		}, func(c *outbox.Config) { c.Once = func(string) bool { return true } })
		put(t, db, "one", []string{"send/1"}, "a")
		time.Sleep(5 * time.Second)
		if got := states(t, db, "a"); !slices.Equal(got, []string{"delivered 2"}) || !slices.Equal(interrupted, []bool{false, true}) {
			t.Errorf("%v, interrupted: %v", got, interrupted)
		}
	})
}

// An attempt that may have succeeded is an interrupted one for the next.
func TestAnAttemptThatMayBeDoneInterrupts(t *testing.T) {
	inBubble(t, func(t *testing.T, db *state.DB) {
		var interrupted []bool
		start(t, db, func(_ context.Context, attempt int, d outbox.Delivery) error {
			interrupted = append(interrupted, d.Interrupted)
			switch attempt {
			case 0:
				return &outbox.RetryError{Err: errors.New("busy"), After: time.Millisecond}
			case 1:
				return &outbox.RetryError{Err: errors.New("the outcome was not recorded"), After: time.Millisecond, MayBeDone: true}
			}
			return nil
		}, func(c *outbox.Config) { c.Once = func(string) bool { return true } })
		put(t, db, "one", []string{"send/1"}, "a")
		time.Sleep(10 * time.Second)
		if got := states(t, db, "a"); !slices.Equal(got, []string{"delivered 3"}) || !slices.Equal(interrupted, []bool{false, false, true}) {
			t.Errorf("%v, interrupted: %v", got, interrupted)
		}
	})
}

func TestAnAttemptIsBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, db *state.DB) {
		w := start(t, db, func(ctx context.Context, attempt int, _ outbox.Delivery) error {
			if attempt == 0 {
				<-ctx.Done()
				return context.Cause(ctx)
			}
			return nil
		}, func(c *outbox.Config) { c.Timeout = func(string) time.Duration { return 25 * time.Second } })
		put(t, db, "one", []string{"event/1"}, "a") // longer than a lease
		time.Sleep(time.Minute)
		times := w.times("a")
		if len(times) != 2 || times[1].Sub(times[0]) < 25*time.Second || times[1].Sub(times[0]) > 27*time.Second {
			t.Errorf("attempts at %v", times)
		}
	})
}

// TestADeadDestinationHoldsUpNobody: its attempts hang.
func TestADeadDestinationHoldsUpNobody(t *testing.T) {
	inBubble(t, func(t *testing.T, db *state.DB) {
		var hanging, most atomic.Int64
		w := start(t, db, func(ctx context.Context, _ int, d outbox.Delivery) error {
			if d.Destination == "event/live" {
				return nil
			}
			most.Store(max(most.Load(), hanging.Add(1)))
			defer hanging.Add(-1)
			<-ctx.Done()
			return context.Cause(ctx)
		})
		for i := range 100 {
			put(t, db, fmt.Sprint(i), []string{"event/dead"}, names(fmt.Sprint("dead", i, "-"), 5)...)
		}
		time.Sleep(10 * time.Second)
		if most.Load() != outbox.DefaultSlots {
			t.Errorf("%d attempts at a time; expected %d", most.Load(), outbox.DefaultSlots)
		}
		for i := range 100 {
			put(t, db, fmt.Sprint(i), []string{"event/live"}, fmt.Sprint("live", i))
		}
		time.Sleep(100 * time.Millisecond)
		for i := range 100 {
			if len(w.times(fmt.Sprint("live", i))) != 1 {
				t.Fatalf("live%d was not delivered", i)
			}
		}
		time.Sleep(5 * time.Minute)
		if hanging.Load() != 1 {
			t.Errorf("%d attempts at a time after many failures; expected one", hanging.Load())
		}
	})
}

// Each attempt is a round, and so a transaction that others wait for.
func TestADestinationThatRefusesAtOnceIsTriedSeldom(t *testing.T) {
	inBubble(t, func(t *testing.T, db *state.DB) {
		var up atomic.Bool
		w := start(t, db, func(context.Context, int, outbox.Delivery) error {
			if up.Load() {
				return nil
			}
			return errDown
		}, func(config *outbox.Config) { config.MaxBackoff = 10 * time.Second })
		for i := range 200 {
			put(t, db, fmt.Sprint(i), []string{"event/dead"}, fmt.Sprint("dead", i))
		}
		time.Sleep(10 * time.Second)
		first := len(w.order())
		time.Sleep(time.Minute)
		if later := len(w.order()) - first; first > 50 || later < 55 || later > 65 {
			t.Errorf("%d attempts in the first 10 s and %d in the minute after it; expected at most 50, and one a second", first, later)
		}
		up.Store(true)
		time.Sleep(2 * time.Second)
		for i := range 200 {
			if id := fmt.Sprint("dead", i); !strings.HasPrefix(states(t, db, id)[0], outbox.Delivered) {
				t.Fatalf("%s: %s two seconds after the destination has recovered", id, states(t, db, id)[0])
			}
		}
	})
}

func TestARecoveredDestinationReceivesWhatWaitedForABackOff(t *testing.T) {
	inBubble(t, func(t *testing.T, db *state.DB) {
		var isDown atomic.Bool
		isDown.Store(true)
		w := start(t, db, func(context.Context, int, outbox.Delivery) error {
			time.Sleep(10 * time.Millisecond)
			if isDown.Load() {
				return errDown
			}
			return nil
		}, seldom)
		const lanes = 100
		for i := range lanes {
			put(t, db, fmt.Sprint(i), []string{"event/1"}, fmt.Sprint("e", i))
		}
		time.Sleep(20 * time.Minute)
		isDown.Store(false)
		put(t, db, "new", []string{"event/1"}, "new")
		time.Sleep(5 * time.Second)
		delivered := 0
		for i := range lanes {
			if states(t, db, fmt.Sprint("e", i))[0][:9] == outbox.Delivered {
				delivered++
			}
		}
		if delivered != lanes {
			t.Errorf("%d of %d lanes within seconds of the recovery; the others wait for their back-off", delivered, lanes)
		}
		w.end()
	})
}

func TestAStopLetsAttemptsInProgressEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, db *state.DB) {
		w := start(t, db, func(ctx context.Context, _ int, d outbox.Delivery) error {
			select {
			case <-time.After(5 * time.Second):
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}, func(c *outbox.Config) { c.Once = func(name string) bool { return name == "send/1" } })
		put(t, db, "one", []string{"event/1"}, "a", "b")
		put(t, db, "two", []string{"send/1"}, "c", "d")
		time.Sleep(time.Second)
		began := time.Now()
		w.end()
		if took := time.Since(began); took != 4*time.Second {
			t.Errorf("Run returned after %v", took)
		}
		if got := states(t, db, "a", "b", "c", "d"); !slices.Equal(got, []string{"delivered 1", "waiting 0", "delivered 1", "waiting 0"}) {
			t.Errorf("%v", got)
		}
		// The next process begins at once, and none of its attempts was interrupted.
		var interrupted atomic.Bool
		next := start(t, db, func(_ context.Context, _ int, d outbox.Delivery) error {
			interrupted.Store(interrupted.Load() || d.Interrupted)
			return nil
		})
		time.Sleep(10 * time.Millisecond)
		if order := next.order(); len(order) != 2 || interrupted.Load() {
			t.Errorf("the next process delivers %v, interrupted: %v", order, interrupted.Load())
		}
	})
}

func TestAStopCutsOffWhatDoesNotEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, db *state.DB) {
		w := start(t, db, func(ctx context.Context, _ int, _ outbox.Delivery) error {
			<-ctx.Done()
			return context.Cause(ctx)
		}, func(c *outbox.Config) { c.Drain = 7 * time.Second })
		put(t, db, "one", []string{"event/1"}, "a")
		time.Sleep(time.Second)
		began := time.Now()
		w.end()
		if took := time.Since(began); took != 7*time.Second {
			t.Errorf("Run returned after %v", took)
		}
		if got := states(t, db, "a"); !slices.Equal(got, []string{"waiting 1"}) {
			t.Errorf("%v", got)
		}
	})
}

// A failingStore fails while it is told to. A round may fail although it was made.
func TestManyDestinationsTakeTurns(t *testing.T) {
	inBubble(t, func(t *testing.T, db *state.DB) {
		w := start(t, db, func(context.Context, int, outbox.Delivery) error {
			time.Sleep(time.Second)
			return nil
		})
		var all []string
		for i := range 50 {
			all = append(all, fmt.Sprint("event/", i))
		}
		for i := range 10 {
			put(t, db, fmt.Sprint("conversation ", i), all, fmt.Sprint("e", i))
		}
		time.Sleep(500 * time.Millisecond) // one attempt in each slot
		began := make(map[string]int)
		w.mu.Lock()
		for _, d := range w.attempts {
			began[d.Destination]++
		}
		w.mu.Unlock()
		for _, name := range all {
			if began[name] != outbox.DefaultSlots {
				t.Errorf("%s: %d attempts at a time", name, began[name])
			}
		}
		synctest.Wait()
		w.end()
	})
}

// TestALongLaneGivesWayAfterATurn: another lane of the only slot gets its turn.
func TestALongLaneGivesWayAfterATurn(t *testing.T) {
	inBubble(t, func(t *testing.T, db *state.DB) {
		w := start(t, db, func(context.Context, int, outbox.Delivery) error {
			time.Sleep(time.Second)
			return nil
		}, func(c *outbox.Config) { c.Slots = func(string) int { return 1 } })
		put(t, db, "long", []string{"event/1"}, names("long", 100)...)
		time.Sleep(500 * time.Millisecond)
		put(t, db, "short", []string{"event/1"}, "short")
		time.Sleep(time.Minute)
		if at := slices.Index(w.order(), "short"); at != outbox.TurnLength {
			t.Errorf("the other lane had its turn after %d deliveries", at)
		}
	})
}

func TestTwoProcessesShareTheWork(t *testing.T) {
	inBubble(t, func(t *testing.T, db *state.DB) {
		slow := func(context.Context, int, outbox.Delivery) error {
			time.Sleep(100 * time.Millisecond)
			return nil
		}
		a, b := start(t, db, slow), start(t, db, slow) // only the second one is woken
		synctest.Wait()                                // each has begun: that ends all leases of a database in memory
		var all []string
		for i := range 100 {
			put(t, db, fmt.Sprint(i), []string{"event/1"}, fmt.Sprint("e", i))
			all = append(all, fmt.Sprint("e", i))
		}
		time.Sleep(time.Minute)
		got := append(a.order(), b.order()...)
		slices.Sort(got)
		slices.Sort(all)
		if !slices.Equal(got, all) || len(a.order()) == 0 || len(b.order()) == 0 {
			t.Errorf("%d and %d attempts for %d events", len(a.order()), len(b.order()), len(all))
		}
	})
}
