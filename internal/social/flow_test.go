package social_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

const (
	flowOfAccount = `{"id":"31","whatsapp_business_account":{"id":"100","name":"Lucky Shrub"}}`
	flowOfOther   = `{"id":"32","whatsapp_business_account":{"id":"999","name":"Another"}}`
	flowError     = `{"error":"INVALID_PROPERTY_VALUE","error_type":"FLOW_JSON_ERROR","message":"Invalid value found for property 'type'.","line_start":10,"pointers":[{"path":"screens[0]"}]}`
	ownerOf31     = "GET /31?fields=id%2Ccategories%2Cwhatsapp_business_account"
)

func TestFlowIsCreatedWithItsValidationErrors(t *testing.T) {
	w, meta := scripted(t, map[string][]string{
		"POST /100/flows": {`{"id":"31","success":true,"validation_errors":[` + flowError + `]}`, `{"id":"33","success":true,"validation_errors":[]}`, "cut",
			`400 {"error":{"message":"Invalid parameter","code":100,"error_user_title":"Flow name is not unique","error_user_msg":"Choose another one."}}`},
		"GET /32": {flowOfOther},
	})
	create := func(in socialmessaging.CreateWhatsAppFlowInput) (*socialmessaging.CreateWhatsAppFlowOutput, error) {
		in.Id, in.FlowName, in.Categories = &w.waba, new("Survey"), []types.MetaFlowCategory{"SURVEY", "OTHER"}
		return w.client(w.key).CreateWhatsAppFlow(t.Context(), &in)
	}
	out, err := create(socialmessaging.CreateWhatsAppFlowInput{FlowJson: []byte(`{"version":"7.3",`), Publish: new(true), EndpointUri: new("https://example.org/flow")})
	w.must(err)
	if *out.FlowId != "31" || !cmp.Equal(out.ValidationErrors, []string{flowError}) {
		t.Errorf("%+v", out)
	}
	out, err = create(socialmessaging.CreateWhatsAppFlowInput{CloneFlowId: new("31")}) // known to be the account's
	w.must(err)
	if *out.FlowId != "33" || out.ValidationErrors == nil || len(out.ValidationErrors) != 0 {
		t.Errorf("%+v", out)
	}
	meta.checkRequests(t,
		`POST /100/flows {"name":"Survey","categories":["SURVEY","OTHER"],"flow_json":"{\"version\":\"7.3\",","publish":true,"endpoint_uri":"https://example.org/flow"}`,
		`POST /100/flows {"name":"Survey","categories":["SURVEY","OTHER"],"clone_flow_id":"31"}`)
	checkException(t, errOf(create(socialmessaging.CreateWhatsAppFlowInput{})), "DependencyException", "ListWhatsAppFlows shows whether there is a flow 'Survey'")
	checkException(t, errOf(create(socialmessaging.CreateWhatsAppFlowInput{})), "InvalidParametersException", "Flow name is not unique: Choose")
	meta.taken()
	checkException(t, errOf(create(socialmessaging.CreateWhatsAppFlowInput{CloneFlowId: new("32")})), "ResourceNotFoundException", "no flow '32'")
	checkException(t, errOf(create(socialmessaging.CreateWhatsAppFlowInput{FlowJson: []byte("\xff")})), "InvalidParametersException", "UTF-8")
	meta.checkRequests(t, "GET /32?fields=id%2Ccategories%2Cwhatsapp_business_account")
}

func TestFlowThatRemainsAgainstTheWillIsNamed(t *testing.T) {
	const refused = `400 {"error":{"message":"Publishing failed","code":139002,"error_user_title":"Flow publishing failed","error_user_msg":"No number."}}`
	create := func(w *world) error {
		return errOf(w.client(w.key).CreateWhatsAppFlow(t.Context(), &socialmessaging.CreateWhatsAppFlowInput{Id: &w.waba, FlowName: new("a"), Categories: []types.MetaFlowCategory{"OTHER"}, FlowJson: []byte("{}"), Publish: new(true)}))
	}
	w, _ := scripted(t, map[string][]string{"POST /100/flows": {refused, `{"id":"31","success":true}`}, "DELETE /31": {"cut"}})
	checkException(t, create(w), "InvalidParametersException", "No number.", "draft with the id 31")
	w, _ = scripted(t, map[string][]string{"POST /100/flows": {refused, "cut"}})
	checkException(t, create(w), "DependencyException", "ListWhatsAppFlows shows")
	w, meta := scripted(t, map[string][]string{"POST /100/flows": {refused, `400 {"error":{"message":"m","code":100,"error_user_title":"Flow name is not unique"}}`}})
	checkException(t, create(w), "InvalidParametersException", "139002", "No number.")
	if requests := meta.taken(); len(requests) != 2 {
		t.Errorf("Meta received %q", requests)
	}
}

