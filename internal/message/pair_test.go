package message_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"ferry/internal/outbox"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

// What was sent to a user is counted in the database by the transaction that records
// it, so that it counts for all processes.
func TestMessagesToOneUserAreCounted(t *testing.T) {
	engine := statetest.Default()
	w := newWorld(t, engine)
	const burst = 45
	for i := range burst {
		if err := w.deliver(w.accept(text("16505551234", fmt.Sprint(i))), false); err != nil {
			t.Fatalf("message %d: %v", i+1, err)
		}
	}
	next := w.accept(text("16505551234", "one more"))
	if wait := waitOf(t, w.deliver(next, false)); wait <= 0 || wait > 6*time.Second {
		t.Errorf("one more message waits for %v", wait)
	}
	if err := w.deliver(w.accept(text("16505550000", "hello")), false); err != nil {
		t.Errorf("a message to another user: %v", err)
	}
	receipt := w.accept(`{"messaging_product":"whatsapp","status":"read","message_id":"wamid.1"}`)
	if err := w.deliver(receipt, false); err != nil {
		t.Errorf("a read receipt: %v", err)
	}
	rates, err := w.state.Rates(t.Context(), state.PairRate(w.from.ID, "16505551234"), state.PairRate(w.from.ID, ""))
	w.must(err)
	if used := time.Until(rates[state.PairRate(w.from.ID, "16505551234")].UsedUntil); used > burst*6*time.Second || used < (burst-10)*6*time.Second || len(rates) != 1 {
		t.Errorf("the limit is used for %v: %v", used, rates)
	}
}

func TestRefusedMessageDoesNotCount(t *testing.T) {
	w := newWorld(t, statetest.Default())
	w.meta.respondOnce(refuse(400, 131026, "Message undeliverable", "Message undeliverable."))
	if err := w.deliver(w.accept(text("16505551234", "x")), false); !errors.Is(err, outbox.ErrNever) {
		t.Fatal(err)
	}
	rates, err := w.state.Rates(t.Context(), state.PairRate(w.from.ID, "16505551234"))
	if err != nil || len(rates) != 0 {
		t.Errorf("%v, %v", rates, err)
	}
	if len(w.meta.sent()) != 1 || !strings.Contains(w.meta.sent()[0], "16505551234") {
		t.Errorf("sent %q", w.meta.sent())
	}
}
