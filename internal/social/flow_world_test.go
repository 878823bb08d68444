package social_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ferry/internal/graph"
	"ferry/internal/secret"
	"ferry/metasim"
	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

const goodFlow = `{"version":"7.3","screens":[{"id":"FIRST","title":"Survey","terminal":true,"layout":{"type":"SingleColumnLayout","children":[` +
	`{"type":"TextHeading","text":"How was it?"},{"type":"Footer","label":"Done","on-click-action":{"name":"complete","payload":{}}}]}}]}`

func TestFlowLivesAtTheSimulator(t *testing.T) {
	w := newWorld(t)
	client, ctx := w.client(w.key), t.Context()
	created, err := client.CreateWhatsAppFlow(ctx, &socialmessaging.CreateWhatsAppFlowInput{
		Id: &w.waba, FlowName: new("Survey"), Categories: []types.MetaFlowCategory{"SURVEY"}, FlowJson: []byte(strings.Replace(goodFlow, "TextHeading", "TextHeding", 1))})
	w.must(err)
	id := created.FlowId
	if len(created.ValidationErrors) == 0 || !strings.Contains(created.ValidationErrors[0], `"error":"INVALID_PROPERTY_VALUE"`) {
		t.Errorf("%q", created.ValidationErrors)
	}
	publish := func() error {
		return errOf(client.PublishWhatsAppFlow(ctx, &socialmessaging.PublishWhatsAppFlowInput{Id: &w.waba, FlowId: id}))
	}
	checkException(t, publish(), "InvalidParametersException", "139002", "Flow publishing failed: The Flow JSON has validation errors.")
	put, err := client.UpdateWhatsAppFlowAssets(ctx, &socialmessaging.UpdateWhatsAppFlowAssetsInput{Id: &w.waba, FlowId: id, FlowJson: []byte(goodFlow)})
	w.must(err)
	if put.ValidationErrors == nil || len(put.ValidationErrors) != 0 {
		t.Errorf("%q", put.ValidationErrors)
	}
	_, err = client.UpdateWhatsAppFlow(ctx, &socialmessaging.UpdateWhatsAppFlowInput{Id: &w.waba, FlowId: id, FlowName: new("New name"), Categories: []types.MetaFlowCategory{"OTHER"}, MetaAppId: new("500")})
	w.must(err)
	assets, err := client.ListWhatsAppFlowAssets(ctx, &socialmessaging.ListWhatsAppFlowAssetsInput{Id: &w.waba, FlowId: id})
	w.must(err)
	if len(assets.FlowAssets) != 1 || *assets.FlowAssets[0].Name != "flow.json" || *assets.FlowAssets[0].AssetType != "FLOW_JSON" {
		t.Errorf("%+v", assets.FlowAssets)
	}
	preview := func(invalidate bool) string {
		out, err := client.GetWhatsAppFlowPreview(ctx, &socialmessaging.GetWhatsAppFlowPreviewInput{Id: &w.waba, FlowId: id, Invalidate: &invalidate})
		w.must(err)
		return *out.Preview.PreviewUrl
	}
	if first := preview(false); first != preview(false) || first == preview(true) {
		t.Error("the preview is not the same, or is not a new one")
	}
	if publish() != errNone {
		t.Error("the flow was not published")
	}
	flow, err := client.GetWhatsAppFlow(ctx, &socialmessaging.GetWhatsAppFlowInput{Id: &w.waba, FlowId: id})
	w.must(err)
	if *flow.FlowName != "New name" || *flow.FlowStatus != "PUBLISHED" || *flow.JsonVersion != "7.3" || flow.Categories[0] != "OTHER" || *flow.WhatsAppBusinessAccount.Id != "100" ||
		*flow.Application.Id != "500" || *flow.HealthStatus.CanSendMessage != "AVAILABLE" || len(flow.HealthStatus.Entities) == 0 || flow.Preview == nil {
		t.Errorf("%+v", flow)
	}
	checkException(t, errOf(client.DeleteWhatsAppFlow(ctx, &socialmessaging.DeleteWhatsAppFlowInput{Id: &w.waba, FlowId: id})), "InvalidParametersException", "139004")
	copied, err := client.CreateWhatsAppFlow(ctx, &socialmessaging.CreateWhatsAppFlowInput{Id: &w.waba, FlowName: new("Copy"), Categories: []types.MetaFlowCategory{"OTHER"}, CloneFlowId: id})
	w.must(err)
	checkException(t, errOf(client.CreateWhatsAppFlow(ctx, &socialmessaging.CreateWhatsAppFlowInput{Id: &w.waba, FlowName: new("Copy"), Categories: []types.MetaFlowCategory{"OTHER"}})), "InvalidParametersException", "Flow name is not unique")
	_, err = client.DeprecateWhatsAppFlow(ctx, &socialmessaging.DeprecateWhatsAppFlowInput{Id: &w.waba, FlowId: id})
	w.must(err)
	list, err := client.ListWhatsAppFlows(ctx, &socialmessaging.ListWhatsAppFlowsInput{Id: &w.waba, MaxResults: new(int32(1))})
	w.must(err)
	rest, err := client.ListWhatsAppFlows(ctx, &socialmessaging.ListWhatsAppFlowsInput{Id: &w.waba, NextToken: list.NextToken})
	w.must(err)
	if len(list.Flows) != 1 || len(rest.Flows) != 1 || rest.NextToken != nil || *list.Flows[0].FlowId == *rest.Flows[0].FlowId {
		t.Errorf("%+v, %+v", list, rest)
	}
	_, err = client.DeleteWhatsAppFlow(ctx, &socialmessaging.DeleteWhatsAppFlowInput{Id: &w.waba, FlowId: copied.FlowId})
	w.must(err)
	checkException(t, errOf(client.GetWhatsAppFlow(ctx, &socialmessaging.GetWhatsAppFlowInput{Id: &w.waba, FlowId: copied.FlowId})), "ResourceNotFoundException", "no flow")
}

