package metasim

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// The library of templates that Meta has written and reviewed
// (docs/references.md#graph-templates). These are the simulator's own, in the form
// of Meta's.

type libraryButton struct {
	Type   string `json:"type"`
	Text   string `json:"text"`
	URL    string `json:"url,omitempty"`
	Number string `json:"phone_number,omitempty"`
}

type libraryTemplate struct {
	name, topic, usecase string
	industry             []string
	texts                map[string][2]string // header and body, by language
	params, types        []string             // examples of the body's variables, and their types
	buttons              []libraryButton
}

var (
	shops = []string{"E_COMMERCE"}
	banks = []string{"FINANCIAL_SERVICES"}
	both  = []string{"E_COMMERCE", "FINANCIAL_SERVICES"}
)

var libraryTemplates = []libraryTemplate{
	{"order_confirmed_1", "ORDER_MANAGEMENT", "ORDER_CONFIRMATION", shops, map[string][2]string{
		"en_US": {"Order confirmed", "Hello {{1}}, we have your order {{2}} of {{3}} and prepare it now."},
		"es":    {"Pedido confirmado", "Hola, {{1}}: tenemos tu pedido {{2}} de {{3}} y lo preparamos ahora."},
	}, []string{"Ana", "A-17", "USD 25"}, []string{"TEXT", "TEXT", "AMOUNT"}, []libraryButton{{Type: "URL", Text: "View order", URL: "https://www.example.com/"}}},
	{"shipment_on_the_way_1", "ORDER_MANAGEMENT", "SHIPMENT_CONFIRMATION", shops, map[string][2]string{
		"en_US": {"", "Your order {{1}} has left our warehouse and should arrive on {{2}} at your address."},
		"es":    {"", "Tu pedido {{1}} salió de nuestro almacén y debería llegar el {{2}} a tu domicilio."},
	}, []string{"A-17", "12/01/2026"}, []string{"TEXT", "DATE"}, []libraryButton{{Type: "URL", Text: "Track", URL: "https://www.example.com/"}}},
	{"delivery_completed_1", "ORDER_MANAGEMENT", "DELIVERY_CONFIRMATION", shops, map[string][2]string{
		"en_US": {"", "Your order {{1}} was delivered to {{2}} today."},
	}, []string{"A-17", "1 Main Street"}, []string{"TEXT", "ADDRESS"}, nil},
	{"payment_received_1", "PAYMENTS", "PAYMENT_CONFIRMATION", both, map[string][2]string{
		"en_US": {"Payment received", "We have received your payment of {{1}} for invoice {{2}}. Thank you."},
	}, []string{"USD 25", "1234"}, []string{"AMOUNT", "NUMBER"}, nil},
	{"payment_due_soon_1", "PAYMENTS", "PAYMENT_DUE_REMINDER", banks, map[string][2]string{
		"en_US": {"", "Hello {{1}}, your payment of {{2}} is due on {{3}}. Please call us with any question."},
	}, []string{"Ana", "USD 25", "12/01/2026"}, []string{"TEXT", "AMOUNT", "DATE"}, []libraryButton{{Type: "PHONE_NUMBER", Text: "Call us", Number: "+16505550100"}}},
	{"account_created_1", "ACCOUNT_UPDATE", "ACCOUNT_CREATION_CONFIRMATION", both, map[string][2]string{
		"en_US": {"", "Hello {{1}}, your account was created with the address {{2}} just now."},
	}, []string{"Ana", "ana@example.com"}, []string{"TEXT", "EMAIL"}, nil},
	{"suspicious_transaction_1", "ACCOUNT_UPDATE", "FRAUD_ALERT", banks, map[string][2]string{
		"en_US": {"Please check", "We saw a transaction of {{1}} with your card that ends in {{2}} today. Was that you?"},
	}, []string{"USD 25", "1234"}, []string{"AMOUNT", "NUMBER"}, []libraryButton{{Type: "QUICK_REPLY", Text: "Yes"}, {Type: "QUICK_REPLY", Text: "No"}}},
	{"feedback_request_1", "CUSTOMER_FEEDBACK", "FEEDBACK_SURVEY", both, map[string][2]string{
		"en_US": {"", "Hello {{1}}, how was your visit on {{2}}? Your answer helps us to improve."},
	}, []string{"Ana", "12/01/2026"}, []string{"TEXT", "DATE"}, []libraryButton{{Type: "URL", Text: "Answer", URL: "https://www.example.com/"}}},
}

// bodyInputs are the sentences that library_template_body_inputs add to a body.
var bodyInputs = map[string]string{
	"add_contact_number":          " Call us with any question.",
	"add_learn_more_link":         " Learn more on our page.",
	"add_security_recommendation": " Do not share this message.",
	"add_track_package_link":      " Follow your package on our page.",
}

var libraryParameters = []string{"search", "topic", "usecase", "industry", "language", "name", "category", "limit", "after", "before", "summary"}

func (s *Server) listLibrary(c *call) (any, *apiError) {
	e := edge{where: filterLibrary}
	for i := range libraryTemplates {
		t := &libraryTemplates[i]
		for _, language := range sortedNames(t.texts) {
			e.rows = append(e.rows, t.node(i, language))
		}
	}
	return c.respondWithEdge(e)
}

