// Flows.

package types

// MetaFlowSummary is a flow in a list.
type MetaFlowSummary struct {
	FlowId           *string            `json:"flowId,omitzero" required:"true" is:"MetaFlowId"`
	FlowName         *string            `json:"flowName,omitzero" required:"true" is:"MetaFlowName"`
	FlowStatus       *string            `json:"flowStatus,omitzero" required:"true" is:"MetaFlowStatus"` // Such as DRAFT, PUBLISHED or DEPRECATED.
	FlowCategories   []MetaFlowCategory `json:"flowCategories" required:"true" is:"MetaFlowCategoryList"`
	ValidationErrors []string           `json:"validationErrors" required:"true" is:"ValidationErrorList"` // Meta's complaints about the flow's JSON.
}

// MetaFlowAsset is a file of a flow.
type MetaFlowAsset struct {
	Name        *string `json:"name,omitzero" required:"true" is:"MetaFlowAssetName"`
	AssetType   *string `json:"assetType,omitzero" required:"true" is:"MetaFlowAssetType"`
	DownloadUrl *string `json:"downloadUrl,omitzero" required:"true" is:"MetaFlowAssetDownloadUrl"`
}

// MetaFlowPreviewInfo is the link to a flow's preview.
type MetaFlowPreviewInfo struct {
	PreviewUrl *string `json:"previewUrl,omitzero" required:"true" is:"MetaFlowPreviewUrl"`
	ExpiresAt  *string `json:"expiresAt,omitzero" required:"true" is:"MetaFlowTimestamp"` // ISO 8601.
}

// MetaFlowHealthStatus reports whether messages with the flow can be sent.
type MetaFlowHealthStatus struct {
	CanSendMessage *string                `json:"canSendMessage,omitzero" required:"true" is:"MetaFlowHealthStatusAvailability"` // Such as AVAILABLE, LIMITED or BLOCKED.
	Entities       []MetaFlowHealthEntity `json:"entities,omitzero"`
}

// MetaFlowHealthEntity reports on one thing that the flow depends on.
type MetaFlowHealthEntity struct {
	EntityType     *string `json:"entityType,omitzero" required:"true" is:"MetaFlowHealthEntityType"`
	Id             *string `json:"id,omitzero" required:"true"`
	CanSendMessage *string `json:"canSendMessage,omitzero" required:"true" is:"MetaFlowHealthStatusAvailability"` // Such as AVAILABLE, LIMITED or BLOCKED.
}

// MetaFlowApplicationInfo is the Meta app attached to a flow.
type MetaFlowApplicationInfo struct {
	Link *string `json:"link,omitzero" is:"MetaFlowApplicationLink"`
	Name *string `json:"name,omitzero" required:"true" is:"MetaFlowApplicationName"`
	Id   *string `json:"id,omitzero" required:"true" is:"MetaFlowApplicationId"`
}

// MetaFlowWhatsAppBusinessAccountInfo is the account of a flow.
type MetaFlowWhatsAppBusinessAccountInfo struct {
	Id                       *string `json:"id,omitzero" required:"true" is:"WhatsAppBusinessAccountId"`
	Name                     *string `json:"name,omitzero" required:"true" is:"WhatsAppBusinessAccountName"`
	Currency                 *string `json:"currency,omitzero" is:"MetaFlowWabaCurrency"`
	TimezoneId               *string `json:"timezoneId,omitzero" is:"MetaFlowWabaTimezoneId"`
	MessageTemplateNamespace *string `json:"messageTemplateNamespace,omitzero" is:"MetaFlowWabaTemplateNamespace"`
}
