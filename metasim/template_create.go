package metasim

import (
	"cmp"
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
)

// POST /{account}/message_templates, and POST /{template}
// (docs/references.md#graph-templates).

// maxTemplateBody is the maximum size in bytes of the request: a flow may be in it.
const maxTemplateBody = 256 << 10

// Bounds of edits of a template that was approved.
const (
	editInterval = 24 * time.Hour
	editMonth    = 30 * 24 * time.Hour
	editsAMonth  = 10
)

// templateParameters are those of a request that creates a template. What is not looked
// at is ignored here.
var templateParameters = []string{
	"name", "language", "category", "components", "parameter_format", "message_send_ttl_seconds", "cta_url_link_tracking_opted_out",
	"degrees_of_freedom_spec", "allow_category_change", "sub_category", "display_format", "is_primary_device_delivery_only", "creative_sourcing_spec",
	"library_template_name", "library_template_button_inputs", "library_template_body_inputs",
}

// createdTemplate is the response to a request that creates a template.
type createdTemplate struct {
	ID       string `json:"id"`
	Status   string `json:"status"`
	Category string `json:"category"`
}

// editedTemplate is the response to a request that edits one.
type editedTemplate struct {
	Success  bool   `json:"success"`
	ID       string `json:"id"`
	Name     string `json:"name"`
	Category string `json:"category"`
}

func (s *Server) createTemplate(c *call) (any, *apiError) {
	s.settleTemplates()
	if !s.mayCreate(c.id) {
		c.reportUsage(1)
		return nil, s.errorFor(80008)
	}
	row, g, refusal := s.readTemplate(c)
	if refusal != nil {
		return nil, refusal
	}
	if library := c.parameters.get("library_template_name"); library != "" {
		refusal = s.fillFromLibrary(c, &row, library)
	} else if refusal = g.check(); refusal == nil {
		row.fill(g, s.random)
	}
	if refusal == nil && row.Category == "AUTHENTICATION" && !s.isVerified(c.id) {
		refusal = templateNotAllowed()
	}
	if refusal == nil {
		row, refusal = s.addTemplate(c, row)
	}
	if refusal != nil {
		return nil, refusal
	}
	return createdTemplate{row.ID, row.Status, row.Category}, nil
}

var templateName = regexp.MustCompile(`^[a-z0-9_]+$`)

// readTemplate reads the parameters of a new template, and checks them up to the name.
// The grammar has its components, which are still to be checked.
func (s *Server) readTemplate(c *call) (row templateRow, g *grammar, _ *apiError) {
	required := []string{"name", "language", "category"}
	if c.parameters.get("library_template_name") == "" {
		required = append(required, "components")
	}
	for _, name := range required {
		if c.parameters.get(name) == "" {
			return row, nil, missingParameter(name)
		}
	}
	row.AccountID, row.Name, row.Language = c.id, c.parameters.get("name"), c.parameters.get("language")
	var refusal *apiError
	if row.Category, refusal = c.capitals("category", templateCategories); refusal != nil {
		return row, nil, refusal
	}
	if refusal := c.readTemplateSettings(&row); refusal != nil {
		return row, nil, refusal
	}
	g = &grammar{messageCheck: &messageCheck{call: c}, category: row.Category, format: row.ParameterFormat, appID: s.accounts[c.id].AppID}
	if components := c.parameters.get("components"); components != "" {
		if refusal := g.read(components); refusal != nil {
			return row, nil, refusal
		}
	}
	return row, g, checkTemplateName(row.Name, row.Language)
}

// checkTemplateName checks name and language.
func checkTemplateName(name, language string) *apiError {
	switch {
	case !templateName.MatchString(name):
		return refuseTemplate(templateBadName)
	case len(name) > maxTemplateName:
		return refuseTemplate(templateTooLong, "name", maxTemplateName)
	case name == helloWorld.Name:
		return refuseTemplate(templateSampleName, name)
	case !hasWord(templateLanguages, language):
		return refuseTemplate(templateLanguage, truncate(language))
	}
	return nil
}

// capitals returns an enumerated parameter in capitals.
func (c *call) capitals(name string, values []string) (string, *apiError) {
	given := c.parameters.get(name)
	value := strings.ToUpper(given)
	if value != "" && !slices.Contains(values, value) {
		return "", parameterError("Param %s must be one of {%s} - got \"%s\".", name, strings.Join(values, ", "), truncate(given))
	}
	return value, nil
}

