// Ferry's own operations inside the process, for the console.

package social

import (
	"context"
	"errors"
	"time"

	"ferry/internal/control"
	"ferry/internal/why"
)

// Account carries out ferry's own operations for one account, as its access keys with all
// rights could, without a request. Its user decides who may do that, and records changes.
type Account struct {
	service *Service
	id      string
}

// Account returns the Account with an id, 12 digits.
func (s *Service) Account(id string) Account { return Account{s, id} }

// inside carries out an operation. Errors that Problem knows have texts for people.
func inside[In, Out any](ctx context.Context, a Account, in In, method func(c *call, ctx context.Context, in *In) (*Out, error)) (Out, error) {
	c := &call{Service: a.service, isInside: true, begun: time.Now(), caller: caller{accountID: a.id, region: a.service.config.Region}}
	out, err := method(c, ctx, &in)
	if err != nil {
		var none Out
		return none, err
	}
	return *out, nil
}

// Problem returns the text and the HTTP status of an error of an Account that is for
// people; ok is false for all other errors.
func Problem(err error) (text string, status int, ok bool) {
	f, ok := errors.AsType[*fault](err)
	if !ok {
		return "", 0, false
	}
	return f.message, f.status, true
}

// Why says what became of an id.
func (a Account) Why(ctx context.Context, in control.WhyInput) (why.Report, error) {
	return inside(ctx, a, in, (*call).Why)
}

// ListEvents lists messages and events.
func (a Account) ListEvents(ctx context.Context, in control.ListEventsInput) (control.ListEventsOutput, error) {
	return inside(ctx, a, in, (*call).ListEvents)
}

// CountEvents counts messages, events and their deliveries.
func (a Account) CountEvents(ctx context.Context, in control.CountEventsInput) (control.CountEventsOutput, error) {
	return inside(ctx, a, in, (*call).CountEvents)
}

// ReplayEvents delivers events again.
func (a Account) ReplayEvents(ctx context.Context, in control.ChangeEventsInput) (control.ChangeEventsOutput, error) {
	return inside(ctx, a, in, (*call).ReplayEvents)
}

// DiscardEvents gives up deliveries.
func (a Account) DiscardEvents(ctx context.Context, in control.ChangeEventsInput) (control.ChangeEventsOutput, error) {
	return inside(ctx, a, in, (*call).DiscardEvents)
}

// ListDestinations lists the destinations of the account.
func (a Account) ListDestinations(ctx context.Context) (control.ListDestinationsOutput, error) {
	return inside(ctx, a, control.ListDestinationsInput{}, (*call).ListDestinations)
}

// HoldDestination makes deliveries wait.
func (a Account) HoldDestination(ctx context.Context, in control.HoldDestinationInput) (control.HoldDestinationOutput, error) {
	return inside(ctx, a, in, (*call).HoldDestination)
}

// ReleaseDestination lets deliveries continue.
func (a Account) ReleaseDestination(ctx context.Context, in control.ReleaseDestinationInput) (control.HoldDestinationOutput, error) {
	return inside(ctx, a, in, (*call).ReleaseDestination)
}
