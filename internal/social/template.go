// Message templates. They are Meta's: ferry keeps nothing of them but which account
// each belongs to.

package social

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ferry/internal/graph"
	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

// languageExists is Meta's subcode for a template that exists in the language
// (docs/references.md#graph-templates).
const languageExists = 2388024

// maxTemplatePages bounds the pages that are searched for a template by its name. Meta
// may return templates whose names only contain it.
const maxTemplatePages = 10

const templateExample = `{"name":"order_update","language":"en_US","category":"UTILITY","components":[{"type":"BODY","text":"Your order is on its way."}]}`

// CreateWhatsAppMessageTemplate creates a template. The definition is sent to Meta as it is.
//
// Errors: InvalidParameters for a definition that is not a JSON object and for all that
// Meta refuses; AccessDeniedByMeta; ThrottledRequest; Dependency, also when Meta may have
// created the template all the same, and then the message says how to find out.
func (m *metaCall) CreateWhatsAppMessageTemplate(ctx context.Context, in *socialmessaging.CreateWhatsAppMessageTemplateInput) (*socialmessaging.CreateWhatsAppMessageTemplateOutput, error) {
	if err := checkJSON("templateDefinition", in.TemplateDefinition, '{', templateExample); err != nil {
		return nil, err
	}
	var named struct {
		Name     string `json:"name"`
		Language string `json:"language"`
	}
	_ = json.Unmarshal(in.TemplateDefinition, &named) // only for messages; Meta checks the members
	created, err := m.createTemplate(ctx, in.TemplateDefinition, named.Name, named.Language)
	if err != nil {
		return nil, err
	}
	return &socialmessaging.CreateWhatsAppMessageTemplateOutput{
		MetaTemplateId: &created.ID, TemplateStatus: textOrNil(created.Status), Category: textOrNil(created.Category),
	}, nil
}

func (m *metaCall) createTemplate(ctx context.Context, definition []byte, name, language string) (graph.Template, error) {
	created, err := m.meta.CreateTemplate(ctx, m.wabaID, definition, m.token)
	if err == nil {
		m.owns(templateNode, created.ID)
		return created, nil
	}
	lookUp := fmt.Sprintf("GetWhatsAppMessageTemplate with templateName '%s' and templateLanguageCode '%s'", name, language)
	if refusal, ok := errors.AsType[*graph.Error](err); ok && refusal.Subcode == languageExists {
		return created, fail(socialmessaging.KindInvalidParameters, err,
			"WhatsApp (Meta) rejected the request: %s. The template exists already. If an earlier attempt failed, that attempt may have created it: %s returns it.", refusal.Summary(), lookUp)
	}
	return created, m.unsettled(err, lookUp+" shows whether the template exists. Creating it again is safe: if it exists, Meta refuses with subcode 2388024.")
}

// GetWhatsAppMessageTemplate returns a template as Meta's JSON, by its id, or by its name
// and language.
//
// Errors: InvalidParameters unless the template is named in exactly one of these ways;
// ResourceNotFound, also for a template of another account.
func (m *metaCall) GetWhatsAppMessageTemplate(ctx context.Context, in *socialmessaging.GetWhatsAppMessageTemplateInput) (*socialmessaging.GetWhatsAppMessageTemplateOutput, error) {
	template, err := m.findTemplate(ctx, in.MetaTemplateId, in.TemplateName, in.TemplateLanguageCode, true)
	if err != nil {
		return nil, err
	}
	return &socialmessaging.GetWhatsAppMessageTemplateOutput{Template: new(string(template.JSON))}, nil
}

// findTemplate returns a template of the account. Unless it must be complete, only its
// id is certain to be set.
func (m *metaCall) findTemplate(ctx context.Context, id, name, language *string, isComplete bool) (graph.Template, error) {
	switch {
	case id != nil && name == nil && language == nil:
		return m.templateByID(ctx, *id, isComplete)
	case id == nil && name != nil && language != nil:
		query := graph.TemplateQuery{Name: *name, Language: *language, Complete: isComplete}
		template, err := m.searchTemplate(ctx, query, func(t graph.Template) bool { return t.Name == *name && t.Language == *language })
		if err == nil && template.ID == "" {
			err = fail(socialmessaging.KindResourceNotFound, nil, "WhatsApp Business Account '%s' has no template '%s' in language '%s'. ListWhatsAppMessageTemplates shows those that it has.", m.given, *name, *language)
		}
		return template, err
	}
	return graph.Template{}, fail(socialmessaging.KindInvalidParameters, nil, "Name the template either with metaTemplateId, or with templateName and templateLanguageCode.")
}

