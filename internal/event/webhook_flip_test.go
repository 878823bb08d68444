package event

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"ferry/internal/secret"
)

const appSecret = "0123456789abcdef0123456789abcdef"

func signatureOf(key string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// captured returns webhooks in the form in which Meta sends them, with its escapes.
func captured() [][]byte {
	contact := `"contacts":[{"profile":{"name":"Zo\u00eb \ud83d\ude00"},"wa_id":"16505551234","user_id":"US.13491208655302741918"}]`
	message := func(rest string) string {
		return webhookOf(messagesEntry(contact + `,"messages":[{"from":"16505551234","from_user_id":"US.13491208655302741918","id":"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRDRTI1","timestamp":"1762827867",` + rest + `}]`))
	}
	status := func(rest string) string {
		return webhookOf(messagesEntry(contact + `,"statuses":[{"id":"wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI4QTRG","timestamp":"1762827867","recipient_id":"16505551234","recipient_user_id":"US.13491208655302741918",` + rest + `}]`))
	}
	list := []string{
		message(`"type":"text","text":{"body":"Gr\u00fc\u00dfe \ud83d\ude00 <b>&amp;<\/b> \u2028 \ud83d lone"}`),
		message(`"type":"image","image":{"caption":"\u00e4","mime_type":"image\/jpeg","sha256":"SfInY0gGKTsJlUWbwxC1k+FAD0FZHvzwfpvO0zX0GUI=","id":"1003383421387256","url":"https:\/\/lookaside.fbsbx.com\/whatsapp_business\/attachments\/?mid=133"}`),
		message(`"type":"audio","audio":{"mime_type":"audio\/ogg; codecs=opus","sha256":"x","id":"1003383421387257","voice":true}`),
		message(`"type":"location","location":{"latitude":37.44221496582,"longitude":-122.16165924072,"name":"Caf\u00e9"}`),
		message(`"type":"interactive","interactive":{"type":"nfm_reply","nfm_reply":{"response_json":"{\"flow_token\":\"a\\\"b\"}","body":"Sent","name":"flow"}}`),
		message(`"type":"reaction","reaction":{"message_id":"wamid.X","emoji":"\ud83d\udc4d\ud83c\udffd"}`),
		message(`"type":"unsupported","errors":[{"code":131051,"title":"Message type unknown"}],"unsupported":{"type":"edit"}`),
		status(`"status":"sent","pricing":{"billable":true,"pricing_model":"PMP","category":"utility","type":"regular"}`),
		status(`"status":"failed","errors":[{"code":131053,"title":"Media upload error","error_data":{"details":"Downloading media from weblink failed"}}]`),
		webhookOf(`{"id":"100","time":1739321024,"changes":[{"value":{"event":"APPROVED","message_template_id":1689556908129832,"message_template_name":"gr\u00fc\u00dfe","message_template_language":"de","reason":"NONE"},"field":"message_template_status_update"}]}`),
	}
	var bodies [][]byte
	for i := range 20 { // each twice, the second time with more text
		body := []byte(list[i%len(list)])
		if i >= len(list) {
			body = bytes.Replace(body, []byte(`"object":`), []byte(`"padding":"`+strings.Repeat(`\u0430\u0431`, 110)+`","object":`), 1)
		}
		bodies = append(bodies, body)
	}
	return bodies
}

// TestNoBitOfAWebhookCanChange flips every bit of webhooks and of their signatures.
func TestNoBitOfAWebhookCanChange(t *testing.T) {
	r := &Receiver{config: ReceiverConfig{AppSecrets: []AppSecret{{Secret: secret.New("another secret")}, {Secret: secret.New(appSecret)}}}}
	accepts := func(body []byte, header string) bool {
		signature, ok := parseSignature([]string{header})
		_, isSigned := r.signedBy(body, signature)
		return ok && isSigned
	}
	flips := 0
	for _, body := range captured() {
		signature := signatureOf(appSecret, body)
		if !accepts(body, signature) {
			t.Fatalf("refused: %s", body)
		}
		changed := slices.Clone(body)
		for i := range len(body) * 8 {
			changed[i/8] ^= 1 << (i % 8)
			if flips++; accepts(changed, signature) {
				t.Errorf("bit %d of %s can change", i, body)
			}
			changed[i/8] ^= 1 << (i % 8)
		}
		header := []byte(signature)
		for i := range len(header) * 8 {
			header[i/8] ^= 1 << (i % 8)
			if flips++; accepts(body, string(header)) {
				t.Errorf("bit %d of the signature %s can change to %q", i, signature, header)
			}
			header[i/8] ^= 1 << (i % 8)
		}
	}
	if flips < 200_000 {
		t.Errorf("only %d bits were flipped", flips)
	}
}

// TestSplitReadsWhatMetaSends checks what is read of the captured webhooks.
func TestSplitReadsWhatMetaSends(t *testing.T) {
	var got []string
	for _, body := range captured()[:10] {
		updates, err := splitWebhook(body)
		if err != nil || len(updates) != 1 {
			t.Fatalf("%d updates, %v: %s", len(updates), err, body)
		}
		f := updates[0].facts()
		got = append(got, fmt.Sprintf("%s %s %v %s %s", f.name, f.conversation("waba", map[bool]string{true: "number"}[updates[0].phone.metaID == "1"], updates[0].field), f.mediaIDs, f.status, f.reason))
	}
	want := []string{
		"message.text number/16505551234 []  ", "message.image number/16505551234 [1003383421387256]  ", "message.audio number/16505551234 [1003383421387257]  ",
		"message.location number/16505551234 []  ", "message.interactive number/16505551234 []  ", "message.reaction number/16505551234 []  ",
		"message.unsupported number/16505551234 []  ", "status.sent number/16505551234 [] sent ",
		"status.failed number/16505551234 [] failed 131053: Downloading media from weblink failed", "message_template_status_update waba/message_template_status_update []  ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nexpected %q", got, want)
	}
}

