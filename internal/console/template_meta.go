// The templates that linked business accounts have at Meta, as pages of ferry serve show
// them. They are read from Meta for each page: ferry keeps nothing of them.

package console

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"ferry/internal/social"
	"ferry/internal/state"
	"ferry/metasim"
)

const (
	templatesOnPage   = 50
	templateWABAs     = 200 // business accounts among which the page chooses
	templateComponent = 32 << 10
)

// metaTemplates is a page of the templates of a business account.
type metaTemplates struct {
	Linked   []state.BusinessAccount // of the account
	WABA     state.BusinessAccount   // whose templates are shown; the zero value means that there is none
	WABAID   string                  // "waba-…"
	Rows     []social.Template
	One      *metaTemplate
	Next     string // path of the next page; empty means that this is the last one
	Account  string
	Accounts []string
}

// metaTemplate is a template with all that Meta says about it.
type metaTemplate struct {
	ID, Name, Language, Status, Category, Quality, Rejected string

	Shown bubble
	Raw   string // indented
	IsCut bool
}

func (c *Console) routeMetaTemplates() {
	c.page(navItem{"/templates", "Templates", "r"}, viewer, c.serveMetaTemplates)
	c.page(navItem{Path: "/templates/{id}"}, viewer, c.serveMetaTemplates)
}

func (c *Console) serveMetaTemplates(w http.ResponseWriter, r *request) {
	ctx, cancel := context.WithTimeout(r.Context(), trialTimeout)
	defer cancel()
	page, err := c.metaTemplates(ctx, r)
	if err != nil {
		c.renderError(w, r, asProblem(byMeta(err)))
		return
	}
	c.render(w, r, "meta-templates", page)
}

func (c *Console) metaTemplates(ctx context.Context, r *request) (page metaTemplates, err error) {
	v, err := c.reader(r)
	if err != nil {
		return page, err
	}
	v.choose()
	page = metaTemplates{Account: v.account, Accounts: v.accounts}
	if page.Linked, err = c.config.State.BusinessAccounts(ctx, v.own(), "", templateWABAs); err != nil || len(page.Linked) == 0 {
		return page, err
	}
	page.WABA = page.Linked[0]
	if wanted := r.FormValue("waba"); wanted != "" {
		at := slices.IndexFunc(page.Linked, func(b state.BusinessAccount) bool { return b.ID == wanted })
		if at < 0 {
			return page, notFound("business account", wanted)
		}
		page.WABA = page.Linked[at]
	}
	page.WABAID = social.BusinessAccountID(page.WABA)
	query := url.Values{"waba": {page.WABA.ID}}
	if page.Account != "" {
		query.Set("account", page.Account)
	}
	var next string
	if page.Rows, next, err = v.service().ListTemplates(ctx, page.WABAID, r.FormValue("next"), templatesOnPage); err != nil {
		return page, err
	}
	if next != "" {
		query.Set("next", next)
		page.Next = pathWith("/templates", query)
	}
	if id := r.PathValue("id"); id != "" {
		page.One, err = v.metaTemplate(ctx, page.WABAID, id)
	}
	return page, err
}

// metaTemplate reads a template.
func (v *reader) metaTemplate(ctx context.Context, wabaID, id string) (*metaTemplate, error) {
	text, err := v.service().Template(ctx, wabaID, id)
	if err != nil {
		return nil, err
	}
	var node struct {
		Name, Language, Status, Category string
		RejectedReason                   string                 `json:"rejected_reason"`
		Quality                          struct{ Score string } `json:"quality_score"`
		Components                       json.RawMessage
	}
	if err := json.Unmarshal(text, &node); err != nil { // all members are shown as they are
		v.c.config.Logger.Warn("Meta has sent a template in an unknown form", "template", id, "cause", err)
	}
	one := &metaTemplate{ID: id, Name: node.Name, Language: node.Language, Status: node.Status, Category: node.Category, Quality: node.Quality.Score, Rejected: node.RejectedReason}
	one.Shown.fillComponents(metasim.MessageTemplate{Components: node.Components}, nil, nil)
	if one.Raw = indented(text); len(one.Raw) > templateComponent {
		one.Raw, one.IsCut = strings.ToValidUTF8(one.Raw[:templateComponent], ""), true
	}
	return one, nil
}
