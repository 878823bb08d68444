// The secrets of Meta's apps, and which business accounts each may report about.

package event

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ferry/internal/secret"
	"ferry/internal/state"
)

// AppSecret is a secret of an app of Meta's, which signs the app's webhooks.
type AppSecret struct {
	// AppID is Meta's id of the app: what the secret signs is accepted only for business
	// accounts that were linked with it (state.BusinessAccount.AppID). Empty means that
	// the secret is trusted for all business accounts of all accounts.
	AppID  string
	Secret secret.Secret
}

// UnmarshalText parses SECRET or APPID:SECRET. The error contains nothing of the text.
func (a *AppSecret) UnmarshalText(text []byte) error {
	id, value, isBound := strings.Cut(strings.TrimSpace(string(text)), ":")
	switch {
	case !isBound && id != "":
		*a = AppSecret{Secret: secret.New(id)}
		return nil
	case isBound && value != "" && len(id) <= maxAppID && digitsOf(id) == id && id != "":
		*a = AppSecret{AppID: id, Secret: secret.New(value)}
		return nil
	}
	return errors.New("expected an app secret, or Meta's id of the app in digits, a colon and the secret (APPID:SECRET)")
}

// maxAppID bounds the id of an app, in digits; Meta's have 15 or 16.
const maxAppID = 32

// CheckAppSecrets returns what is wrong with the app secrets of a Receiver.
func CheckAppSecrets(secrets []AppSecret) error {
	if len(secrets) == 0 || len(secrets) > MaxAppSecrets {
		return fmt.Errorf("there are %d app secrets; expected 1 to %d", len(secrets), MaxAppSecrets)
	}
	for _, s := range secrets {
		if s.Secret.IsZero() {
			return errors.New("an app secret is empty")
		}
	}
	return nil
}

// A signer is who has signed a webhook.
type signer struct {
	isTrusted bool     // for all business accounts
	apps      []string // else: for those linked with these apps
}

// signedBy returns who has signed a body, and reports whether anyone has. It tries all
// secrets, so that the time does not say which one it was.
func (r *Receiver) signedBy(body, signature []byte) (by signer, isSigned bool) {
	for _, s := range r.config.AppSecrets {
		mac := hmac.New(sha256.New, []byte(s.Secret.Reveal()))
		mac.Write(body)
		if !hmac.Equal(mac.Sum(nil), signature) {
			continue
		}
		isSigned = true
		if s.AppID == "" {
			by.isTrusted = true
		} else {
			by.apps = append(by.apps, s.AppID)
		}
	}
	return by, isSigned
}

// accountsOf returns the business accounts that the signer may report about.
func (s signer) accountsOf(linked []state.Linked) []state.Linked {
	if s.isTrusted {
		return linked
	}
	var allowed []state.Linked // linked is shared with other webhooks
	for _, l := range linked {
		if slices.Contains(s.apps, l.AppID) {
			allowed = append(allowed, l)
		}
	}
	return allowed
}

// app returns the app that has signed; of several, the first one. Empty means that the
// signer is trusted for all.
func (s signer) app() string {
	if s.isTrusted || len(s.apps) == 0 {
		return ""
	}
	return s.apps[0]
}
