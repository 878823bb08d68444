// What is recorded of a message, and the events that report it.

package message

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"

	"ferry/internal/activity"
	"ferry/internal/envelope"
	"ferry/internal/graph"
	"ferry/internal/outbox"
	"ferry/internal/state"
)

// Codes of errors that ferry reports itself, in place of Meta's. Meta has none that are
// near. They are part of the interface: docs/compatibility.md.
const (
	// codeUnknown says that WhatsApp may have the message. Whoever sends it again may
	// send it twice.
	codeUnknown = 990001
	// codeNotSent says that WhatsApp does not have the message.
	codeNotSent = 990002
)

// errorPage is where Meta explains its codes; its webhooks link to it.
const errorPage = "https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes"

// succeed records that Meta has accepted the message. A read receipt is no message, so
// no event reports it.
func (a *attempt) succeed(ctx context.Context, sent graph.Sent) error {
	a.entry.WAMID = sent.ID
	if sent.Status != "" {
		a.entry.Details = append(a.entry.Details, slog.String("message_status", sent.Status))
	}
	a.record(ctx, activity.OK)
	var events []state.Event
	if sent.ID != "" {
		status := a.status(envelope.Accepted)
		status.ID = sent.ID
		if a.content.Kind == UserNumber && sent.WAID != "" {
			status.RecipientID = sent.WAID // as further statuses name the user
		}
		event := a.event(status, sent.ID)
		if a.content.Kind == UserNumber && sent.WAID != "" {
			event.Conversation = a.message.PhoneNumberID + "/" + sent.WAID // in order with the further statuses
		}
		events = append(events, event)
	}
	return a.settle(ctx, &outcome{
		id: a.message.ID, status: state.MessageAccepted, wamid: sent.ID, events: events, trace: a.message.RequestID, person: a.message.Recipient,
	})
}

// fail records that the message was refused or given up.
func (a *attempt) fail(ctx context.Context, outcome activity.Outcome, reason string, report envelope.Error) error {
	a.record(ctx, outcome)
	return a.end(ctx, state.MessageFailed, reason, report)
}

// leaveUnknown records that Meta may have the message.
func (a *attempt) leaveUnknown(ctx context.Context, reason string) error {
	reason += " WhatsApp may have accepted the message, so ferry does not retry it. If it did, further statuses follow."
	a.entry.Text = reason
	a.record(ctx, activity.Ambiguous)
	return a.end(ctx, state.MessageUnknown, reason, failure(codeUnknown, "Outcome unknown", reason))
}

// end records that the message is not sent, or not known to be sent, and reports it as
// failed: programs know no other status for that.
func (a *attempt) end(ctx context.Context, result state.MessageStatus, reason string, report envelope.Error) error {
	status := a.status(envelope.Failed)
	status.ID, status.Errors = a.message.ID, []envelope.Error{report}
	err := a.settle(ctx, &outcome{
		id: a.message.ID, status: result, reason: reason, events: []state.Event{a.event(status, "")},
		trace: a.message.RequestID, person: a.message.Recipient, code: fmt.Sprintf("meta-%d", report.Code), text: reason,
	})
	if err != nil {
		return err
	}
	// What is on record may be what another process knows of the message.
	if m, err := a.config.State.Message(ctx, a.message.ID); err == nil {
		if m.Status != state.MessageFailed && m.Status != state.MessageUnknown {
			return nil
		}
		reason = m.Error
	}
	return fmt.Errorf("%w: %s", outbox.ErrNever, reason)
}

// status returns a status of the message, in Meta's form.
func (a *attempt) status(name string) envelope.Status {
	status := envelope.Status{Status: name, Time: a.config.Now(), CallbackData: a.content.CallbackData}
	switch a.content.Kind {
	case UserNumber:
		status.RecipientID = a.content.Recipient
	case UserID:
		status.RecipientUserID = a.content.Recipient
	case Group:
		status.RecipientID, status.RecipientType = a.content.Recipient, "group"
	}
	return status
}

// event returns the event of a status.
func (a *attempt) event(status envelope.Status, wamid string) state.Event {
	m := a.message
	return state.Event{
		ID: state.NewUUID(), AccountID: m.AccountID, BusinessAccountID: m.BusinessAccountID, PhoneNumberID: m.PhoneNumberID,
		Kind: state.KindEvent, Name: "status." + status.Status, Conversation: m.Conversation, MessageID: m.ID, WAMID: wamid, CreatedAt: status.Time,
		TraceParent: a.entry.Span.TraceParent(),
		Body: envelope.Envelope{
			BusinessAccount: envelope.BusinessAccount(a.config.Region, m.AccountID, m.BusinessAccountID, a.sender.BusinessAccountMetaID),
			PhoneNumber:     envelope.PhoneNumber(a.config.Region, m.AccountID, m.PhoneNumberID, a.sender.MetaID),
			Entry:           envelope.StatusEntry(a.sender.BusinessAccountMetaID, a.sender.MetaID, a.sender.DisplayNumber, status),
			AccountID:       m.AccountID, Time: status.Time, MessageID: m.ID,
		}.Marshal(),
	}
}

// failure returns an error in the form of Meta's webhooks that is not Meta's.
func failure(code int, title, details string) envelope.Error {
	return envelope.Error{Code: code, Title: title, Details: details}
}

// codePrefix is how Meta begins the messages of its responses, but not the titles in
// its webhooks: "(#131030) ".
var codePrefix = regexp.MustCompile(`^\(#\d+\) *`)

// errorOf returns the error of an attempt as Meta's webhooks report errors.
func errorOf(err error) envelope.Error {
	e, isMetas := errors.AsType[*graph.Error](err)
	if !isMetas || e.Code == 0 {
		return failure(codeNotSent, "Message not sent", reasonOf(err))
	}
	title := codePrefix.ReplaceAllString(e.Message, "")
	report := envelope.Error{Code: e.Code, Title: title, Details: e.Details, Href: errorPage}
	if report.Details == "" {
		report.Details = title
	}
	return report
}

// reasonOf returns why an attempt failed, for people.
func reasonOf(err error) string {
	if e, ok := errors.AsType[*graph.Error](err); ok {
		return e.Summary()
	}
	return err.Error()
}
