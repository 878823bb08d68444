// Meta's apps: whether their secrets are right, and whether their webhooks arrive here.

package doctor

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"ferry/internal/graph"
	"ferry/internal/guard"
)

const (
	maxApps       = 16               // apps that are examined
	maxChallenge  = 1 << 10          // bytes of a response of the callback URL that are read
	callbackHello = 10 * time.Second // for the header of its response
)

// whatsApp is the object of webhooks.
const whatsApp = "whatsapp_business_account"

// appSecrets is an app with the secrets that may be its own.
type appSecrets struct {
	id      string
	secrets []graph.App
}

// apps returns the apps that are known by their ids: those with a secret of their own, and
// those that business accounts were linked with. A secret without an app may be of any.
func (x *examination) apps() (list []appSecrets) {
	add := func(id string) *appSecrets {
		for i := range list {
			if list[i].id == id {
				return &list[i]
			}
		}
		list = append(list, appSecrets{id: id})
		return &list[len(list)-1]
	}
	for _, a := range x.config.Apps {
		app := add(a.ID)
		app.secrets = append(app.secrets, a)
	}
	for _, s := range x.config.AppSecrets {
		if s.AppID != "" {
			app := add(s.AppID)
			app.secrets = append(app.secrets, graph.App{ID: s.AppID, Secret: s.Secret})
		}
	}
	for _, account := range x.accounts {
		if account.AppID == "" || len(x.config.AppSecrets) == 0 {
			continue
		}
		app := add(account.AppID)
		if len(app.secrets) > 0 {
			continue
		}
		for _, s := range x.config.AppSecrets {
			if s.AppID == "" {
				app.secrets = append(app.secrets, graph.App{ID: account.AppID, Secret: s.Secret})
			}
		}
	}
	return list[:min(len(list), maxApps)]
}

// app returns the lines about an app: its secret, as Meta knows it, and its callback URL.
func (x *examination) app(ctx context.Context, app appSecrets) []Result {
	const name = "app"
	const secretFix = "Set --app-secret-file (or FERRY_APP_SECRET) to the App secret in Meta's dashboard (App settings, Basic)."
	if x.failed["meta "+x.config.Graph.Host()] {
		return []Result{skip(name, app.id, "Meta does not respond"), skip("callback", app.id, "Meta does not respond")}
	}
	if len(app.secrets) == 0 {
		return []Result{fail(name, app.id, "accounts are linked with this app, and no --app-secret is of it: its webhooks are refused", secretFix), skip("callback", app.id, "the secret of the app is not known")}
	}
	var subscriptions []graph.AppSubscription
	var err error
	for _, candidate := range app.secrets {
		if subscriptions, err = x.config.Graph.AppSubscriptions(ctx, candidate); err == nil {
			app.secrets = []graph.App{candidate}
			break
		}
	}
	if err != nil {
		found, fix := metaProblem(x.config.Graph.Host(), err, secretFix)
		return []Result{fail(name, app.id, "its secret: "+found+". Webhooks that Meta signs with the right one are refused", fix), skip("callback", app.id, "the secret of the app is not right")}
	}
	results := []Result{ok(name, app.id, "Meta accepts the secret of the app")}
	if len(x.config.AppSecrets) == 0 {
		return append(results, skip("callback", app.id, "this server receives no webhooks (no --app-secret)"))
	}
	return append(results, x.subscription(ctx, app, subscriptions))
}

// subscription looks at the callback URL of an app.
func (x *examination) subscription(ctx context.Context, app appSecrets, subscriptions []graph.AppSubscription) Result {
	const name = "callback"
	at := slices.IndexFunc(subscriptions, func(s graph.AppSubscription) bool { return s.Object == whatsApp })
	const dashboard = "In Meta's dashboard (WhatsApp, Configuration), set the callback URL to https://NAME-OF-THIS-SERVER/webhooks/whatsapp with the verify token, and subscribe to the field messages."
	if at < 0 {
		return fail(name, app.id, "the app has no callback URL: no webhook arrives", dashboard)
	}
	webhook := subscriptions[at]
	target, err := url.Parse(webhook.URL)
	if err != nil || target.Host == "" || target.Scheme != "https" && target.Scheme != "http" {
		return fail(name, app.id, "the callback URL of the app is not a URL", dashboard)
	}
	if !webhook.Active {
		return fail(name, app.id, "Meta has turned the webhooks of the app off", dashboard)
	}
	if len(webhook.Fields) > 0 && !slices.Contains(webhook.Fields, "messages") {
		return fail(name, app.id, "the app is not subscribed to the field messages: statuses and messages of people do not arrive", dashboard)
	}
	return x.callback(ctx, app, target)
}