// AWS's service creates a draft if the JSON of a flow to publish is wrong.
func TestFlowThatCannotBePublishedIsADraftOnlyForItsJSON(t *testing.T) {
	w := newWorld(t)
	client, ctx := w.client(w.key), t.Context()
	create := func(flow string) (*socialmessaging.CreateWhatsAppFlowOutput, error) {
		return client.CreateWhatsAppFlow(ctx, &socialmessaging.CreateWhatsAppFlowInput{Id: &w.waba, FlowName: new("Survey"), Categories: []types.MetaFlowCategory{"SURVEY"}, FlowJson: []byte(flow), Publish: new(true)})
	}
	_, err := create(strings.Replace(goodFlow, `"version":"7.3"`, `"version":"7.3","data_api_version":"4.0","routing_model":{"FIRST":[]}`, 1)) // it has no endpoint
	checkException(t, err, "InvalidParametersException", "139002", "endpoint")
	if flows := w.simulator.Flows("100"); len(flows) != 0 {
		t.Errorf("there are flows: %+v", flows)
	}
	out, err := create(strings.Replace(goodFlow, "TextHeading", "TextHeding", 1))
	w.must(err)
	if flows := w.simulator.Flows("100"); len(out.ValidationErrors) == 0 || len(flows) != 1 || flows[0].ID != *out.FlowId || flows[0].Status != metasim.FlowDraft {
		t.Errorf("%+v, %+v", out, flows)
	}
	w.simulator.Reset()
	out, err = create(goodFlow)
	w.must(err)
	if flows := w.simulator.Flows("100"); len(out.ValidationErrors) != 0 || len(flows) != 1 || flows[0].Status != metasim.FlowPublished {
		t.Errorf("%+v, %+v", out, flows)
	}
}

