package metasim

// The grammar of templates, as data: which members components and buttons have, how many
// of them there may be, and how long their texts are
// (docs/references.md#graph-templates).

const (
	maxTemplateName     = 512 // characters
	maxTemplateButtons  = 10
	minTemplateCards    = 2
	productCards        = 2 // that a template of products is created with
	maxCardButtons      = 2
	maxTemplateCardBody = 160 // characters, also below a header of a product
	maxOfferBody        = 600
	maxOfferText        = 16
	maxURLLength        = 2000
	maxPhoneLength      = 20
	maxCouponExample    = 20
	maxOfferCoupon      = 15
	maxLabel            = 25
	maxSupportedApps    = 5
	maxPackageName      = 224
	signatureLength     = 11
	maxCodeMinutes      = 90
	maxSentCode         = 15 // characters of a one-time password
)

// headerFormats are the formats of a header.
var headerFormats = []string{"text", "image", "video", "document", "gif", "location", "product"}

// headerTypes are the types of the sample of a header with a file.
var headerTypes = map[string][]string{
	"IMAGE":    {"image/jpeg", "image/png"},
	"VIDEO":    {"video/mp4"},
	"DOCUMENT": {"application/pdf"},
	"GIF":      {"video/mp4"},
}

// maxGIF is the maximum size in bytes of the sample of a header of format GIF.
const maxGIF = 3_500_000

// memberRule is the names of the members that a component or a button has, besides its
// type.
type memberRule struct {
	allowed, required string // separated by blanks
}

// componentRules are those of components: by type and, of a header, format. Those of
// authentication templates, whose texts are Meta's, have the prefix AUTHENTICATION.
var componentRules = map[string]memberRule{
	"HEADER":                  {"format text example", "format"},
	"HEADER TEXT":             {"format text example", "text"},
	"HEADER IMAGE":            {"format example", ""}, // a missing example has a subcode of its own
	"HEADER VIDEO":            {"format example", ""},
	"HEADER DOCUMENT":         {"format example", ""},
	"HEADER GIF":              {"format example", ""},
	"HEADER LOCATION":         {"format", ""},
	"HEADER PRODUCT":          {"format", ""},
	"BODY":                    {"text example", "text"},
	"FOOTER":                  {"text", "text"},
	"BUTTONS":                 {"buttons", "buttons"},
	"LIMITED_TIME_OFFER":      {"limited_time_offer", "limited_time_offer"},
	"CAROUSEL":                {"cards", "cards"},
	"CALL_PERMISSION_REQUEST": {"", ""},
	"AUTHENTICATION BODY":     {"add_security_recommendation", ""},
	"AUTHENTICATION FOOTER":   {"code_expiration_minutes", ""},
	"AUTHENTICATION BUTTONS":  {"buttons", "buttons"},
}

// templateComponents are the types in the words of Meta's error.
var templateComponents = []string{"header", "body", "footer", "buttons", "carousel", "limited_time_offer", "call_permission_request"}

// componentCategories are the categories of templates that may have a component.
// Others may be in all but authentication templates.
var componentCategories = map[string]string{
	"LIMITED_TIME_OFFER":      "MARKETING",
	"CAROUSEL":                "MARKETING",
	"CALL_PERMISSION_REQUEST": "MARKETING UTILITY",
	"BODY":                    "MARKETING UTILITY AUTHENTICATION",
	"FOOTER":                  "MARKETING UTILITY AUTHENTICATION",
	"BUTTONS":                 "MARKETING UTILITY AUTHENTICATION",
}

const otherCategories = "MARKETING UTILITY"

// componentExcludes are the components that another one cannot be with.
var componentExcludes = map[string]string{
	"LIMITED_TIME_OFFER":      "FOOTER CAROUSEL",
	"CAROUSEL":                "HEADER FOOTER BUTTONS",
	"CALL_PERMISSION_REQUEST": "BUTTONS CAROUSEL LIMITED_TIME_OFFER",
}

// componentMembers are the kinds of the members of components.
var componentMembers = []member{
	{name: "format", kind: textValue, enum: headerFormats},
	{name: "text", kind: textValue},
	{name: "buttons", kind: listValue, of: anyValue}, // readParts looks at the elements
	{name: "cards", kind: listValue, of: anyValue},
	{name: "limited_time_offer", kind: objectValue, shape: shape{members: []member{
		{name: "text", kind: textValue},
		{name: "has_expiration", kind: booleanValue},
	}}},
	{name: "add_security_recommendation", kind: booleanValue},
	{name: "code_expiration_minutes", kind: numberValue},
}

