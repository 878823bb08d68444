// Message templates, and Meta's library of them (docs/references.md#graph-templates).

package graph

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"ferry/internal/secret"
)

// Template is a message template. Members that Meta omits are empty.
type Template struct {
	ID       string
	Name     string
	Language string // such as en_US
	Status   string // such as APPROVED, PENDING or REJECTED
	Category string // such as UTILITY
	Quality  string // GREEN, YELLOW, RED or UNKNOWN
	JSON     []byte // the template as Meta wrote it
}

// UnmarshalJSON implements [json.Unmarshaler].
func (t *Template) UnmarshalJSON(data []byte) error {
	var node struct {
		ID       nodeID      `json:"id"`
		Name     lenientText `json:"name"`
		Language lenientText `json:"language"`
		Status   lenientText `json:"status"`
		Category lenientText `json:"category"`
		Quality  struct {
			Score lenientText `json:"score"`
		} `json:"quality_score"`
	}
	if err := decodeLeniently(data, &node); err != nil {
		return err
	}
	*t = Template{
		ID: string(node.ID), Name: string(node.Name), Language: string(node.Language), Status: string(node.Status),
		Category: string(node.Category), Quality: string(node.Quality.Score), JSON: append([]byte(nil), data...),
	}
	return nil
}

const (
	summaryFields  = "id,name,language,status,category,quality_score"
	templateFields = "id,name,language,status,category,sub_category,previous_category,parameter_format,components,quality_score,rejected_reason"
)

// CreateTemplate creates a template from its definition, which is sent as it is. The
// template has the id, the status and the category that Meta returned.
func (c *Client) CreateTemplate(ctx context.Context, businessAccountID string, definition []byte, token secret.Secret) (Template, error) {
	created := Template{}
	request := change{operation: "create_template", method: http.MethodPost, target: c.node(businessAccountID, "message_templates"), token: token}
	if err := c.change(ctx, request.withJSON(definition), &created); err != nil {
		return Template{}, err
	}
	if created.ID == "" {
		return Template{}, &UnreachableError{BodySent: true, Cause: errors.New("status 200 without the id of a template")}
	}
	return created, nil
}

// Template returns a template by its id, of whichever business account it is.
func (c *Client) Template(ctx context.Context, id string, token secret.Secret) (Template, error) {
	var template Template
	target := c.node(id)
	target.RawQuery = url.Values{"fields": {templateFields}}.Encode()
	err := c.read(ctx, "template", target, token, &template)
	return template, err
}

// TemplateQuery selects templates of a business account. Empty members select all.
type TemplateQuery struct {
	Name, Language string // Meta may return templates whose names only contain Name
	Complete       bool   // whether the templates are returned with their components
}

// Templates returns a page of the templates of a business account.
func (c *Client) Templates(ctx context.Context, businessAccountID string, query TemplateQuery, page Page, token secret.Secret) (List[Template], error) {
	values := url.Values{"fields": {summaryFields}}
	if query.Complete {
		values.Set("fields", templateFields)
	}
	if query.Name != "" {
		values.Set("name", query.Name)
	}
	if query.Language != "" {
		values.Set("language", query.Language)
	}
	return list[Template](ctx, c, "templates", c.node(businessAccountID, "message_templates"), values, page, token)
}

// EditTemplate changes a template. The edit is a JSON object.
func (c *Client) EditTemplate(ctx context.Context, id string, edit []byte, token secret.Secret) error {
	request := change{operation: "edit_template", method: http.MethodPost, target: c.node(id), token: token}
	return c.confirm(ctx, request.withJSON(edit))
}

// DeleteTemplate deletes a template of a business account: in the language that has the
// id, or in all languages if the id is empty.
func (c *Client) DeleteTemplate(ctx context.Context, businessAccountID, name, id string, token secret.Secret) error {
	query := url.Values{"name": {name}}
	if id != "" {
		query.Set("hsm_id", id)
	}
	target := c.node(businessAccountID, "message_templates")
	target.RawQuery = query.Encode()
	return c.confirm(ctx, change{operation: "delete_template", method: http.MethodDelete, target: target, token: token})
}

// LibraryTemplate is a template of Meta's library.
type LibraryTemplate struct {
	ID         nodeID          `json:"id"`
	Name       lenientText     `json:"name"`
	Language   lenientText     `json:"language"`
	Category   lenientText     `json:"category"`
	Topic      lenientText     `json:"topic"`
	UseCase    lenientText     `json:"usecase"`
	Industries []string        `json:"industry"`
	Header     lenientText     `json:"header"`
	Body       lenientText     `json:"body"`
	BodyParams []string        `json:"body_params"` // examples
	Buttons    []LibraryButton `json:"buttons"`
}

// LibraryButton is a button of a template of Meta's library.
type LibraryButton struct {
	Type                 lenientText       `json:"type"`
	Text                 lenientText       `json:"text"`
	URL                  lenientText       `json:"url"`
	PhoneNumber          lenientText       `json:"phone_number"`
	OTPType              lenientText       `json:"otp_type"`
	ZeroTapTermsAccepted *bool             `json:"zero_tap_terms_accepted"`
	SupportedApps        []json.RawMessage `json:"supported_apps"` // objects
}

// TemplateLibrary returns a page of Meta's library. The filters have Meta's names:
// search, topic, usecase, industry, language. Meta may return more than page.Limit
// entries.
func (c *Client) TemplateLibrary(ctx context.Context, filters url.Values, page Page, token secret.Secret) (List[LibraryTemplate], error) {
	return list[LibraryTemplate](ctx, c, "template_library", c.node("message_template_library"), filters, page, token)
}
