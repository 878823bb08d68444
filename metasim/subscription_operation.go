// The Graph API's subscriptions: of the app to an account, of a phone number's
// webhooks to another callback URL, and of the app's own callback URL.

package metasim

import (
	"encoding/json"
	"net/http"
	"strings"
)

// subscribeApp subscribes the app of an account to it, or gives the account a
// callback URL of its own, which requires that the app is subscribed already
// (docs/references.md#graph-webhook-overrides). Without a URL, it removes that of the
// account.
func (s *Server) subscribeApp(c *call) (any, *apiError) {
	if s.accounts[c.id].AppID == "" {
		return nil, c.notSimulated("an account without an app", "Set BusinessAccount.AppID.")
	}
	url := c.parameters.get("override_callback_uri")
	if url != "" && !s.subscriptions.subscribed(c.id) {
		return nil, parameterError("Before override the current callback uri, your app must be subscribed to receive messages for WhatsApp Business Account")
	}
	if refusal := s.checkOverride(c, url, c.parameters.get("verify_token")); refusal != nil {
		return nil, refusal
	}
	return c.saved(s.changeSubscription(c.id, func(row *Subscription) { row.Unsubscribed, row.CallbackURL = false, url }))
}

// unsubscribeApp ends the subscription of the app, and with it the account's own
// callback URL.
func (s *Server) unsubscribeApp(c *call) (any, *apiError) {
	return c.saved(s.changeSubscription(c.id, func(row *Subscription) { row.Unsubscribed, row.CallbackURL = true, "" }))
}

// otherNumberParameters are those of POST /{phone_number} besides the callback URL.
var otherNumberParameters = []string{"new_display_name", "pin", "status"}

// updatePhoneNumber changes the PIN, the name and the callback URL of a phone number.
func (s *Server) updatePhoneNumber(c *call) (any, *apiError) {
	given, ok := c.parameters["webhook_configuration"]
	_, pin := c.parameters["pin"]
	_, name := c.parameters["new_display_name"]
	_, status := c.parameters["status"]
	switch {
	case status:
		return nil, c.notSimulated("the parameter status of POST /{phone_number}", "Leave it out.")
	case !ok && !pin && !name:
		return nil, parameterError("At least one of {pin, new_display_name, webhook_configuration} is required.")
	case !ok:
		return s.changeNumberNode(c)
	case pin || name:
		if _, refusal := s.changeNumberNode(c); refusal != nil {
			return nil, refusal
		}
	}
	var configuration struct {
		URL   *string `json:"override_callback_uri"`
		Token string  `json:"verify_token"`
	}
	if err := json.Unmarshal([]byte(given.value), &configuration); err != nil || configuration.URL == nil {
		return nil, parameterError("Param webhook_configuration must be an object with override_callback_uri and verify_token.")
	}
	if refusal := s.checkOverride(c, *configuration.URL, configuration.Token); refusal != nil {
		return nil, refusal
	}
	return c.saved(s.changeSubscription(c.id, func(row *Subscription) { row.CallbackURL = *configuration.URL }))
}

// checkOverride makes the handshake with a callback URL, unless it is empty.
func (s *Server) checkOverride(c *call, url, token string) *apiError {
	switch {
	case url == "":
		return nil
	case token == "":
		return missingParameter("verify_token")
	}
	return s.verifyCallback(c.r.Context(), url, token)
}

// saved returns the response to a change that was stored.
func (c *call) saved(err error) (any, *apiError) {
	if err != nil {
		return nil, c.storageError(err)
	}
	return success{true}, nil
}

// webhookConfiguration returns the callback URLs of a phone number, as its field
// webhook_configuration has them: those of the app, the account and the number.
func (s *Server) webhookConfiguration(p *phone) any {
	urls := map[string]any{}
	add := func(name, url string) {
		if url != "" {
			urls[name] = url
		}
	}
	add("application", p.WebhookURL)
	if account := s.accounts[p.accountID]; account.AppID != "" {
		add("application", s.subscriptions.app(account.AppID).URL)
	}
	add("whatsapp_business_account", s.subscriptions.override(p.accountID))
	add("phone_number", s.subscriptions.override(p.ID))
	if len(urls) == 0 {
		return nil
	}
	return structure("WebhookConfiguration", urls)
}

// subscribedAppsOf returns the apps that receive an account's webhooks.
func (s *Server) subscribedAppsOf(a *BusinessAccount) edge {
	if a.AppID == "" || !s.subscriptions.subscribed(a.ID) {
		return edge{}
	}
	fields := map[string]any{"whatsapp_business_api_data": structure("Application", map[string]any{
		"id": a.AppID, "name": "Simulated App", "link": "https://www.facebook.com/games/?app_id=" + a.AppID})}
	if url := s.subscriptions.override(a.ID); url != "" {
		fields["override_callback_uri"] = url
	}
	return edge{rows: []node{structure("WhatsAppApplication", fields)}}
}

const webhookObject = "whatsapp_business_account"

