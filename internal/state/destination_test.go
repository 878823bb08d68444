package state_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

var topic = state.EventDestination{ARN: "arn:aws:sns:us-east-1:111122223333:events", RoleARN: "arn:aws:iam::111122223333:role/publisher"}

func TestPutReplacesTheEventDestinationsOfOneAccount(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		ctx := t.Context()
		mine, err := s.Link(ctx, businessAccount("111122223333", "100"))
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := s.Link(ctx, businessAccount("444455556666", "100"))
		if err != nil {
			t.Fatal(err)
		}
		other := state.EventDestination{ARN: "arn:aws:sns:us-east-1:111122223333:other"}
		for _, want := range [][]state.EventDestination{{topic}, {other}, {other, topic}, nil, {topic}} {
			if err := s.PutEventDestinations(ctx, "111122223333", mine.ID, want); err != nil {
				t.Fatal(err)
			}
			got, err := s.EventDestinations(ctx, mine.ID)
			if diff := cmp.Diff(sortedByARN(want), sortedByARN(got)); diff != "" || err != nil {
				t.Errorf("after Put: %v\n%s", err, diff)
			}
		}
		if got, err := s.EventDestinations(ctx, theirs.ID); err != nil || len(got) != 0 {
			t.Errorf("another account's destinations are %v, %v", got, err)
		}
		for _, id := range []string{theirs.ID, "nobody"} {
			if err := s.PutEventDestinations(ctx, "111122223333", id, nil); !errors.Is(err, state.ErrNotFound) {
				t.Errorf("Put for %s, which is not linked to the account: %v", id, err)
			}
		}
	})
}

func sortedByARN(list []state.EventDestination) map[string]string {
	roles := make(map[string]string)
	for _, d := range list {
		roles[d.ARN] = d.RoleARN
	}
	return roles
}

func TestDestinationsPutByAnotherProcessTakeEffectAfterFreshness(t *testing.T) {
	path, sealer, ctx := filepath.Join(t.TempDir(), "ferry.db"), statetest.Sealer(t), t.Context()
	clock := now
	server, err := state.Open(ctx, state.Config{Path: path, Sealer: sealer, Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	other := open(t, path, sealer)
	linked, err := other.Link(ctx, businessAccount("111122223333", "100"))
	if err != nil {
		t.Fatal(err)
	}
	count := func() int {
		t.Helper()
		list, err := server.EventDestinations(ctx, linked.ID)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if n := count(); n != 0 {
		t.Fatalf("%d destinations before Put", n)
	}
	if err := other.PutEventDestinations(ctx, "111122223333", linked.ID, []state.EventDestination{topic}); err != nil {
		t.Fatal(err)
	}
	if n := count(); n != 0 {
		t.Errorf("%d destinations within freshness: nothing was cached", n)
	}
	clock = clock.Add(state.Freshness)
	if n := count(); n != 1 {
		t.Errorf("%d destinations after freshness", n)
	}
}

func TestHeldDestinationKeepsItsReasonUntilItIsReleased(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		ctx := t.Context()
		var woken []string
		s.OnDeliveries(func(destinations []string) { woken = append(woken, destinations...) })
		for _, reason := range []string{"it answered 410", "again"} {
			if err := s.HoldDestination(ctx, "event/w/crm", reason); err != nil {
				t.Fatal(err)
			}
		}
		held, err := s.HeldDestinations(ctx)
		if diff := cmp.Diff([]state.Held{{"event/w/crm", "it answered 410", now.Local()}}, held); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
		if err := s.ReleaseDestination(ctx, "event/w/crm"); err != nil || len(woken) != 1 || woken[0] != "event/w/crm" {
			t.Errorf("released: %v, woken %q", err, woken)
		}
		if err := s.ReleaseDestination(ctx, "event/w/crm"); !errors.Is(err, state.ErrNotFound) {
			t.Errorf("released twice: %v", err)
		}
		if held, err := s.HeldDestinations(ctx); err != nil || len(held) != 0 {
			t.Errorf("held after the release: %v, %v", held, err)
		}
	})
}
