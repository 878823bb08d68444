package metasim

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
)

const (
	maxParts       = 16      // of a form
	maxFieldLength = 4 << 10 // bytes of a field that is not the file
	maxBoundary    = 70      // characters (docs/references.md#multipart)
)

// form is a multipart body that is read part by part, in any order.
type form struct {
	framing *framing
	parts   *multipart.Reader
	count   int
}

// openForm starts reading the form of a request.
func openForm(r *http.Request) (*form, *apiError) {
	base, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || base != "multipart/form-data" {
		e := missingParameter("messaging_product")
		e.reason = "the body is not multipart/form-data"
		return nil, e
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, malformedForm("Content-Encoding %s is not supported.", truncate(encoding))
	}
	boundary := params["boundary"]
	if boundary == "" || len(boundary) > maxBoundary || strings.HasSuffix(boundary, " ") {
		return nil, malformedForm("The boundary of the form is missing, too long or ends with a space.")
	}
	framing := newFraming(r.Body, boundary)
	return &form{framing: framing, parts: multipart.NewReader(framing, boundary)}, nil
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
			return nil, nil
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
	switch strings.ToLower(part.Header.Get("Content-Transfer-Encoding")) {
	case "", "binary", "8bit", "7bit":
	default:
		return nil, malformedForm("The part %s has a Content-Transfer-Encoding.", truncate(part.FormName()))
	}
	return part, nil
}

// fieldValue returns the content of a part that is not the file.
func fieldValue(part *multipart.Part) (string, *apiError) {
	value, err := io.ReadAll(io.LimitReader(part, maxFieldLength+1))
	if err != nil {
		return "", brokenBody(err)
	}
	if len(value) > maxFieldLength {
		return "", malformedForm("The field %s has more than %d bytes.", truncate(part.FormName()), maxFieldLength)
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
