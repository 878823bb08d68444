// The operations as methods of the client.

package socialmessaging

import "context"

// AssociateWhatsAppBusinessAccount links a WhatsApp Business Account, in two
// steps. AWS accepts it from its console only.
func (c *Client) AssociateWhatsAppBusinessAccount(ctx context.Context, params *AssociateWhatsAppBusinessAccountInput, optFns ...func(*Options)) (*AssociateWhatsAppBusinessAccountOutput, error) {
	return invoke(ctx, c, AssociateWhatsAppBusinessAccount, params, optFns)
}

// CreateWhatsAppDataset creates the dataset of an account, or returns the
// existing one.
func (c *Client) CreateWhatsAppDataset(ctx context.Context, params *CreateWhatsAppDatasetInput, optFns ...func(*Options)) (*CreateWhatsAppDatasetOutput, error) {
	return invoke(ctx, c, CreateWhatsAppDataset, params, optFns)
}

// CreateWhatsAppFlow creates a flow.
func (c *Client) CreateWhatsAppFlow(ctx context.Context, params *CreateWhatsAppFlowInput, optFns ...func(*Options)) (*CreateWhatsAppFlowOutput, error) {
	return invoke(ctx, c, CreateWhatsAppFlow, params, optFns)
}

// CreateWhatsAppMessageTemplate creates a message template.
func (c *Client) CreateWhatsAppMessageTemplate(ctx context.Context, params *CreateWhatsAppMessageTemplateInput, optFns ...func(*Options)) (*CreateWhatsAppMessageTemplateOutput, error) {
	return invoke(ctx, c, CreateWhatsAppMessageTemplate, params, optFns)
}

// CreateWhatsAppMessageTemplateFromLibrary creates a message template from
// Meta's library.
func (c *Client) CreateWhatsAppMessageTemplateFromLibrary(ctx context.Context, params *CreateWhatsAppMessageTemplateFromLibraryInput, optFns ...func(*Options)) (*CreateWhatsAppMessageTemplateFromLibraryOutput, error) {
	return invoke(ctx, c, CreateWhatsAppMessageTemplateFromLibrary, params, optFns)
}

// CreateWhatsAppMessageTemplateMedia uploads a file from a bucket as the example
// of a template's header.
func (c *Client) CreateWhatsAppMessageTemplateMedia(ctx context.Context, params *CreateWhatsAppMessageTemplateMediaInput, optFns ...func(*Options)) (*CreateWhatsAppMessageTemplateMediaOutput, error) {
	return invoke(ctx, c, CreateWhatsAppMessageTemplateMedia, params, optFns)
}

// DeleteWhatsAppFlow deletes a draft.
func (c *Client) DeleteWhatsAppFlow(ctx context.Context, params *DeleteWhatsAppFlowInput, optFns ...func(*Options)) (*DeleteWhatsAppFlowOutput, error) {
	return invoke(ctx, c, DeleteWhatsAppFlow, params, optFns)
}

// DeleteWhatsAppMessageMedia deletes a file at WhatsApp.
func (c *Client) DeleteWhatsAppMessageMedia(ctx context.Context, params *DeleteWhatsAppMessageMediaInput, optFns ...func(*Options)) (*DeleteWhatsAppMessageMediaOutput, error) {
	return invoke(ctx, c, DeleteWhatsAppMessageMedia, params, optFns)
}

// DeleteWhatsAppMessageTemplate deletes a message template.
func (c *Client) DeleteWhatsAppMessageTemplate(ctx context.Context, params *DeleteWhatsAppMessageTemplateInput, optFns ...func(*Options)) (*DeleteWhatsAppMessageTemplateOutput, error) {
	return invoke(ctx, c, DeleteWhatsAppMessageTemplate, params, optFns)
}

// DeprecateWhatsAppFlow retires a published flow, irreversibly.
func (c *Client) DeprecateWhatsAppFlow(ctx context.Context, params *DeprecateWhatsAppFlowInput, optFns ...func(*Options)) (*DeprecateWhatsAppFlowOutput, error) {
	return invoke(ctx, c, DeprecateWhatsAppFlow, params, optFns)
}

// DisassociateWhatsAppBusinessAccount unlinks a WhatsApp Business Account.
func (c *Client) DisassociateWhatsAppBusinessAccount(ctx context.Context, params *DisassociateWhatsAppBusinessAccountInput, optFns ...func(*Options)) (*DisassociateWhatsAppBusinessAccountOutput, error) {
	return invoke(ctx, c, DisassociateWhatsAppBusinessAccount, params, optFns)
}

// GetLinkedWhatsAppBusinessAccount returns a linked account with its phone
// numbers.
func (c *Client) GetLinkedWhatsAppBusinessAccount(ctx context.Context, params *GetLinkedWhatsAppBusinessAccountInput, optFns ...func(*Options)) (*GetLinkedWhatsAppBusinessAccountOutput, error) {
	return invoke(ctx, c, GetLinkedWhatsAppBusinessAccount, params, optFns)
}

