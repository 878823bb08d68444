// Shapes of the linked WhatsApp Business Accounts and their phone numbers.

package socialmessaging

import "time"

// ListLinkedWhatsAppBusinessAccountsInput asks for one page of the linked accounts.
type ListLinkedWhatsAppBusinessAccountsInput struct {
	NextToken  *string `query:"nextToken" is:"NextToken"`   // From the page before; none for the first page.
	MaxResults *int32  `query:"maxResults" is:"MaxResults"` // Accounts a page, 1 to 100.
}

// ListLinkedWhatsAppBusinessAccountsOutput is one page of the linked accounts.
type ListLinkedWhatsAppBusinessAccountsOutput struct {
	LinkedAccounts []LinkedWhatsAppBusinessAccountSummary `json:"linkedAccounts"`
	NextToken      *string                                `json:"nextToken,omitzero" is:"NextToken"` // None on the last page.
}

// GetLinkedWhatsAppBusinessAccountInput names a linked account.
type GetLinkedWhatsAppBusinessAccountInput struct {
	Id *string `query:"id" required:"true" is:"LinkedWhatsAppBusinessAccountId"` // "waba-…" or its ARN. Required.
}

// GetLinkedWhatsAppBusinessAccountOutput is a linked account with its phone numbers.
type GetLinkedWhatsAppBusinessAccountOutput struct {
	Account *LinkedWhatsAppBusinessAccount `json:"account,omitzero"`
}

// GetLinkedWhatsAppBusinessAccountPhoneNumberInput names a phone number.
type GetLinkedWhatsAppBusinessAccountPhoneNumberInput struct {
	Id *string `query:"id" required:"true" is:"WhatsAppPhoneNumberId"` // "phone-number-id-…" or its ARN. Required.
}

// GetLinkedWhatsAppBusinessAccountPhoneNumberOutput is a phone number and the account that it belongs to.
type GetLinkedWhatsAppBusinessAccountPhoneNumberOutput struct {
	PhoneNumber                     *WhatsAppPhoneNumberDetail `json:"phoneNumber,omitzero"`
	LinkedWhatsAppBusinessAccountId *string                    `json:"linkedWhatsAppBusinessAccountId,omitzero" is:"LinkedWhatsAppBusinessAccountId"`
}

// LinkedWhatsAppBusinessAccountSummary is a linked account as a list shows it.
type LinkedWhatsAppBusinessAccountSummary struct {
	Arn                *string    `json:"arn,omitzero" required:"true" is:"LinkedWhatsAppBusinessAccountArn"`
	Id                 *string    `json:"id,omitzero" required:"true" is:"LinkedWhatsAppBusinessAccountId"` // AWS's id, "waba-…"
	WabaId             *string    `json:"wabaId,omitzero" required:"true" is:"WhatsAppBusinessAccountId"`   // Meta's id, digits
	RegistrationStatus *string    `json:"registrationStatus,omitzero" required:"true" is:"RegistrationStatus"`
	LinkDate           *time.Time `json:"linkDate,omitzero" required:"true"`
	WabaName           *string    `json:"wabaName,omitzero" required:"true" is:"WhatsAppBusinessAccountName"`

	EventDestinations                 []WhatsAppBusinessAccountEventDestination `json:"eventDestinations" required:"true" is:"WhatsAppBusinessAccountEventDestinations"`
	MarketingMessagesOnboardingStatus *string                                   `json:"marketingMessagesOnboardingStatus,omitzero" is:"WhatsAppBusinessAccountMarketingMessagesOnboardingStatus"`
	DatasetId                         *string                                   `json:"datasetId,omitzero" is:"WhatsAppDatasetId"`
}

// LinkedWhatsAppBusinessAccount is a linked account with its phone numbers.
type LinkedWhatsAppBusinessAccount struct {
	LinkedWhatsAppBusinessAccountSummary
	PhoneNumbers []WhatsAppPhoneNumberSummary `json:"phoneNumbers" required:"true"`
}

// WhatsAppPhoneNumberSummary is a phone number as its account shows it.
type WhatsAppPhoneNumberSummary struct {
	Arn                    *string `json:"arn,omitzero" required:"true" is:"LinkedWhatsAppPhoneNumberArn"`
	PhoneNumber            *string `json:"phoneNumber,omitzero" required:"true" is:"PhoneNumber"`               // E.164: "+15550783881"
	PhoneNumberId          *string `json:"phoneNumberId,omitzero" required:"true" is:"WhatsAppPhoneNumberId"`   // AWS's id, "phone-number-id-…"
	MetaPhoneNumberId      *string `json:"metaPhoneNumberId,omitzero" required:"true" is:"WhatsAppPhoneNumber"` // Meta's id, digits
	DisplayPhoneNumberName *string `json:"displayPhoneNumberName,omitzero" required:"true" is:"WhatsAppPhoneNumberName"`
	DisplayPhoneNumber     *string `json:"displayPhoneNumber,omitzero" required:"true" is:"WhatsAppDisplayPhoneNumber"`
	QualityRating          *string `json:"qualityRating,omitzero" required:"true" is:"WhatsAppPhoneNumberQualityRating"` // GREEN, YELLOW, RED, UNKNOWN
	DataLocalizationRegion *string `json:"dataLocalizationRegion,omitzero" is:"IsoCountryCode"`
}

// WhatsAppPhoneNumberDetail is a phone number on its own. The model gives it
// the members of the summary.
type WhatsAppPhoneNumberDetail WhatsAppPhoneNumberSummary

// WhatsAppBusinessAccountEventDestination is where an account's events go.
type WhatsAppBusinessAccountEventDestination struct {
	EventDestinationArn *string `json:"eventDestinationArn,omitzero" required:"true" is:"EventDestinationArn"`
	RoleArn             *string `json:"roleArn,omitzero" is:"RoleArn"`
}
