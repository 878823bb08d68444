package metasim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The life of a template: it is reviewed, paused and disabled by the simulator's clock,
// or by the control API (docs/references.md#graph-templates).

const (
	firstPause     = 3 * time.Hour
	secondPause    = 6 * time.Hour
	categoryNotice = 24 * time.Hour // between the notice of another category and the change

	defaultTemplateReview = time.Second
)

const reasonInvalidFormat = "INVALID_FORMAT"

// templateStatuses are the statuses that Server.ChangeTemplate sets.
var templateStatuses = []string{templatePending, templateApproved, templateRejected, templatePaused, templateDisabled, templateArchived, "IN_APPEAL", "LIMIT_EXCEEDED"}

// rejectedReasons are Meta's reasons of a rejection.
var rejectedReasons = []string{"ABUSIVE_CONTENT", "CATEGORY_NOT_AVAILABLE", "INCORRECT_CATEGORY", reasonInvalidFormat, "PROMOTIONAL", "SCAM", "TAG_CONTENT_MISMATCH"}

var templateQualities = []string{"UNKNOWN", "GREEN", "YELLOW", "RED"}

// A TemplateChange is what Meta does with a template. Empty members change nothing.
type TemplateChange struct {
	// Status is the new status: APPROVED, REJECTED, PAUSED, DISABLED, ARCHIVED,
	// PENDING, IN_APPEAL or LIMIT_EXCEEDED. APPROVED ends a review as well as a pause.
	// PAUSED is for low quality: for 3 hours the first time, for 6 the second time,
	// and the third time the template is disabled instead.
	Status string `json:"status,omitempty"`

	Reason  string `json:"reason,omitempty"`  // of REJECTED; default INVALID_FORMAT
	Pacing  bool   `json:"pacing,omitempty"`  // of PAUSED: by pacing, until it is unpaused
	Quality string `json:"quality,omitempty"` // UNKNOWN, GREEN, YELLOW or RED

	// Category is the one that the template should have. It gets it 24 hours later, or
	// now with AtOnce, with all templates of its name.
	Category string `json:"category,omitempty"`
	AtOnce   bool   `json:"at_once,omitempty"`
}

func (t TemplateChange) withCapitals() TemplateChange {
	for _, value := range []*string{&t.Status, &t.Reason, &t.Quality, &t.Category} {
		*value = strings.ToUpper(*value)
	}
	return t
}

func (t TemplateChange) validate() error {
	for _, one := range []struct {
		name, value string
		values      []string
	}{
		{"status", t.Status, templateStatuses}, {"reason", t.Reason, rejectedReasons},
		{"quality", t.Quality, templateQualities}, {"category", t.Category, templateCategories},
	} {
		if one.value != "" && !slices.Contains(one.values, one.value) {
			return fmt.Errorf("metasim: template: %s %q is none of %s", one.name, truncate(one.value), strings.Join(one.values, ", "))
		}
	}
	switch {
	case t.Status == "" && t.Quality == "" && t.Category == "":
		return errors.New("metasim: template: the change is empty; set status, quality or category")
	case t.Reason != "" && t.Status != templateRejected:
		return errors.New("metasim: template: reason is for status REJECTED only")
	case t.Pacing && t.Status != templatePaused:
		return errors.New("metasim: template: pacing is for status PAUSED only")
	case t.AtOnce && t.Category == "":
		return errors.New("metasim: template: at_once is for category only")
	}
	return nil
}

// Templates returns the templates of an account, or of all accounts if accountID is
// empty, oldest first.
func (s *Server) Templates(accountID string) []MessageTemplate {
	s.settleTemplates()
	list := []MessageTemplate{}
	for _, row := range s.templateRows(accountID) {
		list = append(list, row.MessageTemplate)
	}
	return list
}

// Template returns a template that has not been deleted.
func (s *Server) Template(id string) (MessageTemplate, bool) {
	s.settleTemplates()
	row, ok := s.findTemplate(id)
	return row.MessageTemplate, ok
}

// SetTemplateReview says how long reviews take from now on, by the simulator's clock. A
// negative time leaves them to ChangeTemplate. Reset returns to Config.TemplateReview.
func (s *Server) SetTemplateReview(after time.Duration) {
	s.templates.mu.Lock()
	defer s.templates.mu.Unlock()
	s.templates.review = cmp.Or(after, defaultTemplateReview)
}

// TemplateReview returns how long reviews take.
func (s *Server) TemplateReview() time.Duration {
	s.templates.mu.Lock()
	defer s.templates.mu.Unlock()
	return s.templates.review
}

// ChangeTemplate changes a template as Meta does, and sends the webhooks of it.
func (s *Server) ChangeTemplate(id string, change TemplateChange) (MessageTemplate, error) {
	change = change.withCapitals()
	if err := change.validate(); err != nil {
		return MessageTemplate{}, err
	}
	s.settleTemplates()
	s.templates.mu.Lock()
	defer s.templates.mu.Unlock()
	row, ok := s.findTemplate(id)
	if !ok {
		return MessageTemplate{}, fmt.Errorf("metasim: there is no template %s", truncate(id))
	}
	now := s.Now().Round(0)
	if change.Quality != "" && change.Quality != row.Quality {
		before := row.Quality
		row.Quality, row.Updated = change.Quality, now
		if err := s.templates.put(row); err != nil {
			return row.MessageTemplate, err
		}
		s.notifyTemplateQuality(row, before)
	}
	if change.Status != "" {
		if err := s.setTemplateStatus(&row, change, now); err != nil {
			return row.MessageTemplate, err
		}
	}
	if change.Category != "" && change.Category != row.Category {
		if err := s.proposeCategory(&row, change, now); err != nil {
			return row.MessageTemplate, err
		}
	}
	return row.MessageTemplate, nil
}

