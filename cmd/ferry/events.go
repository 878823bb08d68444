// ferry events: what the server has to deliver, and what became of it.

package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"ferry/internal/control"
	"ferry/internal/tty"
)

type eventsCommands struct {
	List         eventsListCommand         `cmd:"" help:"List messages and events, with the state of their deliveries."`
	Show         eventsShowCommand         `cmd:"" help:"Show everything about an event, or about a message: by its id, or by Meta's."`
	Tail         eventsTailCommand         `cmd:"" help:"Print events as they happen, in AWS's envelope, one per line."`
	Destinations eventsDestinationsCommand `cmd:"" help:"List the destinations for which deliveries wait or have failed."`
	Replay       eventsReplayCommand       `cmd:"" help:"Deliver events again, with the same ids."`
	Hold         eventsHoldCommand         `cmd:"" help:"Make the deliveries to a destination wait."`
	Release      eventsReleaseCommand      `cmd:"" help:"Let the deliveries to a destination continue."`
	Discard      eventsDiscardCommand      `cmd:"" help:"Give up deliveries that wait or have failed."`
}

// eventFilter are the flags that select events.
type eventFilter struct {
	ID          string    `env:"-" help:"Id of an event or of a message, or Meta's id of a message." placeholder:"ID" group:"Which"`
	Kind        string    `env:"-" help:"message or event." enum:",message,event" default:"" placeholder:"KIND" group:"Which"`
	Name        string    `env:"-" help:"Name of the event, such as status.failed; * stands for any text: message.*" placeholder:"NAME" group:"Which"`
	Destination string    `env:"-" help:"Destination, as 'ferry events destinations' prints it." placeholder:"DESTINATION" group:"Which"`
	State       string    `env:"-" help:"State of a delivery: waiting, delivered, dead or cancelled." enum:",waiting,delivered,dead,cancelled" default:"" placeholder:"STATE" group:"Which"`
	Status      string    `env:"-" help:"Status of a message: queued, accepted, sent, delivered, read, failed or unknown." enum:",queued,accepted,sent,delivered,read,failed,unknown" default:"" placeholder:"STATUS" group:"Which"`
	Dead        bool      `env:"-" help:"The same as --state dead." group:"Which"`
	Since       timeOrAge `env:"-" help:"Not before this time: 2026-11-29T12:00:00Z, or an age such as 10m." placeholder:"TIME" group:"Which"`
	Until       timeOrAge `env:"-" help:"Before this time, or age." placeholder:"TIME" group:"Which"`
}

func (f eventFilter) filter() control.Filter {
	state := f.State
	if f.Dead {
		state = control.Dead
	}
	return control.Filter{ID: f.ID, Kind: f.Kind, Name: f.Name, Destination: f.Destination, State: state, Status: f.Status,
		Since: f.Since.at, SinceAgeMS: f.Since.age, Until: f.Until.at, UntilAgeMS: f.Until.age}
}

// timeOrAge is a time that a person states as such, or as an age by the server's clock.
type timeOrAge struct {
	at  time.Time
	age int64 // in milliseconds; 0 means that there is none
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (t *timeOrAge) UnmarshalText(text []byte) error {
	if age, err := time.ParseDuration(string(text)); err == nil && age >= time.Millisecond {
		*t = timeOrAge{age: age.Milliseconds()}
		return nil
	}
	at, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return fmt.Errorf("%q is not a time; expected one such as 2026-11-29T12:00:00Z, or an age such as 10m", text)
	}
	*t = timeOrAge{at: at}
	return nil
}

type eventsListCommand struct {
	clientFlags
	eventFilter
	Limit int  `env:"-" help:"Number of events: the last ones. Default: ${default}." default:"50" placeholder:"N"`
	JSON  bool `env:"-" help:"Print one JSON object per line, with the content."`
}