// The simulator, as Meta, shows the token what is another account's.
func TestWhatTheTokenSeesOfOtherAccountsDoesNotExist(t *testing.T) {
	w := newWorld(t)
	client, ctx := w.client(w.key), t.Context()
	flow, _, err := w.graph.CreateFlow(ctx, "200", graph.NewFlow{Name: "Foreign", Categories: []string{"OTHER"}}, secret.New(metaToken))
	w.must(err)
	foreign, err := w.graph.CreateDataset(ctx, "200", secret.New(metaToken))
	w.must(err)
	checkException(t, errOf(client.GetWhatsAppFlow(ctx, &socialmessaging.GetWhatsAppFlowInput{Id: &w.waba, FlowId: &flow})), "ResourceNotFoundException", "no flow")
	checkException(t, errOf(client.DeleteWhatsAppFlow(ctx, &socialmessaging.DeleteWhatsAppFlowInput{Id: &w.waba, FlowId: &flow})), "ResourceNotFoundException", "no flow")
	for _, id := range []*string{new("1"), new("100")} { // no flows, though the account's own
		checkException(t, errOf(client.GetWhatsAppFlow(ctx, &socialmessaging.GetWhatsAppFlowInput{Id: &w.waba, FlowId: id})), "ResourceNotFoundException", "no flow")
		checkException(t, errOf(client.DeleteWhatsAppFlow(ctx, &socialmessaging.DeleteWhatsAppFlowInput{Id: &w.waba, FlowId: id})), "ResourceNotFoundException", "no flow")
		checkException(t, errOf(client.GetWhatsAppMessageTemplate(ctx, &socialmessaging.GetWhatsAppMessageTemplateInput{Id: &w.waba, MetaTemplateId: id})), "ResourceNotFoundException", "no template")
	}
	checkException(t, errOf(client.SendWhatsAppConversionEvent(ctx, &socialmessaging.SendWhatsAppConversionEventInput{Id: &w.waba, DatasetId: &foreign, EventData: []byte(`[{}]`)})),
		"ResourceNotFoundException", "no dataset")
	if _, err := w.graph.Flow(ctx, flow, secret.New(metaToken)); err != nil {
		t.Errorf("the token does not see the flow, so that the test shows nothing: %v", err)
	}
}

func TestPublicKeyAndEventsReachTheSimulator(t *testing.T) {
	_, key := publicKey(t, rsaKey(t, 2048).Public())
	w := newWorld(t)
	client, ctx := w.client(w.key), t.Context()
	_, err := client.PutWhatsAppBusinessPublicKey(ctx, &socialmessaging.PutWhatsAppBusinessPublicKeyInput{OriginationPhoneNumberId: &w.phone, BusinessPublicKey: &key})
	w.must(err)
	stored, err := client.GetWhatsAppBusinessPublicKey(ctx, &socialmessaging.GetWhatsAppBusinessPublicKeyInput{OriginationPhoneNumberId: &w.phone})
	w.must(err)
	if strings.TrimSpace(*stored.BusinessPublicKey) != strings.TrimSpace(key) || *stored.BusinessPublicKeySignatureStatus != "VALID" {
		t.Errorf("%+v", stored)
	}

	_, err = w.simulator.Receive("1", metasim.Inbound{From: "4915112345678", Type: "text", Referral: &metasim.InboundReferral{SourceID: "1", SourceType: "ad", CTWAClickID: "click-1"}})
	w.must(err)
	created, err := client.CreateWhatsAppDataset(ctx, &socialmessaging.CreateWhatsAppDatasetInput{Id: &w.waba})
	w.must(err)
	send := func(click string, age time.Duration) (*socialmessaging.SendWhatsAppConversionEventOutput, error) {
		event := fmt.Sprintf(`{"event_name":"Purchase","event_time":%d,"action_source":"business_messaging","messaging_channel":"whatsapp","user_data":{"whatsapp_business_account_id":"100","ctwa_clid":%q},"custom_data":{"currency":"USD","value":1}}`,
			time.Now().Add(-age).Unix(), click)
		return client.SendWhatsAppConversionEvent(ctx, &socialmessaging.SendWhatsAppConversionEventInput{Id: &w.waba, DatasetId: created.DatasetId, EventData: []byte(event)})
	}
	checkException(t, errOf(send("made-up", 0)), "InvalidParametersException", "2804087", "Messaging Event Invalid Ctwa Clid")
	checkException(t, errOf(send("click-1", 8*24*time.Hour)), "InvalidParametersException", "2804003", "Event Timestamp Too Old")
	sent, err := send("click-1", time.Minute)
	w.must(err)
	if got := w.simulator.Conversions(); len(got) != 1 || got[0].DatasetID != *created.DatasetId || got[0].TraceID != *sent.RequestId {
		t.Errorf("%+v; the request id is %s", got, *sent.RequestId)
	}
}
