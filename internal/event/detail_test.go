package event_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"ferry/internal/envelope"
	"ferry/internal/event"
	"ferry/internal/outbox"
	"ferry/internal/secret"
	"ferry/internal/state"
)

// envelopeOf returns an envelope with an entry.
func envelopeOf(messageID, entry string) []byte {
	e := envelope.Envelope{
		BusinessAccount: envelope.Reference{MetaID: "1155", ARN: "arn"}, Entry: []byte(entry), AccountID: account, Time: time.Unix(1, 0), MessageID: messageID,
	}
	return e.Marshal()
}

func TestDetailFollowsTheKindOfTheEvent(t *testing.T) {
	const metadata = `"metadata":{"display_phone_number":"15550783881","phone_number_id":"1065"}`
	of := func(value string) string {
		return `{"id":"1155","changes":[{"value":{"messaging_product":"whatsapp",` + metadata + value + `},"field":"messages"}]}`
	}
	status := func(name, more string) string {
		return of(`,"statuses":[{"id":"wamid.1=","status":"` + name + `","timestamp":"1762827867"` + more + `}]`)
	}
	const begin, uuid = `{"wabaId":"1155","originationPhoneNumber":"15550783881","originationPhoneNumberId":"1065",`, "4bee7d29-70f5-4a49-b84e-facf4424fe58"
	quoted := func(text string) string {
		b, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	message := of(`,"messages":[{"from":"1650","id":"wamid.2=","timestamp":1762827868,"type":"text","text":{"body":"x"}}]`)
	const account = `{"id":"1155","changes":[{"value":{"event":"APPROVED"},"field":"message_template_status_update"}]}`
	const odd = `{"id":"1155","changes":[{"value":[1],"field":"new"}]}`
	for _, test := range []struct{ name, messageID, entry, kind, want string }{
		{"status.sent", uuid, status("sent", ""), "WhatsApp Message Sent", begin + `"messageId":"` + uuid + `","status":"sent","eventTimestamp":"1762827867","eventId":"e"}`},
		{"status.delivered", "", status("delivered", ""), "WhatsApp Message Delivered", begin + `"messageId":"wamid.1=","status":"delivered","eventTimestamp":"1762827867","eventId":"e"}`},
		{"status.read", uuid, status("read", ""), "WhatsApp Message Read", begin + `"messageId":"` + uuid + `","status":"read","eventTimestamp":"1762827867","eventId":"e"}`},
		{
			"status.failed", uuid, status("failed", `,"errors":[{"code":131026,"title":"Message undeliverable","message":"Message undeliverable","error_data":{"details":"x"}}]`), "WhatsApp Message Failed",
			begin + `"messageId":"` + uuid + `","status":"failed","eventTimestamp":"1762827867","errors":[{"code":131026,"title":"Message undeliverable","message":"Message undeliverable"}],"eventId":"e"}`,
		},
		{"status.undeliverable", uuid, status("undeliverable", ""), "WhatsApp Message Undeliverable", begin + `"messageId":"` + uuid + `","status":"undeliverable","eventTimestamp":"1762827867","eventId":"e"}`},
		{
			"status.deleted", uuid, status("deleted", ""), "WhatsApp Unknown Notification Received",
			begin + `"messageId":"` + uuid + `","status":"deleted","eventTimestamp":"1762827867","whatsAppWebhookEntry":` + quoted(status("deleted", "")) + `,"eventId":"e"}`,
		},
		{
			"message.text", "", message, "WhatsApp Message Received",
			begin + `"messageId":"wamid.2=","status":"received","eventTimestamp":"1762827868","whatsAppWebhookEntry":` + quoted(message) + `,"eventId":"e"}`,
		},
		{"message_template_status_update", "", account, "WhatsApp Unknown Notification Received", `{"wabaId":"1155","whatsAppWebhookEntry":` + quoted(account) + `,"eventId":"e"}`},
		{"new", "", odd, "WhatsApp Unknown Notification Received", `{"wabaId":"1155","whatsAppWebhookEntry":` + quoted(odd) + `,"eventId":"e"}`},
	} {
		kind, text, err := event.DetailOf(&state.Event{ID: "e", Name: test.name, Body: envelopeOf(test.messageID, test.entry)})
		if err != nil || kind != test.kind || text != test.want {
			t.Errorf("%s: %v, %s\n%s\nwant\n%s", test.name, err, kind, text, test.want)
		}
	}
}

// Whatever an entry is, its detail is JSON that names the event.
func FuzzDetail(f *testing.F) {
	f.Add("status.sent", `{"changes":[{"value":{"statuses":[{"id":1,"timestamp":{}}]}}]}`)
	f.Add("message.text", `{"changes":[{"value":{"messages":[{"id":"\ud83d","timestamp":"x"}]}}]}`)
	f.Add("", `[`)
	f.Fuzz(func(t *testing.T, name, entry string) {
		_, text, err := event.DetailOf(&state.Event{ID: "e", Name: name, Body: envelopeOf("", entry)})
		var detail struct {
			EventID string `json:"eventId"`
		}
		if err != nil || json.Unmarshal([]byte(text), &detail) != nil || detail.EventID != "e" {
			t.Errorf("%q: %v, %s", entry, err, text)
		}
	})
}

func TestEventThatIsNoEnvelopeIsADeadLetterOnABus(t *testing.T) {
	w := newWorld(t, event.DelivererConfig{}, event.Destination{
		Name: "bus", Type: event.EventBridge, Accounts: []string{account}, AWS: event.AWS{Endpoint: "http://127.0.0.1:1", AccessKeyID: "A", SecretAccessKey: secret.New("s")},
	})
	if err := w.attempt("status.sent", []byte("[]")); !errors.Is(err, outbox.ErrNever) {
		t.Errorf("%v", err)
	}
	err := w.attempt("message.text", envelopeOf("", `{"x":"`+strings.Repeat("x", 300<<10)+`"}`))
	if !errors.Is(err, outbox.ErrNever) || !strings.Contains(err.Error(), "EventBridge accepts at most 262144") {
		t.Errorf("too large: %v", err)
	}
}

// A header of a stranger's never delays an attempt by more than an hour, or into the past.
func FuzzRetryAfter(f *testing.F) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	for _, value := range []string{"", "1", "1e9", "-1", "9223372036854775807", "99999999999999999999", now.Add(time.Minute).Format(http.TimeFormat), "Fri, 31 Dec 9999 23:59:59 GMT"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if after := event.RetryAfter(value, now); after < 0 || after > time.Hour {
			t.Errorf("%q: %v", value, after)
		}
	})
}

func TestGroupOfAConversationIsAValidID(t *testing.T) {
	for _, conversation := range []string{"0123/16505551234", "0123/US.13491208655302741918"} {
		if got := event.GroupID(conversation); got != conversation {
			t.Errorf("%s becomes %s", conversation, got)
		}
	}
	for _, conversation := range []string{"", "a b", "ä", strings.Repeat("x", 129)} {
		if got := event.GroupID(conversation); len(got) != 64 || got != event.GroupID(conversation) {
			t.Errorf("%q becomes %q", conversation, got)
		}
	}
}
