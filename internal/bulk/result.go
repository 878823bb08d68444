package bulk

import (
	"cmp"
	"context"
	"strings"
	"time"

	"ferry/internal/tty"
	"ferry/socialmessaging"
)

// maxErrorText bounds the text of an error in a line, in bytes.
const maxErrorText = 4 << 10

// Failure says why a call failed; the zero Failure means that it did not.
type Failure struct {
	Error   string `json:"error,omitempty"`   // what was wrong, and what to do
	Code    string `json:"code,omitempty"`    // the exception's name
	Finding string `json:"finding,omitempty"` // the stable code of what is wrong with the file, as in `ferry media lint`, or with its source
	Fix     string `json:"fix,omitempty"`     // what to do about the finding
}

// Result is the result of posting one file. Its JSON is one line of output and of a
// manifest, whose lines begin with the source.
type Result struct {
	Source  string `json:"source"` // never with a URL's query
	ETag    string `json:"etag,omitempty"`
	Size    *int64 `json:"size,omitempty"` // bytes, of an object that was listed
	MediaID string `json:"mediaId,omitempty"`
	Failure
	PhoneNumberID string     `json:"phoneNumberId,omitempty"` // the only one that can send the file
	Millis        int64      `json:"milliseconds"`
	Time          *time.Time `json:"time,omitempty"` // when the upload ended
}

// Failed reports whether the file was not uploaded.
func (r Result) Failed() bool { return r.Error != "" }

// key is the first member of the line.
func (r Result) key() (name, value string) { return "source", r.Source }

// done returns the object, unless its upload failed or its media id has expired.
func (r Result) done(now time.Time) (what digest, is bool) {
	is = r.MediaID != "" && r.Time != nil && now.Sub(*r.Time) < mediaLife
	return digestOf(r.PhoneNumberID, r.Source, r.ETag), is
}

// cause names why a file failed: the exception, and the finding if there is one.
func (f Failure) cause() string {
	text := cmp.Or(f.Code, "no response")
	if f.Finding != "" {
		text += " [" + f.Finding + "]"
	}
	return text
}

// line is the whole line, in one piece so that a single write can write it.
func (r Result) line() []byte {
	if len(r.Error) > maxErrorText {
		r.Error = strings.ToValidUTF8(r.Error[:maxErrorText], "") + "…"
	}
	line, _ := tty.JSON(r) // cannot fail for such a value
	return line
}

// post uploads one file. source is its name in the result, which has the error, too.
func post(ctx context.Context, client *socialmessaging.Client, source string, input *socialmessaging.PostWhatsAppMessageMediaInput) (result Result, err error) {
	started := time.Now()
	result = Result{Source: source}
	output, err := client.PostWhatsAppMessageMedia(ctx, input)
	result.Millis = time.Since(started).Milliseconds()
	switch {
	case err != nil:
		result.Failure = Explain(err)
	case output.MediaId == nil:
		result.Error = "the response has no media id"
	default:
		result.MediaID = *output.MediaId
	}
	return result, err
}

// Explain returns why a call failed. Only an exception has a code.
func Explain(err error) Failure {
	if exception, ok := socialmessaging.AsException(err); ok {
		return Failure{Error: cmp.Or(exception.Message, exception.Code), Code: exception.Code, Finding: exception.Finding, Fix: exception.Fix}
	}
	return Failure{Error: err.Error()}
}
