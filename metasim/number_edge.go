// Smaller edges of phone numbers and accounts: automation, commerce, usernames and empty
// analytics (docs/references.md#graph-number-edges).

package metasim

import (
	"regexp"
	"slices"
	"strings"
)

// numberExtras is what the smaller edges keep of a number.
type numberExtras struct {
	Commands   []any    `json:"commands,omitempty"`
	Prompts    []string `json:"prompts,omitempty"`
	Username   string   `json:"username,omitempty"`
	HidesCart  bool     `json:"hides_cart,omitempty"`
	HasCatalog bool     `json:"has_catalog,omitempty"`
}

const (
	maxCommands = 30
	maxPrompts  = 4
	maxPrompt   = 80 // characters
)

var numberEdgeOperations = []operation{
	{name: OperationAutomation, method: "GET", pattern: "/{version}/{phone_number}/conversational_automation", auth: ownersToken, serve: (*Server).automation},
	{name: OperationUpdateAutomation, method: "POST", pattern: "/{version}/{phone_number}/conversational_automation", auth: ownersToken, serve: (*Server).updateAutomation,
		parameters: []string{"enable_welcome_message", "commands", "prompts"}, place: inBody},
	{name: OperationCommerce, method: "GET", pattern: "/{version}/{phone_number}/whatsapp_commerce_settings", auth: ownersToken, serve: (*Server).commerce,
		parameters: pageParameters, place: inQuery},
	{name: OperationUpdateCommerce, method: "POST", pattern: "/{version}/{phone_number}/whatsapp_commerce_settings", auth: ownersToken, serve: (*Server).updateCommerce,
		parameters: []string{"is_cart_enabled", "is_catalog_visible"}, place: inQuery},
	{name: OperationUsername, method: "GET", pattern: "/{version}/{phone_number}/username", auth: ownersToken, serve: (*Server).username},
	{name: OperationUpdateUsername, method: "POST", pattern: "/{version}/{phone_number}/username", auth: ownersToken, serve: (*Server).updateUsername,
		parameters: []string{"messaging_product", "username", "transfer_action"}, place: inBody},
	{name: OperationDeleteUsername, method: "DELETE", pattern: "/{version}/{phone_number}/username", auth: ownersToken, serve: (*Server).deleteUsername},
	{name: OperationUsernameSuggestions, method: "GET", pattern: "/{version}/{phone_number}/username_suggestions", auth: ownersToken, serve: (*Server).usernameSuggestions},
	analyticsOperation("call_analytics"), analyticsOperation("conversation_analytics"), analyticsOperation("group_analytics"),
	analyticsOperation("pricing_analytics"), analyticsOperation("template_analytics"), analyticsOperation("template_group_analytics"),
}

// analyticsOperation is an edge with numbers about an account, which has none.
func analyticsOperation(edgeName string) operation {
	return operation{name: OperationAnalytics, method: "GET", pattern: "/{version}/{account}/" + edgeName, auth: ownersToken, serve: (*Server).analytics,
		parameters: append([]string{"start", "end", "granularity", "metric_types", "dimensions", "phone_numbers", "country_codes",
			"template_ids", "template_group_ids", "product_type", "use_waba_timezone", "directions", "conversation_categories",
			"conversation_types", "conversation_directions", "pricing_types", "pricing_categories"}, pageParameters...), place: inQuery}
}

// analytics responds with no data points: nothing is counted.
func (s *Server) analytics(c *call) (any, *apiError) {
	for _, name := range []string{"start", "end"} {
		if p, ok := c.parameters[name]; ok {
			if _, ok := number(p.value); !ok {
				return nil, parameterError("Param %s must be a number.", name)
			}
		} else {
			return nil, missingParameter(name)
		}
	}
	return c.respondWithEdge(edge{rows: []node{structure("WABAAnalytics", map[string]any{"data_points": []any{}})}})
}

// extrasOf returns what the smaller edges keep of a number.
func (p *phone) extrasOf() numberExtras {
	if p.row == nil {
		return numberExtras{}
	}
	return p.row.Extras
}

// automationNode is the field conversational_automation.
func (p *phone) automationNode() node {
	fields := map[string]any{"id": p.ID, "prompts": nil, "commands": nil}
	if extras := p.extrasOf(); extras.Prompts != nil || extras.Commands != nil {
		fields["prompts"], fields["commands"] = append([]string{}, extras.Prompts...), append([]any{}, extras.Commands...)
	}
	return node{kind: "ConversationalAutomation", fields: fields}
}

func (s *Server) automation(c *call) (any, *apiError) {
	return c.respondWithNode(s.phone(c.id).automationNode())
}

var commandShape = shape{members: []member{
	{name: "command_name", kind: textValue, required: true, max: 32}, {name: "command_description", kind: textValue, required: true, max: 256}}}

// updateAutomation changes the commands and prompts that a person sees. Meta ignores
// enable_welcome_message since March 2026.
func (s *Server) updateAutomation(c *call) (any, *apiError) {
	check := &messageCheck{call: c}
	return s.changeNumber(c, func(row *numberRow) *apiError {
		if p, ok := c.parameters["commands"]; ok {
			value := decodeMember(p.value)
			if refusal := check.value("commands", member{kind: listValue, of: objectValue, max: maxCommands, shape: commandShape}, value); refusal != nil {
				return refusal
			}
			row.Extras.Commands = value.([]any)
		}
		if p, ok := c.parameters["prompts"]; ok {
			prompts, err := list(p.value)
			if err != nil || len(prompts) > maxPrompts || slices.ContainsFunc(prompts, func(text string) bool { return text == "" || characters(text) > maxPrompt }) {
				return parameterError("Param prompts must be an array of at most %d texts of at most %d characters.", maxPrompts, maxPrompt)
			}
			row.Extras.Prompts = prompts
		}
		return nil
	})
}

