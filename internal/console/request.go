package console

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"ferry/internal/state"
)

// request is a request of somebody who is known.
type request struct {
	*http.Request
	user user
}

const (
	maxForm       = 16 << 20 // bytes of a form with its files
	maxFormMemory = 17 << 20 // bytes of a form that are kept in memory: all of them
	maxField      = 64 << 10 // bytes of a field that is not a file
)

// A problem is an error that a person is shown.
type problem struct {
	Status int
	Text   string // what is wrong, and what was expected
	Advice string // what to do; may be empty
}

// Error implements the error interface.
func (p problem) Error() string { return p.Text }

// invalid returns the problem of a request that somebody has to change.
func invalid(format string, args ...any) error {
	return problem{http.StatusBadRequest, fmt.Sprintf(format, args...), ""}
}

// notFound returns the problem of a page about something that there is not.
func notFound(what, id string) error {
	return problem{http.StatusNotFound, fmt.Sprintf("There is no %s %.100q.", what, id), "It may have expired, or was deleted."}
}

// asProblem returns what a person is shown of an error. What is not known is not shown.
func asProblem(err error) problem {
	if p, ok := errors.AsType[problem](err); ok {
		return p
	}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return problem{http.StatusRequestEntityTooLarge, fmt.Sprintf("The form has more than %d MiB.", tooLarge.Limit>>20), "Send a smaller file."}
	}
	if errors.Is(err, state.ErrNotFound) {
		return problem{http.StatusNotFound, "It does not exist any more.", ""}
	}
	for _, known := range []struct { // the first one of those that it is
		cause  error
		advice string
	}{
		{state.ErrUncertain, "Reload the page that you came from to see whether the change was made."},
		{state.ErrUnreachable, "ferry continues by itself as soon as it can be reached. Reload the page then."},
		{state.ErrUnwritable, "ferry continues by itself as soon as it can be written. The log says why it cannot."},
	} {
		if errors.Is(err, known.cause) {
			text := known.cause.Error()
			return problem{http.StatusServiceUnavailable, strings.ToUpper(text[:1]) + text[1:] + ".", known.advice}
		}
	}
	return problem{http.StatusInternalServerError, "The server failed. Its log says why.", ""}
}

// simulated returns an error of the simulator as a problem: its texts are for people.
func simulated(err error) error {
	if err == nil {
		return nil
	}
	text := strings.TrimPrefix(err.Error(), "metasim: ")
	return problem{http.StatusBadRequest, strings.ToUpper(text[:1]) + text[1:], ""}
}

// parse reads the form of a POST request.
func (r *request) parse(w http.ResponseWriter) error {
	base, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || base != "application/x-www-form-urlencoded" && base != "multipart/form-data" {
		return problem{http.StatusUnsupportedMediaType, "The request is not a form.", "Send application/x-www-form-urlencoded or multipart/form-data."}
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if base == "multipart/form-data" {
		err = r.ParseMultipartForm(maxFormMemory)
	} else {
		err = r.ParseForm()
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return err
	}
	if err != nil {
		return invalid("The form cannot be read: %v", err)
	}
	for name, values := range r.PostForm {
		if len(values) > 0 && len(values[0]) > maxField {
			return invalid("The field %.40q has more than %d bytes.", name, maxField)
		}
	}
	return nil
}

// field returns a field of the form without blanks around it.
func (r *request) field(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }

// number returns a field as a whole number; 0 if it is empty.
func (r *request) number(name string) (int, error) {
	text := r.field(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, invalid("%s is %.40q; expected a whole number.", name, text)
	}
	return n, nil
}

// duration returns a field as a duration; 0 if it is empty.
func (r *request) duration(name string) (time.Duration, error) {
	text := r.field(name)
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, invalid("%s is %.40q; expected a duration such as 90s, 25h or 10m.", name, text)
	}
	return d, nil
}

// file returns a file of the form, nil if there is none.
func (r *request) file(name string) (content []byte, fileName, declared string, err error) {
	file, header, err := r.FormFile(name)
	if errors.Is(err, http.ErrMissingFile) || errors.Is(err, http.ErrNotMultipart) {
		return nil, "", "", nil
	}
	if err != nil {
		return nil, "", "", err
	}
	defer file.Close()
	content = make([]byte, header.Size)
	if _, err := io.ReadFull(file, content); err != nil {
		return nil, "", "", err
	}
	return content, header.Filename, header.Header.Get("Content-Type"), nil
}

// partHeader is the header of a request of a script for parts of a page.
const partHeader = "Ferry-Parts"

// part returns the parts that a script wants; nil means the whole page.
func (r *request) part() []string {
	if names := r.Header.Get(partHeader); names != "" {
		return strings.Fields(names)
	}
	return nil
}
