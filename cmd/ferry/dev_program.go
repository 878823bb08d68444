// ferry dev -- CMD: a program in the world, whose exit status is ferry's.

package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"ferry/internal/local"
	"ferry/internal/tty"
)

const (
	exitNotExecutable = 126 // as shells have it
	exitNotFound      = 127

	// programGrace is how long a program may take to end after the world has failed.
	programGrace = 10 * time.Second
	// keepTimeout is the time for saving the world after a program has failed.
	keepTimeout = time.Minute
	// lastEntries is the number of lines of the log that are shown if the program fails.
	lastEntries = 20
)

// findProgram returns the path of a program.
func findProgram(name string, problems *tty.Output) (string, error) {
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path, nil
	case errors.Is(err, fs.ErrPermission):
		_ = problems.Printf("ferry: %s cannot be executed; make it executable, or name the program that runs it\n", name)
		return "", exitStatus(exitNotExecutable)
	case strings.ContainsRune(name, os.PathSeparator):
		_ = problems.Printf("ferry: there is no program %s; check the path after --\n", name)
	default:
		_ = problems.Printf("ferry: there is no program %s in PATH; expected ferry dev [flags] -- PROGRAM [arguments]\n", name)
	}
	return "", exitStatus(exitNotFound)
}

// runProgram runs a program in a world until it ends. It returns an exitStatus, or nil if
// the program has succeeded. The program receives the signals that ferry receives.
func (c *devCommand) runProgram(ctx context.Context, path string, world *local.World, recent *recentLines, terminal *terminal) error {
	program := exec.CommandContext(context.WithoutCancel(ctx), path, c.Program[1:]...) // it receives the signals instead
	program.Args[0] = c.Program[0]
	program.Env = programEnvironment(os.Environ(), world.Environment())
	tty.Attach(program)
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, passedSignals()...)
	defer signal.Stop(signals)
	if err := program.Start(); err != nil {
		_ = terminal.err.Printf("ferry: %s cannot be started: %v\n", path, err)
		return exitStatus(exitNotExecutable)
	}
	ended := make(chan struct{})
	go func() {
		_ = program.Wait() // ProcessState has the status
		close(ended)
	}()
	if err := ctx.Err(); err != nil { // a signal came before the program was started
		_ = program.Process.Signal(syscall.SIGTERM)
	}
	var problem error
	failed, kill := world.Failed(), (<-chan time.Time)(nil)
	for {
		select {
		case s := <-signals:
			if s != os.Interrupt || !tty.IsTerminal(os.Stdin) { // else the terminal has sent it to the program, too
				_ = program.Process.Signal(s)
			}
		case <-failed:
			problem, failed, kill = errors.New("the world has failed while the program was running"), nil, time.After(programGrace)
			_ = program.Process.Signal(syscall.SIGTERM)
		case <-kill:
			_ = program.Process.Kill()
		case <-ended:
			if problem != nil {
				return problem
			}
			status := statusOf(program.ProcessState)
			if status == 0 {
				return nil
			}
			if recent.print(terminal.err, c.Program[0], program.ProcessState) {
				c.keepWorld(ctx, world, terminal)
			}
			return exitStatus(status)
		}
	}
}

// programEnvironment returns an environment with the variables of a world.
func programEnvironment(environment []string, variables []local.Variable) []string {
	values := make(map[string]string, len(environment))
	var names []string
	set := func(name, value string) {
		if _, known := values[name]; !known {
			names = append(names, name)
		}
		values[name] = value
	}
	for _, entry := range environment {
		if name, value, ok := strings.Cut(entry, "="); ok && name != "" {
			set(name, value)
		}
	}
	before := func(name string) string {
		for _, name := range []string{name, strings.ToUpper(name), strings.ToLower(name)} {
			if value := values[name]; value != "" {
				return value
			}
		}
		return ""
	}
	extended := make(map[string]string) // before any of them is set
	for _, v := range variables {
		if v.Extends {
			extended[v.Name] = before(v.Name)
		}
	}
	for _, v := range variables {
		switch {
		case v.Unset:
			delete(values, v.Name)
		case v.Extends && extended[v.Name] != "":
			set(v.Name, v.Value+","+extended[v.Name])
		default:
			set(v.Name, v.Value)
		}
	}
	var result []string
	for _, name := range names {
		if value, ok := values[name]; ok {
			result = append(result, name+"="+value)
		}
	}
	return result
}

// recentLines is a log that keeps its last lines.
type recentLines struct {
	mu    sync.Mutex
	lines []string
}

// Write implements [io.Writer]. Each call has one line.
func (r *recentLines) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.lines) == lastEntries {
		r.lines = r.lines[1:]
	}
	r.lines = append(r.lines, string(line))
	return len(line), nil
}

// print shows what happened in the world before a program failed, and returns whether
// anything did.
func (r *recentLines) print(to *tty.Output, name string, state *os.ProcessState) (used bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = to.Printf("ferry: %s has failed: %s\n", name, state)
	if len(r.lines) == 0 {
		_ = to.Printf("ferry: it has not used the world: there was no request\n")
		return false
	}
	_ = to.Printf("ferry: the last of what happened before:\n")
	for _, line := range r.lines {
		_ = to.Printf("  %s", tty.Layout(line))
	}
	return true
}

// quietLogs returns a logger that shows warnings and errors only, or what --log-level
// names if that is not the default, and keeps the last lines.
func (t *terminal) quietLogs() (*slog.Logger, *recentLines) {
	recent := new(recentLines)
	kept := slog.NewTextHandler(recent, &slog.HandlerOptions{Level: slog.LevelInfo})
	return slog.New(bothHandlers{shown: t.log.Handler(), kept: kept, isQuiet: t.level == defaultLogLevel}), recent
}

// bothHandlers shows some records and keeps others.
type bothHandlers struct {
	shown, kept slog.Handler
	isQuiet     bool // show warnings and errors only
}

func (h bothHandlers) shows(ctx context.Context, level slog.Level) bool {
	return h.shown.Enabled(ctx, level) && (!h.isQuiet || level >= slog.LevelWarn)
}

func (h bothHandlers) Enabled(ctx context.Context, level slog.Level) bool {
	return h.shows(ctx, level) || h.kept.Enabled(ctx, level)
}

func (h bothHandlers) Handle(ctx context.Context, record slog.Record) error {
	var problems []error
	if h.shows(ctx, record.Level) {
		problems = append(problems, h.shown.Handle(ctx, record.Clone()))
	}
	if h.kept.Enabled(ctx, record.Level) {
		problems = append(problems, h.kept.Handle(ctx, record))
	}
	return errors.Join(problems...)
}

func (h bothHandlers) WithAttrs(attrs []slog.Attr) slog.Handler {
	return bothHandlers{h.shown.WithAttrs(attrs), h.kept.WithAttrs(attrs), h.isQuiet}
}

func (h bothHandlers) WithGroup(name string) slog.Handler {
	return bothHandlers{h.shown.WithGroup(name), h.kept.WithGroup(name), h.isQuiet}
}
