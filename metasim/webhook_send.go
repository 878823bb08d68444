// The delivery of webhooks, and the handshake that verifies a callback URL.

package metasim

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

const (
	webhookUserAgent = "facebookexternalua"
	webhookTimeout   = 10 * time.Second   // for a response, in real time
	webhookLife      = 7 * 24 * time.Hour // in which a webhook is tried (docs/references.md#webhooks)
	maxWebhookRetry  = 12 * time.Hour     // longest time between two attempts
	minWebhookWait   = 10 * time.Millisecond
	maxWebhookWait   = time.Minute    // until the queue is looked at again while something is due later
	idleWebhookWait  = 24 * time.Hour // the same while nothing is: what is added wakes the loop
)

// newWebhookClient returns the client that calls callback URLs. Meta follows no
// redirects: everything but 200 is a failure.
func newWebhookClient(transport http.RoundTripper) *http.Client {
	if transport == nil {
		transport = &http.Transport{
			Proxy: http.ProxyFromEnvironment, DisableCompression: true,
			MaxIdleConnsPerHost: maxWebhooksInProgress, IdleConnTimeout: idleTimeout,
		}
	}
	return &http.Client{
		Transport:     transport,
		Timeout:       webhookTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// deliver delivers webhooks until ctx is done. It then waits for the deliveries in
// progress, which end with ctx and are made again by the next Run.
func (w *webhooks) deliver(ctx context.Context) error {
	var inProgress sync.WaitGroup
	defer w.server.webhookClient.CloseIdleConnections()
	defer inProgress.Wait()
	for {
		j, wait, ok := w.take(w.server.Now())
		if ok {
			inProgress.Go(func() { w.attempt(ctx, j) })
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-w.wake:
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil
		}
	}
}

// attempt sends a post once, and records what came of it.
func (w *webhooks) attempt(ctx context.Context, j job) {
	s, p := w.server, j.post
	result := WebhookAttempt{Time: s.Now()}
	to, state := s.callbackOf(p.account, p.phoneID, p.field)
	if state == WebhookWaiting {
		started := time.Now()
		s.send(ctx, to, p, &result)
		result.Duration = time.Since(started)
		s.observe(Observation{
			Kind: ObservedWebhook, Time: started, Took: result.Duration, Name: p.field, TraceID: p.entry.ID, PhoneNumberID: p.phoneID, Bytes: int64(len(p.body)),
			Status: result.Status, Failed: result.Status != http.StatusOK, Text: cmp.Or(result.Error, result.Response),
		})
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.server.changed.broadcast()
	defer w.signal()
	w.inProgress--
	if p.generation != w.generation {
		return
	}
	if j.lane != nil {
		w.ready = append(w.ready, job{lane: j.lane}) // form notices if it is empty
	}
	switch {
	case state != WebhookWaiting: // unsubscribed meanwhile
		p.entry.State = state
	case result.Status == 0 && ctx.Err() != nil: // Run has ended
		w.retry(p, result.Time)
	default:
		p.attempts++
		p.entry.addAttempt(result)
		w.conclude(p, result)
	}
}

// conclude decides what follows an attempt. The caller holds w.mu.
func (w *webhooks) conclude(p *post, result WebhookAttempt) {
	if result.Status == http.StatusOK {
		p.entry.State, p.entry.NextAttempt = WebhookDelivered, time.Time{}
		return
	}
	next := result.Time.Add(w.server.retryDelay(p.attempts))
	if next.Sub(p.entry.Time) > webhookLife {
		p.entry.State, p.entry.NextAttempt = WebhookFailed, time.Time{}
		w.server.cfg.Logger.Warn("metasim: a webhook was given up", "webhook", p.entry.ID, "attempts", p.attempts, "status", result.Status, "error", result.Error)
		return
	}
	w.makeRoom()
	w.retry(p, next)
}

// retry makes a post wait for its next attempt. The caller holds w.mu.
func (w *webhooks) retry(p *post, at time.Time) {
	p.entry.NextAttempt = at
	p.element = w.retries.PushBack(p)
	heap.Push(&w.timers, job{due: at, post: p})
}

// retryDelay returns the time between an attempt and the next one: it doubles up to
// half a day. How Meta spaces its retries is not known.
func (s *Server) retryDelay(attempts int) time.Duration {
	delay := s.cfg.WebhookRetry
	for range attempts - 1 {
		if delay *= 2; delay >= maxWebhookRetry {
			return maxWebhookRetry
		}
	}
	return delay
}

// send sends a post, after the handshake if that is still to be made.
func (s *Server) send(ctx context.Context, to callback, p *post, result *WebhookAttempt) {
	result.URL = redactedURL(to.url)
	if to.token != "" {
		if refusal := s.verifyCallback(ctx, to.url, to.token); refusal != nil {
			result.Error = "the callback URL is not verified: " + refusal.historyReason()
			return
		}
		s.subscriptions.setVerified(s.accounts[p.account].AppID, to.url)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.url, bytes.NewReader(p.body))
	if err != nil {
		result.Error = err.Error()
		return
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", webhookUserAgent)
	request.Header.Set("Accept", "*/*")
	if result.Signature = s.signatureOf(p, to.secret); result.Signature != "" {
		request.Header.Set("X-Hub-Signature-256", result.Signature)
	}
	response, err := s.webhookClient.Do(request)
	if err != nil {
		result.Error = callError(err)
		return
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, maxWebhookResponse))
	if err != nil {
		result.Error = callError(err)
		return
	}
	result.Status, result.Response = response.StatusCode, truncateTo(string(content), maxWebhookResponse)
}

// signatureOf returns the header X-Hub-Signature-256 of a post, or "".
func (s *Server) signatureOf(p *post, secret string) string {
	switch p.signature {
	case SignatureMissing:
		return ""
	case SignatureOld:
		secret = p.oldSecret
	case SignatureWrong:
		secret = "wrong-" + secret
	}
	if secret == "" {
		return ""
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(p.body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// callError returns the text of an error of a call, without the URL.
func callError(err error) string {
	var of *url.Error
	if errors.As(err, &of) {
		err = of.Err
	}
	return truncate(err.Error())
}

// redactedURL returns a URL without its password.
func redactedURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return redacted
	}
	return truncate(u.Redacted())
}

// parseCallback checks that a callback URL is one of http or https.
func parseCallback(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q is not a URL that begins with https:// or http://", truncate(text))
	}
	return u, nil
}

// verifyCallback makes the handshake with a callback URL. Its errors have Meta's
// words where they are known (docs/references.md#graph-webhook-handshake).
func (s *Server) verifyCallback(ctx context.Context, callbackURL, token string) *apiError {
	u, err := parseCallback(callbackURL)
	if err != nil {
		return parameterError("Param override_callback_uri must be a valid URI: %s", err.Error())
	}
	challenge := s.random.digits(10)
	query := u.Query()
	query.Set("hub.mode", "subscribe")
	query.Set("hub.challenge", challenge)
	query.Set("hub.verify_token", token)
	u.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return callbackRefused(err.Error())
	}
	request.Close = true
	request.Header.Set("User-Agent", webhookUserAgent)
	request.Header.Set("Accept", "*/*")
	response, err := s.webhookClient.Do(request)
	if err != nil {
		return callbackRefused(callError(err))
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, maxWebhookResponse))
	switch {
	case err != nil:
		return callbackRefused(callError(err))
	case response.StatusCode != http.StatusOK:
		return callbackRefused("HTTP Status Code = " + strconv.Itoa(response.StatusCode) + "; HTTP Message = " + http.StatusText(response.StatusCode))
	case string(content) != challenge:
		return oauthError(http.StatusBadRequest, 2201, "(#2201) response does not match challenge, expected value=%q, received=%q", challenge, truncate(string(content)))
	}
	return nil
}

func callbackRefused(problem string) *apiError {
	return oauthError(http.StatusBadRequest, 2200, "(#2200) Callback verification failed with the following errors: %s", problem)
}
