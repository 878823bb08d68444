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

// Error is an error response of Meta (docs/references.md#graph-errors). Decide by
// Code: Meta does not guarantee Status, Subcode and the titles.
type Error struct {
	Status  int    // HTTP status
	Code    int    // Meta's code; 0 if the response has no error object
	Subcode int    // 0 if there is none
	Message string // Meta's message
	Details string // error_data.details, or else UserText, or else the fields that Meta blames; may be empty
	// UserText is error_user_title and error_user_msg, as "title: message". Management
	// edges say there what is wrong, while Message is no more than "Invalid parameter".
	// It may be empty.
	UserText string
	TraceID  string // fbtrace_id or header x-fb-trace-id, which Meta's support asks for; may be empty
}

func (e *Error) Error() string {
	return fmt.Sprintf("Meta responded with %d: %s", e.Status, e.Summary())
}

// Summary returns what callers may see: code, message (the text for the user, if there
// is one), details and trace id.
func (e *Error) Summary() string {
	var text strings.Builder
	if e.Code != 0 {
		fmt.Fprintf(&text, "code %d", e.Code)
		if e.Subcode != 0 {
			fmt.Fprintf(&text, " subcode %d", e.Subcode)
		}
		text.WriteString(": ")
	}
	message := cmp.Or(e.UserText, e.Message)
	text.WriteString(message)
	if e.Details != "" && e.Details != message {
		fmt.Fprintf(&text, " (%s)", e.Details)
	}
	if e.TraceID != "" {
		fmt.Fprintf(&text, " [fbtrace_id %s]", e.TraceID)
	}
	return text.String()
}

// UnreachableError means that Meta sent no usable response: there was no connection,
// the connection broke, the request timed out, or the response is not one of the API.
type UnreachableError struct {
	// BodySent reports whether Meta may have executed the request. Only calls that are
	// not idempotent set it: UploadMedia, DeleteMedia, SendMessage, and those that
	// change templates, flows, keys and datasets.
	//
	// False after an upload is certain: the last byte of the form, which belongs to
	// its closing boundary, was not handed to the operating system and never will be,
	// so Meta cannot have the whole form. Bytes that were only read from the source,
	// or are in a buffer of ferry, were not handed over. True means that the last
	// byte was handed over, or that this is unknown (with a proxy, once everything
	// was read). It does not mean that Meta received it.
	BodySent bool
	Cause    error
}

func (e *UnreachableError) Error() string { return "Meta cannot be reached: " + e.Cause.Error() }
func (e *UnreachableError) Unwrap() error { return e.Cause }

// responseError decodes an error response leniently: error_data may be an object, a
// string or missing, and the response may not be JSON at all.
func responseError(response *http.Response, body []byte, token secret.Secret) error {
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
	err := json.Unmarshal(body, &envelope)
	if _, isMember := errors.AsType[*json.UnmarshalTypeError](err); isMember {
		err = nil // a member has another type; the others were decoded
	}
	if err != nil || envelope.Error.Message == "" && envelope.Error.Code == 0 {
		return &Error{Status: status, TraceID: clean(traceID(response.Header), token), Message: fmt.Sprintf("HTTP status %d with a response that is not an error of the Graph API", status)}
	}
	e := envelope.Error
	details, blamed := readData(e.Data)
	userText := strings.Trim(strings.TrimSpace(e.UserTitle)+": "+strings.TrimSpace(e.UserText), ": ")
	return &Error{
		Status:  status,
		Code:    e.Code,
		Subcode: e.Subcode,
		Message: clean(e.Message, token),
		Details: clean(cmp.Or(details, userText, blamed), token), UserText: clean(userText, token),
		TraceID: clean(cmp.Or(e.TraceID, traceID(response.Header)), token),
	}
}

// readData returns the details in error_data, and which fields Meta blames. error_data
// may also be a text: the details themselves, or the object as JSON.
func readData(data json.RawMessage) (details, blamed string) {
	var text string
	if json.Unmarshal(data, &text) == nil {
		if !strings.HasPrefix(text, "{") {
			return text, ""
		}
		data = json.RawMessage(text)
	}
	var object struct {
		Details string     `json:"details"`
		Blamed  [][]string `json:"blame_field_specs"`
	}
	if err := json.Unmarshal(data, &object); err != nil {
		return object.Details, ""
	}
	var fields []string
	for _, path := range object.Blamed {
		fields = append(fields, strings.Join(path, "."))
	}
	if len(fields) > 0 {
		blamed = "in " + strings.Join(fields, ", ")
	}
	return object.Details, blamed
}

// clean returns a text of Meta for messages: without the token, in case Meta repeats
// it, without control characters, and with at most 1,000 bytes.
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

// IsAmbiguous reports whether Meta may have executed the request in spite of err.
func IsAmbiguous(err error) bool {
	failed, ok := errors.AsType[*UnreachableError](err)
	return ok && failed.BodySent
}
