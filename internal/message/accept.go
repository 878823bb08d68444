// Acceptance: what is refused at once, and what is stored.

package message

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"ferry/internal/activity"
	"ferry/internal/graph"
	"ferry/internal/state"
)

// A Request is a message that a caller wants to send.
type Request struct {
	AccountID   string        // 12 digits
	AccessKeyID string        // of the caller
	RequestID   string        // of the call
	Span        activity.Span // of the call
	SDKCall     string        // what all attempts of one SDK call have in common; empty means unknown
	Sender      state.Sender
	APIVersion  string // of Meta's API, as the caller named it: "v23.0"
	Body        []byte // JSON
}

// Accept stores a message, which the outbox then sends, and returns its id, a UUID. If
// another attempt of the same SDK call was accepted, it returns the id of that
// message. The message is on disk before Accept returns.
//
// The error is an [*Error] if the message is refused, a [*QueueFullError] if too many
// messages of the phone number wait, or that of the database.
func (s *Sender) Accept(ctx context.Context, request Request) (id string, err error) {
	begun := time.Now()
	entry := activity.Entry{Kind: activity.Message, Time: s.config.Now(), Operation: "accept", Outcome: activity.OK,
		Trace: request.RequestID, Account: request.AccountID, AccessKey: request.AccessKeyID, PhoneNumberID: request.Sender.ID, Bytes: int64(len(request.Body)), Span: request.Span.Child()}
	defer func() {
		entry.Took, entry.MessageID = time.Since(begun), id
		if err != nil {
			entry.Outcome, entry.Text = activity.Refused, err.Error()
		}
		s.config.Activity.Record(ctx, entry)
	}()
	if _, _, ok := graph.ParseVersion(request.APIVersion); !ok {
		return "", refuse(`The metaApiVersion must have the form "v<major>.<minor>", such as "v23.0".`)
	}
	content, err := Parse(request.Body)
	if err != nil {
		return "", err
	}
	entry.Details = append(entry.Details, slog.String("message_type", content.Type))
	entry.Person, entry.MediaID = content.Recipient, content.mediaID()
	if err := s.checkMedia(ctx, request.Sender, content); err != nil {
		return "", err
	}
	if s.config.Links != nil {
		if err := s.config.Links.Check(ctx, request.AccountID, content.Media); err != nil {
			return "", err
		}
	}
	return s.add(ctx, request, content)
}

// checkMedia refuses media that another phone number has uploaded. Media that ferry
// does not know may have been uploaded by another program.
func (s *Sender) checkMedia(ctx context.Context, sender state.Sender, content Content) error {
	var ids []string
	for _, m := range content.Media {
		if m.ID != "" {
			ids = append(ids, m.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	foreign, err := s.config.State.ForeignMedia(ctx, sender.ID, ids)
	if err != nil {
		return err
	}
	for _, m := range content.Media {
		if slices.Contains(foreign, m.ID) {
			return refuse("The media id at %s.id was uploaded for another phone number, and a media id belongs to the number that uploaded it. "+
				"Upload the file with PostWhatsAppMessageMedia for the number that sends the message.", m.Path)
		}
	}
	return nil
}

// add stores an accepted message.
func (s *Sender) add(ctx context.Context, request Request, content Content) (string, error) {
	conversation, err := s.conversation(ctx, request.Sender, content)
	if err != nil {
		return "", err
	}
	flow := Flow{BusinessAccountID: request.Sender.BusinessAccountID, PhoneNumberID: request.Sender.ID, Recipient: content.Recipient}
	// The last free space is for recording what became of messages.
	if err = s.config.State.Writable(ctx); err == nil {
		err = s.config.Governor.Admit(ctx, flow)
	}
	if err != nil {
		_, isFull := errors.AsType[*QueueFullError](err)
		if (isFull || errors.Is(err, state.ErrUnwritable)) && request.SDKCall != "" {
			if id, known := s.config.State.MessageOfCall(ctx, request.SDKCall); known == nil {
				return id, nil // an earlier attempt was accepted
			}
		}
		return "", err
	}
	id, _, err := s.config.State.AddMessage(ctx, state.Message{
		AccountID: request.AccountID, BusinessAccountID: request.Sender.BusinessAccountID, PhoneNumberID: request.Sender.ID,
		Type: content.Type, Recipient: content.Recipient, Conversation: conversation, APIVersion: request.APIVersion,
		AccessKeyID: request.AccessKeyID, RequestID: request.RequestID, SDKCall: request.SDKCall, Body: request.Body, CreatedAt: s.config.Now(),
		TraceParent: request.Span.TraceParent(),
	})
	return id, err
}

// conversation returns what a message is kept in order with: the other messages to the
// same user. A read receipt belongs to the user who wrote the message that was read;
// if ferry has not received that message, the receipt is in order with others of the
// same message only.
func (s *Sender) conversation(ctx context.Context, sender state.Sender, content Content) (string, error) {
	if content.Type != Receipt {
		return sender.ID + "/" + content.Recipient, nil
	}
	conversation, isKnown, err := s.config.State.ConversationOf(ctx, sender.ID, content.ReceiptOf)
	if err == nil && !isKnown {
		conversation = sender.ID + "/" + NoRecipient + "/" + content.ReceiptOf
	}
	return conversation, err
}
