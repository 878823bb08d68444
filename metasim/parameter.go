package metasim

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	maxParameterBody = 64 << 10 // bytes of a body that has parameters and no file
	maxHistoryFields = 32       // parameters of a body that the history keeps
)

// place is where a parameter is in a request.
type place string

const (
	inQuery place = "query"
	inBody  place = "body" // a form or JSON
)

// commonParameters are those of every request to the Graph API. Those that are not
// the token's change the form of the response only, and are ignored.
var commonParameters = []string{"access_token", "fields", "method", "pretty", "locale", "format", "debug", "appsecret_proof", "appsecret_time", "sdk", "sig"}

// secretParameters are those of which the history has no value.
var secretParameters = []string{"access_token", "verify_token", "webhook_configuration", "client_secret", "pin", "code", "input_token", "fb_exchange_token"}

// unsimulatedParameters change what a request means, and are refused. A method that
// is the request's own changes nothing.
var unsimulatedParameters = []string{"batch", "ids", "method", "metadata", "callback", "suppress_http_code"}

// parameters are the parameters of a request by name. Graph takes them from the
// query, a form and JSON alike (docs/references.md#graph-parameters). The body
// counts before the query, and the last value before earlier ones.
type parameters map[string]parameter

type parameter struct {
	value string // of JSON: text as it is, everything else as JSON
	place place
}

// get returns the value of a parameter, or "" if it is not there or empty.
func (p parameters) get(name string) string { return p[name].value }

// readQuery reads the parameters of the query.
func (c *call) readQuery() *apiError {
	query, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil && len(query) == 0 && c.r.URL.RawQuery != "" {
		return malformedForm("The query is not well-formed.")
	}
	for _, name := range sortedNames(query) {
		if refusal := c.addParameter(inQuery, name, query[name]...); refusal != nil {
			return refusal
		}
	}
	return nil
}

// readBody reads the parameters of a body that has no file.
func (c *call) readBody() *apiError {
	if refusal := refuseEncoding(c.r.Header); refusal != nil {
		return refusal
	}
	limit := maxParameterBody
	if c.operation != nil {
		limit = cmp.Or(c.operation.maxBody, limit)
	}
	content, err := io.ReadAll(io.LimitReader(c.body, int64(limit)+1))
	switch {
	case err != nil:
		return malformedForm("The body could not be read.")
	case len(content) > limit:
		return malformedForm("The body has more than %d bytes of parameters.", limit)
	case len(content) == 0:
		return nil
	}
	base, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	switch {
	case err == nil && base == "application/x-www-form-urlencoded":
		return c.readURLEncoded(content)
	case err == nil && base == "multipart/form-data":
		return c.readMultipart(content, params["boundary"])
	case err == nil && (base == "application/json" || strings.HasSuffix(base, "+json")):
		return c.readJSON(content)
	}
	return c.warn(warnBodyIgnored, "The body is ignored, because its Content-Type is %q. Send application/json or a form.",
		truncate(c.r.Header.Get("Content-Type")))
}

func (c *call) readURLEncoded(content []byte) *apiError {
	form, err := url.ParseQuery(string(content))
	if err != nil {
		return malformedForm("The form is not well-formed.")
	}
	for _, name := range sortedNames(form) {
		if refusal := c.addParameter(inBody, name, form[name]...); refusal != nil {
			return refusal
		}
	}
	return nil
}

func (c *call) readMultipart(content []byte, boundary string) *apiError {
	framing := newFraming(bytes.NewReader(content), boundary)
	reader := multipart.NewReader(framing, boundary)
	for count := 0; ; count++ {
		part, err := reader.NextRawPart()
		switch {
		case errors.Is(err, io.EOF):
			if err := framing.finish(); err != nil {
				return brokenBody(err)
			}
			return nil
		case err != nil:
			return brokenBody(err)
		case count == maxParts:
			return malformedForm("The form has more than %d parts.", maxParts)
		case part.FileName() != "" && (c.operation == nil || part.FormName() != c.operation.file):
			continue // a file is no parameter
		}
		value, refusal := fieldValueUpTo(part, c.maxField())
		if refusal == nil {
			refusal = c.addParameter(inBody, part.FormName(), value)
		}
		if refusal != nil {
			return refusal
		}
	}
}

