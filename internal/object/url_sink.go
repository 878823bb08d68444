package object

import (
	"context"
	"errors"
	"io"
	"net/http"
)

// URLSink writes to a presigned URL that has passed all checks that need no network.
type URLSink struct {
	target
	budget *Budget // may be nil
}

var _ Sink = (*URLSink)(nil)

// URLSink checks a URL that was presigned for PUT, and the headers to send with it
// (putHeaders), with the rules of URL. It sends nothing. The error is an *Error of
// kind Invalid.
func (o *Opener) URLSink(rawURL string, headers map[string]string) (*URLSink, error) {
	t, err := o.target(http.MethodPut, rawURL)
	if err != nil {
		return nil, err
	}
	if err := t.setHeaders(headers, putHeaders); err != nil {
		return nil, err
	}
	return &URLSink{target: t}, nil
}

// WithBudget returns the same sink. Its retries need the budget's permission.
func (u *URLSink) WithBudget(budget *Budget) Sink {
	within := *u
	within.budget = budget
	return &within
}

// Put sends one PUT. It retries as long as there is no response and nothing of the
// content was read, up to fetchAttempts in all. The caller's Content-Type takes
// precedence over the content's, since it may be signed.
//
// Errors other than those of the content are of type *Error:
//   - NotFound: 404.
//   - Unavailable: a retry may succeed.
//   - Invalid: any other response than 200, 201 and 204.
func (u *URLSink) Put(ctx context.Context, content Content) error {
	by := u.reachBy()
	err := u.opener.put(ctx, u.origin, content, u.budget, by, func(ctx context.Context, cancel context.CancelCauseFunc, body io.Reader) error {
		resp, err := u.send(u.newRequest(ctx, content, body), cancel, by)
		if err != nil {
			if errors.Is(context.Cause(ctx), errStalled) {
				return u.origin.fail(writeTooSlow, err)
			}
			return err
		}
		defer resp.Body.Close()
		if isWritten(resp.StatusCode) {
			return nil
		}
		p := newReadRate(ctx, u.opener.cfg, cancel)
		defer p.stop()
		return u.putError(resp.StatusCode, u.errorCode(resp, p))
	})
	return awaitReach(ctx, by, err)
}

func (u *URLSink) newRequest(ctx context.Context, content Content, body io.Reader) *http.Request {
	request := &http.Request{
		Method: http.MethodPut, URL: u.request, Host: u.host, Header: u.headers.Clone(),
		Body: io.NopCloser(body), ContentLength: content.Size,
		// Without these, net/http does not wait for 100 Continue, or sends the body
		// after an error response.
		ProtoMajor: 1, ProtoMinor: 1, Close: true,
	}
	if content.Size == 0 {
		request.Body = http.NoBody
	}
	if request.Header.Get("Content-Type") == "" && content.ContentType != "" && !u.isVersion2() {
		request.Header.Set("Content-Type", content.ContentType)
	}
	if content.Size > bufferSize {
		request.Header.Set("Expect", "100-continue") // so that no part of the body is read if the store refuses it
	}
	request.Header.Set("User-Agent", "ferry")
	return request.WithContext(ctx)
}
