// ferry clock: the time of the world of ferry dev.

package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ferry/internal/tty"
	"ferry/metasim"
)

type clockCommands struct {
	Show    clockShowCommand    `cmd:"" help:"Show the time, and whether the clock is running."`
	Stop    clockStopCommand    `cmd:"" help:"Stop the clock."`
	Advance clockAdvanceCommand `cmd:"" help:"Move the clock forward, step by step: what is due on the way happens in its order, and has happened when the command ends."`
	Run     clockRunCommand     `cmd:"" help:"Let the clock run, also faster than real time."`
}

// simulatorFlags name the control API of a simulator.
type simulatorFlags struct {
	ControlURL string `help:"Control API of the simulator, as ferry dev prints it. Default: ${default}." env:"FERRY_CONTROL_URL,FERRY_SIMULATOR_CONTROL_URL" default:"http://127.0.0.1:4084" placeholder:"URL"`
}

func (f *simulatorFlags) client() *metasim.ControlClient {
	return metasim.NewControlClient(f.ControlURL, nil)
}

// simulatorError explains an error of the control API.
func (f *simulatorFlags) explain(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("the simulator at %s: %w; is 'ferry dev' running? Its control API is $FERRY_SIMULATOR_CONTROL_URL or --control-url", f.ControlURL, err)
}

// printClock prints the time for a person on a terminal, and as JSON otherwise.
func printClock(out *tty.Output, now metasim.Clock) error {
	if !tty.IsTerminal(out) {
		return out.JSON(now)
	}
	state := "stopped"
	switch {
	case now.Running && now.Speed != 1:
		state = fmt.Sprintf("running, %v times as fast as real time", now.Speed)
	case now.Running:
		state = "running"
	}
	return out.Printf("%s  %s\n", now.Time.UTC().Format("2006-01-02 15:04:05 MST"), state)
}

type clockShowCommand struct{ simulatorFlags }

func (c *clockShowCommand) Run(ctx context.Context, terminal *terminal) error {
	now, err := c.client().Clock(ctx)
	if err != nil {
		return c.explain(err)
	}
	return printClock(terminal.out, now)
}

type clockStopCommand struct{ simulatorFlags }

func (c *clockStopCommand) Run(ctx context.Context, terminal *terminal) error {
	now, err := c.client().StopClock(ctx)
	if err != nil {
		return c.explain(err)
	}
	return printClock(terminal.out, now)
}

type clockAdvanceCommand struct {
	simulatorFlags
	By span `arg:"" help:"How far: 25h, 90m, 30d." placeholder:"TIME"`
}

func (c *clockAdvanceCommand) Run(ctx context.Context, terminal *terminal) error {
	now, err := c.client().AdvanceClock(ctx, time.Duration(c.By))
	if err != nil {
		return c.explain(err)
	}
	return printClock(terminal.out, now)
}

type clockRunCommand struct {
	simulatorFlags
	Speed speed `arg:"" optional:"" default:"1x" help:"How fast: 60x is a minute in a second, 3600x the most. Default: ${default}."`
}

func (c *clockRunCommand) Run(ctx context.Context, terminal *terminal) error {
	now, err := c.client().RunClockAt(ctx, float64(c.Speed))
	if err != nil {
		return c.explain(err)
	}
	return printClock(terminal.out, now)
}

// span is a duration that may be in days.
type span time.Duration

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if days, isDays := strings.CutSuffix(string(text), "d"); isDays {
		var number float64
		number, err = strconv.ParseFloat(days, 64)
		d = time.Duration(number * 24 * float64(time.Hour))
	}
	if err != nil || d < time.Millisecond {
		return fmt.Errorf("%q is not a time to move the clock forward by; expected one such as 25h, 90m or 30d", text)
	}
	*s = span(d)
	return nil
}

// speed is how fast a clock runs.
type speed float64

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *speed) UnmarshalText(text []byte) error {
	number, err := strconv.ParseFloat(strings.TrimSuffix(string(text), "x"), 64)
	if err != nil || !(number > 0) {
		return fmt.Errorf("%q is not a speed; expected one such as 60x", text)
	}
	*s = speed(number)
	return nil
}