// commerce responds with whether the catalogue and the cart are shown.
func (s *Server) commerce(c *call) (any, *apiError) {
	extras := s.phone(c.id).extrasOf()
	return c.respondWithEdge(edge{rows: []node{structure("WhatsAppCommerceSettings", map[string]any{
		"id": c.id, "is_cart_enabled": !extras.HidesCart, "is_catalog_visible": extras.HasCatalog})}})
}

func (s *Server) updateCommerce(c *call) (any, *apiError) {
	return s.changeNumber(c, func(row *numberRow) *apiError {
		for name, set := range map[string]func(bool){
			"is_cart_enabled":    func(yes bool) { row.Extras.HidesCart = !yes },
			"is_catalog_visible": func(yes bool) { row.Extras.HasCatalog = yes },
		} {
			p, ok := c.parameters[name]
			if !ok {
				continue
			}
			yes, ok := boolean(p.value)
			if !ok {
				return parameterError("Param %s must be a boolean.", name)
			}
			set(yes)
		}
		return nil
	})
}

// businessUsernames are usernames of businesses.
var businessUsernames = regexp.MustCompile(`^[a-z0-9._]{3,35}$`)

// isBusinessUsername reports whether a text has the form of a username.
func isBusinessUsername(name string) bool {
	switch {
	case !businessUsernames.MatchString(name), !strings.ContainsAny(name, "abcdefghijklmnopqrstuvwxyz"):
	case strings.HasPrefix(name, "."), strings.HasSuffix(name, "."), strings.Contains(name, ".."), strings.HasPrefix(name, "www"):
	case slices.ContainsFunc([]string{".com", ".net", ".org", ".io", ".html"}, func(end string) bool { return strings.HasSuffix(name, end) }):
	default:
		return true
	}
	return false
}

// usernameUpdate is the value of a webhook about the username of a number.
type usernameUpdate struct {
	Display  string `json:"display_phone_number"`
	Username string `json:"username,omitempty"` // not of one that is deleted
	Status   string `json:"status"`
}

func (s *Server) notifyUsername(p *phone, name, status string) {
	s.notify(update{account: p.accountID, phone: p, field: "business_username_updates", value: usernameUpdate{digits(p.DisplayPhoneNumber), name, status}})
}

func (s *Server) username(c *call) (any, *apiError) {
	if name := s.phone(c.id).extrasOf().Username; name != "" {
		return object{"username": name, "status": "approved"}, nil
	}
	return object{"status": "none"}, nil
}

// updateUsername sets the username of a number. With force_transfer, another number of the
// same business that has it loses it.
func (s *Server) updateUsername(c *call) (any, *apiError) {
	name := strings.ToLower(strings.TrimPrefix(c.parameters.get("username"), "@"))
	switch {
	case name == "":
		return nil, missingParameter("username")
	case !isBusinessUsername(name):
		return nil, parameterError("Param username must have 3 to 35 of the characters a-z, 0-9, dot and underscore, and be no address.")
	}
	s.numbers.mu.Lock()
	defer s.numbers.mu.Unlock()
	p := s.phone(c.id)
	for _, other := range s.phones.list() {
		if other.ID == c.id || other.extrasOf().Username != name {
			continue
		}
		same := s.accounts[other.accountID].OwnerBusinessID == s.accounts[p.accountID].OwnerBusinessID
		switch {
		case !same:
			return nil, codeError(147001, "")
		case !strings.EqualFold(c.parameters.get("transfer_action"), "force_transfer"):
			return nil, codeError(147005, "")
		}
		row := s.numberRow(other.ID)
		row.Extras.Username = ""
		if err := s.putNumber(row); err != nil {
			return nil, c.storageError(err)
		}
		s.notifyUsername(other, "", "deleted")
	}
	row := s.numberRow(c.id)
	row.Extras.Username = name
	if err := s.putNumber(row); err != nil {
		return nil, c.storageError(err)
	}
	s.notifyUsername(p, name, "approved")
	return object{"status": "approved"}, nil
}

func (s *Server) deleteUsername(c *call) (any, *apiError) {
	had := s.phone(c.id).extrasOf().Username != ""
	result, refusal := s.changeNumber(c, func(row *numberRow) *apiError {
		row.Extras.Username = ""
		return nil
	})
	if had && refusal == nil {
		s.notifyUsername(s.phone(c.id), "", "deleted")
	}
	return result, refusal
}

// usernameSuggestions makes usernames of the name of the business.
func (s *Server) usernameSuggestions(c *call) (any, *apiError) {
	base := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(s.phone(c.id).VerifiedName))
	base = "by" + base[:min(len(base), 24)]
	return c.respondWithEdge(edge{rows: []node{structure("UsernameSuggestions", map[string]any{
		"username_suggestions": []string{base, base + "_official", base + ".hq"}})}})
}
