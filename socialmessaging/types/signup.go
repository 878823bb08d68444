// What links a WhatsApp Business Account.

package types

// WhatsAppSignupCallback is the result of Meta's sign-up dialog.
type WhatsAppSignupCallback struct {
	AccessToken *string `json:"accessToken,omitzero" required:"true" is:"WhatsAppSignupCallbackAccessTokenString"` // From Meta.
	CallbackUrl *string `json:"callbackUrl,omitzero" is:"WhatsAppSignupCallbackCallbackUrlString"`
}

// WhatsAppSignupCallbackResult is the result of the first step.
type WhatsAppSignupCallbackResult struct {
	AssociateInProgressToken          *string                                            `json:"associateInProgressToken,omitzero" is:"AssociateInProgressToken"`                  // Connects the two steps.
	LinkedAccountsWithIncompleteSetup map[string]LinkedWhatsAppBusinessAccountIdMetaData `json:"linkedAccountsWithIncompleteSetup,omitzero" is:"LinkedAccountWithIncompleteSetup"` // By Meta's id of the account.
}

// LinkedWhatsAppBusinessAccountIdMetaData is an account whose setup is
// incomplete.
type LinkedWhatsAppBusinessAccountIdMetaData struct {
	AccountName                      *string                     `json:"accountName,omitzero" is:"WhatsAppBusinessAccountName"`
	RegistrationStatus               RegistrationStatus          `json:"registrationStatus,omitzero" is:"RegistrationStatus"`
	UnregisteredWhatsAppPhoneNumbers []WhatsAppPhoneNumberDetail `json:"unregisteredWhatsAppPhoneNumbers,omitzero"`
	WabaId                           *string                     `json:"wabaId,omitzero" is:"LinkedWhatsAppBusinessAccountId"` // AWS's id, "waba-…", or ARN.
}

// WhatsAppSetupFinalization is the second step.
type WhatsAppSetupFinalization struct {
	// Connects the two steps.
	AssociateInProgressToken *string                            `json:"associateInProgressToken,omitzero" required:"true" is:"AssociateInProgressToken"`
	PhoneNumbers             []WabaPhoneNumberSetupFinalization `json:"phoneNumbers" required:"true"`
	// A linked account to add the phone numbers to. Excludes Waba.
	PhoneNumberParent *string `json:"phoneNumberParent,omitzero" is:"LinkedWhatsAppBusinessAccountId"`
	// A new account to link. Excludes PhoneNumberParent.
	Waba *WabaSetupFinalization `json:"waba,omitzero"`
}

// WabaSetupFinalization is an account to link.
type WabaSetupFinalization struct {
	// AWS's documentation says "waba-…"; the model has the type of Meta's ids, without a pattern.
	Id                *string                                   `json:"id,omitzero" is:"WhatsAppBusinessAccountId"`
	EventDestinations []WhatsAppBusinessAccountEventDestination `json:"eventDestinations,omitzero" is:"WhatsAppBusinessAccountEventDestinations"`
	Tags              []Tag                                     `json:"tags,omitzero"`
}

// WabaPhoneNumberSetupFinalization is a phone number to register.
type WabaPhoneNumberSetupFinalization struct {
	// AWS's documentation says "phone-number-id-…"; the model has the type of Meta's ids, without
	// a pattern. Required.
	Id *string `json:"id,omitzero" required:"true" is:"WhatsAppPhoneNumber"`
	// Six digits: the PIN of the phone number, or the one to set.
	TwoFactorPin *string `json:"twoFactorPin,omitzero" required:"true" is:"TwoFactorPin"`
	// Country in which Meta keeps the data, such as "DE".
	DataLocalizationRegion *string `json:"dataLocalizationRegion,omitzero" is:"IsoCountryCode"`
	Tags                   []Tag   `json:"tags,omitzero"`
}
