// Command events measures the outbox on this machine, on SQLite and on PostgreSQL: how
// long it takes to store an event, how soon its delivery begins, how fast a backlog is
// drained, what a dead destination costs the others, and how soon work resumes after a
// process was killed. Beside these it prints how many transactions the engine commits in
// a second, one after the other: the figures of one run can be compared, those of two
// machines cannot. It exits with status 0 only if all bounds hold.
//
//	go run -C bench ./events           everything, for some minutes
//	go run -C bench ./events -quick    a tenth of the backlog and shorter runs, for a first look
//
// Deliveries do nothing, so that the figures are those of ferry and the database.
//
//	main.go     the order of a run, and its bounds
//	case.go     the cases
//	engine.go   databases, and the load
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"ferry/internal/postgrestest"
)

// A result is a figure and its bound.
type result struct {
	what  string
	value float64
	unit  string
	bound string
	holds bool
}

func atMost(what string, value float64, unit string, bound float64) result {
	return result{what, value, unit, fmt.Sprintf("≤ %g", bound), value <= bound}
}

func atLeast(what string, value float64, unit string, bound float64) result {
	return result{what, value, unit, fmt.Sprintf("≥ %g", bound), value >= bound}
}

func main() {
	quick := flag.Bool("quick", false, "a tenth of the backlog and shorter runs, for a first look")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	holds, err := run(ctx, *quick)
	if err != nil {
		fmt.Fprintf(os.Stderr, "events: %v\n", err)
		os.Exit(1)
	}
	if !holds {
		fmt.Fprintln(os.Stderr, "events: not all bounds hold")
		os.Exit(1)
	}
}

// run measures both engines, and reports whether all bounds hold.
func run(ctx context.Context, quick bool) (bool, error) {
	server, err := postgrestest.Start(ctx, postgrestest.Config{})
	if err != nil {
		return false, fmt.Errorf("starting PostgreSQL: %w", err)
	}
	defer func() { _ = server.Stop() }()
	directory, err := os.MkdirTemp(".", ".events-") // on a disk; /tmp may be memory
	if err != nil {
		return false, err
	}
	defer func() { _ = os.RemoveAll(directory) }()
	holds := true
	for _, e := range []*engine{{name: "SQLite", directory: directory}, {name: "PostgreSQL", server: server}} {
		e.size, e.duration = 100_000, 20*time.Second
		if quick {
			e.size, e.duration = 10_000, 4*time.Second
		}
		results, err := e.measure(ctx)
		if err != nil {
			return false, fmt.Errorf("%s: %w", e.name, err)
		}
		fmt.Printf("%s\n", e.name)
		for _, r := range results {
			verdict := ""
			if r.bound != "" {
				verdict = r.bound
				if !r.holds {
					verdict, holds = verdict+" does not hold", false
				}
			}
			fmt.Printf("  %-62s %10.1f %-5s %s\n", r.what, r.value, r.unit, verdict)
		}
	}
	return holds, nil
}
