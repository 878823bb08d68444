// Shapes of the linked WhatsApp Business Accounts.

package socialmessaging

import (
	"github.com/aws/smithy-go/middleware"

	"ferry/socialmessaging/types"
)

// AssociateWhatsAppBusinessAccountInput holds one of the two steps that link an
// account.
type AssociateWhatsAppBusinessAccountInput struct {
	SignupCallback    *types.WhatsAppSignupCallback    `json:"signupCallback,omitzero"`    // First step: the access token of the sign-up.
	SetupFinalization *types.WhatsAppSetupFinalization `json:"setupFinalization,omitzero"` // Second step: the phone numbers to register.
}

// AssociateWhatsAppBusinessAccountOutput returns the result of the step.
type AssociateWhatsAppBusinessAccountOutput struct {
	SignupCallbackResult            *types.WhatsAppSignupCallbackResult `json:"signupCallbackResult,omitzero"` // The result of the first step.
	StatusCode                      *int32                              `json:"statusCode,omitzero"`           // HTTP status of the result.
	LinkedWhatsAppBusinessAccountId *string                             `json:"linkedWhatsAppBusinessAccountId,omitzero" is:"LinkedWhatsAppBusinessAccountId"`

	ResultMetadata middleware.Metadata `json:"-"`
}

// DisassociateWhatsAppBusinessAccountInput names a linked account.
type DisassociateWhatsAppBusinessAccountInput struct {
	Id *string `query:"id" json:"-" required:"true" is:"LinkedWhatsAppBusinessAccountId"` // "waba-…" or its ARN. Required.
}

// DisassociateWhatsAppBusinessAccountOutput is empty.
type DisassociateWhatsAppBusinessAccountOutput struct {
	ResultMetadata middleware.Metadata `json:"-"`
}

// ListLinkedWhatsAppBusinessAccountsInput selects a page of the linked accounts.
type ListLinkedWhatsAppBusinessAccountsInput struct {
	NextToken  *string `query:"nextToken" json:"-" is:"NextToken"`   // From the previous page. Empty means the first page.
	MaxResults *int32  `query:"maxResults" json:"-" is:"MaxResults"` // Entries per page, 1 to 100.
}

// ListLinkedWhatsAppBusinessAccountsOutput is a page of the linked accounts.
type ListLinkedWhatsAppBusinessAccountsOutput struct {
	LinkedAccounts []types.LinkedWhatsAppBusinessAccountSummary `json:"linkedAccounts"`
	NextToken      *string                                      `json:"nextToken,omitzero" is:"NextToken"` // Nil on the last page.

	ResultMetadata middleware.Metadata `json:"-"`
}

// GetLinkedWhatsAppBusinessAccountInput names a linked account.
type GetLinkedWhatsAppBusinessAccountInput struct {
	Id *string `query:"id" json:"-" required:"true" is:"LinkedWhatsAppBusinessAccountId"` // "waba-…" or its ARN. Required.
}

// GetLinkedWhatsAppBusinessAccountOutput is a linked account with its phone
// numbers.
type GetLinkedWhatsAppBusinessAccountOutput struct {
	Account *types.LinkedWhatsAppBusinessAccount `json:"account,omitzero"`

	ResultMetadata middleware.Metadata `json:"-"`
}

// PutWhatsAppBusinessAccountEventDestinationsInput sets where an account's
// events go.
type PutWhatsAppBusinessAccountEventDestinationsInput struct {
	// "waba-…" or its ARN. Required.
	Id *string `json:"id,omitzero" required:"true" is:"LinkedWhatsAppBusinessAccountId"`
	// At most one. An empty list, unlike nil, removes the destination. Required.
	EventDestinations []types.WhatsAppBusinessAccountEventDestination `json:"eventDestinations,omitzero" required:"true" is:"WhatsAppBusinessAccountEventDestinations"`
}

// PutWhatsAppBusinessAccountEventDestinationsOutput is empty.
type PutWhatsAppBusinessAccountEventDestinationsOutput struct {
	ResultMetadata middleware.Metadata `json:"-"`
}
