// What has to hold.

package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// A bound is a limit for one figure of one case: ferry's, or with against
// ferry's over another mover's.
type bound struct {
	name, of string // of: the case
	key      string // column
	against  string // "" = the figure itself
	atLeast  bool
	limit    float64
}

// yardstick stands for gostream, or where that is missing our own bare mover.
const yardstick = "(yardstick)"

// linePerUpload is the column of line cases: p50 over what the line needs for the file alone.
const linePerUpload = "line_times"

// hitBytes is the column of what the store sends for a reuse hit. The answer to
// a question for the object's head has a few hundred bytes, the object 20,480.
const hitBytes = "hit_bytes"

var bounds = []bound{
	{"uploads/s", "20KiB@32", "uploads_per_s", yardstick, true, 0.70},
	{"uploads/s", "20KiB@32", "uploads_per_s", nameBoto3, true, 5},
	{"MB/s", "1MiB@8", "mb_per_s", yardstick, true, 0.90},
	{"MB/s", "16MiB@8", "mb_per_s", yardstick, true, 0.95},
	{"CPU s/GB", "16MiB@8", "cpu_s_per_gb", yardstick, false, 1.15},
	{"MB/s", "16MiB@8", "mb_per_s", nameBoto3, true, 2.5},
	{"MB/s", "100MiB@8", "mb_per_s", yardstick, true, 0.95},
	{"CPU s/GB", "100MiB@8", "cpu_s_per_gb", yardstick, false, 1.15},
	{"MB/s", "100MiB@8", "mb_per_s", nameBoto3, true, 2.5},
	{"MB/s", "https:16MiB@8", "mb_per_s", yardstick, true, 0.95},
	{"peak RSS over idle, MiB", "100MiB@8", "over_idle_mib", "", false, 64},
	{"peak RSS over idle, MiB", "16MiB@64", "over_idle_mib", "", false, 128},
	{"time to media id, over the line's own", "line:16MiB@1", linePerUpload, "", false, 1.05},
	{"uploads/s of a hit, over an upload's", reuseCase, "uploads_per_s", "ferry", true, 2},
	{"bytes from the store for a hit (a head)", reuseCase, hitBytes, "", false, kib},
}

// boundResult is what a run says about a bound.
type boundResult struct {
	Case     string  `json:"case"`
	What     string  `json:"what"`
	Against  string  `json:"against,omitzero"`
	AtLeast  bool    `json:"at_least"`
	Limit    float64 `json:"limit"`
	Measured bool    `json:"measured"`
	Value    float64 `json:"value"` // the median; of memory the largest
	Low      float64 `json:"low"`   // of the runs
	High     float64 `json:"high"`
	Holds    bool    `json:"holds"`

	bound bound
}

// evaluate holds a run against the bounds.
func evaluate(r *report) []boundResult {
	var results []boundResult
	for _, b := range bounds {
		against := b.against
		if against == yardstick {
			against = r.yardstick()
		}
		result := boundResult{Case: b.of, What: b.name, Against: against, AtLeast: b.atLeast, Limit: b.limit, bound: b}
		if values := r.values(b, against); len(values) > 0 && !slices.ContainsFunc(values, math.IsNaN) {
			result.Measured = true
			result.Value, result.Low, result.High = median(values), slices.Min(values), slices.Max(values)
			if b.key == "over_idle_mib" {
				result.Value = result.High
			}
			result.Holds = b.atLeast && result.Value >= b.limit || !b.atLeast && result.Value <= b.limit
		}
		results = append(results, result)
	}
	return results
}

// yardstick is the name of the mover that the bounds compare with.
func (r *report) yardstick() string {
	for _, c := range r.Cases {
		if c.mover(nameGostream) != nil {
			return nameGostream
		}
	}
	return nameBare
}

// values are the figures or ratios of the runs that a bound is about.
func (r *report) values(b bound, against string) []float64 {
	c := r.find(b.of)
	if c == nil {
		return nil
	}
	ours := c.Movers[0].Runs
	if b.key == hitBytes {
		return []float64{r.HitRead}
	}
	if b.key == linePerUpload {
		alone := float64(c.Size) / (lineBitsPerSecond / 8)
		return each(ours, func(s sample) float64 { return s.P50 / alone })
	}
	column := columnOf(b.key)
	if against == "" {
		return each(ours, column.of)
	}
	other := c.mover(against)
	if other == nil {
		return nil
	}
	return column.ratios(ours, other.Runs)
}

func each(runs []sample, of func(sample) float64) []float64 {
	values := make([]float64, len(runs))
	for i, s := range runs {
		values[i] = of(s)
	}
	return values
}

// find gives a case by its name; nil = it was not measured.
func (r *report) find(name string) *caseResult {
	for i := range r.Cases {
		if r.Cases[i].Case == name {
			return &r.Cases[i]
		}
	}
	return nil
}

// mover gives what was found of a mover; nil = nothing.
func (c *caseResult) mover(name string) *moverResult {
	for i := range c.Movers {
		if c.Movers[i].Mover == name {
			return &c.Movers[i]
		}
	}
	return nil
}

// allHold says whether every bound was measured and holds.
func (r *report) allHold() bool {
	return !slices.ContainsFunc(r.Bounds, func(b boundResult) bool { return !b.Holds })
}

func (b boundResult) what() string {
	if b.Against == "" || b.Case == reuseCase {
		return b.What
	}
	return b.What + ", to " + b.Against
}

func (b boundResult) limitText() string {
	if b.AtLeast {
		return fmt.Sprintf("≥ %g", b.Limit)
	}
	return fmt.Sprintf("≤ %g", b.Limit)
}

func (b boundResult) valueText() string {
	if !b.Measured {
		return "–"
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", b.Value, b.Low, b.High)
}

func (b boundResult) verdict() string {
	switch {
	case !b.Measured:
		return "not measured"
	case b.Holds:
		return "met"
	default:
		return "NOT met"
	}
}

// boundsTable prints the bounds.
func (r *report) boundsTable(w io.Writer) {
	rows := [][]string{{"bound", "case", "limit", "found (runs)", ""}}
	held := 0
	for _, b := range r.Bounds {
		rows = append(rows, []string{b.what(), b.Case, b.limitText(), b.valueText(), b.verdict()})
		if b.Holds {
			held++
		}
	}
	var text strings.Builder
	align(&text, rows)
	fmt.Fprintf(w, "%s\n%d of %d bounds hold.\n", text.String(), held, len(r.Bounds))
	if same := r.sameWork(); len(same) > 1 {
		fmt.Fprintf(w, "\nBeside these, with no bound: ferry to %s, the bare mover that does the same to every byte.\n", nameSHA256)
		align(w, same)
	}
}

// sameWork are rows about ferry beside the bare mover with a digest: the
// second yardstick, since gostream hashes nothing.
func (r *report) sameWork() [][]string {
	rows := [][]string{{"case", "", "MB/s", "CPU s/GB", nameSHA256 + " to " + r.yardstick() + ": MB/s", "CPU s/GB"}}
	for i := range r.Cases {
		c := &r.Cases[i]
		hashing, bare := c.mover(nameSHA256), c.mover(r.yardstick())
		if hashing == nil || bare == nil {
			continue
		}
		cells := []string{c.Case, ""}
		for _, pair := range [][2]*moverResult{{&c.Movers[0], hashing}, {hashing, bare}} {
			for _, key := range []string{"mb_per_s", "cpu_s_per_gb"} {
				cells = append(cells, fmt.Sprintf("%.2f", columnOf(key).ratio(pair[0].Runs, pair[1].Runs)))
			}
		}
		rows = append(rows, cells)
	}
	return rows
}
