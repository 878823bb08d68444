// One attempt to send a message.

package message

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"ferry/internal/activity"
	"ferry/internal/graph"
	"ferry/internal/outbox"
	"ferry/internal/state"
)

// An attempt is one attempt to send a message.
type attempt struct {
	*Sender
	delivery outbox.Delivery
	message  state.Message
	content  Content
	sender   state.Sender
	entry    activity.Entry
}

// Deliver makes one attempt to send the message of a delivery, and records what became
// of it, with the event that reports it. A delivery that was interrupted is not
// repeated, because Meta may have the message; read receipts are, because they may
// arrive twice.
//
// It returns nil if Meta has accepted the message, an error that wraps
// [outbox.ErrNever] if the message has failed or its outcome is unknown, in an
// [*outbox.DestinationError] if Meta did not respond properly, and an [*outbox.RetryError]
// if the message must be retried.
func (s *Sender) Deliver(ctx context.Context, delivery outbox.Delivery) error {
	if recorded, err := s.recordLate(ctx, delivery.EventID); !recorded {
		return err
	}
	m, err := s.config.State.Message(ctx, delivery.EventID)
	switch {
	case errors.Is(err, state.ErrNotFound):
		return fmt.Errorf("%w: its phone number is no longer linked", outbox.ErrNever)
	case err != nil:
		return notAttempted(err)
	case m.Status == state.MessageFailed || m.Status == state.MessageUnknown:
		return fmt.Errorf("%w: %s", outbox.ErrNever, m.Error)
	case m.Status != state.MessageQueued:
		return nil
	}
	span := s.config.Activity.Begin(activity.ParseTraceParent(m.TraceParent))
	a := &attempt{Sender: s, delivery: delivery, message: m, entry: activity.Entry{
		Kind: activity.Send, Time: s.config.Now(), Operation: m.Type, Trace: m.RequestID, Account: m.AccountID, AccessKey: m.AccessKeyID,
		PhoneNumberID: m.PhoneNumberID, Person: m.Recipient, MessageID: m.ID, Details: []slog.Attr{slog.Int("attempt", delivery.Attempts+1)}, Span: span,
	}}
	a.sender, err = s.config.State.Sender(ctx, m.AccountID, m.PhoneNumberID)
	switch {
	case errors.Is(err, state.ErrNotFound): // unlinked since the message was read
		return fmt.Errorf("%w: its phone number is no longer linked", outbox.ErrNever)
	case err != nil:
		return notAttempted(err)
	}
	if a.content, err = Parse(m.Body); err != nil { // accepted by a version with other rules
		return a.fail(ctx, activity.Failed, err.Error(), failure(codeNotSent, "Message not sent", err.Error()))
	}
	a.entry.MediaID = a.content.mediaID()
	if delivery.Interrupted && m.Type != Receipt {
		return a.leaveUnknown(ctx, "The server was interrupted while it sent the message.")
	}
	if s.config.Links != nil {
		a.message.Body, err = s.config.Links.Prepare(ctx, LinkJob{Message: m, Sender: a.sender, Attempts: delivery.Attempts, Span: span}, a.content.Media)
		if failed, ok := errors.AsType[*LinkError](err); ok {
			return a.fail(ctx, activity.Refused, failed.Error(), failed.Report)
		}
		if err != nil {
			return a.retryLater(ctx, err)
		}
	}
	flow := a.flow()
	if err := s.config.Governor.Take(ctx, flow); err != nil {
		return a.retryLater(ctx, err)
	}
	// From here on, Meta may have the message if nobody records how the attempt ends.
	if err := s.config.Begin(ctx, delivery); err != nil {
		return notAttempted(err)
	}
	return a.send(ctx, flow)
}

func notAttempted(err error) error { return &outbox.RetryError{Err: err, NotAttempted: true} }

// flow returns what the governor's limits apply to.
func (a *attempt) flow() Flow {
	return Flow{BusinessAccountID: a.message.BusinessAccountID, PhoneNumberID: a.message.PhoneNumberID, Recipient: cmp.Or(a.message.Recipient, NoRecipient)}
}

