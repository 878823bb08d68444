// What a mover is, and what is known of one run of it.

package main

import (
	"context"
	"math"
	"slices"
	"time"
)

// A mover takes objects from the store to the sink.
type mover interface {
	name() string
	// measures says whether the mover takes part in a case.
	measures(w workload) bool
	// run moves the workload's object n times, in a fresh process, after one
	// untimed upload of the object of warmUpSize. It leaves out of the sample
	// what the store and the sink used.
	run(ctx context.Context, w workload, n int) (sample, error)
}

// warmUpSize is the size of the object that every run begins with, untimed.
const warmUpSize = 20 * kib

// runTimeout bounds one run of one mover.
const runTimeout = 3 * time.Minute

// A sample is one run of one mover in one case. Times are in seconds, CPU is
// user and system time together, sizes are in bytes.
type sample struct {
	Uploads  int     `json:"uploads"`
	Bytes    int64   `json:"bytes"`
	Wall     float64 `json:"wall_s"`
	CPU      float64 `json:"cpu_s"`               // of the mover
	LoadCPU  float64 `json:"load_cpu_s,omitzero"` // of its callers, where they are another process
	StoreCPU float64 `json:"store_cpu_s"`         // of the S3 server
	SinkCPU  float64 `json:"sink_cpu_s"`          // of what stands in Meta's place
	PeakRSS  int64   `json:"peak_rss"`            // of the mover
	IdleRSS  int64   `json:"idle_rss,omitzero"`   // of the mover before the first upload, where it waits for one
	P50      float64 `json:"p50_s"`               // of one upload
	P99      float64 `json:"p99_s"`
}

func (s sample) gigabytes() float64 { return float64(s.Bytes) / 1e9 }

// machineCPU is what store, mover, sink and callers used for a GB, in seconds.
func (s sample) machineCPU() float64 {
	return (s.StoreCPU + s.CPU + s.SinkCPU + s.LoadCPU) / s.gigabytes()
}

// overIdle is the peak of memory above that before the first upload, in MiB.
func (s sample) overIdle() float64 {
	return (float64(s.PeakRSS) - known(float64(s.IdleRSS))) / mib
}

// A column is one figure of a sample. of gives NaN where there is none.
type column struct {
	key, title string
	of         func(sample) float64
	asRatio    bool // whether one mover's over another's says something
}

// columns are the figures in the order of the table.
var columns = []column{
	{"uploads_per_s", "uploads/s", func(s sample) float64 { return float64(s.Uploads) / s.Wall }, true},
	{"mb_per_s", "MB/s", func(s sample) float64 { return float64(s.Bytes) / 1e6 / s.Wall }, true},
	{"cpu_s_per_gb", "CPU s/GB", func(s sample) float64 { return s.CPU / s.gigabytes() }, true},
	{"cpu_ms_per_upload", "CPU ms/upl", func(s sample) float64 { return s.CPU / float64(s.Uploads) * 1e3 }, false},
	{"load_cpu_s_per_gb", "load s/GB", func(s sample) float64 { return known(s.LoadCPU) / s.gigabytes() }, false},
	{"peak_rss_mib", "peak MiB", func(s sample) float64 { return float64(s.PeakRSS) / mib }, true},
	{"over_idle_mib", "over idle", sample.overIdle, false},
	{"idle_rss_mib", "idle MiB", func(s sample) float64 { return known(float64(s.IdleRSS)) / mib }, false},
	{"p50_ms", "p50 ms", func(s sample) float64 { return s.P50 * 1e3 }, true},
	{"p99_ms", "p99 ms", func(s sample) float64 { return s.P99 * 1e3 }, true},
}

// known turns a figure that was not taken into NaN.
func known(v float64) float64 {
	if v == 0 {
		return math.NaN()
	}
	return v
}

// figure is the median of a column over runs.
func (c column) figure(runs []sample) float64 {
	values := make([]float64, len(runs))
	for i, s := range runs {
		values[i] = c.of(s)
	}
	return median(values)
}

// ratio is the median over pairs of runs, one beside the other in time, so
// that a machine that slows down during the benchmark does not bend it.
func (c column) ratio(ours, theirs []sample) float64 { return median(c.ratios(ours, theirs)) }

// ratios are those of the pairs.
func (c column) ratios(ours, theirs []sample) []float64 {
	values := make([]float64, min(len(ours), len(theirs)))
	for i := range values {
		values[i] = c.of(ours[i]) / c.of(theirs[i])
	}
	return values
}

// columnOf finds a column by its key.
func columnOf(key string) column {
	return columns[slices.IndexFunc(columns, func(c column) bool { return c.key == key })]
}

// median gives NaN for no values, or when one of them is.
func median(values []float64) float64 {
	if len(values) == 0 || slices.ContainsFunc(values, math.IsNaN) {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// percentile gives the value below which a share of the sorted values lies.
func percentile(sorted []time.Duration, share float64) time.Duration {
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}
