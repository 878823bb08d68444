// Package graph is a client of Meta's Graph API for WhatsApp. It uploads, downloads
// and deletes media, sends messages, reads what is needed to link an account, and manages
// templates, flows and datasets.
//
// Package graph implements Meta's protocol and knows nothing of AWS's. Its methods
// return two types of errors: [*Error] for an error response of Meta, and
// [*UnreachableError] if there was no usable response. A token is sent only in the
// Authorization header (but for InspectToken, where Meta takes it as a parameter), and
// only to the configured host and to Meta's download hosts. Redirects are followed only for downloads.
package graph

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"ferry/internal/activity"
	"ferry/internal/graph/wire"
	"ferry/internal/secret"
)

// maxResponse is the limit for a response of Meta, except a file, in bytes.
const maxResponse = 1 << 20

// Config configures a [Client]. The zero value selects Meta's own API.
type Config struct {
	BaseURL string // scheme://host[:port]; default https://graph.facebook.com
	Version string // of the API; default v25.0
	// ConnectTimeout is the limit for connecting, and the limit for the TLS
	// handshake; default 5 s.
	ConnectTimeout time.Duration
	// ResponseTimeout is the limit for the time between the last byte of the request
	// and the header of the response; default 60 s.
	ResponseTimeout time.Duration
	UserAgent       string // default "ferry"
	// RootCAs verify the certificates of the API and of its download hosts. Default:
	// the system's.
	RootCAs *x509.CertPool
	// DownloadURL is scheme://host[:port] by which the API names its own downloads, if
	// that is not BaseURL. They are then requested at BaseURL. A simulator behind a
	// proxy needs it. Default: none.
	DownloadURL string
	// Dial connects to an address. Default: the machine's network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now returns the time of Exchange.Started. Default: time.Now.
	Now func() time.Time
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
	if c.ResponseTimeout == 0 {
		c.ResponseTimeout = 60 * time.Second
	}
	if c.UserAgent == "" {
		c.UserAgent = "ferry"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Client is a client of the Graph API. It is safe for concurrent use.
type Client struct {
	base      *url.URL
	downloads *url.URL // Config.DownloadURL; nil means none
	version   string
	userAgent string
	transport *http.Transport // no http.Client: redirects are not followed, and its errors contain URLs
	now       func() time.Time
	observe   func(Exchange) // may be nil
}

// New returns a Client.
func New(config Config) (*Client, error) {
	config = config.withDefaults()
	base, err := url.Parse(config.BaseURL)
	if err != nil || base.Host == "" || (base.Scheme != "https" && base.Scheme != "http") || strings.Trim(base.Path, "/") != "" {
		return nil, fmt.Errorf("the Graph API's base URL is %q; expected scheme://host[:port], such as https://graph.facebook.com", config.BaseURL)
	}
	var downloads *url.URL
	if config.DownloadURL != "" {
		if downloads, err = url.Parse(config.DownloadURL); err != nil || downloads.Host == "" {
			return nil, fmt.Errorf("the URL of the Graph API's downloads is %q; expected scheme://host[:port]", config.DownloadURL)
		}
	}
	return &Client{
		base:      base,
		downloads: downloads,
		version:   config.Version,
		userAgent: config.UserAgent,
		now:       config.Now,
		transport: wire.NewTransport(wire.Config{ConnectTimeout: config.ConnectTimeout, ResponseHeaderTimeout: config.ResponseTimeout, RootCAs: config.RootCAs, Dial: config.Dial}),
	}, nil
}

// Hosts returns the names at which Meta's APIs and files are, each with all names below
// it, and the host of the base URL. No source of a file is there.
func (c *Client) Hosts() []string { return []string{"facebook.com", "fbsbx.com", c.base.Hostname()} }

// An Exchange is one request to Meta and its response.
type Exchange struct {
	Operation string    // such as upload, send or create_template: lower case and underscores
	Started   time.Time // before the request was sent
	Took      time.Duration
	Status    int     // HTTP status; 0 if there was no response
	Code      int     // Meta's code, of an error response; 0 if there is none
	TraceID   string  // header x-fb-trace-id, which Meta's support asks for; empty if there was none
	Usage     float64 // share of a rate limit that is used, 1 means all: the highest in x-business-use-case-usage; 0 if there is none
}

// Entry returns what happened in the exchange.
func (x Exchange) Entry() activity.Entry {
	e := activity.Entry{
		Kind: activity.Graph, Time: x.Started, Took: x.Took, Operation: x.Operation,
		Status: x.Status, MetaTrace: x.TraceID, Usage: x.Usage, Outcome: activity.OK,
	}
	if x.Code != 0 {
		e.Code = fmt.Sprintf("meta-%d", x.Code)
	}
	switch {
	case x.Status == 0 || x.Status >= 500:
		e.Outcome = activity.Failed
	case x.Status >= 400:
		e.Outcome = activity.Refused
	}
	return e
}

// Observed returns a copy of the client that calls observe after each request, in the
// goroutine that sent the request. For a download, observe is called when the
// response begins.
func (c *Client) Observed(observe func(Exchange)) *Client {
	observed := *c
	observed.observe = observe
	return &observed
}

// maxTraceID is the limit for a trace id in bytes. Meta's have about 25; longer ones
// are dropped.
const maxTraceID = 128

// roundTrip sends a request, and reports it to the observer.
func (c *Client) roundTrip(request *http.Request, operation string) (*http.Response, error) {
	begun := time.Now()
	seen := Exchange{Operation: operation, Started: c.now()}
	response, err := c.transport.RoundTrip(request)
	if c.observe == nil {
		return response, err
	}
	seen.Took = time.Since(begun)
	if err == nil {
		seen.Status, seen.TraceID = response.StatusCode, traceID(response.Header)
		seen.Usage = usageOf(response.Header).Business / 100
		if seen.Status >= 400 {
			seen.Code = codeOf(response)
		}
	}
	c.observe(seen)
	return response, err
}

// codeOf returns Meta's code in an error response, whose body is read, and can be read
// again.
func codeOf(response *http.Response) int {
	text, err := io.ReadAll(io.LimitReader(response.Body, maxResponse+1))
	rest := io.Reader(bytes.NewReader(text))
	if err != nil {
		rest = io.MultiReader(rest, failedReader{err})
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{rest, response.Body}
	var body struct {
		Error struct {
			Code int `json:"code"`
		} `json:"error"`
	}
	_ = json.Unmarshal(text, &body) // what is not an error of the API has no code
	return body.Error.Code
}

// A failedReader fails with the error of a body that could not be read to its end.
type failedReader struct{ err error }

func (r failedReader) Read([]byte) (int, error) { return 0, r.err }

// traceID returns Meta's id of a request, or "" if there is none that can be shown.
func traceID(header http.Header) string {
	if id := header.Get("X-Fb-Trace-Id"); isTraceID(id) {
		return id
	}
	return ""
}

// isTraceID reports whether an id of a request can be shown.
func isTraceID(id string) bool {
	return len(id) <= maxTraceID && !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' })
}

// Close closes the idle connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// node returns the URL of a node, or of one of its edges, in the configured version.
func (c *Client) node(id string, edge ...string) *url.URL {
	return c.versionedNode(c.version, id, edge...)
}

// versionedNode returns the URL of a node, or of one of its edges, in a version of the
// API. The id, which comes from Meta or from an operator, is escaped so that it stays
// one path element.
func (c *Client) versionedNode(version, id string, edge ...string) *url.URL {
	target := *c.base
	target.Path = "/" + strings.Join(append([]string{version, id}, edge...), "/")
	target.RawPath = "/" + strings.Join(append([]string{version, url.PathEscape(id)}, edge...), "/")
	return &target
}

// get sends a GET and decodes the JSON response into out.
func (c *Client) get(ctx context.Context, operation string, target *url.URL, token secret.Secret, out any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return err
	}
	return c.do(request, operation, token, out)
}

// do sends a request and decodes the JSON response into out.
func (c *Client) do(request *http.Request, operation string, token secret.Secret, out any) error {
	body, _, err := c.exchange(request, operation, token)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, out); err != nil {
		return unreachable(fmt.Errorf("status 200 without the expected JSON: %w", err))
	}
	return nil
}

// exchange sends a request and returns the body of the response, if its status is 200.
// It returns the header of every response.
func (c *Client) exchange(request *http.Request, operation string, token secret.Secret) ([]byte, http.Header, error) {
	if request.Header.Get("Authorization") == "" && !token.IsZero() { // Resumable Upload uses another scheme
		request.Header.Set("Authorization", "Bearer "+token.Reveal())
	}
	request.Header.Set("User-Agent", c.userAgent)
	response, err := c.roundTrip(request, operation)
	if err != nil {
		return nil, nil, unreachable(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxResponse+1))
	if err != nil {
		return nil, response.Header, unreachable(fmt.Errorf("reading the response: %w", err))
	}
	if len(body) > maxResponse {
		return nil, response.Header, unreachable(fmt.Errorf("the response is larger than %d bytes", maxResponse))
	}
	if response.StatusCode != http.StatusOK {
		return nil, response.Header, responseError(response, body, token)
	}
	return body, response.Header, nil
}

// unreachable returns an UnreachableError.
func unreachable(err error) error { return &UnreachableError{Cause: err} }
