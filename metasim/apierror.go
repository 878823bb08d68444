package metasim

import (
	"fmt"
	"net/http"
	"strings"
)

// apiError is a response that is not a success. Its JSON is Meta's
// (docs/references.md#graph-errors).
type apiError struct {
	status    int // HTTP
	kind      string
	code      int
	subcode   int
	message   string
	details   string // error_data.details
	userTitle string
	userMsg   string
	blame     []string // parameter that is wrong, as a path
	transient bool
	challenge string // error code in WWW-Authenticate; empty: no header
	plain     bool   // plain text instead of JSON, as the media host responds
	changes   bool   // what the operation has changed is kept although it is refused
	reason    string // for the history only, where the response says less
}

// historyReason returns what the history says about the refusal.
func (e *apiError) historyReason() string {
	switch {
	case e.reason != "":
		return e.reason
	case e.details != "":
		return e.message + ": " + e.details
	case e.userMsg != "":
		return e.message + ": " + e.userMsg
	}
	return e.message
}

// envelope is the JSON of an error.
type envelope struct {
	Error struct {
		Message   string     `json:"message"`
		Type      string     `json:"type"`
		Transient bool       `json:"is_transient,omitempty"`
		Code      int        `json:"code"`
		Data      *errorData `json:"error_data,omitempty"`
		Subcode   int        `json:"error_subcode,omitempty"`
		UserTitle string     `json:"error_user_title,omitempty"`
		UserMsg   string     `json:"error_user_msg,omitempty"`
		TraceID   string     `json:"fbtrace_id"`
	} `json:"error"`
}

type errorData struct {
	MessagingProduct string     `json:"messaging_product,omitempty"`
	Details          string     `json:"details,omitempty"`
	Blame            [][]string `json:"blame_field_specs,omitempty"`
}

func (e *apiError) envelope(traceID string) envelope {
	var v envelope
	v.Error.Message = e.message
	v.Error.Type = e.kind
	v.Error.Transient = e.transient
	v.Error.Code = e.code
	v.Error.Subcode = e.subcode
	v.Error.UserTitle = e.userTitle
	v.Error.UserMsg = e.userMsg
	v.Error.TraceID = traceID
	if e.details != "" {
		v.Error.Data = &errorData{MessagingProduct: "whatsapp", Details: e.details}
	} else if e.blame != nil {
		v.Error.Data = &errorData{Blame: [][]string{e.blame}}
	}
	return v
}

func oauthError(status, code int, format string, args ...any) *apiError {
	return &apiError{status: status, kind: "OAuthException", code: code, message: fmt.Sprintf(format, args...)}
}

// parameterError is code 100 about one parameter.
func parameterError(format string, args ...any) *apiError {
	return oauthError(http.StatusBadRequest, 100, "(#100) "+format, args...)
}

// missingParameter has the words that were observed for messaging_product
// (docs/references.md#graph-media).
func missingParameter(name string) *apiError {
	return parameterError("The parameter %s is required.", name)
}

// malformedForm has words of its own: Meta's response to a malformed body is not
// known.
func malformedForm(format string, args ...any) *apiError {
	e := parameterError("Invalid parameter")
	e.details = fmt.Sprintf(format, args...)
	return e
}

// wrongFileType has Meta's words, as observed (docs/references.md#graph-media).
func wrongFileType(received string) *apiError {
	return parameterError("Param file must be a file with one of the following types: %s. Received file of type '%s'.",
		mediaTypeNames(), truncate(received))
}

// tooLarge is the probable response to a file that is too large: Meta's is not
// known (docs/references.md#graph-media).
func tooLarge() *apiError {
	e := parameterError("Invalid parameter")
	e.userTitle = "File Too Large"
	e.userMsg = "The file you uploaded is too large."
	return e
}

// mislabelled reports at once what Meta reports later, in the details of a
// webhook with code 131053 (docs/references.md#media-failures).
func mislabelled(kind, declared, actual string) *apiError {
	e := parameterError("Invalid parameter")
	e.details = fmt.Sprintf("%s file uploaded with mimetype as %s, however on processing it is of type %s. Please choose a different file.",
		kind, declared, actual)
	return e
}

// unsupported is the response for an object that does not exist, belongs to
// another account, or does not support the operation.
func unsupported(method, id string) *apiError {
	return &apiError{
		status: http.StatusBadRequest, kind: "GraphMethodException", code: 100, subcode: 33,
		message: fmt.Sprintf("Unsupported %s request. Object with ID '%s' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api",
			strings.ToLower(truncate(method)), id),
	}
}

func unknownPath(path string) *apiError {
	return oauthError(http.StatusBadRequest, 2500, "Unknown path components: %s", truncate(path))
}

func missingToken() *apiError {
	e := oauthError(http.StatusUnauthorized, 104, "An access token is required to request this resource.")
	e.challenge = "invalid_request"
	return e
}

func invalidToken() *apiError {
	e := oauthError(http.StatusUnauthorized, 190, "Invalid OAuth access token - Cannot parse access token")
	e.challenge = "invalid_token"
	return e
}

// storageFailed reports an error of the simulator itself, in Meta's form.
func storageFailed(details string) *apiError {
	e := oauthError(http.StatusInternalServerError, 131000, "(#131000) Something went wrong")
	e.details = "metasim: " + details
	return e
}

// downloadNotFound is the media host's response to everything that it refuses.
func downloadNotFound(reason string) *apiError {
	return &apiError{status: http.StatusNotFound, plain: true, message: "Not Found", reason: reason}
}

// truncate bounds a text of the client before it is echoed or kept.
func truncate(s string) string { return truncateTo(s, 200) }

// truncateTo returns s as valid UTF-8, cut after about most bytes.
func truncateTo(s string, most int) string {
	if len(s) <= most {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return strings.ToValidUTF8(s[:most], "\uFFFD") + "…"
}
