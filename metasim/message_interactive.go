package metasim

import (
	"slices"
	"strings"
)

// The shapes of interactive messages, with their limits
// (docs/references.md#graph-interactive).

const (
	maxInteractiveBody = 1024 // characters, but of a list 4096
	maxHeaderText      = 60
	maxFooter          = 60
	maxButtonTitle     = 20
	maxRows            = 10 // in all sections of a list together
	maxProducts        = 30 // in all sections together
	maxCards           = 10
	maxCardBody        = 160
)

// interactive is what one type of interactive message has besides its type.
type interactive struct {
	headers  []string // types of header; empty means no header
	noFooter bool
	noBody   bool // the body is optional
	list     bool // the body of a list is longer
	header   bool // the header is required
	action   shape
}

var interactives = map[string]interactive{
	"button": {headers: []string{"text", "image", "video", "document"}, action: shape{members: []member{
		{name: "buttons", kind: listValue, of: objectValue, required: true, min: 1, max: 3, label: "buttons", shape: replyButton("reply", 256)},
	}, check: uniqueButtons("reply")}},
	"list": {headers: []string{"text"}, list: true, action: shape{members: []member{
		{name: "button", kind: textValue, required: true, max: maxButtonTitle, label: "Button label"},
		{name: "sections", kind: listValue, of: objectValue, required: true, min: 1, max: 10, label: "sections", shape: listSection},
	}, check: checkSections}},
	"cta_url": {headers: []string{"text", "image", "video", "document"}, action: ctaAction},
	"flow": {headers: []string{"text", "image", "video", "document"}, action: named("flow", true, shape{members: []member{
		{name: "flow_message_version", kind: textValue, required: true, enum: []string{"3"}},
		{name: "flow_cta", kind: textValue, required: true, max: 30, label: "Flow CTA"},
		{name: "flow_id", kind: textValue}, {name: "flow_name", kind: textValue}, {name: "flow_token", kind: textValue},
		{name: "flow_action", kind: textValue, enum: []string{"navigate", "data_exchange"}},
		{name: "flow_action_payload", kind: objectValue, shape: shape{members: []member{{name: "screen", kind: textValue}, {name: "data", kind: anyValue}}}},
		{name: "mode", kind: textValue},
	}, check: checkFlow})},
	"location_request_message": {noFooter: true, action: named("send_location", false, shape{})},
	"product":                  {noBody: true, action: productAction},
	"product_list": {headers: []string{"text"}, header: true, action: shape{members: []member{
		{name: "catalog_id", kind: textValue, required: true},
		{name: "sections", kind: listValue, of: objectValue, required: true, min: 1, max: 10, label: "sections", shape: productSection},
	}, check: checkProducts}},
	"catalog_message": {action: named("catalog_message", false, shape{members: optionalTexts("thumbnail_product_retailer_id")})},
	"address_message": {action: named("address_message", true, shape{members: append(
		anyMembers("values", "saved_addresses", "validation_errors"), requiredText("country"))})},
	"carousel": {noFooter: true, action: shape{members: []member{
		{name: "cards", kind: listValue, of: objectValue, required: true, min: 2, max: maxCards, label: "cards", shape: card},
	}, check: sameCards}},
	"call_permission_request": {noBody: true, action: named("call_permission_request", false, shape{})},
	"request_contact_info":    {noFooter: true, action: named("request_contact_info", false, shape{})},
	"voice_call": {action: named("voice_call", false, shape{members: []member{
		{name: "display_text", kind: textValue, max: maxButtonTitle, label: "Display text"},
		{name: "ttl_minutes", kind: numberValue}, {name: "payload", kind: textValue}}})},
	"order_details": {headers: []string{"image", "video", "document", "text"}, action: named("review_and_pay", true, shape{members: append(
		anyMembers("payment_settings", "payment_configuration", "payment_type", "beneficiaries"),
		member{name: "reference_id", kind: textValue, required: true, max: 35}, requiredText("type"), requiredText("currency"),
		objectMember("total_amount", member{name: "value", kind: numberValue, required: true}, member{name: "offset", kind: numberValue}),
		order)})},
	"order_status": {action: named("review_order", true, shape{members: append(anyMembers("payment"), requiredText("reference_id"), order)})},
}

// interactiveShape has the members that all types have; the type adds its own.
var interactiveShape = shape{
	members: []member{{name: "type", kind: textValue, required: true}},
	also:    interactiveMembers,
	check: func(_ *messageCheck, path string, object map[string]any) *apiError {
		if _, ok := interactives[lower(object, "type")]; ok {
			return nil
		}
		return parameterError("Param %s must be one of {%s} - got \"%s\".", memberPath(path, "type"),
			strings.ToUpper(strings.Join(sortedNames(interactives), ", ")), truncate(text(object["type"])))
	},
}

