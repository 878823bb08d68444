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