// Run lists events, oldest first.
func (c *eventsListCommand) Run(ctx context.Context, terminal *terminal) error {
	if c.Limit < 1 {
		return fmt.Errorf("--limit is %d; expected at least 1", c.Limit)
	}
	client, err := c.control(ctx)
	if err != nil {
		return err
	}
	asJSON := c.JSON || !tty.IsTerminal(terminal.out)
	input := control.ListEventsInput{Filter: c.filter(), Latest: true, Limit: min(c.Limit, control.MaxEvents), Body: asJSON}
	page, err := control.Do(ctx, client, control.ListEvents, input)
	if err != nil {
		return err
	}
	if asJSON {
		for _, e := range page.Events {
			if err := terminal.out.JSON(e); err != nil {
				return err
			}
		}
		return nil
	}
	table := terminal.out.Table("TIME", "WHAT", "ID", "DELIVERIES")
	for _, e := range page.Events {
		table.Row(e.CreatedAt.Local().Format("Jan 02 15:04:05.000"), eventTitle(e), e.ID, deliverySummary(e))
	}
	return table.Flush()
}

// eventTitle says in a few words what an event is.
func eventTitle(e control.Event) string {
	if e.Kind == "message" {
		return "send " + e.Name + ": " + e.Status
	}
	return e.Name
}

// deliverySummary says where an event went.
func deliverySummary(e control.Event) string {
	var parts []string
	for _, d := range e.Deliveries {
		text := d.Destination + " " + d.State
		if d.Attempts > 1 || d.State == control.Dead {
			text += fmt.Sprintf(" after %s", attempts(d.Attempts))
		}
		parts = append(parts, text)
	}
	return cmp.Or(strings.Join(parts, ", "), "none")
}

func attempts(n int) string {
	if n == 1 {
		return "1 attempt"
	}
	return fmt.Sprintf("%d attempts", n)
}

type eventsShowCommand struct {
	clientFlags
	ID   string `arg:"" help:"Id of an event or of a message, or Meta's id of a message (wamid.…)." placeholder:"ID"`
	JSON bool   `env:"-" help:"Print one JSON object per line."`
}