// templateByID returns a template of the account by its id. The token may see other
// accounts, and the template itself does not say whose it is: the first time, it is
// looked for in the account's list.
func (m *metaCall) templateByID(ctx context.Context, id string, isComplete bool) (graph.Template, error) {
	if m.isOwn(templateNode, id) && !isComplete {
		return graph.Template{ID: id}, nil
	}
	template, err := m.meta.Template(ctx, id, m.token)
	if err == nil && !m.isOwn(templateNode, id) {
		var listed graph.Template
		query := graph.TemplateQuery{Name: template.Name, Language: template.Language}
		if template.Name != "" { // else it is no template
			listed, err = m.searchTemplate(ctx, query, func(t graph.Template) bool { return t.ID == id })
		}
		if err == nil && listed.ID == "" {
			return graph.Template{}, m.noSuchTemplate(id, nil)
		}
	}
	if m.isMissing(templateNode, id, err) {
		return graph.Template{}, m.noSuchTemplate(id, err)
	}
	return template, err
}

func (m *metaCall) noSuchTemplate(id string, cause error) error {
	return fail(socialmessaging.KindResourceNotFound, cause, "WhatsApp Business Account '%s' has no template with the id '%s'. ListWhatsAppMessageTemplates shows those that it has.", m.given, id)
}

// searchTemplate returns the first template of the account that is the wanted one, or the
// zero Template.
func (m *metaCall) searchTemplate(ctx context.Context, query graph.TemplateQuery, isWanted func(graph.Template) bool) (graph.Template, error) {
	page := graph.Page{Limit: defaultPage}
	for range maxTemplatePages {
		list, err := m.meta.Templates(ctx, m.wabaID, query, page, m.token)
		if err != nil {
			return graph.Template{}, err
		}
		for _, template := range list.Entries {
			if isWanted(template) && template.ID != "" {
				m.owns(templateNode, template.ID)
				return template, nil
			}
		}
		if page.After = list.After; page.After == "" {
			return graph.Template{}, nil
		}
	}
	return graph.Template{}, fail(socialmessaging.KindDependency, nil, "More than %d templates of the account have a name like '%s'.", maxTemplatePages*defaultPage, query.Name)
}

// ListWhatsAppMessageTemplates returns a page of the account's templates.
func (m *metaCall) ListWhatsAppMessageTemplates(ctx context.Context, in *socialmessaging.ListWhatsAppMessageTemplatesInput) (*socialmessaging.ListWhatsAppMessageTemplatesOutput, error) {
	templates, next, err := metaPage(m.call, in.MaxResults, in.NextToken, []string{m.wabaID}, func(page graph.Page) (graph.List[graph.Template], error) {
		return m.meta.Templates(ctx, m.wabaID, graph.TemplateQuery{}, page, m.token)
	})
	if err != nil {
		return nil, err
	}
	out := &socialmessaging.ListWhatsAppMessageTemplatesOutput{Templates: []types.TemplateSummary{}, NextToken: next}
	for _, t := range templates {
		if t.ID != "" {
			m.owns(templateNode, t.ID)
		}
		out.Templates = append(out.Templates, types.TemplateSummary{
			TemplateName: textOrNil(t.Name), MetaTemplateId: textOrNil(t.ID), TemplateStatus: textOrNil(t.Status), TemplateQualityScore: textOrNil(t.Quality),
			TemplateLanguage: textOrNil(t.Language), TemplateCategory: textOrNil(t.Category),
		})
	}
	return out, nil
}