func TestFlowIsReturnedWithAllOfItsFields(t *testing.T) {
	w, meta := scripted(t, map[string][]string{"GET /31": {`{"id":"31","name":"Survey","status":"DRAFT","categories":["SURVEY"],"validation_errors":[` + flowError + `],"json_version":"7.3","data_api_version":"4.0","endpoint_uri":"https://example.org/flow",
"preview":{"preview_url":"https://business.facebook.com/x","expires_at":"2026-12-20T10:00:00+0000"},"whatsapp_business_account":{"id":"100","name":"Lucky Shrub","currency":"USD","timezone_id":"1","message_template_namespace":"ns"},
"application":{"id":"500","name":"App","link":"https://example.org/"},"health_status":{"can_send_message":"BLOCKED","entities":[{"entity_type":"FLOW","id":"31","can_send_message":"BLOCKED","errors":[{"error_code":131000}]}]}}`,
		`{"id":"31","name":"Survey","status":"DRAFT","categories":null,"whatsapp_business_account":{"id":"100"},"preview":null,"json_version":7.3}`}})
	get := func() *socialmessaging.GetWhatsAppFlowOutput {
		out, err := w.client(w.key).GetWhatsAppFlow(t.Context(), &socialmessaging.GetWhatsAppFlowInput{Id: &w.waba, FlowId: new("31")})
		w.must(err)
		return out
	}
	want := &socialmessaging.GetWhatsAppFlowOutput{
		FlowId: new("31"), FlowName: new("Survey"), FlowStatus: new("DRAFT"), Categories: []types.MetaFlowCategory{"SURVEY"}, ValidationErrors: []string{flowError},
		JsonVersion: new("7.3"), DataApiVersion: new("4.0"), EndpointUri: new("https://example.org/flow"),
		Preview:                 &types.MetaFlowPreviewInfo{PreviewUrl: new("https://business.facebook.com/x"), ExpiresAt: new("2026-12-20T10:00:00+0000")},
		WhatsAppBusinessAccount: &types.MetaFlowWhatsAppBusinessAccountInfo{Id: new("100"), Name: new("Lucky Shrub"), Currency: new("USD"), TimezoneId: new("1"), MessageTemplateNamespace: new("ns")},
		Application:             &types.MetaFlowApplicationInfo{Id: new("500"), Name: new("App"), Link: new("https://example.org/")},
		HealthStatus: &types.MetaFlowHealthStatus{CanSendMessage: new("BLOCKED"), Entities: []types.MetaFlowHealthEntity{
			{EntityType: new("FLOW"), Id: new("31"), CanSendMessage: new("BLOCKED")}}},
	}
	if diff := cmp.Diff(want, get(), cmpopts.IgnoreFields(socialmessaging.GetWhatsAppFlowOutput{}, "ResultMetadata")); diff != "" {
		t.Error(diff)
	}
	meta.checkRequests(t, "GET /31?fields=id%2Cname%2Cstatus%2Ccategories%2Cvalidation_errors%2Cjson_version%2Cdata_api_version%2Cendpoint_uri%2Cpreview.invalidate%28false%29%2Cwhatsapp_business_account%2Capplication%2Chealth_status")
	if out := get(); out.Preview != nil || out.Application != nil || out.HealthStatus != nil || out.JsonVersion != nil {
		t.Errorf("%+v", out)
	}
}

