// Package graph is the client of Meta's Graph API for WhatsApp: upload of
// media, its metadata and download, and what linking an account reads.
//
// It knows Meta's wire and nothing of AWS's. Its two errors are [*Error], an
// answer of Meta's that is not a success, and [*UnreachableError], no answer
// that makes sense. A token travels in the Authorization header only, and only
// to the configured origin (and to Meta's download hosts); redirects are not
// followed, but for those of a download.
package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"ferry/internal/graph/wire"
	"ferry/internal/secret"
)

// maxResponse bounds an answer of Meta's that is not a file, in bytes.
const maxResponse = 1 << 20

// Config says where the Graph API is. Its zero value is Meta's own, with the defaults below.
type Config struct {
	BaseURL string // scheme://host[:port]; default https://graph.facebook.com
	Version string // of the API; default v25.0
	// Time to connect and for the TLS handshake, each; default 5 s.
	ConnectTimeout time.Duration
	// Time from the last byte of the request to the answer's header; default 60 s.
	AnswerTimeout time.Duration
	UserAgent     string // default "ferry"
}

func (c Config) withDefaults() Config {
	if c.BaseURL == "" {
		c.BaseURL = "https://graph.facebook.com"
	}
	if c.Version == "" {
		c.Version = "v25.0"
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 5 * time.Second
	}
	if c.AnswerTimeout == 0 {
		c.AnswerTimeout = 60 * time.Second
	}
	if c.UserAgent == "" {
		c.UserAgent = "ferry"
	}
	return c
}

// Client talks to the Graph API. It is safe for use by several goroutines.
type Client struct {
	base      *url.URL
	version   string
	userAgent string
	http      *http.Client
	observe   func(Exchange) // nil = nobody looks
}

// New makes a Client.
func New(config Config) (*Client, error) {
	config = config.withDefaults()
	base, err := url.Parse(config.BaseURL)
	if err != nil || base.Host == "" || (base.Scheme != "https" && base.Scheme != "http") || strings.Trim(base.Path, "/") != "" {
		return nil, fmt.Errorf("the Graph API's base URL is %q; expected scheme://host[:port], such as https://graph.facebook.com", config.BaseURL)
	}
	return &Client{
		base:      base,
		version:   config.Version,
		userAgent: config.UserAgent,
		http: &http.Client{
			Transport:     wire.NewTransport(wire.Config{ConnectTimeout: config.ConnectTimeout, ResponseHeaderTimeout: config.AnswerTimeout}),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// An Exchange is one request to Meta and its response.
type Exchange struct {
	Operation string    // upload, retrieve, delete, download, account, phone_numbers, upload_session, upload_bytes or upload_status
	Started   time.Time // before the request was sent
	Took      time.Duration
	Status    int    // HTTP status; 0 if there was no response
	TraceID   string // header x-fb-trace-id, for Meta's support; "" if there was none
}

// Observed returns the same client, which calls observe after each request, in
// the goroutine that made it. A download is observed when its response begins.
func (c *Client) Observed(observe func(Exchange)) *Client {
	observed := *c
	observed.observe = observe
	return &observed
}

// maxTraceID bounds a trace id that is kept, in bytes. Meta's have about 25.
const maxTraceID = 128

// roundTrip sends a request with send, and has it observed.
func (c *Client) roundTrip(request *http.Request, operation string, send func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	seen := Exchange{Operation: operation, Started: time.Now()}
	response, err := send(request)
	if c.observe == nil {
		return response, err
	}
	if err == nil {
		seen.Status, seen.TraceID = response.StatusCode, traceID(response.Header)
	}
	seen.Took = time.Since(seen.Started)
	c.observe(seen)
	return response, err
}

// traceID is Meta's id of a request, as far as it can be shown.
func traceID(header http.Header) string {
	id := header.Get("X-Fb-Trace-Id")
	if len(id) > maxTraceID || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return id
}

// Close closes the kept connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// node is the URL of a node, or of an edge of it. Ids come from Meta or from an
// operator, who is held to digits; escaped, they stay one path element.
func (c *Client) node(id string, edge ...string) *url.URL {
	target := *c.base
	target.Path = "/" + strings.Join(append([]string{c.version, id}, edge...), "/")
	target.RawPath = "/" + strings.Join(append([]string{c.version, url.PathEscape(id)}, edge...), "/")
	return &target
}

// get reads a JSON answer into out.
func (c *Client) get(ctx context.Context, operation string, target *url.URL, token secret.Secret, out any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return err
	}
	return c.do(request, operation, token, out)
}

// do sends a request and reads the JSON answer into out.
func (c *Client) do(request *http.Request, operation string, token secret.Secret, out any) error {
	if request.Header.Get("Authorization") == "" { // Resumable Upload has a scheme of its own
		request.Header.Set("Authorization", "Bearer "+token.Reveal())
	}
	request.Header.Set("User-Agent", c.userAgent)
	response, err := c.roundTrip(request, operation, c.http.Do)
	if err != nil {
		return unreachable(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxResponse+1))
	if err != nil {
		return unreachable(fmt.Errorf("reading the answer: %w", err))
	}
	if len(answer) > maxResponse {
		return unreachable(fmt.Errorf("the answer is larger than %d bytes", maxResponse))
	}
	if response.StatusCode != http.StatusOK {
		return responseError(response, answer, token)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return unreachable(fmt.Errorf("status 200 with an answer that is not the expected JSON: %w", err))
	}
	return nil
}

// unreachable drops the URL that net/http puts into its errors.
func unreachable(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return &UnreachableError{Cause: err}
}
