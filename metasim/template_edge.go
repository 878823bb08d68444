package metasim

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Reading, deleting and unpausing templates, and the edges of authentication templates
// (docs/references.md#graph-templates).

const (
	maxDeletedTemplates = 100 // ids in hsm_ids
	maxUpsertLanguages  = 120
)

// templateFilters are the parameters of a list that compare a field. Others compare
// more than one.
var templateFilters = []string{"status", "category", "language", "correct_category"}

// listTemplateParameters are those of the list of templates.
var listTemplateParameters = append(append([]string{"name", "name_or_content", "content", "quality_score", "source"}, templateFilters...), pageParameters...)

func (s *Server) listTemplates(c *call) (any, *apiError) {
	s.settleTemplates()
	return c.respondWithEdge(s.templatesOf(c.id))
}

// templatesOf returns the list of an account's templates.
func (s *Server) templatesOf(account string) edge {
	e := edge{where: filterTemplates, limit: s.templateLimit(account)}
	for _, row := range s.templateRows(account) {
		e.rows = append(e.rows, row.node(s.accounts[row.AccountID]))
	}
	return e
}

// filterTemplates returns the rows that meet all conditions. A condition is a value, or
// a list of them.
func filterTemplates(rows []node, given parameters) ([]node, *apiError) {
	for _, name := range templateFilters {
		refusal := keepRows(&rows, given, name, func(n node, value string) bool { return strings.EqualFold(text(n.fields[name]), value) })
		if refusal != nil {
			return nil, refusal
		}
	}
	conditions := map[string]func(node, string) bool{
		"quality_score": func(n node, value string) bool {
			score, _ := n.fields["quality_score"].(node)
			return strings.EqualFold(text(score.fields["score"]), value)
		},
		"name":    func(n node, value string) bool { return containsFold(text(n.fields["name"]), value) },
		"content": hasContentText,
		"name_or_content": func(n node, value string) bool {
			return containsFold(text(n.fields["name"]), value) || hasContentText(n, value)
		},
	}
	for _, name := range sortedNames(conditions) {
		if refusal := keepRows(&rows, given, name, conditions[name]); refusal != nil {
			return nil, refusal
		}
	}
	return rows, nil
}

// keepRows keeps the rows for which one of the values of a parameter meets a condition.
func keepRows(rows *[]node, given parameters, name string, meets func(node, string) bool) *apiError {
	value := given.get(name)
	if value == "" {
		return nil
	}
	values, err := list(value)
	if err != nil {
		return parameterError("Param %s must be a string, or an array of them.", name)
	}
	*rows = slices.DeleteFunc(*rows, func(n node) bool {
		return !slices.ContainsFunc(values, func(one string) bool { return meets(n, one) })
	})
	return nil
}

// hasContentText reports whether a text of a template has a value in it.
func hasContentText(n node, value string) bool {
	return slices.ContainsFunc(objects(n.fields["components"]), func(c map[string]any) bool { return containsFold(text(c["text"]), value) })
}

func containsFold(s, part string) bool {
	return strings.Contains(strings.ToLower(s), strings.ToLower(part))
}

func (s *Server) readTemplateNode(c *call) (any, *apiError) {
	s.settleTemplates()
	row, ok := s.findTemplate(c.id)
	if !ok { // it was deleted meanwhile
		return nil, unsupported(c.r.Method, c.id)
	}
	return c.respondWithNode(row.node(s.accounts[row.AccountID]))
}

// deleteTemplates deletes templates: by name in all languages, one by id and name, or
// several by id, of which all exist or none is deleted.
func (s *Server) deleteTemplates(c *call) (any, *apiError) {
	s.settleTemplates()
	s.templates.mu.Lock()
	defer s.templates.mu.Unlock()
	rows, refusal := s.chosenTemplates(c)
	if refusal != nil {
		return nil, refusal
	}
	for _, row := range rows {
		switch {
		case row.Sample:
			return nil, refuseTemplate(templateUndeletable, "A sample template can't be deleted.")
		case row.Status == templateDisabled:
			return nil, refuseTemplate(templateUndeletable, "A disabled message template can't be deleted.")
		}
	}
	now := s.Now().Round(0)
	for _, row := range rows {
		row.Deleted, row.Updated, row.Due, row.CategoryDue = now, now, time.Time{}, time.Time{}
		row.Status, row.RejectedReason = templateDeleted, "NONE"
		if row.WasApproved {
			row.Status = templatePendingDeletion
		}
		if err := s.templates.put(row); err != nil {
			return nil, c.storageError(err)
		}
		s.notifyTemplateStatus(row, row.Status, "")
	}
	return success{true}, nil
}