// maxField is the maximum size in bytes of a field of a form.
func (c *call) maxField() int {
	if c.operation == nil {
		return maxFieldLength
	}
	return cmp.Or(c.operation.maxField, maxFieldLength)
}

func (c *call) readJSON(content []byte) *apiError {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(content, &members); err != nil {
		e := malformedForm("The body is not a JSON object.")
		e.reason = e.details + " " + truncate(err.Error())
		return e
	}
	for _, name := range sortedNames(members) {
		value := string(members[name])
		if value == "null" {
			continue
		}
		if value[0] == '"' {
			var text string
			if err := json.Unmarshal(members[name], &text); err != nil {
				return malformedForm("The member %s is not a valid JSON string.", truncate(name))
			}
			value = text
		}
		if refusal := c.addParameter(inBody, name, value); refusal != nil {
			return refusal
		}
	}
	return nil
}

// addParameter records the values of a parameter, of which the last counts.
func (c *call) addParameter(where place, name string, values ...string) *apiError {
	value := values[len(values)-1]
	_, before := c.parameters[name]
	c.parameters[name] = parameter{value, where}
	if name == "access_token" {
		c.secrets = c.secrets.with(values...)
	}
	if where == inBody {
		c.recordField(name, value)
	}
	if slices.Contains(unsimulatedParameters, name) && !(name == "method" && strings.EqualFold(value, c.r.Method)) {
		return c.notSimulated("the parameter "+name, "Send the request without it.")
	}
	if (before || len(values) > 1) && name != "access_token" {
		return c.warn(warnParameterTwice, "The parameter %s is given more than once. Send it once.", truncate(name))
	}
	return nil
}

// recordField adds a parameter of the body to the history.
func (c *call) recordField(name, value string) {
	if slices.Contains(secretParameters, name) {
		value = redacted
	}
	c.update(func(r *Request) {
		if r.Fields == nil {
			r.Fields = Fields{}
		}
		if len(r.Fields) < maxHistoryFields {
			r.Fields[truncate(c.secrets.redact(name))] = truncate(c.secrets.redact(value))
		}
	})
}

// checkParameters warns of parameters that the operation does not know, that are
// empty, or that are in another place than Meta documents. It removes the empty ones.
func (c *call) checkParameters() *apiError {
	for _, name := range sortedNames(c.parameters) {
		p := c.parameters[name]
		var refusal *apiError
		switch {
		case slices.Contains(commonParameters, name):
		case !slices.Contains(c.operation.parameters, name):
			refusal = c.warn(warnParameterUnknown, "The parameter %s is unknown, and ignored. Remove it.", truncate(name))
		case p.value == "":
			delete(c.parameters, name)
			refusal = c.warn(warnParameterEmpty, "The parameter %s is empty, and ignored. Send a value, or leave it out.", name)
		case p.place != c.operation.place:
			refusal = c.warn(warnParameterPlace, "The parameter %s is in the %s. Send it in the %s.", name, p.place, c.operation.place)
		}
		if refusal != nil {
			return refusal
		}
	}
	return nil
}

// refuseEncoding refuses a compressed body.
func refuseEncoding(header http.Header) *apiError {
	encoding := header.Get("Content-Encoding")
	if encoding == "" || strings.EqualFold(encoding, "identity") {
		return nil
	}
	return malformedForm("Content-Encoding %s is not supported.", truncate(encoding))
}

// sortedNames returns the keys of a map in their order, so that the same request
// always has the same response.
func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// boolean reads a parameter as Graph does: true, 1 and "true" are the same.
func boolean(value string) (yes, ok bool) {
	switch strings.ToLower(value) {
	case "true", "1":
		return true, true
	case "false", "0", "":
		return false, true
	}
	return false, false
}

// list reads a parameter that is a list: JSON, JSON with single quotes as in
// Meta's examples, or a single text.
func list(value string) ([]string, error) {
	value = strings.TrimSpace(value)
	if !strings.HasPrefix(value, "[") {
		return []string{value}, nil
	}
	var texts []string
	err := json.Unmarshal([]byte(value), &texts)
	if err != nil {
		err = json.Unmarshal([]byte(strings.ReplaceAll(value, "'", `"`)), &texts)
	}
	if err != nil {
		return nil, fmt.Errorf("%q is not a list", truncate(value))
	}
	return texts, nil
}
