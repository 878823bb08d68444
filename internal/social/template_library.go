// Meta's library of templates.

package social

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"ferry/internal/graph"
	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

// libraryFilters are the names of the filters of the library, with Meta's.
var libraryFilters = map[string]string{"searchKey": "search", "topic": "topic", "usecase": "usecase", "industry": "industry", "language": "language"}

// libraryKeys are Meta's names of the members of a button's url and of its apps, by those
// that are written as AWS writes names. Other names are Meta's already.
var libraryKeys = map[string]string{
	"baseUrl": "base_url", "urlSuffixExample": "url_suffix_example", "packageName": "package_name", "signatureHash": "signature_hash",
}

// libraryButton is what fills in a button of a library template at Meta.
type libraryButton struct {
	Type                 *string             `json:"type,omitempty"`
	PhoneNumber          *string             `json:"phone_number,omitempty"`
	URL                  map[string]string   `json:"url,omitempty"`
	OTPType              *string             `json:"otp_type,omitempty"`
	ZeroTapTermsAccepted *bool               `json:"zero_tap_terms_accepted,omitempty"`
	SupportedApps        []map[string]string `json:"supported_apps,omitempty"`
}

// libraryBody is what fills in the body of a library template at Meta.
type libraryBody struct {
	AddContactNumber          *bool  `json:"add_contact_number,omitempty"`
	AddLearnMoreLink          *bool  `json:"add_learn_more_link,omitempty"`
	AddSecurityRecommendation *bool  `json:"add_security_recommendation,omitempty"`
	AddTrackPackageLink       *bool  `json:"add_track_package_link,omitempty"`
	CodeExpirationMinutes     *int32 `json:"code_expiration_minutes,omitempty"`
}

// CreateWhatsAppMessageTemplateFromLibrary creates a template from one of Meta's library.
// Errors are those of CreateWhatsAppMessageTemplate.
func (m *metaCall) CreateWhatsAppMessageTemplateFromLibrary(ctx context.Context, in *socialmessaging.CreateWhatsAppMessageTemplateFromLibraryInput) (*socialmessaging.CreateWhatsAppMessageTemplateFromLibraryOutput, error) {
	given := in.MetaLibraryTemplate
	definition := struct {
		Name                *string         `json:"name"`
		Language            *string         `json:"language"`
		Category            *string         `json:"category"`
		LibraryTemplateName *string         `json:"library_template_name"`
		Buttons             []libraryButton `json:"library_template_button_inputs,omitempty"`
		Body                *libraryBody    `json:"library_template_body_inputs,omitempty"`
	}{Name: given.TemplateName, Language: given.TemplateLanguage, Category: given.TemplateCategory, LibraryTemplateName: given.LibraryTemplateName}
	for _, b := range given.LibraryTemplateButtonInputs {
		button := libraryButton{
			Type: b.Type, PhoneNumber: b.PhoneNumber, URL: metaNames(b.Url), OTPType: b.OtpType, ZeroTapTermsAccepted: b.ZeroTapTermsAccepted,
		}
		for _, app := range b.SupportedApps {
			button.SupportedApps = append(button.SupportedApps, metaNames(app))
		}
		definition.Buttons = append(definition.Buttons, button)
	}
	if given.LibraryTemplateBodyInputs != nil {
		definition.Body = new(libraryBody(*given.LibraryTemplateBodyInputs))
	}
	body, err := jsonOf(definition)
	if err != nil {
		return nil, err
	}
	created, err := m.createTemplate(ctx, body, *given.TemplateName, *given.TemplateLanguage)
	if err != nil {
		return nil, err
	}
	return &socialmessaging.CreateWhatsAppMessageTemplateFromLibraryOutput{
		MetaTemplateId: &created.ID, TemplateStatus: textOrNil(created.Status), Category: textOrNil(created.Category),
	}, nil
}

// metaNames returns a map under Meta's names.
func metaNames(given map[string]string) map[string]string {
	if given == nil {
		return nil
	}
	named := make(map[string]string, len(given))
	for key, value := range given {
		if name, ok := libraryKeys[key]; ok {
			key = name
		}
		named[key] = value
	}
	return named
}

// ListWhatsAppTemplateLibrary returns a page of Meta's library.
//
// Errors: InvalidParameters for a filter that is none.
func (m *metaCall) ListWhatsAppTemplateLibrary(ctx context.Context, in *socialmessaging.ListWhatsAppTemplateLibraryInput) (*socialmessaging.ListWhatsAppTemplateLibraryOutput, error) {
	filters := url.Values{}
	for key, value := range in.Filters {
		name, ok := libraryFilters[key]
		if !ok {
			return nil, fail(socialmessaging.KindInvalidParameters, nil, "The filter '%s' does not exist; expected one of %s.", key, strings.Join(slices.Sorted(maps.Keys(libraryFilters)), ", "))
		}
		filters.Set(name, value)
	}
	templates, next, err := metaPage(m.call, in.MaxResults, in.NextToken, []string{m.wabaID, filters.Encode()}, func(page graph.Page) (graph.List[graph.LibraryTemplate], error) {
		return m.meta.TemplateLibrary(ctx, maps.Clone(filters), page, m.token)
	})
	if err != nil {
		return nil, err
	}
	out := &socialmessaging.ListWhatsAppTemplateLibraryOutput{MetaLibraryTemplates: []types.MetaLibraryTemplateDefinition{}, NextToken: next}
	for _, t := range templates {
		out.MetaLibraryTemplates = append(out.MetaLibraryTemplates, libraryTemplate(t))
	}
	return out, nil
}

func libraryTemplate(t graph.LibraryTemplate) types.MetaLibraryTemplateDefinition {
	definition := types.MetaLibraryTemplateDefinition{
		TemplateName: textOrNil(t.Name), TemplateLanguage: textOrNil(t.Language), TemplateCategory: textOrNil(t.Category), TemplateTopic: textOrNil(t.Topic),
		TemplateUseCase: textOrNil(t.UseCase), TemplateIndustry: t.Industries, TemplateHeader: textOrNil(t.Header), TemplateBody: textOrNil(t.Body),
		TemplateId: textOrNil(t.ID), TemplateBodyExampleParams: t.BodyParams,
	}
	for _, b := range t.Buttons {
		button := types.LibraryTemplateButtonList{
			Type: textOrNil(b.Type), Text: textOrNil(b.Text), PhoneNumber: textOrNil(b.PhoneNumber), Url: textOrNil(b.URL), OtpType: textOrNil(b.OTPType),
			ZeroTapTermsAccepted: b.ZeroTapTermsAccepted,
		}
		for _, app := range b.SupportedApps {
			button.SupportedApps = append(button.SupportedApps, textsOf(app))
		}
		definition.TemplateButtons = append(definition.TemplateButtons, button)
	}
	return definition
}

// textsOf returns the members of a JSON object as texts.
func textsOf(object json.RawMessage) map[string]string {
	var members map[string]any
	_ = json.Unmarshal(object, &members) // else there are none
	texts := make(map[string]string, len(members))
	for key, value := range members {
		texts[key] = fmt.Sprint(value)
	}
	return texts
}
