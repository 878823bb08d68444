package metasim

import (
	"slices"
	"time"
)

// Bounds of what is kept of webhooks for the history.
const (
	webhookHistorySize = 1000     // webhooks
	maxWebhookAttempts = 20       // attempts of one webhook; older ones are dropped
	maxWebhookBody     = 64 << 10 // bytes of its body
	maxWebhookResponse = 1 << 10  // bytes of a response
)

// WebhookState is what has become of a webhook.
type WebhookState string

// The states of webhooks.
const (
	WebhookWaiting         WebhookState = "waiting"      // for its next attempt
	WebhookDelivered       WebhookState = "delivered"    // the response was 200
	WebhookFailed          WebhookState = "failed"       // given up after seven days
	WebhookDropped         WebhookState = "dropped"      // the queue was full
	WebhookLost            WebhookState = "lost"         // on purpose; see WebhookDelivery.Lose
	WebhookUnsubscribed    WebhookState = "unsubscribed" // no app is subscribed to the account or to the field
	WebhookWithoutCallback WebhookState = "no_callback"  // the app has no callback URL
)

var webhookStates = []WebhookState{
	WebhookWaiting, WebhookDelivered, WebhookFailed, WebhookDropped, WebhookLost, WebhookUnsubscribed, WebhookWithoutCallback,
}

// A Webhook is a POST to a callback URL, with its attempts.
type Webhook struct {
	ID                string           `json:"id"`
	Time              time.Time        `json:"time"` // when its newest update happened, by the simulator's clock
	BusinessAccountID string           `json:"business_account_id"`
	PhoneNumberID     string           `json:"phone_number_id,omitempty"` // empty if it is about the account
	Field             string           `json:"field"`                     // of its first update
	Updates           int              `json:"updates"`                   // number of updates that it reports
	State             WebhookState     `json:"state"`
	CopyOf            string           `json:"copy_of,omitempty"` // id of the webhook that this one repeats on purpose
	Body              string           `json:"body"`              // the bytes that are signed; at most 64 KiB are kept
	NextAttempt       time.Time        `json:"next_attempt,omitzero"`
	AttemptCount      int              `json:"attempt_count"`
	Attempts          []WebhookAttempt `json:"attempts"` // the last 20, newest last
}

// A WebhookAttempt is one delivery of a webhook.
type WebhookAttempt struct {
	Time      time.Time     `json:"time"` // by the simulator's clock
	URL       string        `json:"url"`
	Signature string        `json:"signature,omitempty"` // the header X-Hub-Signature-256
	Status    int           `json:"status"`              // of the response; 0 means that there was none
	Response  string        `json:"response,omitempty"`  // the first KiB of its body
	Error     string        `json:"error,omitempty"`     // why there was no response, or the callback URL is not verified
	Duration  time.Duration `json:"duration_ns"`
}

// WebhookHistory is what the webhooks have come to.
type WebhookHistory struct {
	Queued   int       `json:"queued"`   // updates and webhooks that wait for a delivery
	Dropped  int       `json:"dropped"`  // updates and webhooks that were dropped because the queue was full
	Webhooks []Webhook `json:"webhooks"` // the last 1000, newest last
}

// Webhooks returns the history of webhooks. An update that waits for its first
// delivery is counted, but in no webhook yet.
func (s *Server) Webhooks() WebhookHistory { return s.webhooks.list() }

// ClearWebhooks empties the history of webhooks. Those that wait stay.
func (s *Server) ClearWebhooks() {
	w := s.webhooks
	w.mu.Lock()
	defer w.mu.Unlock()
	w.history = nil
}

// list returns the history.
func (w *webhooks) list() WebhookHistory {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.copies(func(*Webhook) bool { return true })
	return WebhookHistory{Queued: w.pendingCount(), Dropped: w.dropped, Webhooks: all}
}

// find returns the webhooks of the history for which matches returns true.
func (w *webhooks) find(matches func(*Webhook) bool) []Webhook {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.copies(matches)
}

// copies returns copies of webhooks of the history. The caller holds w.mu.
func (w *webhooks) copies(matches func(*Webhook) bool) []Webhook {
	found := []Webhook{}
	for _, entry := range w.history {
		if matches(entry) {
			copied := *entry
			copied.Attempts = slices.Clone(entry.Attempts)
			found = append(found, copied)
		}
	}
	return found
}

// record adds a webhook to the history. The caller holds w.mu.
func (w *webhooks) record(entry Webhook, body []byte) *Webhook {
	entry.Body = string(body[:min(len(body), maxWebhookBody)])
	entry.Attempts = []WebhookAttempt{}
	if len(w.history) == webhookHistorySize {
		w.history = slices.Delete(w.history, 0, 1)
	}
	w.history = append(w.history, &entry)
	return &entry
}

// addAttempt adds an attempt to a webhook of the history.
func (w *Webhook) addAttempt(a WebhookAttempt) {
	if len(w.Attempts) == maxWebhookAttempts {
		w.Attempts = slices.Delete(w.Attempts, 0, 1)
	}
	w.Attempts = append(w.Attempts, a)
	w.AttemptCount++
}
