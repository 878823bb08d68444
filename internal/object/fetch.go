package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// maxResponseHeaders bounds the headers of an answer, in bytes.
const maxResponseHeaders = 64 << 10

// bufferSize is that of a transport's read and write buffers, in bytes.
const bufferSize = 64 << 10

// fetchAttempts bounds how often one Open of a presigned URL sends its GET.
const fetchAttempts = 3

// URL is a presigned URL that passed every check that needs no packet.
type URL struct {
	opener  *Opener
	origin  origin
	place   place
	reach   Reach
	request *url.URL
	host    string // Host header
	headers http.Header
	name    string
}

var _ Source = (*URL)(nil)

// URL checks a presigned URL and the headers to send with it. It sends no
// packet. The error is an *Error of kind Invalid.
func (o *Opener) URL(rawURL string, headers map[string]string) (*URL, error) {
	from := origin{name: "The presigned URL"}
	parts, err := splitURL(rawURL)
	if err != nil {
		return nil, from.fail(Invalid, err.Error()+".", nil)
	}
	u := &URL{opener: o, origin: from, place: parts.place, host: parts.hostHeader}
	if u.request, err = parts.requestURL(); err != nil {
		return nil, from.fail(Invalid, err.Error()+".", nil)
	}
	if strings.Trim(u.request.Path, "/") == "" {
		return nil, from.fail(Invalid, "names no object in its path.", nil)
	}
	var ok bool
	if u.reach, ok = o.hosts.find(parts.place); !ok {
		return nil, from.fail(Invalid, "must be an https URL of AWS S3, or of a store or host that this server's configuration allows.", fmt.Errorf("%s is not on the list of hosts", parts.host))
	}
	if err := u.checkNamed(o.hosts); err != nil {
		return nil, from.fail(Invalid, err.Error()+".", nil)
	}
	if u.headers, err = callerHeaders(headers); err != nil {
		return nil, from.fail(Invalid, err.Error()+".", nil)
	}
	u.origin.scrubber = newScrubber(append(querySecrets(parts.query),
		u.headers.Get("X-Amz-Server-Side-Encryption-Customer-Key"),
		u.headers.Get("X-Amz-Server-Side-Encryption-Customer-Key-Md5"))...)
	u.name = lastElement(u.request.Path)
	return u, nil
}

// String is the URL without its query.
func (u *URL) String() string { return u.place.String() + u.request.RawPath }

// Format writes String, whatever the verb: no verb shows the query or the headers.
func (u *URL) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, u.String()) }

// Open sends one GET, again (fetchAttempts) while none is answered. Its errors
// are *Error: NotFound for 404; Invalid for what another try cannot mend (expired or badly
// signed, a redirect, an encoded, partial or too long answer, one without
// Content-Length); Changed for 412 and for an answer with another ETag than
// ifMatch; Unavailable for the rest. A host that resolves to an address which
// must not be reached looks the same as one that does not answer.
func (u *URL) Open(ctx context.Context, ifMatch string) (*Object, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	limit := time.AfterFunc(u.opener.cfg.OpenTimeout, func() { cancel(errOpenTimeout) })
	defer limit.Stop()
	transport := u.transport()
	obj, err := u.get(ctx, transport, ifMatch, cancel)
	for attempt := 1; attempt < fetchAttempts && mayPass(err) && pause(ctx, u.opener.cfg.RetryBackoff/fetchAttempts); attempt++ {
		obj, err = u.get(ctx, transport, ifMatch, cancel)
	}
	if err != nil {
		cancel(err)
		transport.CloseIdleConnections()
		return nil, err
	}
	return obj, nil
}

// mayPass reports whether a GET got no answer, in a way that another one may
// mend: a GET of a few headers can be sent again at no risk, as the SDK does
// for stores. An answer, whatever it is, has ended ctx.
func mayPass(err error) bool {
	failed, ok := errors.AsType[*Error](err)
	return ok && failed.Kind == Unavailable && !errors.Is(err, ErrAddress)
}

// pause waits for up to longest, a random time, and reports whether ctx still goes on.
func pause(ctx context.Context, longest time.Duration) bool {
	select {
	case <-ctx.Done():
	case <-time.After(rand.N(longest + 1)):
	}
	return ctx.Err() == nil
}

func (u *URL) get(ctx context.Context, transport *http.Transport, ifMatch string, cancel context.CancelCauseFunc) (*Object, error) {
	pinned, err := u.opener.guard.Pin(ctx, u.reach, u.place.host, u.place.port)
	if err != nil {
		return nil, u.unreachable(err)
	}
	transport.DialContext = pinned.DialContext
	// RoundTrip and not a Client: it follows no redirect, keeps no cookie, and
	// its errors do not print the URL.
	resp, err := transport.RoundTrip(u.newRequest(ctx, ifMatch))
	if err != nil {
		return nil, u.unreachable(errors.Join(err, context.Cause(ctx)))
	}
	obj := &Object{
		Size:        resp.ContentLength,
		ContentType: u.headers.Get("Content-Type"),
		ETag:        entityTag(resp.Header.Get("ETag")),
		Name:        u.name,
	}
	p := newPace(ctx, u.opener.cfg, cancel)
	if err := u.judge(resp, obj, ifMatch, p); err != nil {
		p.stop()
		cancel(err)
		_ = resp.Body.Close()
		return nil, err
	}
	obj.Body = newBody(u.origin, resp.Body, obj.Size, p, cancel, transport.CloseIdleConnections)
	return obj, nil
}

