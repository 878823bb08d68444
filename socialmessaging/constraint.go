// The model's named types and their constraints. A field's tag `is` names the
// type; the tags `required` and `sensitive` belong to the field or structure
// itself.

package socialmessaging

import (
	"regexp"

	"ferry/socialmessaging/types"
)

// A Constraint is what a named type of the model requires of a value. Min and
// Max count the Unicode code points of a string, the bytes of a blob and the
// elements of a list or map; they bound the value of a number.
type Constraint struct {
	Name      string   // Of the type in the model.
	Min       int64    // 0 means none, except for a number.
	Max       int64    // 0 means none.
	Pattern   string   // The whole value must match. Empty means none.
	Enum      []string // Nil means none.
	Sensitive bool     // No error message shows the value.
	Element   string   // The named type of a list's elements. Empty means one without constraints.
	Key       string   // The named type of a map's keys. Empty means one without constraints.
	Value     string   // The named type of a map's values. Empty means one without constraints.

	pattern             *regexp.Regexp
	element, key, value *Constraint
}

// constraints holds the named types that have constraints.
//
// S3PresignedUrlUrlString has a pattern in the model,
// https://(.*)s3(.*).amazonaws.com/(.*), which is left out on purpose: it
// refuses every store but AWS's and accepts https://169.254.169.254/s3xamazonaws.com/.
// The server checks the host itself.
var constraints = named(
	Constraint{Name: "Arn", Max: 2048, Pattern: `arn:.*`},
	Constraint{Name: "AssociateInProgressToken", Max: 50, Sensitive: true},
	Constraint{Name: "BusinessPublicKeyPem", Min: 1, Max: 8192},
	Constraint{Name: "BusinessPublicKeySignatureStatus", Min: 1, Max: 20},
	Constraint{Name: "ButtonType", Min: 1, Max: 25},
	Constraint{Name: "EventDestinationArn", Max: 2048, Pattern: `arn:.*:[a-z-]+([/:](.*))?`},
	Constraint{Name: "Filter", Max: 10, Key: "FilterKeyString", Value: "FilterValueString"},
	Constraint{Name: "FilterKeyString", Min: 1, Max: 100},
	Constraint{Name: "FilterValueString", Min: 1, Max: 100},
	Constraint{Name: "IanaTimezone", Min: 1, Max: 100},
	Constraint{Name: "Iso8601Duration", Min: 1, Max: 20},
	Constraint{Name: "IsoCountryCode", Pattern: `[A-Z]{2}`},
	Constraint{Name: "KmsKeyArn", Min: 1, Max: 256, Pattern: `arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key/.+|alias/.+)`},
	Constraint{Name: "LinkedAccountWithIncompleteSetup", Key: "WhatsAppBusinessAccountId"},
	Constraint{Name: "LinkedWhatsAppBusinessAccountArn", Max: 2048, Pattern: `arn:.*:waba/[0-9a-zA-Z]+`},
	Constraint{Name: "LinkedWhatsAppBusinessAccountId", Min: 1, Max: 115, Pattern: `.*(^waba-.*$)|(^arn:.*:waba/[0-9a-zA-Z]+$).*`},
	Constraint{Name: "LinkedWhatsAppPhoneNumberArn", Max: 2048, Pattern: `arn:.*:phone-number-id/[0-9a-zA-Z]+`},
	Constraint{Name: "MaxResults", Min: 1, Max: 100},
	Constraint{Name: "MetaFlowApplicationId", Min: 1, Max: 100},
	Constraint{Name: "MetaFlowApplicationLink", Min: 1, Max: 2048},
	Constraint{Name: "MetaFlowApplicationName", Min: 1, Max: 200},
	Constraint{Name: "MetaFlowAssetDownloadUrl", Min: 1, Max: 2048},
	Constraint{Name: "MetaFlowAssetName", Min: 1, Max: 100},
	Constraint{Name: "MetaFlowAssetType", Min: 1, Max: 50},
	Constraint{Name: "MetaFlowCategory", Enum: valuesOf[types.MetaFlowCategory]()},
	Constraint{Name: "MetaFlowCategoryList", Min: 1, Max: 9, Element: "MetaFlowCategory"},
	Constraint{Name: "MetaFlowDataApiVersion", Min: 1, Max: 10},
	Constraint{Name: "MetaFlowEndpointUri", Min: 1, Max: 2048},
	Constraint{Name: "MetaFlowHealthEntityType", Min: 1, Max: 50},
	Constraint{Name: "MetaFlowHealthStatusAvailability", Min: 1, Max: 50},
	Constraint{Name: "MetaFlowId", Min: 1, Max: 100, Pattern: `[0-9]+`},
	Constraint{Name: "MetaFlowJsonBlob", Min: 1, Max: 10485760},
	Constraint{Name: "MetaFlowJsonVersion", Min: 1, Max: 10},
	Constraint{Name: "MetaFlowName", Min: 1, Max: 200},
	Constraint{Name: "MetaFlowPreviewUrl", Min: 1, Max: 2048},
	Constraint{Name: "MetaFlowStatus", Min: 1, Max: 20},
	Constraint{Name: "MetaFlowTimestamp", Min: 1, Max: 50},
	Constraint{Name: "MetaFlowValidationError", Max: 1048576},
	Constraint{Name: "MetaFlowWabaCurrency", Min: 1, Max: 10},
	Constraint{Name: "MetaFlowWabaTemplateNamespace", Min: 1, Max: 200},
	Constraint{Name: "MetaFlowWabaTimezoneId", Min: 1, Max: 10},
	Constraint{Name: "MetaIndustries", Element: "MetaIndustry"},
	Constraint{Name: "MetaIndustry", Min: 1, Max: 25},
	Constraint{Name: "MetaParameterFormat", Min: 1, Max: 15},
	Constraint{Name: "MetaTemplate", Min: 1, Max: 6000},
	Constraint{Name: "MetaTemplateBody", Min: 1, Max: 2000},
	Constraint{Name: "MetaTemplateCategory", Min: 1, Max: 100},
	Constraint{Name: "MetaTemplateComponents", Min: 1, Max: 3000},
	Constraint{Name: "MetaTemplateDefinition", Min: 1, Max: 6000},
	Constraint{Name: "MetaTemplateHeader", Min: 1, Max: 200},
	Constraint{Name: "MetaTemplateId", Min: 1, Max: 100, Pattern: `[0-9]+`},
	Constraint{Name: "MetaTemplateLanguage", Min: 1, Max: 6},
	Constraint{Name: "MetaTemplateName", Min: 1, Max: 512},
	Constraint{Name: "MetaTemplateQualityScore", Min: 1, Max: 20},
	Constraint{Name: "MetaTemplateStatus", Min: 1, Max: 20},
	Constraint{Name: "MetaTemplateTopic", Min: 1, Max: 20},
	Constraint{Name: "MetaTemplateUseCase", Min: 1, Max: 30},
	Constraint{Name: "MetaText", Min: 1, Max: 40},
	Constraint{Name: "MetaUrl", Min: 1, Max: 400},
	Constraint{Name: "MetaUrlWithSuffixExample", Max: 10, Key: "MetaUrlWithSuffixExampleKeyString", Value: "MetaUrlWithSuffixExampleValueString"},
	Constraint{Name: "MetaUrlWithSuffixExampleKeyString", Min: 1, Max: 30},
	Constraint{Name: "MetaUrlWithSuffixExampleValueString", Min: 1, Max: 400},
	Constraint{Name: "NextToken", Min: 1, Max: 600},
	Constraint{Name: "OtpType", Min: 1, Max: 25},
	Constraint{Name: "PhoneNumber", Min: 1, Max: 20},
	Constraint{Name: "RegistrationStatus", Enum: valuesOf[types.RegistrationStatus]()},
	Constraint{Name: "RoleArn", Pattern: `arn:.*:iam::\d{12}:role\/[a-zA-Z0-9+=,.@\-_]+`},
	Constraint{Name: "S3FileBucketNameString", Min: 3, Max: 63, Pattern: `[a-z0-9][a-z0-9.-]*[a-z0-9]`},
	Constraint{Name: "S3FileKeyString", Max: 1024},
	Constraint{Name: "S3PresignedUrlUrlString", Min: 1, Max: 2000},
	Constraint{Name: "SupportedApp", Max: 10, Key: "SupportedAppKeyString", Value: "SupportedAppValueString"},
	Constraint{Name: "SupportedAppKeyString", Min: 1, Max: 30},
	Constraint{Name: "SupportedAppValueString", Min: 1, Max: 100},
	Constraint{Name: "SupportedApps", Element: "SupportedApp"},
	Constraint{Name: "TagKeyString", Min: 1, Max: 128},
	Constraint{Name: "TagValueString", Max: 256},
	Constraint{Name: "TwoFactorPin", Min: 1, Max: 6, Sensitive: true},
	Constraint{Name: "ValidationErrorList", Element: "MetaFlowValidationError"},
	Constraint{Name: "WhatsAppBusinessAccountEventDestinations", Max: 1},
	Constraint{Name: "WhatsAppBusinessAccountId", Min: 1, Max: 100},
	Constraint{Name: "WhatsAppBusinessAccountMarketingMessagesOnboardingStatus", Max: 100},
	Constraint{Name: "WhatsAppBusinessAccountName", Max: 200},
	Constraint{Name: "WhatsAppBusinessScopedUserId", Min: 1, Max: 100, Sensitive: true},
	Constraint{Name: "WhatsAppCallEventBlob", Min: 1, Max: 2048000, Sensitive: true},
	Constraint{Name: "WhatsAppCallIconVisibility", Min: 1, Max: 50},
	Constraint{Name: "WhatsAppCallPermissionActionName", Min: 1, Max: 50},
	Constraint{Name: "WhatsAppCallPermissionLimitList", Max: 10},
	Constraint{Name: "WhatsAppCallPermissionStatus", Min: 1, Max: 50},
	Constraint{Name: "WhatsAppCallbackPermissionStatus", Min: 1, Max: 50},
	Constraint{Name: "WhatsAppConversionEventBlob", Min: 1, Max: 1024000, Sensitive: true},
	Constraint{Name: "WhatsAppDatasetId", Min: 10, Max: 20, Pattern: `[0-9]+`},
	Constraint{Name: "WhatsAppDate", Min: 10, Max: 10, Pattern: `[0-9]{4}-[0-9]{2}-[0-9]{2}`},
	Constraint{Name: "WhatsAppDayOfWeek", Enum: valuesOf[types.WhatsAppDayOfWeek]()},
	Constraint{Name: "WhatsAppDestinationPhoneNumber", Min: 1, Max: 20, Pattern: `\+[1-9]\d{1,14}`, Sensitive: true},
	Constraint{Name: "WhatsAppDisplayPhoneNumber", Max: 20},
	Constraint{Name: "WhatsAppHolidayScheduleList", Max: 20},
	Constraint{Name: "WhatsAppMediaId", Min: 1, Max: 100, Pattern: `[A-Za-z0-9]+`},
	Constraint{Name: "WhatsAppMessageBlob", Min: 1, Max: 2048000, Sensitive: true},
	Constraint{Name: "WhatsAppPhoneNumber", Min: 1, Max: 100},
	Constraint{Name: "WhatsAppPhoneNumberId", Min: 1, Max: 115, Pattern: `.*(^phone-number-id-.*$)|(^arn:.*:phone-number-id/[0-9a-zA-Z]+$).*`},
	Constraint{Name: "WhatsAppPhoneNumberName", Max: 200},
	Constraint{Name: "WhatsAppPhoneNumberQualityRating", Max: 10},
	Constraint{Name: "WhatsAppSignupCallbackAccessTokenString", Max: 1000},
	Constraint{Name: "WhatsAppSignupCallbackCallbackUrlString", Max: 100},
	Constraint{Name: "WhatsAppTimeOfDayHoursInteger", Max: 23},
	Constraint{Name: "WhatsAppTimeOfDayMinutesInteger", Max: 59},
	Constraint{Name: "WhatsAppWeeklyOperatingHoursList", Max: 14},
)

// named indexes constraints, connects them with those of their elements and
// compiles their patterns. AWS matches a pattern against the whole value: it
// refuses a media id that contains a hyphen.
func named(list ...Constraint) map[string]*Constraint {
	byName := make(map[string]*Constraint, len(list))
	for _, constraint := range list {
		if constraint.Pattern != "" {
			constraint.pattern = regexp.MustCompile(`\A(?:` + constraint.Pattern + `)\z`)
		}
		byName[constraint.Name] = &constraint
	}
	for _, constraint := range byName {
		constraint.element, constraint.key, constraint.value = byName[constraint.Element], byName[constraint.Key], byName[constraint.Value]
	}
	return byName
}

// valuesOf returns the values of an enumeration.
func valuesOf[E interface {
	~string
	Values() []E
}]() []string {
	var names []string
	for _, value := range E("").Values() {
		names = append(names, string(value))
	}
	return names
}
