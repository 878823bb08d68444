package metasim

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Messages made from a template: their shape, and what Meta compares with the
// template (docs/references.md#graph-template-messages).

// A Template is a template that a business account has from the start, from which
// messages can be made outside the 24-hour window.
type Template struct {
	Name            string // small letters, digits and _; required
	Language        string // such as en_US; required
	Category        string // MARKETING, UTILITY or AUTHENTICATION; default UTILITY
	Status          string // APPROVED, PAUSED, DISABLED, or another, which cannot be sent; default APPROVED
	ParameterFormat string // POSITIONAL or NAMED; default POSITIONAL

	// Components are the parts, as they were when the template was created.
	// Variables are {{1}}, or {{name}} with ParameterFormat NAMED.
	Components []TemplateComponent
}

// A TemplateComponent is a part of a template.
type TemplateComponent struct {
	Type    string           `json:"type"`              // HEADER, BODY, FOOTER, BUTTONS, CAROUSEL or LIMITED_TIME_OFFER
	Format  string           `json:"format,omitempty"`  // of a header: TEXT, IMAGE, VIDEO, DOCUMENT or LOCATION; default TEXT
	Text    string           `json:"text,omitempty"`    // of a header with text, a body or a footer
	Buttons []TemplateButton `json:"buttons,omitempty"` // of BUTTONS
}

// A TemplateButton is a button of a template.
type TemplateButton struct {
	Type string `json:"type"` // QUICK_REPLY, URL, PHONE_NUMBER, COPY_CODE, OTP, FLOW, CATALOG, MPM, SPM or VOICE_CALL
	Text string `json:"text,omitempty"`
	URL  string `json:"url,omitempty"`      // of a URL button; it requires a parameter if it has a variable
	OTP  string `json:"otp_type,omitempty"` // of an OTP button: COPY_CODE, ONE_TAP or ZERO_TAP; default COPY_CODE
}

// helloWorld is the template that every account has.
var helloWorld = Template{Name: "hello_world", Language: "en_US", Category: "UTILITY", Components: []TemplateComponent{
	{Type: "HEADER", Format: "TEXT", Text: "Hello World"},
	{Type: "BODY", Text: "Welcome and congratulations!! This message demonstrates your ability to send a WhatsApp message notification from the Cloud API, hosted by Meta. Thank you for taking the time to test with us."},
	{Type: "FOOTER", Text: "WhatsApp Business Platform sample message"},
}}

// templates returns those of the account and hello_world, which Templates may replace.
func (a *BusinessAccount) templates() []Template {
	return append(slices.Clone(a.Templates), helloWorld)
}

var templateShape = shape{members: []member{
	{name: "name", kind: textValue, required: true},
	{name: "language", kind: objectValue, required: true, shape: shape{members: []member{
		{name: "code", kind: textValue, required: true},
		{name: "policy", kind: textValue, enum: []string{"deterministic"}},
	}}},
	{name: "namespace", kind: textValue},
	{name: "components", kind: listValue, of: objectValue, shape: componentShape},
}}

var componentTypes = []string{"header", "body", "footer", "button", "buttons", "carousel", "limited_time_offer", "order_status", "tap_target_configuration"}

// cardComponents are the members of the components of a card, which has no cards.
var cardComponents = []member{
	{name: "type", kind: textValue, required: true, enum: componentTypes},
	{name: "sub_type", kind: textValue},
	{name: "index", kind: numberValue},
	{name: "parameters", kind: listValue, of: objectValue, shape: parameterShape},
}

var componentShape = shape{members: append([]member{
	{name: "cards", kind: listValue, of: objectValue, max: maxCards, label: "cards", shape: shape{members: []member{
		{name: "card_index", kind: numberValue, required: true},
		{name: "components", kind: listValue, of: objectValue, shape: shape{members: cardComponents}},
	}}},
}, cardComponents...)}

// parameterContents are the members of a parameter, by its type.
var parameterContents = map[string]member{
	"text": {name: "text", kind: textValue, required: true, blank: true}, // an empty one is another error
	"currency": objectMember("currency", requiredText("fallback_value"), requiredText("code"),
		member{name: "amount_1000", kind: numberValue, required: true}),
	"date_time": objectMember("date_time", append(anyMembers("day_of_week", "year", "month", "day_of_month", "hour", "minute", "calendar"),
		requiredText("fallback_value"))...),
	"image":              {name: "image", kind: objectValue, required: true, shape: mediaShape("image")},
	"video":              {name: "video", kind: objectValue, required: true, shape: mediaShape("video")},
	"document":           {name: "document", kind: objectValue, required: true, shape: mediaShape("document", optionalTexts("filename")...)},
	"location":           {name: "location", kind: objectValue, required: true, shape: locationShape},
	"payload":            requiredText("payload"),
	"coupon_code":        requiredText("coupon_code"),
	"group_id":           requiredText("group_id"),
	"product":            objectMember("product", optionalTexts("catalog_id", "product_retailer_id")...),
	"limited_time_offer": objectMember("limited_time_offer", member{name: "expiration_time_ms", kind: numberValue}),
	"action": {name: "action", kind: objectValue, shape: shape{members: append(anyMembers("flow_action_data", "sections"),
		optionalTexts("flow_token", "thumbnail_product_retailer_id")...)}},
	"order_status": {name: "order_status", kind: anyValue},
	"ttl_minutes":  {name: "ttl_minutes", kind: numberValue},
}

