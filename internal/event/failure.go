// Why an attempt failed, and what follows from that.

package event

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"ferry/internal/guard"
	"ferry/internal/outbox"
)

// failure is why an attempt failed. Its text says what is wrong and what to do; it
// is stored and shown, so that it contains no credentials and nothing of a URL
// but its host. The cause is for the log.
type failure struct {
	text  string
	cause error
	code  string // of the service that refused it
	// status is the HTTP status of the response; 0 means that there was none.
	status int

	isFinal bool // the same delivery would fail again
	isGone  bool // the destination asks for no more events: it is held
	// notOfDestination says that the destination may take other events: the failure is of
	// this event, or of this server.
	notOfDestination bool
	after            time.Duration // shortest time until the next attempt
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.cause }

// outcome returns the failure as the outbox expects it.
func (f *failure) outcome() error {
	if f.isFinal {
		return finalError{f}
	}
	return &outbox.RetryError{Err: f, After: f.after, NotOfDestination: f.notOfDestination}
}

// finalError is a failure after which there is no other attempt.
type finalError struct{ *failure }

func (e finalError) Unwrap() []error { return []error{outbox.ErrNever, e.failure} }

func final(format string, args ...any) *failure {
	return &failure{text: fmt.Sprintf(format, args...), isFinal: true}
}

func retryLater(cause error, format string, args ...any) *failure {
	return &failure{text: fmt.Sprintf(format, args...), cause: cause}
}

// maxRetryAfter is the longest time for which a receiver can delay the next attempt.
const maxRetryAfter = time.Hour

// retryAfter returns the value of a Retry-After header as a time from now: 0 if it is
// none, in the past or malformed, and at most maxRetryAfter (docs/references.md#http).
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
		if seconds > int64(maxRetryAfter/time.Second) {
			return maxRetryAfter
		}
		return max(0, time.Duration(seconds)*time.Second)
	}
	if strings.Trim(value, "0123456789") == "" && value != "" {
		return maxRetryAfter // too large for an int64
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(0, at.Sub(now)), maxRetryAfter)
}

// unreachable returns the failure of a request without a response. host is where it
// was sent to.
func unreachable(ctx context.Context, host string, timeout time.Duration, err error) *failure {
	failed := retryLater(err, "%s could not be reached. Check its name, and that it listens.", host)
	var unknownAuthority x509.UnknownAuthorityError
	var wrongName x509.HostnameError
	var invalid x509.CertificateInvalidError
	var noTLS tls.RecordHeaderError
	var lookup *net.DNSError
	switch {
	case errors.Is(err, guard.ErrAddress):
		failed.text = fmt.Sprintf("%s: %s. Name a host that events may be sent to.", host, addressText(err))
	case errors.As(err, &unknownAuthority), errors.As(err, &wrongName), errors.As(err, &invalid):
		failed.text = fmt.Sprintf("The TLS certificate of %s is not valid for it. Renew it, or correct the name.", host)
	case errors.As(err, &noTLS):
		failed.text = fmt.Sprintf("%s did not respond with TLS. Check the scheme and the port.", host)
	case errors.As(err, &lookup) && lookup.IsNotFound:
		failed.text = fmt.Sprintf("The name %s does not exist. Correct it.", host)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		failed.text = fmt.Sprintf("%s did not respond within %v.", host, timeout)
	case errors.Is(err, context.Canceled):
		failed.text = "The attempt was interrupted, because the server stopped."
	}
	return failed
}

// addressText returns the text of a refused address without what wraps it.
func addressText(err error) string {
	text := err.Error()
	if at := strings.Index(text, guard.ErrAddress.Error()); at >= 0 {
		return text[at:]
	}
	return text
}
