// Whether the bounds hold.

package main

import (
	"fmt"
	"io"
	"math"
	"slices"
)

// boundResult is what a run says about a bound.
type boundResult struct {
	Case     string  `json:"case"`
	Figure   string  `json:"figure"` // key of a column
	Against  string  `json:"against,omitzero"`
	AtLeast  bool    `json:"at_least"`
	Limit    float64 `json:"limit"`
	Measured bool    `json:"measured"`
	Value    float64 `json:"value"` // the median; of memory the largest
	Low      float64 `json:"low"`   // of the runs
	High     float64 `json:"high"`
	Holds    bool    `json:"holds"`
}

// evaluate compares a report with the bounds of the selected cases. Without the
// alternatives, the bounds that compare ferry with one of them are left out.
func evaluate(r *report, selected []benchCase, alternatives bool) []boundResult {
	var results []boundResult
	for _, c := range selected {
		for _, b := range c.bounds {
			if isAlternative(b.against) && !alternatives {
				continue
			}
			result := boundResult{Case: c.String(), Figure: b.figure, Against: r.resolve(b.against), AtLeast: b.atLeast, Limit: b.limit}
			if values := r.values(result); len(values) > 0 && !slices.ContainsFunc(values, math.IsNaN) {
				result.Measured = true
				result.Value, result.Low, result.High = median(values), slices.Min(values), slices.Max(values)
				if b.figure == "over_idle_mib" {
					result.Value = result.High
				}
				result.Holds = b.atLeast && result.Value >= b.limit || !b.atLeast && result.Value <= b.limit
			}
			results = append(results, result)
		}
	}
	return results
}

// resolve returns the name of the mover that a bound refers to.
func (r *report) resolve(against string) string {
	if against != yardstick {
		return against
	}
	for _, c := range r.Cases {
		if c.mover(nameGostream) != nil {
			return nameGostream
		}
	}
	return nameBare
}

// values returns ferry's figures of the runs that a bound is about, or their ratios.
func (r *report) values(b boundResult) []float64 {
	c := r.find(b.Case)
	if c == nil {
		return nil
	}
	ours, column := c.Movers[0].Runs, findColumn(b.Figure)
	if b.Against == "" {
		return column.values(ours)
	}
	other := c.mover(b.Against)
	if other == nil {
		return nil
	}
	return column.ratios(ours, other.Runs)
}

// find returns a case by its name, or nil if it was not measured.
func (r *report) find(name string) *caseResult {
	for i := range r.Cases {
		if r.Cases[i].Case == name {
			return &r.Cases[i]
		}
	}
	return nil
}

// mover returns the result of a mover, or nil if it was not measured.
func (c *caseResult) mover(name string) *moverResult {
	for i := range c.Movers {
		if c.Movers[i].Mover == name {
			return &c.Movers[i]
		}
	}
	return nil
}

// allHold reports whether every bound was measured and holds.
func (r *report) allHold() bool {
	return !slices.ContainsFunc(r.Bounds, func(b boundResult) bool { return !b.Holds })
}

// what names the figure: "MB/s ÷ gostream's".
func (b boundResult) what() string {
	title := findColumn(b.Figure).title
	if b.Figure == "over_idle_mib" {
		title = "peak memory over idle, MiB"
	}
	switch b.Against {
	case "":
		return title
	case nameFerry:
		if b.Case == (workload{20 * kib, 32, viaWatch}).String() {
			return title + " while somebody looks ÷ without a console"
		}
		if b.Case == (workload{20 * kib, 32, viaTraced}).String() {
			return title + " with metrics and traces ÷ without"
		}
		return title + " with reuse ÷ without"
	}
	return title + " ÷ " + b.Against + "'s"
}

func (b boundResult) limitText() string {
	if b.AtLeast {
		return fmt.Sprintf("≥ %.4g", b.Limit)
	}
	return fmt.Sprintf("≤ %.4g", b.Limit)
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
		return "holds"
	default:
		return "DOES NOT HOLD"
	}
}

// boundsRows returns the table of bounds, with a header.
func (r *report) boundsRows() [][]string {
	rows := [][]string{{"case", "figure of ferry", "limit", "measured (range of the runs)", "result"}}
	for _, b := range r.Bounds {
		rows = append(rows, []string{b.Case, b.what(), b.limitText(), b.valueText(), b.verdict()})
	}
	return rows
}

// boundsSummary says how many bounds hold.
func (r *report) boundsSummary() string {
	held := 0
	for _, b := range r.Bounds {
		if b.Holds {
			held++
		}
	}
	return fmt.Sprintf("%d of %d bounds hold.", held, len(r.Bounds))
}

// boundsTable prints the bounds.
func (r *report) boundsTable(w io.Writer) {
	align(w, r.boundsRows())
	fmt.Fprintf(w, "\n%s\n", r.boundsSummary())
}