var parameterShape = shape{
	members: []member{
		{name: "type", kind: textValue, required: true, enum: sortedNames(parameterContents)},
		{name: "parameter_name", kind: textValue},
	},
	also: func(object map[string]any) []member {
		if content, ok := parameterContents[lower(object, "type")]; ok {
			return []member{content}
		}
		return nil
	},
}

const (
	maxRenderedBody   = 1024 // characters of a template's text with its parameters
	maxRenderedHeader = 60
)

// checkTemplate finds the template of a message and compares the parameters with it.
func (s *Server) checkTemplate(c *call, to recipient, content map[string]any) (*Template, *apiError) {
	language, _ := content["language"].(map[string]any)
	name, code := text(content["name"]), text(language["code"])
	s.settleTemplates()
	t := s.templateToSend(s.phone(c.id).accountID, name, code)
	switch {
	case t == nil:
		return nil, codeError(132001, fmt.Sprintf("template name (%s) does not exist in %s", truncate(name), truncate(code)))
	case t.Status == "PAUSED":
		return nil, codeError(132015, "")
	case t.Status == "DISABLED":
		return nil, codeError(132016, "")
	case to.waID == "" && t.hasOTP():
		return nil, codeError(131062, "")
	}
	check := templateCheck{template: t, components: objects(content["components"])}
	for _, step := range []func() *apiError{check.header, check.body, check.buttons} {
		if refusal := step(); refusal != nil {
			return nil, refusal
		}
	}
	return t, nil
}

func (t *Template) hasOTP() bool {
	return slices.ContainsFunc(t.buttons(), func(b TemplateButton) bool { return b.Type == "OTP" })
}

func (t *Template) buttons() (all []TemplateButton) {
	for _, component := range t.Components {
		all = append(all, component.Buttons...)
	}
	return all
}

// component returns a part of the template, or an empty one.
func (t *Template) component(kind string) TemplateComponent {
	i := slices.IndexFunc(t.Components, func(c TemplateComponent) bool { return strings.EqualFold(c.Type, kind) })
	if i < 0 {
		return TemplateComponent{}
	}
	return t.Components[i]
}

var variables = regexp.MustCompile(`\{\{\s*([0-9A-Za-z_]+)\s*\}\}`)

// variablesOf returns the different variables of a text, in their order.
func variablesOf(text string) (names []string) {
	for _, match := range variables.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(names, match[1]) {
			names = append(names, match[1])
		}
	}
	return names
}

// templateCheck compares the components of a message with those of its template.
type templateCheck struct {
	template   *Template
	components []map[string]any
}

// find returns the parameters of the components of a type, and whether there is one.
func (k templateCheck) find(kind string) (parameters []map[string]any, found bool) {
	for _, component := range k.components {
		if lower(component, "type") == kind {
			parameters, found = append(parameters, objects(component["parameters"])...), true
		}
	}
	return parameters, found
}

func (k templateCheck) header() *apiError {
	parameters, _ := k.find("header")
	header := k.template.component("HEADER")
	format := strings.ToUpper(header.Format)
	if format == "" || format == "TEXT" {
		return k.rendered("header", header.Text, parameters, maxRenderedHeader)
	}
	received := "UNKNOWN"
	if len(parameters) > 0 {
		received = strings.ToUpper(lower(parameters[0], "type"))
	}
	if received != format {
		return codeError(132012, fmt.Sprintf("header: Format mismatch, expected %s, received %s", format, received))
	}
	return nil
}

func (k templateCheck) body() *apiError {
	parameters, _ := k.find("body")
	if k.template.hasOTP() {
		for _, parameter := range parameters {
			if characters(text(parameter["text"])) > maxSentCode {
				return codeError(132018, fmt.Sprintf("body: the code has more than %d characters", maxSentCode))
			}
		}
	}
	if component := k.template.component("BODY"); component.Text != "" || len(parameters) == 0 {
		return k.rendered("body", component.Text, parameters, maxRenderedBody)
	}
	return nil // the text of an authentication template is Meta's
}

