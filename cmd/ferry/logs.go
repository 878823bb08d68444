// ferry logs and ferry why: what happened, and why it did not.

package main

import (
	"context"
	"fmt"

	"ferry/internal/control"
	"ferry/internal/tty"
	"ferry/internal/why"
)

type logsCommand struct {
	clientFlags
	ID     string    `arg:"" optional:"" help:"Only what has this id: of a request, a file, a message, an event, Meta's trace id, a phone number, or s3://BUCKET/KEY." placeholder:"ID"`
	Follow bool      `short:"f" env:"-" help:"Continue with what happens, until Ctrl-C."`
	Kind   []string  `env:"-" help:"Only this kind: call, fetch, inspect, graph, webhook, event, attempt, message, send, archive, phone or admin. May be repeated." placeholder:"KIND"`
	Failed bool      `env:"-" help:"Only what was refused, has failed, or may have failed."`
	Since  timeOrAge `env:"-" help:"Not before this time: 2026-11-29T12:00:00Z, or an age such as 10m." placeholder:"TIME"`
	Last   int       `env:"-" help:"Number of entries to begin with: the last ones. Default: ${default}." default:"50" placeholder:"N"`
	JSON   bool      `env:"-" help:"Print one JSON object per line, as without a terminal."`
}

// Run prints entries, oldest first.
func (c *logsCommand) Run(ctx context.Context, terminal *terminal) error {
	if c.Last < 1 || c.Last > control.MaxEvents {
		return fmt.Errorf("--last is %d; expected 1 to %d", c.Last, control.MaxEvents)
	}
	client, err := c.control(ctx)
	if err != nil {
		return err
	}
	input := control.ListEntriesInput{Latest: true, Limit: c.Last, Filter: control.EntryFilter{ID: c.ID, Kinds: c.Kind, Failed: c.Failed, Since: c.Since.at, SinceAgeMS: c.Since.age}}
	for first := true; ; first = false {
		page, err := control.Do(ctx, client, control.ListEntries, input)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if !first && page.Oldest > input.After+1 {
			_ = terminal.err.Printf("Some entries are missing: the server no longer has them.\n")
		}
		for _, e := range page.Entries {
			if err := c.print(terminal.out, e); err != nil {
				return err
			}
		}
		if !c.Follow {
			if len(page.Entries) == 0 {
				return terminal.err.Printf("Nothing of this kind is in the journal.\n")
			}
			return nil
		}
		input.Latest, input.After, input.Limit, input.Wait = false, page.Next, control.MaxEvents, listWait
	}
}

// print prints one entry. Columns have fixed widths, because later rows are not known.
func (c *logsCommand) print(out *tty.Output, e control.Entry) error {
	if c.JSON || !tty.IsTerminal(out) {
		return out.JSON(e)
	}
	status := ""
	if e.Status != 0 {
		status = fmt.Sprint(e.Status)
	}
	if err := out.Printf("%s  %-8s %-9s %3s  %s%s\n", e.Time.Local().Format("15:04:05.000"), e.Kind, e.Outcome, status, e.Operation, idOf(e)); err != nil {
		return err
	}
	if e.Outcome != "ok" && e.Text != "" {
		return out.Printf("%14s%s\n", "", trimmed(e.Code+" "+e.Text))
	}
	return nil
}

func trimmed(text string) string {
	if text != "" && text[0] == ' ' {
		return text[1:]
	}
	return text
}

// idOf returns the id by which a person finds more about an entry.
func idOf(e control.Entry) string {
	for _, id := range []string{e.WAMID, e.MessageID, e.MediaID, e.EventID, e.Object, e.Resource, e.RequestID, e.MetaTraceID} {
		if id != "" && id != "*" {
			return "  " + id
		}
	}
	return ""
}

type whyCommand struct {
	clientFlags
	ID   string `arg:"" help:"Id of a request, a file, a message (AWS's or Meta's), an event, Meta's trace id; s3://BUCKET/KEY; or a phone number." placeholder:"ID"`
	JSON bool   `env:"-" help:"Print the report as one JSON object."`
}

// The exit statuses of ferry why.
const (
	whyNotFound = 2
	whyWaiting  = 3
	whyStopped  = 4
)

// reportWidth is the width of a report.
const reportWidth = 80

// Run prints the report. The exit status says what became of it.
func (c *whyCommand) Run(ctx context.Context, terminal *terminal) error {
	client, err := c.control(ctx)
	if err != nil {
		return err
	}
	report, err := control.Do(ctx, client, control.Why, control.WhyInput{ID: c.ID})
	if err != nil {
		return err
	}
	if c.JSON {
		err = terminal.out.JSON(report)
	} else {
		err = terminal.out.Printf("%s", tty.Layout(why.Text(*report, reportWidth)))
	}
	if err != nil {
		return err
	}
	switch report.Answer {
	case why.Arrived:
		return nil
	case why.Halted:
		return exitStatus(whyStopped)
	case why.NotFound, why.Choose:
		return exitStatus(whyNotFound)
	}
	return exitStatus(whyWaiting)
}
