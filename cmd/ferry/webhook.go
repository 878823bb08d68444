// ferry serve: the receiver of Meta's webhooks.

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"ferry/internal/event"
	"ferry/internal/gateway"
	"ferry/internal/secret"
)

// webhookFlags configure the receiver of Meta's webhooks.
type webhookFlags struct {
	AppSecret              []event.AppSecret `help:"App secret of Meta's app: webhooks at /webhooks/whatsapp must be signed with it. May be repeated, for its rotation and for several apps. APPID:SECRET is accepted only for business accounts that were linked with this --app-id; SECRET alone is trusted for all business accounts of all tenants. APPID:SECRET also lets AssociateWhatsAppBusinessAccount exchange the codes of the app's sign-ups. Set it in the environment or in a file: the command line is visible to other users. Default: none, and webhooks are not received." placeholder:"[APPID:]SECRET" group:"Webhook"`
	AppSecretFile          []string          `help:"File with app secrets, [APPID:]SECRET, one per line. May be repeated." placeholder:"FILE" group:"Webhook"`
	WebhookVerifyToken     secret.Secret     `help:"Text that Meta's dashboard sends when it verifies the address of the webhook: choose one, and enter it there, too. Set it in the environment or in a file." placeholder:"TEXT" group:"Webhook"`
	WebhookVerifyTokenFile string            `help:"File with this text." placeholder:"FILE" group:"Webhook"`
	WebhookListen          string            `help:"Address where webhooks are received, instead of --listen." placeholder:"HOST:PORT" group:"Webhook"`
}

// webhook reads the secrets of the webhook, without its listener.
func (c *webhookFlags) webhook() (gateway.Webhook, error) {
	w := gateway.Webhook{AppSecrets: c.AppSecret, VerifyToken: c.WebhookVerifyToken}
	for _, path := range c.AppSecretFile {
		lines, err := readSecrets(path)
		if err != nil {
			return w, fmt.Errorf("--app-secret-file: %w", err)
		}
		for i, line := range lines {
			var s event.AppSecret
			if err := s.UnmarshalText([]byte(line.Reveal())); err != nil {
				return w, fmt.Errorf("--app-secret-file: %s, secret %d: %w", path, i+1, err)
			}
			w.AppSecrets = append(w.AppSecrets, s)
		}
	}
	if c.WebhookVerifyTokenFile != "" {
		lines, err := readSecrets(c.WebhookVerifyTokenFile)
		switch {
		case err != nil:
			return w, fmt.Errorf("--webhook-verify-token-file: %w", err)
		case len(lines) > 1 || !w.VerifyToken.IsZero():
			return w, errors.New("--webhook-verify-token-file: there is more than one verify token; set only one")
		}
		w.VerifyToken = lines[0]
	}
	if len(w.AppSecrets) == 0 && (c.WebhookListen != "" || !w.VerifyToken.IsZero()) {
		return w, errors.New("webhooks are not received without an app secret; set --app-secret-file FILE or the environment variable FERRY_APP_SECRET (Meta's dashboard, App settings, Basic)")
	}
	if len(w.AppSecrets) > 0 {
		return w, event.CheckAppSecrets(w.AppSecrets)
	}
	return w, nil
}

// readSecrets reads a file with one secret per line. There is at least one.
func readSecrets(path string) ([]secret.Secret, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var secrets []secret.Secret
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" {
			secrets = append(secrets, secret.New(line))
		}
	}
	if len(secrets) == 0 {
		return nil, fmt.Errorf("%s is empty", path)
	}
	return secrets, nil
}

// listenForWebhooks opens the listener of the webhook, if it has one of its own.
func (c *serveCommand) listenForWebhooks() (net.Listener, error) {
	if c.WebhookListen == "" {
		return nil, nil
	}
	listener, err := net.Listen("tcp", c.WebhookListen)
	if err != nil {
		return nil, fmt.Errorf("--webhook-listen: %w", err)
	}
	if err := c.checkPlainHTTP("webhook-listen", c.WebhookListen, listener); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

// webhooksAt says for the log where webhooks are received.
func webhooksAt(config gateway.Config) string {
	switch at := config.Webhook; {
	case len(at.AppSecrets) == 0:
		return "off (no --app-secret)"
	case at.Listener != nil:
		return at.Listener.Addr().String() + gateway.WebhookPath
	}
	return config.Listener.Addr().String() + gateway.WebhookPath
}

// closeAll closes listeners, some of which may be nil.
func closeAll(listeners ...net.Listener) error {
	var problems []error
	for _, listener := range listeners {
		if listener != nil {
			problems = append(problems, listener.Close())
		}
	}
	return errors.Join(problems...)
}
