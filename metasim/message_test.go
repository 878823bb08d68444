package metasim

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
)

const (
	person1     = "+16505551234"
	jsonBody    = "application/json"
	messageHead = `{"messaging_product":"whatsapp","to":"` + person1 + `",`
)

// message sends a request to the edge messages of the first number. A body that does
// not begin with a brace is a content, and gets product and recipient.
func (s *sim) message(body string) response {
	s.t.Helper()
	if !strings.HasPrefix(body, "{") {
		body = messageHead + body + "}"
	}
	return s.mustSend(http.MethodPost, "/v25.0/"+phone1+"/messages", strings.NewReader(body),
		"Authorization", "Bearer "+token1, "Content-Type", jsonBody)
}

// sentID returns the id of the message that a response is about.
func (a response) sentID(t *testing.T) string {
	t.Helper()
	messages, _ := a.fields(t)["messages"].([]any)
	if a.status != http.StatusOK || len(messages) != 1 {
		t.Fatalf("not sent: %d %s", a.status, a.body)
	}
	id, _ := messages[0].(map[string]any)["id"].(string)
	return id
}

func TestAMessageIsAcceptedAsByMeta(t *testing.T) {
	tests := map[string]struct{ body, want string }{
		"a text": {`"type":"text","text":{"body":"Hello"}`,
			`{"messaging_product":"whatsapp","contacts":[{"input":"+16505551234","wa_id":"16505551234"}],"messages":[{"id":"ID"}]}`},
		"a text without a type": {`"text":{"body":"Hello"}`,
			`{"messaging_product":"whatsapp","contacts":[{"input":"+16505551234","wa_id":"16505551234"}],"messages":[{"id":"ID"}]}`},
		"a template": {`"type":"template","template":{"name":"hello_world","language":{"code":"en_US"}}`,
			`{"messaging_product":"whatsapp","contacts":[{"input":"+16505551234","wa_id":"16505551234"}],"messages":[{"id":"ID","message_status":"accepted"}]}`},
		"a number with punctuation": {`{"messaging_product":"whatsapp","to":"+1 (650) 555-1234","type":"text","text":{"body":"Hello"}}`,
			`{"messaging_product":"whatsapp","contacts":[{"input":"+1 (650) 555-1234","wa_id":"16505551234"}],"messages":[{"id":"ID"}]}`},
		"a number as a number": {`{"messaging_product":"whatsapp","to":16505551234,"type":"text","text":{"body":"Hello"}}`,
			`{"messaging_product":"whatsapp","contacts":[{"input":"16505551234","wa_id":"16505551234"}],"messages":[{"id":"ID"}]}`},
		"no country code": {`{"messaging_product":"whatsapp","to":"(650) 555-1234","type":"text","text":{"body":"Hello"}}`,
			`{"messaging_product":"whatsapp","contacts":[{"input":"(650) 555-1234","wa_id":"16505551234"}],"messages":[{"id":"ID"}]}`},
		"a user id": {`{"messaging_product":"whatsapp","recipient":"US.13491208655302741918","type":"text","text":{"body":"Hello"}}`,
			`{"messaging_product":"whatsapp","contacts":[{"input":"US.13491208655302741918","user_id":"US.13491208655302741918"}],"messages":[{"id":"ID"}]}`},
		"a number and a user id": {`{"messaging_product":"whatsapp","to":"16505551234","recipient":"US.13491208655302741918","type":"text","text":{"body":"Hello"}}`,
			`{"messaging_product":"whatsapp","contacts":[{"input":"16505551234","wa_id":"16505551234"}],"messages":[{"id":"ID"}]}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := startSim(t)
			a := s.message(test.body)
			id := a.sentID(t)
			if got := strings.ReplaceAll(a.body, id, "ID"); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if m, ok := s.Message(id); !ok || m.PhoneNumberID != phone1 || m.Status != "accepted" || s.lastRequest().MessageID != id {
				t.Errorf("message %v: %+v, history %+v", ok, m, s.lastRequest())
			}
		})
	}
}

func TestMessageIDsAreStandardBase64OfTheRecipient(t *testing.T) {
	s := startSim(t)
	seen := map[string]bool{}
	for range 50 {
		id := s.newMessageID("16505551234", false)
		decoded, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(id, "wamid."))
		if err != nil || !strings.HasPrefix(id, "wamid.HBgLMTY1MDU1NTEyMzQVAgARGB") || !strings.Contains(string(decoded), "16505551234") {
			t.Fatalf("%s: %q %v", id, decoded, err)
		}
		if seen[id] || !isMessageID(id) {
			t.Fatalf("%s is not new, or not an id", id)
		}
		seen[id] = true
	}
}

func TestAMessageIsMarkedAsRead(t *testing.T) {
	s := startSim(t, strict)
	id := s.newMessageID("16505551234", true)
	for name, body := range map[string]string{
		"read":            `{"messaging_product":"whatsapp","status":"read","message_id":"` + id + `"}`,
		"read and typing": `{"messaging_product":"whatsapp","status":"read","message_id":"` + id + `","typing_indicator":{"type":"text"}}`,
	} {
		if a := s.message(body); a.status != http.StatusOK || a.body != `{"success":true}` {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if list := s.Messages(); len(list) != 0 {
		t.Errorf("sent: %+v", list)
	}
}

func TestSettingsOfMessagesThatMakeNoSenseAreRefused(t *testing.T) {
	template := func(t Template) Config {
		return Config{BusinessAccounts: []BusinessAccount{{ID: account1, Token: token1, Templates: []Template{t}}}}
	}
	tests := map[string]struct {
		config Config
		want   string // empty means that the configuration is right
	}{
		"a version":            {Config{WebhookVersion: "23"}, "WebhookVersion"},
		"an interval":          {Config{MessageLimits: MessageLimits{PairInterval: -1}}, "PairInterval"},
		"a number of links":    {Config{LinksPerMinute: -1}, "LinksPerMinute"},
		"a URL as a host":      {Config{LinkHosts: []string{"http://minio"}}, "LinkHosts"},
		"a star in the middle": {Config{LinkHosts: []string{"a.*.b"}}, "LinkHosts"},
		"a name as a number": {Config{BusinessAccounts: []BusinessAccount{{ID: account1, Token: token1, PhoneNumbers: []PhoneNumber{{ID: phone1, AllowedRecipients: []string{"Ann"}}}}}},
			"AllowedRecipients"},
		"a template without a name":     {template(Template{Language: "en"}), "the name must be"},
		"a template without a language": {template(Template{Name: "a"}), "there must be a language"},
		"a template's category":         {template(Template{Name: "a", Language: "en", Category: "utility"}), "the category is"},
		"a template's parameters":       {template(Template{Name: "a", Language: "en", ParameterFormat: "named"}), "ParameterFormat"},
		"everything right":              {Config{WebhookVersion: "v23.0", LinkHosts: []string{"*", "*.internal", "minio"}, MessageLimits: MessageLimits{PerSecond: -1, PairBurst: -1}}, ""},
	}
	for name, test := range tests {
		err := test.config.Validate()
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}
