//go:build linux

// Command hostile attacks `ferry serve`, the real binary, as a stranger without a
// key can, and measures what that does to it and to others. It prints a line with
// a figure and its bound for each case, and exits with status 0 only if every
// bound holds.
//
//	go run -C e2e ./hostile                      every case, for some minutes
//	go run -C e2e ./hostile -cases heads,names   some of them
//	go run -C e2e ./hostile -ferry bin/ferry     another binary than this checkout's
//
// The attackers connect from 127.0.0.1. Meanwhile a bystander at 127.0.0.2 asks
// for /livez and makes signed calls, on a new connection each time. Everything
// runs on loopback. It needs Linux, for /proc and for the addresses 127.0.0.2
// and above; the case names needs to be root or to be allowed user namespaces.
//
//	main.go         the cases, and the table
//	server.go       ferry: installed, running, and what it uses
//	bystander.go    the client that must be served
//	attackers.go    the clients that attack, in a process of their own
//	memory.go       unfinished heads, unfinished bodies, streams of HTTP/2
//	descriptors.go  more idle connections than there are file descriptors
//	log.go          a log that nobody reads, and one that has ended
//	tenants.go      accounts that keep all places for uploads occupied
//	load.go         large bodies of strangers, 1,000 uploads at once, ten times the load
//	names.go        what the time of a response says of a host name
//	network.go      the network of names.go: hosts that are private, refuse or are silent
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"ferry/metasim"
)

// caseTimeout bounds a case.
const caseTimeout = 2 * time.Minute

// A finding is one figure of a case, with its bound.
type finding struct {
	what   string
	figure string
	bound  string
	holds  bool
}

// cases are the attacks, in the order in which they run.
var cases = []struct {
	name string
	run  func(ctx context.Context, r *rig) ([]finding, error)
}{
	{"heads", heads(plain, 1000)},
	{"heads-4000", heads(plain, 4000)},
	{"heads-tls", heads(encrypted, 1000)},
	{"bodies", bodies},
	{"streams", streams},
	{"descriptors", descriptors},
	{"log", unreadLog},
	{"tenants", tenants},
	{"large", large},
	{"uploads", uploads},
	{"shed", shed},
	{"names", names},
}

// errBounds means that not all bounds hold.
var errBounds = errors.New("not all bounds hold")

func main() {
	if len(os.Args) == 3 { // started by this program itself
		role := map[string]func(string) error{attackers: beAttackers, insideNetwork: namesInside}[os.Args[1]]
		if role != nil {
			fmt.Fprintln(os.Stderr, role(os.Args[2]))
			os.Exit(1)
		}
	}
	selected := flag.String("cases", "", "`names` of the cases to run, separated by commas (default all)")
	ferry := flag.String("ferry", "", "ferry `binary` to attack (default: built from this checkout)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *ferry, *selected)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "hostile: %v\n", err)
		os.Exit(1)
	}
}

// run runs the selected cases.
func run(ctx context.Context, ferry, selected string) (err error) {
	names := strings.FieldsFunc(selected, func(r rune) bool { return r == ',' })
	for _, name := range names {
		if !slices.ContainsFunc(cases, func(c struct {
			name string
			run  func(context.Context, *rig) ([]finding, error)
		}) bool {
			return c.name == name
		}) {
			return fmt.Errorf("-cases: there is no case %q", name)
		}
	}
	r, err := newRig(ctx, ferry, metasim.NewDiscardStorage())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	allHold := true
	for _, c := range cases {
		if len(names) > 0 && !slices.Contains(names, c.name) {
			continue
		}
		bounded, cancel := context.WithTimeout(ctx, caseTimeout)
		findings, err := c.run(bounded, r)
		cancel()
		if err != nil {
			findings = append(findings, finding{what: "the case did not finish", figure: err.Error()})
		}
		for _, f := range findings {
			f.print(c.name)
			allHold = allHold && f.holds
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	if !allHold {
		return errBounds
	}
	return nil
}

func (f finding) print(name string) {
	result := "holds"
	if !f.holds {
		result = "DOES NOT HOLD"
	}
	fmt.Printf("%-12s %-84s %10s  %-9s %s\n", name, f.what, f.figure, f.bound, result)
}

// atMost returns a finding for a figure with an upper bound.
func atMost(what string, figure, bound float64, unit string) finding {
	return finding{what, fmt.Sprintf("%.1f %s", figure, unit), fmt.Sprintf("≤ %g %s", bound, unit), figure <= bound}
}

// mustBe returns a finding for something that holds or not.
func mustBe(what string, holds bool) finding {
	figure := "no"
	if holds {
		figure = "yes"
	}
	return finding{what, figure, "yes", holds}
}
