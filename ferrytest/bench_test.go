package ferrytest_test

import (
	"sync"
	"testing"
	"time"

	"ferry/ferrytest"
)

// The targets are 15 ms and 1 s. TestMonthInABubbleTakesNoTime logs its time.

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		start := time.Now()
		failing(&testing.T{}, func(t testing.TB) {
			ferrytest.Start(t)
			b.ReportMetric(float64(time.Since(start).Microseconds())/1000, "ms/start")
		})
	}
}

func BenchmarkFiftyWorlds(b *testing.B) {
	for b.Loop() {
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { failing(&testing.T{}, func(t testing.TB) { ferrytest.Start(t) }) })
		}
		all.Wait()
	}
}
