package once

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

const grace = 5 * time.Second

var (
	errStopped = errors.New("the server was stopped")
	errSlow    = errors.New("the caller's time is over")
)

// endless is a group with work that goes on until its context ends.
type endless struct {
	Group[int]
	ended chan error // why it ended
}

func newEndless() *endless { return &endless{Group[int]{Grace: grace}, make(chan error, 2)} }

// call is a caller that stays as long as ctx.
func (e *endless) call(ctx context.Context) error {
	_, _, err := e.Do(ctx, "call", func(ctx context.Context) (int, error) {
		<-ctx.Done()
		e.ended <- context.Cause(ctx)
		return 0, context.Cause(ctx)
	})
	return err
}

func TestRunEndsAfterTheGraceOfItsLastCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEndless()
		first, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		go func() { _ = e.call(first) }() // leaves after 1 s, so that its grace would end at 6 s
		time.Sleep(4 * time.Second)
		second, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		_ = e.call(second) // there from 4 s to 5 s
		time.Sleep(grace - time.Millisecond)
		synctest.Wait()
		if len(e.ended) != 0 {
			t.Fatal("the run ended before its grace was over")
		}
		time.Sleep(2 * time.Millisecond)
		if err := <-e.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("ended by %v", err)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		if len(e.runs) != 0 {
			t.Error("it is still there")
		}
	})
}

func TestStopEndsARunAtOnce(t *testing.T) {
	for name, stays := range map[string]time.Duration{"whose caller is there": time.Hour, "whose caller has disconnected": time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEndless()
				time.AfterFunc(2*time.Second, func() { e.Stop(errStopped) })
				ctx, leave := context.WithTimeout(t.Context(), stays)
				defer leave()
				began := time.Now()
				if err := e.call(ctx); !errors.Is(err, errStopped) || time.Since(began) != 2*time.Second {
					t.Errorf("%v after %v", err, time.Since(began))
				}
				if err := e.call(t.Context()); !errors.Is(err, errStopped) {
					t.Errorf("a run after the stop: %v", err)
				}
			})
		})
	}
}

func TestRunWithoutGraceEndsForTheReasonOfItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEndless()
		e.Grace = 0
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errSlow)
		defer cancel()
		if err := e.call(ctx); !errors.Is(err, errSlow) {
			t.Error(err)
		}
	})
}

func TestCallerThatLeavesGetsItsOwnReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEndless()
		go func() { _ = e.call(t.Context()) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errSlow)
		defer cancel()
		if err := e.call(ctx); !errors.Is(err, errSlow) {
			t.Error(err)
		}
		e.Stop(errStopped)
	})
}

func TestSuccessIsKeptForItsGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := Group[string]{Grace: grace}
		runs := 0
		call := func(ctx context.Context) (shared bool) {
			value, shared, err := g.Do(ctx, "call", func(context.Context) (string, error) {
				runs++
				time.Sleep(grace - time.Millisecond) // nearly as long as a run without callers may take
				return "result", nil
			})
			if err != nil || value != "result" {
				t.Errorf("%q, %v", value, err)
			}
			return shared
		}
		disconnected, leave := context.WithCancel(t.Context())
		leave()
		call(disconnected)
		time.Sleep(grace - time.Millisecond)
		if shared := call(t.Context()); !shared || runs != 1 {
			t.Errorf("the work was done %d times, shared %t", runs, shared)
		}
		time.Sleep(grace)
		synctest.Wait()
		if len(g.runs) != 0 {
			t.Error("the success is still kept")
		}
	})
}

func TestFailureIsNotKept(t *testing.T) {
	g := Group[int]{Grace: grace}
	runs := 0
	for range 2 {
		value, shared, err := g.Do(t.Context(), "call", func(context.Context) (int, error) { runs++; return runs, errSlow })
		if !errors.Is(err, errSlow) || shared || value != runs {
			t.Errorf("run %d: %d, shared %t, %v", runs, value, shared, err)
		}
	}
	if runs != 2 {
		t.Errorf("%d runs", runs)
	}
}

func TestWithoutAKeyNothingIsShared(t *testing.T) {
	g := Group[int]{Grace: grace}
	runs := 0
	for range 2 {
		_, _, _ = g.Do(t.Context(), "", func(context.Context) (int, error) { runs++; return 0, nil })
	}
	if runs != 2 || len(g.runs) != 0 {
		t.Errorf("%d runs, %d kept", runs, len(g.runs))
	}
}

func TestPanicEndsARun(t *testing.T) {
	g := Group[int]{Grace: grace}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic did not reach the caller")
			}
		}()
		_, _, _ = g.Do(t.Context(), "call", func(context.Context) (int, error) { panic("work") })
	}()
	if _, _, err := g.Do(t.Context(), "call", func(context.Context) (int, error) { return 1, nil }); err != nil {
		t.Errorf("the next attempt: %v", err)
	}
}

func TestCallersWhoJoinARunThatPanicsGetAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Group[int]
		go func() {
			defer func() { _ = recover() }()
			_, _, _ = g.Do(t.Context(), "call", func(context.Context) (int, error) { time.Sleep(time.Second); panic("work") })
		}()
		synctest.Wait()
		if _, shared, err := g.Do(t.Context(), "call", nil); !errors.Is(err, ErrPanicked) || !shared {
			t.Errorf("%v, shared %t", err, shared)
		}
	})
}
