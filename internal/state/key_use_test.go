package state_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

func TestUseOfAKeyIsKnownAtOnceAndRecordedAtTheStop(t *testing.T) {
	eachKindWithClock(t, func(t *testing.T, s *state.DB, advance func(time.Duration)) {
		for _, id := range []string{"AKIAUSED", "AKIAUNUSED"} {
			if err := s.CreateAccessKey(t.Context(), state.AccessKey{ID: id, AccountID: "111122223333", Name: "x", Secret: secret.New("a secret of a key")}); err != nil {
				t.Fatal(err)
			}
		}
		run := func(while func()) {
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- s.Run(ctx) }()
			while()
			stop()
			if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		want := func(when string, used time.Time) {
			t.Helper()
			keys, err := s.AccessKeys(t.Context(), "")
			if err != nil || len(keys) != 2 {
				t.Fatalf("%+v, %v", keys, err)
			}
			for _, key := range keys {
				if want := map[string]time.Time{"AKIAUSED": used}[key.ID]; !key.UsedAt.Equal(want) {
					t.Errorf("%s: %s was used at %v, want %v", when, key.ID, key.UsedAt, want)
				}
			}
		}
		want("before", time.Time{})
		run(func() {
			s.KeyUsed("AKIAUSED")
			want("at once", now)
		})
		want("recorded", now)
		run(func() {
			advance(time.Hour)
			s.KeyUsed("AKIAUSED")
			s.KeyUsed("AKIADELETED") // meanwhile
			want("again", now.Add(time.Hour))
		})
		want("recorded again", now.Add(time.Hour))
	})
}

// A key that is in use costs one write a minute, and one that is not costs nothing.
func TestUsesOfKeysAreRecordedEachMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path, sealer := filepath.Join(t.TempDir(), "ferry.db"), statetest.Sealer(t)
		s, err := state.Open(t.Context(), state.Config{Path: path, Sealer: sealer})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.CreateAccessKey(t.Context(), state.AccessKey{ID: "AKIAUSED", AccountID: "111122223333", Name: "x", Secret: secret.New("a secret of a key")}); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		other, err := state.Open(t.Context(), state.Config{Path: path, Sealer: sealer})
		if err != nil {
			t.Fatal(err)
		}
		recorded := func() time.Time {
			keys, err := other.AccessKeys(t.Context(), "")
			if err != nil || len(keys) != 1 {
				t.Fatalf("%+v, %v", keys, err)
			}
			return keys[0].UsedAt
		}
		first := time.Now()
		s.KeyUsed("AKIAUSED")
		time.Sleep(59 * time.Second)
		if at := recorded(); !at.IsZero() {
			t.Errorf("recorded at once: %v", at)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if at := recorded(); at.UnixMilli() != first.UnixMilli() {
			t.Errorf("after a minute: %v, want %v", at, first)
		}
		stop()
		if err := errors.Join(<-ended, other.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	})
}
