package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// URLSink is a presigned URL to write to, which passed every check that needs
// no packet.
type URLSink struct {
	target
	budget *Budget // nil = none
}

var _ Sink = (*URLSink)(nil)

// URLSink checks a presigned URL for a PUT, and the headers to send with it
// (putHeaders), by the rules of URL. It sends no packet. The error is an *Error
// of kind Invalid.
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

// Within returns the same sink with its retries taken out of a budget.
func (u *URLSink) Within(budget *Budget) Sink {
	within := *u
	within.budget = budget
	return &within
}

// Put sends one PUT, again (fetchAttempts) while none is answered and nothing of
// the content is used up. The caller's Content-Type goes before the content's,
// since it may be signed.
//
// Its errors are *Error, but for those of the content: NotFound for 404;
// Unavailable for what another try may mend; Invalid for every other answer
// than 200, 201 and 204.
func (u *URLSink) Put(ctx context.Context, content Content) error {
	return u.opener.put(ctx, u.origin, content, u.budget, func(ctx context.Context, cancel context.CancelCauseFunc, body io.Reader) error {
		resp, err := u.send(u.newRequest(ctx, content, body))
		if err != nil {
			if errors.Is(context.Cause(ctx), errStalled) {
				return u.origin.fail(Unavailable, "took the file too slowly; try again.", err)
			}
			return err
		}
		defer resp.Body.Close()
		switch resp.StatusCode {
		case http.StatusOK, http.StatusCreated, http.StatusNoContent:
			return nil
		}
		p := newReadRate(ctx, u.opener.cfg, cancel)
		defer p.stop()
		return u.putError(resp.StatusCode, u.errorCode(resp, p))
	})
}

func (u *URLSink) newRequest(ctx context.Context, content Content, body io.Reader) *http.Request {
	request := &http.Request{
		Method: http.MethodPut, URL: u.request, Host: u.host, Header: u.headers.Clone(),
		Body: io.NopCloser(body), ContentLength: content.Size,
		// Else net/http does not wait for 100 Continue, or sends the body after a refusal.
		ProtoMajor: 1, ProtoMinor: 1, Close: true,
	}
	if content.Size == 0 {
		request.Body = http.NoBody
	}
	if request.Header.Get("Content-Type") == "" && content.ContentType != "" && !u.isVersion2() {
		request.Header.Set("Content-Type", content.ContentType)
	}
	if content.Size > bufferSize {
		request.Header.Set("Expect", "100-continue") // a refusal then costs nothing of the body
	}
	request.Header.Set("User-Agent", "ferry")
	return request.WithContext(ctx)
}

// putError sorts the answer to a PUT. code is that of S3's error document, after
// a space, or "".
func (u *URLSink) putError(status int, code string) *Error {
	cause := fmt.Errorf("%s answered %d%s", u.endpoint.host, status, code)
	switch {
	case status >= 300 && status < 400:
		return u.redirected(status, cause)
	case isTransient(status, strings.TrimSpace(code)):
		return u.origin.fail(Unavailable, fmt.Sprintf("failed at its store (HTTP %d); try again.", status), cause)
	case status == http.StatusNotFound:
		return u.origin.fail(NotFound, "names no bucket that exists (HTTP 404).", cause)
	case status == http.StatusBadRequest, status == http.StatusUnauthorized, status == http.StatusForbidden:
		return u.origin.fail(Invalid, fmt.Sprintf("is refused by its store (HTTP %d): %s", status, u.signatureAdvice()), cause)
	}
	return u.origin.fail(Invalid, fmt.Sprintf("must be answered with HTTP 200, 201 or 204, and was with HTTP %d.", status), cause)
}
