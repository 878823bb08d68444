package ferrytest_test

import (
	"testing"
	"time"

	"ferry/ferrytest"
)

// The targets of a machine that does nothing else. The tests allow 20 times as much, because
// the race detector and other tests slow them down: they find what costs a multiple.
const (
	startTarget = 15 * time.Millisecond // of Start
	fiftyTarget = time.Second           // of 50 worlds that start at once
	monthTarget = 50 * time.Millisecond // of 31 days in a bubble
	margin      = 20
)

// withinTarget fails a test that has taken much longer than its target.
func withinTarget(t *testing.T, what string, took, target time.Duration) {
	t.Helper()
	t.Logf("%s took %v; the target is %v", what, took, target)
	if took > margin*target {
		t.Errorf("%s took %v, more than %d times its target of %v", what, took, margin, target)
	}
}

func TestStartTakesMilliseconds(t *testing.T) {
	best := time.Hour
	for range 10 {
		failed := failing(t, func(t testing.TB) {
			begun := time.Now()
			ferrytest.Start(t)
			best = min(best, time.Since(begun))
		})
		if failed != "" {
			t.Fatal(failed)
		}
	}
	withinTarget(t, "the best of 10 starts", best, startTarget)
}
