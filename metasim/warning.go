package metasim

import (
	"fmt"
	"strings"
)

// A Warning is something that Meta accepts in a request but that a careful client
// does not send. With Config.Strict it is a refusal.
type Warning struct {
	Code string `json:"code"` // one of the WarningCodes; stable
	Text string `json:"text"` // what was found and what to send instead
}

// The codes of warnings.
const (
	warnTokenInQuery     = "token_in_query"
	warnTokenInBody      = "token_in_body"
	warnTokenScheme      = "token_scheme"
	warnTokenTwice       = "token_twice"
	warnNoVersion        = "no_version"
	warnExpiredVersion   = "expired_version"
	warnNewerVersion     = "newer_version"
	warnTrailingSlash    = "trailing_slash"
	warnParameterPlace   = "parameter_place"
	warnParameterTwice   = "parameter_twice"
	warnParameterEmpty   = "parameter_empty"
	warnParameterUnknown = "parameter_unknown"
	warnBodyIgnored      = "body_ignored"
	warnFormFraming      = "form_framing"
	warnPartEncoding     = "part_encoding"
	warnTypeMismatch     = "type_mismatch"
	warnMislabelled      = "mislabelled"
	warnOffsetMissing    = "offset_missing"
	warnFormAsBytes      = "form_as_bytes"
	warnMemberUnknown    = "member_unknown"
	warnMemberNull       = "member_null"
	warnMemberIgnored    = "member_ignored"
	warnContactName      = "contact_name"
	warnCountryCode      = "country_code"
)

// WarningCodes returns the code of every Warning there is, with what it means.
func WarningCodes() map[string]string {
	return map[string]string{
		warnTokenInQuery:     "the access token is in the query, where logs and histories keep it",
		warnTokenInBody:      "the access token is in the body",
		warnTokenScheme:      "the scheme of the header Authorization is not the documented one: OAuth for the bytes of a resumable upload, Bearer for everything else",
		warnTokenTwice:       "the request has an access token in the header and another one as a parameter; the parameter counts",
		warnNoVersion:        "the path has no version of the Graph API; the oldest live one responds",
		warnExpiredVersion:   "the version of the Graph API has expired; the oldest live one responds",
		warnNewerVersion:     "the version of the Graph API is newer than any that the simulator knows",
		warnTrailingSlash:    "the path ends with a slash",
		warnParameterPlace:   "a parameter is not where Meta documents it: query, form or JSON",
		warnParameterTwice:   "a parameter is given more than once; the body counts before the query, and the last value before earlier ones",
		warnParameterEmpty:   "a parameter is empty, and ignored",
		warnParameterUnknown: "a parameter is unknown to the operation, and ignored",
		warnBodyIgnored:      "the body is neither a form nor JSON, and ignored",
		warnFormFraming:      "the form has bytes before its first or after its last boundary, or a boundary that RFC 2046 does not allow",
		warnPartEncoding:     "a part of the form has a Content-Transfer-Encoding, which is ignored",
		warnTypeMismatch:     "the field type of an upload differs from the Content-Type of the file's part, which counts",
		warnMislabelled:      "the name or the first bytes of a file contradict its declared type; Meta accepts the upload, and the message with it fails later with code 131053",
		warnOffsetMissing:    "the header file_offset is missing, and taken to be 0",
		warnMemberUnknown:    "a member of a message is unknown, and ignored",
		warnMemberNull:       "a member of a message is null, and ignored",
		warnMemberIgnored:    "a member of a message is ignored, because it is for another type, or because another one counts",
		warnContactName:      "the name of a contact has formatted_name only, although Meta documents that another part is required",
		warnCountryCode:      "the number of the recipient has no country code; that of the sender is put before it",
		warnFormAsBytes:      "the bytes of a resumable upload are declared as a form; they are stored as they are",
	}
}

// warn records a warning. With Config.Strict it returns the refusal instead, which
// says that Meta accepts the request.
func (c *call) warn(code, format string, args ...any) *apiError {
	w := Warning{code, c.secrets.redact(fmt.Sprintf(format, args...))}
	c.update(func(r *Request) {
		if len(r.Warnings) < maxWarnings {
			r.Warnings = append(r.Warnings, w)
		}
	})
	if !c.server.cfg.Strict {
		return nil
	}
	e := parameterError("%s", w.Text)
	e.details = strictNotice(code)
	return e
}

// strictNotice says why a request is refused that Meta accepts.
func strictNotice(code string) string {
	return "metasim is strict and refuses what Meta accepts here: warning " + code + " (Config.Strict, ferry dev --strict)."
}

// maxWarnings is the number of warnings that the history keeps of one request.
const maxWarnings = 32

// warningCodes returns the codes of warnings for the log.
func warningCodes(warnings []Warning) string {
	codes := make([]string, len(warnings))
	for i, w := range warnings {
		codes[i] = w.Code
	}
	return strings.Join(codes, ",")
}
