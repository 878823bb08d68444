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

// target is what a URL names, for reading as for writing.
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
	isLink   bool // the operator chose it, and not a caller
}

// target checks a presigned URL. It sends no packet.
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

// parse checks the text of a URL, and no more.
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

// setHeaders checks the headers to send, and hides the secrets of the URL and
// of them from the texts of errors.
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

// String is the URL without its query.
func (u *target) String() string { return u.endpoint.String() + u.request.RawPath }

// Format writes String, whatever the verb: no verb shows the query or the headers.
func (u *target) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, u.String()) }

// send resolves the host anew and sends one request on a connection of its own.
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
	// RoundTrip and not a Client: it follows no redirect, keeps no cookie, and
	// its errors do not print the URL.
	resp, err := transport.RoundTrip(request)
	if err != nil {
		return nil, u.unreachable(errors.Join(err, context.Cause(ctx)))
	}
	return resp, nil
}

// checkNamed holds a URL on a configured store's endpoint, which may lie inside
// the network, to what a presigned URL is: a signed request for an object, here of
// a bucket that the store is configured to hold.
func (u *target) checkNamed(hosts hostList) error {
	if u.reach != guard.Named {
		return nil
	}
	if !u.isSigned() {
		return fmt.Errorf("is not signed; sign a %s of the object", u.method)
	}
	if !hosts.holds(u.endpoint, u.request.Path) {
		return errors.New("names no object of a bucket that this server's configuration allows at that store")
	}
	return nil
}

func (u *target) isSigned() bool {
	query := u.request.Query()
	return u.isVersion2() || query.Has("X-Amz-Signature") && query.Has("X-Amz-Credential")
}

// isVersion2 tells a URL of Signature Version 2, which boto3 and the AWS CLI v1
// still make in older regions. That signature covers the Content-Type that is
// sent, and a GET is signed without one, so that sending it breaks the
// signature. Version 4 covers the headers that it lists, and no others.
func (u *target) isVersion2() bool {
	query := u.request.Query()
	return query.Has("AWSAccessKeyId") && query.Has("Signature")
}

// transport is for one fetch: callers share no connection, and no proxy, HTTP/2,
// compression or environment is involved.
func (u *target) transport() *http.Transport {
	cfg := u.opener.cfg
	serverName := u.endpoint.host
	if u.isLink {
		serverName = "" // the connection may be one to a proxy
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

// continueTimeout is how long a PUT waits for 100 Continue before it sends its
// body to a store that may not know of it.
const continueTimeout = time.Second

// writeBufferSize is 0, for net/http's own 4 KiB, where only headers are written.
func writeBufferSize(method string) int {
	if method == http.MethodPut {
		return bufferSize
	}
	return 0
}

// unreachable is one answer for all that goes wrong before a response: whether
// a name exists, a port is open or an address is forbidden is not for the caller.
func (u *target) unreachable(cause error) *Error {
	sentence := "could not be fetched: its host cannot be reached, or does not answer as a web server should."
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
	cause := fmt.Errorf("%s answered %d%s", u.endpoint.host, status, u.errorCode(resp, p))
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
		return u.origin.fail(Invalid, "names an object that ends before the bytes that were asked for.", errors.Join(errPastEnd, cause))
	case status == http.StatusBadRequest, status == http.StatusUnauthorized, status == http.StatusForbidden:
		return u.origin.fail(Invalid, fmt.Sprintf("is refused by its store (HTTP %d): %s", status, u.signatureAdvice()), cause)
	case status == http.StatusPreconditionFailed:
		return u.origin.fail(Changed, "names an object that changed while it was read; try again.", cause)
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status >= 500:
		return u.origin.fail(Unavailable, fmt.Sprintf("failed at its store (HTTP %d); try again.", status), cause)
	}
	return u.origin.fail(Invalid, fmt.Sprintf("must be answered with all of the object (HTTP 200), and was with HTTP %d.", status), cause)
}

func (u *target) redirected(status int, cause error) *Error {
	return u.origin.fail(Invalid, fmt.Sprintf("answers with a redirect (HTTP %d), and redirects are not followed; sign a URL for the bucket's own Region and endpoint.", status), cause)
}

// signatureAdvice says why a presigned URL is likely refused, by what the URL
// itself tells: its time of expiry, and the headers that were signed.
func (u *target) signatureAdvice() string {
	if u.isLink && !u.isSigned() {
		return "it is readable only with a signature or credentials."
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
			return "it was signed with a header that cannot be sent; sign it with no header but host and content-type."
		case u.headers.Get(name) == "":
			return fmt.Sprintf("it was signed with the header %s; send that header, with the value that was signed.", name)
		}
	}
	act := "read"
	if u.method == http.MethodPut {
		act = "write"
		for name := range query {
			if strings.HasPrefix(strings.ToLower(name), "x-amz-checksum-") {
				return "it was signed with the checksum of another body; sign it without one (in AWS SDKs: request checksum calculation WHEN_REQUIRED)."
			}
		}
	}
	return fmt.Sprintf("it is expired or wrongly signed, or its signer may not %s the object. Sign a %s, and send each signed header (Content-Type above all) with the value that was signed.", act, u.method)
}

var errorCodeText = regexp.MustCompile(`<Code>([A-Za-z0-9]{1,64})</Code>`)

// errorCode is the code in S3's error document, for the operator's log. Of the
// document itself nothing is kept: it repeats the signature.
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