// callback requests the callback URL as Meta does: with the verify token, and with a signed
// webhook that reports nothing.
func (x *examination) callback(ctx context.Context, app appSecrets, target *url.URL) Result {
	const name = "callback"
	subject := target.Host
	client := x.callbackClient()
	defer client.CloseIdleConnections()
	secret := app.secrets[0].Secret
	body := []byte(`{"object":"` + whatsApp + `","entry":[]}`)
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	mac.Write(body)
	header := http.Header{"Content-Type": {"application/json"}, "X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac.Sum(nil))}}
	status, _, err := exchange(ctx, client, http.MethodPost, target.String(), header, body)
	switch {
	case err != nil:
		found, fix := unreached(target.Host, err)
		return fail(name, subject, "Meta's webhooks cannot reach this server: "+found, fix+" This line tries it from here; Meta comes from the internet.")
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fail(name, subject, fmt.Sprintf("it refuses a webhook that is signed with the secret of the app (status %d)", status), "Start that server with the same --app-secret, or set the callback URL in Meta's dashboard to this server.")
	case status != http.StatusOK:
		return fail(name, subject, fmt.Sprintf("it responds to a signed webhook with status %d", status), "Check that the callback URL in Meta's dashboard ends with /webhooks/whatsapp, and what the proxy in front of ferry does with it.")
	}
	if x.config.VerifyToken.IsZero() {
		return warn(name, subject, "it accepts a signed webhook; there is no verify token, so that Meta cannot verify the URL again", "Set --webhook-verify-token-file, and enter the same text in Meta's dashboard.")
	}
	challenge := rand.Text()
	asked := *target
	asked.RawQuery = url.Values{"hub.mode": {"subscribe"}, "hub.verify_token": {x.config.VerifyToken.Reveal()}, "hub.challenge": {challenge}}.Encode()
	status, answer, err := exchange(ctx, client, http.MethodGet, asked.String(), nil, nil)
	if err != nil || status != http.StatusOK || strings.TrimSpace(answer) != challenge {
		return fail(name, subject, "it accepts a signed webhook, but not the verify token", "Set the same --webhook-verify-token on all servers, and enter it in Meta's dashboard.")
	}
	return ok(name, subject, "it accepts a signed webhook and the verify token")
}

// callbackClient returns a client for callback URLs. They come from Meta, as the operator has
// set them there: they may lead to this network, but not to its metadata services.
func (x *examination) callbackClient() *http.Transport {
	dial := guard.New(guard.Config{Dial: x.config.Dial}).Dial(guard.Named)
	return &http.Transport{
		DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: x.config.RootCAs, MinVersion: tls.VersionTLS12},
		ResponseHeaderTimeout: callbackHello, DisableCompression: true,
	}
}

// exchange sends a request and returns the status and the beginning of the response. Its
// errors contain no URL.
func exchange(ctx context.Context, client http.RoundTripper, method, target string, header http.Header, body []byte) (status int, text string, err error) {
	request, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return 0, "", errors.New("the callback URL is not valid")
	}
	if header != nil {
		request.Header = header
	}
	request.Header.Set("User-Agent", "ferry-doctor")
	response, err := client.RoundTrip(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(response.Body, maxChallenge))
	return response.StatusCode, string(answer), nil
}

// hostOf returns the host of a URL, without the rest, which may be secret.
func hostOf(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return u.Host
	}
	return "an invalid URL"
}
