package metasim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// Requests and expectations of pywa 4.4.0, a client of the Cloud API in Python
// (docs/references.md#graph-parameters): the requests have its method, path, query
// and header, and a response has what its parsers read without a default.
const pywaAgent = "PyWa/4.4.0"

// pywaAccountFields are the fields that pywa requests of every account.
var pywaAccountFields = []string{"id", "name", "timezone_id", "message_template_namespace", "status", "business_verification_status",
	"is_enabled_for_insights", "marketing_messages_lite_api_status", "marketing_messages_onboarding_status", "on_behalf_of_business_info",
	"ownership_type", "health_status", "currency", "country", "subscribed_apps", "owner_business_info", "account_review_status",
	"disable_marketing_messages_on_cloud_api"}

// pywaNumberFields are the fields that pywa requests of every phone number.
var pywaNumberFields = []string{"id", "verified_name", "display_phone_number", "conversational_automation", "status", "quality_rating",
	"quality_score", "webhook_configuration", "name_status", "new_name_status", "code_verification_status", "account_mode",
	"is_on_biz_app", "is_official_business_account", "is_pin_enabled", "is_preverified_number", "search_visibility", "platform_type",
	"throughput", "eligibility_for_api_business_global_search", "health_status", "certificate", "new_certificate",
	"last_onboarded_time", "country_code", "country_dial_code", "whatsapp_business_manager_messaging_limit"}

// jsonKind is how a value looks in JSON.
func jsonKind(value any) string {
	switch v := value.(type) {
	case string:
		return "text"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case []any:
		return "list"
	case map[string]any:
		return "object " + strings.Join(sortedNames(v), ",")
	}
	return "nothing"
}

func TestPywaReadsAccounts(t *testing.T) {
	s := startResumable(t)
	a := s.get("/v25.0/"+account1+"?fields="+url.QueryEscape(strings.Join(pywaAccountFields, ",")), "User-Agent", pywaAgent, "Accept", "*/*")
	got := a.fields(t)
	if a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	want := map[string]string{
		"id": "text", "name": "text", "timezone_id": "text", "message_template_namespace": "text", "status": "text",
		"is_enabled_for_insights": "boolean", "disable_marketing_messages_on_cloud_api": "boolean",
		"owner_business_info": "object id,name", "on_behalf_of_business_info": "object id,name,status,type",
		"health_status": "object can_send_message,entities", "subscribed_apps": "object data,paging",
	}
	for name, kind := range want {
		if jsonKind(got[name]) != kind {
			t.Errorf("%s is %s, want %s: %v", name, jsonKind(got[name]), kind, got[name])
		}
	}
	for name, allowed := range map[string][]string{
		"business_verification_status":         {"expired", "failed", "ineligible", "not_verified", "pending", "pending_need_more_info", "pending_submission", "rejected", "revoked", "verified"},
		"marketing_messages_lite_api_status":   {"INELIGIBLE", "ELIGIBLE", "ONBOARDED"},
		"marketing_messages_onboarding_status": {"INELIGIBLE_ON_BEHALF_OF_WABA", "INELIGIBLE_INACTIVE_OR_RESTRICTED", "INELIGIBLE_COUNTRY_NOT_SUPPORTED", "INELIGIBLE_USING_WHATSAPP_BUSINESS_APP", "ELIGIBLE", "PENDING_VALID_PAYMENT_METHOD", "PENDING_INTERNAL_SETUP", "ONBOARDED"},
	} {
		if !slices.Contains(allowed, text(got[name])) {
			t.Errorf("%s is %v, which pywa does not know", name, got[name])
		}
	}
	var apps struct {
		Subscribed struct {
			Data []struct {
				App struct{ ID, Name, Link string } `json:"whatsapp_business_api_data"`
			}
		} `json:"subscribed_apps"`
	}
	if err := json.Unmarshal([]byte(a.body), &apps); err != nil || len(apps.Subscribed.Data) != 1 {
		t.Fatalf("%v: %s", err, a.body)
	}
	if app := apps.Subscribed.Data[0].App; app.ID != app1 || app.Name == "" || app.Link == "" {
		t.Errorf("app %+v", app)
	}
	s.wantWarnings()
}

