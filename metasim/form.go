package metasim

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"
)

const (
	maxParts       = 64      // of a form
	maxFieldLength = 4 << 10 // bytes of a field that is not the file
	maxBoundary    = 70      // characters (docs/references.md#multipart)
)

// form is a multipart body that is read part by part, in any order.
type form struct {
	call    *call
	framing *framing
	parts   *multipart.Reader
	count   int
}

// openForm starts reading the form of a request.
func openForm(c *call) (*form, *apiError) {
	if refusal := refuseEncoding(c.r.Header); refusal != nil {
		return nil, refusal
	}
	_, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	boundary := params["boundary"]
	if err != nil || boundary == "" {
		return nil, malformedForm("The boundary of the form is missing.")
	}
	if len(boundary) > maxBoundary || strings.HasSuffix(boundary, " ") {
		if refusal := c.warn(warnFormFraming, "The boundary of the form has more than %d characters, or ends with a space.", maxBoundary); refusal != nil {
			return nil, refusal
		}
	}
	framing := newFraming(c.r.Body, boundary)
	return &form{call: c, framing: framing, parts: multipart.NewReader(framing, boundary)}, nil
}

// next returns the next part, or nil after the last one of a body that is
// complete.
func (f *form) next() (*multipart.Part, *apiError) {
	part, err := f.parts.NextRawPart()
	if errors.Is(err, io.EOF) {
		// mime/multipart also wraps io.EOF for a body that ended early; finish
		// tells the two apart.
		err = f.framing.finish()
		if err == nil {
			return nil, f.warnFraming()
		}
	}
	if err != nil {
		return nil, brokenBody(err)
	}
	if f.count++; f.count > maxParts {
		return nil, malformedForm("The form has more than %d parts.", maxParts)
	}
	disposition, _, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if err != nil || disposition != "form-data" || part.FormName() == "" {
		return nil, malformedForm("A part of the form has no name.")
	}
	switch encoding := part.Header.Get("Content-Transfer-Encoding"); strings.ToLower(encoding) {
	case "", "binary", "8bit", "7bit":
	default:
		return part, f.call.warn(warnPartEncoding, "The part %s has the Content-Transfer-Encoding %s, which is ignored. Send the bytes as they are.",
			truncate(part.FormName()), truncate(encoding))
	}
	return part, nil
}

// warnFraming warns of bytes around the form.
func (f *form) warnFraming() *apiError {
	if !f.framing.surrounded() {
		return nil
	}
	return f.call.warn(warnFormFraming, "There are bytes before the first boundary of the form or after its last one.")
}

// fieldValue returns the content of a part that is not the file.
func fieldValue(part *multipart.Part) (string, *apiError) {
	return fieldValueUpTo(part, maxFieldLength)
}

func fieldValueUpTo(part *multipart.Part, limit int) (string, *apiError) {
	value, err := io.ReadAll(io.LimitReader(part, int64(limit)+1))
	if err != nil {
		return "", brokenBody(err)
	}
	if len(value) > limit {
		return "", malformedForm("The field %s has more than %d bytes.", truncate(part.FormName()), limit)
	}
	return string(value), nil
}

// brokenBody is the response to a body that cannot be read to its end. The
// history has the exact error.
func brokenBody(err error) *apiError {
	e := malformedForm("The body is not a complete multipart/form-data body.")
	e.reason = e.details + " " + truncate(err.Error())
	return e
}
