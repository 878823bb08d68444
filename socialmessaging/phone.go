// Shapes of the phone numbers: details, calling settings, public keys.

package socialmessaging

import (
	"github.com/aws/smithy-go/middleware"

	"ferry/socialmessaging/types"
)

// GetLinkedWhatsAppBusinessAccountPhoneNumberInput names a phone number.
type GetLinkedWhatsAppBusinessAccountPhoneNumberInput struct {
	Id *string `query:"id" json:"-" required:"true" is:"WhatsAppPhoneNumberId"` // "phone-number-id-…" or its ARN. Required.
}

// GetLinkedWhatsAppBusinessAccountPhoneNumberOutput is a phone number and the
// account that it belongs to.
type GetLinkedWhatsAppBusinessAccountPhoneNumberOutput struct {
	PhoneNumber                     *types.WhatsAppPhoneNumberDetail `json:"phoneNumber,omitzero"` // The phone number's details.
	LinkedWhatsAppBusinessAccountId *string                          `json:"linkedWhatsAppBusinessAccountId,omitzero" is:"LinkedWhatsAppBusinessAccountId"`
	CallSettings                    *types.WhatsAppCallSettings      `json:"callSettings,omitzero"` // Nil if calling was never configured.

	ResultMetadata middleware.Metadata `json:"-"`
}

// UpdateLinkedWhatsAppBusinessAccountPhoneNumberInput sets the calling settings
// of a phone number.
type UpdateLinkedWhatsAppBusinessAccountPhoneNumberInput struct {
	Id           *string                     `query:"id" json:"-" required:"true" is:"WhatsAppPhoneNumberId"` // "phone-number-id-…" or its ARN. Required.
	CallSettings *types.WhatsAppCallSettings `json:"callSettings,omitzero" required:"true"`                   // Required.
}

// UpdateLinkedWhatsAppBusinessAccountPhoneNumberOutput names the phone number.
type UpdateLinkedWhatsAppBusinessAccountPhoneNumberOutput struct {
	PhoneNumberId *string `json:"phoneNumberId,omitzero" required:"true" is:"WhatsAppPhoneNumberId"` // AWS's id, "phone-number-id-…".

	ResultMetadata middleware.Metadata `json:"-"`
}

// GetWhatsAppBusinessPublicKeyInput names a phone number.
type GetWhatsAppBusinessPublicKeyInput struct {
	OriginationPhoneNumberId *string `query:"originationPhoneNumberId" json:"-" required:"true" is:"WhatsAppPhoneNumberId"` // "phone-number-id-…" or its ARN. Required.
}

// GetWhatsAppBusinessPublicKeyOutput is the phone number's key for flows that
// exchange data.
type GetWhatsAppBusinessPublicKeyOutput struct {
	// RSA public key, PEM.
	BusinessPublicKey *string `json:"businessPublicKey,omitzero" is:"BusinessPublicKeyPem"`
	// VALID, or MISMATCH if the key must be registered again.
	BusinessPublicKeySignatureStatus *string `json:"businessPublicKeySignatureStatus,omitzero" is:"BusinessPublicKeySignatureStatus"`

	ResultMetadata middleware.Metadata `json:"-"`
}

// PutWhatsAppBusinessPublicKeyInput sets the phone number's key for flows that
// exchange data. Exactly one of BusinessPublicKey and KmsKeyArn is required.
type PutWhatsAppBusinessPublicKeyInput struct {
	OriginationPhoneNumberId *string `json:"originationPhoneNumberId,omitzero" required:"true" is:"WhatsAppPhoneNumberId"` // "phone-number-id-…" or its ARN. Required.
	BusinessPublicKey        *string `json:"businessPublicKey,omitzero" is:"BusinessPublicKeyPem"`                         // RSA public key, PEM.
	KmsKeyArn                *string `json:"kmsKeyArn,omitzero" is:"KmsKeyArn"`                                            // A KMS key whose public half is registered.
}

// PutWhatsAppBusinessPublicKeyOutput is empty.
type PutWhatsAppBusinessPublicKeyOutput struct {
	ResultMetadata middleware.Metadata `json:"-"`
}
