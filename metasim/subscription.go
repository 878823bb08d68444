// Which apps receive the webhooks of an account, and at which URL.

package metasim

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

const subscriptionKind = "subscription" // of records

// errSubscriptionsFull cannot occur: there is one row per account and phone number.
var errSubscriptionsFull = errors.New("too many subscriptions")

// A Subscription is what an account or a phone number has changed of the way its
// webhooks take. Those without one are subscribed, and have no override.
type Subscription struct {
	ID           string    `json:"id"` // of the account or phone number
	Unsubscribed bool      `json:"unsubscribed,omitempty"`
	CallbackURL  string    `json:"callback_url,omitempty"` // override; empty means none
	Created      time.Time `json:"created"`
}

func (s Subscription) createdAt() time.Time { return s.Created }
func (s Subscription) expiresAt() time.Time { return time.Time{} }

// An AppWebhook is the webhook of an app, as an app's dashboard shows it.
type AppWebhook struct {
	AppID    string   `json:"app_id"`
	URL      string   `json:"url"`              // callback URL; empty means none
	Fields   []string `json:"fields,omitempty"` // subscribed fields; empty means all
	Verified bool     `json:"verified"`         // the handshake has been made
}

// appWebhook is the state of an AppWebhook.
type appWebhook struct {
	URL         string
	fields      []string
	verifyToken string
	verified    bool // or there is no verify token
}

// wants reports whether the app is subscribed to a field.
func (a appWebhook) wants(field string) bool {
	return len(a.fields) == 0 || slices.Contains(a.fields, field)
}

// subscriptions are the subscriptions of accounts and numbers, and the webhooks of
// apps.
type subscriptions struct {
	rows *table[Subscription]

	mu   sync.Mutex
	apps map[string]appWebhook // by app id; those without one have the configured webhook
	all  appWebhook            // of the configuration
}

func newSubscriptions(cfg Config, limit int) *subscriptions {
	return &subscriptions{
		rows: newTable[Subscription](subscriptionKind, limit, errSubscriptionsFull, cfg.Records),
		apps: map[string]appWebhook{},
		all:  appWebhook{URL: cfg.WebhookURL, verifyToken: cfg.WebhookVerifyToken, verified: cfg.WebhookVerifyToken == ""},
	}
}

// subscribed reports whether the app of an account receives its webhooks.
func (s *subscriptions) subscribed(account string) bool {
	row, _ := s.rows.find(account, time.Time{})
	return !row.Unsubscribed
}

// override returns the callback URL of an account or phone number, or "".
func (s *subscriptions) override(id string) string {
	row, _ := s.rows.find(id, time.Time{})
	return row.CallbackURL
}

// app returns the webhook of an app.
func (s *subscriptions) app(id string) appWebhook {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.apps[id]; ok {
		return a
	}
	return s.all
}

func (s *subscriptions) setApp(id string, a appWebhook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apps[id] = a
}

// setVerified records that the handshake with an app's callback URL has succeeded.
func (s *subscriptions) setVerified(id, url string) {
	a := s.app(id)
	if a.URL == url {
		a.verified = true
		s.setApp(id, a)
	}
}

// clear removes all overrides and the webhooks of apps.
func (s *subscriptions) clear() error {
	s.mu.Lock()
	s.apps = map[string]appWebhook{}
	s.mu.Unlock()
	_, err := s.rows.removeWhere(func(Subscription) bool { return true })
	return err
}

// checkSubscription returns an error for a record that is damaged.
func (s *Server) checkSubscription(id string, row Subscription) error {
	if row.ID != id || !isObjectID(id) {
		return badRecord(subscriptionKind, id, "it is the record of %q", truncate(row.ID))
	}
	if row.CallbackURL != "" {
		if _, err := parseCallback(row.CallbackURL); err != nil {
			return badRecord(subscriptionKind, id, "%w", err)
		}
	}
	return nil
}

// changeSubscription changes the subscription of an account or phone number.
func (s *Server) changeSubscription(id string, change func(*Subscription)) error {
	row, ok := s.subscriptions.rows.find(id, time.Time{})
	if !ok {
		row = Subscription{ID: id, Created: s.Now()}
	}
	change(&row)
	return s.subscriptions.rows.put(id, row)
}

// SetAppWebhook makes a URL the callback URL of an app, after the handshake with
// verifyToken, as an app's dashboard does. An empty verifyToken skips the handshake;
// an empty url means no callback. Without fields, the app is subscribed to all.
func (s *Server) SetAppWebhook(ctx context.Context, appID, url, verifyToken string, fields ...string) error {
	if len(s.apps[appID]) == 0 {
		return errNoApp
	}
	if url != "" {
		if _, err := parseCallback(url); err != nil {
			return err
		}
		if verifyToken != "" {
			if refusal := s.verifyCallback(ctx, url, verifyToken); refusal != nil {
				return errors.New("metasim: webhooks: " + refusal.historyReason())
			}
		}
	}
	s.subscriptions.setApp(appID, appWebhook{URL: url, fields: slices.Clone(fields), verified: true})
	return nil
}

// AppWebhooks returns the webhook of every app, in the order of their ids.
func (s *Server) AppWebhooks() []AppWebhook {
	list := []AppWebhook{}
	for _, id := range sortedNames(s.apps) {
		a := s.subscriptions.app(id)
		list = append(list, AppWebhook{AppID: id, URL: redactedURL(a.URL), Fields: a.fields, Verified: a.URL != "" && a.verified})
	}
	return list
}
