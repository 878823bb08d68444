package outbox_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ferry/internal/outbox"
	"ferry/internal/state"
)

// countingStore counts rounds.
type countingStore struct {
	outbox.Store
	rounds atomic.Int64
}

func (s *countingStore) OutboxRound(ctx context.Context, round outbox.Round) (outbox.Result, error) {
	s.rounds.Add(1)
	return s.Store.OutboxRound(ctx, round)
}

// Many business accounts send their events to one receiver, which hangs.
func TestManyDestinationsOfAReceiverThatHangsHoldUpNobody(t *testing.T) {
	inBubble(t, func(t *testing.T, db *state.DB) {
		const accounts, shared = 200, 10
		var hanging, most atomic.Int64
		var isUp atomic.Bool
		store := &countingStore{Store: db}
		w := start(t, db, func(ctx context.Context, _ int, d outbox.Delivery) error {
			if d.Destination == "event/live" || isUp.Load() {
				return nil
			}
			most.Store(max(most.Load(), hanging.Add(1)))
			defer hanging.Add(-1)
			<-ctx.Done()
			return context.Cause(ctx)
		}, func(c *outbox.Config) {
			c.Store = store
			c.Group = func(destination string) (string, int) {
				if strings.HasSuffix(destination, "/hanging") {
					return "hanging", shared
				}
				return "", 0
			}
		})
		var all []string
		for i := range accounts {
			all = append(all, fmt.Sprintf("event/%d/hanging", i))
		}
		for i := range 6 { // more lanes than a process works at a time
			put(t, db, fmt.Sprint(i), all, fmt.Sprint("dead", i))
		}
		time.Sleep(10 * time.Second)
		before := store.rounds.Load()
		time.Sleep(10 * time.Second)
		if rounds := store.rounds.Load() - before; most.Load() != shared || rounds > 100 {
			t.Errorf("%d attempts at a time, expected %d; %d rounds in 10 seconds", most.Load(), shared, rounds)
		}
		put(t, db, "1", []string{"event/live"}, "live")
		time.Sleep(100 * time.Millisecond)
		if len(w.times("live")) != 1 {
			t.Error("the event for a receiver that lives was not delivered")
		}
		isUp.Store(true)
		time.Sleep(time.Hour) // the longest back-off
		waiting := 0
		for i := range 6 {
			for _, s := range states(t, db, fmt.Sprint("dead", i)) {
				if !strings.HasPrefix(s, outbox.Delivered) {
					waiting++
				}
			}
		}
		if waiting > 0 {
			t.Errorf("an hour after the receiver works, %d deliveries wait", waiting)
		}
		w.end()
	})
}