func TestPywaReadsPhoneNumbers(t *testing.T) {
	fields := "?fields=" + url.QueryEscape(strings.Join(pywaNumberFields, ","))
	tests := map[string]struct{ target, number string }{
		"one":            {"/v25.0/" + phone1 + fields, ""},
		"in a list":      {"/v25.0/" + account1 + "/phone_numbers" + fields, ""},
		"a page of them": {"/v25.0/" + account1 + "/phone_numbers" + fields + "&limit=1", ""},
	}
	want := map[string]string{
		"id": "text", "verified_name": "text", "display_phone_number": "text", "status": "text", "quality_rating": "text",
		"quality_score": "object score", "conversational_automation": "object id", "throughput": "object level",
		"name_status": "text", "new_name_status": "text", "code_verification_status": "text", "account_mode": "text",
		"is_on_biz_app": "boolean", "is_official_business_account": "boolean", "is_pin_enabled": "boolean", "is_preverified_number": "boolean",
		"search_visibility": "text", "platform_type": "text", "eligibility_for_api_business_global_search": "text",
		"health_status": "object can_send_message,entities", "certificate": "text", "last_onboarded_time": "text",
		"country_code": "text", "country_dial_code": "text", "whatsapp_business_manager_messaging_limit": "text",
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := startSim(t)
			a := s.get(test.target, "User-Agent", pywaAgent, "Accept", "*/*")
			got := a.fields(t)
			if a.status != http.StatusOK {
				t.Fatalf("%d %s", a.status, a.body)
			}
			if rows, ok := got["data"].([]any); ok {
				got = rows[0].(map[string]any)
			}
			for name, kind := range want {
				if jsonKind(got[name]) != kind {
					t.Errorf("%s is %s, want %s: %v", name, jsonKind(got[name]), kind, got[name])
				}
			}
			s.wantWarnings()
		})
	}
}

// pywa follows paging.next with the header that all of its requests have.
func TestPywaFollowsThePagesOfPhoneNumbers(t *testing.T) {
	s := startSim(t)
	target, seen := "/v25.0/"+account1+"/phone_numbers?fields=id&limit=2", 0
	for target != "" && seen < 10 {
		got := s.get(target, "User-Agent", pywaAgent).fields(t)
		seen += len(got["data"].([]any))
		target, _ = got["paging"].(map[string]any)["next"].(string)
	}
	if seen != 5 {
		t.Errorf("%d numbers, want 5", seen)
	}
}

// The media of pywa: its form has the file before the fields, a session is described
// in the query, and its bytes are sent as Bearer.
func TestPywaUploadsMedia(t *testing.T) {
	s := startResumable(t)
	form := formOf(file("a.png", "image/png", png), field("messaging_product", "whatsapp"), field("type", "image/png"))
	a := s.mustSend("POST", "/v25.0/"+phone1+"/media", strings.NewReader(form), "Authorization", "Bearer "+token1, "Content-Type", formType, "User-Agent", pywaAgent)
	id, _ := a.fields(t)["id"].(string)
	if a.status != http.StatusOK || id == "" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	s.wantWarnings()
	described := s.get("/v25.0/"+id, "User-Agent", pywaAgent).fields(t)
	for name, kind := range map[string]string{"id": "text", "url": "text", "mime_type": "text", "sha256": "text", "file_size": "number"} {
		if jsonKind(described[name]) != kind {
			t.Errorf("%s is %s, want %s", name, jsonKind(described[name]), kind)
		}
	}
	begun := s.mustSend("POST", "/v25.0/"+app1+"/uploads?file_name=a.png&file_length=68&file_type=image/png", nil, "Authorization", "Bearer "+token1, "User-Agent", pywaAgent)
	session, _ := begun.fields(t)["id"].(string)
	s.handleOf(s.mustSend("POST", "/v25.0/"+session, strings.NewReader(png), "Authorization", "Bearer "+token1, "file_offset", "0", "User-Agent", pywaAgent))
	if deleted := s.mustSend("DELETE", "/v25.0/"+id, nil, "Authorization", "Bearer "+token1, "User-Agent", pywaAgent); deleted.body != `{"success":true}` {
		t.Errorf("delete: %d %s", deleted.status, deleted.body)
	}
}

