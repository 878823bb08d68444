package metasim

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// words returns a text of n characters.
func words(n int) string { return strings.Repeat("word ", n/5) + strings.Repeat("x", n%5) }

func buttonsWith(list string) string {
	return plainBody + `,{"type":"BUTTONS","buttons":[` + list + `]}`
}

func TestTemplatesThatMetaRefusesAreNotCreated(t *testing.T) {
	const reply = `{"type":"QUICK_REPLY","text":"Yes"}`
	link := func(url string) string {
		return newTemplate(buttonsWith(`{"type":"URL","text":"Go","url":"` + url + `","example":["a"]}`))
	}
	picture := func(example string) string {
		return newTemplate(`{"type":"HEADER","format":"IMAGE"` + example + `},` + plainBody)
	}
	header := func(text string) string {
		return newTemplate(`{"type":"HEADER","format":"TEXT","text":"` + text + `"},` + plainBody)
	}
	body := func(text string, examples ...string) string {
		return newTemplate(fmt.Sprintf(`{"type":"BODY","text":%q,"example":{"body_text":[["%s"]]}}`, text, strings.Join(examples, `","`)))
	}
	code := func(components string) string { return newTemplate(components, "category", "AUTHENTICATION") }
	// A card of a product with a body and a button.
	card := func(body, button string) string {
		return `{"components":[{"type":"HEADER","format":"PRODUCT"},{"type":"BODY","text":"` + body + `"},{"type":"BUTTONS","buttons":[` + button + `]}]}`
	}
	cards := func(list ...string) string {
		return newTemplate(plainBody+`,{"type":"CAROUSEL","cards":[`+strings.Join(list, ",")+`]}`, "category", "MARKETING")
	}
	app := func(kind, name, hash, further string) string {
		return code(`{"type":"BODY"},{"type":"BUTTONS","buttons":[{"type":"OTP","otp_type":"` + kind + `","supported_apps":[{"package_name":"` + name + `","signature_hash":"` + hash + `"}]` + further + `}]}`)
	}
	missing, unexpected := templateRefusals[templateMissing].title, templateRefusals[templateUnexpected].title
	tests := map[string]struct {
		body          string
		code, subcode int
		message       string // "" means Invalid parameter
		title, text   string // "" means any
	}{
		"no name":              {newTemplate(plainBody, "name", `""`), 100, 0, "(#100) The parameter name is required.", "", ""},
		"no language":          {newTemplate(plainBody, "language", `null`), 100, 0, "(#100) The parameter language is required.", "", ""},
		"no category":          {newTemplate(plainBody, "category", `""`), 100, 0, "(#100) The parameter category is required.", "", ""},
		"no components":        {newTemplate("", "components", `null`), 100, 0, "(#100) The parameter components is required.", "", ""},
		"another category":     {newTemplate(plainBody, "category", "OTP"), 100, 0, `(#100) Param category must be one of {MARKETING, UTILITY, AUTHENTICATION} - got "OTP".`, "", ""},
		"another format":       {newTemplate(plainBody, "parameter_format", "both"), 100, 0, `(#100) Param parameter_format must be one of {POSITIONAL, NAMED} - got "both".`, "", ""},
		"an object":            {newTemplate("", "components", `{}`), 100, 0, "(#100) Param components must be an array.", "", ""},
		"a text as component":  {newTemplate(`"BODY"`), 100, 0, "(#100) Param components[0] must be a JSON object.", "", ""},
		"no type":              {newTemplate(`{"text":"Hello"}`), 100, 0, "(#100) The parameter components[0]['type'] is required.", "", ""},
		"another type":         {newTemplate(`{"type":"TEXT"}`), 100, 0, `(#100) Param components[0]['type'] must be one of {HEADER, BODY, FOOTER, BUTTONS, CAROUSEL, LIMITED_TIME_OFFER, CALL_PERMISSION_REQUEST} - got "TEXT".`, "", ""},
		"a number as text":     {newTemplate(`{"type":"BODY","text":5}`), 100, 0, "(#100) Param components[0]['text'] must be a string.", "", ""},
		"too short a life":     {newTemplate(plainBody, "message_send_ttl_seconds", "29"), 100, 0, `(#100) Param message_send_ttl_seconds must be a number from 30 to 43200 for a template of category UTILITY - got "29".`, "", ""},
		"-1 for marketing":     {newTemplate(plainBody, "category", "MARKETING", "message_send_ttl_seconds", "-1"), 100, 0, `(#100) Param message_send_ttl_seconds must be a number from 43200 to 2592000 for a template of category MARKETING - got "-1".`, "", ""},
		"capitals in the name": {newTemplate(plainBody, "name", "Order"), 100, templateBadName, "", "Name format is incorrect", ""},
		"a long name":          {newTemplate(plainBody, "name", strings.Repeat("n", 513)), 100, templateTooLong, "", "Character limit exceeded", "name cannot be more than 512 characters"},
		"a sample's name":      {newTemplate(plainBody, "name", "hello_world"), 100, templateSampleName, "", "Template name is already used as a sample template", ""},
		"another language":     {newTemplate(plainBody, "language", "xx"), 100, templateLanguage, "", "Message template language is not supported", ""},

		"no body":                   {newTemplate(`{"type":"FOOTER","text":"Bye"}`), 100, templateMissing, "", missing, "message template is missing expected field(s) (BODY)"},
		"two bodies":                {newTemplate(plainBody + "," + plainBody), 100, templateUnexpected, "", unexpected, ""},
		"a body without text":       {newTemplate(`{"type":"BODY"}`), 100, templateMissing, "", missing, "component of type BODY is missing expected field(s) (text)"},
		"a member too many":         {newTemplate(`{"type":"BODY","text":"Hello","format":"TEXT","extra":1}`), 100, templateUnexpected, "", unexpected, "component of type BODY has unexpected field(s) (extra, format)"},
		"a header without a format": {newTemplate(`{"type":"HEADER","text":"Hi"},` + plainBody), 100, templateMissing, "", missing, "component of type HEADER is missing expected field(s) (format)"},
		"no example":                {newTemplate(`{"type":"BODY","text":"Hello {{1}}, how are you?"}`), 100, templateMissing, "", missing, "component of type BODY is missing expected field(s) (example)"},
		"too few examples":          {body("Hello {{1}}, this is {{2}} for you.", "Ana"), 100, templateMissing, "", missing, ""},
		"an example of nothing":     {newTemplate(`{"type":"BODY","text":"Hello","example":{}}`), 100, templateMissing, "", missing, "component of type BODY is missing expected field(s) (example)"},
		"no example of a URL":       {newTemplate(buttonsWith(`{"type":"URL","text":"Go","url":"https://example.com/{{1}}"}`)), 100, templateMissing, "", missing, "button of type URL is missing expected field(s) (example)"},
		"an offer of utility":       {newTemplate(`{"type":"LIMITED_TIME_OFFER","limited_time_offer":{"text":"Now"}},` + plainBody), 100, templateUnexpected, "", unexpected, ""},
		"an offer with a footer":    {newTemplate(`{"type":"LIMITED_TIME_OFFER","limited_time_offer":{"text":"Now"}},`+plainBody+`,{"type":"FOOTER","text":"Bye"}`, "category", "MARKETING"), 100, templateUnexpected, "", unexpected, ""},
		"one card":                  {newTemplate(plainBody+`,{"type":"CAROUSEL","cards":[{"components":[]}]}`, "category", "MARKETING"), 100, 0, "(#100) Param components[1]['cards'] must have from 2 to 10 elements.", "", ""},
		"a permission with buttons": {newTemplate(buttonsWith(reply) + `,{"type":"CALL_PERMISSION_REQUEST"}`), 100, templateUnexpected, "", unexpected, ""},

		"no sample":         {picture(""), 100, templateNoSample, "", "Templates with IMAGE header type need an example/sample", "Templates with IMAGE header type need an example/sample, but it was not provided"},
		"an empty sample":   {picture(`,"example":{"header_handle":[]}`), 100, templateNoSample, "", "", ""},
		"a URL as sample":   {picture(`,"example":{"header_handle":["https://example.com/a.png"]}`), 100, templateNoSample, "", "", ""},
		"an unknown handle": {picture(`,"example":{"header_handle":["4::aW1hZ2U="]}`), 100, templateNoSample, "", "", ""},
		"a PDF as picture":  {picture(`,"example":{"header_handle":["HANDLE"]}`), 100, templateFileType, "", "File type not supported", ""},

		"a long header":      {header(words(61)), 100, templateTooLong, "", "", "HEADER cannot be more than 60 characters"},
		"a long body":        {newTemplate(`{"type":"BODY","text":"` + words(1025) + `"}`), 100, templateTooLong, "", "", "BODY cannot be more than 1024 characters"},
		"a long footer":      {newTemplate(plainBody + `,{"type":"FOOTER","text":"` + words(61) + `"}`), 100, templateTooLong, "", "", "FOOTER cannot be more than 60 characters"},
		"a long label":       {newTemplate(buttonsWith(`{"type":"QUICK_REPLY","text":"` + words(26) + `"}`)), 100, templateTooLong, "", "", "Button text cannot be more than 25 characters"},
		"a long coupon":      {newTemplate(buttonsWith(`{"type":"COPY_CODE","example":"123456789012345678901"}`)), 100, templateTooLong, "", "", "COPY_CODE example cannot be more than 20 characters"},
		"a long offer":       {newTemplate(`{"type":"LIMITED_TIME_OFFER","limited_time_offer":{"text":"`+words(17)+`"}},`+plainBody, "category", "MARKETING"), 100, templateTooLong, "", "", ""},
		"a body of an offer": {newTemplate(`{"type":"LIMITED_TIME_OFFER","limited_time_offer":{"text":"Now"}},{"type":"BODY","text":"`+words(601)+`"}`, "category", "MARKETING"), 100, templateTooLong, "", "", "BODY cannot be more than 600 characters"},

		"an asterisk in a header":   {header("*New*"), 100, templateBadText, "", "", "Message header can't have any new lines, formatting characters, emojis or asterisks."},
		"an emoji in a header":      {header("New \U0001F600"), 100, templateBadText, "", "", ""},
		"a line break in a header":  {header(`a\nb`), 100, templateBadText, "", "", ""},
		"a gap in the numbers":      {body("Hello {{1}}, this is {{3}} for you.", "a", "b"), 100, templateBadText, "", "", ""},
		"a name among numbers":      {body("Hello {{1}}, this is {{name}} for you.", "a", "b"), 100, templateBadText, "", "", ""},
		"capitals in a variable":    {newTemplate(`{"type":"BODY","text":"Hello {{Name}}, welcome.","example":{"body_text_named_params":[{"param_name":"Name","example":"a"}]}}`), 100, templateBadText, "", "", ""},
		"a variable in a footer":    {newTemplate(plainBody + `,{"type":"FOOTER","text":"By {{1}}"}`), 100, templateBadFooter, "", "", ""},
		"a line break in a label":   {newTemplate(buttonsWith(`{"type":"QUICK_REPLY","text":"a\nb"}`)), 100, templateBadButton, "", "Button format is incorrect", ""},
		"eleven buttons":            {newTemplate(buttonsWith(strings.Repeat(reply+",", 10) + reply)), 100, templateBadButton, "", "", ""},
		"three URLs":                {newTemplate(buttonsWith(strings.Repeat(`{"type":"URL","text":"Go","url":"https://example.com"},`, 2) + `{"type":"URL","text":"Go","url":"https://example.com"}`)), 100, templateBadButton, "", "", ""},
		"replies that are apart":    {newTemplate(buttonsWith(reply + `,{"type":"URL","text":"Go","url":"https://example.com"},` + reply)), 100, templateBadButton, "", "", ""},
		"a flow twice":              {newTemplate(buttonsWith(`{"type":"FLOW","text":"Go","flow_id":"1","flow_name":"a"}`)), 100, templateBadButton, "", "", ""},
		"a link to WhatsApp":        {link("https://wa.me/16505550100"), 100, templateLinkRefused, "", "Error while adding button URL", "Direct links to WhatsApp aren't allowed for buttons."},
		"a link to its page":        {link("https://api.whatsapp.com/send"), 100, templateLinkRefused, "", "", ""},
		"a variable in the middle":  {link("https://example.com/{{1}}/a"), 100, templateBadButton, "", "", ""},
		"no URL":                    {link("example"), 100, 0, "(#100) Param components[1]['buttons'][0]['url'] is not a valid URI.", "", ""},
		"no telephone number":       {newTemplate(buttonsWith(`{"type":"PHONE_NUMBER","text":"Call"}`)), 100, templateBadNumber, "", "", ""},
		"a bad telephone number":    {newTemplate(buttonsWith(reply + `,{"type":"PHONE_NUMBER","text":"Call","phone_number":"+1 call"}`)), 192, 0, "(#192) Param components[1]['buttons'][1]['phone_number'] is not a valid phone number.", "", ""},
		"a variable at the start":   {body("{{1}} is your order number today.", "a"), 100, templateEdgeVariables, "", "Leading or trailing params not allowed", "Variables can't be at the start or end of the template."},
		"a variable at the end":     {body("Your order has the number {{1}}.", "a"), 100, templateEdgeVariables, "", "", ""},
		"more variables than words": {body("A {{1}} {{2}} {{3}} b", "a", "b", "c"), 100, templateManyVariables, "", "Parameters words ratio exceeds limit", ""},

		"a text for a code":      {code(plainBody + "," + otpButtons), 100, templateUnexpected, "", unexpected, "component of type BODY has unexpected field(s) (text)"},
		"a header for a code":    {code(`{"type":"HEADER","format":"TEXT","text":"A"},{"type":"BODY"},` + otpButtons), 100, templateUnexpected, "", unexpected, ""},
		"a code without button":  {code(`{"type":"BODY"}`), 100, templateMissing, "", missing, "message template is missing expected field(s) (BUTTONS)"},
		"a reply for a code":     {code(`{"type":"BODY"},{"type":"BUTTONS","buttons":[` + reply + `]}`), 100, templateUnexpected, "", unexpected, ""},
		"a code for utility":     {newTemplate(plainBody + "," + otpButtons), 100, templateUnexpected, "", unexpected, ""},
		"a code without apps":    {code(`{"type":"BODY"},` + strings.Replace(otpButtons, "COPY_CODE", "ONE_TAP", 1)), 100, templateMissing, "", missing, "button of type OTP is missing expected field(s) (supported_apps)"},
		"too long a life":        {code(`{"type":"BODY"},{"type":"FOOTER","code_expiration_minutes":91},` + otpButtons), 100, 0, "(#100) Param components[1]['code_expiration_minutes'] must be a number from 1 to 90.", "", ""},
		"a long text of a card":  {cards(card(words(161), reply), card("A", reply)), 100, templateTooLong, "", "", "BODY cannot be more than 160 characters"},
		"cards that differ":      {cards(card("A", reply), card("A", `{"type":"SPM"}`)), 100, templateBadText, "", "", ""},
		"three products":         {cards(card("A", reply), card("A", reply), card("A", reply)), 100, 0, "(#100) Param components[1]['cards'] must have 2 elements, because the cards have products.", "", ""},
		"a flow in a card":       {cards(card("A", `{"type":"FLOW","text":"Go","flow_id":1}`), card("A", `{"type":"FLOW","text":"Go","flow_id":1}`)), 100, templateUnexpected, "", unexpected, ""},
		"three buttons in cards": {cards(card("A", reply+","+reply+","+reply), card("A", reply+","+reply+","+reply)), 100, templateBadButton, "", "", ""},
		"no name of an app":      {app("ONE_TAP", "example", "Ab3dE/gH1+2", ""), 100, 0, "(#100) Param components[1]['buttons'][0]['supported_apps'][0]['package_name'] is not a valid package name.", "", ""},
		"a short hash":           {app("ONE_TAP", "org.example", "Ab3dE", ""), 100, 0, "(#100) Param components[1]['buttons'][0]['supported_apps'][0]['signature_hash'] must have 11 characters of letters, digits, +, / and =.", "", ""},
		"terms not accepted":     {app("ZERO_TAP", "org.example", "Ab3dE/gH1+2", `,"zero_tap_terms_accepted":false`), 100, 0, "(#100) Param components[1]['buttons'][0]['zero_tap_terms_accepted'] must be true.", "", ""},
		"a call of an hour":      {newTemplate(buttonsWith(`{"type":"VOICE_CALL","text":"Call","ttl_minutes":60}`)), 100, 0, "(#100) Param components[1]['buttons'][0]['ttl_minutes'] must be a number from 1440 to 43200.", "", ""},
		"another kind of code":   {code(`{"type":"BODY"},` + strings.Replace(otpButtons, "COPY_CODE", "SMS", 1)), 100, 0, `(#100) Param components[1]['buttons'][0]['otp_type'] must be one of {COPY_CODE, ONE_TAP, ZERO_TAP} - got "SMS".`, "", ""},
	}
	s := startTemplates(t)
	handle := s.sampleOf("application/pdf", pdf)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := s.postJSON(templatesPath, strings.ReplaceAll(test.body, "HANDLE", handle))
			e := a.refusal(t).Error
			if test.message == "" {
				test.message = "Invalid parameter"
			}
			if a.status != http.StatusBadRequest || e.Code != test.code || e.Subcode != test.subcode || e.Message != test.message || e.Type != "OAuthException" {
				t.Errorf("%d %s, want %d/%d %s", a.status, a.body, test.code, test.subcode, test.message)
			}
			if test.title != "" && e.UserTitle != test.title || test.text != "" && e.UserMsg != test.text || test.subcode != 0 && (e.UserTitle == "" || e.UserMsg == "") {
				t.Errorf("title %q and text %q, want %q and %q", e.UserTitle, e.UserMsg, test.title, test.text)
			}
			if strings.Contains(e.UserMsg+e.UserTitle, "%") {
				t.Errorf("a format is not filled in: %q %q", e.UserTitle, e.UserMsg)
			}
			if n := len(s.Templates(account1)); n != 1 {
				t.Errorf("%d templates", n)
			}
		})
	}
	if a := s.postJSON(templatesPath, newTemplate(plainBody, "name", "Ä")); !strings.Contains(a.body, `"error_data":{"blame_field_specs":[["name"]]}`) {
		t.Errorf("blame: %s", a.body)
	}
}

