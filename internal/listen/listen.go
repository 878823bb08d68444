// Package listen follows the events of a server and posts each to programs, as
// Amazon SNS, AWS's service or Meta would:
//
//	listen.go  follows the events
//	target.go  where they go: URLs and their filters
//	post.go    the attempts, in order within a conversation
//	form.go    the three forms, and their signatures
//	sns.go     the certificate of the notifications
package listen

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"ferry/internal/control"
)

const (
	pageWait      = 10 // seconds that one call waits for an event
	retryInterval = time.Second
)

// Config says what is followed and where it goes.
type Config struct {
	Client  *control.Client // required
	Targets []Target        // empty means that events are reported only
	Form    Form            // required if there are targets
	Since   time.Time       // the zero time means from now on
	// SinceAgeMS replaces Since: milliseconds before now by the server's clock. Zero means that it does not.
	SinceAgeMS int64
	// Lost is how long the server may be unreachable before Run fails. 0 means forever.
	Lost time.Duration
	// Retry says whether attempts without a status 2xx are repeated.
	Retry bool
	// Report is called for each attempt, and for each event that goes nowhere. Calls do
	// not overlap. An error ends Run.
	Report func(Attempt) error
	// Warn is called when the server cannot be reached, once until it can be again, and
	// then with nil.
	Warn func(error)
	// Abort ends attempts in progress. Without it they end within their timeout.
	Abort context.Context
}

// Run posts events until ctx ends, which is no error.
func Run(ctx context.Context, c Config) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var reporting sync.Mutex
	var unreported error
	report := func(a Attempt) {
		reporting.Lock()
		defer reporting.Unlock()
		if err := c.Report(a); err != nil && unreported == nil {
			unreported = err
			stop()
		}
	}
	var posters []*poster
	for _, target := range c.Targets {
		p := newPoster(target, &c, report)
		posters = append(posters, p)
		defer p.finish()
	}
	err := follow(ctx, &c, func(e control.Event) {
		taken := false
		for _, p := range posters {
			if p.target.matches(e) {
				taken = p.put(ctx, e) || taken
			}
		}
		if !taken && ctx.Err() == nil {
			report(Attempt{Time: time.Now(), Event: e.ID, Name: e.Name})
		}
	})
	reporting.Lock()
	defer reporting.Unlock()
	return errors.Join(err, unreported)
}

// follow calls each for every event, in order.
func follow(ctx context.Context, c *Config, each func(control.Event)) error {
	filter := control.Filter{Kind: "event", Since: c.Since, SinceAgeMS: c.SinceAgeMS}
	input := control.ListEventsInput{Filter: filter, Complete: true, Limit: control.MaxEvents, Body: true}
	if c.Since.IsZero() && c.SinceAgeMS == 0 {
		input.Latest, input.Limit = true, 1 // only to learn where the end is
	}
	reached := time.Now()
	isLost := false
	for {
		call, cancel := ctx, func() {}
		if c.Lost > 0 {
			call, cancel = context.WithDeadline(ctx, reached.Add(c.Lost))
		}
		page, err := control.Do(call, c.Client, control.ListEvents, input)
		cancel()
		if ctx.Err() != nil {
			return nil
		}
		if refused, ok := errors.AsType[*control.ResponseError](err); ok && refused.Status < 500 && refused.Status != 429 {
			return err
		}
		if err != nil {
			if !isLost {
				isLost = true
				c.Warn(err)
			}
			if c.Lost > 0 && time.Since(reached) >= c.Lost-retryInterval/2 {
				return fmt.Errorf("the server could not be reached for %v: %w", c.Lost, err)
			}
			select {
			case <-time.After(retryInterval):
			case <-ctx.Done():
				return nil
			}
			continue
		}
		if isLost {
			isLost = false
			c.Warn(nil)
		}
		if !input.Latest {
			for _, e := range page.Events {
				each(e)
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		reached = time.Now()
		input.Filter = control.Filter{Kind: "event"} // what is replayed may be older than Since
		input.Latest, input.Limit, input.After, input.Wait = false, control.MaxEvents, page.Next, pageWait
	}
}
