package metasim

import "slices"

// The shapes of the types of messages, with their limits
// (docs/references.md#graph-messages). message_interactive.go and message_template.go
// have those of two types.

const (
	maxTextBody   = 4096 // characters
	maxCaption    = 1024
	maxContacts   = 257
	maxPinnedDays = 30
)

// messageShapes are the types that can be sent.
var messageShapes = map[string]member{
	"text": {kind: objectValue, shape: shape{members: []member{
		{name: "body", kind: textValue, required: true, max: maxTextBody},
		{name: "preview_url", kind: booleanValue},
	}}},
	"image":    {kind: objectValue, shape: mediaShape("image", caption)},
	"video":    {kind: objectValue, shape: mediaShape("video", caption)},
	"document": {kind: objectValue, shape: mediaShape("document", caption, member{name: "filename", kind: textValue})},
	"audio":    {kind: objectValue, shape: mediaShape("audio", member{name: "voice", kind: booleanValue})},
	"sticker":  {kind: objectValue, shape: mediaShape("sticker")},
	"location": {kind: objectValue, shape: locationShape},
	"contacts": {kind: listValue, of: objectValue, min: 1, max: maxContacts, shape: contactShape},
	"reaction": {kind: objectValue, shape: shape{members: []member{
		{name: "message_id", kind: textValue, required: true},
		{name: "emoji", kind: textValue, required: true, blank: true},
	}}},
	"pin": {kind: objectValue, shape: shape{members: []member{
		{name: "type", kind: textValue, required: true, enum: []string{"pin", "unpin"}},
		{name: "message_id", kind: textValue, required: true},
		{name: "expiration_days", kind: numberValue},
	}, check: checkPin}},
	"interactive": {kind: objectValue, shape: interactiveShape},
	"template":    {kind: objectValue, shape: templateShape},
}

var caption = member{name: "caption", kind: textValue, max: maxCaption}

// mediaShape is a file by its id or by its link.
func mediaShape(kind string, further ...member) shape {
	return shape{
		members: append([]member{{name: "id", kind: anyValue}, {name: "link", kind: textValue}}, further...),
		check: func(m *messageCheck, path string, object map[string]any) *apiError {
			return m.addMedia(kind, path, object)
		},
	}
}

var locationShape = shape{
	members: []member{
		{name: "latitude", kind: numberValue, required: true},
		{name: "longitude", kind: numberValue, required: true},
		{name: "name", kind: textValue},
		{name: "address", kind: textValue},
		{name: "url", kind: textValue},
	},
	check: func(m *messageCheck, path string, object map[string]any) *apiError {
		if n, _ := number(object["latitude"]); !(n >= -90 && n <= 90) {
			return parameterError("Param %s must be a number from -90 to 90.", memberPath(path, "latitude"))
		}
		if n, _ := number(object["longitude"]); !(n >= -180 && n <= 180) {
			return parameterError("Param %s must be a number from -180 to 180.", memberPath(path, "longitude"))
		}
		return nil
	},
}

var nameParts = []string{"first_name", "middle_name", "last_name", "prefix", "suffix"}

var contactShape = shape{members: []member{
	{name: "name", kind: objectValue, required: true, shape: shape{
		members: append([]member{{name: "formatted_name", kind: textValue, required: true}}, optionalTexts(nameParts...)...),
		check: func(m *messageCheck, path string, object map[string]any) *apiError {
			if slices.ContainsFunc(nameParts, func(part string) bool { return text(object[part]) != "" }) {
				return nil
			}
			return m.warn(warnContactName, "%s has nothing but formatted_name. Send another part of the name, too, such as first_name.", path)
		},
	}},
	{name: "phones", kind: listValue, of: objectValue, shape: shape{members: optionalTexts("phone", "type", "wa_id")}},
	{name: "emails", kind: listValue, of: objectValue, shape: shape{members: optionalTexts("email", "type")}},
	{name: "urls", kind: listValue, of: objectValue, shape: shape{members: optionalTexts("url", "type")}},
	{name: "addresses", kind: listValue, of: objectValue, shape: shape{members: optionalTexts("street", "city", "state", "zip", "country", "country_code", "type")}},
	{name: "org", kind: objectValue, shape: shape{members: optionalTexts("company", "department", "title")}},
	{name: "birthday", kind: textValue},
}}

// checkPin refuses a pin to a person: only messages in groups can be pinned.
func checkPin(_ *messageCheck, _ string, object map[string]any) *apiError {
	if days, ok := object["expiration_days"]; ok {
		if n, _ := number(days); !(n >= 1 && n <= maxPinnedDays) {
			return invalidValue("Invalid expiration_days. Min: 1, Max: %d", maxPinnedDays)
		}
	}
	return nil
}
