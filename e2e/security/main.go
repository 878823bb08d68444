// Command security prints the promises about security and reliability, each with the
// tests that prove it, their result in this run, and what is not covered.
//
// It runs in the directory e2e. With -list it runs no test. The figures are those of -rounds 100.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
)

func main() {
	list := flag.Bool("list", false, "run no test")
	quick := flag.Bool("quick", false, "run only the tests of the root module, which need nothing but Go")
	rounds := flag.Int("rounds", 100, "how many times as many random cases the tests of properties check as in make test")
	flag.Parse()
	if *rounds < 1 {
		fmt.Fprintf(os.Stderr, "-rounds is %d; expected 1 or more\n", *rounds)
		os.Exit(2)
	}
	if err := os.Setenv("FERRY_ROUNDS", strconv.Itoa(*rounds)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	results := make(map[string]string)
	if !*list {
		var err error
		if results, err = run(ctx, *quick); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	failed := printTable(os.Stdout, results)
	if len(failed) > 0 && !*list {
		fmt.Fprintf(os.Stderr, "\nfailed: %s\n", strings.Join(failed, ", "))
		os.Exit(1)
	}
}

// run runs the tests of all goals, and returns the result of each: pass, fail or skip.
func run(ctx context.Context, quick bool) (map[string]string, error) {
	names := make(map[string][]string) // by package
	for _, c := range goals {
		for _, g := range c.goals {
			for _, test := range g.tests {
				in, name, _ := strings.Cut(test, " ")
				if !slices.Contains(names[in], name) {
					names[in] = append(names[in], name)
				}
			}
		}
	}
	results := make(map[string]string)
	for _, in := range slices.Sorted(keys(names)) {
		directory, path := "..", "./"+in
		inRoot := false
		switch {
		case in == "make":
			for _, target := range names[in] {
				if !quick {
					results["make "+target] = runMake(ctx, target)
				}
			}
			continue
		case in == "e2e":
			directory, path = ".", "."
		case strings.HasPrefix(in, "deploy/"):
			directory, path = "../deploy", "./"+strings.TrimPrefix(in, "deploy/")
		default:
			inRoot = true
		}
		if quick && !inRoot {
			continue
		}
		if err := runPackage(ctx, directory, path, in, names[in], results); err != nil {
			return nil, err
		}
	}
	return results, nil
}

func keys(m map[string][]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for key := range m {
			if !yield(key) {
				return
			}
		}
	}
}

// runMake makes a target of the Makefile, and returns pass or fail.
func runMake(ctx context.Context, target string) string {
	fmt.Fprintf(os.Stderr, "make %s\n", target)
	command := exec.CommandContext(ctx, "make", "-C", "..", "--no-print-directory", target)
	command.Stdout, command.Stderr = os.Stderr, os.Stderr
	if command.Run() != nil {
		return "fail"
	}
	return "pass"
}

func runPackage(ctx context.Context, directory, path, in string, names []string, results map[string]string) error {
	fmt.Fprintf(os.Stderr, "testing %s\n", in)
	command := exec.CommandContext(ctx, "go", "test", "-json", "-count=1", "-timeout=30m", "-run=^("+strings.Join(names, "|")+")$", path)
	command.Dir, command.Stderr = directory, os.Stderr
	out, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		return err
	}
	if err := readResults(out, in, results); err != nil {
		return err
	}
	err = command.Wait()
	if _, isExit := errors.AsType[*exec.ExitError](err); isExit { // the results say which test
		return nil
	}
	return err
}

// readResults reads what go test -json prints.
func readResults(r io.Reader, in string, results map[string]string) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var event struct{ Action, Test string }
		if json.Unmarshal(lines.Bytes(), &event) != nil || event.Test == "" || strings.Contains(event.Test, "/") {
			continue
		}
		if event.Action == "pass" || event.Action == "fail" || event.Action == "skip" {
			results[in+" "+event.Test] = event.Action
		}
	}
	return lines.Err()
}

// state is what a goal has come to.
func (g goal) state(results map[string]string) string {
	if len(g.tests) == 0 {
		return "not covered"
	}
	state := "proved"
	if g.missing != "" {
		state = "in part"
	}
	for _, test := range g.tests {
		if strings.Contains(test, " Benchmark") {
			continue
		}
		switch result, ran := results[test]; {
		case result == "fail":
			return "FAILED"
		case !ran || result == "skip":
			state = "not run"
		}
	}
	return state
}

// printTable prints the goals, and returns those that failed.
func printTable(w io.Writer, results map[string]string) (failed []string) {
	counts := make(map[string]int)
	for _, c := range goals {
		fmt.Fprintf(w, "\n%s\n", c.chapter)
		for _, g := range c.goals {
			state := g.state(results)
			counts[state]++
			if state == "FAILED" {
				failed = append(failed, g.id)
			}
			fmt.Fprintf(w, "  %-5s %-12s %s\n", g.id, state, g.promise)
			if g.figure != "" {
				fmt.Fprintf(w, "        reached: %s\n", g.figure)
			}
			if g.missing != "" {
				fmt.Fprintf(w, "        not covered: %s\n", g.missing)
			}
			for _, test := range g.tests {
				result := results[test]
				if result == "" {
					result = "-"
				}
				fmt.Fprintf(w, "        %-4s %s\n", result, test)
			}
		}
	}
	fmt.Fprintln(w)
	for _, state := range []string{"proved", "in part", "not covered", "not run", "FAILED"} {
		if counts[state] > 0 {
			fmt.Fprintf(w, "%-12s %d\n", state, counts[state])
		}
	}
	return failed
}
