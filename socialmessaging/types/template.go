// Message templates.

package types

// TemplateSummary is a message template in a list.
type TemplateSummary struct {
	TemplateName         *string `json:"templateName,omitzero" is:"MetaTemplateName"`
	MetaTemplateId       *string `json:"metaTemplateId,omitzero" is:"MetaTemplateId"`     // Meta's id of the template, digits.
	TemplateStatus       *string `json:"templateStatus,omitzero" is:"MetaTemplateStatus"` // Such as APPROVED, PENDING or REJECTED.
	TemplateQualityScore *string `json:"templateQualityScore,omitzero" is:"MetaTemplateQualityScore"`
	TemplateLanguage     *string `json:"templateLanguage,omitzero" is:"MetaTemplateLanguage"` // Such as "en_US".
	TemplateCategory     *string `json:"templateCategory,omitzero" is:"MetaTemplateCategory"` // Such as UTILITY or MARKETING.
}

// MetaLibraryTemplate is a template to create from one of Meta's library.
type MetaLibraryTemplate struct {
	TemplateName                *string                      `json:"templateName,omitzero" required:"true" is:"MetaTemplateName"`
	LibraryTemplateName         *string                      `json:"libraryTemplateName,omitzero" required:"true" is:"MetaTemplateName"`
	TemplateCategory            *string                      `json:"templateCategory,omitzero" required:"true" is:"MetaTemplateCategory"` // Such as UTILITY or MARKETING.
	TemplateLanguage            *string                      `json:"templateLanguage,omitzero" required:"true" is:"MetaTemplateLanguage"` // Such as "en_US".
	LibraryTemplateButtonInputs []LibraryTemplateButtonInput `json:"libraryTemplateButtonInputs,omitzero"`
	LibraryTemplateBodyInputs   *LibraryTemplateBodyInputs   `json:"libraryTemplateBodyInputs,omitzero"`
}

// LibraryTemplateButtonInput holds the variable parts of a library template's
// button.
type LibraryTemplateButtonInput struct {
	Type *string `json:"type,omitzero" is:"ButtonType"`
	// For a button that calls.
	PhoneNumber *string `json:"phoneNumber,omitzero" is:"PhoneNumber"`
	// For a button with a link: the address and an example of its variable part.
	Url                  map[string]string   `json:"url,omitzero" is:"MetaUrlWithSuffixExample"`
	OtpType              *string             `json:"otpType,omitzero" is:"OtpType"`
	ZeroTapTermsAccepted *bool               `json:"zeroTapTermsAccepted,omitzero"`
	SupportedApps        []map[string]string `json:"supportedApps,omitzero" is:"SupportedApps"`
}

// LibraryTemplateBodyInputs holds the variable parts of a library template's
// body.
type LibraryTemplateBodyInputs struct {
	AddContactNumber          *bool  `json:"addContactNumber,omitzero"`
	AddLearnMoreLink          *bool  `json:"addLearnMoreLink,omitzero"`
	AddSecurityRecommendation *bool  `json:"addSecurityRecommendation,omitzero"`
	AddTrackPackageLink       *bool  `json:"addTrackPackageLink,omitzero"`
	CodeExpirationMinutes     *int32 `json:"codeExpirationMinutes,omitzero"` // Minutes for which a one-time code is valid.
}

// MetaLibraryTemplateDefinition is a template of Meta's library.
type MetaLibraryTemplateDefinition struct {
	TemplateName              *string                     `json:"templateName,omitzero" is:"MetaTemplateName"`
	TemplateLanguage          *string                     `json:"templateLanguage,omitzero" is:"MetaTemplateLanguage"` // Such as "en_US".
	TemplateCategory          *string                     `json:"templateCategory,omitzero" is:"MetaTemplateCategory"` // Such as UTILITY or MARKETING.
	TemplateTopic             *string                     `json:"templateTopic,omitzero" is:"MetaTemplateTopic"`
	TemplateUseCase           *string                     `json:"templateUseCase,omitzero" is:"MetaTemplateUseCase"`
	TemplateIndustry          []string                    `json:"templateIndustry,omitzero" is:"MetaIndustries"`
	TemplateHeader            *string                     `json:"templateHeader,omitzero" is:"MetaTemplateHeader"`
	TemplateBody              *string                     `json:"templateBody,omitzero" is:"MetaTemplateBody"`
	TemplateButtons           []LibraryTemplateButtonList `json:"templateButtons,omitzero"`
	TemplateId                *string                     `json:"templateId,omitzero" is:"MetaTemplateId"`
	TemplateBodyExampleParams []string                    `json:"templateBodyExampleParams,omitzero"`
}

// LibraryTemplateButtonList is a button of a library template.
type LibraryTemplateButtonList struct {
	Type                 *string             `json:"type,omitzero" is:"ButtonType"`
	Text                 *string             `json:"text,omitzero" is:"MetaText"`
	PhoneNumber          *string             `json:"phoneNumber,omitzero" is:"PhoneNumber"` // For a button that calls.
	Url                  *string             `json:"url,omitzero" is:"MetaUrl"`
	OtpType              *string             `json:"otpType,omitzero" is:"OtpType"`
	ZeroTapTermsAccepted *bool               `json:"zeroTapTermsAccepted,omitzero"`
	SupportedApps        []map[string]string `json:"supportedApps,omitzero" is:"SupportedApps"`
}
