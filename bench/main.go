// Command bench measures ferry against a bare streaming mover, in one run on
// this machine: a real S3 server, a sink in Meta's place, and between them
// either ferry with everything on (signatures, authorisation, inspection,
// digest, the SQLite record) or the mover alone.
//
//	go run ./bench -quick
//	go run ./bench -cases 20KiB@32,16MiB@8 -runs 5
//
// Its figures depend on the machine and on what else runs there; the ratios
// of one run are what can be compared. It needs Linux, for /proc.
//
//	case.go       what is measured: size and concurrency
//	bench.go      the order of a run, and its checks
//	mover.go      what a mover is; a sample and its columns
//	ferry.go      ferry as a mover       load.go  its callers
//	gostream.go   the bare mover
//	store.go      versitygw and the objects
//	sink.go       what stands in Meta's place
//	process.go    child processes        usage.go  what they use
//	report.go     table and JSON, by default in .bench, which git ignores
//
// A further mover is a file with its type and a line in bench.go's start.
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
	cases    string
	runs     int
	out      string // JSON; relative to the repository
	ferry    string // binary; "" = build it
	gostream string // directory; relative to the repository
}

func main() {
	var o options
	role := flag.String("role", "", "used by bench itself: sink")
	listen := flag.String("listen", "127.0.0.1:0", "used by bench itself: address of the sink")
	flag.BoolVar(&o.quick, "quick", false, "a quarter of the uploads, for a first look")
	flag.StringVar(&o.cases, "cases", "20KiB@32,1MiB@8,16MiB@8,100MiB@8", "what to measure: size of the files @ uploads at once")
	flag.IntVar(&o.runs, "runs", 3, "runs of each mover in each case; medians are printed")
	flag.StringVar(&o.out, "out", ".bench/results.json", "file for the results as JSON")
	flag.StringVar(&o.ferry, "ferry", "", "ferry `binary` to measure (default: built from this checkout)")
	flag.StringVar(&o.gostream, "gostream", "../shared/bench", "`directory` of the Go module with the bare mover, gostream; \"\" = leave it out")
	flag.Parse()

	if *role == "sink" {
		fmt.Fprintf(os.Stderr, "bench: sink: %v\n", serveSink(*listen))
		os.Exit(1)
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
	if report.Cases, err = b.run(ctx); err != nil {
		return err
	}
	report.Note = b.note
	fmt.Fprintln(out)
	report.table(out)
	file := under(root, o.out)
	if err := report.write(file); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nEvery run of every mover is in %s.\n", file)
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
			return "", errors.New("this is not ferry's repository; run it there: go run ./bench")
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
