package sigv4

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Error is what AWS's front end answers: the exception's name (without "com.amazonaws…#"), the HTTP
// status and the text of "message". It holds nothing secret: a faulty header is shown as its hash.
//
// Statuses are those of a rest-json service: 403, but 400 for IncompleteSignatureException. AWS's page
// CommonErrors gives 403 for that one too; captures of front ends give 400, and ferry follows these.
type Error struct {
	Code    string
	Status  int
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// UnknownKey is the answer to an access key id that does not exist. See Signature.VerifyUnknown.
func UnknownKey() *Error {
	return &Error{"UnrecognizedClientException", http.StatusForbidden, "The security token included in the request is invalid."}
}

// badToken is AWS's answer to a session token that it never issued; the text has no period.
func badToken() *Error {
	return &Error{"UnrecognizedClientException", http.StatusForbidden, "The security token included in the request is invalid"}
}

func missing() *Error {
	return &Error{"MissingAuthenticationTokenException", http.StatusForbidden, "Missing Authentication Token"}
}

// mismatch is the answer to a signature that is well-formed and wrong, and to one that is not well-formed.
func mismatch() *Error {
	return invalid("The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
}

func incomplete(format string, args ...any) *Error {
	return &Error{"IncompleteSignatureException", http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *Error {
	return &Error{"InvalidSignatureException", http.StatusForbidden, fmt.Sprintf(format, args...)}
}

func tooLarge(format string, args ...any) *Error {
	e := incomplete(format, args...)
	e.Status = http.StatusRequestHeaderFieldsTooLarge
	return e
}

// clip makes a part of a request fit to be quoted in a message.
func clip(s string) string {
	const most = 100
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "�")
}

// minutes writes d the way AWS does: "15 min."
func minutes(d time.Duration) string {
	if d%time.Minute == 0 {
		return fmt.Sprintf("%d min.", d/time.Minute)
	}
	return d.String()
}
