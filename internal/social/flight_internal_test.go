package social

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"ferry/internal/store"
)

// inTheAir is flights with one flight that goes on until it is ended.
type inTheAir struct {
	flights
	ended chan error // why it was ended
}

func newInTheAir() *inTheAir {
	return &inTheAir{flights{byCall: make(map[string]*flight), grace: retryGrace}, make(chan error, 1)}
}

// call is a caller that stays as long as ctx.
func (a *inTheAir) call(ctx context.Context) error {
	_, err := a.share(withAudit(ctx, new(auditLine)), "call", func(ctx context.Context) (store.Media, error) {
		<-ctx.Done()
		a.ended <- context.Cause(ctx)
		return store.Media{}, context.Cause(ctx)
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
	synctest.Test(t, func(t *testing.T) {
		a := newInTheAir()
		ctx, cutOff := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cutOff(ErrStopped) })
		began := time.Now()
		if err := a.call(ctx); !errors.Is(err, ErrStopped) || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		<-a.ended
	})
}

func TestPanicEndsAFlight(t *testing.T) {
	f := flights{byCall: make(map[string]*flight), grace: retryGrace}
	ctx := withAudit(t.Context(), new(auditLine))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic did not get to the gate")
			}
		}()
		_, _ = f.share(ctx, "call", func(context.Context) (store.Media, error) { panic("work") })
	}()
	if _, err := f.share(ctx, "call", func(context.Context) (store.Media, error) { return store.Media{ID: "1"}, nil }); err != nil {
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
