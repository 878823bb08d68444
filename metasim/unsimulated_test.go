package metasim

import (
	"bytes"
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

func TestARequestThatIsNotSimulatedSaysSo(t *testing.T) {
	tests := map[string]struct{ method, target, missing string }{
		"groups":                       {"POST", "/v25.0/" + phone1 + "/groups", "POST /{phone_number}/groups"},
		"registration":                 {"POST", "/v25.0/" + phone1 + "/smb_app_data", "POST /{phone_number}/smb_app_data"},
		"a setting of a number":        {"POST", "/v25.0/" + phone1 + "/?status=x", "the parameter status of POST /{phone_number}"},
		"a code in the path":           {"GET", "/v25.0/" + account1 + "/payment_configuration/ABC", "GET /{account}/payment_configuration/*"},
		"the profile, changed":         {"POST", "/v25.0/" + phone1 + "/business_compliance_info", "POST /{phone_number}/business_compliance_info"},
		"an archive of templates":      {"POST", "/v25.0/" + account1 + "/message_templates/archive", "POST /{account}/message_templates/archive"},
		"another number":               {"POST", "/v25.0/" + account1 + "/product_catalogs", "POST /{account}/product_catalogs"},
		"an account's settings":        {"POST", "/v25.0/" + account1, "POST /{account}"},
		"the app itself":               {"GET", "/v25.0/" + app1, "GET /{app}"},
		"an edge of an unknown object": {"GET", "/v25.0/123/join_requests", "GET /{id}/join_requests"},
		"no version":                   {"POST", "/" + phone1 + "/groups", "POST /{phone_number}/groups"},
		"a token's owner":              {"GET", "/v25.0/me/accounts", "GET /me/*"},
		"a change of the library":      {"POST", "/v25.0/message_template_library", "POST /message_template_library"},
		"a batch":                      {"POST", "/v25.0/", "POST /"},
		"several ids":                  {"GET", "/v25.0/" + phone1 + "?ids=1,2", "the parameter ids"},
		"another method":               {"POST", "/v25.0/" + phone1 + "/media?method=delete", "the parameter method"},
		"a field":                      {"GET", "/v25.0/" + account1 + "?fields=id,schedules{name}", "the field schedules of WhatsAppBusinessAccount"},
		"a field of a field":           {"GET", "/v25.0/" + account1 + "?fields=phone_numbers{groups}", "the field groups of WhatsAppBusinessPhoneNumber"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			s := startResumable(t, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
			a := s.mustSend(test.method, test.target, strings.NewReader("{}"), "Authorization", "Bearer "+token1, "Content-Type", "application/json")
			e := a.refusal(t).Error
			if a.status != http.StatusNotImplemented || e.Type != "NotSimulated" || e.Code != 501 || e.TraceID == "" {
				t.Errorf("%d %s", a.status, a.body)
			}
			if !strings.HasPrefix(e.Message, "metasim does not simulate "+test.missing+", which exists at Meta. ") {
				t.Errorf("message %q", e.Message)
			}
			last := s.lastRequest()
			if last.NotSimulated != test.missing || !strings.Contains(last.Reason, "does not simulate") {
				t.Errorf("history: %q, reason %q", last.NotSimulated, last.Reason)
			}
			s.client.CloseIdleConnections()
			s.history.mu.Lock() // it is held while the log line is written
			defer s.history.mu.Unlock()
			if !strings.Contains(log.String(), "not_simulated=") || !strings.Contains(log.String(), test.missing) {
				t.Errorf("log: %s", log.String())
			}
		})
	}
}

func TestWhatIsNotSimulatedIsCounted(t *testing.T) {
	s := startSim(t)
	control := NewControlClient(startControl(t, s), nil)
	for range 2 {
		s.call("POST", phone1+"/groups", "{}")
	}
	s.call("GET", account1+"/solutions", "")
	history, err := control.Requests(t.Context())
	want := map[string]int{"POST /{phone_number}/groups": 2, "GET /{account}/solutions": 1}
	if err != nil || !maps.Equal(history.NotSimulated, want) {
		t.Errorf("%v %v", history.NotSimulated, err)
	}
	if health, err := control.Health(t.Context()); err != nil || health.NotSimulated != 3 {
		t.Errorf("%+v %v", health, err)
	}
	for i := range maxMissing + 5 {
		s.history.countMissing(strconv.Itoa(i))
	}
	if counts := s.NotSimulated(); len(counts) != maxMissing+1 || counts["other"] != 7 {
		t.Errorf("%d names, %d others", len(counts), counts["other"])
	}
	s.Reset()
	if len(s.NotSimulated()) != 0 {
		t.Error("the counts outlive a reset")
	}
}

func TestATokenIsCheckedBeforeWhatIsNotSimulated(t *testing.T) {
	s := startSim(t)
	tests := map[string]struct {
		target, authorization string
		status, code          int
	}{
		"a bad token":             {"/v25.0/" + phone1 + "/smb_app_data", "Bearer nonsense", 401, 190},
		"no token":                {"/v25.0/" + phone1 + "/smb_app_data", "", 401, 104},
		"no token, which is made": {"/v25.0/oauth/access_token?grant_type=fb_exchange_token", "", 501, 501},
	}
	for name, test := range tests {
		a := s.mustSend("POST", test.target, strings.NewReader("x=y"), "Authorization", test.authorization, "Content-Type", "application/x-www-form-urlencoded")
		if a.status != test.status || a.refusal(t).Error.Code != test.code {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	a := s.mustSend("POST", "/v25.0/"+phone1+"/smb_app_data", strings.NewReader(`{"access_token":"`+token1+`"}`), "Content-Type", "application/json")
	if a.status != http.StatusNotImplemented {
		t.Errorf("a token in the body: %d %s", a.status, a.body)
	}
}

func TestAFaultRespondsForWhatIsNotSimulated(t *testing.T) {
	s := startSim(t)
	if _, err := s.AddFault(Fault{PathPattern: "/v*/*/smb_app_data", Body: `{"messages":[{"id":"wamid.1"}]}`}); err != nil {
		t.Fatal(err)
	}
	a := s.mustSend("POST", "/v25.0/"+phone1+"/smb_app_data", nil, "Authorization", "Bearer "+token1)
	if a.status != http.StatusOK || a.body != `{"messages":[{"id":"wamid.1"}]}` {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// What Meta does not have either is refused as Meta does.
func TestMisspeltRequestsAreNotTakenForUnsimulatedOnes(t *testing.T) {
	s := startResumable(t)
	tests := map[string]struct {
		method, target string
		code           int
	}{
		"an edge":                     {"POST", "/v25.0/" + phone1 + "/mesages", 2500},
		"a method of an edge":         {"PUT", "/v25.0/" + phone1 + "/smb_app_data", 2500},
		"a field":                     {"GET", "/v25.0/" + account1 + "?fields=message_template", 100},
		"an account's field":          {"GET", "/v25.0/" + phone1 + "?fields=owner_business", 100},
		"a method of a node":          {"DELETE", "/v25.0/" + phone1, 100},
		"an id":                       {"GET", "/v25.0/123", 100},
		"a method that Meta's is not": {"GET", "/v25.0/" + phone1 + "/media", 100},
	}
	for name, test := range tests {
		a := s.mustSend(test.method, test.target, nil, "Authorization", "Bearer "+token1)
		if e := a.refusal(t).Error; a.status != http.StatusBadRequest || e.Code != test.code || s.lastRequest().NotSimulated != "" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

// A program that checks a token with this path takes OAuthException, and nothing
// else, for a bad one.
func TestThePathWithoutAnIDTellsWhetherATokenIsValid(t *testing.T) {
	s := startSim(t)
	for _, path := range []string{"/v23.0/", "/v23.0", "/"} {
		for authorization, want := range map[string]string{"Bearer " + token1: "GraphMethodException", "": "GraphMethodException", "Bearer nonsense": "OAuthException"} {
			a := s.mustSend("GET", path, nil, "Authorization", authorization)
			if e := a.refusal(t).Error; e.Type != want || a.status == http.StatusOK {
				t.Errorf("%s with %q: %d %s", path, authorization, a.status, a.body)
			}
		}
	}
}

// The simulator does not say of an operation that it has that it lacks it.
func TestWhatIsSimulatedIsNotListedAsMissing(t *testing.T) {
	for _, o := range operations {
		if o.mediaHost || len(o.segments) == 0 || o.node() == nodeSession {
			continue
		}
		elements := []string{"1"}
		for _, s := range o.segments[1:] {
			elements = append(elements, s.text)
		}
		if missing := missingOperation(o.method, elements, o.node()); missing != "" {
			t.Errorf("%s %s is listed as %s", o.method, o.pattern, missing)
		}
	}
}
