// Shapes of the flows: forms inside WhatsApp.

package socialmessaging

import (
	"github.com/aws/smithy-go/middleware"

	"ferry/socialmessaging/types"
)

// CreateWhatsAppFlowInput holds a new flow.
type CreateWhatsAppFlowInput struct {
	Id          *string                  `json:"id,omitzero" required:"true" is:"LinkedWhatsAppBusinessAccountId"` // "waba-…" or its ARN. Required.
	FlowName    *string                  `json:"flowName,omitzero" required:"true" is:"MetaFlowName"`              // Required.
	Categories  []types.MetaFlowCategory `json:"categories,omitzero" required:"true" is:"MetaFlowCategoryList"`    // Required.
	FlowJson    []byte                   `json:"flowJson,omitzero" is:"MetaFlowJsonBlob"`                          // The flow in Meta's JSON.
	Publish     *bool                    `json:"publish,omitzero"`                                                 // True publishes the flow at once.
	CloneFlowId *string                  `json:"cloneFlowId,omitzero" is:"MetaFlowId"`                             // A flow of the same account to copy.
	EndpointUri *string                  `json:"endpointUri,omitzero" is:"MetaFlowEndpointUri"`                    // HTTPS address that Meta calls to exchange data.
}

// CreateWhatsAppFlowOutput names the flow.
type CreateWhatsAppFlowOutput struct {
	FlowId           *string  `json:"flowId,omitzero" is:"MetaFlowId"`
	ValidationErrors []string `json:"validationErrors,omitzero" is:"ValidationErrorList"` // Meta's complaints about the flow's JSON.

	ResultMetadata middleware.Metadata `json:"-"`
}

// UpdateWhatsAppFlowInput changes what is not the JSON of a flow.
type UpdateWhatsAppFlowInput struct {
	Id          *string                  `json:"id,omitzero" required:"true" is:"LinkedWhatsAppBusinessAccountId"` // "waba-…" or its ARN. Required.
	FlowId      *string                  `json:"flowId,omitzero" required:"true" is:"MetaFlowId"`                  // Required.
	FlowName    *string                  `json:"flowName,omitzero" is:"MetaFlowName"`
	Categories  []types.MetaFlowCategory `json:"categories,omitzero" is:"MetaFlowCategoryList"`
	EndpointUri *string                  `json:"endpointUri,omitzero" is:"MetaFlowEndpointUri"` // HTTPS address that Meta calls to exchange data.
	MetaAppId   *string                  `json:"metaAppId,omitzero" is:"MetaFlowApplicationId"` // The Meta app to attach to the flow.
}

// UpdateWhatsAppFlowOutput is empty.
type UpdateWhatsAppFlowOutput struct {
	ResultMetadata middleware.Metadata `json:"-"`
}

// UpdateWhatsAppFlowAssetsInput replaces the JSON of a flow.
type UpdateWhatsAppFlowAssetsInput struct {
	Id       *string `json:"id,omitzero" required:"true" is:"LinkedWhatsAppBusinessAccountId"` // "waba-…" or its ARN. Required.
	FlowId   *string `json:"flowId,omitzero" required:"true" is:"MetaFlowId"`                  // Required.
	FlowJson []byte  `json:"flowJson,omitzero" required:"true" is:"MetaFlowJsonBlob"`          // The flow in Meta's JSON. Required.
}

// UpdateWhatsAppFlowAssetsOutput returns Meta's complaints.
type UpdateWhatsAppFlowAssetsOutput struct {
	ValidationErrors []string `json:"validationErrors,omitzero" is:"ValidationErrorList"` // Meta's complaints about the flow's JSON.

	ResultMetadata middleware.Metadata `json:"-"`
}

// PublishWhatsAppFlowInput names a draft.
type PublishWhatsAppFlowInput struct {
	Id     *string `json:"id,omitzero" required:"true" is:"LinkedWhatsAppBusinessAccountId"` // "waba-…" or its ARN. Required.
	FlowId *string `json:"flowId,omitzero" required:"true" is:"MetaFlowId"`                  // Required.
}

// PublishWhatsAppFlowOutput is empty.
type PublishWhatsAppFlowOutput struct {
	ResultMetadata middleware.Metadata `json:"-"`
}

// DeprecateWhatsAppFlowInput names a published flow.
type DeprecateWhatsAppFlowInput struct {
	Id     *string `json:"id,omitzero" required:"true" is:"LinkedWhatsAppBusinessAccountId"` // "waba-…" or its ARN. Required.
	FlowId *string `json:"flowId,omitzero" required:"true" is:"MetaFlowId"`                  // Required.
}

// DeprecateWhatsAppFlowOutput is empty.
type DeprecateWhatsAppFlowOutput struct {
	ResultMetadata middleware.Metadata `json:"-"`
}

// DeleteWhatsAppFlowInput names a draft.
type DeleteWhatsAppFlowInput struct {
	Id     *string `query:"id" json:"-" required:"true" is:"LinkedWhatsAppBusinessAccountId"` // "waba-…" or its ARN. Required.
	FlowId *string `query:"flowId" json:"-" required:"true" is:"MetaFlowId"`                  // Required.
}