// appSubscriptions returns the webhook of an app (docs/references.md#graph-webhook-handshake).
func (s *Server) appSubscriptions(c *call) (any, *apiError) {
	a := s.subscriptions.app(c.id)
	if a.URL == "" {
		return c.respondWithEdge(edge{})
	}
	fields := []any{}
	for _, name := range a.fields {
		fields = append(fields, map[string]any{"name": name, "version": c.version})
	}
	return c.respondWithEdge(edge{rows: []node{structure("Subscription", map[string]any{
		"object": webhookObject, "callback_url": a.URL, "active": true, "fields": fields})}})
}

// subscribeToFields makes a URL the callback URL of an app.
func (s *Server) subscribeToFields(c *call) (any, *apiError) {
	for _, name := range []string{"object", "callback_url", "verify_token"} {
		if c.parameters.get(name) == "" {
			return nil, missingParameter(name)
		}
	}
	if object := c.parameters.get("object"); object != webhookObject {
		return nil, c.notSimulated("webhooks of the object "+truncate(object), "Subscribe to "+webhookObject+".")
	}
	fields, refusal := subscribedFields(c.parameters.get("fields"))
	if refusal != nil {
		return nil, refusal
	}
	url := c.parameters.get("callback_url")
	if refusal := s.verifyCallback(c.r.Context(), url, c.parameters.get("verify_token")); refusal != nil {
		return nil, refusal
	}
	s.subscriptions.setApp(c.id, appWebhook{URL: url, fields: fields, verified: true})
	return success{true}, nil
}

// unsubscribeFromFields removes the callback URL of an app, or some of its fields.
func (s *Server) unsubscribeFromFields(c *call) (any, *apiError) {
	removed, refusal := subscribedFields(c.parameters.get("fields"))
	if refusal != nil {
		return nil, refusal
	}
	a := s.subscriptions.app(c.id)
	left := without(a.fields, removed)
	if len(removed) == 0 || len(left) == 0 {
		a.URL = ""
	}
	a.fields = left
	s.subscriptions.setApp(c.id, a)
	return success{true}, nil
}

// without returns the texts of a list that are not in another one.
func without(all, removed []string) (left []string) {
	gone := map[string]bool{}
	for _, name := range removed {
		gone[name] = true
	}
	for _, name := range all {
		if !gone[name] {
			left = append(left, name)
		}
	}
	return left
}

// subscribedFields reads a list of fields, which may be JSON or separated by commas.
func subscribedFields(value string) ([]string, *apiError) {
	if value == "" {
		return nil, nil
	}
	names, err := list(value)
	if err != nil {
		return nil, parameterError("Param fields must be a list of fields.")
	}
	var fields []string
	for _, name := range names {
		for part := range strings.SplitSeq(name, ",") {
			if part = strings.TrimSpace(part); part != "" {
				fields = append(fields, part)
			}
		}
	}
	return fields, nil
}

// appTokenParameters are those of GET and POST /oauth/access_token.
var appTokenParameters = []string{"client_id", "client_secret", "grant_type", "code", "redirect_uri", "fb_exchange_token", "set_token_expires_in_60_days"}

// appTokenResponse is the response to a request for the token of an app.
type appTokenResponse struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
}

// appAccessToken returns the access token of an app for its id and secret
// (docs/references.md#graph-app-secret), or that of a business for a code. Tokens of users
// are not made.
func (s *Server) appAccessToken(c *call) (any, *apiError) {
	grant, hasCode := c.parameters.get("grant_type"), c.parameters.get("code") != ""
	if grant != "client_credentials" && !(hasCode && (grant == "" || grant == "authorization_code")) {
		return nil, c.notSimulated(c.r.Method+" /oauth/access_token with another grant_type than client_credentials, and without a code", "Use BusinessAccount.Token.")
	}
	id := c.parameters.get("client_id")
	if id == "" {
		return nil, oauthError(http.StatusBadRequest, 101, "Missing client_id parameter.")
	}
	token := id + "|" + c.parameters.get("client_secret")
	if _, ok := s.appTokens[token]; !ok {
		e := oauthError(http.StatusBadRequest, 1, "Error validating client secret.")
		e.reason = "client_id and client_secret are not those of an app"
		return nil, e
	}
	if grant != "client_credentials" {
		return s.exchangeCode(c, id)
	}
	return appTokenResponse{token, "bearer"}, nil
}

// appTokenOf returns the access token of an app: its id and its secret.
func (a *BusinessAccount) appTokenOf() string {
	if a.AppSecret == "" {
		return ""
	}
	return a.AppID + "|" + a.AppSecret
}

// allowApp checks that the token is that of the app that the path names.
func (s *Server) allowApp(c *call) *apiError {
	owners := s.apps[c.id]
	if len(owners) == 0 {
		e := unsupported(c.r.Method, c.id)
		e.reason = "no such app"
		return e
	}
	if c.token != s.accounts[owners[0]].appTokenOf() {
		e := oauthError(http.StatusBadRequest, 15, "(#15) This method must be called with an app access_token.")
		e.reason = "the token is not APP_ID|APP_SECRET of the app in the path"
		return e
	}
	return nil
}
