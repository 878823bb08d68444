// Flows: forms inside WhatsApp. They are Meta's: ferry keeps nothing of them but which
// account each belongs to.

package social

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ferry/internal/graph"
	"ferry/internal/secret"
	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

// notPublished is Meta's code for a flow that it does not publish
// (docs/references.md#graph-flows).
const notPublished = 139002

// CreateWhatsAppFlow creates a flow. What Meta finds wrong with its JSON is in the
// result: the flow then exists as a draft.
//
// Errors: InvalidParameters for all that Meta refuses; ResourceNotFound for a flow to copy
// that the account does not have; Dependency, also when Meta may have created the flow all
// the same, and then the message says how to find out.
func (m *metaCall) CreateWhatsAppFlow(ctx context.Context, in *socialmessaging.CreateWhatsAppFlowInput) (*socialmessaging.CreateWhatsAppFlowOutput, error) {
	flow := graph.NewFlow{
		Name: *in.FlowName, Categories: categoryNames(in.Categories), JSON: string(in.FlowJson), Publish: in.Publish,
		CloneFlowID: aws.ToString(in.CloneFlowId), EndpointURI: aws.ToString(in.EndpointUri),
	}
	if !utf8.Valid(in.FlowJson) {
		return nil, fail(socialmessaging.KindInvalidParameters, nil, "flowJson is not UTF-8. Pass the flow's JSON itself to the SDK, which encodes it.")
	}
	if in.CloneFlowId != nil {
		if err := m.checkFlow(ctx, *in.CloneFlowId); err != nil {
			return nil, err
		}
	}
	id, found, err := m.meta.CreateFlow(ctx, m.wabaID, flow, m.token)
	if refusal, ok := errors.AsType[*graph.Error](err); ok && refusal.Code == notPublished && aws.ToBool(flow.Publish) && flow.JSON != "" {
		id, found, err = m.createDraft(ctx, flow, err)
	}
	if err != nil {
		return nil, m.unsettled(err, fmt.Sprintf("ListWhatsAppFlows shows whether there is a flow '%s'. Creating it again is safe: if it exists, Meta refuses, because names are unique.", flow.Name))
	}
	m.owns(flowNode, id)
	return &socialmessaging.CreateWhatsAppFlowOutput{FlowId: &id, ValidationErrors: validationErrors(found)}, nil
}

// createDraft creates a flow, whose publication Meta has refused together with its
// creation, as a draft: if its JSON has validation errors, this is what AWS's service
// returns. Otherwise the refusal has another cause, and nothing remains.
func (m *metaCall) createDraft(ctx context.Context, flow graph.NewFlow, refusal error) (id string, found []json.RawMessage, err error) {
	flow.Publish = nil
	id, found, err = m.meta.CreateFlow(ctx, m.wabaID, flow, m.token)
	switch {
	case err != nil && mayHaveHappened(err):
		return "", nil, err
	case err != nil:
		return "", nil, refusal
	case len(found) > 0:
		return id, found, nil
	}
	if err := m.meta.DeleteFlow(ctx, id, m.token); err != nil {
		f := faultOf(ctx, refusal)
		f.message += " The flow exists as a draft with the id " + id + ", because it could not be deleted again."
		return "", nil, f
	}
	return "", nil, refusal
}

func categoryNames(list []types.MetaFlowCategory) (names []string) {
	for _, category := range list {
		names = append(names, string(category))
	}
	return names
}

// validationErrors returns what Meta found wrong with a flow: one JSON text for each.
func validationErrors(found []json.RawMessage) []string {
	texts := make([]string, len(found)) // not nil: an empty list is sent
	for i, object := range found {
		texts[i] = string(object)
	}
	return texts
}

// checkFlow returns an error unless a flow belongs to the account: the token may see
// flows of other accounts. Meta is asked once for each flow.
func (m *metaCall) checkFlow(ctx context.Context, id string) error {
	if m.isOwn(flowNode, id) {
		return nil
	}
	businessAccountID, err := m.meta.FlowOwner(ctx, id, m.token)
	return m.checkOwner(id, businessAccountID, err)
}

// checkOwner returns an error unless Meta says that a flow belongs to the account.
func (m *metaCall) checkOwner(id, businessAccountID string, err error) error {
	switch {
	case m.isMissing(flowNode, id, err), err == nil && businessAccountID != m.wabaID:
		return fail(socialmessaging.KindResourceNotFound, err, "WhatsApp Business Account '%s' has no flow '%s'. ListWhatsAppFlows shows those that it has.", m.given, id)
	case err != nil:
		return err
	}
	m.owns(flowNode, id)
	return nil
}

const seeFlow = "GetWhatsAppFlow shows the flow as it is."

