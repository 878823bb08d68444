// Shapes of the message operation.

package socialmessaging

import (
	"github.com/aws/smithy-go/middleware"
)

// SendWhatsAppMessageInput holds a message and its sender.
type SendWhatsAppMessageInput struct {
	// The phone number that sends: "phone-number-id-…" or its ARN. Required.
	OriginationPhoneNumberId *string `json:"originationPhoneNumberId,omitzero" required:"true" is:"WhatsAppPhoneNumberId"`
	// A message in the JSON of Meta's Cloud API. Required.
	Message []byte `json:"message,omitzero" required:"true" is:"WhatsAppMessageBlob"`
	// Version of the Graph API whose JSON the message is, such as "v23.0". Required.
	MetaApiVersion *string `json:"metaApiVersion,omitzero" required:"true"`
}

// SendWhatsAppMessageOutput returns the id of the accepted message.
type SendWhatsAppMessageOutput struct {
	MessageId *string `json:"messageId,omitzero"` // AWS's id of the message, a UUID, not Meta's.

	ResultMetadata middleware.Metadata `json:"-"`
}