// chosenTemplates returns the templates that a deletion names. The caller holds
// s.templates.mu.
func (s *Server) chosenTemplates(c *call) ([]templateRow, *apiError) {
	name, id, ids := c.parameters.get("name"), c.parameters.get("hsm_id"), c.parameters.get("hsm_ids")
	switch {
	case ids != "" && (name != "" || id != ""):
		return nil, parameterError("Param hsm_ids cannot be used with name or hsm_id.")
	case ids != "":
		return s.templatesByID(c.id, ids)
	case name == "":
		return nil, missingParameter("name")
	}
	rows := slices.DeleteFunc(s.templates.of(c.id, name, s.Now()), func(row templateRow) bool {
		return !row.Deleted.IsZero() || id != "" && row.ID != id
	})
	if len(rows) == 0 {
		return nil, refuseTemplate(templateNotFound, truncate(name))
	}
	return rows, nil
}

func (s *Server) templatesByID(account, given string) (rows []templateRow, _ *apiError) {
	var numbers []json.Number
	decoder := json.NewDecoder(strings.NewReader(given))
	decoder.UseNumber()
	if err := decoder.Decode(&numbers); err != nil { // texts are numbers for encoding/json as well
		return nil, parameterError("Param hsm_ids must be an array of ids.")
	}
	if len(numbers) == 0 || len(numbers) > maxDeletedTemplates {
		return nil, parameterError("Param hsm_ids must have from 1 to %d elements.", maxDeletedTemplates)
	}
	for _, n := range numbers {
		row, ok := s.findTemplate(n.String())
		if !ok || row.AccountID != account {
			return nil, refuseTemplate(templateNotFound, truncate(n.String()))
		}
		if !slices.ContainsFunc(rows, func(other templateRow) bool { return other.ID == row.ID }) {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// unpauseTemplate ends a pause by pacing. One for low quality ends by itself.
func (s *Server) unpauseTemplate(c *call) (any, *apiError) {
	s.settleTemplates()
	s.templates.mu.Lock()
	defer s.templates.mu.Unlock()
	row, ok := s.findTemplate(c.id)
	switch {
	case !ok:
		return nil, unsupported(c.r.Method, c.id)
	case row.Status != templatePaused || !row.Pacing:
		return nil, refuseTemplate(templateFixedStatus, "Only a message template that was paused by pacing can be unpaused.")
	}
	if err := s.setTemplateStatus(&row, TemplateChange{Status: templateApproved}, s.Now().Round(0)); err != nil {
		return nil, c.storageError(err)
	}
	return success{true}, nil
}

// upsertedTemplate is an element of the response to upsertTemplates.
type upsertedTemplate struct {
	ID       string `json:"id"`
	Status   string `json:"status"`
	Language string `json:"language"`
}

// upsertTemplates creates authentication templates in several languages, and edits those
// that exist.
func (s *Server) upsertTemplates(c *call) (any, *apiError) {
	s.settleTemplates()
	languages, err := list(c.parameters.get("languages"))
	switch {
	case c.parameters.get("languages") == "":
		return nil, missingParameter("languages")
	case err != nil || len(languages) > maxUpsertLanguages:
		return nil, parameterError("Param languages must be an array of 1 to %d languages.", maxUpsertLanguages)
	}
	for _, language := range languages {
		c.parameters["language"] = parameter{language, inBody}
		if _, _, refusal := s.readUpsert(c); refusal != nil {
			return nil, refusal
		}
	}
	result := struct {
		Data []upsertedTemplate `json:"data"`
	}{}
	for _, language := range languages {
		c.parameters["language"] = parameter{language, inBody}
		row, refusal := s.upsertTemplate(c)
		if refusal != nil {
			return nil, refusal
		}
		result.Data = append(result.Data, upsertedTemplate{row.ID, row.Status, row.Language})
	}
	return result, nil
}

// readUpsert reads and checks the template of one language.
func (s *Server) readUpsert(c *call) (templateRow, *grammar, *apiError) {
	row, g, refusal := s.readTemplate(c)
	switch {
	case refusal != nil:
		return row, g, refusal
	case row.Category != "AUTHENTICATION":
		return row, g, parameterError("Param category must be one of {AUTHENTICATION} - got \"%s\".", row.Category)
	case !s.isVerified(c.id):
		return row, g, templateNotAllowed()
	}
	for _, p := range g.parts {
		for _, b := range p.buttons {
			for _, name := range []string{"text", "autofill_text"} {
				if _, ok := b.fields[name]; ok {
					return row, g, refuseTemplate(templateUnexpected, "button of type OTP", name)
				}
			}
		}
	}
	return row, g, g.check()
}

// upsertTemplate creates or edits the template of one language.
func (s *Server) upsertTemplate(c *call) (templateRow, *apiError) {
	row, g, refusal := s.readUpsert(c)
	if refusal != nil {
		return row, refusal
	}
	row.fill(g, s.random)
	s.templates.mu.Lock()
	now := s.Now().Round(0)
	known := slices.DeleteFunc(s.templates.of(c.id, row.Name, now), func(other templateRow) bool {
		return !other.Deleted.IsZero() || other.Language != row.Language || other.Category != row.Category
	})
	if len(known) > 0 {
		defer s.templates.mu.Unlock()
		next := known[0]
		next.Components, next.TTLSeconds = row.Components, row.TTLSeconds
		refusal = s.resubmit(c, next, now)
		next, _ = s.findTemplate(next.ID)
		return next, refusal
	}
	s.templates.mu.Unlock()
	if !s.mayCreate(c.id) {
		return row, s.errorFor(80008)
	}
	return s.addTemplate(c, row)
}

// templatePreview is an element of the response to previewTemplates.
type templatePreview struct {
	Body     string          `json:"body"`
	Footer   string          `json:"footer,omitempty"`
	Buttons  []previewButton `json:"buttons"`
	Language string          `json:"language"`
}

type previewButton struct {
	Text     string `json:"text"`
	Autofill string `json:"autofill_text"`
}

// previewTemplates returns the texts of authentication templates.
func (s *Server) previewTemplates(c *call) (any, *apiError) {
	category, refusal := c.capitals("category", []string{"AUTHENTICATION"})
	switch {
	case refusal != nil:
		return nil, refusal
	case category == "":
		return nil, missingParameter("category")
	}
	languages := strings.Split(strings.Trim(strings.ReplaceAll(c.parameters.get("languages"), `"`, ""), "[]"), ",")
	if languages[0] == "" {
		languages = sortedNames(presets)
	}
	minutes := c.parameters.get("code_expiration_minutes")
	if n, ok := number(minutes); minutes != "" && (!ok || !(n >= 1 && n <= maxCodeMinutes)) {
		return nil, parameterError("Param code_expiration_minutes must be a number from 1 to %d.", maxCodeMinutes)
	}
	result := struct {
		Data []templatePreview `json:"data"`
	}{}
	for _, language := range languages[:min(len(languages), maxUpsertLanguages)] {
		if language = strings.TrimSpace(language); !hasWord(templateLanguages, language) {
			return nil, refuseTemplate(templateLanguage, truncate(language))
		}
		texts := presetsOf(language)
		preview := templatePreview{Body: texts.body, Buttons: []previewButton{{texts.button, texts.autofill}}, Language: language}
		if yes, _ := boolean(c.parameters.get("add_security_recommendation")); yes {
			preview.Body += texts.security
		}
		if minutes != "" {
			preview.Footer = strings.ReplaceAll(texts.expiry, "%v", minutes)
		}
		result.Data = append(result.Data, preview)
	}
	return result, nil
}
