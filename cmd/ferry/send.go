// ferry send: sends a message to one recipient, or to each row of a CSV file.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"time"

	"ferry/internal/bulk"
	"ferry/internal/tty"
)

type sendCommand struct {
	clientFlags
	bucketFlags
	PhoneNumberID string `help:"Id or ARN of the phone number that sends." required:"" placeholder:"ID"`

	To         string `env:"-" help:"Recipient: a phone number with + and country code, or a business-scoped user id." placeholder:"NUMBER" xor:"recipients" group:"Recipients"`
	Recipients string `env:"-" help:"CSV file whose first row names the columns. It needs a column 'to'; {NAME} in a text, caption, parameter or JSON stands for the value of another column." placeholder:"FILE" xor:"recipients" group:"Recipients"`

	Text     string   `env:"-" help:"Text to send." placeholder:"TEXT" group:"Message"`
	Media    string   `env:"-" help:"Picture, video, voice note, sticker or document to send: a file, which is first put into --bucket, s3://BUCKET/KEY, or a presigned URL. It is uploaded once for all recipients. With --template it is the header of the template." placeholder:"FILE" group:"Message"`
	Caption  string   `env:"-" help:"Text below the picture, video or document." placeholder:"TEXT" group:"Message"`
	Template string   `env:"-" help:"Name of the template to send." placeholder:"NAME" group:"Message"`
	Language string   `env:"-" help:"Language of the template. Default: ${default}." default:"en_US" placeholder:"CODE" group:"Message"`
	Param    []string `env:"-" help:"Parameter of the template's body: TEXT, or NAME=TEXT if the template has named parameters. May be repeated." sep:"none" placeholder:"TEXT" group:"Message"`
	JSON     string   `name:"json" env:"-" help:"File with Meta's message object in JSON, or - for standard input. Its recipient is replaced." placeholder:"FILE" group:"Message"`

	APIVersion  string        `name:"meta-api-version" env:"-" help:"Version of Meta's API. Default: ${default}." default:"v25.0" placeholder:"VERSION" group:"Message"`
	Wait        string        `env:"-" help:"Wait until each message is accepted, sent, delivered or read, and fail if it does not get there." enum:",accepted,sent,delivered,read" default:"" placeholder:"STATUS" group:"Outcome"`
	WaitTimeout time.Duration `env:"-" help:"How long to wait for one message. Default: ${default}." default:"1m" placeholder:"DURATION" group:"Outcome"`
	Concurrency int           `env:"-" help:"Number of calls at once. Default: ${default}." default:"4" placeholder:"N" group:"Outcome"`
	Manifest    string        `env:"-" help:"File to which a line of JSON is appended for each recipient. Run again with the same file, ferry skips the recipients whose message was accepted, and sends no message twice." placeholder:"FILE" group:"Outcome"`
}

// check returns every problem of the flags.
func (c *sendCommand) check() error {
	var problems []error
	if c.To == "" && c.Recipients == "" {
		problems = append(problems, errors.New("there is no recipient; set --to NUMBER or --recipients FILE"))
	}
	contents := 0
	for _, content := range []string{c.Text, c.Media, c.Template, c.JSON} {
		if content != "" {
			contents++
		}
	}
	if c.Media != "" && c.Template != "" { // which is the template with its header
		contents--
	}
	if contents != 1 {
		problems = append(problems, errors.New("there is not exactly one message; set one of --text, --media, --template and --json"))
	}
	if c.Caption != "" && (c.Media == "" || c.Template != "") {
		problems = append(problems, errors.New("--caption requires --media without --template"))
	}
	if len(c.Param) > 0 && c.Template == "" {
		problems = append(problems, errors.New("--param requires --template"))
	}
	if c.Manifest != "" && c.Recipients == "" {
		problems = append(problems, errors.New("--manifest requires --recipients"))
	}
	if !graphVersionForm.MatchString(c.APIVersion) {
		problems = append(problems, fmt.Errorf("--meta-api-version is %q; expected v and two numbers, such as v25.0", c.APIVersion))
	}
	if c.Concurrency < 1 {
		problems = append(problems, fmt.Errorf("--concurrency is %d; expected at least 1", c.Concurrency))
	}
	if c.WaitTimeout <= 0 {
		problems = append(problems, fmt.Errorf("--wait-timeout is %s; expected more than 0s, such as 1m", c.WaitTimeout))
	}
	return errors.Join(problems...)
}

