package gateway

import (
	"errors"
	"net"
	"net/http"
	"strings"

	"ferry/internal/activity"
	"ferry/internal/event"
	"ferry/internal/graph"
	"ferry/internal/secret"
	"ferry/internal/transfer"
)

// Webhook configures the receiver of Meta's webhooks.
type Webhook struct {
	// AppSecrets are those of Meta's apps; see event.ReceiverConfig. Default: none, and
	// webhooks are not received.
	AppSecrets []event.AppSecret
	// VerifyToken is the text that Meta's dashboard sends when it verifies the address.
	// Default: none, and every verification is refused.
	VerifyToken secret.Secret
	// Listener is where the webhook is served, instead of the API's listener, without
	// TLS unless Config.TLS or CertFile is set. The gateway closes it. Default: none.
	Listener net.Listener
}

// apps returns the apps that have a secret of their own. With it the server can also
// finish the app's sign-ups.
func (w Webhook) apps() (apps []graph.App) {
	for _, s := range w.AppSecrets {
		if s.AppID != "" {
			apps = append(apps, graph.App{ID: s.AppID, Secret: s.Secret})
		}
	}
	return apps
}

// ReceivesWebhooks reports whether the gateway receives Meta's webhooks.
func (g *Gateway) ReceivesWebhooks() bool { return len(g.config.Webhook.AppSecrets) > 0 }

// WebhookPath is the path of Meta's webhook.
const WebhookPath = "/webhooks/whatsapp"

// openWebhook creates the receiver of Meta's webhooks, if there is an app secret, and
// what prepares events before they are delivered.
func (g *Gateway) openWebhook(config Config, transfers *transfer.Engine, record *activity.Recorder) (receiver http.Handler, err error) {
	preparer, err := event.NewPreparer(event.PreparerConfig{
		State: config.State, Transfers: transfers, Objects: g.objects, Route: config.API.Events.Route,
		Region: config.API.Region, Activity: record, Logger: config.Logger, Now: config.API.Now,
	})
	if err != nil {
		return nil, err
	}
	g.deliverers[toPrepare] = preparer.Deliver
	switch {
	case len(config.Webhook.AppSecrets) > 0:
	case config.Webhook.Listener != nil:
		return nil, errors.New("the webhook receiver has a listener and no app secret")
	default:
		return nil, nil
	}
	receiver, err = event.NewReceiver(event.ReceiverConfig{
		State: config.State, Route: config.API.Events.Route, Region: config.API.Region,
		AppSecrets: config.Webhook.AppSecrets, VerifyToken: config.Webhook.VerifyToken,
		Activity: record, Logger: config.Logger, Now: config.API.Now,
	})
	if err == nil && config.API.AllowsHost != nil { // everybody knows the app secret of ferry dev
		receiver = config.Access.Hosts(receiver)
	}
	return receiver, err
}

// withWebhook adds the receiver of Meta's webhooks to the API. Its requests are signed,
// so it answers to every host name, as the API does.
func withWebhook(api, receiver http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path, _, _ := strings.Cut(r.RequestURI, "?"); path == WebhookPath {
			receiver.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
}

// onlyWebhook serves nothing but the receiver, on a listener of its own.
func onlyWebhook(receiver http.Handler) http.Handler {
	return withWebhook(http.NotFoundHandler(), receiver)
}
