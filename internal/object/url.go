package object

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// maxResponseHeaders is the limit for the headers of a response in bytes.
const maxResponseHeaders = 64 << 10

// bufferSize is the size of a transport's read and write buffers in bytes. Larger
// reads bypass the buffer.
const bufferSize = 32 << 10

// fetchAttempts is the limit for the attempts of one Open of a presigned URL.
const fetchAttempts = 3

// URL is a presigned URL that has passed all checks that need no network.
type URL struct {
	target
	name   string
	budget *Budget // may be nil
}

var _ Source = (*URL)(nil)

// URL checks a presigned URL and the headers to send with it. It sends nothing. The
// error is an *Error of kind Invalid.
func (o *Opener) URL(rawURL string, headers map[string]string) (*URL, error) {
	t, err := o.target(http.MethodGet, rawURL)
	if err != nil {
		return nil, err
	}
	if err := t.setHeaders(headers, getHeaders); err != nil {
		return nil, err
	}
	return &URL{target: t, name: lastElement(t.request.Path)}, nil
}

// Store returns presigned-url.
func (*URL) Store() string { return storeOfURLs }

// WithBudget returns the same URL. Its requests count against the budget.
func (u *URL) WithBudget(budget *Budget) Source {
	within := *u
	within.budget = budget
	return &within
}

// Stat opens the URL and closes it without reading its body, since a URL that was
// presigned for GET does not allow HEAD.
func (u *URL) Stat(ctx context.Context) (*Object, error) {
	opened, err := u.Open(ctx, "")
	if err != nil {
		return nil, err
	}
	err = opened.Body.Close()
	opened.Body = nil
	return opened, err
}

// Open sends one GET. It retries as long as there is no response, up to
// fetchAttempts in all. Its errors are of type *Error:
//   - NotFound: 404.
//   - Changed: 412, or a response with another ETag than ifMatch.
//   - Invalid: a retry cannot succeed, because the URL has expired or is badly
//     signed, or because the response is a redirect, partial or without
//     Content-Length.
//   - Unavailable: anything else. A host with a forbidden address gets the same
//     error, and at the same time, as a host that cannot be reached.
func (u *URL) Open(ctx context.Context, ifMatch string) (*Object, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	limit := time.AfterFunc(u.opener.cfg.OpenTimeout, func() { cancel(errOpenTimeout) })
	defer limit.Stop()
	backoff := u.opener.cfg.RetryBackoff / fetchAttempts
	want := getRequest{ifMatch: ifMatch, reachBy: u.reachBy()}
	obj, first, err := u.get(ctx, want)
	for attempt := 1; attempt < fetchAttempts && isRetryable(err) && pause(ctx, backoff, want.reachBy) && u.budget.retry(); attempt++ {
		obj, first, err = u.get(ctx, want)
	}
	if err != nil {
		err = awaitReach(ctx, want.reachBy, err)
		cancel(err)
		return nil, err
	}
	reopen := func(ctx context.Context, first int64) (*part, error) {
		_, next, err := u.get(ctx, requestRest(obj, first))
		return next, err
	}
	if obj.ETag == "" {
		reopen = nil
	}
	obj.attach(newBody(ctx, cancel, u.origin, obj.Size, first, reopen, backoff, u.budget))
	return obj, nil
}

// isRetryable reports whether a request got no response, so that a retry may
// succeed. Any response is final. A forbidden address is retried like a host that
// does not exist: it uses as much of the retries that the caller has, which the
// caller can count at a host of its own.
func isRetryable(err error) bool {
	failed, ok := errors.AsType[*Error](err)
	return ok && failed.noResponse && !errors.Is(err, errUnreached)
}

// pause waits for a random time of at most longest, and reports whether ctx is not
// done. It returns false at once if a time, unless that is zero, would pass meanwhile.
func pause(ctx context.Context, longest time.Duration, by time.Time) bool {
	wait := rand.N(longest + 1)
	if !by.IsZero() && time.Until(by) <= wait {
		return false
	}
	select {
	case <-ctx.Done():
	case <-time.After(wait):
	}
	return ctx.Err() == nil
}

// get sends one GET on a new connection. It returns what the response's headers say,
// and the body. Size is the size of the body.
func (u *URL) get(ctx context.Context, want getRequest) (*Object, *part, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	limit := time.AfterFunc(u.opener.cfg.OpenTimeout, func() { cancel(errOpenTimeout) })
	defer limit.Stop()
	if !u.budget.request() {
		err := u.budget.spent(u.origin)
		cancel(err)
		return nil, nil, err
	}
	if want.reachBy.IsZero() {
		want.reachBy = u.reachBy()
	}
	resp, err := u.send(u.newRequest(ctx, want), cancel, want.reachBy) //nolint:bodyclose // the part closes it
	if err != nil {
		cancel(err)
		return nil, nil, err
	}
	contentType := u.headers.Get("Content-Type")
	if u.isLink {
		contentType = resp.Header.Get("Content-Type")
	}
	obj := &Object{
		Size:        resp.ContentLength,
		ContentType: contentType,
		Encoding:    strings.Join(resp.Header.Values("Content-Encoding"), ", "),
		ETag:        entityTag(resp.Header.Get("ETag")),
		Name:        u.name,
	}
	got := &part{src: resp.Body, rate: newReadRate(ctx, u.opener.cfg, cancel), release: func() { cancel(context.Canceled) }}
	if err := u.checkResponse(resp, obj, want, got.rate); err != nil {
		_ = got.close()
		return nil, nil, err
	}
	return obj, got, nil
}

func (u *URL) newRequest(ctx context.Context, want getRequest) *http.Request {
	request := &http.Request{Method: http.MethodGet, URL: u.request, Host: u.host, Header: u.headers.Clone()}
	request.Header.Set("Accept-Encoding", "identity")
	request.Header.Set("User-Agent", "ferry")
	if want.ifMatch != "" {
		request.Header.Set("If-Match", want.ifMatch)
	}
	if want.ranged {
		request.Header.Set("Range", want.rangeHeader())
	}
	if u.isVersion2() {
		request.Header.Del("Content-Type")
	}
	return request.WithContext(ctx)
}

// checkResponse accepts only a 200 with all bytes of the object as they are stored,
// or a 206 with the requested range.
func (u *URL) checkResponse(resp *http.Response, obj *Object, want getRequest, p *readRate) *Error {
	switch {
	case want.ranged && resp.StatusCode == http.StatusOK:
		return u.origin.fail(noRanges, nil)
	case !want.ranged && resp.StatusCode != http.StatusOK || want.ranged && resp.StatusCode != http.StatusPartialContent:
		return u.statusError(resp, p)
	}
	if err := want.checkHead(u.origin, obj); err != nil || !want.ranged {
		return err
	}
	return want.check(u.origin, resp.Header.Values("Content-Range"), obj)
}
