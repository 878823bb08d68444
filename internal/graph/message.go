// Messages, and what Meta says about its rate limits (docs/references.md#graph-messages,
// docs/references.md#graph-rate-limits).

package graph

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"ferry/internal/graph/wire"
	"ferry/internal/secret"
)

// maxWAMID is the limit for Meta's id of a message in bytes. Meta's have about 60.
const maxWAMID = 512

// Message is a message, or a read receipt, to send.
type Message struct {
	PhoneNumberID string        // Meta's id of the number that sends it
	Token         secret.Secret // of the number's business account
	Version       string        // of the API, such as "v23.0"; empty means the configured one
	Body          []byte        // JSON
}

// Sent is Meta's response to a message.
type Sent struct {
	ID     string // Meta's id, "wamid.…"; empty for a read receipt
	Status string // of a template: accepted or held_for_quality_assessment; may be empty
	Input  string // the recipient as it was named; may be empty
	WAID   string // the recipient's number in digits; empty if a business-scoped user id was named
	UserID string // the recipient's business-scoped user id; may be empty
	// Usage is set also if SendMessage returns an [*Error].
	Usage Usage
}

// SendMessage sends a message with the bytes of its Body. The error is an [*Error], or
// an [*UnreachableError] whose BodySent reports whether Meta may have the message:
// the API has no idempotency key, so sending it again may deliver it twice.
func (c *Client) SendMessage(ctx context.Context, message Message) (Sent, error) {
	return c.sendMessage(ctx, message, bytes.NewReader(message.Body))
}

// sendMessage sends a message whose bytes it reads from source.
func (c *Client) sendMessage(ctx context.Context, message Message, source io.Reader) (Sent, error) {
	body := wire.NewBody(source, int64(len(message.Body)), nil)
	target := c.versionedNode(cmp.Or(message.Version, c.version), message.PhoneNumberID, "messages")
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), body)
	if err != nil {
		return Sent{}, err
	}
	request.ContentLength = body.Unread()
	request.Header.Set("Content-Type", "application/json")

	var response []byte
	var header http.Header
	err = body.Send(request, func(r *http.Request) (err error) {
		response, header, err = c.exchange(r, "send", message.Token)
		return err
	})
	var sent Sent
	if err == nil {
		sent, err = parseSent(response)
	}
	sent.Usage = usageOf(header)
	wasSent, _ := body.End()
	if failed, ok := errors.AsType[*UnreachableError](err); ok {
		failed.BodySent = wasSent
	}
	return sent, err
}

// parseSent reads the response to a message or to a read receipt. Only the id, or the
// success, is required; other members may be missing or of another type.
func parseSent(body []byte) (Sent, error) {
	var response struct {
		Contacts []struct {
			Input  lenientText `json:"input"`
			WAID   lenientText `json:"wa_id"`
			UserID lenientText `json:"user_id"`
		} `json:"contacts"`
		Messages []struct {
			ID     lenientText `json:"id"`
			Status lenientText `json:"message_status"`
		} `json:"messages"`
		Success bool `json:"success"`
	}
	err := json.Unmarshal(body, &response)
	if _, isMember := errors.AsType[*json.UnmarshalTypeError](err); isMember {
		err = nil // a member has another type; the others were decoded
	}
	if err != nil {
		return Sent{}, unreachable(fmt.Errorf("status 200 without the expected JSON: %w", err))
	}
	var sent Sent
	if len(response.Contacts) > 0 {
		contact := response.Contacts[0]
		sent.Input, sent.WAID, sent.UserID = string(contact.Input), string(contact.WAID), string(contact.UserID)
	}
	if len(response.Messages) > 0 {
		sent.ID, sent.Status = string(response.Messages[0].ID), string(response.Messages[0].Status)
	}
	if !isMessageID(sent.WAID) { // the message is sent all the same
		sent.WAID = ""
	}
	if !isMessageID(sent.ID) {
		return Sent{}, unreachable(errors.New("status 200 with a message id that is not one"))
	}
	if sent.ID == "" && !response.Success {
		return Sent{}, unreachable(errors.New("status 200 without a message id"))
	}
	return sent, nil
}

// lenientText decodes a JSON string. Any other value is "".
type lenientText string

func (t *lenientText) UnmarshalJSON(data []byte) error {
	var text string
	_ = json.Unmarshal(data, &text)
	*t = lenientText(text)
	return nil
}

// Usage is how much of its rate limits Meta counts as used, in percent, as the headers
// of a response say. The zero Usage means that they say nothing.
type Usage struct {
	App      float64 // x-app-usage: the highest of its figures
	Business float64 // x-business-use-case-usage: the highest of the figures of all accounts
	// Wait is the time after which Meta expects to accept calls again, as Retry-After or
	// the usage of an account says; 0 means at once.
	Wait time.Duration
}

// usageOf reads the headers about rate limits. What is not in the documented form is
// ignored.
func usageOf(header http.Header) (usage Usage) {
	if seconds, err := strconv.Atoi(header.Get("Retry-After")); err == nil && seconds > 0 && seconds <= int(maxWait.Seconds()) {
		usage.Wait = time.Duration(seconds) * time.Second
	}
	var app figures
	if json.Unmarshal([]byte(header.Get("X-App-Usage")), &app) == nil {
		usage.App = app.highest()
	}
	var accounts map[string][]struct {
		figures
		Minutes float64 `json:"estimated_time_to_regain_access"`
	}
	if json.Unmarshal([]byte(header.Get("X-Business-Use-Case-Usage")), &accounts) != nil {
		return usage
	}
	for _, uses := range accounts {
		for _, use := range uses {
			usage.Business = max(usage.Business, use.highest())
			if use.Minutes > 0 && use.Minutes <= maxWait.Minutes() {
				usage.Wait = max(usage.Wait, time.Duration(use.Minutes*float64(time.Minute)))
			}
		}
	}
	return usage
}

// maxWait is the longest wait that is believed. Meta's windows have 1 to 24 hours.
const maxWait = 24 * time.Hour

// figures are percentages of rate limits.
type figures struct {
	Calls float64 `json:"call_count"`
	Time  float64 `json:"total_time"`
	CPU   float64 `json:"total_cputime"`
}

func (f figures) highest() float64 { return max(f.Calls, f.Time, f.CPU) }

// isMessageID reports whether a text is empty or can be an id of a message, or of a user.
func isMessageID(text string) bool {
	return len(text) <= maxWAMID && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}
