package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
)

// The webhook of a destination receives the event of a message that was sent, with
// signatures that the reference implementation accepts for each of two secrets.
func TestWebhookOfADestinationIsVerifiedByStandardWebhooks(t *testing.T) {
	node := nodeWith(t, "standardwebhooks", "node", "standardwebhooks")
	const first, second = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	type request struct {
		header http.Header
		body   []byte
	}
	received := make(chan request, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil {
			received <- request{r.Header, body}
		}
	}))
	t.Cleanup(receiver.Close)
	dev := startDev(t, plainBuild, "--destination", `{"name": "crm", "type": "https", "url": "`+receiver.URL+`", "private": true, "secrets": ["`+first+`", "`+second+`"], "accounts": ["111122223333"], "events": ["status.accepted"]}`)
	sent := dev.shell(plainBuild.path(t) + ` call SendWhatsAppMessage --input '{"originationPhoneNumberId": "'$FERRY_PHONE_NUMBER_ID'", "metaApiVersion": "v23.0", "message": "` +
		`eyJtZXNzYWdpbmdfcHJvZHVjdCI6IndoYXRzYXBwIiwidG8iOiIrMTY1MDU1NTEyMzQiLCJ0eXBlIjoidGV4dCIsInRleHQiOnsiYm9keSI6ImhlbGxvIn19"}'`)
	got := <-received
	headers := map[string]string{}
	for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
		headers[name] = got.header.Get(name)
	}
	verify := func(secret string, body []byte) (string, error) {
		input, err := json.Marshal(map[string]any{"secret": secret, "headers": headers, "body": string(body)})
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(node, "node/verify_webhook.mjs")
		cmd.Stdin, cmd.Env = bytes.NewReader(input), environment(t.TempDir())
		out, err := cmd.Output()
		return string(out), err
	}
	for _, secret := range []string{first, second} {
		verified, err := verify(secret, got.body)
		var envelope struct{ MessageID string }
		if err != nil || json.Unmarshal([]byte(verified), &envelope) != nil || envelope.MessageID == "" || !strings.Contains(sent, envelope.MessageID) {
			t.Errorf("%v: %s; the call returned %s", err, verified, sent)
		}
	}
	if _, err := verify(first, append(got.body, ' ')); err == nil {
		t.Error("a body that was changed is verified")
	}
	if _, err := verify("whsec_"+strings.Repeat("A", 32), got.body); err == nil {
		t.Error("a secret of others verifies")
	}
}
