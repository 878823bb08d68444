package main

import (
	"math"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3}, {[]float64{3, 1}, 2}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 3, 2}, 2.5},
		{nil, math.NaN()}, {[]float64{1, math.NaN()}, math.NaN()},
	} {
		got := median(test.values)
		if got != test.want && !(math.IsNaN(got) && math.IsNaN(test.want)) {
			t.Errorf("median of %v is %v, want %v", test.values, got, test.want)
		}
	}
	values := []float64{9, 1, 5}
	if median(values); values[0] != 9 {
		t.Error("median sorts the caller's values")
	}
}

func TestRatioComparesRunsThatStoodSideBySide(t *testing.T) {
	rate := columns[0]
	// The machine grew four times slower from the first pair to the last.
	ours := []sample{{Uploads: 80, Wall: 1}, {Uploads: 40, Wall: 1}, {Uploads: 20, Wall: 1}}
	theirs := []sample{{Uploads: 100, Wall: 1}, {Uploads: 50, Wall: 1}, {Uploads: 25, Wall: 1}}
	if got := rate.ratio(ours, theirs); got != 0.8 {
		t.Errorf("ratio %v, want 0.8", got)
	}
	if got := rate.ratio(ours, theirs[:1]); got != 0.8 {
		t.Errorf("ratio of unequal counts %v, want that of the pairs, 0.8", got)
	}
}

func TestFiguresOfASample(t *testing.T) {
	s := sample{Uploads: 10, Bytes: 2e9, Wall: 4, CPU: 3, PeakRSS: 48 * mib, P50: 0.25, P99: 0.5}
	want := map[string]float64{
		"uploads_per_s": 2.5, "mb_per_s": 500, "cpu_s_per_gb": 1.5, "cpu_ms_per_upload": 300,
		"peak_rss_mib": 48, "p50_ms": 250, "p99_ms": 500,
	}
	got := figures(func(c column) float64 { return c.figure([]sample{s}) })
	for key, value := range want {
		if got[key] != value {
			t.Errorf("%s is %v, want %v", key, got[key], value)
		}
	}
	if len(got) != len(want) {
		t.Errorf("figures %v; those that were not measured must be absent", got)
	}
}

func TestPercentile(t *testing.T) {
	sorted := make([]time.Duration, 100)
	for i := range sorted {
		sorted[i] = time.Duration(i)
	}
	for share, want := range map[float64]time.Duration{0: 0, 0.5: 50, 0.99: 99, 1: 99} {
		if got := percentile(sorted, share); got != want {
			t.Errorf("percentile %v is %d, want %d", share, got, want)
		}
	}
}
