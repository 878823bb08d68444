package sigv4

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Error is the error response that AWS would send: the exception's name (without "com.amazonaws…#"), the
// HTTP status and the text of "message". It contains no secrets: a faulty header is shown as its hash.
//
// The status is 403, except for IncompleteSignatureException, which is 400. AWS documents 403 for it too
// (docs/references.md#aws-errors), but users observe 400.
type Error struct {
	Code    string
	Status  int
	Message string
	// ClaimedKey is the access key id that the request names. It is set only if the time of
	// the request is wrong, and nothing else was checked.
	ClaimedKey string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// UnknownKey returns the error for an access key id that does not exist. See Signature.VerifyUnknown.
func UnknownKey() *Error {
	return &Error{Code: "UnrecognizedClientException", Status: http.StatusForbidden, Message: "The security token included in the request is invalid."}
}

func missing() *Error {
	return &Error{Code: "MissingAuthenticationTokenException", Status: http.StatusForbidden, Message: "Missing Authentication Token"}
}

// mismatch returns the error for a wrong or malformed signature.
func mismatch() *Error {
	return invalid("The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
}

func incomplete(format string, args ...any) *Error {
	return &Error{Code: "IncompleteSignatureException", Status: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *Error {
	return &Error{Code: "InvalidSignatureException", Status: http.StatusForbidden, Message: fmt.Sprintf(format, args...)}
}

func tooLarge(format string, args ...any) *Error {
	e := incomplete(format, args...)
	e.Status = http.StatusRequestHeaderFieldsTooLarge
	return e
}

// clip shortens a part of a request that a message quotes, and makes it valid UTF-8.
func clip(s string) string {
	const maxBytes = 100
	if len(s) > maxBytes {
		s = s[:maxBytes] + "…"
	}
	return strings.ToValidUTF8(s, "�")
}

// minutes formats d as AWS does: "15 min."
func minutes(d time.Duration) string {
	if d%time.Minute == 0 {
		return fmt.Sprintf("%d min.", d/time.Minute)
	}
	return d.String()
}