// rendered checks the parameters of a text: their number, their names, and how long the
// text becomes.
func (k templateCheck) rendered(where, pattern string, parameters []map[string]any, limit int) *apiError {
	names := variablesOf(pattern)
	if len(names) != len(parameters) {
		return codeError(132000, fmt.Sprintf("%s: number of localizable_params (%d) does not match the expected number of params (%d)", where, len(parameters), len(names)))
	}
	rendered := pattern
	for i, parameter := range parameters {
		value, refusal := parameterText(where, parameter)
		if refusal != nil {
			return refusal
		}
		name := strconv.Itoa(i + 1)
		if k.template.ParameterFormat == "NAMED" {
			if name = text(parameter["parameter_name"]); name == "" {
				return invalidParameter("Parameter name is missing or empty")
			}
			if !slices.Contains(names, name) {
				return codeError(132012, fmt.Sprintf("%s: Parameter name %s does not exist in the template", where, truncate(name)))
			}
		}
		rendered = strings.ReplaceAll(rendered, "{{"+name+"}}", value)
	}
	if characters(rendered) > limit && len(parameters) > 0 {
		return codeError(132005, fmt.Sprintf("%s: the translated text has more than %d characters", where, limit))
	}
	return nil
}

// parameterText returns the text that a parameter becomes. where is its component.
func parameterText(where string, parameter map[string]any) (string, *apiError) {
	switch kind := lower(parameter, "type"); kind {
	case "text":
		value := text(parameter["text"])
		switch {
		case value == "":
			return "", codeError(131008, "Parameter of type text is missing text value")
		case strings.ContainsAny(value, "\n\r\t") || strings.Contains(value, strings.Repeat(" ", 5)):
			return "", invalidParameter("Param text cannot have new-line/tab characters or more than 4 consecutive spaces")
		}
		return value, nil
	case "currency", "date_time":
		value, _ := parameter[kind].(map[string]any)
		return text(value["fallback_value"]), nil
	case "group_id":
		return "https://chat.whatsapp.com/" + text(parameter["group_id"]), nil
	default:
		return "", codeError(132012, fmt.Sprintf("%s: Format mismatch, expected TEXT, received %s", where, strings.ToUpper(kind)))
	}
}

// invalidParameter is code 100 with its details.
func invalidParameter(details string) *apiError {
	e := parameterError("Invalid parameter")
	e.details = details
	return e
}

// buttonTypes are the types of buttons in Meta's errors, by sub_type of a component.
var buttonTypes = map[string]string{"url": "Url", "quick_reply": "QuickReply", "copy_code": "CopyCode", "flow": "Flow", "catalog": "Catalog", "mpm": "Mpm", "spm": "Spm", "voice_call": "VoiceCall", "phone_number": "PhoneNumber", "request_contact_info": "RequestContactInfo"}

// buttons checks the components of buttons: each must be for a button of its type, which
// the details name, and a button whose URL has a variable, and one with a code, requires one.
func (k templateCheck) buttons() *apiError {
	buttons := k.template.buttons()
	given := map[int]bool{}
	for _, component := range k.components {
		if lower(component, "type") != "button" {
			continue
		}
		position, _ := number(component["index"]) // without one, the first
		kind := lower(component, "sub_type")
		notFound := codeError(132012, "Parameter value for "+strings.ToUpper(kind)+" was expected but was not found")
		if !(position >= 0 && position < float64(len(buttons))) {
			return notFound
		}
		index := int(position)
		given[index] = true
		switch button := buttons[index]; {
		case !fitsButton(kind, button):
			return codeError(132018, fmt.Sprintf("buttons: Button at index %d must be of type %s", index, button.metaName()))
		case button.needsParameter() && !hasContent(objects(component["parameters"])):
			return notFound
		}
	}
	for i, button := range buttons {
		switch {
		case given[i]:
		case button.Type == "OTP":
			return codeError(132018, fmt.Sprintf("buttons: Button at index %d must be of type Url", i))
		case button.needsParameter():
			return codeError(131008, fmt.Sprintf("buttons: Button at index %d of type %s requires a parameter", i, button.metaName()))
		}
	}
	return nil
}

// fitsButton reports whether a component's sub_type is that of a button. The button
// of a one-time password is a URL to Meta.
func fitsButton(kind string, button TemplateButton) bool {
	if button.Type == "OTP" {
		return kind == "url"
	}
	return strings.EqualFold(kind, button.Type)
}

func (b TemplateButton) needsParameter() bool {
	return b.Type == "URL" && variables.MatchString(b.URL) || b.Type == "COPY_CODE" || b.Type == "OTP" || b.Type == "MPM"
}

func (b TemplateButton) metaName() string {
	if b.Type == "OTP" {
		return "Url"
	}
	return buttonTypes[strings.ToLower(b.Type)]
}

// hasContent reports whether the first parameter has a value.
func hasContent(parameters []map[string]any) bool {
	if len(parameters) == 0 {
		return false
	}
	kind := lower(parameters[0], "type")
	value, ok := parameters[0][kind]
	return ok && value != ""
}
