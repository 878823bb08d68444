// ferry listen: the events of a server, posted to programs on this machine.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"ferry/internal/control"
	"ferry/internal/listen"
	"ferry/internal/secret"
	"ferry/internal/tty"
)

type listenCommand struct {
	clientFlags
	To         []string      `env:"-" sep:"none" help:"URL that events are posted to, with filters: :3000/hook,event=status.failed,number=ID. * stands for any text in the name of an event; a number is an id or the number itself; several of the same filter are alternatives. May be repeated. Default: events are only printed." placeholder:"URL[,FILTER=VALUE]…"`
	As         string        `env:"-" help:"Form: sns is an HTTP notification of Amazon SNS, eum AWS's bare envelope, meta Meta's own webhook. Default: ${default}." enum:"sns,eum,meta" default:"eum" placeholder:"FORM"`
	SecretFile string        `env:"-" help:"File with the secret that signs: for meta the app secret (default: $M4D_APP_SECRET, which ferry dev sets), for eum one of Standard Webhooks (whsec_…; default: no signature)." placeholder:"FILE"`
	SNSVersion string        `name:"sns-signature-version" env:"-" help:"SignatureVersion of notifications: 1 is SHA-1, 2 is SHA-256. Default: ${default}." enum:"1,2" default:"1" placeholder:"VERSION"`
	SNSCAFile  string        `name:"sns-ca-file" env:"-" help:"File that receives the certificate of notifications, which a program must trust to fetch it from their SigningCertURL: for Node.js, name it in NODE_EXTRA_CA_CERTS. Default: it is not written." placeholder:"FILE"`
	Since      timeOrAge     `env:"-" help:"Begin with the events since this time: 2026-11-29T12:00:00Z, or an age such as 10m. Default: now." placeholder:"TIME"`
	Retry      bool          `env:"-" help:"Post events again that a program has not answered with a status 2xx: ten times at most. Wait for a server that cannot be reached, for as long as it takes."`
	Lost       time.Duration `name:"server-timeout" env:"-" help:"End with exit status 1 when the server could not be reached for this time, without --retry. Default: ${default}." default:"30s" placeholder:"TIME"`
	Show       []string      `name:"print" env:"-" help:"Also print, of each attempt: headers, body, answer (its first 4 KiB)." enum:"headers,body,answer" placeholder:"WHAT"`
	JSON       bool          `env:"-" help:"Print one JSON object per attempt, and nothing else on standard output."`
}

// Run posts events until Ctrl-C.
func (c *listenCommand) Run(ctx context.Context, terminal *terminal) error {
	if c.Lost < time.Second {
		return usage(terminal, fmt.Errorf("--server-timeout is %v; expected at least 1s", c.Lost))
	}
	settings := listen.Config{Since: c.Since.at, SinceAgeMS: c.Since.age, Lost: c.Lost, Retry: c.Retry, Abort: terminal.abort}
	if c.Retry {
		settings.Lost = 0
	}
	for _, text := range c.To {
		target, err := listen.ParseTarget(text)
		if err != nil {
			return usage(terminal, fmt.Errorf("--to: %w", err))
		}
		settings.Targets = append(settings.Targets, target)
	}
	client, err := c.control(ctx)
	if err != nil {
		return err
	}
	settings.Client = client
	form, end, err := c.form(terminal, client)
	if err != nil {
		return usage(terminal, err)
	}
	defer end()
	settings.Form = form
	settings.Report = func(a listen.Attempt) error { return c.report(terminal.out, a) }
	settings.Warn = func(err error) {
		if err == nil {
			_ = terminal.err.Printf("The server can be reached again.\n")
		} else {
			_ = terminal.err.Printf("The server cannot be reached, trying again: %s\n", err)
		}
	}
	_ = terminal.err.Printf("Waiting for events. Press Ctrl-C to stop.\n")
	return listen.Run(ctx, settings)
}

// usage prints a mistake of the command line and returns its exit status.
func usage(terminal *terminal, err error) error {
	terminal.err.Error(err)
	return exitStatus(exitUsage)
}

