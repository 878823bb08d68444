package metasim

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
)

// The templates of the accounts: how they are kept, and what reads return of them
// (docs/references.md#graph-templates).

const (
	templateKind        = "template" // of records
	maxTemplates        = 1 << 16    // of all accounts
	verifiedTemplates   = 6000       // of an account of a verified business
	unverifiedTemplates = 250
	templatesPerHour    = 100                 // that an account may create
	blockedName         = 30 * 24 * time.Hour // after a template that was approved is deleted
)

// The statuses of a template that the simulator uses itself.
const (
	templateApproved        = "APPROVED"
	templatePending         = "PENDING"
	templateRejected        = "REJECTED"
	templatePaused          = "PAUSED"
	templateDisabled        = "DISABLED"
	templateArchived        = "ARCHIVED"
	templatePendingDeletion = "PENDING_DELETION"
	templateDeleted         = "DELETED"
)

// A MessageTemplate is a template as the account has it now.
type MessageTemplate struct {
	ID               string          `json:"id"`
	AccountID        string          `json:"business_account_id"`
	Name             string          `json:"name"`
	Language         string          `json:"language"`
	Category         string          `json:"category"`
	Status           string          `json:"status"`
	ParameterFormat  string          `json:"parameter_format"`
	Components       json.RawMessage `json:"components"`                // as reads return them
	RejectedReason   string          `json:"rejected_reason,omitempty"` // NONE unless it is rejected
	Quality          string          `json:"quality_score"`             // UNKNOWN, GREEN, YELLOW or RED
	PreviousCategory string          `json:"previous_category,omitempty"`
	CorrectCategory  string          `json:"correct_category,omitempty"`
	TTLSeconds       int             `json:"message_send_ttl_seconds,omitempty"`
	Library          string          `json:"library_template_name,omitempty"`
	LinkTracking     *bool           `json:"link_tracking,omitempty"` // the opposite of cta_url_link_tracking_opted_out; nil means that the request did not say
	Freedom          json.RawMessage `json:"degrees_of_freedom_spec,omitempty"`
	Sample           bool            `json:"sample,omitempty"` // hello_world, which cannot be deleted
	Pauses           int             `json:"pauses,omitempty"` // for low quality
	Created          time.Time       `json:"created"`
	Updated          time.Time       `json:"updated"`
}

// templateRow is a template with what is to happen to it.
type templateRow struct {
	MessageTemplate
	Due         time.Time   `json:"due,omitzero"`          // of the end of the review, or of the pause; zero means that it is left to the control API
	CategoryDue time.Time   `json:"category_due,omitzero"` // when CorrectCategory becomes the category
	Pacing      bool        `json:"pacing,omitempty"`      // it was paused by pacing, and must be unpaused by hand
	WasApproved bool        `json:"was_approved,omitempty"`
	Fault       string      `json:"fault,omitempty"` // reason for which a review rejects it
	Edits       []time.Time `json:"edits,omitempty"` // since it was approved, in the last 30 days
	Deleted     time.Time   `json:"deleted,omitzero"`
	Order       int         `json:"order"` // in lists: a number that grows with each template
}

func (t templateRow) createdAt() time.Time { return t.Created }

// expiresAt is when nothing remembers a deleted template any more.
func (t templateRow) expiresAt() time.Time {
	if t.Deleted.IsZero() {
		return time.Time{}
	}
	return t.Deleted.Add(blockedName)
}

var errTemplatesFull = errors.New("too many templates")

// templates are the templates of all accounts.
type templates struct {
	table *table[templateRow]
	wake  chan struct{} // capacity 1: what is to happen has changed

	mu      sync.Mutex             // held while templates are compared and changed
	names   map[string][]string    // ids by account and name
	created map[string][]time.Time // creations of the last hour by account
	review  time.Duration          // of new templates; negative means that it is left to the control API
	due     time.Time              // when something is next; zero means never
	made    int                    // the largest Order
}

func newTemplates(cfg Config) *templates {
	return &templates{
		table: newTable[templateRow](templateKind, maxTemplates, errTemplatesFull, cfg.Records),
		wake:  make(chan struct{}, 1),
		names: map[string][]string{}, created: map[string][]time.Time{}, review: cfg.TemplateReview,
	}
}

// restoreTemplates reads the templates of an earlier Server, and adds those of the
// configuration that it did not have.
func (s *Server) restoreTemplates() []error {
	problems := s.templates.table.load(func(id string, row templateRow) error {
		if row.ID != id || !isObjectID(id) || row.Name == "" || !json.Valid(row.Components) {
			return badRecord(templateKind, id, "it is the record of %q", truncate(row.ID))
		}
		return nil
	})
	s.templates.mu.Lock()
	defer s.templates.mu.Unlock()
	for _, row := range s.templates.table.all() {
		s.templates.index(row)
	}
	s.addConfiguredTemplates()
	return problems
}

