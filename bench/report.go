// The results as a table and as JSON.

package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"ferry/bench/page"
)

// report is the result of a run of the benchmark.
type report struct {
	Started time.Time `json:"started"`
	Minutes float64   `json:"minutes"`
	page.Machine
	SHA256 float64       `json:"sha256"` // CPU s/GB of the digest alone
	Quick  bool          `json:"quick"`
	Runs   int           `json:"runs"`
	Notes  []string      `json:"notes,omitzero"` // what is missing
	Bounds []boundResult `json:"bounds"`
	Cases  []caseResult  `json:"cases"`
}

// caseResult is the result of one case.
type caseResult struct {
	Case        string        `json:"case"`
	Size        int64         `json:"size"`
	Concurrency int           `json:"concurrency"`
	Movers      []moverResult `json:"movers"` // ferry first
}

// moverResult is the result of one mover in one case. Figures that do not apply
// are absent.
type moverResult struct {
	Mover  string             `json:"mover"`
	Median map[string]float64 `json:"median"`
	Ratio  map[string]float64 `json:"ratio,omitzero"` // ferry's over this mover's: the median over pairs of runs
	Runs   []sample           `json:"runs"`
}

func newReport(ctx context.Context, root string, o options) *report {
	return &report{Started: time.Now().UTC().Truncate(time.Second), Machine: page.Describe(ctx, root), SHA256: digestCost(), Quick: o.quick, Runs: o.runs}
}

// digestCost returns the CPU time of SHA-256 over 1 GB on this machine, in
// seconds: the best of a few short measurements.
func digestCost() float64 {
	piece := make([]byte, 32*mib)
	best := math.Inf(1)
	for range 5 {
		started := time.Now()
		sha256.Sum256(piece)
		best = min(best, time.Since(started).Seconds()/float64(len(piece))*1e9)
	}
	return best
}

func newCaseResult(w workload) caseResult {
	return caseResult{Case: w.String(), Size: w.size, Concurrency: w.concurrency}
}

// add adds a run and computes the medians and ratios again.
func (c *caseResult) add(name string, s sample) {
	i := 0
	for i < len(c.Movers) && c.Movers[i].Mover != name {
		i++
	}
	if i == len(c.Movers) {
		c.Movers = append(c.Movers, moverResult{Mover: name})
	}
	m := &c.Movers[i]
	m.Runs = append(m.Runs, s)
	m.Median = figures(func(column column) float64 { return column.figure(m.Runs) })
	if i > 0 {
		m.Ratio = figures(func(column column) float64 {
			if column.kind != withRatio {
				return math.NaN()
			}
			return column.ratio(c.Movers[0].Runs, m.Runs)
		})
	}
}

// figures returns the columns of the table that have a value.
func figures(value func(column) float64) map[string]float64 {
	values := make(map[string]float64)
	for _, column := range columns {
		if v := value(column); column.kind != boundsOnly && !math.IsNaN(v) {
			values[column.key] = v
		}
	}
	return values
}

// table prints the medians, and below them ferry's ratios to the other movers.
func (r *report) table(w io.Writer) {
	fmt.Fprintf(w, "%s, %d cores, %s, commit %s\n\n", r.CPU, r.Cores, r.Go, r.Commit)
	header := []string{"case", ""}
	for _, column := range tableColumns() {
		header = append(header, column.title)
	}
	rows := [][]string{header}
	for _, c := range r.Cases {
		label := c.Case
		for _, m := range c.Movers {
			rows = append(rows, row(label, m.Mover, m.Median, 0))
			label = ""
		}
		for _, m := range c.Movers {
			if m.Ratio != nil {
				rows = append(rows, row("", "ratio to "+m.Mover, m.Ratio, 2))
			}
		}
	}
	align(w, rows)
	fmt.Fprint(w, `
Medians of the runs. The S3 server, the sink and the mover share the cores; so do ferry's callers, whose CPU time is
"load" (the other movers make their own load, which is part of their CPU time). A ratio is ferry's figure divided by the
other mover's: the median over pairs of runs that stood side by side. MB and GB are 10^6 and 10^9 bytes.
`)
	for _, note := range r.Notes {
		fmt.Fprintln(w, note)
	}
}

// tableColumns returns the columns of the table.
func tableColumns() []column {
	return slices.DeleteFunc(slices.Clone(columns), func(c column) bool { return c.kind == boundsOnly })
}

// row returns one line of the table. The figures have the given number of
// decimals; 0 means three significant digits.
func row(label, name string, values map[string]float64, decimals int) []string {
	cells := []string{label, name}
	for _, column := range tableColumns() {
		value, found := values[column.key]
		switch {
		case !found:
			cells = append(cells, "")
		case decimals > 0:
			cells = append(cells, fmt.Sprintf("%.*f", decimals, value))
		default:
			cells = append(cells, threeDigits(value))
		}
	}
	return cells
}

func threeDigits(value float64) string {
	switch {
	case value >= 99.95:
		return fmt.Sprintf("%.0f", value)
	case value >= 9.995:
		return fmt.Sprintf("%.1f", value)
	case value > 0 && value < 0.0995:
		return fmt.Sprintf("%.3f", value)
	default:
		return fmt.Sprintf("%.2f", value)
	}
}

// align prints rows as columns, the first two aligned to the left, the others to
// the right.
func align(w io.Writer, rows [][]string) {
	var widths []int
	for _, cells := range rows {
		for i, cell := range cells {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, cells := range rows {
		var line strings.Builder
		for i, cell := range cells {
			width := widths[i]
			if i < 2 {
				width = -width
			}
			fmt.Fprintf(&line, "%*s  ", width, cell)
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// write writes the JSON, and creates the directory for it.
func (r *report) write(file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

// readReport reads a file that write has written.
func readReport(file string) (*report, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := new(report)
	return r, json.Unmarshal(text, r)
}