// DeleteWhatsAppFlowOutput is empty.
type DeleteWhatsAppFlowOutput struct {
	ResultMetadata middleware.Metadata `json:"-"`
}

// GetWhatsAppFlowInput names a flow.
type GetWhatsAppFlowInput struct {
	Id     *string `query:"id" json:"-" required:"true" is:"LinkedWhatsAppBusinessAccountId"` // "waba-…" or its ARN. Required.
	FlowId *string `query:"flowId" json:"-" required:"true" is:"MetaFlowId"`                  // Required.
}

// GetWhatsAppFlowOutput is a flow.
type GetWhatsAppFlowOutput struct {
	FlowId                  *string                                    `json:"flowId,omitzero" required:"true" is:"MetaFlowId"`
	FlowName                *string                                    `json:"flowName,omitzero" required:"true" is:"MetaFlowName"`
	FlowStatus              *string                                    `json:"flowStatus,omitzero" required:"true" is:"MetaFlowStatus"` // Such as DRAFT, PUBLISHED or DEPRECATED.
	Categories              []types.MetaFlowCategory                   `json:"categories,omitzero" is:"MetaFlowCategoryList"`
	ValidationErrors        []string                                   `json:"validationErrors,omitzero" is:"ValidationErrorList"` // Meta's complaints about the flow's JSON.
	JsonVersion             *string                                    `json:"jsonVersion,omitzero" is:"MetaFlowJsonVersion"`
	DataApiVersion          *string                                    `json:"dataApiVersion,omitzero" is:"MetaFlowDataApiVersion"`
	EndpointUri             *string                                    `json:"endpointUri,omitzero" is:"MetaFlowEndpointUri"` // HTTPS address that Meta calls to exchange data.
	Preview                 *types.MetaFlowPreviewInfo                 `json:"preview,omitzero"`
	WhatsAppBusinessAccount *types.MetaFlowWhatsAppBusinessAccountInfo `json:"whatsAppBusinessAccount,omitzero"`
	Application             *types.MetaFlowApplicationInfo             `json:"application,omitzero"`
	HealthStatus            *types.MetaFlowHealthStatus                `json:"healthStatus,omitzero"`

	ResultMetadata middleware.Metadata `json:"-"`
}

// GetWhatsAppFlowPreviewInput names a flow.
type GetWhatsAppFlowPreviewInput struct {
	Id         *string `query:"id" json:"-" required:"true" is:"LinkedWhatsAppBusinessAccountId"` // "waba-…" or its ARN. Required.
	FlowId     *string `query:"flowId" json:"-" required:"true" is:"MetaFlowId"`                  // Required.
	Invalidate *bool   `query:"invalidate" json:"-"`                                              // True makes the old preview link invalid.
}

// GetWhatsAppFlowPreviewOutput is the link to a flow's preview.
type GetWhatsAppFlowPreviewOutput struct {
	FlowId  *string                    `json:"flowId,omitzero" required:"true" is:"MetaFlowId"`
	Preview *types.MetaFlowPreviewInfo `json:"preview,omitzero" required:"true"`

	ResultMetadata middleware.Metadata `json:"-"`
}

// ListWhatsAppFlowsInput selects a page of the flows of an account.
type ListWhatsAppFlowsInput struct {
	Id         *string `query:"id" json:"-" required:"true" is:"LinkedWhatsAppBusinessAccountId"` // "waba-…" or its ARN. Required.
	NextToken  *string `query:"nextToken" json:"-" is:"NextToken"`                                // From the previous page. Empty means the first page.
	MaxResults *int32  `query:"maxResults" json:"-" is:"MaxResults"`                              // Entries per page, 1 to 100.
}

// ListWhatsAppFlowsOutput is a page of flows.
type ListWhatsAppFlowsOutput struct {
	Flows     []types.MetaFlowSummary `json:"flows" required:"true"`
	NextToken *string                 `json:"nextToken,omitzero" is:"NextToken"` // Nil on the last page.

	ResultMetadata middleware.Metadata `json:"-"`
}

// ListWhatsAppFlowAssetsInput selects a page of the assets of a flow.
type ListWhatsAppFlowAssetsInput struct {
	Id         *string `query:"id" json:"-" required:"true" is:"LinkedWhatsAppBusinessAccountId"` // "waba-…" or its ARN. Required.
	FlowId     *string `query:"flowId" json:"-" required:"true" is:"MetaFlowId"`                  // Required.
	NextToken  *string `query:"nextToken" json:"-" is:"NextToken"`                                // From the previous page. Empty means the first page.
	MaxResults *int32  `query:"maxResults" json:"-" is:"MaxResults"`                              // Entries per page, 1 to 100.
}

// ListWhatsAppFlowAssetsOutput is a page of assets.
type ListWhatsAppFlowAssetsOutput struct {
	FlowAssets []types.MetaFlowAsset `json:"flowAssets" required:"true"`
	NextToken  *string               `json:"nextToken,omitzero" is:"NextToken"` // Nil on the last page.

	ResultMetadata middleware.Metadata `json:"-"`
}