// UpdateWhatsAppFlow changes what is not the JSON of a flow. Meta makes a published flow
// a draft again.
//
// Errors: InvalidParameters without any change and for all that Meta refuses;
// ResourceNotFound, also for a flow of another account.
func (m *metaCall) UpdateWhatsAppFlow(ctx context.Context, in *socialmessaging.UpdateWhatsAppFlowInput) (*socialmessaging.UpdateWhatsAppFlowOutput, error) {
	edit := graph.FlowEdit{
		Name: aws.ToString(in.FlowName), Categories: categoryNames(in.Categories), EndpointURI: aws.ToString(in.EndpointUri), AppID: aws.ToString(in.MetaAppId),
	}
	if edit.Name == "" && edit.EndpointURI == "" && edit.AppID == "" && len(edit.Categories) == 0 {
		return nil, fail(socialmessaging.KindInvalidParameters, nil, "The request changes nothing. Set flowName, categories, endpointUri or metaAppId.")
	}
	if err := m.checkFlow(ctx, *in.FlowId); err != nil {
		return nil, err
	}
	if err := m.meta.EditFlow(ctx, *in.FlowId, edit, m.token); err != nil {
		return nil, m.unsettled(err, seeFlow)
	}
	return &socialmessaging.UpdateWhatsAppFlowOutput{}, nil
}

// UpdateWhatsAppFlowAssets replaces the JSON of a flow, which is sent to Meta as it is.
// What Meta finds wrong with it is in the result.
func (m *metaCall) UpdateWhatsAppFlowAssets(ctx context.Context, in *socialmessaging.UpdateWhatsAppFlowAssetsInput) (*socialmessaging.UpdateWhatsAppFlowAssetsOutput, error) {
	if err := m.checkFlow(ctx, *in.FlowId); err != nil {
		return nil, err
	}
	found, err := m.meta.PutFlowJSON(ctx, *in.FlowId, in.FlowJson, m.token)
	if err != nil {
		return nil, m.unsettled(err, "Replacing the JSON again is safe.")
	}
	return &socialmessaging.UpdateWhatsAppFlowAssetsOutput{ValidationErrors: validationErrors(found)}, nil
}

// ListWhatsAppFlowAssets returns a page of the files of a flow, with links to them.
func (m *metaCall) ListWhatsAppFlowAssets(ctx context.Context, in *socialmessaging.ListWhatsAppFlowAssetsInput) (*socialmessaging.ListWhatsAppFlowAssetsOutput, error) {
	if err := m.checkFlow(ctx, *in.FlowId); err != nil {
		return nil, err
	}
	assets, next, err := metaPage(m.call, in.MaxResults, in.NextToken, []string{m.wabaID, *in.FlowId}, func(page graph.Page) (graph.List[graph.FlowAsset], error) {
		return m.meta.FlowAssets(ctx, *in.FlowId, page, m.token)
	})
	if err != nil {
		return nil, err
	}
	out := &socialmessaging.ListWhatsAppFlowAssetsOutput{FlowAssets: []types.MetaFlowAsset{}, NextToken: next}
	for _, a := range assets {
		out.FlowAssets = append(out.FlowAssets, types.MetaFlowAsset{Name: new(string(a.Name)), AssetType: new(string(a.Type)), DownloadUrl: new(string(a.DownloadURL))})
	}
	return out, nil
}

// ListWhatsAppFlows returns a page of the account's flows.
func (m *metaCall) ListWhatsAppFlows(ctx context.Context, in *socialmessaging.ListWhatsAppFlowsInput) (*socialmessaging.ListWhatsAppFlowsOutput, error) {
	flows, next, err := metaPage(m.call, in.MaxResults, in.NextToken, []string{m.wabaID}, func(page graph.Page) (graph.List[graph.Flow], error) {
		return m.meta.Flows(ctx, m.wabaID, page, m.token)
	})
	if err != nil {
		return nil, err
	}
	out := &socialmessaging.ListWhatsAppFlowsOutput{Flows: []types.MetaFlowSummary{}, NextToken: next}
	for _, f := range flows {
		if f.ID != "" {
			m.owns(flowNode, string(f.ID))
		}
		out.Flows = append(out.Flows, types.MetaFlowSummary{
			FlowId: new(string(f.ID)), FlowName: new(string(f.Name)), FlowStatus: new(string(f.Status)),
			FlowCategories: categories(f.Categories), ValidationErrors: validationErrors(f.ValidationErrors),
		})
	}
	return out, nil
}

func categories(names []string) []types.MetaFlowCategory {
	list := make([]types.MetaFlowCategory, len(names)) // not nil: an empty list is sent
	for i, name := range names {
		list[i] = types.MetaFlowCategory(name)
	}
	return list
}

