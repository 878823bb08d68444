package message_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"ferry/internal/message"
	"ferry/internal/state"
)

// enqueue stores messages to different users, as an acceptance does.
func enqueue(t *testing.T, db *state.DB, first, number int) {
	t.Helper()
	events := make([]state.Event, number)
	for i := range events {
		events[i] = state.Event{
			ID: fmt.Sprint("m", first+i), AccountID: "111122223333", BusinessAccountID: flow.BusinessAccountID, PhoneNumberID: flow.PhoneNumberID,
			Kind: state.KindMessage, Conversation: fmt.Sprint("n1/", first+i), Body: []byte("{}"), CreatedAt: time.Now(), Destinations: []string{"send/n1"},
		}
	}
	if err := db.AddEvents(t.Context(), events); err != nil {
		t.Fatal(err)
	}
}

func TestQueueOfANumberIsBounded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		const limit = 20
		databases := replicas(t, 2)
		if _, err := databases[0].Link(t.Context(), state.BusinessAccount{AccountID: "111122223333", MetaID: "1"}); err != nil {
			t.Fatal(err)
		}
		config := message.GovernorConfig{State: databases[0], MaxQueued: limit, PerSecond: 4}
		here := newGovernor(t, config)
		config.State = databases[1]
		there := newGovernor(t, config)

		for i := range limit {
			if err := here.Admit(t.Context(), flow); err != nil {
				t.Fatalf("message %d: %v", i+1, err)
			}
			enqueue(t, databases[0], i, 1)
		}
		for name, governor := range map[string]*message.Governor{"here": here, "there": there} {
			full, ok := errors.AsType[*message.QueueFullError](governor.Admit(t.Context(), flow))
			if !ok || full.Limit != limit || full.RetryAfter != time.Second {
				t.Errorf("%s, a message too many: %v", name, full)
			}
		}
		other := flow
		other.PhoneNumberID = "n2"
		if err := here.Admit(t.Context(), other); err != nil {
			t.Errorf("a message of another number: %v", err)
		}

		if _, _, err := there.Report(t.Context(), flow, message.Result{Code: 130429, RetryAfter: 42 * time.Second}); err != nil {
			t.Fatal(err)
		}
		full, ok := errors.AsType[*message.QueueFullError](here.Admit(t.Context(), flow))
		if !ok || full.RetryAfter != 42*time.Second {
			t.Errorf("while the number is blocked: %v", full)
		}
	})
}
