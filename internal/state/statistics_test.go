package state_test

import (
	"testing"

	"ferry/internal/outbox"
	"ferry/internal/state"
)

func TestBacklogsAreThoseOfMessagesAndOfEvents(t *testing.T) {
	eachKind(t, func(t *testing.T, db *state.DB) {
		if messages, events, err := db.Backlogs(t.Context()); messages != (state.Backlog{}) || events != (state.Backlog{}) || err != nil {
			t.Errorf("an empty outbox: %+v, %+v, %v", messages, events, err)
		}
		a := newClerk(t, db, "a")
		addEvents(t, db, []string{"event/1"}, "one", "two")
		a.finish("event/1", outbox.Dead)
		addEvents(t, db, []string{"event/1", "prepare/1"}, "three")
		addEvents(t, db, []string{state.SendPrefix + "1"}, "four")
		messages, events, err := db.Backlogs(t.Context())
		if err != nil || events.Waiting != 2 || events.Dead != 2 || messages.Waiting != 1 || messages.Dead != 0 {
			t.Errorf("messages %+v, events %+v, %v", messages, events, err)
		}
		if !messages.OldestAt.Equal(now) || !events.OldestAt.Equal(now) {
			t.Errorf("oldest at %v and %v", messages.OldestAt, events.OldestAt)
		}
		size, _, err := db.Size(t.Context())
		if err != nil || size < 4096 {
			t.Errorf("the database has %d bytes, %v", size, err)
		}
		if pools := db.Pools(); len(pools) != 2 || pools["write"].MaxOpenConnections < 1 {
			t.Errorf("%+v", pools)
		}
	})
}
