// Shapes of the message templates.

package socialmessaging

import (
	"github.com/aws/smithy-go/middleware"

	"ferry/socialmessaging/types"
)

// CreateWhatsAppMessageTemplateInput holds a new template.
type CreateWhatsAppMessageTemplateInput struct {
	TemplateDefinition []byte  `json:"templateDefinition,omitzero" required:"true" is:"MetaTemplateDefinition"` // The template in Meta's JSON. Required.
	Id                 *string `json:"id,omitzero" required:"true" is:"LinkedWhatsAppBusinessAccountId"`        // "waba-…" or its ARN. Required.
}

// CreateWhatsAppMessageTemplateOutput names the template.
type CreateWhatsAppMessageTemplateOutput struct {
	MetaTemplateId *string `json:"metaTemplateId,omitzero" is:"MetaTemplateId"` // Meta's id of the template, digits.
	TemplateStatus *string `json:"templateStatus,omitzero"`                     // Such as APPROVED, PENDING or REJECTED.
	Category       *string `json:"category,omitzero" is:"MetaTemplateCategory"` // The category that Meta assigned.

	ResultMetadata middleware.Metadata `json:"-"`
}

// CreateWhatsAppMessageTemplateFromLibraryInput selects a template of Meta's
// library and sets its variable parts.
type CreateWhatsAppMessageTemplateFromLibraryInput struct {
	MetaLibraryTemplate *types.MetaLibraryTemplate `json:"metaLibraryTemplate,omitzero" required:"true"`                     // Required.
	Id                  *string                    `json:"id,omitzero" required:"true" is:"LinkedWhatsAppBusinessAccountId"` // "waba-…" or its ARN. Required.
}

// CreateWhatsAppMessageTemplateFromLibraryOutput names the template.
type CreateWhatsAppMessageTemplateFromLibraryOutput struct {
	MetaTemplateId *string `json:"metaTemplateId,omitzero" is:"MetaTemplateId"` // Meta's id of the template, digits.
	TemplateStatus *string `json:"templateStatus,omitzero"`                     // Such as APPROVED, PENDING or REJECTED.
	Category       *string `json:"category,omitzero" is:"MetaTemplateCategory"` // The category that Meta assigned.

	ResultMetadata middleware.Metadata `json:"-"`
}

// UpdateWhatsAppMessageTemplateInput changes a template, named by id, or by name
// and language.
type UpdateWhatsAppMessageTemplateInput struct {
	Id                         *string `json:"id,omitzero" required:"true" is:"LinkedWhatsAppBusinessAccountId"` // "waba-…" or its ARN. Required.
	MetaTemplateId             *string `json:"metaTemplateId,omitzero" is:"MetaTemplateId"`                      // Meta's id of the template, digits.
	TemplateName               *string `json:"templateName,omitzero" is:"MetaTemplateName"`
	TemplateLanguageCode       *string `json:"templateLanguageCode,omitzero" is:"MetaTemplateLanguage"` // Such as "en_US".
	ParameterFormat            *string `json:"parameterFormat,omitzero" is:"MetaParameterFormat"`       // POSITIONAL or NAMED.
	TemplateCategory           *string `json:"templateCategory,omitzero" is:"MetaTemplateCategory"`     // Such as UTILITY or MARKETING.
	TemplateComponents         []byte  `json:"templateComponents,omitzero" is:"MetaTemplateComponents"` // The components in Meta's JSON.
	CtaUrlLinkTrackingOptedOut *bool   `json:"ctaUrlLinkTrackingOptedOut,omitzero"`                     // True turns the tracking of link clicks off.
}

// UpdateWhatsAppMessageTemplateOutput is empty.
type UpdateWhatsAppMessageTemplateOutput struct {
	ResultMetadata middleware.Metadata `json:"-"`
}

