// Where the events of a linked account go.

package social

import (
	"context"
	"errors"
	"fmt"

	"ferry/internal/event"
	"ferry/internal/policy"
	"ferry/internal/state"
	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

// PutWhatsAppBusinessAccountEventDestinations replaces the destination of an account's
// events. An empty list means that no destination receives them, except those that
// the server's configuration has for the account.
func (c *call) PutWhatsAppBusinessAccountEventDestinations(ctx context.Context, in *socialmessaging.PutWhatsAppBusinessAccountEventDestinationsInput) (*socialmessaging.PutWhatsAppBusinessAccountEventDestinationsOutput, error) {
	id, _ := c.resolve(kindBusinessAccount, *in.Id)
	account, err := c.config.State.BusinessAccount(ctx, c.caller.accountID, id)
	if errors.Is(err, state.ErrNotFound) {
		return nil, c.noAccountOfEvents(*in.Id)
	}
	if err != nil {
		return nil, err
	}
	var destinations []state.EventDestination
	for _, given := range in.EventDestinations {
		destination, err := c.eventDestination(ctx, account.ID, given)
		if err != nil {
			return nil, err
		}
		destinations = append(destinations, destination)
	}
	err = c.config.State.PutEventDestinations(ctx, c.caller.accountID, account.ID, destinations)
	if errors.Is(err, state.ErrNotFound) { // unlinked meanwhile
		return nil, c.noAccountOfEvents(*in.Id)
	}
	if err != nil {
		return nil, err
	}
	c.administered(ctx, *in.Id, fmt.Sprintf("%d event destinations", len(destinations)))
	return &socialmessaging.PutWhatsAppBusinessAccountEventDestinationsOutput{}, nil
}

// noAccountOfEvents begins with AWS's text (docs/references.md#aws-events). The
// operation declares no ResourceNotFoundException.
func (c *call) noAccountOfEvents(given string) error {
	return fail(socialmessaging.KindInvalidParameters, nil,
		"LinkedWhatsAppBusinessAccountId Not Found: no WhatsApp Business Account '%s' is linked to account %s in region %s.", given, c.caller.accountID, c.caller.region)
}

// eventDestination checks a destination that the caller has chosen.
func (c *call) eventDestination(ctx context.Context, businessAccountID string, given types.WhatsAppBusinessAccountEventDestination) (state.EventDestination, error) {
	arn := *given.EventDestinationArn
	holder := event.Holder{AccountID: c.caller.accountID, BusinessAccountID: businessAccountID, Region: c.caller.region}
	choice, err := c.config.Events.Choose(holder, arn)
	if errors.Is(err, event.ErrChoice) {
		return state.EventDestination{}, fail(socialmessaging.KindInvalidParameters, nil, "%s", err)
	}
	if err != nil {
		return state.EventDestination{}, err
	}
	destination := state.EventDestination{ARN: arn}
	if given.RoleArn != nil {
		destination.RoleARN = *given.RoleArn
	}
	switch {
	case destination.RoleARN != "" && choice.Topic.ARN == "":
		return state.EventDestination{}, fail(socialmessaging.KindInvalidParameters, nil,
			"roleArn is only for SNS topics. Omit it: the server's configuration says how '%s' is reached.", arn)
	case destination.RoleARN == "" && choice.Topic.ARN != "" && choice.Topic.AccountID != c.caller.accountID:
		// The server publishes with its own credentials, so that the caller must have the
		// right to publish to the topic of another account.
		return destination, c.authorise(ctx, nil, policy.Request{Action: "sns:Publish", Resource: arn})
	}
	return destination, nil
}

// eventDestinationNeeds are the rights of PutWhatsAppBusinessAccountEventDestinations
// beside its own: to hand roles to the service.
func eventDestinationNeeds(in *socialmessaging.PutWhatsAppBusinessAccountEventDestinationsInput) []policy.Request {
	return roleNeeds(in.EventDestinations)
}

func roleNeeds(destinations []types.WhatsAppBusinessAccountEventDestination) (needs []policy.Request) {
	for _, destination := range destinations {
		if destination.RoleArn != nil {
			needs = append(needs, policy.Request{Action: "iam:PassRole", Resource: *destination.RoleArn})
		}
	}
	return needs
}

// eventDestinations returns what PutWhatsAppBusinessAccountEventDestinations has set
// for an account, also a moment ago at another server.
func (c *call) eventDestinations(ctx context.Context, businessAccountID string) ([]types.WhatsAppBusinessAccountEventDestination, error) {
	stored, err := c.config.State.ReadEventDestinations(ctx, businessAccountID)
	if err != nil {
		return nil, err
	}
	var list []types.WhatsAppBusinessAccountEventDestination
	for _, d := range stored {
		destination := types.WhatsAppBusinessAccountEventDestination{EventDestinationArn: &d.ARN}
		if d.RoleARN != "" {
			destination.RoleArn = &d.RoleARN
		}
		list = append(list, destination)
	}
	return list, nil
}
