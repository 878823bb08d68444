// docs/performance.md: its part between two marks is written by a run, the
// rest, with profiles and what was tried, by people.

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	docsBegin = "<!-- bench: begin; written by 'go run -C bench . -docs docs/performance.md' -->"
	docsEnd   = "<!-- bench: end -->"
)

// writeDocs writes the generated part of the page anew, and the chart beside it.
func writeDocs(r *report, file string) error {
	before, after := "# Performance\n\n", "\n"
	old, err := os.ReadFile(file)
	switch {
	case err == nil:
		var rest string
		var found, ended bool
		before, rest, found = strings.Cut(string(old), docsBegin)
		_, after, ended = strings.Cut(rest, docsEnd)
		if !found || !ended {
			return fmt.Errorf("%s has no part between %q and %q to write anew", file, docsBegin, docsEnd)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	chart := strings.TrimSuffix(file, filepath.Ext(file)) + ".svg"
	text := before + docsBegin + "\n" + r.markdown(filepath.Base(chart)) + docsEnd + after
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return errors.Join(os.WriteFile(file, []byte(text), 0o644), os.WriteFile(chart, []byte(r.chart()), 0o644))
}

// markdown is the generated part.
func (r *report) markdown(chart string) string {
	var text strings.Builder
	say := func(format string, values ...any) { fmt.Fprintf(&text, format+"\n", values...) }
	say("## Bounds\n")
	held := 0
	rows := [][]string{{"case", "what, ferry's", "limit", "found (of the runs)", ""}}
	for _, b := range r.Bounds {
		verdict := b.verdict()
		if b.Holds {
			held++
		} else {
			verdict = "**" + verdict + "**"
		}
		rows = append(rows, []string{"`" + b.Case + "`", b.what(), b.limitText(), b.valueText(), verdict})
	}
	text.WriteString(markdownTable(rows))
	say("\n%d of %d hold. A case is the size of the files @ uploads at once, over http unless it says https. A ratio is ferry's figure", held, len(r.Bounds))
	say("over the other's: the median over pairs of runs that stood side by side (in parentheses the lowest and the highest pair).")
	say("%s\n", r.yardstickText())
	r.markdownLimits(say)
	say("![ferry beside the other movers](%s)\n", chart)
	r.markdownFigures(say, &text)
	r.markdownProfiles(say)
	say("## The run\n")
	say("- %s", r.machine())
	say("- %s, commit %s, %s, load of the machine before the run %s; %d runs of each mover in each case (%d of what people use today), %.0f minutes%s",
		r.Started.Format("2006-01-02"), r.Commit, r.Go, r.Load, r.Runs, min(r.Runs, slowRuns), r.Minutes, map[bool]string{true: "; **a quick run: a first look, not a result**"}[r.Quick])
	for _, note := range r.Notes {
		say("- %s", note)
	}
	say("")
	return text.String()
}

func (r *report) machine() string {
	return fmt.Sprintf("%s, %d cores, %.0f GiB, Linux %s; SHA-256 alone takes %.2f CPU s/GB here", r.CPU, r.Cores, float64(r.Memory)/(1<<30), r.Kernel, r.SHA256)
}

func (r *report) yardstickText() string {
	if r.yardstick() == nameBare {
		return "gostream was not there: `bare`, which does the same, takes its place."
	}
	return "gostream is the bare mover of the baselines: GetObject's body into a POST, and nothing else."
}

// markdownLimits says what limits the bounds that are not met.
func (r *report) markdownLimits(say func(string, ...any)) {
	var missed []boundResult
	for _, b := range r.Bounds {
		if b.Measured && !b.Holds {
			missed = append(missed, b)
		}
	}
	if len(missed) > 0 {
		say("### What limits the bounds that are not met\n")
		for _, b := range missed {
			say("- `%s`, %s: %s", b.Case, b.what(), r.limits(b))
		}
		say("")
	}
	same := r.sameWork()
	if len(same) == 1 {
		return
	}
	say("### Beside a mover that does the same work\n")
	say("ferry takes a SHA-256 of every byte; %s hashes nothing. `%s` is the bare mover with that digest and nothing else, so it is", r.yardstick(), nameSHA256)
	say("the practical limit of what ferry does. The last two columns are what the digest alone costs a bare mover.\n")
	rows := [][]string{{"case", "ferry to " + nameSHA256 + ": MB/s", "CPU s/GB", nameSHA256 + " to " + r.yardstick() + ": MB/s", "CPU s/GB"}}
	for _, cells := range same[1:] {
		rows = append(rows, append([]string{"`" + cells[0] + "`"}, cells[2:]...))
	}
	say("%s", markdownTable(rows))
}

// limits says why a bound does not hold, by the figures of the same run.
func (r *report) limits(b boundResult) string {
	c := r.find(b.Case)
	switch {
	case b.Against == "" || c.mover(nameSHA256) == nil:
		return "see the profile below."
	case c.Size < mib:
		ferry, other := c.Movers[0].Median, c.mover(b.Against).Median
		return fmt.Sprintf("work per call, not per byte. An upload costs ferry %.2f CPU ms and %s %.2f: the difference is the call itself (HTTP, Signature Version 4, "+
			"authorisation, inspection, the record in SQLite, the audit line). ferry's callers take %.2f ms more on the same cores; %s makes its own load.",
			ferry["cpu_ms_per_upload"], b.Against, other["cpu_ms_per_upload"], ferry["load_cpu_s_per_gb"]*float64(c.Size)/1e6, b.Against)
	}
	column := columnOf(b.bound.key)
	other, hashing := c.mover(b.Against), c.mover(nameSHA256)
	text := fmt.Sprintf("%s hashes nothing; ferry must have a digest of every byte, %.2f CPU s/GB here. ", b.Against, r.SHA256)
	if b.bound.key == "cpu_s_per_gb" {
		own := column.figure(other.Runs)
		text += fmt.Sprintf("Added to %s's own %.2f CPU s/GB that alone makes %.2f of it. ", b.Against, own, (own+r.SHA256)/own)
	} else {
		all := median(each(other.Runs, sample.machineCPU))
		text += fmt.Sprintf("Store, %s and sink together need %.2f CPU s/GB, of %d cores in common; with the digest in it that leaves %.2f of the MB/s. ",
			b.Against, all, r.Cores, all/(all+r.SHA256))
	}
	limit := column.ratio(hashing.Runs, other.Runs)
	reach := "does not meet the bound either"
	if b.AtLeast && limit >= b.Limit || !b.AtLeast && limit <= b.Limit {
		reach = "does meet the bound, so that the rest is ferry's own"
	}
	return text + fmt.Sprintf("Measured: `%s`, the bare mover with a digest, has %.2f of %s's %s and %s; ferry has %.2f of that mover's.",
		nameSHA256, limit, b.Against, column.title, reach, column.ratio(c.Movers[0].Runs, hashing.Runs))
}

// markdownProfiles say where the CPU time goes: of the machine, and of ferry.
func (r *report) markdownProfiles(say func(string, ...any)) {
	rows := [][]string{{"case", "mover", "S3 server", "mover", "sink", "callers", "all", "of the cores in use"}}
	for _, of := range profiledCases {
		c := r.find(of)
		if c == nil {
			continue
		}
		for _, name := range []string{"ferry", r.yardstick(), nameSHA256} {
			m := c.mover(name)
			if m == nil {
				continue
			}
			cells := []string{"`" + of + "`", name}
			for _, figure := range []func(sample) float64{
				func(s sample) float64 { return s.StoreCPU / s.gigabytes() }, func(s sample) float64 { return s.CPU / s.gigabytes() },
				func(s sample) float64 { return s.SinkCPU / s.gigabytes() }, func(s sample) float64 { return s.LoadCPU / s.gigabytes() }, sample.machineCPU,
			} {
				cells = append(cells, fmt.Sprintf("%.2f", median(each(m.Runs, figure))))
			}
			busy := median(each(m.Runs, func(s sample) float64 { return s.machineCPU() * s.gigabytes() / s.Wall }))
			rows = append(rows, append(cells, fmt.Sprintf("%.2f of %d", busy, r.Cores)))
		}
	}
	if len(rows) == 1 {
		return
	}
	say("## Where the CPU time goes\n")
	say("Of the machine, in CPU s/GB. What store and sink use is the same for all movers, and bounds what any of them can reach on these cores.\n")
	say("%s", markdownTable(rows))
	if len(r.Profiles) == 0 {
		return
	}
	say("Of ferry, in percent of its own CPU time, by a profile of %d runs' uploads of each case: packages by their own code (the kernel's", profiledRuns)
	say("time is that of `internal/runtime/syscall`), and ferry's functions with all that they call.\n")
	header, packages, steps := []string{"", ""}, []string{"packages", ""}, []string{"functions", ""}
	for _, p := range r.Profiles {
		header = append(header, "`"+p.Case+"`")
		packages, steps = append(packages, listed(p.Packages)), append(steps, listed(p.Steps))
	}
	say("%s", markdownTable([][]string{header, packages, steps}))
}

func listed(shares []share) string {
	var list []string
	for _, s := range shares {
		list = append(list, fmt.Sprintf("%.1f %s", s.Percent, strings.TrimPrefix(s.Name, "ferry/internal/")))
	}
	return strings.Join(list, "<br>")
}

// markdownFigures are the medians of all movers.
func (r *report) markdownFigures(say func(string, ...any), text *strings.Builder) {
	say("## Figures\n")
	say("Medians. The S3 server, the mover, the sink and ferry's callers share the cores, so that MB/s is of all of them together;")
	say("CPU is the mover's own. MB and GB are 10^6 and 10^9 bytes; peak is the mover's whole resident memory.\n")
	keys := []string{"uploads_per_s", "mb_per_s", "cpu_s_per_gb", "peak_rss_mib", "over_idle_mib", "p50_ms", "p99_ms"}
	header := []string{"case", "mover"}
	for _, key := range keys {
		header = append(header, columnOf(key).title)
	}
	header = append(header, "ferry's MB/s to it", "CPU")
	rows := [][]string{header}
	for _, c := range r.Cases {
		label := "`" + c.Case + "`"
		for _, m := range c.Movers {
			cells := []string{label, m.Mover}
			for _, key := range keys {
				cell := ""
				if value, found := m.Median[key]; found {
					cell = threeDigits(value)
				}
				cells = append(cells, cell)
			}
			for _, key := range []string{"mb_per_s", "cpu_s_per_gb"} {
				cell := ""
				if value, found := m.Ratio[key]; found {
					cell = threeDigits(value)
				}
				cells = append(cells, cell)
			}
			rows = append(rows, cells)
			label = ""
		}
	}
	text.WriteString(markdownTable(rows) + "\n")
}

// markdownTable has its figures, from the third column on, to the right.
func markdownTable(rows [][]string) string {
	var text strings.Builder
	for i, cells := range rows {
		fmt.Fprintf(&text, "| %s |\n", strings.Join(cells, " | "))
		if i == 0 {
			text.WriteString("|" + strings.Repeat("---|", min(2, len(cells))) + strings.Repeat("--:|", max(0, len(cells)-2)) + "\n")
		}
	}
	return text.String()
}
