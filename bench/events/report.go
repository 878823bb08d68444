package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ferry/bench/page"
)

// docs is the part of docs/performance.md that -docs writes.
var docs = page.Part{
	Begin: "<!-- events: begin; written by 'go run -C bench ./events -docs docs/performance.md' -->",
	End:   "<!-- events: end -->",
}

// A result is a figure and its bound.
type result struct {
	what  string
	value float64
	unit  string
	bound string // empty means none
	holds bool
}

func atMost(what string, value float64, unit string, bound float64) result {
	return result{what, value, unit, fmt.Sprintf("≤ %g", bound), value <= bound}
}

func atLeast(what string, value float64, unit string, bound float64) result {
	return result{what, value, unit, fmt.Sprintf("≥ %g", bound), value >= bound}
}

// An engineResult has the results of an engine, in the order of all engines.
type engineResult struct {
	name    string
	results []result
}

// report is the result of a run.
type report struct {
	page.Machine
	Started time.Time
	Quick   bool
	Engines []engineResult
}

// holds reports whether all bounds hold.
func (r *report) holds() bool {
	return !slices.ContainsFunc(r.Engines, func(e engineResult) bool {
		return slices.ContainsFunc(e.results, func(r result) bool { return r.bound != "" && !r.holds })
	})
}

// markdown returns the run and its figures, one row each.
func (r *report) markdown() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s; %s; load of the machine before the run %s.\n\n", r.Machine, r.Started.Format("2006-01-02"), r.Load)
	if r.Quick {
		text.WriteString("**This was a quick run: a first look, not a result.**\n\n")
	}
	if r.Busy() {
		text.WriteString("Other programs were running before the run, so that the figures may be worse than those of a quiet machine.\n\n")
	}
	rows := [][]string{{"figure", "limit"}}
	for _, e := range r.Engines {
		rows[0] = append(rows[0], e.name)
		for i, figure := range e.results {
			if i+1 == len(rows) {
				limit := ""
				if figure.bound != "" {
					limit = strings.TrimSpace(figure.bound + " " + figure.unit)
				}
				rows = append(rows, []string{figure.what, limit})
			}
			cell := strings.TrimSpace(fmt.Sprintf("%.*f %s", decimals(figure), figure.value, figure.unit))
			if figure.bound != "" && !figure.holds {
				cell += " DOES NOT HOLD"
			}
			rows[i+1] = append(rows[i+1], cell)
		}
	}
	return text.String() + page.Table(rows)
}

// decimals returns how many decimals of a figure mean something.
func decimals(r result) int {
	if r.unit == "ms" || r.unit == "s" || r.unit == "MiB" {
		return 1
	}
	return 0
}
