// Templates of messages, and Meta's moderator who reviews them.

package console

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"ferry/metasim"
)

// templateRow is a template as pages show it.
type templateRow struct {
	metasim.MessageTemplate
	Shown bubble // as a phone shows it, with its variables
	Raw   string // components, indented
	Open  bool   // its page is shown
}

type templatesPage struct {
	Rows    []templateRow
	Status  string // that the list is limited to; empty means all
	One     *templateRow
	Auto    bool // reviews end by themselves
	Reasons []string
}

// Meta's words (docs/references.md#graph-templates).
var rejectionReasons = []string{"INVALID_FORMAT", "ABUSIVE_CONTENT", "CATEGORY_NOT_AVAILABLE", "INCORRECT_CATEGORY", "PROMOTIONAL", "SCAM", "TAG_CONTENT_MISMATCH"}

func (c *Console) routeTemplates() {
	c.page(navItem{"/templates", "Templates", "r"}, viewer, c.serveTemplates)
	c.page(navItem{Path: "/templates/{id}"}, viewer, c.serveTemplates)
	c.action("/templates/{id}", "ReviewTemplate", admin, c.reviewTemplate)
	c.action("/templates", "SetTemplateReview", admin, c.setReview)
}

func (c *Console) serveTemplates(w http.ResponseWriter, r *request) {
	page := templatesPage{Status: r.URL.Query().Get("status"), Auto: c.config.Simulator.TemplateReview() >= 0, Reasons: rejectionReasons}
	for _, t := range c.config.Simulator.Templates("") {
		row := templateRow{MessageTemplate: t, Open: t.ID == r.PathValue("id")}
		row.Shown.fillComponents(t, nil, nil)
		if row.Open {
			row.Raw = indented(t.Components)
			page.One = &row
		}
		if page.Status == "" || page.Status == t.Status {
			page.Rows = append(page.Rows, row)
		}
	}
	if page.One == nil && r.PathValue("id") != "" {
		c.renderError(w, r, asProblem(notFound("template", r.PathValue("id"))))
		return
	}
	rank := func(t templateRow) int { return strings.Compare(t.Status, "PENDING") }
	slices.SortStableFunc(page.Rows, func(a, b templateRow) int { // those that wait for a review first
		return cmp.Or(cmp.Compare(rank(a)*rank(a), rank(b)*rank(b)), b.Updated.Compare(a.Updated))
	})
	c.render(w, r, "templates", page)
}

func indented(text json.RawMessage) string {
	var value any
	if json.Unmarshal(text, &value) != nil {
		return string(text)
	}
	pretty, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return string(text)
	}
	return string(pretty)
}

func (c *Console) reviewTemplate(r *request) (done, error) {
	id := r.PathValue("id")
	before, ok := c.config.Simulator.Template(id)
	if !ok {
		return done{}, notFound("template", id)
	}
	change := metasim.TemplateChange{
		Status: r.field("status"), Reason: r.field("reason"), Pacing: r.field("pacing") != "",
		Quality: r.field("quality"), Category: r.field("category"), AtOnce: r.field("at_once") != "",
	}
	if change.Status != "REJECTED" {
		change.Reason = ""
	}
	after, err := c.config.Simulator.ChangeTemplate(id, change)
	return done{
		To: "/templates/" + id, Text: fmt.Sprintf("%s: %s, %s, %s → %s, %s, %s", before.Name, before.Status, before.Quality, before.Category, after.Status, after.Quality, after.Category),
	}, simulated(err)
}

// setReview says whether reviews end by themselves.
func (c *Console) setReview(r *request) (done, error) {
	before := c.config.Simulator.TemplateReview()
	if r.field("review") == "hand" {
		c.config.Simulator.SetTemplateReview(-1)
	} else {
		c.config.Simulator.SetTemplateReview(0)
	}
	return done{To: "/templates", Text: fmt.Sprintf("reviews take %v → %v", before, c.config.Simulator.TemplateReview())}, nil
}