// setTemplateStatus sets the status of a template, and reports it. The caller holds
// s.templates.mu.
func (s *Server) setTemplateStatus(row *templateRow, change TemplateChange, now time.Time) error {
	before := row.Status
	title := ""
	row.Due, row.Updated, row.RejectedReason = time.Time{}, now, "NONE"
	row.Status = change.Status
	switch change.Status {
	case templateApproved:
		if before == templatePaused {
			title = "UNPAUSE"
		}
		row.approve()
	case templateRejected:
		row.RejectedReason = cmp.Or(change.Reason, row.Fault, reasonInvalidFormat)
	case templatePaused:
		title = row.pause(change.Pacing, now)
	case templateDisabled:
		title = templateDisabled
	}
	if err := s.templates.put(*row); err != nil {
		return err
	}
	event := row.Status
	switch {
	case before == templateArchived && event != templateArchived:
		event = "UNARCHIVED"
	case before == templateDisabled && event == templateApproved:
		event = "REINSTATED"
	}
	s.notifyTemplateStatus(*row, event, title)
	return nil
}

// submit makes a template one that is reviewed.
func (t *templateRow) submit(review time.Duration, now time.Time) {
	t.Status, t.Due = templatePending, time.Time{}
	if review >= 0 {
		t.Due = now.Add(review)
	}
}

func (t *templateRow) approve() {
	t.Status, t.RejectedReason, t.WasApproved, t.Pacing, t.Due = templateApproved, "NONE", true, false, time.Time{}
}

// pause pauses a template for the time of its first or second pause, or disables it. It
// returns the title of the webhook.
func (t *templateRow) pause(pacing bool, now time.Time) string {
	if t.Pacing = pacing; pacing {
		return "RATE_LIMITING_PAUSE"
	}
	t.Pauses++
	switch t.Pauses {
	case 1:
		t.Due = now.Add(firstPause)
		return "FIRST_PAUSE"
	case 2:
		t.Due = now.Add(secondPause)
		return "SECOND_PAUSE"
	}
	t.Status = templateDisabled
	return templateDisabled
}

// proposeCategory makes another category the right one of a template, and changes it if
// that is to happen at once. The caller holds s.templates.mu.
func (s *Server) proposeCategory(row *templateRow, change TemplateChange, now time.Time) error {
	if change.AtOnce {
		row.CorrectCategory = change.Category
		return s.changeCategory(row, now)
	}
	row.CorrectCategory, row.CategoryDue, row.Updated = change.Category, now.Add(categoryNotice), now
	if err := s.templates.put(*row); err != nil {
		return err
	}
	s.notifyTemplateCategory(*row)
	return nil
}

// changeCategory sets the right category of the templates of a name. The caller
// holds s.templates.mu.
func (s *Server) changeCategory(row *templateRow, now time.Time) error {
	category := row.CorrectCategory
	for _, other := range s.templates.of(row.AccountID, row.Name, now) {
		if !other.Deleted.IsZero() || other.Category == category {
			continue
		}
		other.PreviousCategory, other.Category, other.CorrectCategory, other.CategoryDue = other.Category, category, "", time.Time{}
		other.TTLSeconds, other.Updated = 0, now
		if err := s.templates.put(other); err != nil {
			return err
		}
		s.notifyTemplateCategory(other)
		if other.ID == row.ID {
			*row = other
		}
	}
	return nil
}

// settleTemplates carries out what is due, and returns when something is next, or zero.
// Requests call it, too, so that a Server that nobody runs reviews its templates.
func (s *Server) settleTemplates() (next time.Time) {
	s.templates.mu.Lock()
	defer s.templates.mu.Unlock()
	now := s.Now().Round(0)
	if due := s.templates.due; due.IsZero() || now.Before(due) {
		return due
	}
	s.templates.due = time.Time{}
	for _, row := range s.templates.table.all() {
		if !row.Deleted.IsZero() {
			continue
		}
		if !row.Due.IsZero() && !now.Before(row.Due) {
			change := TemplateChange{Status: templateApproved}
			if row.Fault != "" && row.Status == templatePending {
				change = TemplateChange{Status: templateRejected, Reason: row.Fault}
			}
			s.logStorage(s.setTemplateStatus(&row, change, now))
		}
		if !row.CategoryDue.IsZero() && !now.Before(row.CategoryDue) {
			s.logStorage(s.changeCategory(&row, now))
		}
		s.templates.index(row)
	}
	return s.templates.due
}

// advanceTemplates carries out what is due until ctx is done.
func (s *Server) advanceTemplates(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		next := s.settleTemplates()
		var wait <-chan time.Time
		if clock := s.Clock(); !next.IsZero() && clock.Running {
			timer.Reset(min(templatePoll, s.clock.until(next)))
			wait = timer.C
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.templates.wake:
		case <-wait:
		}
	}
}

// templatePoll is how often the clock is read while something is due later.
const templatePoll = 100 * time.Millisecond