func (u *URL) newRequest(ctx context.Context, ifMatch string) *http.Request {
	request := &http.Request{Method: http.MethodGet, URL: u.request, Host: u.host, Header: u.headers.Clone()}
	request.Header.Set("Accept-Encoding", "identity")
	request.Header.Set("User-Agent", "ferry")
	if ifMatch != "" {
		request.Header.Set("If-Match", ifMatch)
	}
	if u.isVersion2() {
		request.Header.Del("Content-Type")
	}
	return request.WithContext(ctx)
}

// checkNamed holds a URL on a configured store's endpoint, which may lie inside
// the network, to what a presigned URL is: a signed GET of an object, here of a
// bucket that the store is configured to hold.
func (u *URL) checkNamed(hosts hostList) error {
	if u.reach != Named {
		return nil
	}
	query := u.request.Query()
	if !u.isVersion2() && !(query.Has("X-Amz-Signature") && query.Has("X-Amz-Credential")) {
		return errors.New("is not signed; sign a GET of the object")
	}
	if !hosts.holds(u.place, u.request.Path) {
		return errors.New("names no object of a bucket that this server's configuration allows at that store")
	}
	return nil
}

// isVersion2 tells a URL of Signature Version 2, which boto3 and the AWS CLI v1
// still make in older regions. That signature covers the Content-Type that is
// sent, and a GET is signed without one, so that sending it breaks the
// signature. Version 4 covers the headers that it lists, and no others.
func (u *URL) isVersion2() bool {
	query := u.request.Query()
	return query.Has("AWSAccessKeyId") && query.Has("Signature")
}

// transport is for one fetch: callers share no connection, and no proxy, HTTP/2,
// compression or environment is involved.
func (u *URL) transport() *http.Transport {
	cfg := u.opener.cfg
	serverName := u.place.host
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  nil,
		TLSClientConfig:        cfg.tls(serverName),
		TLSHandshakeTimeout:    cfg.TLSTimeout,
		ResponseHeaderTimeout:  cfg.HeaderTimeout,
		MaxResponseHeaderBytes: maxResponseHeaders,
		ReadBufferSize:         bufferSize,
		DisableCompression:     true,
		DisableKeepAlives:      true,
		Protocols:              protocols,
	}
}

// unreachable is one answer for all that goes wrong before a response: whether
// a name exists, a port is open or an address is forbidden is not for the caller.
func (u *URL) unreachable(cause error) *Error {
	return u.origin.fail(Unavailable, "could not be fetched: its host cannot be reached, or does not answer as a web server should.",
		fmt.Errorf("%s: %w", u.place.host, cause))
}

// judge refuses every answer but 200 with all of the bytes as they are stored.
func (u *URL) judge(resp *http.Response, obj *Object, ifMatch string, p *pace) *Error {
	if resp.StatusCode != http.StatusOK {
		return u.statusError(resp, p)
	}
	return acceptHead(u.origin, head{
		size: obj.Size, encoding: resp.Header.Values("Content-Encoding"),
		etag: obj.ETag, ifMatch: ifMatch, maxSize: u.opener.cfg.MaxSize,
	})
}

func (u *URL) statusError(resp *http.Response, p *pace) *Error {
	status := resp.StatusCode
	cause := fmt.Errorf("%s answered %d%s", u.place.host, status, u.errorCode(resp, p))
	switch {
	case status >= 300 && status < 400:
		return u.origin.fail(Invalid, fmt.Sprintf("answers with a redirect (HTTP %d), and redirects are not followed; sign a URL for the bucket's own Region and endpoint.", status), cause)
	case status == http.StatusNotFound:
		return u.origin.fail(NotFound, "names no object that exists (HTTP 404).", cause)
	case status == http.StatusBadRequest, status == http.StatusUnauthorized, status == http.StatusForbidden:
		return u.origin.fail(Invalid, fmt.Sprintf("is refused by its store (HTTP %d): %s", status, u.signatureAdvice()), cause)
	case status == http.StatusPreconditionFailed:
		return u.origin.fail(Changed, "names an object that changed while it was read; try again.", cause)
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status >= 500:
		return u.origin.fail(Unavailable, fmt.Sprintf("failed at its store (HTTP %d); try again.", status), cause)
	}
	return u.origin.fail(Invalid, fmt.Sprintf("must be answered with all of the object (HTTP 200), and was with HTTP %d.", status), cause)
}

// signatureAdvice says why a presigned URL is likely refused, by what the URL
// itself tells: its time of expiry, and the headers that were signed.
func (u *URL) signatureAdvice() string {
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
		case !mayForward(name):
			return "it was signed with a header that cannot be sent; sign it with no header but host and content-type."
		case u.headers.Get(name) == "":
			return fmt.Sprintf("it was signed with the header %s; send that header, with the value that was signed.", name)
		}
	}
	return "it is expired or wrongly signed, or its signer may not read the object. Sign a GET, and send each signed header (Content-Type above all) with the value that was signed."
}

var errorCodeText = regexp.MustCompile(`<Code>([A-Za-z0-9]{1,64})</Code>`)

// errorCode is the code in S3's error document, for the operator's log. Of the
// document itself nothing is kept: it repeats the signature.
func (u *URL) errorCode(resp *http.Response, p *pace) string {
	if resp.StatusCode < 400 {
		return ""
	}
	p.left = min(p.left, 2*time.Second)
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
