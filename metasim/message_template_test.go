package metasim

import (
	"strings"
	"testing"
)

func withTemplates(c *Config) {
	c.BusinessAccounts[0].Templates = []Template{
		{Name: "order", Language: "en_US", Components: []TemplateComponent{
			{Type: "HEADER", Text: "Order {{1}}"}, {Type: "BODY", Text: "{{1}}, it comes on {{2}} at {{3}}."},
			{Type: "BUTTONS", Buttons: []TemplateButton{{Type: "QUICK_REPLY", Text: "Stop"}, {Type: "URL", Text: "Track", URL: "https://example.com/{{1}}"}}}}},
		{Name: "picture", Language: "es", Category: "MARKETING", Components: []TemplateComponent{{Type: "HEADER", Format: "IMAGE"}, {Type: "BODY", Text: "Hola"}}},
		{Name: "named", Language: "en", ParameterFormat: "NAMED", Components: []TemplateComponent{{Type: "BODY", Text: "Hello {{first_name}}"}}},
		{Name: "login_code", Language: "en_US", Category: "AUTHENTICATION", Components: []TemplateComponent{{Type: "BODY", Text: "{{1}} is your code."}, {Type: "BUTTONS", Buttons: []TemplateButton{{Type: "otp"}}}}},
		{Name: "paused", Language: "en_US", Status: "PAUSED"}, {Name: "disabled", Language: "en_US", Status: "DISABLED"}, {Name: "pending", Language: "en_US", Status: "PENDING"},
		{Name: "plain", Language: "en_US", Components: []TemplateComponent{{Type: "BODY", Text: "Hello"}, {Type: "BUTTONS", Buttons: []TemplateButton{{Type: "FLOW", Text: "Go"}, {Type: "COPY_CODE", Text: "Copy"}}}}},
	}
}

func templateOf(name, language, components string) string {
	return `"type":"template","template":{"name":"` + name + `","language":{"code":"` + language + `"},"components":[` + components + `]}`
}