// readTemplateSettings reads what a new template and an edit have besides components.
func (c *call) readTemplateSettings(row *templateRow) *apiError {
	format, refusal := c.capitals("parameter_format", []string{formatPositional, formatNamed})
	if refusal != nil {
		return refusal
	}
	row.ParameterFormat = cmp.Or(format, row.ParameterFormat)
	if given := c.parameters.get("message_send_ttl_seconds"); given != "" {
		of := ttlRanges[row.Category]
		n, ok := number(given)
		if !ok || n != math.Trunc(n) || !(n >= of.least && n <= of.most || of.unlimited && n == -1) {
			return parameterError("Param message_send_ttl_seconds must be a number from %.0f to %.0f for a template of category %s - got \"%s\".", of.least, of.most, row.Category, truncate(given))
		}
		row.TTLSeconds = int(n)
	}
	if given, ok := c.parameters["cta_url_link_tracking_opted_out"]; ok {
		out, ok := boolean(given.value)
		if !ok {
			return parameterError("Param cta_url_link_tracking_opted_out must be a boolean.")
		}
		tracking := !out
		row.LinkTracking = &tracking
	}
	if given := c.parameters.get("degrees_of_freedom_spec"); given != "" {
		if _, ok := decodeMember(given).(map[string]any); !ok {
			return parameterError("Param degrees_of_freedom_spec must be a JSON object.")
		}
		row.Freedom = json.RawMessage(given)
	}
	return nil
}

// fill sets the components of a template that were checked.
func (t *templateRow) fill(g *grammar, random *randomSource) {
	t.ParameterFormat, t.Fault = g.format, ""
	for _, p := range g.parts {
		if p.kind == "BODY" && neighbours.MatchString(text(p.fields["text"])) {
			t.Fault = reasonInvalidFormat
		}
	}
	content, err := json.Marshal(g.stored(t.Language, random))
	if err != nil { // it was decoded from JSON
		content = []byte("[]")
	}
	t.Components = content
}

// mayCreate reports whether an account has created fewer templates in the last hour than
// it may.
func (s *Server) mayCreate(account string) bool {
	s.templates.mu.Lock()
	defer s.templates.mu.Unlock()
	now := s.Now()
	recent := slices.DeleteFunc(s.templates.created[account], func(at time.Time) bool { return at.After(now) || now.Sub(at) >= time.Hour })
	s.templates.created[account] = recent
	return s.cfg.TemplatesPerHour < 0 || len(recent) < cmp.Or(s.cfg.TemplatesPerHour, templatesPerHour)
}

// addTemplate adds a template, if its name is free in its language.
func (s *Server) addTemplate(c *call, row templateRow) (templateRow, *apiError) {
	s.templates.mu.Lock()
	defer s.templates.mu.Unlock()
	now := s.Now().Round(0)
	refusal := s.checkFree(row, now)
	if refusal != nil {
		return row, refusal
	}
	row.ID, row.Quality, row.RejectedReason = s.newTemplateID(), "UNKNOWN", "NONE"
	row.Created, row.Updated, row.Order = now, now, s.templates.made+1
	row.submit(s.templates.review, now)
	if row.Library != "" { // Meta has reviewed it
		row.approve()
	}
	if err := s.templates.put(row); err != nil {
		return row, c.storageError(err)
	}
	if s.cfg.TemplatesPerHour >= 0 {
		s.templates.created[row.AccountID] = append(s.templates.created[row.AccountID], now)
	}
	s.notifyTemplateComponents(row)
	if row.Status == templateApproved {
		s.notifyTemplateStatus(row, templateApproved, "")
	}
	return row, nil
}

// checkFree refuses a template whose name is taken. The caller holds s.templates.mu.
func (s *Server) checkFree(row templateRow, now time.Time) *apiError {
	var deleting, exists, others bool
	category := ""
	for _, other := range s.templates.of(row.AccountID, row.Name, now) {
		deleting = deleting || other.Status == templatePendingDeletion && other.Language == row.Language
		if !other.Deleted.IsZero() {
			continue
		}
		exists = exists || other.Language == row.Language
		if other.Category != row.Category {
			others, category = true, other.Category
		}
	}
	language := cmp.Or(languageNames[row.Language], row.Language)
	switch {
	case deleting:
		return refuseTemplate(templateBeingDeleted, language, "4 weeks")
	case exists:
		return refuseTemplate(templateExists, language)
	case others:
		return invalidTemplate("Template Category Doesn't Match", "The category %s doesn't match the one that's already associated with this template, %s.", row.Category, category)
	}
	if limit := s.templateLimit(row.AccountID); len(s.templateRows(row.AccountID)) >= limit {
		return refuseTemplate(templateLimit, limit)
	}
	return nil
}

// templateLimit is the number of templates that an account can have.
func (s *Server) templateLimit(account string) int {
	if s.isVerified(account) {
		return verifiedTemplates
	}
	return unverifiedTemplates
}

// newTemplateID returns an id that no object has.
func (s *Server) newTemplateID() string {
	for {
		id := s.random.digits(16)
		if kind, _ := s.node(id); kind == "" {
			return id
		}
	}
}

