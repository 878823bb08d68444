package metasim

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
)

func (p PhoneNumber) withDefaults() PhoneNumber {
	p.DisplayPhoneNumber = cmp.Or(p.DisplayPhoneNumber, "+1 631-555-5555")
	p.VerifiedName = cmp.Or(p.VerifiedName, "Simulated Business")
	p.QualityRating = cmp.Or(p.QualityRating, "GREEN")
	p.CodeVerificationStatus = cmp.Or(p.CodeVerificationStatus, "VERIFIED")
	p.PlatformType = cmp.Or(p.PlatformType, "CLOUD_API")
	p.Status = cmp.Or(p.Status, "CONNECTED")
	p.NameStatus = cmp.Or(p.NameStatus, "APPROVED")
	p.ThroughputLevel = cmp.Or(p.ThroughputLevel, "STANDARD")
	p.MessagingLimitTier = cmp.Or(p.MessagingLimitTier, "TIER_250")
	p.AccountMode = cmp.Or(p.AccountMode, "LIVE")
	p.LastOnboardedTime = cmp.Or(p.LastOnboardedTime, "2026-01-01T00:00:00+0000")
	p.CanSendMessage = cmp.Or(p.CanSendMessage, "AVAILABLE")
	return p
}

// fields returns the fields of a phone number of an account, without its lists, by
// name and with the types that Meta states (docs/references.md#graph-phone-numbers).
func (p *PhoneNumber) fields(a *BusinessAccount) map[string]any {
	fields := map[string]any{
		"id":                           p.ID,
		"display_phone_number":         p.DisplayPhoneNumber,
		"verified_name":                p.VerifiedName,
		"quality_rating":               p.QualityRating,
		"quality_score":                structure("WhatsAppBusinessQualityScore", map[string]any{"score": p.QualityRating}),
		"code_verification_status":     p.CodeVerificationStatus,
		"platform_type":                p.PlatformType,
		"host_platform":                p.PlatformType,
		"status":                       p.Status,
		"name_status":                  p.NameStatus,
		"new_name_status":              "NONE",
		"throughput":                   structure("WhatsAppBusinessThroughput", map[string]any{"level": p.ThroughputLevel}),
		"account_mode":                 p.AccountMode,
		"country_code":                 a.Country,
		"country_dial_code":            dialCode(p.DisplayPhoneNumber),
		"certificate":                  base64.StdEncoding.EncodeToString([]byte("simulated certificate of " + p.VerifiedName)),
		"search_visibility":            "NON_VISIBLE",
		"is_official_business_account": p.IsOfficialBusinessAccount,
		"is_on_biz_app":                false,
		"is_pin_enabled":               true,
		"is_preverified_number":        false,
		"last_onboarded_time":          p.LastOnboardedTime,
		"conversational_automation":    node{kind: "ConversationalAutomation", fields: map[string]any{"id": p.ID}},
		"health_status":                healthStatus(append([]map[string]any{health("PHONE_NUMBER", p.ID, p.CanSendMessage)}, a.health(a.AppID)...)...),
		"messaging_limit_tier":         p.MessagingLimitTier,
		"whatsapp_business_manager_messaging_limit":  p.MessagingLimitTier,
		"eligibility_for_api_business_global_search": "NON_ELIGIBLE_UNDEFINED_COUNTRY",
		"unified_cert_status":                        p.NameStatus,
		"webhook_configuration":                      nil,

		// Meta leaves these out until there is one.
		"new_certificate":           nil,
		"new_display_name":          nil,
		"official_business_account": nil,
		"username":                  nil,
	}
	return fields
}

// dialCode returns the country's part of "+1 631-555-5555", or nil if the number is
// not written that way.
func dialCode(display string) any {
	code, _, _ := strings.Cut(strings.TrimPrefix(display, "+"), " ")
	if !isObjectID(code) || len(code) > 3 {
		return nil
	}
	return code
}

