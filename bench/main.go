// Command bench measures ferry in one run on this machine: a real S3 server, a
// sink in Meta's place, and between them either ferry with everything on
// (signatures, authorisation, inspection, digest, the SQLite record), or a bare
// streaming mover, or what people use today. It holds the results against the
// bounds of bounds.go, and ends with 0 only if all of them hold.
//
//	go run -C bench .                                     all of it, 10 minutes
//	go run -C bench . -quick                              a first look
//	go run -C bench . -docs docs/performance.md           all of it, and the page about it
//	go run -C bench . -cases 20KiB@32,https:16MiB@8 -people=false
//
// Its figures depend on the machine and on what else runs there; the ratios
// of one run are what can be compared. It needs Linux, for /proc.
//
//	case.go       what is measured: size, concurrency, way
//	bench.go      the order of a run, and its checks
//	site.go       store and sink over http and https   line.go  a slow line
//	store.go      versitygw and the objects            sink.go  what stands in Meta's place
//	mover.go      what a mover is; a sample and its columns
//	ferry.go      ferry as a mover      load.go   its callers      reuse.go  with reuse
//	program.go    movers that are programs: role.go and curl.go our own in Go, movers/ the scripts
//	process.go    child processes       usage.go  what they use
//	bounds.go     what has to hold
//	profile.go    where ferry's CPU time goes
//	report.go     table and JSON, by default in .bench, which git ignores
//	docs.go       docs/performance.md   chart.go  its chart
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
)

// timeout bounds a whole run of the benchmark.
const timeout = 30 * time.Minute

// options are the command line.
type options struct {
	quick    bool
	people   bool
	cases    string
	runs     int
	out      string // JSON; relative to the repository
	docs     string // Markdown; relative to the repository; "" = none
	from     string // JSON of an earlier run, to report on instead of a run; "" = none
	ferry    string // binary; "" = build it
	gostream string // directory; relative to the repository
}

// errBounds is the end of a run in which not all bounds hold.
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
	flag.BoolVar(&o.people, "people", true, "measure what people use today too")
	flag.StringVar(&o.cases, "cases", allCases, "what to measure: size of the files @ uploads at once; https: and line: in front for https and the slow line")
	flag.IntVar(&o.runs, "runs", 5, "runs of each mover in each case; medians are printed")
	flag.StringVar(&o.out, "out", ".bench/results.json", "file for the results as JSON")
	flag.StringVar(&o.docs, "docs", "", "Markdown `file` whose generated part is to be written anew, with a chart beside it")
	flag.StringVar(&o.from, "from", "", "JSON `file` of an earlier run to report on, instead of measuring")
	flag.StringVar(&o.ferry, "ferry", "", "ferry `binary` to measure (default: built from this checkout)")
	flag.StringVar(&o.gostream, "gostream", "../shared/bench", "`directory` of the Go module with gostream, the bare mover that the bounds name; without it our own takes its place")
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

// measure is main without the process: progress goes to progress, the table to out.
func measure(ctx context.Context, o options, out, progress io.Writer) (err error) {
	if runtime.GOOS != "linux" {
		return errors.New("the benchmark reads what a process uses from /proc, which only Linux has")
	}
	workloads, err := parseWorkloads(o.cases)
	if err != nil {
		return fmt.Errorf("-cases: %w", err)
	}
	if o.runs < 1 {
		return fmt.Errorf("-runs: %d; expected 1 or more", o.runs)
	}
	root, err := repository()
	if err != nil {
		return err
	}
	if o.from != "" {
		report, err := readReport(under(root, o.from))
		if err != nil {
			return err
		}
		report.Bounds = evaluate(report)
		return conclude(report, root, o, out)
	}
	temporary, err := os.MkdirTemp("", "ferry-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()

	b := &bench{options: o, root: root, dir: temporary, workloads: workloads, progress: progress}
	defer b.close()
	if err := b.start(ctx); err != nil {
		return err
	}
	report := newReport(ctx, root, o)
	if report.busy() {
		b.missing("the load of the machine before the run was " + report.Load + ": other programs were running, and ratios may be off by tens of percent")
	}
	if report.Cases, err = b.run(ctx); err != nil {
		return err
	}
	reused, err := b.measureReuse(ctx)
	if err != nil {
		return err
	}
	report.Cases = append(report.Cases, reused...)
	report.HitRead = b.reuseHitBytes
	if o.docs != "" && o.ferry == "" {
		if report.Profiles, err = b.profiles(ctx); err != nil {
			return err
		}
	}
	report.Notes = b.notes
	report.Minutes = time.Since(report.Started).Minutes()
	report.Bounds = evaluate(report)
	file := under(root, o.out)
	if err := report.write(file); err != nil {
		return err
	}
	fmt.Fprintln(out)
	report.table(out)
	fmt.Fprintf(out, "\nEvery run of every mover is in %s.\n\n", file)
	return conclude(report, root, o, out)
}

// conclude writes the page, if asked for, and prints the bounds.
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

// repository is the directory of the module, at or above the working directory.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "cmd", "ferry")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("this is not ferry's repository; run it there: go run -C bench .")
		}
		dir = filepath.Dir(dir)
	}
}

// under makes a path of the command line absolute.
func under(root, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(root, path)
}