// Run prints all events with an id, oldest first.
func (c *eventsShowCommand) Run(ctx context.Context, terminal *terminal) error {
	client, err := c.control(ctx)
	if err != nil {
		return err
	}
	page, err := control.Do(ctx, client, control.ListEvents, control.ListEventsInput{Filter: control.Filter{ID: c.ID}, Body: true})
	if err != nil {
		return err
	}
	if len(page.Events) == 0 {
		return fmt.Errorf("the account has no event and no message with the id %q; 'ferry events list' shows the last ones", c.ID)
	}
	for i, e := range page.Events {
		if c.JSON {
			err = terminal.out.JSON(e)
		} else {
			if i > 0 {
				_ = terminal.out.Printf("\n")
			}
			err = printEvent(terminal.out, e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// printEvent prints everything about an event.
func printEvent(out *tty.Output, e control.Event) error {
	_ = out.Printf("%s  %s\n", e.CreatedAt.Local().Format("2006-01-02 15:04:05.000"), eventTitle(e))
	for _, field := range [][2]string{{"id", e.ID}, {"phone number", e.PhoneNumberID}, {"message", e.MessageID}, {"at Meta", e.WAMID}, {"error", e.Error}} {
		if field[1] != "" {
			_ = out.Printf("  %-13s %s\n", field[0], field[1])
		}
	}
	for _, d := range e.Deliveries {
		_ = out.Printf("  %-13s %s: %s, %s", "delivery", d.Destination, d.State, attempts(d.Attempts))
		if !d.EndedAt.IsZero() {
			_ = out.Printf(", ended %s", d.EndedAt.Local().Format("15:04:05.000"))
		}
		if d.Error != "" {
			_ = out.Printf("\n  %-13s %s", "", d.Error)
		}
		_ = out.Printf("\n")
	}
	if len(e.Body) > 0 {
		_ = out.Printf("  %-13s ", "content")
		return out.JSONText(e.Body)
	}
	return nil
}

type eventsTailCommand struct {
	clientFlags
	eventFilter
	Last   int           `env:"-" help:"Number of earlier events to begin with. Default: ${default}." default:"10" placeholder:"N"`
	Follow bool          `env:"-" help:"Continue with new events until Ctrl-C. Default: yes." default:"true" negatable:""`
	For    time.Duration `env:"-" help:"End after this time. Default: never." placeholder:"DURATION"`
	JSON   bool          `env:"-" help:"Print ferry's own record of each event, which contains the envelope as body, and its deliveries."`
}

// Run prints events, oldest first.
func (c *eventsTailCommand) Run(ctx context.Context, terminal *terminal) error {
	if c.Last < 0 || c.Last > control.MaxEvents {
		return fmt.Errorf("--last is %d; expected 0 to %d", c.Last, control.MaxEvents)
	}
	client, err := c.control(ctx)
	if err != nil {
		return err
	}
	if c.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.For)
		defer cancel()
	}
	filter := c.filter()
	filter.Kind = cmp.Or(filter.Kind, "event")
	input := control.ListEventsInput{Filter: filter, Latest: true, Complete: true, Limit: max(c.Last, 1), Body: true}
	for first := true; ; first = false {
		page, err := control.Do(ctx, client, control.ListEvents, input)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		events := page.Events
		if first && c.Last == 0 {
			events = nil
		}
		for _, e := range events {
			if err := c.print(terminal.out, e); err != nil {
				return err
			}
		}
		if first && !c.Follow {
			return nil
		}
		input.Filter = input.Filter.At(page.Now)
		input.Latest, input.After, input.Limit, input.Wait = false, page.Next, control.MaxEvents, listWait
	}
}

// print prints one event. Its line is the envelope, on a terminal below a line that
// says what it is.
func (c *eventsTailCommand) print(out *tty.Output, e control.Event) error {
	if c.JSON {
		return out.JSON(e)
	}
	if tty.IsTerminal(out) {
		if err := out.Printf("%s  %s\n", e.CreatedAt.Local().Format("15:04:05.000"), eventTitle(e)); err != nil {
			return err
		}
	}
	return out.JSONText(e.Body)
}

type eventsDestinationsCommand struct {
	clientFlags
	JSON bool `env:"-" help:"Print one JSON object per line."`
}

// Run lists the destinations.
func (c *eventsDestinationsCommand) Run(ctx context.Context, terminal *terminal) error {
	client, err := c.control(ctx)
	if err != nil {
		return err
	}
	list, err := control.Do(ctx, client, control.ListDestinations, control.ListDestinationsInput{})
	if err != nil {
		return err
	}
	if c.JSON {
		for _, d := range list.Destinations {
			if err := terminal.out.JSON(d); err != nil {
				return err
			}
		}
		return nil
	}
	table := terminal.out.Table("DESTINATION", "WAITING", "DEAD", "OLDEST", "STATE")
	for _, d := range list.Destinations {
		oldest, state := "", d.LastError
		if !d.OldestAt.IsZero() {
			oldest = list.Now.Sub(d.OldestAt).Round(time.Second).String()
		}
		if !d.HeldAt.IsZero() {
			state = "held: " + d.HeldReason
		}
		table.Row(d.Destination, d.Waiting, d.Dead, oldest, state)
	}
	return table.Flush()
}

// eventsChange is a command that changes deliveries: it counts them first.
type eventsChange struct {
	clientFlags
	eventFilter
	DryRun bool `env:"-" help:"Only say how many deliveries it concerns."`
	Yes    bool `env:"-" help:"Do not ask."`
}

// change counts, asks, and changes.
func (c *eventsChange) change(ctx context.Context, terminal *terminal, what string, states []string, operation control.Operation[control.ChangeEventsInput, control.ChangeEventsOutput]) error {
	filter := c.filter()
	if filter == (control.Filter{}) {
		return errors.New("this would concern all events; say which, such as with --dead, --destination, --id or --since")
	}
	client, err := c.control(ctx)
	if err != nil {
		return err
	}
	counts, err := control.Do(ctx, client, control.CountEvents, control.CountEventsInput{Filter: filter})
	if err != nil {
		return err
	}
	concerned := int64(0)
	var parts []string
	for _, state := range slices.Sorted(maps.Keys(counts.Deliveries)) {
		if slices.Contains(states, state) && counts.Deliveries[state] > 0 {
			concerned += counts.Deliveries[state]
			parts = append(parts, fmt.Sprintf("%d %s", counts.Deliveries[state], state))
		}
	}
	if concerned == 0 {
		return terminal.out.Printf("There is nothing to %s: no such delivery is %s.\n", what, strings.Join(states, " or "))
	}
	if err := terminal.out.Printf("Deliveries to %s: %d (%s).\n", what, concerned, strings.Join(parts, ", ")); err != nil || c.DryRun {
		return err
	}
	if !c.Yes {
		if !tty.IsTerminal(terminal.out) {
			return fmt.Errorf("this would %s %d deliveries; confirm it with --yes", what, concerned)
		}
		if err := confirm(terminal); err != nil {
			return err
		}
	}
	changed, err := control.Do(ctx, client, operation, control.ChangeEventsInput{Filter: filter.At(counts.Now)})
	if err != nil {
		return err
	}
	return terminal.out.Printf("Done: %d.\n", changed.Changed)
}

// confirm asks the person at the terminal.
func confirm(terminal *terminal) error {
	if err := terminal.out.Printf("Continue? [y/N] "); err != nil {
		return err
	}
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if answer := strings.ToLower(strings.TrimSpace(line)); err != nil || answer != "y" && answer != "yes" {
		return errors.New("nothing was changed")
	}
	return nil
}

type eventsReplayCommand struct{ eventsChange }

// Run delivers events again.
func (c *eventsReplayCommand) Run(ctx context.Context, terminal *terminal) error {
	return c.change(ctx, terminal, "replay", []string{control.Delivered, control.Dead, control.Cancelled}, control.ReplayEvents)
}

type eventsDiscardCommand struct{ eventsChange }

// Run gives deliveries up.
func (c *eventsDiscardCommand) Run(ctx context.Context, terminal *terminal) error {
	return c.change(ctx, terminal, "discard", []string{control.Waiting, control.Dead}, control.DiscardEvents)
}

type eventsHoldCommand struct {
	clientFlags
	Reason      string `env:"-" help:"Why, for those who look later." default:"held by an operator" placeholder:"TEXT"`
	Destination string `arg:"" help:"Destination, as 'ferry events destinations' prints it." placeholder:"DESTINATION"`
}

// Run holds a destination.
func (c *eventsHoldCommand) Run(ctx context.Context, terminal *terminal) error {
	client, err := c.control(ctx)
	if err != nil {
		return err
	}
	out, err := control.Do(ctx, client, control.HoldDestination, control.HoldDestinationInput{Destination: c.Destination, Reason: c.Reason})
	if err != nil {
		return err
	}
	return terminal.out.Printf("%s is held. Deliveries that wait: %d. 'ferry events release' lets them continue.\n", c.Destination, out.Waiting)
}

type eventsReleaseCommand struct {
	clientFlags
	Destination string `arg:"" help:"Destination, as 'ferry events destinations' prints it." placeholder:"DESTINATION"`
}

// Run releases a destination.
func (c *eventsReleaseCommand) Run(ctx context.Context, terminal *terminal) error {
	client, err := c.control(ctx)
	if err != nil {
		return err
	}
	out, err := control.Do(ctx, client, control.ReleaseDestination, control.ReleaseDestinationInput{Destination: c.Destination})
	if err != nil {
		return err
	}
	return terminal.out.Printf("%s is released. Deliveries that wait now: %d.\n", c.Destination, out.Waiting)
}
