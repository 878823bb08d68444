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
	*flights
	ended chan error // why it was ended
	lost  chan *flight
}

func newInTheAir() *inTheAir {
	a := &inTheAir{ended: make(chan error, 1), lost: make(chan *flight, 1)}
	a.flights = &flights{byCall: make(map[string]*flight), grace: retryGrace, lost: func(f *flight) { a.lost <- f }}
	return a
}

// wait is a caller that stays for a time, and reports whether it got a result.
func (a *inTheAir) wait(ctx context.Context, stay time.Duration) error {
	ctx, cancel := context.WithTimeout(withAudit(ctx, new(auditLine)), stay)
	defer cancel()
	_, err := a.share(ctx, "call", func(ctx context.Context) (store.Media, error) {
		<-ctx.Done()
		a.ended <- context.Cause(ctx)
		return store.Media{}, context.Cause(ctx)
	})
	return err
}

func TestFlightIsGivenUpAfterTheLastCallersGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newInTheAir()
		_ = a.wait(t.Context(), time.Second) // gone after 1 s
		time.Sleep(3 * time.Second)
		_ = a.wait(t.Context(), time.Second) // here from 4 s to 5 s, so that the first grace ends at 6 s
		time.Sleep(retryGrace - time.Millisecond)
		synctest.Wait()
		if len(a.ended) != 0 {
			t.Fatal("the flight was given up before its grace was over")
		}
		time.Sleep(2 * time.Millisecond)
		if err := <-a.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("ended by %v", err)
		}
		if lost := <-a.lost; lost.call != "call" || lost.taken {
			t.Errorf("%+v", lost)
		}
	})
}

func TestCloseWaitsForFlightsAndThenEndsThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newInTheAir()
		_ = a.wait(t.Context(), time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // shorter than the grace
		defer cancel()
		began := time.Now()
		a.close(ctx)
		if took := time.Since(began); took != time.Second {
			t.Errorf("closed after %v", took)
		}
		if err := <-a.ended; !errors.Is(err, ErrStopped) {
			t.Errorf("ended by %v", err)
		}
		<-a.lost
		if err := a.wait(t.Context(), time.Second); !errors.Is(err, ErrStopped) {
			t.Errorf("a call after the end: %v", err)
		}
	})
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
