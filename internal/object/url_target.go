package object

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	reach    guard.Reach
	request  *url.URL
	host     string // Host header
	headers  http.Header
	rule     headerRule
	isLink   bool // chosen by the operator, not by a caller
}

// target checks a presigned URL. It sends nothing.
func (o *Opener) target(method, rawURL string) (target, error) {
	t, err := o.parse(origin{name: "The presigned URL"}, method, rawURL)
	if err != nil {
		return target{}, err
	}
	var ok bool
	if t.reach, ok = o.hosts.find(t.endpoint); !ok {
		return target{}, t.origin.fail(Invalid, "must be an https URL of AWS S3, or of a store or host that this server's configuration allows.", fmt.Errorf("%s is not on the list of hosts", t.endpoint.host))
	}
	if err := t.checkNamed(o.hosts); err != nil {
		return target{}, t.origin.fail(Invalid, err.Error()+".", nil)
	}
	return t, nil
}

// parse checks only the text of a URL.
func (o *Opener) parse(from origin, method, rawURL string) (target, error) {
	parts, err := splitURL(rawURL)
	if err != nil {
		return target{}, from.fail(Invalid, err.Error()+".", nil)
	}
	t := target{opener: o, origin: from, method: method, endpoint: parts.endpoint, host: parts.hostHeader}
	if t.request, err = parts.requestURL(); err != nil {
		return target{}, from.fail(Invalid, err.Error()+".", nil)
	}
	if strings.Trim(t.request.Path, "/") == "" {
		return target{}, from.fail(Invalid, "names no object in its path.", nil)
	}
	return t, nil
}

