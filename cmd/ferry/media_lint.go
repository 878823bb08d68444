// ferry media lint: checks files for what WhatsApp refuses, does not deliver or shows badly.

package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/internal/lint"
	"ferry/internal/media"
	"ferry/internal/object"
	"ferry/internal/tty"
)

type mediaLintCommand struct {
	Region      string   `name:"aws-region" help:"AWS region of s3:// sources. Default: the AWS SDK's setting." env:"-" placeholder:"REGION"`
	ContentType string   `env:"-" help:"Content-Type with which the files would be uploaded. Default: that of the store or web server; for local files, the type is detected from first bytes and extension." placeholder:"TYPE"`
	TextAsPlain bool     `env:"-" help:"Check as for an account that has text-as-plain on, whose CSV, JSON, XML, Markdown, vCard and iCalendar files are sent as text/plain."`
	JSON        bool     `env:"-" help:"Print one JSON object per line and source. This is the default if the output is not a terminal."`
	Source      []string `arg:"" help:"FILE, s3://BUCKET/KEY (read with the AWS SDK's settings and credentials), or an http or https URL." placeholder:"SOURCE"`
}

// lintStatuses are the exit statuses by the highest severity.
var lintStatuses = map[media.Severity]exitStatus{media.LooksBad: 3, media.WillFail: 4, media.Refused: 5}

// exitUnreadable is the exit status if a source could not be read. It takes precedence.
const exitUnreadable = exitStatus(2)

// Help is the text of --help above the flags.
func (*mediaLintCommand) Help() string {
	return `The exit status is that of the most severe finding in any source:

  0  no findings
  3  looks-bad: delivered, but shown or played badly, or not on every phone
  4  will-fail: accepted by WhatsApp, but then not delivered, or recipients cannot open it
  5  refused: not accepted by WhatsApp
  2  a source could not be read, whatever was found in the others; or the command line is wrong
  1  the output could not be written`
}

// Run checks the sources, one after the other. Its error is an exitStatus, or that of the
// output.
func (c *mediaLintCommand) Run(ctx context.Context, terminal *terminal) error {
	linter := c.linter()
	defer linter.Close()
	severity, unreadable := media.Severity(0), false
	for _, source := range c.Source {
		result := linter.Check(ctx, source)
		severity, unreadable = max(severity, result.MaxSeverity()), unreadable || result.Error != ""
		if c.JSON || !tty.IsTerminal(terminal.out) {
			if err := terminal.out.JSON(result); err != nil {
				return err
			}
		} else if err := result.WriteText(terminal.out); err != nil {
			return err
		}
	}
	if unreadable {
		return exitUnreadable
	}
	if severity > 0 {
		return lintStatuses[severity]
	}
	return nil
}

func (c *mediaLintCommand) linter() *lint.Linter {
	return lint.New(lint.Config{ContentType: c.ContentType, TextAsPlain: c.TextAsPlain, Store: c.store, Proxy: http.ProxyFromEnvironment})
}

// store returns the store of the AWS SDK's settings, including its credentials.
func (c *mediaLintCommand) store(ctx context.Context) (object.StoreConfig, error) {
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return object.StoreConfig{}, fmt.Errorf("reading the AWS SDK's settings: %w", err)
	}
	store := object.StoreConfig{Region: cmp.Or(c.Region, settings.Region), UseInstanceProfile: true}
	if store.Region == "" {
		return object.StoreConfig{}, errNoRegion
	}
	if endpoint := s3.NewFromConfig(settings).Options().BaseEndpoint; endpoint != nil {
		store.Endpoint, store.PathStyle = *endpoint, usesPathStyle(endpoint)
	}
	return store, nil
}