// send sends the message and acts on Meta's response.
func (a *attempt) send(ctx context.Context, flow Flow) error {
	begun := time.Now()
	a.entry.Time = a.config.Now() // the wait for the limits is over
	sent, err := a.post(ctx)
	a.entry.Took = time.Since(begun)
	result := verdictOf(err)
	if result == unsure && a.message.Type == Receipt {
		result = failed // it may arrive twice
	}
	e, isMetas := errors.AsType[*graph.Error](err)
	if isMetas {
		a.entry.Status, a.entry.Code, a.entry.Text, a.entry.MetaTrace = e.Status, fmt.Sprintf("meta-%d", e.Code), e.Summary(), e.TraceID
		// The limits of all processes stop also if this one ends.
		wait, throttled, reportErr := a.config.Governor.Report(context.WithoutCancel(ctx), flow, Result{Code: e.Code, Status: e.Status, RetryAfter: sent.Usage.Wait})
		if reportErr != nil {
			a.entry.Cause = reportErr.Error()
		}
		if throttled {
			return a.retryLater(ctx, &outbox.RetryError{Err: err, After: wait, NotOfDestination: isOfMessage(e, flow)})
		}
	} else if err != nil {
		a.entry.Text = err.Error()
	}
	switch result {
	case accepted:
		return a.succeed(ctx, sent)
	case refused:
		return a.fail(ctx, activity.Refused, reasonOf(err), errorOf(err))
	case unsure:
		err := a.leaveUnknown(ctx, "WhatsApp's response was lost or cannot be read ("+reasonOf(err)+").")
		if errors.Is(err, outbox.ErrNever) {
			return &outbox.DestinationError{Err: err} // while Meta does not respond, few messages become unknown
		}
		return err
	default:
		return a.retryLater(ctx, &outbox.RetryError{Err: err, NotOfDestination: isMetas && isOfMessage(e, flow)})
	}
}

// post sends the message. A connection that was closed while it was idle fails at
// once, before the message is sent; then it is sent over another one.
func (a *attempt) post(ctx context.Context) (sent graph.Sent, err error) {
	client := a.config.Graph.Observed(func(x graph.Exchange) { a.observe(ctx, x) })
	message := graph.Message{
		PhoneNumberID: a.sender.MetaID, Token: a.sender.Token, Body: a.message.Body,
		Version: graph.LiveVersion(a.message.APIVersion, a.config.Now()),
	}
	for range 2 {
		sent, err = client.SendMessage(ctx, message)
		failed, isUnreachable := errors.AsType[*graph.UnreachableError](err)
		if !isUnreachable || failed.BodySent || ctx.Err() != nil {
			break
		}
	}
	return sent, err
}

// observe records a request to Meta.
func (a *attempt) observe(ctx context.Context, x graph.Exchange) {
	if x.TraceID != "" {
		a.entry.MetaTrace = x.TraceID
	}
	entry := x.Entry()
	entry.Span = a.entry.Span.Child()
	entry.Trace, entry.Account, entry.AccessKey = a.message.RequestID, a.message.AccountID, a.message.AccessKeyID
	entry.PhoneNumberID, entry.Person, entry.MessageID = a.message.PhoneNumberID, a.message.Recipient, a.message.ID
	a.config.Activity.Record(ctx, entry)
}

// retryLater returns the error of an attempt that is to be repeated, unless the message
// is too old for that. Time for which an operator held the phone number does not count.
func (a *attempt) retryLater(ctx context.Context, err error) error {
	now := a.config.Now()
	age := min(now.Sub(a.message.CreatedAt), now.Sub(a.delivery.ReleasedAt))
	if age < a.config.GiveUp {
		if wait, ok := errors.AsType[*outbox.RetryError](err); !ok || !wait.NotAttempted {
			a.record(ctx, activity.Failed)
		}
		return err
	}
	since := "it was accepted"
	if a.delivery.ReleasedAt.After(a.message.CreatedAt) {
		since = "its phone number was released"
	}
	reason := fmt.Sprintf("It was given up %s after %s: %s", age.Round(time.Minute), since, reasonOf(err))
	report := errorOf(err)
	report.Details = reason
	return a.fail(ctx, activity.Failed, reason, report)
}

// record records the attempt.
func (a *attempt) record(ctx context.Context, outcome activity.Outcome) {
	a.entry.Outcome = outcome
	a.config.Activity.Record(ctx, a.entry)
}
