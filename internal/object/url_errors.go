// The errors of a presigned URL, by the status and the code of the response.

package object

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// unreachable returns the error for any failure before a response. The message is
// always the same, so that callers cannot find out whether a name exists, a port is
// open or an address is forbidden.
func (u *target) unreachable(cause error) *Error {
	act := "fetched"
	if u.method == http.MethodPut {
		act = "written to"
	}
	failed := u.origin.fail(noAnswer, fmt.Errorf("%s: %w", u.endpoint.host, cause), act)
	failed.noResponse = true
	return failed
}

// statusError classifies a response to a GET that is not a success.
func (u *target) statusError(resp *http.Response, p *readRate) *Error {
	status, code := resp.StatusCode, u.errorCode(resp, p)
	cause := u.responseCause(status, code)
	switch {
	case status >= 300 && status < 400:
		failed := u.redirected(status, cause)
		if u.isLink {
			failed.location = resp.Header.Get("Location")
		}
		return failed
	case status == http.StatusRequestedRangeNotSatisfiable:
		return u.origin.fail(pastEnd, errors.Join(errPastEnd, cause))
	case status == http.StatusPreconditionFailed:
		return u.origin.fail(urlChanged, cause)
	case code == "InvalidObjectState":
		return u.origin.fail(archived, cause, shorten(lastElement(u.request.Path)), responded(status, code))
	case status == http.StatusNotFound && u.isLink && !u.isSigned():
		return u.origin.fail(linkNotFound, cause, responded(status, code))
	case status == http.StatusNotFound && code != "NoSuchBucket":
		fix := notFoundFix(u.request.Path, urlNotFound.fix)
		return u.origin.fail(urlNotFound.withFix(fix), cause, responded(status, code))
	}
	return u.refusal(status, code, cause, "HTTP 200")
}

// putError classifies a response to a PUT that is not a success.
func (u *target) putError(status int, code string) *Error {
	cause := u.responseCause(status, code)
	switch {
	case status >= 300 && status < 400:
		return u.redirected(status, cause)
	case status == http.StatusNotFound:
		return u.origin.fail(bucketNotFound, cause, responded(status, code))
	}
	if p := writeAccess.problem(status, code); status >= 400 && p.kind == Unavailable && p.code != wrongClock.code {
		return u.origin.fail(p, cause, responded(status, code))
	}
	return u.refusal(status, code, cause, "HTTP 200, 201 or 204")
}

// refusal classifies what GET and PUT have in common. want is what the response should be.
func (u *target) refusal(status int, code string, cause error, want string) *Error {
	said := responded(status, code)
	switch {
	case code == "NoSuchBucket":
		return u.origin.fail(bucketNotFound, cause, said)
	case strings.HasPrefix(code, "KMS."):
		return u.origin.fail(urlKMSKey, cause, said)
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		return u.origin.fail(throttled, cause, said)
	case status == http.StatusRequestTimeout, status >= 500:
		return u.origin.fail(storeFailed, cause, said)
	case status == http.StatusBadRequest, status == http.StatusUnauthorized, status == http.StatusForbidden:
		return u.signatureError(said, code, cause)
	}
	return u.origin.fail(urlStatus.withFix(fmt.Sprintf(urlStatus.fix, u.method)), cause, want, said)
}

func (u *target) redirected(status int, cause error) *Error {
	return u.origin.fail(urlRedirect, cause, responded(status, ""))
}

// responseCause is what the log says about a response.
func (u *target) responseCause(status int, code string) error {
	return fmt.Errorf("%s responded with %s", u.endpoint.host, strings.TrimSpace(fmt.Sprint(status, " ", code)))
}

// signatureError returns the error for a presigned URL that was refused, with the
// probable reason. It depends on the URL's time of expiry, on its signed headers, and on
// the code of the response.
func (u *target) signatureError(said, code string, cause error) *Error {
	query := u.request.Query()
	if !(u.isLink && !u.isSigned()) && u.hasExpired(query) {
		return u.origin.fail(urlExpired, cause, said)
	}
	return u.origin.fail(urlRefused.withFix(u.signatureAdvice(query, code)), cause, said)
}

func (u *target) hasExpired(query url.Values) bool {
	signed, err := time.Parse("20060102T150405Z", query.Get("X-Amz-Date"))
	seconds, errSeconds := time.ParseDuration(query.Get("X-Amz-Expires") + "s")
	return err == nil && errSeconds == nil && u.opener.cfg.Now().After(signed.Add(seconds))
}

// signerAdvice is the advice for codes that say what is wrong with the signer of a URL.
var signerAdvice = map[string]string{
	"InvalidAccessKeyId":   "The access key that signed it does not exist any more. Sign it with another one.",
	"ExpiredToken":         "The session token that it was signed with has expired. Sign it with new credentials.",
	"InvalidToken":         "The session token that it was signed with is not valid. Sign it with new credentials.",
	"RequestTimeTooSkewed": "The clock of the machine that signed it is wrong. Correct it and sign a new one.",
}

// signatureAdvice says what to do about a presigned URL that was refused.
func (u *target) signatureAdvice(query url.Values, code string) string {
	if u.isLink && !u.isSigned() {
		return "It needs a signature or credentials."
	}
	if advice, known := signerAdvice[code]; known {
		return advice
	}
	for name := range strings.SplitSeq(query.Get("X-Amz-SignedHeaders"), ";") {
		name = http.CanonicalHeaderKey(name)
		switch {
		case name == "Host" || name == "":
		case !u.rule.allows(name):
			return "It was signed with a header that cannot be sent; sign only the headers host and content-type."
		case u.headers.Get(name) == "":
			return fmt.Sprintf("It was signed with the header %s; send that header with the signed value.", name)
		}
	}
	act, rights := "read", "s3:GetObject, and kms:Decrypt if it is encrypted with KMS"
	if u.method == http.MethodPut {
		act, rights = "write", "s3:PutObject, and kms:GenerateDataKey if the bucket encrypts with KMS"
		for name := range query {
			if strings.HasPrefix(strings.ToLower(name), "x-amz-checksum-") {
				return "It was signed with the checksum of another body; sign it without a checksum (in AWS SDKs: request checksum calculation WHEN_REQUIRED)."
			}
		}
	}
	return fmt.Sprintf("It has expired, its signature is wrong, or its signer may not %s the object (%s). Sign a %s, and send each signed header (especially Content-Type) with the signed value.", act, rights, u.method)
}

var errorCodeText = regexp.MustCompile(`<Code>([A-Za-z0-9.]{1,128})</Code>`)

// errorCode returns the code in S3's error document, or "". The rest of the document is
// dropped, because it contains the signature.
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
		return u.origin.scrubber.codeToken(string(found[1]))
	}
	return ""
}
