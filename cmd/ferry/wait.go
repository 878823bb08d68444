// Waiting for what happens to a message.

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"ferry/internal/control"
)

// control returns a client of ferry's own operations.
func (f clientFlags) control(ctx context.Context) (*control.Client, error) {
	client, err := f.client(ctx)
	if err != nil {
		return nil, err
	}
	options := client.Options()
	if options.BaseEndpoint == nil {
		return nil, errors.New("the status of messages and events needs a ferry server, and no endpoint is set; use --endpoint or AWS_ENDPOINT_URL_SOCIALMESSAGING")
	}
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the AWS SDK's settings: %w", err)
	}
	var doer interface {
		Do(*http.Request) (*http.Response, error)
	} = http.DefaultClient
	if options.HTTPClient != nil {
		doer = options.HTTPClient
	}
	return &control.Client{Endpoint: *options.BaseEndpoint, Region: options.Region, Credentials: settings.Credentials, HTTPClient: doer}, nil
}

// statuses are those of a message, in their order.
var statuses = []string{"accepted", "sent", "delivered", "read"}

// listWait is how many seconds one call waits for an event.
const listWait = 20

// waitForStatus waits until a message has a status or a later one, and returns the
// status that it has then. It returns an error if the message fails or timeout is over.
func waitForStatus(ctx context.Context, client *control.Client, messageID, want string, timeout time.Duration) (string, error) {
	deadline := time.Now().Add(timeout)
	input := control.ListEventsInput{Filter: control.Filter{ID: messageID}}
	last := ""
	for {
		input.Wait = min(listWait, max(1, int(time.Until(deadline).Seconds())))
		page, err := control.Do(ctx, client, control.ListEvents, input)
		if err != nil {
			return last, err
		}
		input.After = page.Next
		for _, e := range page.Events {
			status, _ := strings.CutPrefix(e.Name, "status.")
			if e.Kind == "message" {
				status = e.Status
			}
			if status == "failed" || status == "unknown" {
				return status, failureOf(ctx, client, messageID)
			}
			if slices.Index(statuses, status) > slices.Index(statuses, last) {
				last = status
			}
		}
		if slices.Index(statuses, last) >= slices.Index(statuses, want) {
			return last, nil
		}
		if !time.Now().Before(deadline) {
			return last, fmt.Errorf("the message was not %s within %s; 'ferry events show %s' says what happened so far", want, timeout, messageID)
		}
	}
}

// failureOf returns why a message has failed, or why its outcome is not known.
func failureOf(ctx context.Context, client *control.Client, messageID string) error {
	page, err := control.Do(ctx, client, control.ListEvents, control.ListEventsInput{Filter: control.Filter{ID: messageID, Kind: "message"}})
	if err != nil {
		return err
	}
	for _, e := range page.Events {
		if e.Error != "" {
			return errors.New(e.Error)
		}
	}
	return fmt.Errorf("the message has failed; 'ferry events show %s' says what happened", messageID)
}