// buttonRule is what a button has.
type buttonRule struct {
	memberRule
	most  int // in one template
	label int // characters of its text
	card  bool
}

var buttonRules = map[string]buttonRule{
	"QUICK_REPLY":          {memberRule{"text", "text"}, 10, maxLabel, true},
	"URL":                  {memberRule{"text url example", "text url"}, 2, maxLabel, true},
	"PHONE_NUMBER":         {memberRule{"text phone_number", "text"}, 1, maxLabel, true}, // a missing number has a subcode of its own
	"COPY_CODE":            {memberRule{"text example", "example"}, 1, maxLabel, false},
	"OTP":                  {memberRule{"otp_type text autofill_text supported_apps zero_tap_terms_accepted package_name signature_hash", "otp_type"}, 1, maxLabel, false},
	"FLOW":                 {memberRule{"text flow_id flow_name flow_json flow_action navigate_screen icon", "text"}, 1, maxLabel, false},
	"CATALOG":              {memberRule{"text", ""}, 1, maxLabel, false},
	"MPM":                  {memberRule{"text", ""}, 1, maxLabel, false},
	"SPM":                  {memberRule{"text", ""}, 1, maxLabel, true},
	"VOICE_CALL":           {memberRule{"text ttl_minutes", "text"}, 1, 20, false},
	"REQUEST_CONTACT_INFO": {memberRule{"text", ""}, 1, maxLabel, false},
}

var templateButtons = []string{"quick_reply", "url", "phone_number", "copy_code", "otp", "flow", "catalog", "mpm", "spm", "voice_call", "request_contact_info"}

// fixedLabels are the texts of buttons that Meta chooses.
var fixedLabels = map[string]string{
	"COPY_CODE": "Copy offer code", "CATALOG": "View catalog", "MPM": "View items", "SPM": "View", "REQUEST_CONTACT_INFO": "Share Contact Info",
}

// buttonMembers are the kinds of the members of buttons.
var buttonMembers = []member{
	{name: "text", kind: textValue},
	{name: "url", kind: textValue},
	{name: "phone_number", kind: textValue},
	{name: "otp_type", kind: textValue, enum: []string{"copy_code", "one_tap", "zero_tap"}},
	{name: "autofill_text", kind: textValue},
	{name: "supported_apps", kind: listValue, of: objectValue, shape: shape{members: optionalTexts("package_name", "signature_hash")}},
	{name: "zero_tap_terms_accepted", kind: booleanValue},
	{name: "flow_action", kind: textValue, enum: []string{"navigate", "data_exchange"}},
	{name: "flow_name", kind: textValue},
	{name: "navigate_screen", kind: textValue},
	{name: "icon", kind: textValue},
	{name: "ttl_minutes", kind: numberValue},
}

// ttlRange is the values of message_send_ttl_seconds of a category, besides -1, which
// means 30 days.
type ttlRange struct {
	least, most float64
	unlimited   bool // -1 is one
}

var ttlRanges = map[string]ttlRange{
	"AUTHENTICATION": {30, 900, true},
	"UTILITY":        {30, 43_200, true},
	"MARKETING":      {43_200, 2_592_000, false},
}

var templateCategories = []string{"MARKETING", "UTILITY", "AUTHENTICATION"}

// templateLanguages are the languages of templates, by code, with their English names
// where a text of Meta has them; others are named by their code.
const templateLanguages = " af sq ar ar_EG ar_AE ar_LB ar_MA ar_QA az be_BY bn bn_IN bg ca zh_CN zh_HK zh_TW hr cs da prs_AF nl nl_BE" +
	" en en_GB en_US en_AE en_AU en_CA en_GH en_IE en_IN en_JM en_MY en_NZ en_QA en_SG en_UG en_ZA et fil fi fr fr_BE fr_CA fr_CH fr_CI fr_MA" +
	" ka de de_AT de_CH el gu ha he hi hu id ga it ja kn kk rw_RW ko ky_KG lo lv lt mk ms ml mr nb ps_AF fa pl pt_BR pt_PT pa ro ru sr si_LK sk sl" +
	" es es_AR es_CL es_CO es_CR es_DO es_EC es_HN es_MX es_PA es_PE es_ES es_UY sw sv ta te th tr uk ur uz vi zu "

var languageNames = map[string]string{
	"en": "English", "en_US": "English (US)", "en_GB": "English (UK)", "es": "Spanish", "pt_BR": "Portuguese (BR)", "de": "German", "fr": "French", "it": "Italian",
}
