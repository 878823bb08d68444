package social

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"ferry/internal/state"
)

// inTheAir is flights with one flight that goes on until it is ended.
type inTheAir struct {
	flights
	ended chan error // why it was ended
}

func newInTheAir() *inTheAir {
	return &inTheAir{flights{byCall: make(map[string]*flight), grace: retryGrace, until: context.Background()}, make(chan error, 1)}
}

// call is a caller that stays as long as ctx.
func (a *inTheAir) call(ctx context.Context) error {
	_, err := a.share(withAudit(ctx, new(auditLine)), "call", func(ctx context.Context) (state.Media, error) {
		<-ctx.Done()
		a.ended <- context.Cause(ctx)
		return state.Media{}, context.Cause(ctx)
	})
	return err
}

func TestFlightIsGivenUpAfterTheLastCallersGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newInTheAir()
		first, gone := context.WithTimeout(t.Context(), time.Second)
		defer gone()
		go func() { _ = a.call(first) }() // gone after 1 s, so that its grace ends at 6 s
		time.Sleep(4 * time.Second)
		second, gone := context.WithTimeout(t.Context(), time.Second)
		defer gone()
		_ = a.call(second) // here from 4 s to 5 s
		time.Sleep(retryGrace - time.Millisecond)
		synctest.Wait()
		if len(a.ended) != 0 {
			t.Fatal("the flight was given up before its grace was over")
		}
		time.Sleep(2 * time.Millisecond)
		if err := <-a.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("ended by %v", err)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if len(a.byCall) != 0 {
			t.Error("it is still there")
		}
	})
}

func TestStopOfTheServerEndsAFlightAtOnce(t *testing.T) {
	for name, goes := range map[string]time.Duration{"whose caller is there": time.Hour, "whose caller has gone": time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newInTheAir()
				until, cutOff := context.WithCancelCause(t.Context())
				a.until = until
				time.AfterFunc(2*time.Second, func() { cutOff(ErrStopped) })
				ctx, gone := context.WithTimeout(t.Context(), goes)
				defer gone()
				began := time.Now()
				if err := a.call(ctx); !errors.Is(err, ErrStopped) || time.Since(began) != 2*time.Second {
					t.Errorf("%v after %v", err, time.Since(began))
				}
			})
		})
	}
}

// Whoever leaves at the server's limit is told of it, and not that the source
// or Meta failed.
func TestFlightWithoutGraceEndsForTheReasonOfItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newInTheAir()
		a.grace = 0
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errUploadTimeout)
		defer cancel()
		if err := a.call(ctx); !errors.Is(err, errUploadTimeout) {
			t.Error(err)
		}
	})
}

func TestSuccessIsKeptFromItsEndOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := flights{byCall: make(map[string]*flight), grace: retryGrace, until: context.Background()}
		uploads := 0
		call := func(ctx context.Context) {
			_, err := f.share(withAudit(ctx, new(auditLine)), "call", func(context.Context) (state.Media, error) {
				uploads++
				time.Sleep(retryGrace - time.Millisecond) // nearly as long as a flight without a caller may take
				return state.Media{ID: "1"}, nil
			})
			if err != nil {
				t.Error(err)
			}
		}
		gone, leave := context.WithCancel(t.Context())
		leave()
		call(gone)
		time.Sleep(retryGrace - time.Millisecond)
		call(t.Context())
		if uploads != 1 {
			t.Errorf("the work was done %d times", uploads)
		}
		time.Sleep(retryGrace)
		synctest.Wait()
		if len(f.byCall) != 0 {
			t.Error("the success is still kept")
		}
	})
}

func TestPanicEndsAFlight(t *testing.T) {
	f := flights{byCall: make(map[string]*flight), grace: retryGrace, until: context.Background()}
	ctx := withAudit(t.Context(), new(auditLine))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic did not get to the gate")
			}
		}()
		_, _ = f.share(ctx, "call", func(context.Context) (state.Media, error) { panic("work") })
	}()
	if _, err := f.share(ctx, "call", func(context.Context) (state.Media, error) { return state.Media{ID: "1"}, nil }); err != nil {
		t.Errorf("another attempt: %v", err)
	}
}

func TestRetriesAreATenthOfTheTransfersWhenEverythingFails(t *testing.T) {
	q := quota{accounts: make(map[string]*usage)}
	retries := 0
	const transfers = 1000
	for range transfers {
		q.began("111122223333")
		for range maxAttempts - 1 {
			if q.mayRetry("111122223333") {
				retries++
			}
		}
	}
	if most := retryReserve + transfers*retryShare; float64(retries) > most+1 || float64(retries) < most-1 {
		t.Errorf("%d retries of %d transfers", retries, transfers)
	}
	if !q.mayRetry("444455556666") {
		t.Error("another account has no retry left")
	}
}
