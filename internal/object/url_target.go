package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"ferry/internal/guard"
)

// target is what reading from and writing to a URL have in common.
type target struct {
	opener   *Opener
	origin   origin
	method   string
	endpoint endpoint
	dial     endpoint // where the request is sent; differs from endpoint for an alias of a store
	reach    guard.Reach
	request  *url.URL
	host     string // Host header
	headers  http.Header
	rule     headerRule

	isLink    bool // a file on any web server, see [Link]
	isTrusted bool // chosen by the operator, not by a caller
}

// target checks a presigned URL. It sends nothing.
func (o *Opener) target(method, rawURL string) (target, error) {
	t, err := o.parse(origin{name: "The presigned URL"}, method, rawURL)
	if err != nil {
		return target{}, err
	}
	var ok bool
	if t.reach, t.dial, ok = o.hosts.find(t.endpoint); !ok {
		return target{}, t.origin.fail(urlHost, fmt.Errorf("%s is not on the list of hosts", t.endpoint.host))
	}
	if escapedQuery.MatchString(t.request.RawQuery) {
		return target{}, t.origin.fail(urlEscaped, nil)
	}
	if err := t.checkNamed(o.hosts); err != nil {
		return target{}, err
	}
	if t.dial != t.endpoint {
		t.request.Scheme, t.request.Host = t.dial.scheme, t.dial.authority()
	}
	return t, nil
}

// parse checks only the text of a URL.
func (o *Opener) parse(from origin, method, rawURL string) (target, error) {
	parts, err := splitURL(rawURL)
	if errors.Is(err, errURLLength) && rawURL != "" {
		return target{}, from.fail(urlTooLong, nil, err)
	}
	if err != nil {
		return target{}, from.fail(urlInvalid, nil, err)
	}
	t := target{opener: o, origin: from, method: method, endpoint: parts.endpoint, dial: parts.endpoint, host: parts.hostHeader}
	if t.request, err = parts.requestURL(); err != nil {
		return target{}, from.fail(urlInvalid, nil, err)
	}
	if strings.Trim(t.request.Path, "/") == "" {
		return target{}, from.fail(urlInvalid, nil, "names no object in its path")
	}
	return t, nil
}

// setHeaders checks the headers to send. From then on, errors do not show the secrets
// in the URL and in the headers.
func (u *target) setHeaders(headers map[string]string, rule headerRule) error {
	var err error
	u.rule = rule
	if u.headers, err = rule.check(headers); err != nil {
		return u.origin.fail(urlHeader, nil, err)
	}
	secrets := querySecrets(u.request.RawQuery)
	for _, name := range secretHeaders {
		secrets = append(secrets, u.headers.Get(name))
	}
	u.origin.scrubber = newScrubber(secrets...)
	return nil
}

// String returns the URL without its query.
func (u *target) String() string { return u.endpoint.String() + u.request.RawPath }

// Format writes String for every verb, so that none shows the query or the headers.
func (u *target) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, u.String()) }

// send resolves the host again and sends one request on a new connection, which must
// be open at a time (reachBy). cancel ends the context of the request.
func (u *target) send(request *http.Request, cancel context.CancelCauseFunc, by time.Time) (*http.Response, error) {
	request, stop := limitReach(request, cancel, by)
	defer stop()
	ctx := request.Context()
	transport := u.transport()
	if u.isTrusted {
		transport.Proxy = u.opener.cfg.Proxy
		transport.DialContext = u.opener.cfg.Guard.Dial(guard.Named)
	} else {
		pinned, err := u.opener.cfg.Guard.Pin(ctx, u.reach, u.dial.host, u.dial.port)
		if err != nil {
			return nil, u.unreachable(errors.Join(err, context.Cause(ctx)))
		}
		// net/http dials in a context of its own, which does not end with the request.
		transport.DialContext = func(_ context.Context, network, address string) (net.Conn, error) {
			return pinned.DialContext(ctx, network, address)
		}
	}
	// RoundTrip instead of a Client: it follows no redirects, keeps no cookies, and
	// its errors do not contain the URL.
	resp, err := transport.RoundTrip(request)
	if err != nil {
		return nil, u.unreachable(errors.Join(err, context.Cause(ctx)))
	}
	return resp, nil
}

// escapedQuery is in the query of a URL that was copied from HTML or XML.
var escapedQuery = regexp.MustCompile(`&amp;(X-Amz-|Signature=|Expires=|AWSAccessKeyId=)`)

// checkNamed checks a URL at the endpoint of a configured store, which may be inside
// the network: it must be signed, and name an object in a bucket that the store
// serves.
func (u *target) checkNamed(hosts hostList) error {
	if u.reach != guard.Named {
		return nil
	}
	if !u.isSigned() {
		return u.origin.fail(urlNotSigned.withFix("Sign a "+u.method+" of the object."), nil)
	}
	if !hosts.holds(u.endpoint, u.request.Path) {
		return u.origin.fail(urlNotAllowed, nil)
	}
	return nil
}

func (u *target) isSigned() bool {
	query := u.request.Query()
	return u.isVersion2() || query.Has("X-Amz-Signature") && query.Has("X-Amz-Credential")
}

// isVersion2 reports whether the URL has a signature of version 2
// (docs/references.md#s3-presigned), which boto3 and the AWS CLI v1 still use in
// older Regions. That signature covers the Content-Type header. A GET is signed
// without one, so that sending it would make the signature invalid. Version 4 covers
// only the headers that it lists.
func (u *target) isVersion2() bool {
	query := u.request.Query()
	return query.Has("AWSAccessKeyId") && query.Has("Signature")
}

// transport returns a transport for one request, so that callers never share a
// connection. It uses no HTTP/2, no compression and nothing from the environment.
func (u *target) transport() *http.Transport {
	cfg := u.opener.cfg
	serverName := u.dial.host
	if u.isTrusted {
		serverName = "" // the connection may go to a proxy
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  nil,
		TLSClientConfig:        cfg.tls(serverName),
		TLSHandshakeTimeout:    cfg.TLSTimeout,
		ResponseHeaderTimeout:  cfg.HeaderTimeout,
		ExpectContinueTimeout:  continueTimeout,
		MaxResponseHeaderBytes: maxResponseHeaders,
		ReadBufferSize:         bufferSize,
		WriteBufferSize:        writeBufferSize(u.method),
		DisableCompression:     true,
		DisableKeepAlives:      true,
		Protocols:              protocols,
	}
}

// continueTimeout is how long a PUT waits for 100 Continue. Then it sends its body,
// since the store may not support Expect.
const continueTimeout = time.Second

// writeBufferSize returns 0, which means net/http's default of 4 KiB, if only headers
// are written.
func writeBufferSize(method string) int {
	if method == http.MethodPut {
		return bufferSize
	}
	return 0
}