// Two things are wrong with each template. The one that Meta checks first is the error.
func TestTemplatesAreCheckedInMetasOrder(t *testing.T) {
	long := `{"type":"BODY","text":"` + words(1025) + `"}`
	tests := []struct {
		body          string
		code, subcode int
	}{
		{newTemplate(`{"type":"X"}`, "name", "BAD"), 100, 0},                                                           // enumerated values before the name
		{newTemplate(`{"type":"BODY"}`, "name", "BAD"), 100, templateBadName},                                          // the name before components
		{newTemplate(`{"type":"BODY","text":"Hi","x":1},{"type":"HEADER","format":"IMAGE"}`), 100, templateUnexpected}, // members before samples
		{newTemplate(long + `,{"type":"HEADER","format":"IMAGE"}`), 100, templateNoSample},                             // samples before lengths
		{newTemplate(long + `,{"type":"HEADER","format":"TEXT","text":"*a*"}`), 100, templateTooLong},                  // lengths before formats
		{newTemplate(buttonsWith(`{"type":"QUICK_REPLY","text":"*a*"}`) + `,{"type":"HEADER","format":"TEXT","text":"*a*"}`), 100, templateBadText},
		{newTemplate(`{"type":"BODY","text":"{{1}} a b","example":{"body_text":[["a"]]}},{"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"*a*"}]}`), 100, templateBadButton},
		{newTemplate(`{"type":"BODY","text":"{{1}} {{2}} {{3}}","example":{"body_text":[["a","b","c"]]}}`), 100, templateEdgeVariables},
		{newTemplate(`{"type":"BODY","text":"x"},`+otpButtons, "category", "AUTHENTICATION"), 100, templateUnexpected}, // components before the right to send codes
		{newTemplate(`{"type":"BODY"},`+otpButtons, "category", "AUTHENTICATION", "name", "taken"), 10, templateNotPermitted},
		{newTemplate(plainBody, "category", "MARKETING", "name", "taken"), 100, templateExists}, // the language before the category
		{newTemplate(plainBody, "category", "MARKETING", "name", "taken", "language", "es"), 100, 0},
	}
	s := startTemplates(t, func(c *Config) { c.BusinessAccounts[0].BusinessVerificationStatus = "not_verified" })
	s.mustCreate(newTemplate(plainBody, "name", "taken"))
	for i, test := range tests {
		a := s.postJSON(templatesPath, test.body)
		if e := a.refusal(t).Error; e.Code != test.code || e.Subcode != test.subcode {
			t.Errorf("%d: %d %s, want %d/%d", i, a.status, a.body, test.code, test.subcode)
		}
	}
}

