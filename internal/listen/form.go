package listen

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"ferry/internal/control"
	"ferry/internal/secret"
)

// A Form is how an event is posted.
type Form interface {
	// takes reports whether events of this kind exist in the form.
	takes(control.Event) bool
	encode(e control.Event, now time.Time) (http.Header, []byte, error)
}

// EUM is the bare envelope of AWS, as ferry's own webhook destinations post it. With a
// key it has a signature of Standard Webhooks (docs/references.md#standard-webhooks).
type EUM struct{ key []byte }

// NewEUM returns the form. An empty secret means no signature.
func NewEUM(s secret.Secret) (EUM, error) {
	if s.Reveal() == "" {
		return EUM{}, nil
	}
	encoded, hasPrefix := strings.CutPrefix(s.Reveal(), "whsec_")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !hasPrefix || err != nil || len(key) < 24 || len(key) > 64 {
		return EUM{}, errors.New("expected whsec_ and the base64 of 24 to 64 random bytes, such as from: echo whsec_$(openssl rand -base64 32)")
	}
	return EUM{key}, nil
}

func (EUM) takes(control.Event) bool { return true }

func (f EUM) encode(e control.Event, now time.Time) (http.Header, []byte, error) {
	timestamp := strconv.FormatInt(now.Unix(), 10)
	header := http.Header{"Content-Type": {"application/json"}, "User-Agent": {"ferry-listen"}, "Webhook-Id": {e.ID}, "Webhook-Timestamp": {timestamp}}
	if f.key != nil {
		mac := hmac.New(sha256.New, f.key)
		_, _ = mac.Write([]byte(e.ID + "." + timestamp + "."))
		_, _ = mac.Write(e.Body)
		header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return header, e.Body, nil
}

// Meta is Meta's own webhook, signed with the app secret
// (docs/references.md#webhooks).
type Meta struct{ AppSecret secret.Secret }

// takes: Meta sends no status "accepted", which only AWS has.
func (Meta) takes(e control.Event) bool { return e.Name != "status.accepted" }

func (f Meta) encode(e control.Event, _ time.Time) (http.Header, []byte, error) {
	var outer envelope
	if err := json.Unmarshal(e.Body, &outer); err != nil || outer.Entry == "" {
		return nil, nil, fmt.Errorf("the event has no entry of Meta's: %w", err)
	}
	body := []byte(`{"object":"whatsapp_business_account","entry":[` + outer.Entry + `]}`)
	mac := hmac.New(sha256.New, []byte(f.AppSecret.Reveal()))
	_, _ = mac.Write(body)
	return http.Header{"Content-Type": {"application/json"}, "User-Agent": {"facebookexternalua"},
		"X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac.Sum(nil))}}, body, nil
}