// The token of an account may see flows of other accounts.
func TestForeignFlowDoesNotExist(t *testing.T) {
	w, meta := scripted(t, map[string][]string{"GET /32": {flowOfOther}})
	client, ctx := w.client(w.key), t.Context()
	for _, id := range []string{"32", "34"} {
		for name, err := range map[string]error{
			"get":       errOf(client.GetWhatsAppFlow(ctx, &socialmessaging.GetWhatsAppFlowInput{Id: &w.waba, FlowId: &id})),
			"update":    errOf(client.UpdateWhatsAppFlow(ctx, &socialmessaging.UpdateWhatsAppFlowInput{Id: &w.waba, FlowId: &id, FlowName: new("a")})),
			"assets":    errOf(client.UpdateWhatsAppFlowAssets(ctx, &socialmessaging.UpdateWhatsAppFlowAssetsInput{Id: &w.waba, FlowId: &id, FlowJson: []byte("{}")})),
			"list":      errOf(client.ListWhatsAppFlowAssets(ctx, &socialmessaging.ListWhatsAppFlowAssetsInput{Id: &w.waba, FlowId: &id})),
			"preview":   errOf(client.GetWhatsAppFlowPreview(ctx, &socialmessaging.GetWhatsAppFlowPreviewInput{Id: &w.waba, FlowId: &id, Invalidate: new(true)})),
			"publish":   errOf(client.PublishWhatsAppFlow(ctx, &socialmessaging.PublishWhatsAppFlowInput{Id: &w.waba, FlowId: &id})),
			"deprecate": errOf(client.DeprecateWhatsAppFlow(ctx, &socialmessaging.DeprecateWhatsAppFlowInput{Id: &w.waba, FlowId: &id})),
			"delete":    errOf(client.DeleteWhatsAppFlow(ctx, &socialmessaging.DeleteWhatsAppFlowInput{Id: &w.waba, FlowId: &id})),
		} {
			t.Run(name+id, func(t *testing.T) { checkException(t, err, "ResourceNotFoundException", "no flow '"+id+"'") })
		}
	}
	for _, request := range meta.taken() {
		if !strings.HasPrefix(request, "GET") || strings.Contains(request, "true") {
			t.Errorf("Meta received %s", request)
		}
	}
}

