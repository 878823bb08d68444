// The part of the control API about templates, and the methods of its client.

package metasim

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// TemplateList is templates: the newest 1000, newest last.
type TemplateList struct {
	Total     int               `json:"total"` // all templates; at most 1000 are listed
	Templates []MessageTemplate `json:"templates"`
}

// putTemplateJSON is a request to put a template.
type putTemplateJSON struct {
	AccountID string          `json:"business_account_id"`
	Template  json.RawMessage `json:"template"` // as Meta's request that creates one
}

// reviewJSON is how long reviews take.
type reviewJSON struct {
	AfterMS *int64 `json:"after_ms"` // negative: they are left to POST /templates/{id}
}

// maxTemplateReview is the maximum time of a review.
const maxTemplateReview = 30 * 24 * time.Hour

// controlTemplates adds the paths about templates.
func (s *Server) controlTemplates(mux *http.ServeMux) {
	mux.HandleFunc("GET /templates", func(w http.ResponseWriter, r *http.Request) {
		list := s.Templates(r.URL.Query().Get("business_account_id"))
		writeControl(w, http.StatusOK, TemplateList{len(list), list[max(0, len(list)-maxControlRows):]})
	})
	mux.HandleFunc("GET /templates/{id}", func(w http.ResponseWriter, r *http.Request) {
		template, ok := s.Template(r.PathValue("id"))
		respondControl(w, ok, template)
	})
	mux.HandleFunc("POST /templates", withBody(maxTemplateBody+maxControlBody, func(_ *http.Request, in putTemplateJSON) (any, error) {
		return s.PutTemplate(in.AccountID, in.Template)
	}))
	mux.HandleFunc("POST /templates/{id}", withBody(maxControlBody, func(r *http.Request, in TemplateChange) (any, error) {
		return s.ChangeTemplate(r.PathValue("id"), in)
	}))
	mux.HandleFunc("GET /template_review", func(w http.ResponseWriter, _ *http.Request) {
		writeControl(w, http.StatusOK, reviewOf(s.TemplateReview()))
	})
	mux.HandleFunc("POST /template_review", withBody(maxControlBody, func(_ *http.Request, in reviewJSON) (any, error) {
		if in.AfterMS == nil || *in.AfterMS > maxTemplateReview.Milliseconds() {
			return nil, errors.New("after_ms is missing, or more than 30 days; a negative one leaves reviews to POST /templates/{id}")
		}
		s.SetTemplateReview(time.Duration(max(-1, *in.AfterMS)) * time.Millisecond)
		return reviewOf(s.TemplateReview()), nil
	}))
}

func reviewOf(after time.Duration) reviewJSON {
	ms := max(-1, after.Milliseconds())
	if after < 0 {
		ms = -1
	}
	return reviewJSON{&ms}
}

// Templates returns the templates of an account, or of all if accountID is empty.
func (c *ControlClient) Templates(ctx context.Context, accountID string) (list TemplateList, err error) {
	path := "/templates"
	if accountID != "" {
		path += "?" + url.Values{"business_account_id": {accountID}}.Encode()
	}
	return list, c.do(ctx, http.MethodGet, path, nil, &list)
}

// Template returns a template.
func (c *ControlClient) Template(ctx context.Context, id string) (template MessageTemplate, err error) {
	return template, c.do(ctx, http.MethodGet, "/templates/"+url.PathEscape(id), nil, &template)
}

// ChangeTemplate changes a template as Meta does; see Server.ChangeTemplate.
func (c *ControlClient) ChangeTemplate(ctx context.Context, id string, change TemplateChange) (template MessageTemplate, err error) {
	return template, c.do(ctx, http.MethodPost, "/templates/"+url.PathEscape(id), change, &template)
}

// SetTemplateReview says how long reviews take; see Server.SetTemplateReview.
func (c *ControlClient) SetTemplateReview(ctx context.Context, after time.Duration) error {
	return c.do(ctx, http.MethodPost, "/template_review", reviewOf(after), nil)
}
