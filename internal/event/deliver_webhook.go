// Webhooks, with signatures of Standard Webhooks (docs/references.md#standard-webhooks).

package event

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"ferry/internal/guard"
	"ferry/internal/state"
)

// webhook sends events to a URL.
type webhook struct {
	url       *url.URL
	keys      [][]byte
	userAgent string
	timeout   time.Duration
	transport *http.Transport
	now       func() time.Time
}

func (d *Deliverer) openWebhook(to Destination) (sender, error) {
	w := &webhook{userAgent: d.config.UserAgent, timeout: to.Timeout, now: d.config.Now}
	reach := guard.Public
	if to.Private {
		reach = guard.Named
	}
	w.transport = d.transport(reach, to.Slots)
	var err error
	if w.url, err = url.Parse(to.URL); err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	for _, s := range to.Secrets {
		key, err := webhookKey(s)
		if err != nil {
			return nil, err
		}
		w.keys = append(w.keys, key)
	}
	return w, nil
}

func (w *webhook) close() { w.transport.CloseIdleConnections() }

// send posts the envelope. Any status 2xx is a success, whatever its body is.
func (w *webhook) send(ctx context.Context, e *state.Event) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url.String(), bytes.NewReader(e.Body))
	if err != nil {
		return err
	}
	timestamp := strconv.FormatInt(w.now().Unix(), 10)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", w.userAgent)
	request.Header.Set("Webhook-Id", e.ID)
	request.Header.Set("Webhook-Timestamp", timestamp)
	request.Header.Set("Webhook-Signature", sign(w.keys, e.ID, timestamp, e.Body))
	if e.TraceParent != "" {
		request.Header.Set("Traceparent", e.TraceParent)
	}
	// RoundTrip instead of a Client: it follows no redirects and keeps no cookies.
	response, err := w.transport.RoundTrip(request)
	if err != nil {
		return w.unreachable(ctx, err)
	}
	defer response.Body.Close()
	drain(response.Body, cancel)
	return w.outcome(response)
}

func (w *webhook) unreachable(ctx context.Context, err error) error {
	failed := unreachable(ctx, w.url.Host, w.timeout, err)
	if strings.Contains(failed.text, guard.ErrAddress.Error()) {
		failed.text += ` For a receiver in your own network, set "private": true.`
	}
	return failed
}

// drainTime is how long the body of a response may take, which is read only so that its
// connection can be used again.
const drainTime = time.Second

// drain reads the body of a response up to maxResponse. cancel ends the request.
func drain(body io.Reader, cancel context.CancelFunc) {
	limit := time.AfterFunc(drainTime, cancel)
	defer limit.Stop()
	_, _ = io.CopyN(io.Discard, body, maxResponse)
}

// sign returns the header Webhook-Signature: a signature with each key.
func sign(keys [][]byte, id, timestamp string, body []byte) string {
	var signatures []string
	for _, key := range keys {
		mac := hmac.New(sha256.New, key)
		_, _ = io.WriteString(mac, id+"."+timestamp+".")
		_, _ = mac.Write(body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(signatures, " ")
}

// outcome returns the failure that a response stands for; nil means success.
func (w *webhook) outcome(response *http.Response) error {
	status := response.StatusCode
	if 200 <= status && status < 300 {
		return nil
	}
	failed := retryLater(nil, "%s responded with status %d.", w.url.Host, status)
	failed.status = status
	switch {
	case 300 <= status && status < 400:
		failed.text += " Redirects are not followed: configure the URL that the receiver redirects to" + redirectTarget(response) + "."
	case status == http.StatusGone:
		failed.isGone = true
		failed.text += " The receiver asks for no more events, so that the destination is held: events wait until it is released."
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		failed.text += " Check that the receiver has one of the secrets of the destination, and that its clock is right."
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		failed.after = retryAfter(response.Header.Get("Retry-After"), w.now())
	case status >= 500:
		failed.text += " The receiver's log has the cause."
	case status == http.StatusConflict || status == http.StatusRequestEntityTooLarge || status == http.StatusUnprocessableEntity:
		failed.text += " It refuses this event, and may accept others: check what it expects."
		failed.notOfDestination = true
	default:
		failed.text += " Check the URL, and what the receiver expects."
	}
	return failed
}

// redirectTarget returns where a redirect leads to, without its path, which may have
// credentials.
func redirectTarget(response *http.Response) string {
	target, err := response.Location()
	if err != nil || target.Host == "" {
		return ""
	}
	return " (at " + target.Scheme + "://" + target.Host + ")"
}
