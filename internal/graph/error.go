// What can go wrong at Meta.

package graph

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"ferry/internal/secret"
)

// Error is an answer of Meta's that is not a success (meta-cloud-api.md §4.1).
// Meta declares Status, Subcode and the titles unreliable: decide by Code.
type Error struct {
	Status  int    // HTTP status
	Code    int    // Meta's code; 0 when the answer had no error envelope
	Subcode int    // 0 = none
	Message string // Meta's message
	Details string // error_data.details, or the text for the user; "" = none
	TraceID string // fbtrace_id or header x-fb-trace-id, for Meta's support; "" = none
}

func (e *Error) Error() string {
	return fmt.Sprintf("Meta answered %d: %s", e.Status, e.Summary())
}

// Summary is what a caller may be told: code, message, details and trace id.
func (e *Error) Summary() string {
	var text strings.Builder
	if e.Code != 0 {
		fmt.Fprintf(&text, "code %d", e.Code)
		if e.Subcode != 0 {
			fmt.Fprintf(&text, " subcode %d", e.Subcode)
		}
		text.WriteString(": ")
	}
	text.WriteString(e.Message)
	if e.Details != "" && e.Details != e.Message {
		fmt.Fprintf(&text, " (%s)", e.Details)
	}
	if e.TraceID != "" {
		fmt.Fprintf(&text, " [fbtrace_id %s]", e.TraceID)
	}
	return text.String()
}

// UnreachableError says that Meta gave no answer that makes sense: no
// connection, a broken one, a timeout, or an answer that is not the API's.
type UnreachableError struct {
	// BodySent is whether Meta may have done what was asked. It is set by what
	// cannot be done twice without harm: UploadMedia and DeleteMedia.
	//
	// False after an upload is certain: the last byte of the form, which is that
	// of its closing boundary, was not handed to the operating system and never
	// will be, so Meta cannot have a whole form. What was only read from the
	// source, or waits in a buffer of ferry's, was not handed over. True is
	// everything else: the last byte was handed over, or that is not known
	// (behind a proxy, once all was read). It does not say that Meta got it.
	BodySent bool
	Cause    error
}

func (e *UnreachableError) Error() string { return "Meta cannot be reached: " + e.Cause.Error() }
func (e *UnreachableError) Unwrap() error { return e.Cause }

// responseError reads Meta's error envelope, leniently: error_data may be an
// object, a string or missing, and an answer may not be JSON at all.
func responseError(response *http.Response, answer []byte, token secret.Secret) error {
	status := response.StatusCode
	var envelope struct {
		Error struct {
			Message   string          `json:"message"`
			Code      int             `json:"code"`
			Subcode   int             `json:"error_subcode"`
			UserTitle string          `json:"error_user_title"`
			UserText  string          `json:"error_user_msg"`
			Data      json.RawMessage `json:"error_data"`
			TraceID   string          `json:"fbtrace_id"`
		} `json:"error"`
	}
	err := json.Unmarshal(answer, &envelope)
	if _, isMember := errors.AsType[*json.UnmarshalTypeError](err); isMember {
		err = nil // one member of another type: the others have been read
	}
	if err != nil || envelope.Error.Message == "" && envelope.Error.Code == 0 {
		return &Error{Status: status, TraceID: clean(traceID(response.Header), token), Message: fmt.Sprintf("HTTP status %d with an answer that is not an error of the Graph API", status)}
	}
	e := envelope.Error
	return &Error{
		Status:  status,
		Code:    e.Code,
		Subcode: e.Subcode,
		Message: clean(e.Message, token),
		Details: clean(cmp.Or(dataDetails(e.Data), strings.TrimSpace(e.UserTitle+" "+e.UserText)), token),
		TraceID: clean(cmp.Or(e.TraceID, traceID(response.Header)), token),
	}
}

func dataDetails(data json.RawMessage) string {
	var object struct {
		Details string `json:"details"`
	}
	var text string
	if json.Unmarshal(data, &object) == nil && object.Details != "" {
		return object.Details
	}
	_ = json.Unmarshal(data, &text)
	return text
}

// clean makes text of Meta's fit to be shown: without the token, should Meta
// repeat it, without control characters, and not longer than 1,000 bytes.
func clean(text string, token secret.Secret) string {
	if !token.IsZero() {
		text = strings.ReplaceAll(text, token.Reveal(), secret.Redacted)
	}
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	if len(text) > 1000 {
		text = strings.ToValidUTF8(text[:1000], "") + "…"
	}
	return text
}

// IsAmbiguous reports whether err leaves it open whether Meta has done what was requested.
func IsAmbiguous(err error) bool {
	failed, ok := errors.AsType[*UnreachableError](err)
	return ok && failed.BodySent
}
