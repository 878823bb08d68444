package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"ferry/internal/local"
	"ferry/metasim"
)

// exits runs a program and checks its exit status: exits STATUS PROGRAM [ARGUMENT...].
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	status := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		failed, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%s: %v", strings.Join(args[1:], " "), err)
		}
		status = failed.ExitCode()
	}
	if status != want {
		ts.Fatalf("%s: exit status %d, want %d", strings.Join(args[1:], " "), status, want)
	}
}

// advised runs the command that the last output advises: advised IN OUT.
func advised(ts *testscript.TestScript, _ bool, args []string) {
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		words := strings.Fields(line)
		if len(words) < 3 || words[0] != "ffmpeg" {
			continue
		}
		for i, word := range words {
			if word == "IN" {
				words[i] = args[0]
			}
		}
		words[len(words)-1] = args[1]
		ts.Check(ts.Exec(words[0], words[1:]...))
		return
	}
	ts.Fatalf("no command of ffmpeg is advised")
}

// follower is a program that reads what a command prints, line by line.
type follower struct {
	lines chan string
	ended chan int
	stop  context.CancelFunc
}

// follow runs a command in the background.
func follow(t *testing.T, args ...string) *follower {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	f := &follower{lines: make(chan string, 1000), ended: make(chan int, 1), stop: stop}
	go func() {
		f.ended <- run(ctx, ctx, args, in, io.Discard)
		_ = in.Close()
	}()
	go func() {
		defer close(f.lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			f.lines <- scanner.Text()
		}
	}()
	t.Cleanup(stop)
	return f
}

// await returns the lines up to the first one with a text.
func (f *follower) await(t *testing.T, text string) (lines []string) {
	t.Helper()
	end := time.After(30 * time.Second)
	for {
		select {
		case line, ok := <-f.lines:
			if !ok {
				t.Fatalf("the output ended before %q: %q", text, lines)
			}
			if lines = append(lines, line); strings.Contains(line, text) {
				return lines
			}
		case <-end:
			t.Fatalf("%q does not appear in %q", text, lines)
		}
	}
}

func TestFollowedLogsShowEachEntryOnceAsItHappens(t *testing.T) {
	world := startWorld(t)
	says := func(from string) {
		if _, err := world.Simulator.Receive(local.MetaPhoneNumberID, metasim.Inbound{From: from, Text: &metasim.InboundText{Body: "Hello"}}); err != nil {
			t.Fatal(err)
		}
	}
	says("16505550001")
	f := follow(t, "logs", "-f", "--kind", "phone")
	f.await(t, `"person":"16505550001"`)
	for _, person := range []string{"16505550002", "16505550003"} {
		says(person)
		count := 0
		for _, line := range f.await(t, `"person":"`+person+`"`) {
			if strings.Contains(line, "inbound text") {
				count++
			}
		}
		if count != 1 {
			t.Errorf("%d people have written since the last one", count)
		}
	}
	f.stop()
	select {
	case status := <-f.ended:
		if status != 0 {
			t.Errorf("exit status %d after Ctrl-C", status)
		}
	case <-time.After(30 * time.Second):
		t.Error("it does not end")
	}
}