// UpdateWhatsAppMessageTemplate changes a template, which Meta then reviews again.
//
// Errors: those of GetWhatsAppMessageTemplate; InvalidParameters without any change, for
// components that are not a JSON array, and for all that Meta refuses.
func (m *metaCall) UpdateWhatsAppMessageTemplate(ctx context.Context, in *socialmessaging.UpdateWhatsAppMessageTemplateInput) (*socialmessaging.UpdateWhatsAppMessageTemplateOutput, error) {
	edit := struct {
		ParameterFormat *string         `json:"parameter_format,omitempty"`
		Category        *string         `json:"category,omitempty"`
		Components      json.RawMessage `json:"components,omitempty"`
		OptedOut        *bool           `json:"cta_url_link_tracking_opted_out,omitempty"`
	}{in.ParameterFormat, in.TemplateCategory, in.TemplateComponents, in.CtaUrlLinkTrackingOptedOut}
	if len(in.TemplateComponents) > 0 {
		if err := checkJSON("templateComponents", in.TemplateComponents, '[', `[{"type":"BODY","text":"Your order is on its way."}]`); err != nil {
			return nil, err
		}
	} else if in.ParameterFormat == nil && in.TemplateCategory == nil && in.CtaUrlLinkTrackingOptedOut == nil {
		return nil, fail(socialmessaging.KindInvalidParameters, nil,
			"The request changes nothing. Set templateComponents, templateCategory, parameterFormat or ctaUrlLinkTrackingOptedOut.")
	}
	template, err := m.findTemplate(ctx, in.MetaTemplateId, in.TemplateName, in.TemplateLanguageCode, false)
	if err != nil {
		return nil, err
	}
	body, err := jsonOf(edit)
	if err != nil {
		return nil, err
	}
	err = m.meta.EditTemplate(ctx, template.ID, body, m.token)
	if m.isMissing(templateNode, template.ID, err) {
		return nil, m.noSuchTemplate(template.ID, err)
	}
	if err != nil {
		return nil, m.unsettled(err, "GetWhatsAppMessageTemplate shows the template as it is. Note that Meta limits the edits of an approved template: 1 in 24 hours.")
	}
	return &socialmessaging.UpdateWhatsAppMessageTemplateOutput{}, nil
}

// DeleteWhatsAppMessageTemplate deletes a template: in the language that has the id, or in
// all languages. Meta itself compares id and name, and looks only in the account.
//
// Errors: InvalidParameters unless exactly one of metaTemplateId and deleteAllTemplates
// says what to delete.
func (m *metaCall) DeleteWhatsAppMessageTemplate(ctx context.Context, in *socialmessaging.DeleteWhatsAppMessageTemplateInput) (*socialmessaging.DeleteWhatsAppMessageTemplateOutput, error) {
	isAll, id := aws.ToBool(in.DeleteAllLanguages), aws.ToString(in.MetaTemplateId)
	if isAll == (id != "") {
		return nil, fail(socialmessaging.KindInvalidParameters, nil,
			"Set either metaTemplateId, to delete the template in the language that has this id, or deleteAllTemplates=true, to delete it in all languages.")
	}
	err := m.meta.DeleteTemplate(ctx, m.wabaID, *in.TemplateName, id, m.token)
	if refusal, ok := errors.AsType[*graph.Error](err); ok && saysMissing(refusal) {
		return nil, fail(socialmessaging.KindResourceNotFound, err, "WhatsApp Business Account '%s' has no template '%s'%s: %s. ListWhatsAppMessageTemplates shows those that it has.",
			m.given, *in.TemplateName, withID(id), refusal.Summary())
	}
	if err != nil {
		return nil, m.unsettled(err, "ListWhatsAppMessageTemplates shows whether the template is still there.")
	}
	return &socialmessaging.DeleteWhatsAppMessageTemplateOutput{}, nil
}

// saysMissing reports whether Meta says that there is no template of a name. Its
// subcode for this is not documented, but clients recognise the text.
func saysMissing(refusal *graph.Error) bool {
	text := strings.ToLower(refusal.Message + " " + refusal.UserText)
	return refusal.Code == 100 && (slices.Contains(missingSubcodes, refusal.Subcode) || strings.Contains(text, "not found") || strings.Contains(text, "does not exist"))
}

func withID(id string) string {
	if id == "" {
		return ""
	}
	return " with the id '" + id + "'"
}
