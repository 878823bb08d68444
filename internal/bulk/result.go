package bulk

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"ferry/socialmessaging"
)

// maxErrorText bounds the text of an error in a line, in bytes.
const maxErrorText = 4 << 10

// Result is the result of posting one file. Its JSON is one line of output and of a
// manifest, whose lines begin with the source.
type Result struct {
	Source        string     `json:"source"` // never with a URL's query
	ETag          string     `json:"etag,omitempty"`
	Size          *int64     `json:"size,omitempty"` // bytes, of an object that was listed
	MediaID       string     `json:"mediaId,omitempty"`
	Error         string     `json:"error,omitempty"`
	Code          string     `json:"code,omitempty"`          // the exception's name
	Finding       string     `json:"finding,omitempty"`       // what is wrong with the file, as in `ferry media lint`
	PhoneNumberID string     `json:"phoneNumberId,omitempty"` // the only one that can send the file
	Millis        int64      `json:"milliseconds"`
	Time          *time.Time `json:"time,omitempty"` // when the upload ended
}

// Failed reports whether the file was not uploaded.
func (r Result) Failed() bool { return r.Error != "" }

// cause names why a file failed: the exception, and what is wrong with the file if that is known.
func (r Result) cause() string {
	text := cmp.Or(r.Code, "no response")
	if r.Finding != "" {
		text += " [" + r.Finding + "]"
	}
	return text
}

// line is the whole line, in one piece so that a single write can write it.
func (r Result) line() []byte {
	if len(r.Error) > maxErrorText {
		r.Error = strings.ToValidUTF8(r.Error[:maxErrorText], "") + "…"
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(r) // cannot fail for such a value
	return text.Bytes()
}

// post uploads one file. source is its name in the result.
func post(ctx context.Context, client *socialmessaging.Client, source string, input *socialmessaging.PostWhatsAppMessageMediaInput) Result {
	started := time.Now()
	result := Result{Source: source}
	output, err := client.PostWhatsAppMessageMedia(ctx, input)
	result.Millis = time.Since(started).Milliseconds()
	switch {
	case err != nil:
		result.Code, result.Error = Explain(err)
		result.Finding = findingIn(result.Code, result.Error)
	case output.MediaId == nil:
		result.Error = "the response has no media id"
	default:
		result.MediaID = *output.MediaId
	}
	return result
}

// Explain returns the name and message of a call's exception. Any other error has no name.
func Explain(err error) (code, message string) {
	if exception, ok := socialmessaging.AsException(err); ok {
		return exception.Code, cmp.Or(exception.Message, exception.Code)
	}
	return "", err.Error()
}

// findingCode is the end of ferry's message about a file that it refuses.
var findingCode = regexp.MustCompile(`\[([a-z][a-z0-9-]{0,63})\]$`)

// findingIn returns the code of what the service found in a file, "" if it refused
// the call for another reason.
func findingIn(code, message string) string {
	if match := findingCode.FindStringSubmatch(message); match != nil && code == socialmessaging.KindInvalidParameters.Name {
		return match[1]
	}
	return ""
}
