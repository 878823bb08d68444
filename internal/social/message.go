// The message operation.

package social

import (
	"context"

	"ferry/internal/message"
	"ferry/socialmessaging"
)

// SendWhatsAppMessage accepts a message, or a read receipt, and returns its id, a UUID.
// The message is on disk before the caller has the response, and is sent after that:
// what Meta says to it is an event. The attempts of one SDK call are one message, on
// all replicas.
//
// Errors: InvalidParameters for a message that Meta is certain to refuse, or whose media
// belong to another phone number; ResourceNotFound for the phone number;
// ThrottledRequest when too many messages of the number wait; ServiceUnavailable when
// the message cannot be recorded.
func (c *call) SendWhatsAppMessage(ctx context.Context, in *socialmessaging.SendWhatsAppMessageInput) (*socialmessaging.SendWhatsAppMessageOutput, error) {
	sender, err := c.sender(ctx, *in.OriginationPhoneNumberId)
	if err != nil {
		return nil, err
	}
	id, err := c.config.Messages.Accept(ctx, message.Request{
		AccountID: c.caller.accountID, AccessKeyID: c.caller.accessKeyID, RequestID: c.entry.Trace, Span: c.entry.Span, SDKCall: c.sharedBy,
		Sender: sender, APIVersion: *in.MetaApiVersion, Body: in.Message,
	})
	if err != nil {
		return nil, err
	}
	c.entry.PhoneNumberID, c.entry.MessageID = sender.ID, id
	return &socialmessaging.SendWhatsAppMessageOutput{MessageId: &id}, nil
}
