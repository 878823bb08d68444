// ferry fault: what goes wrong in the simulator of ferry dev.

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"ferry/internal/tty"
	"ferry/metasim"
)

type faultCommands struct {
	Add    faultAddCommand    `cmd:"" help:"Make requests to Meta's API, or messages, fail or slow."`
	List   faultListCommand   `cmd:"" help:"List the faults, in the order in which they are tried."`
	Remove faultRemoveCommand `cmd:"" help:"Remove faults."`
}

type faultAddCommand struct {
	simulatorFlags

	ID        string `name:"id" env:"-" help:"Id of the fault: letters, digits, - and _. Default: the simulator chooses one." placeholder:"ID"`
	Operation string `env:"-" help:"Operation that fails, as the history names it: upload, send_message, … Default: any." placeholder:"NAME" group:"Which requests"`
	Method    string `env:"-" help:"Method of the requests. Default: any." placeholder:"METHOD" group:"Which requests"`
	Path      string `env:"-" help:"Pattern of the paths, in which * is any part: /v*/*/media. Default: any." placeholder:"PATTERN" group:"Which requests"`
	Skip      int    `env:"-" help:"Matching requests that are left alone first." placeholder:"N" group:"Which requests"`
	Times     int    `env:"-" help:"Requests that fail. Default: all." placeholder:"N" group:"Which requests"`

	Probability float64 `env:"-" help:"Probability, above 0 and up to 1, with which a matching request fails. Default: 1." placeholder:"P" group:"Which requests"`

	Status    int    `env:"-" help:"HTTP status of the response. Default: that of --code, and 200 with --body." placeholder:"STATUS" group:"What happens"`
	Code      int    `env:"-" help:"Meta's error code; title, status and details follow from it." placeholder:"CODE" group:"What happens"`
	Subcode   int    `env:"-" help:"error_subcode of the error." placeholder:"CODE" group:"What happens"`
	Message   string `env:"-" help:"Message of the error." placeholder:"TEXT" group:"What happens"`
	Details   string `env:"-" help:"Details of the error." placeholder:"TEXT" group:"What happens"`
	Body      string `env:"-" help:"The whole body of the response, which may be anything." placeholder:"TEXT" group:"What happens"`
	BodyType  string `env:"-" help:"Content-Type of --body. Default: HTML after a <, else JSON." placeholder:"TYPE" group:"What happens"`
	AfterBody bool   `env:"-" help:"Read the whole request before the response." group:"What happens"`

	Latency    time.Duration `env:"-" help:"Wait before anything else, in real time: 500ms." placeholder:"TIME" group:"What happens"`
	Bandwidth  int64         `env:"-" help:"Bytes per second of the bodies of request and response." placeholder:"BYTES" group:"What happens"`
	CutAfter   int64         `env:"-" help:"Cut the connection after this many bytes of an upload, or of the response of another operation; a negative number cuts it before any byte." placeholder:"BYTES" group:"What happens"`
	LoseAnswer bool          `env:"-" help:"Carry the operation out and cut the connection without a response." group:"What happens"`
	FailLater  int           `env:"-" help:"Code with which a message fails after it was accepted." placeholder:"CODE" group:"What happens"`

	DryRun bool `env:"-" help:"Add nothing; print the requests of the history that the fault would have been applied to, as far as --probability does not decide."`
}

func (c *faultAddCommand) fault() metasim.Fault {
	return metasim.Fault{
		ID: c.ID, Method: c.Method, PathPattern: c.Path, Operation: metasim.Operation(c.Operation),
		Status: c.Status, ErrorCode: c.Code, Subcode: c.Subcode, Message: c.Message, Details: c.Details, Body: c.Body, BodyType: c.BodyType,
		AfterBody: c.AfterBody, Latency: c.Latency, BandwidthBytesPerSecond: c.Bandwidth, CutAfterBytes: c.CutAfter,
		LoseAnswer: c.LoseAnswer, FailLater: c.FailLater, Skip: c.Skip, Times: c.Times, Probability: c.Probability,
	}
}

func (c *faultAddCommand) Run(ctx context.Context, terminal *terminal) error {
	if c.DryRun {
		requests, err := c.client().TryFault(ctx, c.fault())
		if err != nil {
			return c.explainFault(err)
		}
		return printRequests(terminal.out, requests)
	}
	added, err := c.client().AddFault(ctx, c.fault())
	if err != nil {
		return c.explainFault(err)
	}
	if !tty.IsTerminal(terminal.out) {
		return terminal.out.JSON(added)
	}
	return terminal.out.Printf("added %s; 'ferry fault remove %s' removes it\n", added.ID, added.ID)
}