// TestRepetitionHasTheSameKeyAndNothingElseHas names pairs of updates.
func TestRepetitionHasTheSameKeyAndNothingElseHas(t *testing.T) {
	key := func(value string) string {
		updates, err := splitWebhook([]byte(webhookOf(messagesEntry(value))))
		if err != nil || len(updates) != 1 {
			t.Fatalf("%s: %d updates, %v", value, len(updates), err)
		}
		return updates[0].facts().updateKey("waba", updates[0].phone.metaID)
	}
	message := func(rest string) string { return `"messages":[{"from":"1","id":"a",` + rest + `}]` }
	status := func(rest string) string { return `"statuses":[{"id":"a",` + rest + `}]` }
	for _, test := range []struct {
		name, a, b string
		same       bool
	}{
		{"a message with other contacts", message(`"type":"text"`), `"contacts":[{"wa_id":"1"}],` + message(`"type":"text"`), true},
		{"a message with a new member", message(`"type":"text"`), message(`"type":"text","new":1`), true},
		{"a message that was not supported at first", message(`"type":"unsupported"`), message(`"type":"text"`), false},
		{"two edits of a message", message(`"type":"edit","edit":{"message":{"text":{"body":"1"}}}`), message(`"type":"edit","edit":{"message":{"text":{"body":"2"}}}`), false},
		{"messages without ids", `"messages":[{"from":"1","type":"text","text":{"body":"1"}}]`, `"messages":[{"from":"1","type":"text","text":{"body":"2"}}]`, false},
		{"another message", message(`"type":"text"`), `"messages":[{"from":"1","id":"b","type":"text"}]`, false},
		{"a message and a status", message(`"type":"text"`), status(`"type":"text"`), false},
		{"a status with pricing", status(`"status":"delivered"`), status(`"status":"delivered","pricing":{"billable":true}`), true},
		{"a status with another time", status(`"status":"read","timestamp":"1"`), status(`"status":"read","timestamp":"2"`), true},
		{"another status", status(`"status":"delivered"`), status(`"status":"read"`), false},
		{"the participants of a group", status(`"status":"read","recipient_id":"g","recipient_participant_id":"1"`), status(`"status":"read","recipient_id":"g","recipient_participant_id":"2"`), false},
		{"participants without numbers", status(`"status":"read","recipient_participant_user_id":"US.1"`), status(`"status":"read","recipient_participant_user_id":"US.2"`), false},
		{"failures for two reasons", status(`"status":"failed","errors":[{"code":131053}]`), status(`"status":"failed","errors":[{"code":131026}]`), false},
		{"the steps of a payment", status(`"status":"captured","type":"payment","payment":{"transaction":{"status":"pending"}}`), status(`"status":"captured","type":"payment","payment":{"transaction":{"status":"success"}}`), false},
		{"errors of a number", `"errors":[{"code":1}]`, `"errors":[{"code":2}]`, false},
	} {
		if got := key(test.a) == key(test.b); got != test.same {
			t.Errorf("%s: the keys are the same: %v; expected %v", test.name, got, test.same)
		}
	}
	once, _ := splitWebhook([]byte(webhookOf(`{"id":"1","time":1,"changes":[{"field":"account_update","value":{"event":"X"}}]}`)))
	later, _ := splitWebhook([]byte(webhookOf(`{"id":"1","time":2,"changes":[{"field":"account_update","value":{"event":"X"}}]}`)))
	if once[0].facts().updateKey("w", "") == later[0].facts().updateKey("w", "") {
		t.Error("an update that happens twice has one key")
	}
	if once[0].facts().updateKey("w", "") == once[0].facts().updateKey("v", "") {
		t.Error("two accounts have one key")
	}
}

func TestRecipientsAreFoundUnderTheNumberThatWasCalled(t *testing.T) {
	for reported, called := range map[string]string{
		"5511987654321": "551187654321", "551187654321": "5511987654321", "5215512345678": "525512345678", "525512345678": "5215512345678",
		"5491112345678": "541112345678", "541112345678": "5491112345678", "16505551234": "16505551234", "US.1349": "US.1349",
	} {
		if !slices.Contains(spellings(reported), called) || !slices.Contains(spellings(reported), reported) {
			t.Errorf("%s: %v; expected %s, too", reported, spellings(reported), called)
		}
	}
	if got := spellings(strings.Repeat("9", 300)); len(got) != 1 || !strings.HasPrefix(got[0], "sha256:") {
		t.Errorf("a long id is %v", got)
	}
}