func TestAMessageIsComparedWithItsTemplate(t *testing.T) {
	const (
		header   = `{"type":"header","parameters":[{"type":"text","text":"5"}]}`
		body     = `{"type":"body","parameters":[{"type":"text","text":"Ann"},{"type":"date_time","date_time":{"fallback_value":"Monday"}},{"type":"currency","currency":{"fallback_value":"$5","code":"USD","amount_1000":5000}}]}`
		track    = `{"type":"button","sub_type":"url","index":"1","parameters":[{"type":"text","text":"5"}]}`
		mismatch = "(#132012) Parameter format does not match format in the created template"
		code     = `{"type":"body","parameters":[{"type":"text","text":"123456"}]},{"type":"button","sub_type":"url","index":0,"parameters":[{"type":"text","text":"123456"}]}`
		copyCode = `{"type":"button","sub_type":"copy_code","index":1,"parameters":[{"type":"coupon_code","coupon_code":"X"}]}`
	)
	count := "(#132000) Number of parameters does not match the expected number of params"
	issue := "(#132018) There's an issue with the parameters in your template"
	tests := map[string]struct {
		content          string
		status, code     int // 0 means that it is accepted
		message, details string
	}{
		"all parameters":            {templateOf("order", "en_US", header+","+body+","+track), 0, 0, "", ""},
		"capitals in types":         {templateOf("order", "en_US", strings.Replace(header, `"header"`, `"HEADER"`, 1)+","+body+","+track), 0, 0, "", ""},
		"another name":              {templateOf("orders", "en_US", ""), 404, 132001, "(#132001) Template name does not exist in the translation", "template name (orders) does not exist in en_US"},
		"another language":          {templateOf("order", "es", ""), 404, 132001, "(#132001) Template name does not exist in the translation", "template name (order) does not exist in es"},
		"one that is not approved":  {templateOf("pending", "en_US", ""), 404, 132001, "(#132001) Template name does not exist in the translation", "template name (pending) does not exist in en_US"},
		"a paused one":              {templateOf("paused", "en_US", ""), 400, 132015, "(#132015) Template is paused", "Template is temporarily unavailable to use because it was paused due to low quality."},
		"a disabled one":            {templateOf("disabled", "en_US", ""), 400, 132016, "(#132016) Template is disabled", ""},
		"no language":               {`"type":"template","template":{"name":"order","language":{}}`, 400, 100, "(#100) The parameter template['language']['code'] is required.", ""},
		"no components":             {templateOf("order", "en_US", ""), 400, 132000, count, "header: number of localizable_params (0) does not match the expected number of params (1)"},
		"too few parameters":        {templateOf("order", "en_US", header+`,{"type":"body","parameters":[{"type":"text","text":"Ann"}]}`), 400, 132000, count, "body: number of localizable_params (1) does not match the expected number of params (3)"},
		"too many parameters":       {templateOf("hello_world", "en_US", `{"type":"body","parameters":[{"type":"text","text":"Ann"}]}`), 400, 132000, count, "body: number of localizable_params (1) does not match the expected number of params (0)"},
		"a number as text":          {templateOf("order", "en_US", `{"type":"header","parameters":[{"type":"text","text":5}]}`), 400, 100, "(#100) Param template['components'][0]['parameters'][0]['text'] must be a string.", ""},
		"an empty text":             {templateOf("order", "en_US", `{"type":"header","parameters":[{"type":"text","text":""}]}`), 400, 131008, "(#131008) Required parameter is missing", "Parameter of type text is missing text value"},
		"a line break":              {templateOf("order", "en_US", `{"type":"header","parameters":[{"type":"text","text":"a\nb"}]}`), 400, 100, "(#100) Invalid parameter", "Param text cannot have new-line/tab characters or more than 4 consecutive spaces"},
		"a long header":             {templateOf("order", "en_US", `{"type":"header","parameters":[{"type":"text","text":"`+strings.Repeat("x", 60)+`"}]}`), 400, 132005, "(#132005) Translated text too long", "header: the translated text has more than 60 characters"},
		"a picture for a text":      {templateOf("order", "en_US", `{"type":"header","parameters":[{"type":"image","image":{"link":"https://example.com/a.png"}}]}`), 400, 132012, mismatch, "header: Format mismatch, expected TEXT, received IMAGE"},
		"a picture":                 {templateOf("picture", "es", `{"type":"header","parameters":[{"type":"image","image":{"link":"https://example.com/a.png"}}]}`), 0, 0, "", ""},
		"no picture":                {templateOf("picture", "es", ""), 400, 132012, mismatch, "header: Format mismatch, expected IMAGE, received UNKNOWN"},
		"a text for a picture":      {templateOf("picture", "es", header), 400, 132012, mismatch, "header: Format mismatch, expected IMAGE, received TEXT"},
		"an unknown picture":        {templateOf("picture", "es", `{"type":"header","parameters":[{"type":"image","image":{"id":"5"}}]}`), 400, 100, "(#100) Param template['components'][0]['parameters'][0]['image']['id'] is not a valid whatsapp business account media attachment ID", ""},
		"a bad link":                {templateOf("picture", "es", `{"type":"header","parameters":[{"type":"image","image":{"link":"a.png"}}]}`), 400, 100, "(#100) Param template['components'][0]['parameters'][0]['image']['link'] is not a valid URI.", ""},
		"a name":                    {templateOf("named", "en", `{"type":"body","parameters":[{"type":"text","text":"Ann","parameter_name":"first_name"}]}`), 0, 0, "", ""},
		"no name":                   {templateOf("named", "en", `{"type":"body","parameters":[{"type":"text","text":"Ann"}]}`), 400, 100, "(#100) Invalid parameter", "Parameter name is missing or empty"},
		"no parameter for a button": {templateOf("order", "en_US", header+","+body), 400, 131008, "(#131008) Required parameter is missing", "buttons: Button at index 1 of type Url requires a parameter"},
		"a button of another type":  {templateOf("order", "en_US", header+","+body+","+strings.Replace(track, `"1"`, `"0"`, 1)), 400, 132018, issue, "buttons: Button at index 0 must be of type QuickReply"},
		"a button that is not there": {templateOf("order", "en_US", header+","+body+","+strings.Replace(track, `"1"`, `"2"`, 1)), 400, 132012, mismatch,
			"Parameter value for URL was expected but was not found"},
		"a button at no number":      {templateOf("order", "en_US", header+","+body+","+strings.Replace(track, `"1"`, `"NaN"`, 1)), 400, 100, "(#100) Param template['components'][2]['index'] must be a number.", ""},
		"an empty button":            {templateOf("order", "en_US", header+","+body+`,{"type":"button","sub_type":"url","index":1,"parameters":[]}`), 400, 132012, mismatch, "Parameter value for URL was expected but was not found"},
		"an unknown type":            {templateOf("order", "en_US", `{"type":"head"}`), 400, 100, `(#100) Param template['components'][0]['type'] must be one of {HEADER, BODY, FOOTER, BUTTON, BUTTONS, CAROUSEL, LIMITED_TIME_OFFER, ORDER_STATUS, TAP_TARGET_CONFIGURATION} - got "head".`, ""},
		"a code":                     {templateOf("login_code", "en_US", code), 0, 0, "", ""},
		"a coupon and a flow":        {templateOf("plain", "en_US", copyCode+`,{"type":"button","sub_type":"flow","index":0,"parameters":[{"type":"action","action":{"flow_token":"t"}}]}`), 0, 0, "", ""},
		"a coupon alone":             {templateOf("plain", "en_US", copyCode), 0, 0, "", ""},
		"no coupon":                  {templateOf("plain", "en_US", ""), 400, 131008, "(#131008) Required parameter is missing", "buttons: Button at index 1 of type CopyCode requires a parameter"},
		"a code to copy":             {templateOf("login_code", "en_US", strings.Replace(code, `"sub_type":"url"`, `"sub_type":"copy_code"`, 1)), 400, 132018, issue, "buttons: Button at index 0 must be of type Url"},
		"a code without a button":    {templateOf("login_code", "en_US", `{"type":"body","parameters":[{"type":"text","text":"123456"}]}`), 400, 132018, issue, "buttons: Button at index 0 must be of type Url"},
		"a long code":                {templateOf("login_code", "en_US", strings.ReplaceAll(code, "123456", "1234567890123456")), 400, 132018, issue, "body: the code has more than 15 characters"},
		"a code to a user id":        {`{"messaging_product":"whatsapp","recipient":"US.1",` + templateOf("login_code", "en_US", code) + `}`, 400, 131062, "(#131062) Business-scoped User ID (BSUID) recipients are not supported for this message.", ""},
		"another type to a user id":  {`{"messaging_product":"whatsapp","recipient":"US.1",` + templateOf("hello_world", "en_US", "") + `}`, 0, 0, "", ""},
		"cards, which are not known": {templateOf("hello_world", "en_US", `{"type":"carousel","cards":[{"card_index":0,"components":[{"type":"header","parameters":[{"type":"image","image":{"link":"https://example.com/a.png"}}]}]}]}`), 0, 0, "", ""},
	}
	s := startSim(t, withTemplates, func(c *Config) { c.MessageLimits.PairBurst = -1 })
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := s.message(test.content)
			if test.status == 0 {
				a.sentID(t)
				return
			}
			a.wantError(t, test.status, test.code, test.message, test.details)
		})
	}
}

func TestTheTextOfATemplateHasALimitWithItsParameters(t *testing.T) {
	s := startSim(t, func(c *Config) {
		c.BusinessAccounts[0].Templates = []Template{{Name: "long", Language: "en_US", Components: []TemplateComponent{{Type: "BODY", Text: strings.Repeat("x", 1000) + "{{1}}"}}}}
	})
	parameter := func(n int) string {
		return templateOf("long", "en_US", `{"type":"body","parameters":[{"type":"text","text":"`+strings.Repeat("y", n)+`"}]}`)
	}
	s.message(parameter(24)).sentID(t)
	s.message(parameter(25)).wantError(t, 400, 132005, "(#132005) Translated text too long", "body: the translated text has more than 1024 characters")
}