// editedParameters are those that an edit changes, and editParameters all of it.
var (
	editedParameters = []string{"category", "components", "parameter_format", "message_send_ttl_seconds", "cta_url_link_tracking_opted_out", "degrees_of_freedom_spec"}
	editParameters   = append([]string{"name", "language", "allow_category_change", "creative_sourcing_spec", "is_primary_device_delivery_only"}, editedParameters...)
)

func (s *Server) editTemplate(c *call) (any, *apiError) {
	s.settleTemplates()
	s.templates.mu.Lock()
	defer s.templates.mu.Unlock()
	row, ok := s.findTemplate(c.id)
	if !ok { // it was deleted meanwhile
		return nil, unsupported(c.r.Method, c.id)
	}
	now := s.Now().Round(0)
	category, refusal := c.capitals("category", templateCategories)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := row.checkEditable(category, now); refusal != nil {
		return nil, refusal
	}
	if refusal := s.checkEdit(c, row, category); refusal != nil {
		return nil, refusal
	}
	row.Category = cmp.Or(category, row.Category)
	row.ParameterFormat = ""
	if refusal := c.readTemplateSettings(&row); refusal != nil {
		return nil, refusal
	}
	if refusal := s.replaceComponents(c, &row, c.parameters.get("components")); refusal != nil {
		return nil, refusal
	}
	if row.Status == templateApproved {
		row.Edits = append(row.Edits, now)
	}
	if refusal := s.resubmit(c, row, now); refusal != nil {
		return nil, refusal
	}
	return editedTemplate{true, row.ID, row.Name, row.Category}, nil
}

// checkEdit refuses an edit of nothing, and one that makes a template an authentication
// template, or no longer one, and does not replace its components.
func (s *Server) checkEdit(c *call, row templateRow, category string) *apiError {
	given := slices.ContainsFunc(editedParameters, func(name string) bool { return c.parameters.get(name) != "" })
	codes := func(category string) bool { return category == "AUTHENTICATION" }
	switch {
	case !given, category != "" && codes(category) != codes(row.Category) && c.parameters.get("components") == "":
		return missingParameter("components")
	case codes(category) && !s.isVerified(row.AccountID):
		return templateNotAllowed()
	}
	return nil
}

// isVerified reports whether the business of an account is verified.
func (s *Server) isVerified(account string) bool {
	return strings.EqualFold(s.accounts[account].BusinessVerificationStatus, "verified")
}

// replaceComponents checks the components of an edit, and puts them in place of those
// that the template has. Without components, the template keeps its own.
func (s *Server) replaceComponents(c *call, row *templateRow, components string) *apiError {
	if components == "" {
		old, _ := s.findTemplate(row.ID)
		row.ParameterFormat = cmp.Or(row.ParameterFormat, old.ParameterFormat)
		return nil
	}
	g := &grammar{messageCheck: &messageCheck{call: c}, category: row.Category, format: row.ParameterFormat, appID: s.accounts[row.AccountID].AppID}
	if refusal := g.read(components); refusal != nil {
		return refusal
	}
	if refusal := g.check(); refusal != nil {
		return refusal
	}
	row.fill(g, s.random)
	return nil
}

// resubmit stores an edited template, which is reviewed again. The caller holds
// s.templates.mu.
func (s *Server) resubmit(c *call, row templateRow, now time.Time) *apiError {
	row.Updated, row.RejectedReason, row.Pacing = now, "NONE", false
	row.submit(s.templates.review, now)
	if err := s.templates.put(row); err != nil {
		return c.storageError(err)
	}
	s.notifyTemplateComponents(row)
	return nil
}

// checkEditable refuses an edit of a template in review, or too many of them. It forgets
// edits of more than 30 days ago.
func (t *templateRow) checkEditable(category string, now time.Time) *apiError {
	recent := slices.DeleteFunc(slices.Clone(t.Edits), func(at time.Time) bool { return now.Sub(at) >= editMonth })
	t.Edits = recent
	switch {
	case t.Sample:
		return refuseTemplate(templateFixedStatus, "A sample template can't be edited.")
	case !slices.Contains([]string{templateApproved, templateRejected, templatePaused}, t.Status):
		return refuseTemplate(templateFixedStatus, "A message template that is "+t.Status+" can't be edited: only one that is APPROVED, REJECTED or PAUSED.")
	case t.Status != templateApproved:
		return nil
	case category != "" && category != t.Category:
		return refuseTemplate(templateFixedStatus, "The category of an approved message template can't be changed.")
	case len(recent) > 0 && now.Sub(recent[len(recent)-1]) < editInterval:
		return refuseTemplate(templateEdited)
	case len(recent) >= editsAMonth:
		return refuseTemplate(templateFixedStatus, "An approved message template can be edited 10 times in 30 days.")
	}
	return nil
}