// interactiveMembers are the members that depend on the type.
func interactiveMembers(object map[string]any) []member {
	kind, ok := interactives[lower(object, "type")]
	if !ok { // refused by check
		return []member{{name: "header", kind: anyValue}, {name: "body", kind: anyValue}, {name: "footer", kind: anyValue}, {name: "action", kind: anyValue}}
	}
	limit := maxInteractiveBody
	if kind.list {
		limit = maxTextBody
	}
	members := []member{
		{name: "body", kind: objectValue, required: !kind.noBody, shape: textShape("Body text", limit)},
		{name: "action", kind: objectValue, required: true, shape: kind.action},
	}
	if kind.headers != nil {
		members = append(members, member{name: "header", kind: objectValue, required: kind.header, shape: headerShape(kind.headers)})
	}
	if !kind.noFooter {
		members = append(members, member{name: "footer", kind: objectValue, shape: textShape("Footer text", maxFooter)})
	}
	return members
}

// textShape is {"text": …}.
func textShape(label string, limit int) shape {
	return shape{members: []member{{name: "text", kind: textValue, required: true, max: limit, label: label}}}
}

// headerShape is a header of one of the types.
func headerShape(types []string) shape {
	return shape{
		members: []member{{name: "type", kind: textValue, required: true, enum: types}},
		also: func(object map[string]any) []member {
			switch kind := lower(object, "type"); {
			case kind == "text" && slices.Contains(types, kind):
				return []member{{name: "text", kind: textValue, max: maxHeaderText, label: "Header text"}, {name: "sub_text", kind: textValue}}
			case slices.Contains(types, kind):
				return []member{{name: kind, kind: objectValue, required: true, shape: mediaShape(kind, member{name: "filename", kind: textValue})}}
			}
			return nil
		},
		check: func(_ *messageCheck, _ string, object map[string]any) *apiError {
			if lower(object, "type") == "text" && text(object["text"]) == "" {
				return invalidValue("Text cannot be null for header type text")
			}
			return nil
		},
	}
}

// named is an action with a fixed name and parameters.
func named(name string, required bool, parameters shape) shape {
	return shape{members: []member{
		{name: "name", kind: textValue, required: true, enum: []string{name}},
		{name: "parameters", kind: objectValue, required: required, shape: parameters},
	}}
}

// replyButton is a button with an id and a title, under the name of its type.
func replyButton(kind string, idLimit int) shape {
	return shape{members: []member{
		{name: "type", kind: textValue, required: true, enum: []string{kind}},
		{name: kind, kind: objectValue, required: true, shape: shape{members: []member{
			{name: "id", kind: textValue, required: true, max: idLimit, label: "Button id"},
			{name: "title", kind: textValue, required: true, max: maxButtonTitle, label: "Button title"},
		}}},
	}}
}

// uniqueButtons refuses buttons with the same id or title.
func uniqueButtons(kind string) func(*messageCheck, string, map[string]any) *apiError {
	return func(_ *messageCheck, _ string, action map[string]any) *apiError {
		var ids, titles []any
		for _, button := range objects(action["buttons"]) {
			reply, _ := button[kind].(map[string]any)
			if slices.Contains(ids, reply["id"]) {
				return invalidValue("Duplicate button id: %s", truncate(text(reply["id"])))
			}
			if slices.Contains(titles, reply["title"]) {
				return invalidValue("Duplicate button title: %s", truncate(text(reply["title"])))
			}
			ids, titles = append(ids, reply["id"]), append(titles, reply["title"])
		}
		return nil
	}
}

// objects returns the elements of a list that are objects.
func objects(list any) (found []map[string]any) {
	elements, _ := list.([]any)
	for _, element := range elements {
		if object, ok := element.(map[string]any); ok {
			found = append(found, object)
		}
	}
	return found
}

var listSection = shape{members: []member{
	{name: "title", kind: textValue, max: 24, label: "Section title"},
	{name: "rows", kind: listValue, of: objectValue, required: true, min: 1, label: "rows", max: maxRows, shape: shape{members: []member{
		{name: "id", kind: textValue, required: true, max: 200, label: "Row id"},
		{name: "title", kind: textValue, required: true, max: 24, label: "Row title"},
		{name: "description", kind: textValue, max: 72, label: "Row description"},
	}}},
}}