// GetWhatsAppMessageTemplateInput names a template, by id, or by name and
// language.
type GetWhatsAppMessageTemplateInput struct {
	MetaTemplateId       *string `query:"metaTemplateId" json:"-" is:"MetaTemplateId"`                      // Meta's id of the template, digits.
	Id                   *string `query:"id" json:"-" required:"true" is:"LinkedWhatsAppBusinessAccountId"` // "waba-…" or its ARN. Required.
	TemplateName         *string `query:"templateName" json:"-" is:"MetaTemplateName"`
	TemplateLanguageCode *string `query:"templateLanguageCode" json:"-" is:"MetaTemplateLanguage"` // Such as "en_US".
}

// GetWhatsAppMessageTemplateOutput is a template.
type GetWhatsAppMessageTemplateOutput struct {
	Template *string `json:"template,omitzero" is:"MetaTemplate"` // The template in Meta's JSON.

	ResultMetadata middleware.Metadata `json:"-"`
}

// ListWhatsAppMessageTemplatesInput selects a page of the templates of an
// account.
type ListWhatsAppMessageTemplatesInput struct {
	Id         *string `query:"id" json:"-" required:"true" is:"LinkedWhatsAppBusinessAccountId"` // "waba-…" or its ARN. Required.
	NextToken  *string `query:"nextToken" json:"-" is:"NextToken"`                                // From the previous page. Empty means the first page.
	MaxResults *int32  `query:"maxResults" json:"-" is:"MaxResults"`                              // Entries per page, 1 to 100.
}

// ListWhatsAppMessageTemplatesOutput is a page of templates.
type ListWhatsAppMessageTemplatesOutput struct {
	Templates []types.TemplateSummary `json:"templates,omitzero"`
	NextToken *string                 `json:"nextToken,omitzero" is:"NextToken"` // Nil on the last page.

	ResultMetadata middleware.Metadata `json:"-"`
}

// ListWhatsAppTemplateLibraryInput selects a page of Meta's template library.
type ListWhatsAppTemplateLibraryInput struct {
	NextToken  *string           `json:"nextToken,omitzero" is:"NextToken"`                                 // From the previous page. Empty means the first page.
	MaxResults *int32            `json:"maxResults,omitzero" is:"MaxResults"`                               // Entries per page, 1 to 100.
	Id         *string           `query:"id" json:"-" required:"true" is:"LinkedWhatsAppBusinessAccountId"` // "waba-…" or its ARN. Required.
	Filters    map[string]string `json:"filters,omitzero" is:"Filter"`                                      // By searchKey, topic, usecase, industry or language.
}

// ListWhatsAppTemplateLibraryOutput is a page of Meta's template library.
type ListWhatsAppTemplateLibraryOutput struct {
	MetaLibraryTemplates []types.MetaLibraryTemplateDefinition `json:"metaLibraryTemplates,omitzero"`
	NextToken            *string                               `json:"nextToken,omitzero" is:"NextToken"` // Nil on the last page.

	ResultMetadata middleware.Metadata `json:"-"`
}

// DeleteWhatsAppMessageTemplateInput names a template, in one language by
// MetaTemplateId, or in all.
type DeleteWhatsAppMessageTemplateInput struct {
	MetaTemplateId     *string `query:"metaTemplateId" json:"-" is:"MetaTemplateId"`                      // Meta's id of the template, digits.
	DeleteAllLanguages *bool   `query:"deleteAllTemplates" json:"-"`                                      // True deletes the template in all languages.
	Id                 *string `query:"id" json:"-" required:"true" is:"LinkedWhatsAppBusinessAccountId"` // "waba-…" or its ARN. Required.
	TemplateName       *string `query:"templateName" json:"-" required:"true" is:"MetaTemplateName"`      // Required.
}

// DeleteWhatsAppMessageTemplateOutput is empty.
type DeleteWhatsAppMessageTemplateOutput struct {
	ResultMetadata middleware.Metadata `json:"-"`
}
