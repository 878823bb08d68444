package transfer

import (
	"errors"
	"fmt"

	"ferry/internal/graph"
	"ferry/internal/object"
)

// A Kind classifies an Error by who has to act on it.
type Kind uint8

const (
	// Busy: a limit on transfers is reached. A later try may succeed.
	Busy Kind = iota + 1
	// Unsuitable: WhatsApp does not accept, or would not deliver, such a file.
	Unsuitable
	// Dependency: the store or Meta did not do its part. A later try may succeed.
	Dependency
	// Unavailable: the server cannot do it at the moment. A later try may succeed.
	Unavailable
	// NotFound: the file is not, or no longer, the caller's.
	NotFound
	// Internal: the server failed.
	Internal
)

// Error is an error of this package. Those of the source and the destination
// (*object.Error), of Meta (*graph.Error, *graph.UnreachableError) and of the
// state are returned as they are, or wrapped.
type Error struct {
	Kind    Kind
	Message string // for the caller: what was wrong, and what to do
	Cause   error  // for the operator's log; nil if Message says all
	// Code and Fix are those of the first finding, if the file is unsuitable: the
	// stable code, and what to do. Message has them, too.
	Code, Fix string
}

// CodeOtherMessage is the Code of a file that the message of the job cannot show.
const CodeOtherMessage = "other-message-type"

func (e *Error) Error() string { return e.Message }
func (e *Error) Unwrap() error { return e.Cause }

func fail(kind Kind, cause error, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), Cause: cause}
}

// unwritable returns the error for a database that cannot be written.
func unwritable(cause error) *Error {
	return fail(Unavailable, cause, "The server cannot record changes at the moment, so it did not start. Retry later.")
}

// brokeOff reports whether a transfer failed in a way that a retry can mend and
// that cannot have left the file at WhatsApp.
func brokeOff(err error) bool {
	if lost, ok := errors.AsType[*graph.UnreachableError](err); ok {
		return !lost.BodySent
	}
	broken, ok := errors.AsType[*object.Error](err)
	return ok && broken.Kind == object.Unavailable
}

// isGone reports whether Meta says that it does not have a file.
func isGone(err error) bool {
	refusal, ok := errors.AsType[*graph.Error](err)
	return ok && refusal.Code == 100 && refusal.Subcode == 33
}
