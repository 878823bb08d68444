// The model's named types and their constraints. A field's tag `is` names the
// type; the tags `required` and `sensitive` belong to the field or structure
// itself.

package socialmessaging

import (
	"regexp"
	"sync"

	"ferry/socialmessaging/types"
)

// A constraint is what a named type of the model requires of a value. Min and
// Max count the Unicode code points of a string, the bytes of a blob and the
// elements of a list or map; they bound the value of a number.
type constraint struct {
	Name      string   // Of the type in the model.
	Min       int64    // 0 means none, except for a number.
	Max       int64    // 0 means none.
	Pattern   string   // The whole value must match. Empty means none.
	Enum      []string // Nil means none.
	Sensitive bool     // No error message shows the value.
	Element   string   // The named type of a list's elements. Empty means one without constraints.
	Key       string   // The named type of a map's keys. Empty means one without constraints.
	Value     string   // The named type of a map's values. Empty means one without constraints.
	Hint      string   // What to do about a value that is too long. It is not the model's.

	pattern             func() *regexp.Regexp // nil means none
	element, key, value *constraint
}

// constraints holds the named types that have constraints.
//
// S3PresignedUrlUrlString has a pattern in the model,
// https://(.*)s3(.*).amazonaws.com/(.*), which is left out on purpose: it
// refuses every store but AWS's and accepts https://169.254.169.254/s3xamazonaws.com/.
// The server checks the host itself.
var constraints = named([]constraint{
	{Name: "Arn", Max: 2048, Pattern: `arn:.*`},
	{Name: "AssociateInProgressToken", Max: 50, Sensitive: true},
	{Name: "BusinessPublicKeyPem", Min: 1, Max: 8192},
	{Name: "BusinessPublicKeySignatureStatus", Min: 1, Max: 20},
	{Name: "ButtonType", Min: 1, Max: 25},
	{Name: "EventDestinationArn", Max: 2048, Pattern: `arn:.*:[a-z-]+([/:](.*))?`},
	{Name: "Filter", Max: 10, Key: "FilterKeyString", Value: "FilterValueString"},
	{Name: "FilterKeyString", Min: 1, Max: 100},
	{Name: "FilterValueString", Min: 1, Max: 100},
	{Name: "IanaTimezone", Min: 1, Max: 100},
	{Name: "Iso8601Duration", Min: 1, Max: 20},
	{Name: "IsoCountryCode", Pattern: `[A-Z]{2}`},
	{Name: "KmsKeyArn", Min: 1, Max: 256, Pattern: `arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key/.+|alias/.+)`},
	{Name: "LinkedAccountWithIncompleteSetup", Key: "WhatsAppBusinessAccountId"},
	{Name: "LinkedWhatsAppBusinessAccountArn", Max: 2048, Pattern: `arn:.*:waba/[0-9a-zA-Z]+`},
	{Name: "LinkedWhatsAppBusinessAccountId", Min: 1, Max: 115, Pattern: `.*(^waba-.*$)|(^arn:.*:waba/[0-9a-zA-Z]+$).*`},
	{Name: "LinkedWhatsAppPhoneNumberArn", Max: 2048, Pattern: `arn:.*:phone-number-id/[0-9a-zA-Z]+`},
	{Name: "MaxResults", Min: 1, Max: 100},
	{Name: "MetaFlowApplicationId", Min: 1, Max: 100},
	{Name: "MetaFlowApplicationLink", Min: 1, Max: 2048},
	{Name: "MetaFlowApplicationName", Min: 1, Max: 200},
	{Name: "MetaFlowAssetDownloadUrl", Min: 1, Max: 2048},
	{Name: "MetaFlowAssetName", Min: 1, Max: 100},
	{Name: "MetaFlowAssetType", Min: 1, Max: 50},
	{Name: "MetaFlowCategory", Enum: valuesOf[types.MetaFlowCategory]()},
	{Name: "MetaFlowCategoryList", Min: 1, Max: 9, Element: "MetaFlowCategory"},
	{Name: "MetaFlowDataApiVersion", Min: 1, Max: 10},
	{Name: "MetaFlowEndpointUri", Min: 1, Max: 2048},
	{Name: "MetaFlowHealthEntityType", Min: 1, Max: 50},
	{Name: "MetaFlowHealthStatusAvailability", Min: 1, Max: 50},
	{Name: "MetaFlowId", Min: 1, Max: 100, Pattern: `[0-9]+`},
	{Name: "MetaFlowJsonBlob", Min: 1, Max: 10485760},
	{Name: "MetaFlowJsonVersion", Min: 1, Max: 10},
	{Name: "MetaFlowName", Min: 1, Max: 200},
	{Name: "MetaFlowPreviewUrl", Min: 1, Max: 2048},
	{Name: "MetaFlowStatus", Min: 1, Max: 20},
	{Name: "MetaFlowTimestamp", Min: 1, Max: 50},
	{Name: "MetaFlowValidationError", Max: 1048576},
	{Name: "MetaFlowWabaCurrency", Min: 1, Max: 10},
	{Name: "MetaFlowWabaTemplateNamespace", Min: 1, Max: 200},
	{Name: "MetaFlowWabaTimezoneId", Min: 1, Max: 10},
	{Name: "MetaIndustries", Element: "MetaIndustry"},
	{Name: "MetaIndustry", Min: 1, Max: 25},
	{Name: "MetaParameterFormat", Min: 1, Max: 15},
	{Name: "MetaTemplate", Min: 1, Max: 6000},
	{Name: "MetaTemplateBody", Min: 1, Max: 2000},
	{Name: "MetaTemplateCategory", Min: 1, Max: 100},
	{Name: "MetaTemplateComponents", Min: 1, Max: 3000},
	{Name: "MetaTemplateDefinition", Min: 1, Max: 6000},
	{Name: "MetaTemplateHeader", Min: 1, Max: 200},
	{Name: "MetaTemplateId", Min: 1, Max: 100, Pattern: `[0-9]+`},
	{Name: "MetaTemplateLanguage", Min: 1, Max: 6},
	{Name: "MetaTemplateName", Min: 1, Max: 512},
	{Name: "MetaTemplateQualityScore", Min: 1, Max: 20},
	{Name: "MetaTemplateStatus", Min: 1, Max: 20},
	{Name: "MetaTemplateTopic", Min: 1, Max: 20},
	{Name: "MetaTemplateUseCase", Min: 1, Max: 30},
	{Name: "MetaText", Min: 1, Max: 40},
	{Name: "MetaUrl", Min: 1, Max: 400},
	{Name: "MetaUrlWithSuffixExample", Max: 10, Key: "MetaUrlWithSuffixExampleKeyString", Value: "MetaUrlWithSuffixExampleValueString"},
	{Name: "MetaUrlWithSuffixExampleKeyString", Min: 1, Max: 30},
	{Name: "MetaUrlWithSuffixExampleValueString", Min: 1, Max: 400},
	{Name: "NextToken", Min: 1, Max: 600},
	{Name: "OtpType", Min: 1, Max: 25},
	{Name: "PhoneNumber", Min: 1, Max: 20},
	{Name: "RegistrationStatus", Enum: valuesOf[types.RegistrationStatus]()},
	{Name: "RoleArn", Pattern: `arn:.*:iam::\d{12}:role\/[a-zA-Z0-9+=,.@\-_]+`},
	{Name: "S3FileBucketNameString", Min: 3, Max: 63, Pattern: `[a-z0-9][a-z0-9.-]*[a-z0-9]`},
	{Name: "S3FileKeyString", Max: 1024},
	{Name: "S3PresignedUrlUrlString", Min: 1, Max: 2000, Hint: "AWS's limit. The session token of temporary credentials makes presigned URLs long: " +
		"send sourceS3File (destinationS3File) with bucket and key instead, or sign the URL with the long-term access key of an IAM user"},
	{Name: "SupportedApp", Max: 10, Key: "SupportedAppKeyString", Value: "SupportedAppValueString"},
	{Name: "SupportedAppKeyString", Min: 1, Max: 30},
	{Name: "SupportedAppValueString", Min: 1, Max: 100},
	{Name: "SupportedApps", Element: "SupportedApp"},
	{Name: "TagKeyString", Min: 1, Max: 128},
	{Name: "TagValueString", Max: 256},
	{Name: "TwoFactorPin", Min: 1, Max: 6, Sensitive: true},
	{Name: "ValidationErrorList", Element: "MetaFlowValidationError"},
	{Name: "WhatsAppBusinessAccountEventDestinations", Max: 1},
	{Name: "WhatsAppBusinessAccountId", Min: 1, Max: 100},
	{Name: "WhatsAppBusinessAccountMarketingMessagesOnboardingStatus", Max: 100},
	{Name: "WhatsAppBusinessAccountName", Max: 200},
	{Name: "WhatsAppBusinessScopedUserId", Min: 1, Max: 100, Sensitive: true},
	{Name: "WhatsAppCallEventBlob", Min: 1, Max: 2048000, Sensitive: true},
	{Name: "WhatsAppCallIconVisibility", Min: 1, Max: 50},
	{Name: "WhatsAppCallPermissionActionName", Min: 1, Max: 50},
	{Name: "WhatsAppCallPermissionLimitList", Max: 10},
	{Name: "WhatsAppCallPermissionStatus", Min: 1, Max: 50},
	{Name: "WhatsAppCallbackPermissionStatus", Min: 1, Max: 50},
	{Name: "WhatsAppConversionEventBlob", Min: 1, Max: 1024000, Sensitive: true},
	{Name: "WhatsAppDatasetId", Min: 10, Max: 20, Pattern: `[0-9]+`},
	{Name: "WhatsAppDate", Min: 10, Max: 10, Pattern: `[0-9]{4}-[0-9]{2}-[0-9]{2}`},
	{Name: "WhatsAppDayOfWeek", Enum: valuesOf[types.WhatsAppDayOfWeek]()},
	{Name: "WhatsAppDestinationPhoneNumber", Min: 1, Max: 20, Pattern: `\+[1-9]\d{1,14}`, Sensitive: true},
	{Name: "WhatsAppDisplayPhoneNumber", Max: 20},
	{Name: "WhatsAppHolidayScheduleList", Max: 20},
	{Name: "WhatsAppMediaId", Min: 1, Max: 100, Pattern: `[A-Za-z0-9]+`},
	{Name: "WhatsAppMessageBlob", Min: 1, Max: 2048000, Sensitive: true},
	{Name: "WhatsAppPhoneNumber", Min: 1, Max: 100},
	{Name: "WhatsAppPhoneNumberId", Min: 1, Max: 115, Pattern: `.*(^phone-number-id-.*$)|(^arn:.*:phone-number-id/[0-9a-zA-Z]+$).*`},
	{Name: "WhatsAppPhoneNumberName", Max: 200},
	{Name: "WhatsAppPhoneNumberQualityRating", Max: 10},
	{Name: "WhatsAppSignupCallbackAccessTokenString", Max: 1000, Sensitive: true}, // not so in the model
	{Name: "WhatsAppSignupCallbackCallbackUrlString", Max: 100},
	{Name: "WhatsAppTimeOfDayHoursInteger", Max: 23},
	{Name: "WhatsAppTimeOfDayMinutesInteger", Max: 59},
	{Name: "WhatsAppWeeklyOperatingHoursList", Max: 14},
})

// named indexes constraints and connects them with those of their elements. Their
// patterns are compiled when they are first used. AWS matches a pattern against the whole value: it
// refuses a media id that contains a hyphen.
func named(list []constraint) map[string]*constraint {
	byName := make(map[string]*constraint, len(list))
	for _, c := range list {
		if c.Pattern != "" {
			c.pattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\A(?:` + c.Pattern + `)\z`) })
		}
		byName[c.Name] = &c
	}
	for _, c := range byName {
		c.element, c.key, c.value = byName[c.Element], byName[c.Key], byName[c.Value]
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