// addConfiguredTemplates adds the templates of the configuration, in memory only: they
// have a record as soon as they are changed. The caller holds s.templates.mu.
func (s *Server) addConfiguredTemplates() {
	order := 0
	for _, a := range s.cfg.BusinessAccounts {
		for _, t := range a.templates() {
			order++
			known := s.templates.of(a.ID, t.Name, time.Time{}) // also those that were deleted
			if slices.ContainsFunc(known, func(row templateRow) bool { return row.Language == t.Language }) {
				continue
			}
			row := configuredTemplate(a.ID, t)
			row.Order = order
			s.templates.table.add(row.ID, row)
			s.templates.index(row)
		}
	}
}

// configuredTemplate returns the row of a template of the configuration. Its id is the
// same in each Server.
func configuredTemplate(account string, t Template) templateRow {
	digest := sha256.Sum256([]byte(account + "\n" + t.Name + "\n" + t.Language))
	row := templateRow{MessageTemplate: MessageTemplate{
		ID:        fmt.Sprint(1_000_000_000_000_000 + binary.BigEndian.Uint64(digest[:])%9_000_000_000_000_000),
		AccountID: account, Name: t.Name, Language: t.Language, Category: cmp.Or(strings.ToUpper(t.Category), "UTILITY"),
		Status: cmp.Or(strings.ToUpper(t.Status), templateApproved), ParameterFormat: cmp.Or(strings.ToUpper(t.ParameterFormat), formatPositional),
		Components: t.json(), Quality: "UNKNOWN", RejectedReason: "NONE", Sample: t.Name == helloWorld.Name,
		Created: accountCreated, Updated: accountCreated,
	}}
	row.WasApproved = row.Status != templatePending && row.Status != templateRejected
	return row
}

func templateKey(account, name string) string { return account + "/" + name }

// index makes a row one that is found by its name, and when its time comes. The caller
// holds t.mu.
func (t *templates) index(row templateRow) {
	for _, due := range []time.Time{row.Due, row.CategoryDue} {
		if !due.IsZero() && (t.due.IsZero() || due.Before(t.due)) {
			t.due = due
		}
	}
	t.made = max(t.made, row.Order)
	key := templateKey(row.AccountID, row.Name)
	if !slices.Contains(t.names[key], row.ID) {
		t.names[key] = append(t.names[key], row.ID)
	}
}

// of returns the templates of an account with a name, also those that were deleted and
// are remembered. The caller holds t.mu.
func (t *templates) of(account, name string, now time.Time) (rows []templateRow) {
	for _, id := range t.names[templateKey(account, name)] {
		if row, ok := t.table.find(id, now); ok {
			rows = append(rows, row)
		}
	}
	return rows
}

// put stores a row. The caller holds t.mu.
func (t *templates) put(row templateRow) error {
	if err := t.table.put(row.ID, row); err != nil {
		return err
	}
	t.index(row)
	t.signal()
	return nil
}

// remove removes a row. The caller holds t.mu.
func (t *templates) remove(row templateRow) error {
	key := templateKey(row.AccountID, row.Name)
	if t.names[key] = slices.DeleteFunc(t.names[key], func(id string) bool { return id == row.ID }); len(t.names[key]) == 0 {
		delete(t.names, key)
	}
	_, err := t.table.remove(row.ID)
	return err
}

// signal makes the loop of the templates look at what is to happen.
func (t *templates) signal() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// removeExpired forgets the templates that were deleted long ago.
func (t *templates) removeExpired(now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var problems []error
	for _, row := range t.table.all() {
		if hasExpired(row, now) {
			problems = append(problems, t.remove(row))
		}
	}
	return errors.Join(problems...)
}

// resetTemplates removes all templates but those of the configuration.
func (s *Server) resetTemplates() error {
	s.templates.mu.Lock()
	defer s.templates.mu.Unlock()
	_, err := s.templates.table.removeWhere(func(templateRow) bool { return true })
	s.templates.names, s.templates.created = map[string][]string{}, map[string][]time.Time{}
	s.templates.review, s.templates.due = s.cfg.TemplateReview, time.Time{}
	s.addConfiguredTemplates()
	return err
}

