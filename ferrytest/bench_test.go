package ferrytest_test

import (
	"sync"
	"testing"
	"time"

	"ferry/ferrytest"
)

// The targets are in speed_test.go.

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
