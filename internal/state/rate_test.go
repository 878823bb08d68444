package state_test

import (
	"sync"
	"testing"
	"time"

	"ferry/internal/state"
)

func TestSharesOfARateFollowEachOther(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		take := func(length, earliest, latest time.Duration) (time.Duration, bool) {
			t.Helper()
			begin, ok, err := s.TakeRate(t.Context(), "number/1", length, now.Add(earliest), now.Add(latest))
			if err != nil {
				t.Fatal(err)
			}
			return begin.Sub(now), ok
		}
		for _, step := range []struct {
			length, earliest, latest time.Duration
			begin                    time.Duration
			ok                       bool
		}{
			{4 * time.Second, -time.Second, time.Minute, -time.Second, true},
			{2 * time.Second, -time.Second, time.Minute, 3 * time.Second, true}, // after the one before
			{time.Second, 0, 4 * time.Second, 0, false},                         // it would begin at 5 s
			{time.Second, 0, 5 * time.Second, 5 * time.Second, true},
			{time.Second, time.Minute, time.Hour, time.Minute, true}, // what nobody took is lost
		} {
			begin, ok := take(step.length, step.earliest, step.latest)
			if ok != step.ok || ok && begin != step.begin {
				t.Errorf("%+v: begins at %v, %v", step, begin, ok)
			}
		}
		rates, err := s.Rates(t.Context(), "number/1", "number/2")
		if err != nil || len(rates) != 1 || !rates["number/1"].UsedUntil.Equal(now.Add(61*time.Second)) {
			t.Errorf("Rates = %v, %v", rates, err)
		}
	})
}

func TestConcurrentSharesOfARateDoNotOverlap(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		const takers = 20
		var group sync.WaitGroup
		begins := make([]time.Time, takers)
		for i := range takers {
			group.Go(func() {
				var err error
				if begins[i], _, err = s.TakeRate(t.Context(), "number/1", time.Second, now, now.Add(time.Hour)); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		seen := make(map[time.Duration]bool)
		for _, begin := range begins {
			if seen[begin.Sub(now)] {
				t.Errorf("two shares begin at %v", begin.Sub(now))
			}
			seen[begin.Sub(now)] = true
		}
		if !seen[0] || !seen[(takers-1)*time.Second] {
			t.Errorf("the shares begin at %v", seen)
		}
	})
}

func TestBlockIsNotShortened(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		for _, step := range []struct{ pause, until time.Duration }{
			{time.Minute, time.Minute}, {time.Second, time.Minute}, {time.Hour, time.Hour},
		} {
			until, err := s.BlockRate(t.Context(), "pair/1/2", time.Minute, func(int) time.Duration { return step.pause })
			if err != nil || until.Sub(now) != step.until {
				t.Errorf("a block of %v ends at %v, %v", step.pause, until.Sub(now), err)
			}
			rates, err := s.Rates(t.Context(), "pair/1/2")
			if err != nil || !rates["pair/1/2"].BlockedUntil.Equal(until) || rates["pair/1/2"].Refusals != 1 {
				t.Errorf("Rates = %+v, %v", rates, err)
			}
		}
	})
}

func TestRatesThatAreNotUsedArePurged(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		for id, used := range map[string]time.Duration{"old": -2 * time.Hour, "recent": -time.Minute, "in use": time.Minute} {
			if _, _, err := s.TakeRate(t.Context(), id, time.Second, now.Add(used), now.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.BlockRate(t.Context(), "blocked", time.Minute, func(int) time.Duration { return time.Hour }); err != nil {
			t.Fatal(err)
		}
		removed, err := s.Purge(t.Context())
		if err != nil || removed != 1 {
			t.Errorf("%d rows purged, %v", removed, err)
		}
		rates, err := s.Rates(t.Context(), "old", "recent", "in use", "blocked")
		if _, found := rates["old"]; err != nil || len(rates) != 3 || found {
			t.Errorf("left: %v, %v", rates, err)
		}
	})
}

func TestClockThatIsSetBackForgetsRateLimits(t *testing.T) {
	eachKind(t, func(t *testing.T, db *state.DB) {
		pause := func(int) time.Duration { return time.Hour }
		if _, err := db.BlockRate(t.Context(), "number/1", time.Minute, pause); err != nil {
			t.Fatal(err)
		}
		if rates, err := db.Rates(t.Context(), "number/1"); err != nil || len(rates) != 1 {
			t.Fatal(rates, err)
		}
		if err := db.ClockSetBack(t.Context(), 48*time.Hour); err != nil {
			t.Fatal(err)
		}
		if rates, err := db.Rates(t.Context(), "number/1"); err != nil || len(rates) != 0 {
			t.Errorf("%v, %v", rates, err)
		}
		if err := db.ClearEvents(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
