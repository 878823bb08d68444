// Ferry's own operations inside the process, for the console.

package social

import (
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ferry/internal/activity"
	"ferry/internal/control"
	"ferry/internal/graph"
	"ferry/internal/state"
	"ferry/internal/why"
	"ferry/socialmessaging"
)

// Account carries out ferry's own operations for one account, as its access keys with all
// rights could, without a request. Its user decides who may do that, and records changes.
type Account struct {
	service *Service
	id      string
}

// Account returns the Account with an id, 12 digits.
func (s *Service) Account(id string) Account { return Account{s, id} }

// call returns a call that no request has made.
func (a Account) call() *call {
	return &call{Service: a.service, isInside: true, begun: time.Now(), caller: caller{accountID: a.id, region: a.service.config.Region},
		entry: activity.Entry{Trace: state.NewUUID()}}
}

// inside carries out an operation. Errors that Problem knows have texts for people.
func inside[In, Out any](ctx context.Context, a Account, in In, method func(c *call, ctx context.Context, in *In) (*Out, error)) (Out, error) {
	out, err := method(a.call(), ctx, &in)
	if err != nil {
		var none Out
		return none, err
	}
	return *out, nil
}

// Problem returns the text and the HTTP status of an error of an Account that is for
// people; ok is false for all other errors.
func Problem(err error) (text string, status int, ok bool) {
	if f, ok := errors.AsType[*fault](err); ok {
		return f.message, f.status, true
	}
	return "", 0, false
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

// A Template is a message template in a list.
type Template struct {
	ID, Name, Language, Status, Category, Quality string // as Meta has them
}

// ListTemplates reads a page of the templates of a linked business account from Meta, at
// most limit. businessAccountID has the form "waba-…". next continues the list; it is
// empty at first, and at the end.
func (a Account) ListTemplates(ctx context.Context, businessAccountID, next string, limit int32) (list []Template, after string, err error) {
	in := socialmessaging.ListWhatsAppMessageTemplatesInput{Id: &businessAccountID, MaxResults: &limit, NextToken: textOrNil(next)}
	out, err := inside(ctx, a, in, atMeta(socialmessaging.ListWhatsAppMessageTemplates, (*metaCall).ListWhatsAppMessageTemplates))
	for _, t := range out.Templates {
		list = append(list, Template{aws.ToString(t.MetaTemplateId), aws.ToString(t.TemplateName), aws.ToString(t.TemplateLanguage),
			aws.ToString(t.TemplateStatus), aws.ToString(t.TemplateCategory), aws.ToString(t.TemplateQualityScore)})
	}
	return list, aws.ToString(out.NextToken), err
}

// Template reads a template from Meta, as Meta's JSON.
func (a Account) Template(ctx context.Context, businessAccountID, id string) ([]byte, error) {
	in := socialmessaging.GetWhatsAppMessageTemplateInput{Id: &businessAccountID, MetaTemplateId: &id}
	out, err := inside(ctx, a, in, atMeta(socialmessaging.GetWhatsAppMessageTemplate, (*metaCall).GetWhatsAppMessageTemplate))
	return []byte(aws.ToString(out.Template)), err
}

// OpenMedia opens a file of a phone number, which has the form of state.PhoneNumber.ID, at
// Meta. Reading it fails if it is slower than sources may be. The errors are those of
// graph.Client.
func (a Account) OpenMedia(ctx context.Context, phoneNumberID, mediaID string) (graph.Media, io.ReadCloser, error) {
	c := a.call()
	sender, err := c.config.State.Sender(ctx, a.id, phoneNumberID)
	if err != nil {
		return graph.Media{}, nil, err
	}
	c.entry.PhoneNumberID = sender.ID
	client := c.meta(ctx)
	media, err := client.Media(ctx, mediaID, sender.MetaID, sender.Token)
	if err != nil {
		return media, nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	body, err := client.Download(ctx, media, sender.Token)
	if err != nil {
		cancel(nil)
		return media, nil, err
	}
	return media, openMedia{c.config.Objects.WithMinRate(ctx, cancel, body), cancel}, nil
}

// openMedia is the body of OpenMedia.
type openMedia struct {
	io.ReadCloser
	cancel context.CancelCauseFunc
}

// Close implements [io.Closer].
func (o openMedia) Close() error {
	defer o.cancel(nil)
	return o.ReadCloser.Close()
}

// SealTicket returns a text with which OpensTicket admits to what the place names, until a
// time. Nobody else can make it.
func (a Account) SealTicket(until time.Time, place ...string) (string, error) {
	c := a.call()
	c.operation = "ticket"
	return c.sealPageToken(strconv.FormatInt(until.UnixMilli(), 10), place...)
}

// OpensTicket reports whether a ticket admits to what the place names at a time.
func (a Account) OpensTicket(ticket string, now time.Time, place ...string) bool {
	c := a.call()
	c.operation = "ticket"
	text, err := c.openPageToken(ticket, place...)
	until, parseErr := strconv.ParseInt(text, 10, 64)
	return err == nil && parseErr == nil && now.Before(time.UnixMilli(until))
}