// setHeaders checks the headers to send. From then on, errors do not show the secrets
// in the URL and in the headers.
func (u *target) setHeaders(headers map[string]string, rule headerRule) error {
	var err error
	u.rule = rule
	if u.headers, err = rule.check(headers); err != nil {
		return u.origin.fail(Invalid, err.Error()+".", nil)
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

// send resolves the host again and sends one request on a new connection.
func (u *target) send(request *http.Request) (*http.Response, error) {
	ctx := request.Context()
	transport := u.transport()
	if u.isLink {
		transport.Proxy = u.opener.cfg.Proxy
		transport.DialContext = u.opener.cfg.Guard.Dial(guard.Named)
	} else {
		pinned, err := u.opener.cfg.Guard.Pin(ctx, u.reach, u.endpoint.host, u.endpoint.port)
		if err != nil {
			return nil, u.unreachable(err)
		}
		transport.DialContext = pinned.DialContext
	}
	// RoundTrip instead of a Client: it follows no redirects, keeps no cookies, and
	// its errors do not contain the URL.
	resp, err := transport.RoundTrip(request)
	if err != nil {
		return nil, u.unreachable(errors.Join(err, context.Cause(ctx)))
	}
	return resp, nil
}

// checkNamed checks a URL at the endpoint of a configured store, which may be inside
// the network: it must be signed, and name an object in a bucket that the store
// serves.
func (u *target) checkNamed(hosts hostList) error {
	if u.reach != guard.Named {
		return nil
	}
	if !u.isSigned() {
		return fmt.Errorf("is not signed; sign a %s of the object", u.method)
	}
	if !hosts.holds(u.endpoint, u.request.Path) {
		return errors.New("names no object in a bucket that this server's configuration allows for that store")
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
	serverName := u.endpoint.host
	if u.isLink {
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

// unreachable returns the error for any failure before a response. The message is
// always the same, so that callers cannot find out whether a name exists, a port is
// open or an address is forbidden.
func (u *target) unreachable(cause error) *Error {
	sentence := "could not be fetched: its host cannot be reached, or does not respond like a web server."
	if u.method == http.MethodPut {
		sentence = strings.Replace(sentence, "fetched", "written to", 1)
	}
	failed := u.origin.fail(Unavailable, sentence,
		fmt.Errorf("%s: %w", u.endpoint.host, cause))
	failed.noResponse = true
	return failed
}

func (u *target) statusError(resp *http.Response, p *readRate) *Error {
	status := resp.StatusCode
	cause := fmt.Errorf("%s responded with %d%s", u.endpoint.host, status, u.errorCode(resp, p))
	switch {
	case status >= 300 && status < 400:
		failed := u.redirected(status, cause)
		if u.isLink {
			failed.location = resp.Header.Get("Location")
		}
		return failed
	case status == http.StatusNotFound:
		return u.origin.fail(NotFound, "names no object that exists (HTTP 404).", cause)
	case status == http.StatusRequestedRangeNotSatisfiable:
		return u.origin.fail(Invalid, "names an object that ends before the requested bytes.", errors.Join(errPastEnd, cause))
	case status == http.StatusBadRequest, status == http.StatusUnauthorized, status == http.StatusForbidden:
		return u.origin.fail(Invalid, fmt.Sprintf("is refused by its store (HTTP %d): %s", status, u.signatureAdvice()), cause)
	case status == http.StatusPreconditionFailed:
		return u.origin.fail(Changed, "names an object that changed while it was read. Retry later.", cause)
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status >= 500:
		return u.origin.fail(Unavailable, fmt.Sprintf("failed at its store (HTTP %d). Retry later.", status), cause)
	}
	return u.origin.fail(Invalid, fmt.Sprintf("must return the whole object (HTTP 200), but returned HTTP %d.", status), cause)
}

func (u *target) redirected(status int, cause error) *Error {
	return u.origin.fail(Invalid, fmt.Sprintf("returned a redirect (HTTP %d), and redirects are not followed; sign a URL for the bucket's own Region and endpoint.", status), cause)
}

// signatureAdvice returns the probable reason why a presigned URL was refused. It
// depends on the URL's time of expiry and on its signed headers.
func (u *target) signatureAdvice() string {
	if u.isLink && !u.isSigned() {
		return "it needs a signature or credentials."
	}
	query := u.request.Query()
	signed, err := time.Parse("20060102T150405Z", query.Get("X-Amz-Date"))
	seconds, errSeconds := time.ParseDuration(query.Get("X-Amz-Expires") + "s")
	if err == nil && errSeconds == nil && u.opener.cfg.Now().After(signed.Add(seconds)) {
		return "it has expired; sign a new one."
	}
	for name := range strings.SplitSeq(query.Get("X-Amz-SignedHeaders"), ";") {
		name = http.CanonicalHeaderKey(name)
		switch {
		case name == "Host" || name == "":
		case !u.rule.allows(name):
			return "it was signed with a header that cannot be sent; sign only the headers host and content-type."
		case u.headers.Get(name) == "":
			return fmt.Sprintf("it was signed with the header %s; send that header with the signed value.", name)
		}
	}
	act := "read"
	if u.method == http.MethodPut {
		act = "write"
		for name := range query {
			if strings.HasPrefix(strings.ToLower(name), "x-amz-checksum-") {
				return "it was signed with the checksum of another body; sign it without a checksum (in AWS SDKs: request checksum calculation WHEN_REQUIRED)."
			}
		}
	}
	return fmt.Sprintf("it has expired, its signature is wrong, or its signer may not %s the object. Sign a %s, and send each signed header (especially Content-Type) with the signed value.", act, u.method)
}

var errorCodeText = regexp.MustCompile(`<Code>([A-Za-z0-9]{1,64})</Code>`)

// errorCode returns the code in S3's error document after a space, for the operator's
// log. The rest of the document is dropped, because it contains the signature.
func (u *target) errorCode(resp *http.Response, p *readRate) string {
	if resp.StatusCode < 400 {
		return ""
	}
	p.remaining = min(p.remaining, 2*time.Second)
	var start [4 << 10]byte
	n := 0
	for n < len(start) {
		got, err := p.read(resp.Body, start[n:])
		if n += got; err != nil {
			break
		}
	}
	if found := errorCodeText.FindSubmatch(start[:n]); found != nil {
		return " " + string(found[1])
	}
	return ""
}
