package social_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"

	"ferry/internal/admin"
	"ferry/internal/message"
	"ferry/internal/outbox"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

// sendInput returns the input of a call that sends a message.
func (w *world) sendInput(body string) *socialmessaging.SendWhatsAppMessageInput {
	return &socialmessaging.SendWhatsAppMessageInput{OriginationPhoneNumberId: &w.phone, Message: []byte(body), MetaApiVersion: new("v20.0")}
}

// sendRequest returns the same as a request that is not signed.
func (w *world) sendRequest(body string) *http.Request {
	return w.request("POST", "/v1/whatsapp/send", `{"originationPhoneNumberId":"`+w.phone+`","metaApiVersion":"v20.0","message":"`+base64.StdEncoding.EncodeToString([]byte(body))+`"}`)
}

const textMessage = `{"messaging_product":"whatsapp","to":"+16505551234","text":{"body":"x"}}`

func TestMessageIsAnsweredWithAUUIDAndSentAfterThat(t *testing.T) {
	w := newWorld(t)
	w.put("note.txt", "text/plain", text)
	mediaID := w.mustPost("note.txt")
	for _, body := range []string{
		textMessage,
		`{"messaging_product":"whatsapp","to":"+16505551234","type":"document","document":{"id":"` + mediaID + `","filename":"note.txt"}}`,
	} {
		out, err := w.client(w.key).SendWhatsAppMessage(t.Context(), w.sendInput(body))
		w.must(err)
		if !uuid.MatchString(*out.MessageId) {
			t.Errorf("%q is no UUID", *out.MessageId)
		}
		before := len(w.simulator.Messages())
		w.must(w.messages.Deliver(t.Context(), outbox.Delivery{EventID: *out.MessageId}))
		m, err := w.state.Message(t.Context(), *out.MessageId)
		if sent := w.simulator.Messages(); err != nil || len(sent) != before+1 || sent[before].ID != m.WAMID || sent[before].Version != "v25.0" {
			t.Errorf("%+v, %v; at WhatsApp %+v", m, err, sent)
		}
		if line := lastLine(t, w.log); line["message_id"] != *out.MessageId || line["wamid"] != m.WAMID {
			t.Errorf("logged %v", line)
		}
	}
}