// explainFault explains an error; one of the fault itself needs no hint.
func (f *simulatorFlags) explainFault(err error) error {
	if refused, ok := errors.AsType[*metasim.ControlError](err); ok {
		return errors.New(strings.TrimPrefix(refused.Message, "metasim: "))
	}
	return f.explain(err)
}

func printRequests(out *tty.Output, requests []metasim.Request) error {
	if !tty.IsTerminal(out) {
		for _, request := range requests {
			if err := out.JSON(request); err != nil {
				return err
			}
		}
		return nil
	}
	if len(requests) == 0 {
		return out.Printf("the fault matches none of the requests in the history\n")
	}
	table := out.Table("TIME", "OPERATION", "METHOD", "PATH", "STATUS")
	for _, r := range requests {
		table.Row(r.Time.UTC().Format("15:04:05"), string(r.Operation), r.Method, r.Path, r.Status)
	}
	return table.Flush()
}

type faultListCommand struct{ simulatorFlags }

func (c *faultListCommand) Run(ctx context.Context, terminal *terminal) error {
	faults, err := c.client().Faults(ctx)
	if err != nil {
		return c.explain(err)
	}
	if !tty.IsTerminal(terminal.out) {
		for _, f := range faults {
			if err := terminal.out.JSON(f); err != nil {
				return err
			}
		}
		return nil
	}
	if len(faults) == 0 {
		return terminal.out.Printf("there are no faults\n")
	}
	table := terminal.out.Table("ID", "WHICH", "WHAT", "MATCHED", "APPLIED")
	for _, f := range faults {
		table.Row(f.ID, faultSelectors(f), faultEffects(f), f.Matched, f.Applied)
	}
	return table.Flush()
}

// faultSelectors says which requests a fault is for.
func faultSelectors(f metasim.Fault) string {
	parts := nonEmpty(string(f.Operation), f.Method, f.PathPattern)
	if len(parts) == 0 {
		parts = []string{"all requests"}
	}
	for _, count := range []struct {
		number int
		text   string
	}{{f.Skip, "after %d"}, {f.Times, "%d times"}} {
		if count.number > 0 {
			parts = append(parts, fmt.Sprintf(count.text, count.number))
		}
	}
	if f.Probability > 0 && f.Probability < 1 {
		parts = append(parts, fmt.Sprintf("with probability %v", f.Probability))
	}
	return strings.Join(parts, " ")
}

// faultEffects says what a fault does.
func faultEffects(f metasim.Fault) string {
	var parts []string
	add := func(is bool, format string, values ...any) {
		if is {
			parts = append(parts, fmt.Sprintf(format, values...))
		}
	}
	add(f.Latency > 0, "waits %v", f.Latency)
	add(f.BandwidthBytesPerSecond > 0, "%d bytes/s", f.BandwidthBytesPerSecond)
	add(f.Status > 0, "status %d", f.Status)
	add(f.ErrorCode > 0, "code %d", f.ErrorCode)
	add(f.Body != "", "a body of %d bytes", len(f.Body))
	add(f.CutAfterBytes > 0, "cut after %d bytes", f.CutAfterBytes)
	add(f.CutAfterBytes < 0, "cut before any byte")
	add(f.LoseAnswer, "the response is lost")
	add(f.FailLater > 0, "the message fails later with %d", f.FailLater)
	return strings.Join(parts, ", ")
}

func nonEmpty(texts ...string) (list []string) {
	for _, text := range texts {
		if text != "" {
			list = append(list, text)
		}
	}
	return list
}

type faultRemoveCommand struct {
	simulatorFlags
	IDs []string `arg:"" optional:"" name:"id" help:"Ids of faults."`
	All bool     `env:"-" help:"Remove all faults."`
}

func (c *faultRemoveCommand) Run(ctx context.Context, terminal *terminal) error {
	if c.All == (len(c.IDs) > 0) {
		return errors.New("expected ids of faults, or --all; 'ferry fault list' has the ids")
	}
	if c.All {
		return c.explain(c.client().ClearFaults(ctx))
	}
	for _, id := range c.IDs {
		err := c.client().RemoveFault(ctx, id)
		if refused, ok := errors.AsType[*metasim.ControlError](err); ok && refused.StatusCode == 404 {
			return fmt.Errorf("there is no fault %s; 'ferry fault list' has the ids", id)
		}
		if err != nil {
			return c.explain(err)
		}
	}
	return nil
}
