package state_test

import (
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

// eachKindWithClock runs a test on both engines, with a clock that the test sets.
func eachKindWithClock(t *testing.T, test func(t *testing.T, s *state.DB, advance func(time.Duration))) {
	for name, path := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "ferry.db") },
		"postgres": func(t *testing.T) string { return statetest.Postgres.Path(t) },
	} {
		t.Run(name, func(t *testing.T) {
			var later atomic.Int64
			s, err := state.Open(t.Context(), state.Config{Path: path(t), Sealer: statetest.Sealer(t), Now: func() time.Time { return now.Add(time.Duration(later.Load())) }})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			test(t, s, func(d time.Duration) { later.Add(int64(d)) })
		})
	}
}

func TestLinkLogsInOnceAndForAMinute(t *testing.T) {
	eachKindWithClock(t, func(t *testing.T, s *state.DB, advance func(time.Duration)) {
		user := state.ConsoleUser{Name: "anna", Role: "operator"}
		link := func() string {
			token, err := s.AddConsoleLogin(t.Context(), user)
			if err != nil {
				t.Fatal(err)
			}
			return token.Reveal()
		}
		token := link()
		var group sync.WaitGroup
		var succeeded atomic.Int32
		for range 8 {
			group.Go(func() {
				if got, err := s.UseConsoleLogin(t.Context(), token); err == nil && got == user {
					succeeded.Add(1)
				} else if !errors.Is(err, state.ErrNotFound) {
					t.Errorf("%+v, %v", got, err)
				}
			})
		}
		if group.Wait(); succeeded.Load() != 1 {
			t.Errorf("a link logged in %d times", succeeded.Load())
		}
		token = link()
		advance(state.LoginLife)
		if _, err := s.UseConsoleLogin(t.Context(), token); !errors.Is(err, state.ErrNotFound) {
			t.Errorf("after a minute: %v", err)
		}
	})
}

func TestSessionEndsAfterTwelveHoursOrAnIdleOne(t *testing.T) {
	eachKindWithClock(t, func(t *testing.T, s *state.DB, advance func(time.Duration)) {
		user := state.ConsoleUser{Name: "anna", Role: "viewer"}
		begin := func() string {
			cookie, err := s.AddConsoleSession(t.Context(), user)
			if err != nil {
				t.Fatal(err)
			}
			return cookie.Reveal()
		}
		find := func(cookie string) error {
			session, err := s.ConsoleSession(t.Context(), cookie)
			if err == nil && session.ConsoleUser != user {
				t.Errorf("%+v", session)
			}
			return err
		}
		idle, used, ended := begin(), begin(), begin()
		if err := errors.Join(find(idle), find(used), find(ended), s.EndConsoleSession(t.Context(), ended)); err != nil {
			t.Fatal(err)
		}
		for _, cookie := range []string{ended, "", "unknown"} {
			if err := find(cookie); !errors.Is(err, state.ErrNotFound) {
				t.Errorf("%q: %v", cookie, err)
			}
		}
		for range 13 { // each 55 minutes
			advance(55 * time.Minute)
			if err := find(used); err != nil {
				t.Fatal(err)
			}
		}
		if err := find(idle); !errors.Is(err, state.ErrNotFound) {
			t.Errorf("an idle one: %v", err)
		}
		advance(5 * time.Minute)
		if err := find(used); !errors.Is(err, state.ErrNotFound) {
			t.Errorf("after 12 hours: %v", err)
		}
	})
}

func TestSessionIsConfirmedByALinkForTheSamePersonOnly(t *testing.T) {
	eachKindWithClock(t, func(t *testing.T, s *state.DB, advance func(time.Duration)) {
		user := state.ConsoleUser{Name: "anna", Role: "admin"}
		link := func(user state.ConsoleUser) string {
			token, err := s.AddConsoleLogin(t.Context(), user)
			if err != nil {
				t.Fatal(err)
			}
			return token.Reveal()
		}
		made, err := s.AddConsoleSession(t.Context(), user)
		if err != nil {
			t.Fatal(err)
		}
		cookie := made.Reveal()
		confirmed := func() time.Time {
			session, err := s.ConsoleSession(t.Context(), cookie)
			if err != nil {
				t.Fatal(err)
			}
			return session.Confirmed
		}
		if !confirmed().Equal(now) {
			t.Errorf("a new session was confirmed at %v", confirmed())
		}
		advance(10 * time.Minute)
		expired := link(user)
		advance(state.LoginLife)
		for name, token := range map[string]string{
			"one of another person": link(state.ConsoleUser{Name: "bruno", Role: "admin"}), "one with another role": link(state.ConsoleUser{Name: "anna", Role: "viewer"}),
			"an old one": expired, "an unknown one": "guess", "none": "",
		} {
			if err := s.ConfirmConsoleSession(t.Context(), cookie, token); !errors.Is(err, state.ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		token := link(user)
		if err := s.ConfirmConsoleSession(t.Context(), "unknown", token); !errors.Is(err, state.ErrNotFound) {
			t.Errorf("an unknown session: %v", err)
		}
		if !confirmed().Equal(now) {
			t.Errorf("the session was confirmed at %v without a link", confirmed())
		}
		if err := s.ConfirmConsoleSession(t.Context(), cookie, token); err != nil || !confirmed().Equal(now.Add(11*time.Minute)) {
			t.Errorf("confirmed at %v, %v", confirmed(), err)
		}
		if err := s.ConfirmConsoleSession(t.Context(), cookie, token); !errors.Is(err, state.ErrNotFound) {
			t.Errorf("the same link twice: %v", err)
		}
	})
}