// GetWhatsAppFlow returns a flow.
//
// Errors: ResourceNotFound, also for a flow of another account.
func (m *metaCall) GetWhatsAppFlow(ctx context.Context, in *socialmessaging.GetWhatsAppFlowInput) (*socialmessaging.GetWhatsAppFlowOutput, error) {
	f, err := m.meta.Flow(ctx, *in.FlowId, m.token)
	if err := m.checkOwner(*in.FlowId, string(f.BusinessAccount.ID), err); err != nil {
		return nil, err
	}
	out := &socialmessaging.GetWhatsAppFlowOutput{
		FlowId: in.FlowId, FlowName: new(string(f.Name)), FlowStatus: new(string(f.Status)), Categories: categories(f.Categories),
		ValidationErrors: validationErrors(f.ValidationErrors), JsonVersion: textOrNil(f.JSONVersion), DataApiVersion: textOrNil(f.DataAPIVersion),
		EndpointUri: textOrNil(f.EndpointURI), Preview: flowPreview(f.Preview),
		WhatsAppBusinessAccount: &types.MetaFlowWhatsAppBusinessAccountInfo{
			Id: new(string(f.BusinessAccount.ID)), Name: new(string(f.BusinessAccount.Name)), Currency: textOrNil(f.BusinessAccount.Currency),
			TimezoneId: textOrNil(f.BusinessAccount.TimezoneID), MessageTemplateNamespace: textOrNil(f.BusinessAccount.TemplateNamespace),
		},
	}
	if f.Application.ID != "" {
		out.Application = &types.MetaFlowApplicationInfo{Id: new(string(f.Application.ID)), Name: new(string(f.Application.Name)), Link: textOrNil(f.Application.Link)}
	}
	if f.Health.CanSendMessage != "" {
		out.HealthStatus = &types.MetaFlowHealthStatus{CanSendMessage: new(string(f.Health.CanSendMessage))}
		for _, e := range f.Health.Entities {
			out.HealthStatus.Entities = append(out.HealthStatus.Entities, types.MetaFlowHealthEntity{
				EntityType: new(string(e.Type)), Id: new(string(e.ID)), CanSendMessage: new(string(e.CanSendMessage)),
			})
		}
	}
	return out, nil
}

func flowPreview(p graph.FlowPreview) *types.MetaFlowPreviewInfo {
	if p.URL == "" {
		return nil
	}
	return &types.MetaFlowPreviewInfo{PreviewUrl: new(string(p.URL)), ExpiresAt: new(string(p.ExpiresAt))}
}

// GetWhatsAppFlowPreview returns the link to a flow's preview: with invalidate a new one,
// which ends the old one.
func (m *metaCall) GetWhatsAppFlowPreview(ctx context.Context, in *socialmessaging.GetWhatsAppFlowPreviewInput) (*socialmessaging.GetWhatsAppFlowPreviewOutput, error) {
	if err := m.checkFlow(ctx, *in.FlowId); err != nil {
		return nil, err
	}
	preview, err := m.meta.FlowPreview(ctx, *in.FlowId, in.Invalidate != nil && *in.Invalidate, m.token)
	if err != nil {
		return nil, err
	}
	return &socialmessaging.GetWhatsAppFlowPreviewOutput{FlowId: in.FlowId, Preview: flowPreview(preview)}, nil
}

// PublishWhatsAppFlow publishes a draft.
//
// Errors: InvalidParameters when Meta finds the flow not ready; AccessDeniedByMeta when
// Meta does not let the account publish flows; ResourceNotFound, also for a flow of
// another account.
func (m *metaCall) PublishWhatsAppFlow(ctx context.Context, in *socialmessaging.PublishWhatsAppFlowInput) (*socialmessaging.PublishWhatsAppFlowOutput, error) {
	err := m.changeFlow(ctx, *in.FlowId, m.meta.PublishFlow)
	return &socialmessaging.PublishWhatsAppFlowOutput{}, err
}

// DeprecateWhatsAppFlow retires a published flow. Errors are those of PublishWhatsAppFlow.
func (m *metaCall) DeprecateWhatsAppFlow(ctx context.Context, in *socialmessaging.DeprecateWhatsAppFlowInput) (*socialmessaging.DeprecateWhatsAppFlowOutput, error) {
	err := m.changeFlow(ctx, *in.FlowId, m.meta.DeprecateFlow)
	return &socialmessaging.DeprecateWhatsAppFlowOutput{}, err
}

// DeleteWhatsAppFlow deletes a draft. Errors are those of PublishWhatsAppFlow.
func (m *metaCall) DeleteWhatsAppFlow(ctx context.Context, in *socialmessaging.DeleteWhatsAppFlowInput) (*socialmessaging.DeleteWhatsAppFlowOutput, error) {
	err := m.changeFlow(ctx, *in.FlowId, m.meta.DeleteFlow)
	return &socialmessaging.DeleteWhatsAppFlowOutput{}, err
}

// changeFlow makes a change of a flow of the account.
func (m *metaCall) changeFlow(ctx context.Context, id string, change func(ctx context.Context, id string, token secret.Secret) error) error {
	if err := m.checkFlow(ctx, id); err != nil {
		return err
	}
	return m.unsettled(change(ctx, id, m.token), seeFlow)
}