// Run sends the message.
func (c *sendCommand) Run(ctx context.Context, terminal *terminal) error {
	if err := c.check(); err != nil {
		return err
	}
	client, err := c.client(ctx)
	if err != nil {
		return err
	}
	config := bulk.SendConfig{Client: client, PhoneNumberID: c.PhoneNumberID, APIVersion: c.APIVersion, Concurrency: c.Concurrency, Manifest: c.Manifest}
	if c.Wait != "" {
		control, err := c.control(ctx)
		if err != nil {
			return err
		}
		config.Wait = func(ctx context.Context, id string) (string, error) {
			return waitForStatus(ctx, control, id, c.Wait, c.WaitTimeout)
		}
	}
	rows, err := c.rows()
	if err != nil {
		return err
	}
	content, err := c.content(ctx, client, rows.columns)
	if err != nil {
		return err
	}
	if c.Recipients == "" {
		message, err := content.message(map[string]string{"to": c.To})
		if err != nil {
			return err
		}
		return c.print(terminal, bulk.SendOne(ctx, config, message))
	}
	config.Count, config.Messages, config.Media = rows.count, messages(rows, content), content.media
	return c.sendAll(ctx, terminal, config)
}

// messages returns the message for each row.
func messages(rows *recipientRows, content *messageContent) iter.Seq2[bulk.Message, error] {
	return func(yield func(bulk.Message, error) bool) {
		for row, err := range rows.all() {
			var message bulk.Message
			if err == nil {
				message, err = content.message(row)
			}
			if !yield(message, err) || err != nil {
				return
			}
		}
	}
}

// print writes the result for one recipient.
func (c *sendCommand) print(terminal *terminal, result bulk.Sent) error {
	result.Key = ""
	if !tty.IsTerminal(terminal.out) {
		if err := terminal.out.JSON(result); err != nil {
			return err
		}
	} else if result.MessageID != "" {
		status := result.Status
		if status == "" {
			status = "queued"
		}
		if err := terminal.out.Printf("%s  %s  %s\n", result.To, result.MessageID, status); err != nil {
			return err
		}
	}
	if !result.Failed() {
		return nil
	}
	_ = terminal.err.Printf("%s: %s\n", result.To, strings.TrimSpace(result.Code+" "+result.Error))
	return errReported
}

// sendAll sends to all recipients. On a terminal it draws a bar.
func (c *sendCommand) sendAll(ctx context.Context, terminal *terminal, config bulk.SendConfig) (err error) {
	config.Output, config.Unrecorded = terminal.out, terminal.err
	notes := terminal.err // for people; standard output is for programs
	var bars *bulk.Bars
	if tty.IsTerminal(terminal.out) {
		bars = bulk.NewBars(terminal.out)
		notes, config.Output = tty.NewOutput(bars), io.Writer(bars)
		if c.Manifest != "" {
			config.Output = nil
		}
	}
	sending, err := bulk.OpenSending(config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sending.Close()) }()
	defer terminal.onAbort(sending.Abort)()
	if bars != nil {
		bars.ShowSending(sending)
	}
	warned := make(chan struct{})
	unwarned := context.AfterFunc(ctx, func() {
		defer close(warned)
		_ = notes.Printf("Stopping after the calls in progress. Interrupt again to abort them.\n")
	})
	problem := sending.Run(ctx)
	if !unwarned() {
		<-warned
	}
	if bars != nil {
		bars.End()
		notes = terminal.out
	}
	sending.Summarize(notes)
	if ctx.Err() != nil && c.Manifest != "" {
		_ = notes.Printf("Interrupted. Run it again with the same manifest to continue.\n")
	} else if ctx.Err() != nil {
		_ = notes.Printf("Interrupted. A run with --manifest could be continued without sending twice.\n")
	}
	if problem == nil && (ctx.Err() != nil || sending.Failed() > 0) {
		return errReported
	}
	return problem
}

// readMessage reads the file of --json.
func (c *sendCommand) readMessage() ([]byte, error) {
	input := io.Reader(os.Stdin)
	if c.JSON != "-" {
		file, err := os.Open(c.JSON)
		if err != nil {
			return nil, fmt.Errorf("--json: %w", err)
		}
		defer file.Close()
		input = file
	}
	text, err := io.ReadAll(io.LimitReader(input, maxMessage+1))
	if err == nil && len(text) > maxMessage {
		err = fmt.Errorf("it has more than %d bytes", maxMessage)
	}
	if err != nil {
		return nil, fmt.Errorf("--json: %w", err)
	}
	return text, nil
}
