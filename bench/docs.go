// The generated part of docs/performance.md. The rest of the page is written by
// hand.

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"ferry/bench/page"
)

var docs = page.Part{
	Begin: "<!-- bench: begin; written by 'go run -C bench . -docs docs/performance.md' -->",
	End:   "<!-- bench: end -->",
}

// writeDocs replaces the generated part of the page, and writes the chart beside it.
func writeDocs(r *report, file string) error {
	chart := strings.TrimSuffix(file, filepath.Ext(file)) + ".svg"
	return errors.Join(docs.Write(file, r.markdown(filepath.Base(chart))), os.WriteFile(chart, []byte(r.chart()), 0o644))
}

// markdown returns the generated part: the run, the bounds, the chart, the figures.
func (r *report) markdown(chart string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s; %s, %.0f minutes, %d runs of each mover (at most %d of the alternatives);\n",
		r.Machine, r.Started.Format("2006-01-02"), r.Minutes, r.Runs, min(r.Runs, slowRuns))
	fmt.Fprintf(&text, "load of the machine before the run %s; SHA-256 alone takes %.2f CPU s/GB here.\n", r.Load, r.SHA256)
	if r.Quick {
		text.WriteString("\n**This was a quick run: a first look, not a result.**\n")
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&text, "\n- %s\n", note)
	}
	fmt.Fprintf(&text, "\n## Bounds\n\n%s\n%s\n", page.Table(r.boundsRows()), r.boundsSummary())
	fmt.Fprintf(&text, "\n## Figures\n\n![ferry compared with the other movers](%s)\n\n%s\n", chart, page.Table(r.figureRows()))
	return text.String()
}

// figureRows returns the medians of all movers, with a header.
func (r *report) figureRows() [][]string {
	keys := []string{"uploads_per_s", "mb_per_s", "cpu_s_per_gb", "peak_rss_mib", "over_idle_mib", "p50_ms", "p99_ms"}
	ratios := []string{"mb_per_s", "cpu_s_per_gb"}
	header := []string{"case", "mover"}
	for _, key := range keys {
		header = append(header, findColumn(key).title)
	}
	for _, key := range ratios {
		header = append(header, "ferry's "+findColumn(key).title+" ÷ its")
	}
	rows := [][]string{header}
	for _, c := range r.Cases {
		label := c.Case
		for _, m := range c.Movers {
			cells := []string{label, m.Mover}
			for _, key := range keys {
				cells = append(cells, cell(m.Median, key))
			}
			for _, key := range ratios {
				cells = append(cells, cell(m.Ratio, key))
			}
			rows = append(rows, cells)
			label = ""
		}
	}
	return rows
}

func cell(values map[string]float64, key string) string {
	if value, found := values[key]; found {
		return threeDigits(value)
	}
	return ""
}
