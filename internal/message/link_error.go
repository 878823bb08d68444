// What is wrong with a file that a message links to.

package message

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ferry/internal/envelope"
	"ferry/internal/graph"
	"ferry/internal/media"
	"ferry/internal/object"
	"ferry/internal/outbox"
	"ferry/internal/state"
	"ferry/internal/transfer"
)

// codeMediaUpload is Meta's code of a message whose file cannot be sent
// (docs/references.md#graph-errors). Meta reports it, too, for a link that it cannot read.
const codeMediaUpload = 131053

// A LinkError says that a message has failed because of a file that it links to.
type LinkError struct {
	// Report is the error in the form of Meta's webhooks. Its details name the link, without
	// its query, what is wrong, and what to do.
	Report envelope.Error
	Cause  error
}

func (e *LinkError) Error() string { return e.Report.Details }
func (e *LinkError) Unwrap() error { return e.Cause }

// isOwn reports whether an error is not about the file: this server cannot read it now.
func isOwn(err error) bool {
	if errors.Is(err, state.ErrUnwritable) || errors.Is(err, context.Canceled) {
		return true
	}
	if _, ok := errors.AsType[*outbox.RetryError](err); ok {
		return true
	}
	own, ok := errors.AsType[*transfer.Error](err)
	return ok && (own.Kind == transfer.Busy || own.Kind == transfer.Unavailable)
}

// isOfFile reports whether the file would fail again: it is missing, or WhatsApp does not
// accept it.
func isOfFile(err error) bool {
	if own, ok := errors.AsType[*transfer.Error](err); ok && (own.Kind == transfer.Unsuitable || own.Kind == transfer.NotFound) {
		return true
	}
	source, ok := errors.AsType[*object.Error](err)
	return ok && source.Kind != object.Unavailable && source.Kind != object.Changed
}

// failure returns the error of an attempt whose file could not be uploaded: a LinkError if
// another attempt would fail as well, or was one too many. The next attempt is made when
// the file may be read again. Meanwhile, the phone number sends other messages.
func (l *Links) failure(job LinkJob, medium Medium, err error) error {
	if isOwn(err) {
		if known, ok := errors.AsType[*outbox.RetryError](err); ok {
			return known
		}
		return notNow(err)
	}
	var wait time.Duration
	if remembered, ok := errors.AsType[*linkFailure](err); ok {
		wait = max(0, min(linkFailureAge, remembered.until.Sub(l.config.Now())))
	}
	report := envelope.Error{Code: codeMediaUpload, Title: "Media upload error", Href: errorPage}
	isFinal := isOfFile(err)
	if refusal, ok := errors.AsType[*graph.Error](err); ok {
		if back, isThrottled := backOffOf(Result{Code: refusal.Code, Status: refusal.Status}); isThrottled {
			return &outbox.RetryError{Err: err, After: max(back.first, wait), NotOfDestination: true}
		}
		if verdictOf(refusal) == refused {
			isFinal, report = true, errorOf(refusal)
		}
	}
	if !isFinal && job.Attempts+1 < maxLinkTries {
		return &outbox.RetryError{Err: err, After: wait, NotOfDestination: true}
	}
	report.Details = fmt.Sprintf("The file at %s.link (%s) cannot be sent: %s", medium.Path, l.name(medium.Link), publicText(err))
	return &LinkError{Report: report, Cause: err}
}

// name returns a link without its query, which may be a secret.
func (l *Links) name(link string) string {
	source, err := l.config.Objects.PublicLink(link)
	if err != nil {
		return "which is not a URL that can be read"
	}
	return source.String()
}

// publicText returns what the caller may see of an error.
func publicText(err error) string {
	if own, ok := errors.AsType[*transfer.Error](err); ok {
		return own.Message
	}
	if source, ok := errors.AsType[*object.Error](err); ok {
		return source.Error()
	}
	if refusal, ok := errors.AsType[*graph.Error](err); ok {
		return "WhatsApp (Meta) rejected the upload: " + refusal.Summary()
	}
	if _, ok := errors.AsType[*graph.UnreachableError](err); ok {
		return "WhatsApp (Meta's Graph API) did not respond properly."
	}
	return "The server failed while it moved the file. Its log has the cause."
}

// isForLinksOnly reports whether a file cannot be uploaded although WhatsApp may take it
// by link: documents of types that cannot be uploaded, or that are larger than their type
// may be at an upload, and files whose length their host does not say.
func isForLinksOnly(kind string, err error) bool {
	if source, ok := errors.AsType[*object.Error](err); ok {
		return source.Code == object.CodeSizeUnknown
	}
	own, ok := errors.AsType[*transfer.Error](err)
	return ok && kind == "document" && (own.Code == media.CodeTypeNotAccepted || own.Code == media.CodeTooLarge)
}
