package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ferry/internal/outbox"
	"ferry/internal/state"
)

// More deliveries fail than break a destination. Only failures of the destination slow the
// others.
func TestOnlyFailuresOfADestinationSlowIt(t *testing.T) {
	for _, test := range []struct {
		name   string
		fail   func() error
		slots  int64 // of the deliveries after the failures
		record string
	}{
		{"of the destination", func() error { return &outbox.RetryError{Err: errDown, After: time.Hour} }, 1, "waiting 1"},
		{"of something else", func() error {
			return &outbox.RetryError{Err: errDown, After: time.Hour, NotOfDestination: true}
		}, outbox.DefaultSlots, "waiting 1"},
		{"for good", func() error { return fmt.Errorf("413: %w", outbox.ErrNever) }, outbox.DefaultSlots, "dead 1"},
		{"for good, of the destination", func() error {
			return &outbox.DestinationError{Err: fmt.Errorf("the response was lost: %w", outbox.ErrNever)}
		}, 1, "dead 1"},
		{"without an attempt", func() error {
			return &outbox.RetryError{Err: errDown, After: time.Hour, NotAttempted: true}
		}, outbox.DefaultSlots, "waiting 0"},
		{"by a panic", func() error { panic("poison") }, outbox.DefaultSlots, "waiting 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, db *state.DB) {
				var current, most atomic.Int64
				start(t, db, func(_ context.Context, attempt int, d outbox.Delivery) error {
					if strings.HasPrefix(d.EventID, "bad") {
						if attempt > 0 {
							return &outbox.RetryError{Err: errors.New("later"), After: time.Hour, NotAttempted: true}
						}
						return test.fail()
					}
					most.Store(max(most.Load(), current.Add(1)))
					defer current.Add(-1)
					time.Sleep(time.Second)
					return nil
				})
				for i := range 20 {
					put(t, db, fmt.Sprint("bad", i), []string{"event/1"}, fmt.Sprint("bad", i))
				}
				time.Sleep(20 * time.Second)
				if got := states(t, db, "bad0")[0]; got != test.record {
					t.Errorf("a delivery that has failed: %s; expected %s", got, test.record)
				}
				for i := range 20 {
					put(t, db, fmt.Sprint("good", i), []string{"event/1"}, fmt.Sprint("good", i))
				}
				time.Sleep(500 * time.Millisecond)
				if most.Load() != test.slots {
					t.Errorf("%d attempts at a time; expected %d", most.Load(), test.slots)
				}
				time.Sleep(time.Minute)
			})
		})
	}
}

// The wait between the attempts of a delivery grows, whatever its failures say about the
// destination.
func TestFailureThatIsNotOfTheDestinationIsRetriedWithBackOff(t *testing.T) {
	inBubble(t, func(t *testing.T, db *state.DB) {
		w := start(t, db, func(context.Context, int, outbox.Delivery) error {
			return &outbox.RetryError{Err: errDown, NotOfDestination: true}
		}, seldom)
		put(t, db, "one", []string{"event/1"}, "a")
		time.Sleep(71 * time.Hour)
		w.end()
		if n := len(w.times("a")); n < 72 || n > 300 {
			t.Errorf("%d attempts within 71 hours", n)
		}
	})
}

// What is known of destinations that have failed is not kept for ever: callers may choose
// any number of them.
func TestFailuresOfADestinationWithoutDeliveriesAreForgotten(t *testing.T) {
	for wait, slots := range map[time.Duration]int64{time.Minute: 1, 2 * time.Hour: outbox.DefaultSlots} {
		inBubble(t, func(t *testing.T, db *state.DB) {
			var current, most atomic.Int64
			start(t, db, func(_ context.Context, _ int, d outbox.Delivery) error {
				if strings.HasPrefix(d.EventID, "bad") {
					return &outbox.DestinationError{Err: outbox.ErrNever}
				}
				most.Store(max(most.Load(), current.Add(1)))
				defer current.Add(-1)
				time.Sleep(time.Second)
				return nil
			})
			for i := range 20 {
				put(t, db, fmt.Sprint("bad", i), []string{"event/1"}, fmt.Sprint("bad", i))
			}
			time.Sleep(wait)
			for i := range 20 {
				put(t, db, fmt.Sprint("good", i), []string{"event/1"}, fmt.Sprint("good", i))
			}
			time.Sleep(500 * time.Millisecond)
			if most.Load() != slots {
				t.Errorf("after %v, %d attempts at a time; expected %d", wait, most.Load(), slots)
			}
			time.Sleep(time.Minute)
		})
	}
}
