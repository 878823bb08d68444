// Sign-up: the code that Meta's dialog returns, what a token may do, and the
// registration of phone numbers (docs/references.md#graph-signup).

package graph

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"ferry/internal/secret"
)

// App identifies an app to Meta.
type App struct {
	ID     string // Meta's id
	Secret secret.Secret
}

// token returns the token with which an app speaks for itself.
func (a App) token() secret.Secret { return secret.New(a.ID + "|" + a.Secret.Reveal()) }

// maxToken bounds an access token in bytes; Meta's have about 200.
const maxToken = 4096

// ExchangeCode exchanges the code of Meta's sign-up dialog, which lives for 30 seconds
// and can be used once, for an access token. redirectURI is that of the dialog; empty
// means that it had none.
func (c *Client) ExchangeCode(ctx context.Context, app App, code secret.Secret, redirectURI string) (secret.Secret, error) {
	query := url.Values{"client_id": {app.ID}, "client_secret": {app.Secret.Reveal()}, "code": {code.Reveal()}}
	if redirectURI != "" {
		query.Set("redirect_uri", redirectURI)
	}
	target := c.node("oauth", "access_token")
	target.RawQuery = query.Encode()
	var response struct {
		Token lenientText `json:"access_token"`
	}
	if err := c.read(ctx, "exchange_code", target, secret.Secret{}, &response); err != nil {
		return secret.Secret{}, without(err, app.Secret, code)
	}
	if response.Token == "" || len(response.Token) > maxToken {
		return secret.Secret{}, unreachable(errors.New("status 200 without an access token"))
	}
	return secret.New(string(response.Token)), nil
}

// Grant is what an access token may do.
type Grant struct {
	IsValid bool
	Problem string // of a token that is not valid, in Meta's words; may be empty
	AppID   string
	Expires time.Time // zero means never
	Scopes  []string
	// BusinessAccounts are Meta's ids of the WhatsApp Business Accounts that it may
	// manage, the newest first. None means that Meta does not limit it to some.
	BusinessAccounts []string
}

// The scopes of tokens for WhatsApp.
const (
	ScopeManagement = "whatsapp_business_management"
	ScopeMessaging  = "whatsapp_business_messaging"
)

// InspectToken returns what a token of an app may do. The zero App means that the token
// asks about itself.
func (c *Client) InspectToken(ctx context.Context, app App, token secret.Secret) (Grant, error) {
	target := c.node("debug_token")
	target.RawQuery = url.Values{"input_token": {token.Reveal()}}.Encode()
	var response struct {
		Data struct {
			AppID   nodeID   `json:"app_id"`
			IsValid bool     `json:"is_valid"`
			Expires unixTime `json:"expires_at"` // Unix seconds; 0 means never
			Scopes  []string `json:"scopes"`
			Granted []struct {
				Scope   string   `json:"scope"`
				Targets []nodeID `json:"target_ids"`
			} `json:"granular_scopes"`
			Error struct {
				Message lenientText `json:"message"`
			} `json:"error"`
		} `json:"data"`
	}
	by := app.token()
	if app.ID == "" {
		by = token
	}
	if err := c.read(ctx, "inspect_token", target, by, &response); err != nil {
		return Grant{}, without(err, app.Secret, token)
	}
	data := response.Data
	grant := Grant{IsValid: data.IsValid, AppID: string(data.AppID), Scopes: data.Scopes, Problem: clean(clean(string(data.Error.Message), token), app.Secret)}
	grant.Expires = data.Expires.Time
	for _, granted := range data.Granted {
		if !slices.Contains(grant.Scopes, granted.Scope) {
			grant.Scopes = append(grant.Scopes, granted.Scope)
		}
		if granted.Scope != ScopeManagement {
			continue
		}
		for _, id := range granted.Targets {
			if id != "" && !slices.Contains(grant.BusinessAccounts, string(id)) {
				grant.BusinessAccounts = append(grant.BusinessAccounts, string(id))
			}
		}
	}
	return grant, nil
}

// Register registers a phone number for the Cloud API. The PIN is that of the number; if
// it has none, it is set. region is the country in which Meta keeps the number's data;
// empty means that Meta chooses. Registering a number again with its PIN succeeds, and
// counts in Meta's limit of 10 in 72 hours.
func (c *Client) Register(ctx context.Context, phoneNumberID string, pin secret.Secret, region string, token secret.Secret) error {
	parameters := struct {
		Product string `json:"messaging_product"`
		PIN     string `json:"pin"`
		Region  string `json:"data_localization_region,omitempty"`
	}{"whatsapp", pin.Reveal(), region}
	body, err := json.Marshal(parameters)
	if err != nil {
		return err
	}
	request := change{operation: "register", method: http.MethodPost, target: c.node(phoneNumberID, "register"), token: token}
	return without(c.confirm(ctx, request.withJSON(body)), pin)
}

// without returns an error whose texts do not have the secrets, in case Meta repeats them.
func without(err error, secrets ...secret.Secret) error {
	refusal, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	cleaned := *refusal
	for _, s := range secrets {
		for _, text := range []*string{&cleaned.Message, &cleaned.Details, &cleaned.UserText, &cleaned.TraceID} {
			*text = clean(*text, s)
		}
	}
	return &cleaned
}
