package metasim

import (
	"cmp"
	"strings"
)

// withDefaults returns the account with its defaults filled in.
func (a BusinessAccount) withDefaults() BusinessAccount {
	a.Name = cmp.Or(a.Name, "Simulated Business")
	a.Currency = cmp.Or(a.Currency, "USD")
	a.TimezoneID = cmp.Or(a.TimezoneID, "1")
	a.MessageTemplateNamespace = cmp.Or(a.MessageTemplateNamespace, "metasim_"+a.ID)
	a.AccountReviewStatus = cmp.Or(a.AccountReviewStatus, "APPROVED")
	a.BusinessVerificationStatus = cmp.Or(a.BusinessVerificationStatus, "verified")
	a.Country = cmp.Or(a.Country, "US")
	a.OwnershipType = cmp.Or(a.OwnershipType, "SELF")
	a.PrimaryBusinessLocation = cmp.Or(a.PrimaryBusinessLocation, "US")
	a.MarketingMessagesOnboardingState = cmp.Or(a.MarketingMessagesOnboardingState, "NOT_STARTED")
	a.OwnerBusinessID = cmp.Or(a.OwnerBusinessID, a.ID)
	a.OwnerBusinessName = cmp.Or(a.OwnerBusinessName, a.Name)
	a.CanSendMessage = cmp.Or(a.CanSendMessage, "AVAILABLE")
	return a
}

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

// node is an object of the graph: its fields by name, and the names of those
// that a request without fields returns. A field with a nil value exists and is
// left out of responses.
type node struct {
	kind     string // in error messages
	fields   map[string]any
	defaults []string
}

// object is JSON with members in the order of their names.
type object map[string]any

func (s *Server) accountNode(a *BusinessAccount) node {
	return node{
		kind:     "WhatsAppBusinessAccount",
		defaults: []string{"name", "currency", "timezone_id", "message_template_namespace"},
		fields: map[string]any{
			"id":                                   a.ID,
			"name":                                 a.Name,
			"currency":                             a.Currency,
			"timezone_id":                          a.TimezoneID,
			"message_template_namespace":           a.MessageTemplateNamespace,
			"account_review_status":                a.AccountReviewStatus,
			"business_verification_status":         a.BusinessVerificationStatus,
			"country":                              a.Country,
			"ownership_type":                       a.OwnershipType,
			"primary_business_location":            a.PrimaryBusinessLocation,
			"marketing_messages_onboarding_status": a.MarketingMessagesOnboardingState,
			"owner_business_info":                  object{"id": a.OwnerBusinessID, "name": a.OwnerBusinessName},
			"health_status":                        healthStatus(health("WABA", a.ID, a.CanSendMessage)),
		},
	}
}

func (s *Server) phoneNode(p *phone) node {
	account := s.accounts[p.accountID]
	fields := map[string]any{
		"id":                           p.ID,
		"display_phone_number":         p.DisplayPhoneNumber,
		"verified_name":                p.VerifiedName,
		"quality_rating":               p.QualityRating,
		"code_verification_status":     p.CodeVerificationStatus,
		"platform_type":                p.PlatformType,
		"status":                       p.Status,
		"name_status":                  p.NameStatus,
		"throughput":                   object{"level": p.ThroughputLevel},
		"messaging_limit_tier":         p.MessagingLimitTier,
		"account_mode":                 p.AccountMode,
		"is_official_business_account": p.IsOfficialBusinessAccount,
		"last_onboarded_time":          p.LastOnboardedTime,
		"webhook_configuration":        nil,
		"health_status": healthStatus(
			health("PHONE_NUMBER", p.ID, p.CanSendMessage), health("WABA", account.ID, account.CanSendMessage)),
		"whatsapp_business_manager_messaging_limit": p.MessagingLimitTier,
	}
	if p.WebhookURL != "" {
		fields["webhook_configuration"] = object{"application": p.WebhookURL}
	}
	return node{
		kind:   "WhatsAppBusinessPhoneNumber",
		fields: fields,
		defaults: []string{"verified_name", "code_verification_status", "display_phone_number",
			"quality_rating", "platform_type", "throughput", "webhook_configuration"},
	}
}

func health(entity, id, state string) object {
	return object{"entity_type": entity, "id": id, "can_send_message": state}
}

// healthStatus returns the status of the entity that can send least.
func healthStatus(entities ...object) object {
	worst := "AVAILABLE"
	for _, e := range entities {
		switch state := e["can_send_message"]; {
		case state == "BLOCKED":
			worst = "BLOCKED"
		case state == "LIMITED" && worst == "AVAILABLE":
			worst = "LIMITED"
		}
	}
	return object{"can_send_message": worst, "entities": entities}
}

// choose returns the requested fields, and always id. Sub-fields in braces are
// not supported: they are fields that do not exist.
func (n node) choose(list string) (object, *apiError) {
	names := n.defaults
	if list != "" {
		names = strings.Split(list, ",")
	}
	chosen := object{"id": n.fields["id"]}
	for _, name := range names {
		value, ok := n.fields[name]
		if !ok {
			return nil, parameterError("Tried accessing nonexisting field (%s) on node type (%s)", truncate(name), n.kind)
		}
		if value != nil {
			chosen[name] = value
		}
	}
	return chosen, nil
}

func (s *Server) account(c *call) (any, *apiError) {
	return respondWithNode(s.accountNode(s.accounts[c.id]), c)
}

func (s *Server) phoneNumber(c *call) (any, *apiError) {
	return respondWithNode(s.phoneNode(s.phones[c.id]), c)
}

func respondWithNode(n node, c *call) (any, *apiError) {
	fields, err := n.choose(c.r.URL.Query().Get("fields"))
	if err != nil {
		return nil, err
	}
	return fields, nil
}