// checkSections checks what the sections of a list have together.
func checkSections(_ *messageCheck, path string, action map[string]any) *apiError {
	var ids []any
	sections := objects(action["sections"])
	for i, section := range sections {
		if len(sections) > 1 && text(section["title"]) == "" {
			return missingParameter(elementPath(memberPath(path, "sections"), i) + "['title']")
		}
		for _, row := range objects(section["rows"]) {
			if slices.Contains(ids, row["id"]) {
				return invalidValue("Duplicate row id: %s", truncate(text(row["id"])))
			}
			ids = append(ids, row["id"])
		}
	}
	if len(ids) > maxRows {
		return invalidValue("Invalid rows count. Min allowed rows: 1, Max allowed rows: %d", maxRows)
	}
	return nil
}

var productAction = shape{members: []member{requiredText("catalog_id"), requiredText("product_retailer_id")}}

var productSection = shape{members: []member{
	{name: "title", kind: textValue, max: 24, label: "Section title"},
	{name: "product_items", kind: listValue, of: objectValue, required: true, min: 1, max: maxProducts, label: "products", shape: shape{members: []member{
		{name: "product_retailer_id", kind: textValue, required: true}}}},
}}

func checkProducts(_ *messageCheck, path string, action map[string]any) *apiError {
	count := 0
	sections := objects(action["sections"])
	for i, section := range sections {
		if len(sections) > 1 && text(section["title"]) == "" {
			return missingParameter(elementPath(memberPath(path, "sections"), i) + "['title']")
		}
		count += len(objects(section["product_items"]))
	}
	if count > maxProducts {
		return invalidValue("Invalid products count. Min allowed products: 1, Max allowed products: %d", maxProducts)
	}
	return nil
}

var ctaAction = named("cta_url", true, shape{members: []member{
	{name: "display_text", kind: textValue, required: true, max: maxButtonTitle, label: "Display text"},
	{name: "url", kind: textValue, required: true},
}, check: func(_ *messageCheck, path string, parameters map[string]any) *apiError {
	if !isLink(text(parameters["url"])) {
		return parameterError("Param %s is not a valid URI.", memberPath(path, "url"))
	}
	return nil
}})

// checkFlow requires one of the id and the name of a flow. Which modes Meta refuses is
// not known: clients send others than the documented ones.
func checkFlow(m *messageCheck, path string, parameters map[string]any) *apiError {
	id, name := text(parameters["flow_id"]) != "", text(parameters["flow_name"]) != ""
	if !id && !name {
		return missingParameter(memberPath(path, "flow_id"))
	}
	if id && name {
		return invalidValue("Only one of flow_id and flow_name is allowed")
	}
	if mode := lower(parameters, "mode"); mode != "" && mode != "draft" && mode != "published" {
		return m.warn(warnMemberIgnored, "The member %s is %q, and ignored. Send draft or published, or leave it out.", memberPath(path, "mode"), truncate(mode))
	}
	return nil
}

// card is one of a carousel: a file with buttons, or a product.
var card = shape{
	members: []member{
		{name: "card_index", kind: numberValue, required: true},
		{name: "type", kind: textValue, enum: []string{"cta_url", "button", "quick_reply", "product"}},
	},
	also: func(object map[string]any) []member {
		if lower(object, "type") == "product" {
			return []member{{name: "action", kind: objectValue, required: true, shape: productAction}}
		}
		action := shape{members: []member{{name: "buttons", kind: listValue, of: objectValue, required: true, min: 1, max: 2, label: "buttons",
			shape: replyButton("quick_reply", maxButtonTitle)}}, check: uniqueButtons("quick_reply")}
		if lower(object, "type") == "cta_url" {
			action = ctaAction
		}
		return []member{
			{name: "header", kind: objectValue, required: true, shape: headerShape([]string{"image", "video"})},
			{name: "body", kind: objectValue, shape: textShape("Card body text", maxCardBody)},
			{name: "action", kind: objectValue, required: true, shape: action},
		}
	},
	check: func(_ *messageCheck, _ string, object map[string]any) *apiError {
		body, _ := object["body"].(map[string]any)
		if strings.Count(text(body["text"]), "\n") > 2 {
			return invalidValue("Card body text has more than 2 line breaks")
		}
		return nil
	},
}

// sameCards refuses cards of different forms.
func sameCards(_ *messageCheck, _ string, action map[string]any) *apiError {
	var first string
	for i, card := range objects(action["cards"]) {
		form := lower(card, "type")
		if header, ok := card["header"].(map[string]any); ok {
			form += " " + lower(header, "type")
		}
		if parts, ok := card["action"].(map[string]any); ok {
			form += strings.Repeat(" button", len(objects(parts["buttons"])))
		}
		if i == 0 {
			first = form
		}
		if form != first {
			return invalidValue("All cards must have the same type, header and number of buttons")
		}
	}
	return nil
}

// order is that of payments, of which nothing but the status is checked.
var order = objectMember("order", append(
	anyMembers("items", "subtotal", "tax", "shipping", "discount", "expiration", "catalog_id", "type", "description"),
	requiredText("status"))...)