// form returns the form, and what ends it.
func (c *listenCommand) form(terminal *terminal, client *control.Client) (listen.Form, func(), error) {
	var key secret.Secret
	if c.SecretFile != "" {
		secrets, err := readSecrets(c.SecretFile)
		if err == nil && len(secrets) != 1 {
			err = fmt.Errorf("%s has %d secrets; expected one", c.SecretFile, len(secrets))
		}
		if err != nil {
			return nil, nil, fmt.Errorf("--secret-file: %w", err)
		}
		key = secrets[0]
	}
	nothing := func() {}
	switch {
	case c.SNSCAFile != "" && c.As != "sns":
		return nil, nil, errors.New("--sns-ca-file is for --as sns")
	case c.As == "meta":
		if key.IsZero() {
			key = secret.New(os.Getenv("M4D_APP_SECRET"))
		}
		if key.Reveal() == "" {
			return nil, nil, errors.New("--as meta signs with the app secret; set --secret-file FILE or M4D_APP_SECRET")
		}
		return listen.Meta{AppSecret: key}, nothing, nil
	case c.As == "eum":
		form, err := listen.NewEUM(key)
		if err != nil {
			err = fmt.Errorf("--secret-file: %w", err)
		}
		return form, nothing, err
	case !key.IsZero():
		return nil, nil, errors.New("--secret-file: notifications of SNS are signed with a certificate; leave it out")
	}
	form, err := listen.NewSNS(c.SNSVersion, client.Region)
	if err == nil && c.SNSCAFile != "" {
		err = os.WriteFile(c.SNSCAFile, form.Certificate(), 0o644)
	}
	if err != nil {
		return nil, nil, err
	}
	_ = terminal.err.Printf("Notifications are signed by the certificate at %s\n", form.URL())
	return form, func() { _ = form.Close() }, nil
}

// attemptLine is an attempt as JSON.
type attemptLine struct {
	Time    time.Time   `json:"time"`
	Event   string      `json:"event"`
	Name    string      `json:"name"`
	To      string      `json:"to,omitempty"`
	Attempt int         `json:"attempt,omitempty"`
	Status  int         `json:"status,omitempty"`
	Error   string      `json:"error,omitempty"`
	TookMS  float64     `json:"tookMs,omitempty"`
	Retried bool        `json:"retried,omitempty"`
	Headers http.Header `json:"headers,omitempty"`
	Body    string      `json:"body,omitempty"`
	Answer  string      `json:"answer,omitempty"`
}

// report prints an attempt.
func (c *listenCommand) report(out *tty.Output, a listen.Attempt) error {
	if c.JSON {
		line := attemptLine{Time: a.Time, Event: a.Event, Name: a.Name, Attempt: a.Number, Status: a.Status, Error: a.Error, TookMS: float64(a.Took.Microseconds()) / 1000, Retried: a.Retried}
		if a.To != nil {
			line.To = a.To.URL.Redacted()
		}
		if slices.Contains(c.Show, "headers") {
			line.Headers = a.Header
		}
		if slices.Contains(c.Show, "body") {
			line.Body = string(a.Body)
		}
		if slices.Contains(c.Show, "answer") {
			line.Answer = string(a.Answer)
		}
		return out.JSON(line)
	}
	text := fmt.Sprintf("%s %s %s", a.Time.Local().Format("15:04:05"), a.Event, a.Name)
	if a.To != nil {
		text += " → " + a.To.Short()
		switch {
		case a.Error != "":
			text += " failed: " + a.Error
		case a.Failed():
			text += fmt.Sprintf(" %d %q", a.Status, beginning(a.Answer))
		default:
			text += fmt.Sprintf(" %d", a.Status)
		}
		text += " " + tookText(a.Took)
		if a.Retried {
			text += ", retrying"
		}
	}
	if err := out.Printf("%s\n", text); err != nil {
		return err
	}
	if slices.Contains(c.Show, "headers") {
		for _, name := range keys(a.Header) {
			_ = out.Printf("  %s: %s\n", name, strings.Join(a.Header[name], ", "))
		}
	}
	if slices.Contains(c.Show, "body") && json.Valid(a.Body) {
		if err := out.JSONText(a.Body); err != nil {
			return err
		}
	}
	if slices.Contains(c.Show, "answer") && len(a.Answer) > 0 {
		for line := range strings.Lines(string(a.Answer)) {
			_ = out.Printf("  < %s\n", strings.TrimRight(line, "\r\n"))
		}
	}
	return nil
}

// tookText returns a time in milliseconds.
func tookText(took time.Duration) string {
	if took < time.Millisecond {
		return "<1 ms"
	}
	return fmt.Sprintf("%d ms", took.Milliseconds())
}

// beginning returns the first line of an answer, as far as it fits into a line.
func beginning(answer []byte) string {
	const most = 60
	line, _, _ := bytes.Cut(answer, []byte("\n"))
	text := []rune(strings.TrimSpace(strings.ToValidUTF8(string(line), "\uFFFD")))
	if len(text) > most {
		return string(text[:most]) + "…"
	}
	return string(text)
}