// templateRows returns the templates of an account that exist, oldest first.
func (s *Server) templateRows(account string) (rows []templateRow) {
	for _, row := range s.templates.table.all() {
		if row.Deleted.IsZero() && (account == "" || row.AccountID == account) {
			rows = append(rows, row)
		}
	}
	sort.Slice(rows, func(i, j int) bool {
		a, b := &rows[i], &rows[j]
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.ID, b.ID)) < 0
	})
	return rows
}

// findTemplate returns a template that exists.
func (s *Server) findTemplate(id string) (templateRow, bool) {
	row, ok := s.templates.table.find(id, s.Now())
	return row, ok && row.Deleted.IsZero()
}

// templateToSend returns the template of a message, or nil. Meta does not tell one that
// is not approved from one that does not exist.
func (s *Server) templateToSend(account, name, language string) *Template {
	s.templates.mu.Lock()
	defer s.templates.mu.Unlock()
	for _, row := range s.templates.of(account, name, s.Now()) {
		if row.Language == language && slices.Contains([]string{templateApproved, templatePaused, templateDisabled}, row.Status) {
			return row.template()
		}
	}
	return nil
}

// template returns what messages are compared with. The button of a one-time password
// is a URL where it is read.
func (t templateRow) template() *Template {
	var components []TemplateComponent
	_ = json.Unmarshal(t.Components, &components) // the grammar, or json, has made them
	if t.Category == "AUTHENTICATION" {
		for _, c := range components {
			for i := range c.Buttons {
				if c.Buttons[i].Type == "URL" {
					c.Buttons[i].Type = "OTP"
				}
			}
		}
	}
	return &Template{Name: t.Name, Language: t.Language, Category: t.Category, Status: t.Status, ParameterFormat: t.ParameterFormat, Components: components}
}

// json returns the components of a template of the configuration.
func (t Template) json() json.RawMessage {
	list := make([]TemplateComponent, len(t.Components))
	for i, c := range t.Components {
		c.Type, c.Format = strings.ToUpper(c.Type), strings.ToUpper(c.Format)
		if c.Type == "HEADER" {
			c.Format = cmp.Or(c.Format, "TEXT")
		}
		c.Buttons = slices.Clone(c.Buttons)
		for k := range c.Buttons {
			c.Buttons[k].Type = strings.ToUpper(c.Buttons[k].Type)
		}
		list[i] = c
	}
	content, err := json.Marshal(list)
	if err != nil { // it consists of texts
		return json.RawMessage("[]")
	}
	return content
}

// node returns a template of an account as reads do.
func (t templateRow) node(account *BusinessAccount) node {
	var components any
	_ = json.Unmarshal(t.Components, &components)
	optional := func(value string) any {
		if value == "" {
			return nil
		}
		return value
	}
	n := node{
		kind: "WhatsAppMessageTemplate", as: nodeTemplate,
		defaults: []string{"name", "parameter_format", "components", "language", "status", "category", "sub_category", "previous_category"},
		fields: map[string]any{
			"id": t.ID, "name": t.Name, "language": t.Language, "category": t.Category, "sub_category": "CUSTOM", "status": t.Status,
			"parameter_format": t.ParameterFormat, "components": components, "rejected_reason": cmp.Or(t.RejectedReason, "NONE"),
			"quality_score":         structure("QualityScore", map[string]any{"score": t.Quality, "date": t.Updated.Unix()}),
			"previous_category":     optional(t.PreviousCategory),
			"correct_category":      optional(t.CorrectCategory),
			"library_template_name": optional(t.Library),
			"last_updated_time":     t.Updated.UTC().Format("2006-01-02T15:04:05+0000"),
			"health_status":         healthStatus(append([]map[string]any{t.health()}, account.health(account.AppID)...)...),
			"source":                nil, "degrees_of_freedom_spec": nil, "message_send_ttl_seconds": nil, "cta_url_link_tracking_opted_out": nil,
		},
	}
	if t.TTLSeconds != 0 {
		n.fields["message_send_ttl_seconds"] = t.TTLSeconds
	}
	if t.LinkTracking != nil {
		n.fields["cta_url_link_tracking_opted_out"] = !*t.LinkTracking
	}
	if len(t.Freedom) > 0 {
		n.fields["degrees_of_freedom_spec"] = t.Freedom
	}
	return n
}

// health says whether messages can have the template.
func (t templateRow) health() map[string]any {
	if t.Status == templateApproved {
		return health("MESSAGE_TEMPLATE", t.ID, "AVAILABLE")
	}
	entity := health("MESSAGE_TEMPLATE", t.ID, "BLOCKED")
	entity["errors"] = []map[string]any{{"error_code": 141002,
		"error_description": "Message templates can only be sent out if they are approved.",
		"possible_solution": "Wait until the message template is approved, or edit it."}}
	return entity
}