// GetLinkedWhatsAppBusinessAccountPhoneNumber returns one phone number.
func (c *Client) GetLinkedWhatsAppBusinessAccountPhoneNumber(ctx context.Context, params *GetLinkedWhatsAppBusinessAccountPhoneNumberInput, optFns ...func(*Options)) (*GetLinkedWhatsAppBusinessAccountPhoneNumberOutput, error) {
	return invoke(ctx, c, GetLinkedWhatsAppBusinessAccountPhoneNumber, params, optFns)
}

// GetWhatsAppBusinessPublicKey returns the public key of a phone number, for
// flows that exchange data.
func (c *Client) GetWhatsAppBusinessPublicKey(ctx context.Context, params *GetWhatsAppBusinessPublicKeyInput, optFns ...func(*Options)) (*GetWhatsAppBusinessPublicKeyOutput, error) {
	return invoke(ctx, c, GetWhatsAppBusinessPublicKey, params, optFns)
}

// GetWhatsAppCallPermission returns whether a phone number may call a user.
func (c *Client) GetWhatsAppCallPermission(ctx context.Context, params *GetWhatsAppCallPermissionInput, optFns ...func(*Options)) (*GetWhatsAppCallPermissionOutput, error) {
	return invoke(ctx, c, GetWhatsAppCallPermission, params, optFns)
}

// GetWhatsAppFlow returns a flow.
func (c *Client) GetWhatsAppFlow(ctx context.Context, params *GetWhatsAppFlowInput, optFns ...func(*Options)) (*GetWhatsAppFlowOutput, error) {
	return invoke(ctx, c, GetWhatsAppFlow, params, optFns)
}

// GetWhatsAppFlowPreview returns the link to a flow's preview.
func (c *Client) GetWhatsAppFlowPreview(ctx context.Context, params *GetWhatsAppFlowPreviewInput, optFns ...func(*Options)) (*GetWhatsAppFlowPreviewOutput, error) {
	return invoke(ctx, c, GetWhatsAppFlowPreview, params, optFns)
}

// GetWhatsAppMessageMedia writes a file at WhatsApp to a bucket or to a
// presigned URL, or returns only its type and size.
func (c *Client) GetWhatsAppMessageMedia(ctx context.Context, params *GetWhatsAppMessageMediaInput, optFns ...func(*Options)) (*GetWhatsAppMessageMediaOutput, error) {
	return invoke(ctx, c, GetWhatsAppMessageMedia, params, optFns)
}

// GetWhatsAppMessageTemplate returns a message template.
func (c *Client) GetWhatsAppMessageTemplate(ctx context.Context, params *GetWhatsAppMessageTemplateInput, optFns ...func(*Options)) (*GetWhatsAppMessageTemplateOutput, error) {
	return invoke(ctx, c, GetWhatsAppMessageTemplate, params, optFns)
}

// ListLinkedWhatsAppBusinessAccounts returns a page of the linked accounts,
// without their phone numbers.
func (c *Client) ListLinkedWhatsAppBusinessAccounts(ctx context.Context, params *ListLinkedWhatsAppBusinessAccountsInput, optFns ...func(*Options)) (*ListLinkedWhatsAppBusinessAccountsOutput, error) {
	return invoke(ctx, c, ListLinkedWhatsAppBusinessAccounts, params, optFns)
}

// ListTagsForResource returns the tags of a resource.
func (c *Client) ListTagsForResource(ctx context.Context, params *ListTagsForResourceInput, optFns ...func(*Options)) (*ListTagsForResourceOutput, error) {
	return invoke(ctx, c, ListTagsForResource, params, optFns)
}

// ListWhatsAppFlowAssets returns a page of the assets of a flow.
func (c *Client) ListWhatsAppFlowAssets(ctx context.Context, params *ListWhatsAppFlowAssetsInput, optFns ...func(*Options)) (*ListWhatsAppFlowAssetsOutput, error) {
	return invoke(ctx, c, ListWhatsAppFlowAssets, params, optFns)
}

// ListWhatsAppFlows returns a page of the flows of an account.
func (c *Client) ListWhatsAppFlows(ctx context.Context, params *ListWhatsAppFlowsInput, optFns ...func(*Options)) (*ListWhatsAppFlowsOutput, error) {
	return invoke(ctx, c, ListWhatsAppFlows, params, optFns)
}

// ListWhatsAppMessageTemplates returns a page of the message templates of an
// account.
func (c *Client) ListWhatsAppMessageTemplates(ctx context.Context, params *ListWhatsAppMessageTemplatesInput, optFns ...func(*Options)) (*ListWhatsAppMessageTemplatesOutput, error) {
	return invoke(ctx, c, ListWhatsAppMessageTemplates, params, optFns)
}

// ListWhatsAppTemplateLibrary returns a page of Meta's template library.
func (c *Client) ListWhatsAppTemplateLibrary(ctx context.Context, params *ListWhatsAppTemplateLibraryInput, optFns ...func(*Options)) (*ListWhatsAppTemplateLibraryOutput, error) {
	return invoke(ctx, c, ListWhatsAppTemplateLibrary, params, optFns)
}