func TestTheNumberOfTemplatesIsLimited(t *testing.T) {
	s := startTemplates(t, func(c *Config) {
		a := &c.BusinessAccounts[0]
		a.BusinessVerificationStatus = "pending"
		for i := range unverifiedTemplates - 2 { // hello_world is one
			a.Templates = append(a.Templates, Template{Name: fmt.Sprintf("order_%d", i), Language: "en_US"})
		}
	})
	s.mustCreate(newTemplate(plainBody))
	a := s.postJSON(templatesPath, newTemplate(plainBody, "name", "last"))
	if e := a.refusal(t).Error; e.Subcode != templateLimit || e.UserTitle != "Message Template Limit Exceeded" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// Strict refuses what a careful client does not send, and buttons and cards are not that.
func TestStrictTakesButtonsAndCards(t *testing.T) {
	s := startTemplates(t, func(c *Config) { c.Strict = true })
	s.mustCreate(newTemplate(buttonsWith(`{"type":"QUICK_REPLY","text":"Yes"},{"type":"URL","text":"Go","url":"https://example.com/{{1}}","example":["https://example.com/a"]},{"type":"PHONE_NUMBER","text":"Call","phone_number":"+16505550100"}`)))
	card := `{"components":[{"type":"HEADER","format":"IMAGE","example":{"header_handle":["` + s.sampleOf("image/png", png) + `"]}},{"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"Yes"}]}]}`
	s.mustCreate(newTemplate(plainBody+`,{"type":"CAROUSEL","cards":[`+card+`,`+card+`]}`, "name", "cards", "category", "MARKETING"))
	for path, more := range map[string]string{"components[1]['buttons'][0]": `{"type":"BUTTONS","buttons":[5]}`, "components[1]['cards'][0]": `{"type":"CAROUSEL","cards":["x"]}`} {
		if a := s.postJSON(templatesPath, newTemplate(plainBody+","+more, "category", "MARKETING")); !strings.Contains(a.body, "Param "+path+" must be a JSON object.") {
			t.Errorf("%s: %s", more, a.body)
		}
	}
}
