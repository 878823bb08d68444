package metasim

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// A TemplateError says why Meta refuses a template.
type TemplateError struct {
	Path string // parameter that is wrong, such as components[0].text; empty if the refusal names none
	Text string // what is wrong, in Meta's words
}

// Error implements the error interface.
func (e *TemplateError) Error() string { return "metasim: template: " + e.Text }

// PutTemplate creates a template, or replaces the one with its name and language. The body is
// that of a request that creates a template, in JSON, and is checked as one, but for the file
// of a header's sample. The template is approved at once: no review, no limit and no interval
// between edits applies, and no webhook is sent. Its id depends on the account, the name and
// the language only, unless the template exists already.
//
// It returns a *TemplateError if Meta would refuse the template; nothing has changed then.
func (s *Server) PutTemplate(accountID string, body []byte) (MessageTemplate, error) {
	row, err := s.readPutTemplate(accountID, body)
	if err != nil {
		return MessageTemplate{}, err
	}
	s.settleTemplates()
	s.templates.mu.Lock()
	defer s.templates.mu.Unlock()
	now := s.Now().Round(0)
	made := configuredTemplate(accountID, Template{Name: row.Name, Language: row.Language})
	row.ID, row.Created, row.Order = made.ID, now, s.templates.made+1
	others := 0
	for _, other := range s.templates.of(accountID, row.Name, now) {
		switch {
		case other.Language == row.Language && (other.Deleted.IsZero() || other.ID == row.ID):
			row.ID, row.Order = other.ID, other.Order
			if other.Deleted.IsZero() {
				row.Created, row.Quality = other.Created, other.Quality
			}
		case other.Deleted.IsZero() && other.Category != row.Category:
			others++
		}
	}
	if others > 0 {
		return MessageTemplate{}, &TemplateError{"category", fmt.Sprintf("The template has the category %s, and another one in other languages. Use one category for all languages.", row.Category)}
	}
	if limit := s.templateLimit(accountID); row.Order > s.templates.made && len(s.templateRows(accountID)) >= limit {
		return MessageTemplate{}, templateError(refuseTemplate(templateLimit, limit))
	}
	row.Updated = now
	row.approve()
	if err := s.templates.put(row); err != nil {
		return MessageTemplate{}, err
	}
	s.changed.broadcast()
	return row.MessageTemplate, nil
}

// CheckTemplate returns why PutTemplate would refuse a template, a *TemplateError, or nil. It
// does not compare the template with those of the account.
func (s *Server) CheckTemplate(accountID string, body []byte) error {
	_, err := s.readPutTemplate(accountID, body)
	return err
}

// readPutTemplate reads and checks a template as createTemplate does. Its request is not in
// the history.
func (s *Server) readPutTemplate(accountID string, body []byte) (row templateRow, err error) {
	if s.accounts[accountID] == nil {
		return row, fmt.Errorf("metasim: there is no business account %s", truncate(accountID))
	}
	if len(body) > maxTemplateBody {
		return row, &TemplateError{"", fmt.Sprintf("The template has more than %d bytes.", maxTemplateBody)}
	}
	c := &call{
		server: s, r: &http.Request{Method: http.MethodPost}, started: time.Now(), entry: &Request{Fields: map[string]string{}},
		secrets: secrets{}.with(), parameters: parameters{}, route: route{id: accountID},
	}
	var g *grammar
	refusal := c.readJSON(body)
	if refusal == nil {
		refusal = c.refuseUnknownParameters(templateParameters)
	}
	if refusal == nil {
		row, g, refusal = s.readTemplate(c)
	}
	switch library := c.parameters.get("library_template_name"); {
	case refusal != nil:
	case library != "":
		refusal = s.fillFromLibrary(c, &row, library)
	default:
		g.anySample = true
		if refusal = g.check(); refusal == nil {
			row.fill(g, s.random)
		}
	}
	if refusal == nil && row.Category == "AUTHENTICATION" && !s.isVerified(accountID) {
		refusal = templateNotAllowed()
	}
	if refusal != nil {
		return row, templateError(refusal)
	}
	if len(c.entry.Warnings) > 0 { // such as a member that Meta ignores
		return row, templateError(parameterError("%s", c.entry.Warnings[0].Text))
	}
	row.Quality, row.RejectedReason = "UNKNOWN", "NONE"
	return row, nil
}

// refuseUnknownParameters refuses parameters that Meta ignores: whoever writes a template by
// hand has misspelt them.
func (c *call) refuseUnknownParameters(known []string) *apiError {
	for _, name := range sortedNames(c.parameters) {
		if !hasWord(strings.Join(known, " "), name) {
			e := parameterError("Param %s is unknown; expected one of %s.", truncate(name), strings.Join(known, ", "))
			e.blame = []string{name}
			return e
		}
	}
	return nil
}

// templateError returns a refusal as an error.
func templateError(e *apiError) error {
	text := strings.TrimPrefix(strings.TrimPrefix(e.message, "(#100) "), "(#10) ")
	switch {
	case e.userMsg != "":
		text = e.userTitle + ": " + e.userMsg
	case e.details != "":
		text += ": " + e.details
	}
	path := ""
	if len(e.blame) > 0 {
		path = e.blame[0]
	}
	for _, before := range []string{"Param ", "The parameter ", "The member "} {
		if rest, ok := strings.CutPrefix(text, before); ok && path == "" {
			path, _, _ = strings.Cut(rest, " ")
		}
	}
	return &TemplateError{path, text}
}
