// Command events measures messages and events on this machine, on SQLite and on PostgreSQL. The real server: how long Meta
// waits until a webhook is acknowledged, and a caller until a message is accepted. The outbox alone: how long it takes to
// store an event, how soon its delivery begins, how fast a backlog is drained, what a dead destination costs the others,
// and how soon work resumes after a process was killed. Beside these it prints how many transactions the engine commits
// in a second, one after the other, each of them on the disk: the figures of one run can be compared, those of two
// machines cannot. It exits with status 0 only if all bounds hold.
//
//	go run -C bench ./events                              everything, for some minutes
//	go run -C bench ./events -quick                       a tenth of the backlog and shorter runs, for a first look
//	go run -C bench ./events -part server                 the server only; or outbox
//	go run -C bench ./events -part replicas               one, two and three servers over one PostgreSQL
//	go run -C bench ./events -docs docs/performance.md    everything, and the table of that page
//
//	main.go     the order of a run
//	report.go   figures, their bounds, and the table
//	server.go   the cases of the server
//	replicas.go several servers over one PostgreSQL, and what they cost it
//	world.go    Meta, and the program that receives events
//	load.go     the load of the server
//	case.go     the cases of the outbox, whose deliveries do nothing
//	engine.go   databases, and the load of the outbox
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"ferry/bench/child"
	"ferry/bench/page"
	"ferry/internal/postgrestest"
)

// The parts of the benchmark.
const (
	partServer   = "server"
	partOutbox   = "outbox"
	partReplicas = "replicas"
)

// options are the command line.
type options struct {
	quick  bool
	part   string // empty means all
	engine string // empty means all
	ferry  string // binary; empty means that it is built
	docs   string // Markdown; relative to the repository; empty means none
}

func main() {
	if len(os.Args) == 4 && os.Args[1] == roleWorld { // used by the benchmark itself
		if err := serveWorld(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintf(os.Stderr, "events: %s: %v\n", roleWorld, err)
			os.Exit(1)
		}
		return
	}
	var o options
	flag.BoolVar(&o.quick, "quick", false, "a tenth of the backlog and shorter runs, for a first look")
	flag.StringVar(&o.part, "part", "", "`part` to measure: server, outbox or replicas (default the first two)")
	flag.StringVar(&o.engine, "engine", "", "`engine` to measure: SQLite or PostgreSQL (default both)")
	flag.StringVar(&o.ferry, "ferry", "", "ferry `binary` to measure (default: built from this checkout)")
	flag.StringVar(&o.docs, "docs", "", "Markdown `file` whose generated part is replaced")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "events: %v\n", err)
		os.Exit(1)
	}
}

// errBounds means that not all bounds hold.
var errBounds = errors.New("not all bounds hold")

// run measures both engines, and prints the results.
func run(ctx context.Context, o options) (err error) {
	if o.part != "" && o.part != partServer && o.part != partOutbox && o.part != partReplicas {
		return fmt.Errorf("-part is %q; expected %s, %s or %s", o.part, partServer, partOutbox, partReplicas)
	}
	if o.docs != "" && (o.part != "" || o.engine != "") {
		return errors.New("-docs needs all figures; omit -part and -engine")
	}
	root, err := child.Repository()
	if err != nil {
		return err
	}
	if o.docs != "" { // before minutes are spent on what cannot be written
		if !filepath.IsAbs(o.docs) {
			o.docs = filepath.Join(root, o.docs)
		}
		if err := docs.Check(o.docs); err != nil {
			return fmt.Errorf("-docs: %w", err)
		}
	}
	r := report{Machine: page.Describe(ctx, root), Started: time.Now().UTC(), Quick: o.quick}
	if r.Engines, err = measure(ctx, root, o); err != nil {
		return err
	}
	fmt.Print("\n", r.markdown())
	if o.docs != "" {
		if err := docs.Write(o.docs, r.markdown()); err != nil {
			return err
		}
	}
	if !r.holds() {
		return errBounds
	}
	return nil
}

// measure measures both engines.
func measure(ctx context.Context, root string, o options) (results []engineResult, err error) {
	postgres, err := postgrestest.Start(ctx, postgrestest.Config{Settings: []string{"fsync=on"}})
	if err != nil {
		return nil, fmt.Errorf("starting PostgreSQL: %w", err)
	}
	defer func() { err = errors.Join(err, postgres.Stop()) }()
	directory, err := os.MkdirTemp(".", ".events-") // on a disk; /tmp may be memory
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(directory)) }()
	directory, err = filepath.Abs(directory)
	if err != nil {
		return nil, err
	}
	binary, err := filepath.Abs(o.ferry) // children have another working directory
	if o.ferry == "" {
		binary, err = child.BuildFerry(ctx, root, directory)
	}
	if err != nil {
		return nil, err
	}
	for _, e := range []*engine{{name: "SQLite"}, {name: "PostgreSQL", postgres: postgres}} {
		if o.engine != "" && !strings.EqualFold(o.engine, e.name) {
			continue
		}
		e.directory, e.binary = directory, binary
		e.size, e.duration = 100_000, 20*time.Second
		if o.quick {
			e.size, e.duration = 10_000, 4*time.Second
		}
		if o.part == partReplicas {
			if e.postgres == nil {
				continue
			}
			return e.replicas(ctx)
		}
		fmt.Println("measuring", e.name)
		measured, err := e.measure(ctx, o.part)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.name, err)
		}
		results = append(results, engineResult{e.name, measured})
	}
	return results, nil
}