// PostWhatsAppMessageMedia uploads a file from a bucket, or from a presigned
// URL, to WhatsApp, for one phone number.
func (c *Client) PostWhatsAppMessageMedia(ctx context.Context, params *PostWhatsAppMessageMediaInput, optFns ...func(*Options)) (*PostWhatsAppMessageMediaOutput, error) {
	return invoke(ctx, c, PostWhatsAppMessageMedia, params, optFns)
}

// PublishWhatsAppFlow publishes a flow, irreversibly.
func (c *Client) PublishWhatsAppFlow(ctx context.Context, params *PublishWhatsAppFlowInput, optFns ...func(*Options)) (*PublishWhatsAppFlowOutput, error) {
	return invoke(ctx, c, PublishWhatsAppFlow, params, optFns)
}

// PutWhatsAppBusinessAccountEventDestinations sets where an account's events go.
func (c *Client) PutWhatsAppBusinessAccountEventDestinations(ctx context.Context, params *PutWhatsAppBusinessAccountEventDestinationsInput, optFns ...func(*Options)) (*PutWhatsAppBusinessAccountEventDestinationsOutput, error) {
	return invoke(ctx, c, PutWhatsAppBusinessAccountEventDestinations, params, optFns)
}

// PutWhatsAppBusinessPublicKey registers the public key of a phone number, for
// flows that exchange data.
func (c *Client) PutWhatsAppBusinessPublicKey(ctx context.Context, params *PutWhatsAppBusinessPublicKeyInput, optFns ...func(*Options)) (*PutWhatsAppBusinessPublicKeyOutput, error) {
	return invoke(ctx, c, PutWhatsAppBusinessPublicKey, params, optFns)
}

// SendWhatsAppCallEvent sends a signal of a call, such as connect or terminate.
func (c *Client) SendWhatsAppCallEvent(ctx context.Context, params *SendWhatsAppCallEventInput, optFns ...func(*Options)) (*SendWhatsAppCallEventOutput, error) {
	return invoke(ctx, c, SendWhatsAppCallEvent, params, optFns)
}

// SendWhatsAppConversionEvent sends conversion events to a dataset.
func (c *Client) SendWhatsAppConversionEvent(ctx context.Context, params *SendWhatsAppConversionEventInput, optFns ...func(*Options)) (*SendWhatsAppConversionEventOutput, error) {
	return invoke(ctx, c, SendWhatsAppConversionEvent, params, optFns)
}

// SendWhatsAppMessage sends a message. The service accepts it before WhatsApp
// does; an event reports the outcome.
func (c *Client) SendWhatsAppMessage(ctx context.Context, params *SendWhatsAppMessageInput, optFns ...func(*Options)) (*SendWhatsAppMessageOutput, error) {
	return invoke(ctx, c, SendWhatsAppMessage, params, optFns)
}

// TagResource sets tags of a resource.
func (c *Client) TagResource(ctx context.Context, params *TagResourceInput, optFns ...func(*Options)) (*TagResourceOutput, error) {
	return invoke(ctx, c, TagResource, params, optFns)
}

// UntagResource removes tags of a resource.
func (c *Client) UntagResource(ctx context.Context, params *UntagResourceInput, optFns ...func(*Options)) (*UntagResourceOutput, error) {
	return invoke(ctx, c, UntagResource, params, optFns)
}

// UpdateLinkedWhatsAppBusinessAccountPhoneNumber sets the calling settings of a
// phone number.
func (c *Client) UpdateLinkedWhatsAppBusinessAccountPhoneNumber(ctx context.Context, params *UpdateLinkedWhatsAppBusinessAccountPhoneNumberInput, optFns ...func(*Options)) (*UpdateLinkedWhatsAppBusinessAccountPhoneNumberOutput, error) {
	return invoke(ctx, c, UpdateLinkedWhatsAppBusinessAccountPhoneNumber, params, optFns)
}

// UpdateWhatsAppFlow changes name, categories, endpoint or app of a flow.
func (c *Client) UpdateWhatsAppFlow(ctx context.Context, params *UpdateWhatsAppFlowInput, optFns ...func(*Options)) (*UpdateWhatsAppFlowOutput, error) {
	return invoke(ctx, c, UpdateWhatsAppFlow, params, optFns)
}

// UpdateWhatsAppFlowAssets replaces the JSON of a flow.
func (c *Client) UpdateWhatsAppFlowAssets(ctx context.Context, params *UpdateWhatsAppFlowAssetsInput, optFns ...func(*Options)) (*UpdateWhatsAppFlowAssetsOutput, error) {
	return invoke(ctx, c, UpdateWhatsAppFlowAssets, params, optFns)
}

// UpdateWhatsAppMessageTemplate changes a message template, which Meta then
// reviews again.
func (c *Client) UpdateWhatsAppMessageTemplate(ctx context.Context, params *UpdateWhatsAppMessageTemplateInput, optFns ...func(*Options)) (*UpdateWhatsAppMessageTemplateOutput, error) {
	return invoke(ctx, c, UpdateWhatsAppMessageTemplate, params, optFns)
}
