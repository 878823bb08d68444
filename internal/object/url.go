package object

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"ferry/internal/guard"
)

// maxResponseHeaders bounds the headers of an answer, in bytes.
const maxResponseHeaders = 64 << 10

// bufferSize is that of a transport's read and write buffers, in bytes. What
// is read in larger pieces does not go through it.
const bufferSize = 32 << 10

// fetchAttempts bounds how often one Open of a presigned URL sends its GET.
const fetchAttempts = 3

// URL is a presigned URL that passed every check that needs no packet.
type URL struct {
	target
	name   string
	budget *Budget // nil = none
}

var _ Source = (*URL)(nil)

// URL checks a presigned URL and the headers to send with it. It sends no
// packet. The error is an *Error of kind Invalid.
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

// Within returns the same URL with its requests taken out of a budget.
func (u *URL) Within(budget *Budget) Source {
	within := *u
	within.budget = budget
	return &within
}

// Stat opens the URL and closes it without reading its body: a URL that was
// presigned for GET takes no HEAD.
func (u *URL) Stat(ctx context.Context) (*Object, error) {
	opened, err := u.Open(ctx, "")
	if err != nil {
		return nil, err
	}
	err = opened.Body.Close()
	opened.Body = nil
	return opened, err
}

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
	backoff := u.opener.cfg.RetryBackoff / fetchAttempts
	obj, first, err := u.get(ctx, getRequest{ifMatch: ifMatch})
	for attempt := 1; attempt < fetchAttempts && isRetryable(err) && u.budget.retry() && pause(ctx, backoff); attempt++ {
		obj, first, err = u.get(ctx, getRequest{ifMatch: ifMatch})
	}
	if err != nil {
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

// mayPass reports whether a GET got no answer, in a way that another one may
// mend: a GET of a few headers can be sent again at no risk, as the SDK does
// for stores. An answer, whatever it is, is final.
func isRetryable(err error) bool {
	failed, ok := errors.AsType[*Error](err)
	return ok && failed.noResponse && !errors.Is(err, guard.ErrAddress)
}

// pause waits for up to longest, a random time, and reports whether ctx still goes on.
func pause(ctx context.Context, longest time.Duration) bool {
	select {
	case <-ctx.Done():
	case <-time.After(rand.N(longest + 1)):
	}
	return ctx.Err() == nil
}

// get sends one GET on a connection of its own and gives what the headers of
// its answer say, and its body. Size is that of the body.
func (u *URL) get(ctx context.Context, want getRequest) (*Object, *part, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	limit := time.AfterFunc(u.opener.cfg.OpenTimeout, func() { cancel(errOpenTimeout) })
	defer limit.Stop()
	if !u.budget.request() {
		err := u.budget.spent(u.origin)
		cancel(err)
		return nil, nil, err
	}
	resp, err := u.send(u.newRequest(ctx, want)) //nolint:bodyclose // the part closes it
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

// judge refuses every answer but 200 with all of the bytes as they are stored,
// or 206 with the range that was asked for.
func (u *URL) checkResponse(resp *http.Response, obj *Object, want getRequest, p *readRate) *Error {
	switch {
	case want.ranged && resp.StatusCode == http.StatusOK:
		return u.origin.fail(Invalid, "serves no part of its object, only the whole of it.", nil)
	case !want.ranged && resp.StatusCode != http.StatusOK || want.ranged && resp.StatusCode != http.StatusPartialContent:
		return u.statusError(resp, p)
	}
	h := head{
		size: obj.Size, encoding: resp.Header.Values("Content-Encoding"),
		etag: obj.ETag, ifMatch: want.ifMatch, maxSize: u.opener.cfg.MaxSize,
	}
	if err := checkHead(u.origin, h); err != nil || !want.ranged {
		return err
	}
	return want.check(u.origin, resp.Header.Values("Content-Range"), obj.Size)
}