func (t *libraryTemplate) node(i int, language string) node {
	texts := t.texts[language]
	fields := map[string]any{
		"id": strconv.Itoa(7_000_000_000_000_000 + 10*i + slices.Index(sortedNames(t.texts), language)), "name": t.name, "language": language,
		"category": "UTILITY", "topic": t.topic, "usecase": t.usecase, "industry": t.industry, "header": nil, "body": texts[1],
		"body_params": t.params, "body_param_types": t.types, "buttons": nil,
	}
	if texts[0] != "" {
		fields["header"] = texts[0]
	}
	if t.buttons != nil {
		fields["buttons"] = t.buttons
	}
	return node{kind: "WhatsAppMessageTemplateLibrary", fields: fields}
}

// filterLibrary returns the templates that meet the parameters.
func filterLibrary(rows []node, given parameters) ([]node, *apiError) {
	for _, name := range []string{"name", "language", "topic", "usecase", "category"} {
		if refusal := keepRows(&rows, given, name, func(n node, value string) bool { return strings.EqualFold(text(n.fields[name]), value) }); refusal != nil {
			return nil, refusal
		}
	}
	refusal := keepRows(&rows, given, "industry", func(n node, value string) bool {
		of, _ := n.fields["industry"].([]string)
		return slices.Contains(of, strings.ToUpper(value))
	})
	if refusal == nil {
		refusal = keepRows(&rows, given, "search", func(n node, value string) bool {
			return slices.ContainsFunc([]string{"name", "header", "body", "topic", "usecase"}, func(name string) bool { return containsFold(text(n.fields[name]), value) })
		})
	}
	return rows, refusal
}

// fillFromLibrary makes a new template that of the library.
func (s *Server) fillFromLibrary(c *call, row *templateRow, name string) *apiError {
	i := slices.IndexFunc(libraryTemplates, func(t libraryTemplate) bool { return t.name == name })
	if i < 0 || libraryTemplates[i].texts[row.Language][1] == "" {
		return invalidTemplate("Library template not found", "The library has no template %s in %s.", truncate(name), truncate(row.Language))
	}
	entry := libraryTemplates[i]
	if row.Category != "UTILITY" {
		return parameterError("Param category must be one of {UTILITY} - got \"%s\".", row.Category)
	}
	body := entry.texts[row.Language][1]
	if given := c.parameters.get("library_template_body_inputs"); given != "" {
		inputs, ok := decodeLoosely(given).(map[string]any)
		if !ok {
			return parameterError("Param library_template_body_inputs must be a JSON object.")
		}
		for _, name := range sortedNames(inputs) {
			if yes, _ := boolean(scalar(inputs[name])); yes {
				body += bodyInputs[name]
			}
		}
	}
	buttons, refusal := entry.buttonsWith(c.parameters.get("library_template_button_inputs"))
	if refusal != nil {
		return refusal
	}
	components := []map[string]any{}
	if header := entry.texts[row.Language][0]; header != "" {
		components = append(components, map[string]any{"type": "HEADER", "format": "TEXT", "text": header})
	}
	components = append(components, map[string]any{"type": "BODY", "text": body, "example": map[string]any{"body_text": [][]string{entry.params}}})
	if len(buttons) > 0 {
		components = append(components, map[string]any{"type": "BUTTONS", "buttons": buttons})
	}
	content, err := json.Marshal(components)
	if err != nil { // it consists of texts
		return storageFailed("a template of the library cannot be encoded")
	}
	row.Components, row.ParameterFormat, row.Library = content, formatPositional, name
	return nil
}

// decodeLoosely decodes JSON, also with single quotes as in Meta's examples.
func decodeLoosely(given string) any {
	if value, isText := decodeMember(given).(string); isText {
		return decodeMember(strings.ReplaceAll(value, "'", `"`))
	}
	return decodeMember(given)
}

// buttonsWith returns the buttons with the business's own URLs and numbers, which are
// required.
func (t *libraryTemplate) buttonsWith(given string) (buttons []map[string]any, _ *apiError) {
	inputs := objects(decodeLoosely(given))
	for _, b := range t.buttons {
		button := map[string]any{"type": b.Type, "text": b.Text}
		i := slices.IndexFunc(inputs, func(input map[string]any) bool { return strings.EqualFold(text(input["type"]), b.Type) })
		if i < 0 && b.Type != "QUICK_REPLY" {
			return nil, missingParameter("library_template_button_inputs")
		}
		switch b.Type {
		case "URL":
			address, _ := inputs[i]["url"].(map[string]any)
			button["url"] = text(address["base_url"])
			if example := text(address["url_suffix_example"]); example != "" {
				button["example"] = []string{example}
			}
			if refusal := checkButtonURL(draftButton{"library_template_button_inputs", b.Type, button}); refusal != nil {
				return nil, refusal
			}
		case "PHONE_NUMBER":
			button["phone_number"] = text(inputs[i]["phone_number"])
			if refusal := buttonChecks[b.Type](draftButton{"library_template_button_inputs", b.Type, button}); refusal != nil {
				return nil, refusal
			}
		}
		if i >= 0 {
			inputs = slices.Delete(inputs, i, i+1)
		}
		buttons = append(buttons, button)
	}
	return buttons, nil
}
