// Command bench measures ferry on this machine: a real S3 server, a sink in the
// place of Meta's Graph API, and between them either ferry with its default
// settings (signatures, authorisation, inspection, the SQLite record), or a bare
// mover that only streams, or what users would run without ferry. It compares
// the results with the bounds of cases.go and exits with status 0 only if all of
// them hold.
//
//	go run -C bench .                                  everything
//	go run -C bench . -quick                           fewer uploads and two runs, for a first look
//	go run -C bench . -cases 20KiB@32,https:16MiB@8    some cases, and their bounds only
//	go run -C bench . -docs docs/performance.md        everything, and the tables of that page
//
// The figures depend on the machine and on what else runs there; the ratios of
// one run can be compared. It needs Linux, for /proc.
//
//	cases.go       the table of cases: size, concurrency, way, bounds
//	bench.go       the order of a run, and its checks
//	mover.go       what a mover is; a sample of it, and the columns of the table
//	ferry.go       ferry as a mover
//	load.go        the callers of ferry
//	reuse.go       ferry with reuse
//	watch.go       ferry while somebody looks at its console
//	traced.go      ferry with metrics and traces
//	programs.go    the table of the other movers
//	roles.go       those that are this binary; curl.go is one of them, and movers/ has the scripts
//	site.go        stores and sinks, over http and https
//	store.go       versitygw and the objects
//	sink.go        the server in the place of the Graph API
//	line.go        the slow line
//	child/         child processes, and how ferry is one
//	usage.go       the CPU time and memory that they use
//	bounds.go      whether the bounds hold
//	report.go      the results as a table and as JSON, by default in .bench, which git ignores
//	page/          parts of a page that a program writes, and the machine that it ran on
//	docs.go        the tables of docs/performance.md, and chart.go its chart
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"ferry/bench/child"
)

// timeout bounds a run of the benchmark.
const timeout = 30 * time.Minute

// options are the command line.
type options struct {
	quick        bool
	alternatives bool   // measure what users would run without ferry
	cases        string // empty means all
	runs         int
	out          string // JSON; relative to the repository
	docs         string // Markdown; relative to the repository; empty means none
	from         string // JSON of an earlier run, to report on instead of a run; empty means none
	ferry        string // binary; empty means that it is built
	gostream     string // directory; relative to the repository; empty means that siblingGostream is used if it exists
}

// errBounds means that not all bounds hold.
var errBounds = errors.New("not all bounds hold")

func main() {
	if len(os.Args) > 2 && os.Args[1] == "role" { // used by bench itself
		if err := playRole(os.Args[2], os.Args[3:]); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s: %v\n", os.Args[2], err)
			os.Exit(1)
		}
		return
	}
	var o options
	flag.BoolVar(&o.quick, "quick", false, "a quarter of the uploads and two runs, for a first look")
	flag.BoolVar(&o.alternatives, "alternatives", true, "measure what users would run without ferry, too")
	flag.StringVar(&o.cases, "cases", "", "`cases` to measure: size of the files @ uploads at once, after https:, verify: or line: where the way is not plain http (default all)")
	flag.IntVar(&o.runs, "runs", 5, "runs of each mover in each case; medians are printed")
	flag.StringVar(&o.out, "out", ".bench/results.json", "`file` for the results as JSON")
	flag.StringVar(&o.docs, "docs", "", "Markdown `file` whose generated part is replaced, with a chart beside it")
	flag.StringVar(&o.from, "from", "", "JSON `file` of an earlier run to report on, instead of measuring")
	flag.StringVar(&o.ferry, "ferry", "", "ferry `binary` to measure (default: built from this checkout)")
	flag.StringVar(&o.gostream, "gostream", "", "`directory` of the Go module with gostream, the bare mover that the bounds refer to (default: "+siblingGostream+" beside this repository, which its maintainers have); without it, this benchmark's own bare mover is used")
	flag.Parse()
	if o.quick {
		o.runs = min(o.runs, 2)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("the benchmark took longer than %v", timeout))
	err := measure(ctx, o, os.Stdout, os.Stderr)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx) // what failed, failed for this
	}
	cancel()
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// measure is main without the process. It writes progress to progress and the
// tables to out.
func measure(ctx context.Context, o options, out, progress io.Writer) (err error) {
	if runtime.GOOS != "linux" {
		return errors.New("the benchmark reads what a process uses from /proc, which only Linux has")
	}
	selected, err := selectCases(o.cases)
	if err != nil {
		return fmt.Errorf("-cases: %w", err)
	}
	if o.runs < 1 {
		return fmt.Errorf("-runs: %d; expected 1 or more", o.runs)
	}
	root, err := child.Repository()
	if err != nil {
		return err
	}
	if o.docs != "" { // before minutes are spent on what cannot be written
		if err := docs.Check(under(root, o.docs)); err != nil {
			return fmt.Errorf("-docs: %w", err)
		}
	}
	if o.from != "" {
		report, err := readReport(under(root, o.from))
		if err != nil {
			return err
		}
		report.Bounds = evaluate(report, selected, o.alternatives)
		return conclude(report, root, o, out)
	}
	temporary, err := os.MkdirTemp("", "ferry-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()

	b := &bench{options: o, root: root, dir: temporary, cases: selected, progress: progress}
	defer b.close()
	if err := b.start(ctx); err != nil {
		return err
	}
	report := newReport(ctx, root, o)
	if report.Busy() {
		b.note("the load of the machine before the run was " + report.Load + ": other programs were running, and ratios may be off by tens of percent")
	}
	if report.Cases, err = b.run(ctx); err != nil {
		return err
	}
	report.Notes = b.notes
	report.Minutes = time.Since(report.Started).Minutes()
	report.Bounds = evaluate(report, selected, o.alternatives)
	file := under(root, o.out)
	if err := report.write(file); err != nil {
		return err
	}
	fmt.Fprintln(out)
	report.table(out)
	fmt.Fprintf(out, "\nEvery run of every mover is in %s.\n\n", file)
	return conclude(report, root, o, out)
}

// conclude prints the bounds and, with -docs, writes the page.
func conclude(r *report, root string, o options, out io.Writer) error {
	if o.docs != "" {
		if err := writeDocs(r, under(root, o.docs)); err != nil {
			return err
		}
	}
	r.boundsTable(out)
	if !r.allHold() {
		return errBounds
	}
	return nil
}

// under makes a path of the command line absolute.
func under(root, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(root, path)
}