// All fields that real clients read exist. Each is either in the response or has no
// value, and none is refused.
func TestEveryFieldThatClientsReadExists(t *testing.T) {
	s := startResumable(t)
	tests := map[string][]string{
		phone1: {"conversational_automation", "quality_score", "is_on_biz_app", "is_pin_enabled", "is_preverified_number",
			"eligibility_for_api_business_global_search", "country_code", "country_dial_code", "new_name_status", "search_visibility",
			"certificate", "new_certificate", "new_display_name", "whatsapp_business_profile", "throughput{level}"},
		account1: {"status", "is_enabled_for_insights", "marketing_messages_lite_api_status", "on_behalf_of_business_info", "subscribed_apps",
			"primary_funding_id", "purchase_order_number", "is_shared_with_partners", "owner_business",
			"whatsapp_business_manager_messaging_limit", "disable_marketing_messages_on_cloud_api", "analytics", "conversation_analytics",
			"pricing_analytics", "linked_commerce_account", "creation_time", "auth_international_rate_eligibility",
			"analytics.start(1).end(2).granularity(DAY)", "phone_numbers{id,display_phone_number}"},
	}
	for id, fields := range tests {
		for _, field := range append(fields, strings.Join(fields[:len(fields)-2], ",")) {
			if a := s.get("/v25.0/" + id + "?fields=" + url.QueryEscape(field)); a.status != http.StatusOK {
				t.Errorf("%s: %d %s", field, a.status, a.body)
			}
		}
	}
	if got := s.get("/v25.0/" + account1 + "?fields=creation_time").fields(t)["creation_time"]; got != 1767225600.0 {
		t.Errorf("creation_time is %v, want seconds since 1970", got)
	}
}

func TestFieldsOfTheConfigurationReplaceTheSimulators(t *testing.T) {
	s := startSim(t, func(c *Config) {
		c.BusinessAccounts[0].Fields = map[string]any{"status": "DISABLED", "primary_funding_id": "7", "country": nil}
		c.BusinessAccounts[0].PhoneNumbers[0].Fields = map[string]any{
			"is_pin_enabled": false, "conversational_automation": map[string]any{"id": "1", "prompts": []any{"Hello"}}}
	})
	if a := s.get("/v25.0/" + account1 + "?fields=status,primary_funding_id,country"); a.body != `{"id":"`+account1+`","primary_funding_id":"7","status":"DISABLED"}` {
		t.Errorf("%s", a.body)
	}
	if a := s.get("/v25.0/" + phone1 + "?fields=is_pin_enabled,conversational_automation{prompts}"); a.body != `{"conversational_automation":{"id":"1","prompts":["Hello"]},"id":"`+phone1+`","is_pin_enabled":false}` {
		t.Errorf("%s", a.body)
	}
	err := Config{BusinessAccounts: []BusinessAccount{{ID: "1", Token: "t", Fields: map[string]any{"stauts": "x", "status": func() {}},
		PhoneNumbers: []PhoneNumber{{ID: "2", Fields: map[string]any{"id": "3"}}}}}}.Validate()
	for _, want := range []string{`"stauts"`, `"status"`, `phone number 2: Fields has "id"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is missing in %v", want, err)
		}
	}
}
