// Shapes of the calls.

package socialmessaging

import (
	"github.com/aws/smithy-go/middleware"

	"ferry/socialmessaging/types"
)

// GetWhatsAppCallPermissionInput names a phone number and the user whom it would
// call.
type GetWhatsAppCallPermissionInput struct {
	// "phone-number-id-…" or its ARN. Required.
	OriginationPhoneNumberId *string `json:"originationPhoneNumberId,omitzero" required:"true" is:"WhatsAppPhoneNumberId"`
	// The user to call, E.164. Exactly one of this and EndUserBsuid.
	DestinationPhoneNumber *string `json:"destinationPhoneNumber,omitzero" is:"WhatsAppDestinationPhoneNumber"`
	// The user to call, by business-scoped user id.
	EndUserBsuid *string `json:"endUserBsuid,omitzero" is:"WhatsAppBusinessScopedUserId"`
}

// GetWhatsAppCallPermissionOutput is the permission to call the user.
type GetWhatsAppCallPermissionOutput struct {
	Permission *types.WhatsAppCallPermission        `json:"permission,omitzero" required:"true"`
	Actions    []types.WhatsAppCallPermissionAction `json:"actions" required:"true"` // What may be done at this time, and how often.

	ResultMetadata middleware.Metadata `json:"-"`
}

// SendWhatsAppCallEventInput holds a signal of a call.
type SendWhatsAppCallEventInput struct {
	// "phone-number-id-…" or its ARN. Required.
	OriginationPhoneNumberId *string `json:"originationPhoneNumberId,omitzero" required:"true" is:"WhatsAppPhoneNumberId"`
	// Version of the Graph API whose JSON the event is, such as "v23.0". Required.
	MetaApiVersion *string `json:"metaApiVersion,omitzero" required:"true"`
	// A call event in the JSON of Meta's Cloud API. Required.
	CallEvent []byte `json:"callEvent,omitzero" required:"true" is:"WhatsAppCallEventBlob"`
}

// SendWhatsAppCallEventOutput identifies the call.
type SendWhatsAppCallEventOutput struct {
	CallId *string `json:"callId,omitzero" required:"true"`

	ResultMetadata middleware.Metadata `json:"-"`
}
