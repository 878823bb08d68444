// ferry template watch: waits for the end of a review.

package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ferry/socialmessaging"
)

type templateWatchCommand struct {
	wabaFlags
	templateArg
	formatFlags
	Timeout time.Duration `env:"-" help:"How long to wait. Default: ${default}." default:"10m" placeholder:"DURATION"`
}

// Help implements [kong.HelpProvider].
func (c *templateWatchCommand) Help() string {
	return `Prints the status of the template, and again whenever it changes, until Meta has reviewed it or the time is over. Most reviews take minutes, some a day.

Exit status: 0 the template is approved; 4 it is rejected, or cannot be sent for another reason; 3 it is still being reviewed; 1 its status could not be read.`
}

// Exit statuses of ferry template watch.
const (
	exitWaiting  = 3 // the review has not ended
	exitRejected = 4 // it ended, and the template cannot be sent
)

const (
	firstReviewPoll = time.Second      // before the second look at a template; each wait is half as long again
	maxReviewPoll   = 30 * time.Second // the longest wait between two looks
)

// reviewing are the statuses of a template whose review has not ended.
var reviewing = []string{"PENDING", "IN_APPEAL"}

// Run waits until the template is no longer reviewed.
func (c *templateWatchCommand) Run(ctx context.Context, terminal *terminal) error {
	if c.Timeout <= 0 {
		return fmt.Errorf("--timeout is %s; expected more than 0s, such as 10m", c.Timeout)
	}
	client, err := c.open(ctx)
	if err != nil {
		return err
	}
	template, err := c.find(ctx, client)
	if err != nil {
		return readable(err)
	}
	if err := c.print(terminal, template); err != nil {
		return err
	}
	deadline, wait := time.Now().Add(c.Timeout), firstReviewPoll
	for slices.Contains(reviewing, template.Status) {
		left := time.Until(deadline)
		if left <= 0 {
			_ = terminal.err.Printf("The template is still being reviewed after %s.\n", c.Timeout)
			return exitStatus(exitWaiting)
		}
		select {
		case <-ctx.Done():
			_ = terminal.err.Printf("Interrupted. The template is still being reviewed.\n")
			return exitStatus(exitWaiting)
		case <-time.After(min(wait, left)):
		}
		wait = min(wait*3/2, maxReviewPoll)
		now, err := client.template(ctx, &socialmessaging.GetWhatsAppMessageTemplateInput{Id: client.id, MetaTemplateId: &template.ID})
		switch {
		case ctx.Err() != nil || isPassing(err):
			continue
		case err != nil:
			return readable(err)
		case now.state() != template.state():
			if err := c.print(terminal, now); err != nil {
				return err
			}
		}
		template = now
	}
	if template.Status != "APPROVED" {
		return exitStatus(exitRejected)
	}
	return nil
}

// isPassing reports whether a call has failed and may succeed later.
func isPassing(err error) bool {
	exception, ok := socialmessaging.AsException(err)
	return ok && slices.Contains([]string{"ThrottledRequestException", "DependencyException", "InternalServiceException"}, exception.Code)
}

// print prints the status of the template.
func (c *templateWatchCommand) print(terminal *terminal, t metaTemplate) error {
	if !c.isJSON(terminal) {
		return terminal.out.Printf("%s  %s  %s\n", time.Now().Format("15:04:05"), t.title(), t.state())
	}
	return terminal.out.JSON(struct {
		ID       string `json:"metaTemplateId"`
		Name     string `json:"templateName"`
		Language string `json:"templateLanguage"`
		Status   string `json:"templateStatus"`
		Category string `json:"templateCategory"`
		Reason   string `json:"rejectedReason,omitempty"`
	}{t.ID, t.Name, t.Language, t.Status, t.Category, t.reason()})
}
