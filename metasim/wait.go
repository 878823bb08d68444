// Waiting for events of the simulator, so that tests need not poll or sleep.

package metasim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// waitPause is the time between two looks at what there is, so that waiting costs
// little while much happens.
const waitPause = 2 * time.Millisecond

// Kinds of what a Wait waits for.
const (
	WaitMessage = "message" // a message that the business has sent
	WaitWebhook = "webhook"
	WaitRequest = "request" // to the Graph API, with a response
)

// A Wait describes events to wait for. Empty members match everything.
type Wait struct {
	For   string // one of the constants above; required
	Count int    // number of events; default 1
	Since Mark   // only what came after it; default: everything that is kept

	// Of a message.
	ID     string // wamid
	To     string // wa_id or BSUID of the recipient
	Status string // sent, delivered, read, played or failed: it has or had this status
	Type   string // such as text or image

	// Of a webhook.
	State    WebhookState
	Field    string
	Attempts int // it was sent so often at least

	// Contains is of a message a part of its content, of a webhook a part of its body, such
	// as a wamid or a text, escaped or not.
	Contains string

	// Of a request.
	Operation Operation
}

// Waited is the events that a Wait has found, oldest first: all that match, which
// may be more than its Count.
type Waited struct {
	Messages []Message `json:"messages,omitempty"`
	Webhooks []Webhook `json:"webhooks,omitempty"`
	Requests []Request `json:"requests,omitempty"`
}

func (w Waited) count() int { return len(w.Messages) + len(w.Webhooks) + len(w.Requests) }

// Wait waits until the simulator has what w describes, or had it already, and returns
// it. It returns the error of ctx, and what there is, if ctx is done first.
func (s *Server) Wait(ctx context.Context, w Wait) (Waited, error) {
	if err := w.check(); err != nil {
		return Waited{}, err
	}
	for {
		changed := s.changed.change() // before looking, so that no change is missed
		found := s.matching(w)
		if found.count() >= max(1, w.Count) {
			return found, nil
		}
		select {
		case <-changed:
			time.Sleep(waitPause)
		case <-ctx.Done():
			return found, context.Cause(ctx)
		case <-s.closed:
			return found, http.ErrServerClosed
		}
	}
}

// check returns what is wrong with the description.
func (w Wait) check() error {
	ofMessage, ofWebhook, ofRequest := w.ID+w.To+w.Status+w.Type != "", w.State != "" || w.Field != "" || w.Attempts != 0, w.Operation != ""
	switch {
	case w.Count < 0 || w.Attempts < 0:
		return fmt.Errorf("metasim: wait: count %d or attempts %d is negative", w.Count, w.Attempts)
	case w.For != WaitMessage && w.For != WaitWebhook && w.For != WaitRequest:
		return fmt.Errorf("metasim: wait: for %q is none of message, webhook, request", truncate(w.For))
	case ofMessage && w.For != WaitMessage:
		return errors.New("metasim: wait: id, to, status and type describe a message")
	case ofWebhook && w.For != WaitWebhook:
		return errors.New("metasim: wait: state, field and attempts describe a webhook")
	case w.Contains != "" && w.For == WaitRequest:
		return errors.New("metasim: wait: contains describes a message or a webhook")
	case !w.Since.isValid():
		return fmt.Errorf("metasim: wait: since %q is no mark; Server.Mark, or POST /_ferry/mark, returns one", truncate(string(w.Since)))
	case ofRequest && w.For != WaitRequest:
		return errors.New("metasim: wait: operation describes a request")
	case ofRequest && !w.Operation.known():
		return fmt.Errorf("metasim: wait: operation %q is not known", truncate(string(w.Operation)))
	case w.Status != "" && !slices.Contains([]string{statusSent, statusDelivered, statusRead, statusPlayed, statusFailed}, w.Status):
		return fmt.Errorf("metasim: wait: status %q is none of sent, delivered, read, played, failed", truncate(w.Status))
	case w.State != "" && !slices.Contains(webhookStates, w.State):
		return fmt.Errorf("metasim: wait: state %q is not that of a webhook", truncate(string(w.State)))
	}
	return nil
}

// matching returns what there is of a description.
func (s *Server) matching(w Wait) (found Waited) {
	since := w.Since.place()
	switch w.For {
	case WaitMessage:
		messages := s.messages.after(since.messages)
		contains := w.container()
		for _, message := range messages {
			if w.matchesMessage(message) && contains(string(message.Content)) {
				found.Messages = append(found.Messages, message)
			}
		}
	case WaitWebhook:
		found.Webhooks = s.webhooks.find(w.webhookMatcher(since.webhooks))
	case WaitRequest:
		for _, request := range s.history.after(since.requests) {
			if request.Status != 0 && (w.Operation == "" || w.Operation == request.Operation) {
				found.Requests = append(found.Requests, request)
			}
		}
	}
	return found
}

// container returns a function that reports whether a text contains Contains: as it is, or
// as a text that JSON escapes.
func (w Wait) container() func(text string) bool {
	escaped := w.Contains
	if text, err := marshalEscaped(w.Contains); err == nil {
		escaped = strings.Trim(string(text), `"`)
	}
	return func(text string) bool {
		return strings.Contains(text, w.Contains) || strings.Contains(text, escaped)
	}
}

// webhookMatcher returns a function that reports whether a webhook matches that is not
// among the first ones.
func (w Wait) webhookMatcher(first int) func(*Webhook) bool {
	contains := w.container()
	return func(webhook *Webhook) bool {
		return webhook.number() > first && webhook.AttemptCount >= w.Attempts &&
			(w.State == "" || w.State == webhook.State) && (w.Field == "" || w.Field == webhook.Field) && contains(webhook.Body)
	}
}

func (w Wait) matchesMessage(m Message) bool {
	return (w.ID == "" || w.ID == m.ID) && (w.Type == "" || w.Type == m.Type) &&
		(w.To == "" || w.To == m.UserID || digits(w.To) != "" && digits(w.To) == m.WAID) &&
		(w.Status == "" || slices.ContainsFunc(m.Statuses, func(change StatusChange) bool { return change.Status == w.Status }))
}
