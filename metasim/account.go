package metasim

import (
	"cmp"
	"encoding/json"
	"net/http"
	"time"
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
	a.MarketingMessagesOnboardingState = cmp.Or(a.MarketingMessagesOnboardingState, "ELIGIBLE")
	a.OwnerBusinessID = cmp.Or(a.OwnerBusinessID, a.ID)
	a.OwnerBusinessName = cmp.Or(a.OwnerBusinessName, a.Name)
	a.CanSendMessage = cmp.Or(a.CanSendMessage, "AVAILABLE")
	return a
}

// accountCreated is when every account was made, unless BusinessAccount.Fields says
// otherwise.
var accountCreated = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// fields returns the fields of an account, without its lists, by name and with the
// types that Meta states (docs/references.md#graph-waba).
func (a *BusinessAccount) fields() map[string]any {
	owner := map[string]any{"id": a.OwnerBusinessID, "name": a.OwnerBusinessName}
	return map[string]any{
		"id":                                   a.ID,
		"name":                                 a.Name,
		"currency":                             a.Currency,
		"timezone_id":                          a.TimezoneID,
		"message_template_namespace":           a.MessageTemplateNamespace,
		"account_review_status":                a.AccountReviewStatus,
		"business_verification_status":         a.BusinessVerificationStatus,
		"country":                              a.Country,
		"creation_time":                        accountCreated.Unix(),
		"ownership_type":                       a.OwnershipType,
		"primary_business_location":            a.PrimaryBusinessLocation,
		"marketing_messages_onboarding_status": a.MarketingMessagesOnboardingState,
		"marketing_messages_lite_api_status":   "ELIGIBLE",
		"marketing_messages_ad_account":        nil,
		"status":                               "ACTIVE",
		"is_enabled_for_insights":              false,
		"is_shared_with_partners":              false,
		"template_auto_archival_enabled":       false,
		"owner_business":                       node{kind: "Business", fields: owner},
		"owner_business_info":                  node{kind: "BusinessInfo", fields: owner},
		"on_behalf_of_business_info": structure("OnBehalfOfBusinessInfo", map[string]any{
			"id": a.OwnerBusinessID, "name": a.OwnerBusinessName, "status": "APPROVED", "type": "SELF"}),
		"health_status": healthStatus(a.health(a.AppID)...),
		"whatsapp_business_manager_messaging_limit": "TIER_250",
		"disable_marketing_messages_on_cloud_api":   false,

		// No messages are simulated, so there is nothing to count.
		"analytics":              structure("WABAAnalytics", map[string]any{"granularity": "DAY", "phone_numbers": []string{}, "data_points": []any{}}),
		"conversation_analytics": noDataPoints("WABAConversationAnalytics"),
		"pricing_analytics":      noDataPoints("WABAPricingAnalytics"),

		// Meta leaves these out until the business has one.
		"primary_funding_id":                  nil,
		"purchase_order_number":               nil,
		"linked_commerce_account":             nil,
		"auth_international_rate_eligibility": nil,
	}
}

func noDataPoints(kind string) node {
	return structure(kind, map[string]any{"data": []any{map[string]any{"data_points": []any{}}}})
}

// accountNode returns an account with its lists.
func (s *Server) accountNode(a *BusinessAccount) node {
	n := node{
		kind:     "WhatsAppBusinessAccount",
		as:       nodeAccount,
		fields:   a.fields(),
		defaults: []string{"name", "currency", "timezone_id", "message_template_namespace"},
	}
	n.fields["phone_numbers"] = s.phoneNumbersOf(a)
	n.fields["subscribed_apps"] = s.subscribedAppsOf(a)
	n.fields["flows"] = lazy(func(*call) any { return s.flowsOf(a.ID) })
	n.fields["message_templates"] = lazy(func(*call) any { return s.templatesOf(a.ID) })
	return n.with(a.Fields)
}

func health(entity, id, state string) map[string]any {
	return map[string]any{"entity_type": entity, "id": id, "can_send_message": state}
}

// health returns the health of an account, its business and an app.
func (a *BusinessAccount) health(app string) []map[string]any {
	entities := []map[string]any{health("WABA", a.ID, a.CanSendMessage), health("BUSINESS", a.OwnerBusinessID, "AVAILABLE")}
	if app != "" {
		entities = append(entities, health("APP", app, "AVAILABLE"))
	}
	return entities
}

// healthStatus returns the status of the entity that can send least.
func healthStatus(entities ...map[string]any) node {
	worst := "AVAILABLE"
	for _, e := range entities {
		switch state := e["can_send_message"]; {
		case state == "BLOCKED":
			worst = "BLOCKED"
		case state == "LIMITED" && worst == "AVAILABLE":
			worst = "LIMITED"
		}
	}
	return structure("WhatsAppBusinessHealthStatusForMessageSend", map[string]any{"can_send_message": worst, "entities": entities})
}

// with returns the node with values that the configuration has for its fields, as
// Meta's JSON would have them.
func (n node) with(overrides map[string]any) node {
	for name, value := range overrides {
		n.fields[name] = nodesIn(value)
	}
	return n
}

// nodesIn makes an object a node, so that its fields can be chosen.
func nodesIn(value any) any {
	members, ok := value.(map[string]any)
	if !ok {
		return value
	}
	n := structure("Object", map[string]any{})
	for name, member := range members {
		n.fields[name] = nodesIn(member)
	}
	return n
}

// checkOverrides returns the names of overrides that are no field, or whose value is
// not JSON.
func checkOverrides(fields, overrides map[string]any) (wrong []string) {
	for _, name := range sortedNames(overrides) {
		_, known := fields[name]
		_, err := json.Marshal(overrides[name])
		if !known || name == "id" || err != nil {
			wrong = append(wrong, name)
		}
	}
	return wrong
}

func (s *Server) account(c *call) (any, *apiError) {
	return c.respondWithNode(s.accountNode(s.accounts[c.id]))
}

func (s *Server) subscribedApps(c *call) (any, *apiError) {
	return c.respondWithEdge(s.subscribedAppsOf(s.accounts[c.id]))
}

// root responds to the path that has nothing but a version. Whoever checks a token
// with it takes OAuthException, and nothing else, for a bad one
// (docs/references.md#graph-root).
func (s *Server) root(c *call) (any, *apiError) {
	return nil, &apiError{
		status: http.StatusBadRequest, kind: "GraphMethodException", code: 100,
		message: "Unsupported get request. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api",
	}
}
