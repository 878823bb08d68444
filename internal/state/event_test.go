package state_test

import (
	"strings"
	"testing"

	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

// PostgreSQL stores another text than one with NUL. The deliveries would get numbers of
// another lane, and never be made.
func TestEventOfALaneThatCannotBeStoredIsRefused(t *testing.T) {
	db := open(t, statetest.Postgres.Path(t), statetest.Sealer(t))
	linked := link(t, db, "1")
	bad := statusEvent(linked, "e-1", "sent", "wamid.1")
	bad.Conversation = "4915\x00"
	if err := db.AddEvents(t.Context(), []state.Event{bad}); err == nil || !strings.Contains(err.Error(), "lane") {
		t.Errorf("AddEvents: %v", err)
	}
	if waiting, err := db.Deliveries(t.Context(), "event/x"); err != nil || len(waiting) != 0 {
		t.Errorf("%q, %v", waiting, err)
	}
	if err := db.AddEvents(t.Context(), []state.Event{statusEvent(linked, "e-2", "sent", "wamid.1")}); err != nil {
		t.Errorf("an event after it: %v", err)
	}
}
