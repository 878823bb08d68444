// Command ferry is a self-hosted server for the AWS End User Messaging Social
// API in front of WhatsApp, with its clients and its administration.
//
// This package reads flags, environment, configuration file and signals, and
// connects the other packages. It contains no other logic. Each command, or group
// of small commands, has a file of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"ferry/internal/logqueue"
	"ferry/internal/tty"
)

const description = `A self-hosted server for the AWS End User Messaging Social API in front of WhatsApp.

Flags that show a $FERRY_… name can also be set by that environment variable, and in the YAML file that --config names by the name of the flag: --graph-url by FERRY_GRAPH_URL or by the key graph-url. The command line overrides the environment, and the environment overrides the file.`

// commandLine is the whole command line.
type commandLine struct {
	Demo     demoCommand      `cmd:"" help:"Run everything embedded on sample files: lint, upload, read back, compare, reuse, delete, send."`
	Dev      devCommand       `cmd:"" help:"Run everything embedded for development: API, WhatsApp simulator, S3."`
	Serve    serveCommand     `cmd:"" help:"Run the server."`
	Media    mediaCommands    `cmd:"" help:"Upload, download, delete and check media files."`
	Send     sendCommand      `cmd:"" help:"Send a message, or one to each row of a CSV file."`
	Template templateCommands `cmd:"" help:"Message templates: list, create, wait for their review, delete."`
	Flow     flowCommands     `cmd:"" help:"Flows, forms inside WhatsApp: list, create, check, preview, publish, retire."`
	Events   eventsCommands   `cmd:"" help:"Messages and events that the server delivers: list, follow, replay, hold, discard."`
	Logs     logsCommand      `cmd:"" help:"What happened: calls, requests to Meta, webhooks, events, and in ferry dev what the phones did."`
	Why      whyCommand       `cmd:"" help:"Say why a file or a message did not arrive: by any id of it."`
	Listen   listenCommand    `cmd:"" help:"Post events to programs on this machine, as SNS, AWS or Meta does, and show their answers."`
	Trigger  triggerCommands  `cmd:"" help:"Make something happen at WhatsApp (in ferry dev): a person writes, a status, a review, any webhook."`
	Call     callCommand      `cmd:"" help:"Call one operation of the API with JSON."`
	Account  accountCommand   `cmd:"" help:"Linked WhatsApp Business Accounts (in the server's database)."`
	Key      keyCommands      `cmd:"" help:"Access keys of callers (in the server's database)."`
	Policy   policyCommands   `cmd:"" help:"Policies of access keys: check one, and say why it allows or denies a call. Needs no server."`
	Console  consoleCommands  `cmd:"" help:"Logins of the web console (in the server's database)."`
	Backup   backupCommand    `cmd:"" help:"Copy the server's SQLite database to a file, while the server runs."`
	Keyset   keysetCommands   `cmd:"" help:"The keyset that encrypts secrets in the database."`
	Fault    faultCommands    `cmd:"" help:"Faults of the simulator of ferry dev: add, list, remove."`
	Clock    clockCommands    `cmd:"" help:"The clock of ferry dev: show, stop, advance, run."`
	World    worldCommands    `cmd:"" help:"The whole world of ferry dev as one file: save, reset."`
	Doctor   doctorCommand    `cmd:"" help:"Examine a server and what it needs: keyset, database, Meta's tokens and webhooks, stores, destinations, clocks, limits. Says what to do."`
	Health   healthCommand    `cmd:"" help:"Check that a server is ready, for a container's health check."`
	Version  versionCommand   `cmd:"" help:"Print the version, the commit, and with --json the modules that it was built from."`

	Config    string `help:"YAML file with settings." placeholder:"FILE" group:"General"`
	LogLevel  string `help:"Lowest level that is logged: debug, info, warn or error." enum:"debug,info,warn,error" default:"${defaultLogLevel}" group:"General"`
	LogFormat string `help:"Format of the log on standard error: text or json." enum:"text,json" default:"text" group:"General"`
}

// terminal is what a command runs with: its output, and the second signal. The
// first one ends the context that the command receives.
type terminal struct {
	out, err *tty.Output
	log      *slog.Logger
	level    string          // as --log-level names it
	queue    *logqueue.Queue // of the log
	abort    context.Context // done at the second signal: end everything in progress at once
}

// onAbort arranges to call stop in a goroutine of its own at the second signal.
// The returned function undoes that.
func (t *terminal) onAbort(stop func(cause error)) (undo func() bool) {
	return context.AfterFunc(t.abort, func() { stop(context.Cause(t.abort)) })
}

// logStopped writes the last line of a command that runs until it is stopped.
func (t *terminal) logStopped(err error) {
	if err != nil {
		t.log.Error("stopped", "error", err)
		return
	}
	t.log.Info("stopped")
}

func main() {
	trustOwnRoots()
	ctx, abort := stopSignals()
	os.Exit(run(ctx, abort, os.Args[1:], os.Stdout, os.Stderr))
}

// stopSignals returns a context that the first SIGINT or SIGTERM ends, and one
// that the second ends. A third terminates the process.
func stopSignals() (ctx, abort context.Context) {
	ctx, stop := context.WithCancelCause(context.Background())
	abort, stopNow := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		stop(fmt.Errorf("signal: %v", <-signals))
		stopNow(fmt.Errorf("second signal: %v", <-signals))
		signal.Stop(signals)
	}()
	return ctx, abort
}

// Exit statuses.
const (
	exitFailure = 1 // the command ran and failed, in whole or in part
	exitUsage   = 2 // the command line, environment or configuration is invalid
)

// defaultLogLevel is the level of the log without --log-level.
const defaultLogLevel = "info"

// errReported is returned by a command that has already printed what failed.
var errReported = errors.New("already reported")

// exitStatus is errReported for a command whose exit status is not exitFailure.
type exitStatus int

func (s exitStatus) Error() string {
	return fmt.Sprintf("already reported, for the exit status %d", int(s))
}

// run is main without the process: it parses the command line, runs the command
// and returns the exit status.
func run(ctx, abort context.Context, args []string, stdout, stderr io.Writer) int {
	var line commandLine
	out, problems := tty.NewOutput(stdout), tty.NewOutput(stderr)
	exited := -1
	parser, err := kong.New(&line,
		kong.Name("ferry"), kong.Description(description), kong.Help(printHelp),
		kong.Writers(out, problems), kong.Exit(func(status int) { exited = status }),
		kong.Vars{"defaultLogLevel": defaultLogLevel}, kong.DefaultEnvars("FERRY"), kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
	if err != nil {
		panic(err) // a mistake in the tags above
	}
	settings, err := readSettings(args)
	if err == nil {
		err = settings.check(parser.Model)
	}
	if err != nil {
		problems.Error(err)
		return exitUsage
	}
	if err := kong.Resolvers(settings).Apply(parser); err != nil {
		panic(err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 { // --help
		return exited
	}
	if err != nil {
		problems.Error(err)
		_ = problems.Printf("Run 'ferry --help', or 'ferry COMMAND --help'.\n")
		return exitUsage
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	queue := openLog(stderr, line.LogLevel, line.LogFormat)
	defer func() { _ = queue.Close() }() // no log is left to say what could not be written
	c := &terminal{out: out, err: problems, log: slog.New(queue.Handler()), level: line.LogLevel, queue: queue, abort: abort}
	err = parsed.Run(c)
	if err == nil {
		return 0
	}
	if status, ok := errors.AsType[exitStatus](err); ok {
		return int(status)
	}
	if !errors.Is(err, errReported) {
		c.err.Error(err)
	}
	return exitFailure
}