func TestErrorsOfSendingAreTheModels(t *testing.T) {
	w := newWorld(t, func(s *settings) { s.governor.MaxQueued = 1 })
	other, err := w.state.Link(t.Context(), state.BusinessAccount{AccountID: stranger, MetaID: "200", Token: secret.New("t"), PhoneNumbers: []state.PhoneNumber{{MetaID: "2"}}})
	w.must(err)
	w.must(w.state.RecordMedia(t.Context(), state.Media{PhoneNumberID: other.PhoneNumbers[0].ID, ID: "777"}))
	cases := map[string]struct {
		body, version, phone string
		is                   func(error) bool
		want                 string
	}{
		"no JSON":                 {body: "hello", is: is[*types.InvalidParametersException], want: "must be a JSON object"},
		"to without +":            {body: strings.Replace(textMessage, "+", "", 1), is: is[*types.InvalidParametersException], want: "Invalid destination phone number or message Id"},
		"receipt of nothing":      {body: `{"messaging_product":"whatsapp","status":"read"}`, is: is[*types.InvalidParametersException], want: "Invalid destination phone number or message Id"},
		"media of another number": {body: `{"messaging_product":"whatsapp","to":"+16505551234","type":"image","image":{"id":"777"}}`, is: is[*types.InvalidParametersException], want: "uploaded for another phone number"},
		"no version":              {body: textMessage, version: "20", is: is[*types.InvalidParametersException], want: "metaApiVersion"},
		"an unknown number":       {body: textMessage, phone: "phone-number-id-" + strings.Repeat("0", 32), is: is[*types.ResourceNotFoundException], want: ""},
		"an empty message":        {body: "", is: is[*types.ValidationException], want: "Member must have length greater than or equal to 1"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			in := w.sendInput(c.body)
			in.Message = []byte(c.body)
			if c.version != "" {
				in.MetaApiVersion = &c.version
			}
			if c.phone != "" {
				in.OriginationPhoneNumberId = &c.phone
			}
			if _, err := w.client(w.key).SendWhatsAppMessage(t.Context(), in); err == nil || !c.is(err) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	t.Run("a full queue", func(t *testing.T) {
		_, err := w.client(w.key).SendWhatsAppMessage(t.Context(), w.sendInput(textMessage))
		w.must(err)
		if _, err := w.client(w.key).SendWhatsAppMessage(t.Context(), w.sendInput(textMessage)); !throttled(err) {
			t.Errorf("%v", err)
		}
		got := w.send(w.sign(w.sendRequest(textMessage)))
		if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") == "" {
			t.Errorf("%d %v", got.status, got.header)
		}
	})
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func TestPolicyDecidesWhichNumberMaySend(t *testing.T) {
	w := newWorld(t)
	key := w.newKey(account, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"social-messaging:SendWhatsAppMessage","Resource":"arn:aws:social-messaging:us-east-1:111122223333:phone-number-id/other"}}`)
	if _, err := w.client(key).SendWhatsAppMessage(t.Context(), w.sendInput(textMessage)); !is[*types.AccessDeniedException](err) || !strings.Contains(err.Error(), "social-messaging:SendWhatsAppMessage") {
		t.Errorf("%v", err)
	}
	other := w.newKey(stranger, admin.FullAccessPolicy)
	if _, err := w.client(other).SendWhatsAppMessage(t.Context(), w.sendInput(textMessage)); !is[*types.ResourceNotFoundException](err) {
		t.Errorf("another account: %v", err)
	}
}

// An SDK retries with a new signature, and may reach another replica.
func TestAttemptsOfOneCallAreOneMessage(t *testing.T) {
	w := newWorld(t)
	seen := make(map[string]int)
	for _, invocation := range []string{"call-1", "call-1", "call-2"} {
		r := w.sendRequest(textMessage)
		r = w.sign(r)
		r.Header.Set("Amz-Sdk-Invocation-Id", invocation)
		got := w.send(r)
		if got.status != http.StatusOK {
			t.Fatalf("%d %s", got.status, got.body)
		}
		seen[got.body]++
	}
	if len(seen) != 2 {
		t.Errorf("%v", seen)
	}
}

// What is not an id, or not one that every database stores as it is, does not join calls.
func TestCallsWithAnUnusableIdAreMessagesOfTheirOwn(t *testing.T) {
	for name, invocation := range map[string]string{"bytes that are not UTF-8": "call\xff", "letters beyond ASCII": "caf\u00e9", "a tab": "a\tb", "long": strings.Repeat("a", 65)} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			seen := make(map[string]bool)
			for range 2 {
				r := w.sign(w.sendRequest(textMessage))
				r.Header.Set("Amz-Sdk-Invocation-Id", invocation)
				got := w.send(r)
				if got.status != http.StatusOK {
					t.Fatalf("%d %s", got.status, got.body)
				}
				seen[got.body] = true
			}
			if len(seen) != 2 {
				t.Errorf("%v", seen)
			}
		})
	}
}

// PostgreSQL cannot index a text of some kilobytes.
func TestAttemptsOfOneCallWithALongQueryAreOneMessage(t *testing.T) {
	w := newWorld(t)
	noise := make([]byte, 2000) // which does not compress
	_, _ = rand.Read(noise)
	seen := make(map[string]bool)
	for range 2 {
		r := w.sendRequest(textMessage)
		r.URL.RawQuery = "x=" + hex.EncodeToString(noise)
		r = w.sign(r)
		r.Header.Set("Amz-Sdk-Invocation-Id", "call-1")
		got := w.send(r)
		if got.status != http.StatusOK {
			t.Fatalf("%d %s", got.status, got.body)
		}
		seen[got.body] = true
	}
	if len(seen) != 1 {
		t.Errorf("%v", seen)
	}
}

func TestReceiptIsAnsweredWithAnIdToo(t *testing.T) {
	w := newWorld(t)
	out, err := w.client(w.key).SendWhatsAppMessage(t.Context(), w.sendInput(`{"messaging_product":"whatsapp","status":"read","message_id":"wamid.x"}`))
	w.must(err)
	if m, err := w.state.Message(t.Context(), *out.MessageId); err != nil || m.Type != message.Receipt {
		t.Errorf("%+v, %v", m, err)
	}
}