// phoneNode returns a phone number with its lists.
func (s *Server) phoneNode(p *phone) node {
	n := node{
		kind:   "WhatsAppBusinessPhoneNumber",
		as:     nodePhoneNumber,
		fields: p.fields(s.accounts[p.accountID]),
		defaults: []string{"verified_name", "code_verification_status", "display_phone_number",
			"quality_rating", "platform_type", "throughput", "webhook_configuration"},
	}
	n.fields["whatsapp_business_profile"] = p.businessProfile()
	n.fields["conversational_automation"] = p.automationNode()
	n.fields["username"] = orNil(p.extrasOf().Username)
	if p.row != nil {
		n.fields["new_display_name"] = orNil(p.row.NewName)
		n.fields["new_name_status"] = orText(p.row.NewStatus, "NONE")
		n.fields["is_pin_enabled"] = p.PIN != ""
	}
	n.fields["webhook_configuration"] = s.webhookConfiguration(p)
	return n.with(p.Fields)
}

func (s *Server) phoneNumber(c *call) (any, *apiError) {
	return c.respondWithNode(s.phoneNode(s.phone(c.id)))
}

func (s *Server) businessProfile(c *call) (any, *apiError) {
	return c.respondWithEdge(s.phone(c.id).businessProfile())
}

func (s *Server) phoneNumbers(c *call) (any, *apiError) {
	return c.respondWithEdge(s.phoneNumbersOf(s.accounts[c.id]))
}

// phoneNumbersOf returns an account's numbers: the one that was onboarded last is
// the first, and those of the same time are in the order of the configuration.
func (s *Server) phoneNumbersOf(a *BusinessAccount) edge {
	e := edge{sort: sortPhoneNumbers, filter: filterPhoneNumbers}
	for _, p := range s.phones.list() {
		if p.accountID == a.ID {
			e.rows = append(e.rows, s.phoneNode(p))
		}
	}
	_ = sortPhoneNumbers(e.rows, "last_onboarded_time_descending")
	return e
}

// sortPhoneNumbers sorts by last_onboarded_time or creation_time, which are the same
// here. Meta adds _ascending to a name without an order
// (docs/references.md#graph-phone-numbers).
func sortPhoneNumbers(rows []node, by string) *apiError {
	name, descending := strings.CutSuffix(by, "_descending")
	name = strings.TrimSuffix(name, "_ascending")
	if name != "last_onboarded_time" && name != "creation_time" {
		return parameterError("Cannot sort by %s_ascending", truncate(by))
	}
	slices.SortStableFunc(rows, func(a, b node) int {
		order := strings.Compare(text(a.fields["last_onboarded_time"]), text(b.fields["last_onboarded_time"]))
		if descending {
			return -order
		}
		return order
	})
	return nil
}

// text returns the value of a field that is a text, or "".
func text(value any) string {
	s, _ := value.(string)
	return s
}

// filter is a condition of the parameter filtering.
type filter struct {
	Field    string `json:"field"`
	Operator string `json:"operator"`
	Value    any    `json:"value"`
}

// filterPhoneNumbers returns the rows that meet all conditions: EQUAL of
// account_mode, messaging_limit_tier or is_official_business_account
// (docs/references.md#graph-openapi). Meta's examples have single quotes.
func filterPhoneNumbers(rows []node, conditions string) ([]node, *apiError) {
	var filters []filter
	if json.Unmarshal([]byte(conditions), &filters) != nil &&
		json.Unmarshal([]byte(strings.ReplaceAll(conditions, "'", `"`)), &filters) != nil {
		return nil, parameterError("Param filtering must be an array of objects with field, operator and value.")
	}
	filterable := []string{"account_mode", "messaging_limit_tier", "is_official_business_account"}
	for _, f := range filters {
		if !slices.Contains(filterable, f.Field) {
			return nil, parameterError("Filtering field '%s' is not supported.", truncate(f.Field))
		}
		if !strings.EqualFold(f.Operator, "EQUAL") {
			return nil, parameterError("Filtering operator '%s' is not supported.", truncate(f.Operator))
		}
		rows = slices.DeleteFunc(slices.Clone(rows), func(n node) bool { return !sameValue(n.fields[f.Field], f.Value) })
	}
	return rows, nil
}

// sameValue compares the value of a field with that of a parameter, which may be a
// text.
func sameValue(value, given any) bool {
	if value == given {
		return true
	}
	have, isBoolean := value.(bool)
	asked, isText := given.(string)
	if want, ok := boolean(asked); isBoolean && isText && ok {
		return have == want
	}
	return isText && strings.EqualFold(text(value), asked)
}