func TestFlowIsChangedAndMetaIsAskedOnceWhoseItIs(t *testing.T) {
	const ok = `{"success":true}`
	w, meta := scripted(t, map[string][]string{
		"GET /31":  {flowOfAccount, `{"id":"31","preview":{"preview_url":"https://x","expires_at":"2026-12-20T10:00:00+0000"}}`},
		"POST /31": {ok}, "POST /31/publish": {ok, `400 {"error":{"message":"Blocked by Integrity","code":139000,"error_subcode":4233020,"error_user_title":"Flow publishing failed","error_user_msg":"Integrity requirements not met."}}`, "cut"},
		"POST /31/deprecate": {ok}, "DELETE /31": {ok, `500 {"error":{"message":"Deleting failed","code":139004,"error_user_title":"Flow can't be deleted","error_user_msg":"It is published."}}`},
		"GET /31/assets":  {`{"data":[{"name":"flow.json","asset_type":"FLOW_JSON","download_url":"https://x"}],"paging":{"cursors":{"before":"a","after":"b"}}}`},
		"POST /31/assets": {`{"success":true,"validation_errors":[` + flowError + `]}`},
	})
	client, ctx := w.client(w.key), t.Context()
	changes := &socialmessaging.UpdateWhatsAppFlowInput{Id: &w.waba, FlowId: new("31"), FlowName: new("New"), Categories: []types.MetaFlowCategory{"OTHER"}, EndpointUri: new("https://example.org/"), MetaAppId: new("500")}
	_, err := client.UpdateWhatsAppFlow(ctx, changes)
	w.must(err)
	publish := func() error {
		return errOf(client.PublishWhatsAppFlow(ctx, &socialmessaging.PublishWhatsAppFlowInput{Id: &w.waba, FlowId: new("31")}))
	}
	remove := func() error {
		return errOf(client.DeleteWhatsAppFlow(ctx, &socialmessaging.DeleteWhatsAppFlowInput{Id: &w.waba, FlowId: new("31")}))
	}
	if publish() != errNone || remove() != errNone {
		t.Error("publish or delete failed")
	}
	_, err = client.DeprecateWhatsAppFlow(ctx, &socialmessaging.DeprecateWhatsAppFlowInput{Id: &w.waba, FlowId: new("31")})
	w.must(err)
	preview, err := client.GetWhatsAppFlowPreview(ctx, &socialmessaging.GetWhatsAppFlowPreviewInput{Id: &w.waba, FlowId: new("31"), Invalidate: new(true)})
	w.must(err)
	if *preview.FlowId != "31" || *preview.Preview.PreviewUrl != "https://x" || *preview.Preview.ExpiresAt != "2026-12-20T10:00:00+0000" {
		t.Errorf("%+v", preview)
	}
	meta.checkRequests(t, ownerOf31, `POST /31 {"name":"New","categories":["OTHER"],"endpoint_uri":"https://example.org/","application_id":"500"}`,
		"POST /31/publish", "DELETE /31", "POST /31/deprecate", "GET /31?fields=preview.invalidate%28true%29")

	checkException(t, publish(), "AccessDeniedByMetaException", "139000", "4233020", "Flow publishing failed: Integrity requirements not met.")
	checkException(t, publish(), "DependencyException", "GetWhatsAppFlow shows")
	checkException(t, remove(), "InvalidParametersException", "139004", "Flow can't be deleted: It is published.")
	checkException(t, errOf(client.UpdateWhatsAppFlow(ctx, &socialmessaging.UpdateWhatsAppFlowInput{Id: &w.waba, FlowId: new("31")})), "InvalidParametersException", "changes nothing")

	assets, err := socialmessaging.NewListWhatsAppFlowAssetsPaginator(client, &socialmessaging.ListWhatsAppFlowAssetsInput{Id: &w.waba, FlowId: new("31")}).NextPage(ctx)
	w.must(err)
	if diff := cmp.Diff([]types.MetaFlowAsset{{Name: new("flow.json"), AssetType: new("FLOW_JSON"), DownloadUrl: new("https://x")}}, assets.FlowAssets); diff != "" || assets.NextToken != nil {
		t.Errorf("%s, %v", diff, assets.NextToken)
	}
	meta.taken()
	put, err := client.UpdateWhatsAppFlowAssets(ctx, &socialmessaging.UpdateWhatsAppFlowAssetsInput{Id: &w.waba, FlowId: new("31"), FlowJson: []byte("{\n\"version\":\xff")})
	w.must(err)
	if !cmp.Equal(put.ValidationErrors, []string{flowError}) {
		t.Errorf("%q", put.ValidationErrors)
	}
	form := regexp.MustCompile(`--[A-Z2-7]{26}(--)?`).ReplaceAllString(strings.Join(meta.taken(), "\n"), "--B$1")
	const part = "--B\r\nContent-Disposition: form-data; name="
	if want := "POST /31/assets " + part + "\"name\"\r\n\r\nflow.json\r\n" + part + "\"asset_type\"\r\n\r\nFLOW_JSON\r\n" +
		part + "\"file\"; filename=\"flow.json\"\r\nContent-Type: application/json\r\n\r\n{\n\"version\":\xff\r\n--B--\r\n"; form != want {
		t.Errorf("Meta received %q\nwant %q", form, want)
	}
}

func TestFlowsComeInPages(t *testing.T) {
	w, meta := scripted(t, map[string][]string{"GET /100/flows": {
		`{"data":[{"id":"31","name":"a","status":"DRAFT","categories":["OTHER"],"validation_errors":[` + flowError + `]}],"paging":{"cursors":{"after":"C1"},"next":"https://x"}}`, `{"data":[{"id":"33"}]}`}})
	paginator := socialmessaging.NewListWhatsAppFlowsPaginator(w.client(w.key), &socialmessaging.ListWhatsAppFlowsInput{Id: &w.waba})
	var got []types.MetaFlowSummary
	for paginator.HasMorePages() {
		page, err := paginator.NextPage(t.Context())
		w.must(err)
		got = append(got, page.Flows...)
	}
	want := []types.MetaFlowSummary{
		{FlowId: new("31"), FlowName: new("a"), FlowStatus: new("DRAFT"), FlowCategories: []types.MetaFlowCategory{"OTHER"}, ValidationErrors: []string{flowError}},
		{FlowId: new("33"), FlowName: new(""), FlowStatus: new(""), FlowCategories: []types.MetaFlowCategory{}, ValidationErrors: []string{}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	const fields = "fields=id%2Cname%2Cstatus%2Ccategories%2Cvalidation_errors"
	meta.checkRequests(t, "GET /100/flows?"+fields+"&limit=100", "GET /100/flows?after=C1&"+fields+"&limit=100")
}
