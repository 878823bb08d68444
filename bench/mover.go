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
	// measures reports whether the mover takes part in a case.
	measures(c benchCase) bool
	// run moves the workload's object n times, in a fresh process, after one
	// upload of the object of warmUpSize that is not timed. The sample that it
	// returns lacks what the store and the sink used.
	run(ctx context.Context, w workload, n int) (sample, error)
}

// The names of the movers that bounds refer to.
const (
	nameFerry    = "ferry"
	nameReusing  = "ferry, reuse"
	nameWatched  = "ferry, watched"
	nameTraced   = "ferry, traced"
	nameGostream = "gostream"
	nameBare     = "bare"
	nameSHA256   = "bare+SHA-256"
	nameBoto3    = "boto3+requests"
)

// warmUpSize is the size of the object that every run uploads first, untimed.
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
	SinkCPU  float64 `json:"sink_cpu_s"`          // of the sink
	PeakRSS  int64   `json:"peak_rss"`            // of the mover
	IdleRSS  int64   `json:"idle_rss,omitzero"`   // of the mover before the first upload, where it waits for one
	P50      float64 `json:"p50_s"`               // of one upload
	P99      float64 `json:"p99_s"`
	HitBytes float64 `json:"hit_bytes,omitzero"` // sent by the store for each upload that was answered by reuse
	Entries  int64   `json:"entries,omitzero"`   // that the journal has received, where somebody looks at it
	MoreRSS  int64   `json:"more_rss,omitzero"`  // of the peak, than that of the run beside it without the console; at least 1
	Looks    int     `json:"looks,omitzero"`     // at the timeline
}

func (s sample) gigabytes() float64 { return float64(s.Bytes) / 1e9 }

// overIdle returns the peak of memory above that before the first upload, in MiB.
func (s sample) overIdle() float64 {
	return (float64(s.PeakRSS) - orNaN(float64(s.IdleRSS))) / mib
}

// lineTimes returns the median duration of an upload over what the slow line
// needs for the bytes of the file alone.
func (s sample) lineTimes() float64 {
	return s.P50 / (float64(s.Bytes) / float64(s.Uploads) / (lineBitsPerSecond / 8))
}

// A column is one figure of a sample. value returns NaN where there is none.
type column struct {
	key, title string
	value      func(sample) float64
	kind       columnKind
}

// A columnKind says where a figure is shown.
type columnKind int

const (
	inTable    columnKind = iota // in the table
	withRatio                    // in the table, and as a ratio of two movers
	boundsOnly                   // where a bound refers to it
)

// columns are the figures in the order of the table.
var columns = []column{
	{"uploads_per_s", "uploads/s", func(s sample) float64 { return float64(s.Uploads) / s.Wall }, withRatio},
	{"mb_per_s", "MB/s", func(s sample) float64 { return float64(s.Bytes) / 1e6 / s.Wall }, withRatio},
	{"cpu_s_per_gb", "CPU s/GB", func(s sample) float64 { return s.CPU / s.gigabytes() }, withRatio},
	{"cpu_ms_per_upload", "CPU ms/upl", func(s sample) float64 { return s.CPU / float64(s.Uploads) * 1e3 }, inTable},
	{"load_cpu_s_per_gb", "load s/GB", func(s sample) float64 { return orNaN(s.LoadCPU) / s.gigabytes() }, inTable},
	{"peak_rss_mib", "peak MiB", func(s sample) float64 { return float64(s.PeakRSS) / mib }, withRatio},
	{"over_idle_mib", "over idle", sample.overIdle, inTable},
	{"idle_rss_mib", "idle MiB", func(s sample) float64 { return orNaN(float64(s.IdleRSS)) / mib }, inTable},
	{"p50_ms", "p50 ms", func(s sample) float64 { return s.P50 * 1e3 }, withRatio},
	{"p99_ms", "p99 ms", func(s sample) float64 { return s.P99 * 1e3 }, withRatio},
	{"line_times", "p50 over the line's own time", sample.lineTimes, boundsOnly},
	{"more_rss_mib", "peak memory over that without a console, MiB", func(s sample) float64 { return orNaN(float64(s.MoreRSS)) / mib }, boundsOnly},
	{"entries_per_s", "entries of the journal per s", func(s sample) float64 { return orNaN(float64(s.Entries)) / s.Wall }, boundsOnly},
	{"hit_bytes", "bytes from the store per hit", func(s sample) float64 { return orNaN(s.HitBytes) }, boundsOnly},
}

// orNaN returns NaN for a figure that was not measured.
func orNaN(v float64) float64 {
	if v == 0 {
		return math.NaN()
	}
	return v
}

// figure returns the median of a column over runs.
func (c column) figure(runs []sample) float64 { return median(c.values(runs)) }

func (c column) values(runs []sample) []float64 {
	values := make([]float64, len(runs))
	for i, s := range runs {
		values[i] = c.value(s)
	}
	return values
}

// ratio returns the median of ratios.
func (c column) ratio(ours, theirs []sample) float64 { return median(c.ratios(ours, theirs)) }

// ratios compares runs that were measured one after the other, so that a machine
// that becomes slower during the benchmark does not distort the result.
func (c column) ratios(ours, theirs []sample) []float64 {
	values := make([]float64, min(len(ours), len(theirs)))
	for i := range values {
		values[i] = c.value(ours[i]) / c.value(theirs[i])
	}
	return values
}

// findColumn returns the column with a key.
func findColumn(key string) column {
	return columns[slices.IndexFunc(columns, func(c column) bool { return c.key == key })]
}

// median returns NaN for no values, or when one of them is NaN.
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

// percentile returns the value below which a share of the sorted values lies.
func percentile(sorted []time.Duration, share float64) time.Duration {
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}
