// ferry trigger: something happens at WhatsApp, in the simulator of ferry dev, so that
// everything after it is real. This file has what its commands share.

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"ferry/internal/tty"
	"ferry/metasim"
)

type triggerCommands struct {
	Inbound  triggerInboundCommand  `cmd:"" help:"A person writes, sends a file or a place, presses a button, or reacts."`
	Status   triggerStatusCommand   `cmd:"" help:"Meta reports a status of a message that was sent."`
	Template triggerTemplateCommand `cmd:"" help:"Meta approves, rejects, pauses or disables a template."`
	Account  triggerAccountCommand  `cmd:"" help:"Meta restricts, bans, reviews or deletes the business account."`
	Webhook  triggerWebhookCommand  `cmd:"" help:"Send a webhook of a file, or an earlier one or an earlier event again."`
}

// maxTriggerTimes bounds --times.
const maxTriggerTimes = 10_000

// triggerFlags are the flags of every command that triggers something.
type triggerFlags struct {
	simulatorFlags

	Set       []string      `env:"-" sep:"none" help:"Change a member of what is sent, as --print shows it: text.body=Hi. It must exist in the shape. May be repeated." placeholder:"PATH=VALUE" group:"What is sent"`
	Print     bool          `env:"-" help:"Send nothing; print what would be sent to the control API, one JSON object per line." group:"What is sent"`
	Times     int           `env:"-" help:"How often. Default: ${default}." default:"1" placeholder:"N" group:"How it is sent"`
	Duplicate bool          `env:"-" help:"Deliver each webhook twice, as Meta sometimes does." group:"How it is sent"`
	Delay     time.Duration `env:"-" help:"Deliver the webhooks this much later, by the simulator's clock: 500ms." placeholder:"TIME" group:"How it is sent"`
	Reorder   bool          `env:"-" help:"Deliver the first webhook two seconds late, after the others. It requires --times 2 or more." group:"How it is sent"`
}

// Validate implements kong's interface: what it returns is a mistake of the command line.
func (f *triggerFlags) Validate() error {
	switch {
	case f.Times < 1 || f.Times > maxTriggerTimes:
		return fmt.Errorf("--times is %d; expected 1 to %d", f.Times, maxTriggerTimes)
	case f.Reorder && f.Times < 2:
		return errors.New("--reorder needs webhooks that overtake the first one; set --times 2 or more")
	case f.Delay < 0 || f.Delay%time.Millisecond != 0:
		return fmt.Errorf("--delay is %v; expected a time in whole milliseconds, such as 500ms", f.Delay)
	}
	for _, one := range f.Set {
		if path, _, ok := strings.Cut(one, "="); !ok || path == "" {
			return fmt.Errorf("--set is %q; expected PATH=VALUE, such as text.body=Hi", one)
		}
	}
	return nil
}

// change applies --set to what target points to.
func (f *triggerFlags) change(target any) error {
	for _, one := range f.Set {
		path, value, _ := strings.Cut(one, "=")
		if err := setMember(target, path, value); err != nil {
			return usageError{fmt.Errorf("--set %s: %w", one, err)}
		}
	}
	return nil
}

// usageError is an error of the command line that is found when the command runs.
type usageError struct{ error }

// explainTrigger explains an error of the simulator, or of the command line.
func (f *triggerFlags) explainTrigger(terminal *terminal, err error) error {
	if mistake, ok := errors.AsType[usageError](err); ok {
		terminal.err.Error(mistake.error)
		return exitStatus(exitUsage)
	}
	return f.explainFault(err)
}

// A trigger makes something happen once. It returns what is printed: a value as JSON,
// and the same for a person.
type trigger func(context.Context, *metasim.ControlClient) (result any, text string, err error)

// run triggers something as often as the flags say, with webhooks as they say.
func (f *triggerFlags) run(ctx context.Context, terminal *terminal, do trigger) error {
	if f.Print {
		client := metasim.NewControlClient(f.ControlURL, &http.Client{Transport: printedRequests{terminal.out}})
		_, _, err := do(ctx, client)
		return f.explainTrigger(terminal, err)
	}
	client := f.client()
	if !f.Duplicate && !f.Reorder && f.Delay == 0 {
		return f.explainTrigger(terminal, f.repeat(ctx, terminal, client, do, func(int) error { return nil }))
	}
	usual, err := client.WebhookDelivery(ctx)
	if err != nil {
		return f.explain(err)
	}
	if usual.Signature == metasim.SignatureOld {
		return errors.New("webhooks are signed with an old secret, which this command could not restore afterwards; end that with POST /webhooks/delivery {}")
	}
	err = f.repeat(ctx, terminal, client, do, func(i int) error {
		how := usual
		how.Delay, how.Times = max(how.Delay, f.Delay), 0
		if f.Duplicate {
			how.Duplicate = 1
		}
		how.Disorder = 0
		if f.Reorder && i == 0 {
			how.Disorder = 1
		}
		return client.SetWebhookDelivery(ctx, how)
	})
	restored := client.SetWebhookDelivery(context.WithoutCancel(ctx), usual)
	return f.explainTrigger(terminal, errors.Join(err, restored))
}

// repeat triggers something and prints the results. prepare is called before each time.
func (f *triggerFlags) repeat(ctx context.Context, terminal *terminal, client *metasim.ControlClient, do trigger, prepare func(int) error) error {
	for i := range f.Times {
		if err := prepare(i); err != nil {
			return err
		}
		result, text, err := do(ctx, client)
		if err != nil {
			return err
		}
		if tty.IsTerminal(terminal.out) {
			err = terminal.out.Printf("%s\n", text)
		} else {
			err = terminal.out.JSON(result)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// printedRequests prints requests that would change something, and does not send them.
type printedRequests struct{ out *tty.Output }

// RoundTrip implements [http.RoundTripper].
func (p printedRequests) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodGet {
		return http.DefaultTransport.RoundTrip(request)
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	line := append([]byte(`{"post":"`+request.URL.RequestURI()+`","body":`), body...)
	if err := p.out.JSONText(append(line, '}')); err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader([]byte("{}"))), Request: request}, nil
}

// digits returns the digits of a phone number as a person writes it.
func digits(number string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("+-() .", r) {
			return -1
		}
		return r
	}, number)
}

// phoneNumber returns Meta's id of a phone number of the business that is named by its id
// or by the number itself. Empty means the first one.
func phoneNumber(ctx context.Context, client *metasim.ControlClient, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	list, err := client.Numbers(ctx)
	if err != nil {
		return "", err
	}
	var known []string
	for _, n := range list {
		if n.ID == name || digits(n.Display) == digits(name) {
			return n.ID, nil
		}
		known = append(known, n.ID+" ("+n.Display+")")
	}
	return "", usageError{fmt.Errorf("there is no phone number %q; the simulator has %s", name, strings.Join(known, " and "))}
}
