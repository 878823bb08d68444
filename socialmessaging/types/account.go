// The linked WhatsApp Business Accounts and their phone numbers.

package types

import "time"

// LinkedWhatsAppBusinessAccount is a linked account with its phone numbers.
type LinkedWhatsAppBusinessAccount struct {
	Arn                               *string                                   `json:"arn,omitzero" required:"true" is:"LinkedWhatsAppBusinessAccountArn"`
	Id                                *string                                   `json:"id,omitzero" required:"true" is:"LinkedWhatsAppBusinessAccountId"` // AWS's id, "waba-…".
	WabaId                            *string                                   `json:"wabaId,omitzero" required:"true" is:"WhatsAppBusinessAccountId"`   // Meta's id, digits.
	RegistrationStatus                RegistrationStatus                        `json:"registrationStatus,omitzero" required:"true" is:"RegistrationStatus"`
	LinkDate                          *time.Time                                `json:"linkDate,omitzero" required:"true"`
	WabaName                          *string                                   `json:"wabaName,omitzero" required:"true" is:"WhatsAppBusinessAccountName"`
	EventDestinations                 []WhatsAppBusinessAccountEventDestination `json:"eventDestinations" required:"true" is:"WhatsAppBusinessAccountEventDestinations"`
	MarketingMessagesOnboardingStatus *string                                   `json:"marketingMessagesOnboardingStatus,omitzero" is:"WhatsAppBusinessAccountMarketingMessagesOnboardingStatus"`
	DatasetId                         *string                                   `json:"datasetId,omitzero" is:"WhatsAppDatasetId"` // Meta's id of the dataset, digits.
	PhoneNumbers                      []WhatsAppPhoneNumberSummary              `json:"phoneNumbers" required:"true"`
}

// LinkedWhatsAppBusinessAccountSummary is a linked account in a list.
type LinkedWhatsAppBusinessAccountSummary struct {
	Arn                               *string                                   `json:"arn,omitzero" required:"true" is:"LinkedWhatsAppBusinessAccountArn"`
	Id                                *string                                   `json:"id,omitzero" required:"true" is:"LinkedWhatsAppBusinessAccountId"` // AWS's id, "waba-…".
	WabaId                            *string                                   `json:"wabaId,omitzero" required:"true" is:"WhatsAppBusinessAccountId"`   // Meta's id, digits.
	RegistrationStatus                RegistrationStatus                        `json:"registrationStatus,omitzero" required:"true" is:"RegistrationStatus"`
	LinkDate                          *time.Time                                `json:"linkDate,omitzero" required:"true"`
	WabaName                          *string                                   `json:"wabaName,omitzero" required:"true" is:"WhatsAppBusinessAccountName"`
	EventDestinations                 []WhatsAppBusinessAccountEventDestination `json:"eventDestinations" required:"true" is:"WhatsAppBusinessAccountEventDestinations"`
	MarketingMessagesOnboardingStatus *string                                   `json:"marketingMessagesOnboardingStatus,omitzero" is:"WhatsAppBusinessAccountMarketingMessagesOnboardingStatus"`
	DatasetId                         *string                                   `json:"datasetId,omitzero" is:"WhatsAppDatasetId"` // Meta's id of the dataset, digits.
}

// WhatsAppPhoneNumberSummary is a phone number in its account.
type WhatsAppPhoneNumberSummary struct {
	Arn                    *string `json:"arn,omitzero" required:"true" is:"LinkedWhatsAppPhoneNumberArn"`
	PhoneNumber            *string `json:"phoneNumber,omitzero" required:"true" is:"PhoneNumber"`               // E.164: "+15550783881".
	PhoneNumberId          *string `json:"phoneNumberId,omitzero" required:"true" is:"WhatsAppPhoneNumberId"`   // AWS's id, "phone-number-id-…".
	MetaPhoneNumberId      *string `json:"metaPhoneNumberId,omitzero" required:"true" is:"WhatsAppPhoneNumber"` // Meta's id, digits.
	DisplayPhoneNumberName *string `json:"displayPhoneNumberName,omitzero" required:"true" is:"WhatsAppPhoneNumberName"`
	DisplayPhoneNumber     *string `json:"displayPhoneNumber,omitzero" required:"true" is:"WhatsAppDisplayPhoneNumber"`
	QualityRating          *string `json:"qualityRating,omitzero" required:"true" is:"WhatsAppPhoneNumberQualityRating"` // GREEN, YELLOW, RED or UNKNOWN.
	DataLocalizationRegion *string `json:"dataLocalizationRegion,omitzero" is:"IsoCountryCode"`                          // Country in which Meta keeps the data, such as "DE".
}

// WhatsAppPhoneNumberDetail is a phone number on its own. The model defines the
// members of the summary for it.
type WhatsAppPhoneNumberDetail struct {
	Arn                    *string `json:"arn,omitzero" required:"true" is:"LinkedWhatsAppPhoneNumberArn"`
	PhoneNumber            *string `json:"phoneNumber,omitzero" required:"true" is:"PhoneNumber"`               // E.164: "+15550783881".
	PhoneNumberId          *string `json:"phoneNumberId,omitzero" required:"true" is:"WhatsAppPhoneNumberId"`   // AWS's id, "phone-number-id-…".
	MetaPhoneNumberId      *string `json:"metaPhoneNumberId,omitzero" required:"true" is:"WhatsAppPhoneNumber"` // Meta's id, digits.
	DisplayPhoneNumberName *string `json:"displayPhoneNumberName,omitzero" required:"true" is:"WhatsAppPhoneNumberName"`
	DisplayPhoneNumber     *string `json:"displayPhoneNumber,omitzero" required:"true" is:"WhatsAppDisplayPhoneNumber"`
	QualityRating          *string `json:"qualityRating,omitzero" required:"true" is:"WhatsAppPhoneNumberQualityRating"` // GREEN, YELLOW, RED or UNKNOWN.
	DataLocalizationRegion *string `json:"dataLocalizationRegion,omitzero" is:"IsoCountryCode"`                          // Country in which Meta keeps the data, such as "DE".
}

// WhatsAppBusinessAccountEventDestination is where an account's events go.
type WhatsAppBusinessAccountEventDestination struct {
	EventDestinationArn *string `json:"eventDestinationArn,omitzero" required:"true" is:"EventDestinationArn"` // Of an SNS topic, for example.
	RoleArn             *string `json:"roleArn,omitzero" is:"RoleArn"`                                         // The role that the service assumes to write events.
}

// Tag is a tag of a resource.
type Tag struct {
	Key   *string `json:"key,omitzero" required:"true" is:"TagKeyString"`
	Value *string `json:"value,omitzero" is:"TagValueString"`
}
