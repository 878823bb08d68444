package state_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

func TestUnlinkingDeletesWhatTheAccountHasAndSucceedsAgain(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		ctx, account := t.Context(), "111122223333"
		s.SetChangeBatch(2)
		theirs, err := s.Link(ctx, businessAccount("444455556666", "100", "1"))
		if err != nil {
			t.Fatal(err)
		}
		linked := link(t, s, "1", "2")
		var messages []string
		for i := range 5 {
			messages = append(messages, add(t, s, textTo(linked, fmt.Sprint(4915, i), "")))
			medium := state.Media{PhoneNumberID: linked.PhoneNumbers[1].ID, ID: fmt.Sprint(i), MIMEType: "image/png", Source: "s3", CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
			if err := s.RecordMedia(ctx, medium); err != nil {
				t.Fatal(err)
			}
		}
		kept := add(t, s, textTo(theirs, "4915", ""))
		if err := errors.Join(s.PutEventDestinations(ctx, account, linked.ID, []state.EventDestination{topic}),
			s.PutTags(ctx, account, state.Tagged{PhoneNumberID: linked.PhoneNumbers[0].ID}, map[string]string{"a": "b"}),
			s.AddEvents(ctx, []state.Event{statusEvent(linked, "event", "read", "wamid.1")})); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{theirs.ID, "nobody", ""} {
			if err := s.Unlink(ctx, account, id); !errors.Is(err, state.ErrNotFound) {
				t.Errorf("%q, which the account never had: %v", id, err)
			}
		}

		for range 2 {
			if err := s.Unlink(ctx, account, linked.ID); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.BusinessAccount(ctx, account, linked.ID); !errors.Is(err, state.ErrNotFound) {
			t.Errorf("the account is still there: %v", err)
		}
		if _, err := s.Sender(ctx, account, linked.PhoneNumbers[0].ID); !errors.Is(err, state.ErrNotFound) {
			t.Errorf("its number is still there: %v", err)
		}
		for _, id := range messages {
			if m, err := s.Message(ctx, id); !errors.Is(err, state.ErrNotFound) {
				t.Errorf("its message is still there: %+v, %v", m, err)
			}
		}
		if chosen, err := s.EventDestinations(ctx, linked.ID); len(chosen) > 0 || err != nil {
			t.Errorf("its destinations are %v, %v", chosen, err)
		}
		if _, err := s.Event(ctx, "event"); err != nil {
			t.Errorf("its event: %v", err)
		}
		if _, err := s.Message(ctx, kept); err != nil {
			t.Errorf("the message of another account: %v", err)
		}
		if err := s.Unlink(ctx, "444455556666", linked.ID); !errors.Is(err, state.ErrNotFound) {
			t.Errorf("another account unlinks what was unlinked: %v", err)
		}
		if again := link(t, s, "1"); again.ID == linked.ID || again.PhoneNumbers[0].ID == linked.PhoneNumbers[0].ID {
			t.Errorf("what is linked again has the old ids: %+v", again)
		}
	})
}

func TestThatAnAccountWasUnlinkedIsForgotten(t *testing.T) {
	clock := now
	s, err := state.Open(t.Context(), state.Config{Path: filepath.Join(t.TempDir(), "ferry.db"), Sealer: statetest.Sealer(t), Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	linked := link(t, s, "1")
	for _, step := range []struct {
		after time.Duration
		want  error
	}{{0, nil}, {29 * 24 * time.Hour, nil}, {2 * 24 * time.Hour, state.ErrNotFound}} {
		clock = clock.Add(step.after)
		if _, err := s.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Unlink(t.Context(), "111122223333", linked.ID); !errors.Is(err, step.want) {
			t.Errorf("after %s more: %v, want %v", step.after, err, step.want)
		}
	}
}
