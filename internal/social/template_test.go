package social_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

const (
	templateFields = "fields=id%2Cname%2Clanguage%2Cstatus%2Ccategory%2Csub_category%2Cprevious_category%2Cparameter_format%2Ccomponents%2Cquality_score%2Crejected_reason"
	summaryFields  = "fields=id%2Cname%2Clanguage%2Cstatus%2Ccategory%2Cquality_score"
	orderUpdate    = `{"id":"594425479261596","name":"order_update","language":"en_US","status":"REJECTED","category":"UTILITY","components":[{"type":"BODY","text":"Zoë \u003c"}],"rejected_reason":"INVALID_FORMAT"}`
	noSuchObject   = `400 {"error":{"message":"Unsupported get request.","type":"GraphMethodException","code":100,"error_subcode":33,"fbtrace_id":"A1"}}`
)

func (w *world) createTemplate(definition string) (*socialmessaging.CreateWhatsAppMessageTemplateOutput, error) {
	return w.client(w.key).CreateWhatsAppMessageTemplate(w.t.Context(), &socialmessaging.CreateWhatsAppMessageTemplateInput{Id: &w.waba, TemplateDefinition: []byte(definition)})
}

func TestTemplateIsCreatedFromTheCallersBytes(t *testing.T) {
	const definition = "{\"name\":\"order_update\", \"language\":\"en_US\",\n\"category\":\"utility\",\"x\":null,\"components\":[{\"type\":\"BODY\",\"text\":\"Gr\\u00fc\\u00dfe\"}]}"
	w, meta := scripted(t, map[string][]string{"POST /100/message_templates": {`{"id":"594425479261596","status":"PENDING","category":"UTILITY"}`}})
	out, err := w.createTemplate(definition)
	w.must(err)
	if *out.MetaTemplateId != "594425479261596" || *out.TemplateStatus != "PENDING" || *out.Category != "UTILITY" {
		t.Errorf("%+v", out)
	}
	meta.checkRequests(t, "POST /100/message_templates "+definition)
	if line := lastLine(t, w.log); line["operation"] != "CreateWhatsAppMessageTemplate" || line["outcome"] != "ok" || !strings.HasSuffix(line["resource"].(string), strings.TrimPrefix(w.waba, "waba-")) || cmp.Diff([]any{"Trace1"}, line["meta_trace_ids"]) != "" {
		t.Errorf("logged %v", line)
	}
}

func TestDefinitionThatIsNoObjectIsNotSent(t *testing.T) {
	w, meta := scripted(t, nil)
	for definition, text := range map[string]string{
		`{"name":"a",}`:          "is not JSON",
		`{"name":"a","name":""}`: "duplicate",
		"{\"name\":\"\xff\"}":    "UTF-8",
		`[]`:                     "templateDefinition is a JSON array; expected an object in Meta's form, such as {",
		`{} {}`:                  "more text",
		`eyJuYW1lIjoiYSJ9`:       "base64 within base64",
	} {
		_, err := w.createTemplate(definition)
		checkException(t, err, "InvalidParametersException", "templateDefinition", text)
	}
	_, err := w.createTemplate(`{"name":"` + strings.Repeat("a", 6000) + `"}`)
	checkException(t, err, "ValidationException", "templateDefinition")
	meta.checkRequests(t)
}

// Meta may create a template and respond with an error all the same.
func TestTemplateThatMayExistIsReported(t *testing.T) {
	const exists = `400 {"error":{"message":"Invalid parameter","type":"OAuthException","code":100,"error_subcode":2388024,"error_user_title":"Content in This Language Already Exists","error_user_msg":"There is already English content for this template. You can create a new template and try again.","fbtrace_id":"A1"}}`
	for name, response := range map[string]string{
		"code 1": `500 {"error":{"message":"An unknown error occurred","code":1}}`, "code 99": `400 {"error":{"message":"Unknown","code":99}}`,
		"cut": "cut", "no id": `{"success":true}`, "a proxy's": "504 <html>",
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := scripted(t, map[string][]string{"POST /100/message_templates": {response, exists}})
			_, err := w.createTemplate(`{"name":"order_update","language":"en_US"}`)
			checkException(t, err, "DependencyException", "GetWhatsAppMessageTemplate with templateName 'order_update' and templateLanguageCode 'en_US'")
			if line := lastLine(t, w.log); line["outcome"] != "ambiguous" {
				t.Errorf("logged %v", line)
			}
			_, err = w.createTemplate(`{"name":"order_update","language":"en_US"}`)
			checkException(t, err, "InvalidParametersException", "2388024", "Content in This Language Already Exists: There is already English", "exists already",
				"GetWhatsAppMessageTemplate with templateName 'order_update'")
			if exception, _ := socialmessaging.AsException(err); exception.Finding != "meta-100" {
				t.Errorf("the finding is %q", exception.Finding)
			}
		})
	}
}

func TestTemplateIsFoundByIDOrByNameAndLanguage(t *testing.T) {
	w, meta := scripted(t, map[string][]string{
		"GET /594425479261596":       {orderUpdate},
		"GET /100/message_templates": {`{"data":[{"id":"2","name":"order_update_2","language":"en_US"}],"paging":{"cursors":{"after":"C1"},"next":"https://evil.example"}}`, `{"data":[` + orderUpdate + `]}`},
	})
	client, ctx := w.client(w.key), t.Context()
	byID := &socialmessaging.GetWhatsAppMessageTemplateInput{Id: &w.waba, MetaTemplateId: new("594425479261596")}
	byName := &socialmessaging.GetWhatsAppMessageTemplateInput{Id: &w.waba, TemplateName: new("order_update"), TemplateLanguageCode: new("en_US")}

	out, err := client.GetWhatsAppMessageTemplate(ctx, byName)
	w.must(err)
	if *out.Template != orderUpdate {
		t.Errorf("%s", *out.Template)
	}
	meta.checkRequests(t, "GET /100/message_templates?"+templateFields+"&language=en_US&limit=100&name=order_update",
		"GET /100/message_templates?after=C1&"+templateFields+"&language=en_US&limit=100&name=order_update")

	out, err = client.GetWhatsAppMessageTemplate(ctx, byID) // known to be the account's
	w.must(err)
	if *out.Template != orderUpdate {
		t.Errorf("%s", *out.Template)
	}
	meta.checkRequests(t, "GET /594425479261596?"+templateFields)

	for _, in := range []*socialmessaging.GetWhatsAppMessageTemplateInput{
		{Id: &w.waba}, {Id: &w.waba, TemplateName: new("a")}, {Id: &w.waba, TemplateLanguageCode: new("en")},
		{Id: &w.waba, MetaTemplateId: new("1"), TemplateName: new("a"), TemplateLanguageCode: new("en")},
	} {
		checkException(t, errOf(client.GetWhatsAppMessageTemplate(ctx, in)), "InvalidParametersException", "metaTemplateId", "templateLanguageCode")
	}
	byName.TemplateLanguageCode = new("de")
	checkException(t, errOf(client.GetWhatsAppMessageTemplate(ctx, byName)), "ResourceNotFoundException", "'order_update' in language 'de'")
}

// The token of an account may see templates of other accounts.
func TestForeignTemplateDoesNotExist(t *testing.T) {
	w, meta := scripted(t, map[string][]string{
		"GET /594425479261596":       {orderUpdate},
		"GET /100/message_templates": {`{"data":[{"id":"9","name":"order_update","language":"en_US"}]}`},
		"GET /7":                     {`{"id":"7","verified_name":"a phone number"}`},
		"POST /594425479261596":      {`{"success":true}`},
	})
	client, ctx := w.client(w.key), t.Context()
	for _, id := range []string{"594425479261596", "7", "8"} {
		checkException(t, errOf(client.GetWhatsAppMessageTemplate(ctx, &socialmessaging.GetWhatsAppMessageTemplateInput{Id: &w.waba, MetaTemplateId: &id})),
			"ResourceNotFoundException", "has no template with the id '"+id+"'")
		checkException(t, errOf(client.UpdateWhatsAppMessageTemplate(ctx, &socialmessaging.UpdateWhatsAppMessageTemplateInput{Id: &w.waba, MetaTemplateId: &id, TemplateCategory: new("MARKETING")})),
			"ResourceNotFoundException", "has no template with the id '"+id+"'")
	}
	for _, request := range meta.taken() {
		if strings.HasPrefix(request, "POST") {
			t.Errorf("Meta received %s", request)
		}
	}
	foreign := "waba-00000000000000000000000000000000"
	checkException(t, errOf(client.ListWhatsAppMessageTemplates(ctx, &socialmessaging.ListWhatsAppMessageTemplatesInput{Id: &foreign})), "ResourceNotFoundException")
	meta.checkRequests(t)
}

func TestTemplateIsChangedOnlyAsAsked(t *testing.T) {
	w, meta := scripted(t, map[string][]string{
		"GET /594425479261596":       {orderUpdate},
		"GET /100/message_templates": {`{"data":[` + orderUpdate + `]}`},
		"POST /594425479261596": {`{"success":true,"id":"594425479261596","name":"order_update","category":"UTILITY"}`, `{"success":true}`, "cut",
			`400 {"error":{"message":"Invalid parameter","code":100,"error_subcode":2388039,"error_user_title":"Message template status can't be changed","error_user_msg":"Wait."}}`},
	})
	client, ctx := w.client(w.key), t.Context()
	edit := func(change func(in *socialmessaging.UpdateWhatsAppMessageTemplateInput)) error {
		in := &socialmessaging.UpdateWhatsAppMessageTemplateInput{Id: &w.waba, MetaTemplateId: new("594425479261596")}
		change(in)
		return errOf(client.UpdateWhatsAppMessageTemplate(ctx, in))
	}
	const components = `[ {"type":"BODY","text":"Gr\u00fc\u00dfe <b>"} ]`
	if err := edit(func(in *socialmessaging.UpdateWhatsAppMessageTemplateInput) {
		in.TemplateComponents = []byte(components)
	}); err != errNone {
		t.Error(err)
	}
	meta.checkRequests(t, "GET /594425479261596?"+templateFields, "GET /100/message_templates?"+summaryFields+"&language=en_US&limit=100&name=order_update",
		`POST /594425479261596 {"components":[{"type":"BODY","text":"Gr\u00fc\u00dfe <b>"}]}`)
	if err := edit(func(in *socialmessaging.UpdateWhatsAppMessageTemplateInput) {
		in.MetaTemplateId, in.TemplateName, in.TemplateLanguageCode = nil, new("order_update"), new("en_US")
		in.TemplateCategory, in.ParameterFormat, in.CtaUrlLinkTrackingOptedOut = new("MARKETING"), new("NAMED"), new(false)
	}); err != errNone {
		t.Error(err)
	}
	meta.checkRequests(t, "GET /100/message_templates?"+summaryFields+"&language=en_US&limit=100&name=order_update",
		`POST /594425479261596 {"parameter_format":"NAMED","category":"MARKETING","cta_url_link_tracking_opted_out":false}`)
	checkException(t, edit(func(in *socialmessaging.UpdateWhatsAppMessageTemplateInput) { in.TemplateCategory = new("UTILITY") }), "DependencyException", "GetWhatsAppMessageTemplate shows")
	checkException(t, edit(func(in *socialmessaging.UpdateWhatsAppMessageTemplateInput) { in.TemplateCategory = new("UTILITY") }), "InvalidParametersException", "2388039", "can't be changed: Wait.")
	meta.taken()
	checkException(t, edit(func(*socialmessaging.UpdateWhatsAppMessageTemplateInput) {}), "InvalidParametersException", "changes nothing")
	checkException(t, edit(func(in *socialmessaging.UpdateWhatsAppMessageTemplateInput) { in.TemplateComponents = []byte(`{}`) }), "InvalidParametersException", "templateComponents")
	meta.checkRequests(t)
}

func TestTemplateIsDeletedInOneLanguageOrInAll(t *testing.T) {
	w, meta := scripted(t, map[string][]string{"DELETE /100/message_templates": {`{"success":true}`, `{"success":true}`, "cut", `{"success":false}`, noSuchObject}})
	remove := func(id *string, all *bool) error {
		return errOf(w.client(w.key).DeleteWhatsAppMessageTemplate(t.Context(), &socialmessaging.DeleteWhatsAppMessageTemplateInput{Id: &w.waba, TemplateName: new("a&b"), MetaTemplateId: id, DeleteAllLanguages: all}))
	}
	if err := remove(new("17"), new(false)); err != errNone {
		t.Error(err)
	}
	if err := remove(nil, new(true)); err != errNone {
		t.Error(err)
	}
	meta.checkRequests(t, "DELETE /100/message_templates?hsm_id=17&name=a%26b", "DELETE /100/message_templates?name=a%26b")
	for range 2 {
		checkException(t, remove(new("17"), nil), "DependencyException", "ListWhatsAppMessageTemplates shows")
	}
	checkException(t, remove(new("17"), nil), "ResourceNotFoundException", "'17'")
	meta.taken()
	checkException(t, remove(nil, nil), "InvalidParametersException", "deleteAllTemplates")
	checkException(t, remove(new("17"), new(true)), "InvalidParametersException", "deleteAllTemplates")
	meta.checkRequests(t)
}

func TestTemplatesComeInPagesBoundToTheirList(t *testing.T) {
	w, meta := scripted(t, map[string][]string{
		"GET /100/message_templates": {
			`{"data":[{"id":"1","name":"a","status":"APPROVED","category":"UTILITY","language":"en_US","quality_score":{"score":"GREEN","date":1}},{"id":"2","name":"b"},{"id":"3"}],"paging":{"cursors":{"after":"C3"},"next":"https://x"}}`,
			`{"data":[{"id":"1"},{"id":"2"},{"id":"3"}],"paging":{"cursors":{"after":"C3"},"next":"https://x"}}`,
			`{"data":[{"id":4}],"paging":{"cursors":{"after":"C4"}}}`,
		},
	})
	client := w.client(w.key)
	in := &socialmessaging.ListWhatsAppMessageTemplatesInput{Id: &w.waba, MaxResults: new(int32(2))}
	paginator := socialmessaging.NewListWhatsAppMessageTemplatesPaginator(client, in)
	var got []types.TemplateSummary
	var token *string
	for paginator.HasMorePages() {
		page, err := paginator.NextPage(t.Context())
		w.must(err)
		if token == nil {
			token = page.NextToken
		}
		got = append(got, page.Templates...)
	}
	want := []types.TemplateSummary{
		{TemplateName: new("a"), MetaTemplateId: new("1"), TemplateStatus: new("APPROVED"), TemplateCategory: new("UTILITY"), TemplateLanguage: new("en_US"), TemplateQualityScore: new("GREEN")},
		{TemplateName: new("b"), MetaTemplateId: new("2")}, {MetaTemplateId: new("3")}, {MetaTemplateId: new("4")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	meta.checkRequests(t, "GET /100/message_templates?"+summaryFields+"&limit=2", "GET /100/message_templates?"+summaryFields+"&limit=2", "GET /100/message_templates?after=C3&"+summaryFields+"&limit=2")

	tampered := *token
	tampered = tampered[:20] + string(tampered[20]^1) + tampered[21:]
	_, err := client.ListWhatsAppMessageTemplates(t.Context(), &socialmessaging.ListWhatsAppMessageTemplatesInput{Id: &w.waba, NextToken: &tampered})
	checkException(t, err, "InvalidParametersException", "nextToken")
	_, err = client.ListWhatsAppFlows(t.Context(), &socialmessaging.ListWhatsAppFlowsInput{Id: &w.waba, NextToken: token})
	checkException(t, err, "InvalidParametersException", "nextToken")
	meta.checkRequests(t)
}

func TestLibraryIsFilteredAndPaged(t *testing.T) {
	const entries = `{"data":[{"id":"7","name":"payment_1","language":"en_US","category":"UTILITY","topic":"PAYMENTS","usecase":"PAYMENT_DUE_REMINDER","industry":["E_COMMERCE"],"header":"H","body":"Pay {{1}}","body_params":["USD 5"],"body_param_types":["AMOUNT"],"buttons":[{"type":"URL","text":"Details","url":"https://example.org/"},{"type":"OTP","supported_apps":[{"package_name":"org.example","signature_hash":"x"}],"zero_tap_terms_accepted":true}]},{"id":"8"}]}`
	w, meta := scripted(t, map[string][]string{"GET /message_template_library": {entries}})
	client := w.client(w.key)
	in := &socialmessaging.ListWhatsAppTemplateLibraryInput{Id: &w.waba, MaxResults: new(int32(1)), Filters: map[string]string{"searchKey": "pay & go", "topic": "PAYMENTS"}}
	paginator := socialmessaging.NewListWhatsAppTemplateLibraryPaginator(client, in)
	first, err := paginator.NextPage(t.Context())
	w.must(err)
	want := []types.MetaLibraryTemplateDefinition{{
		TemplateName: new("payment_1"), TemplateLanguage: new("en_US"), TemplateCategory: new("UTILITY"), TemplateTopic: new("PAYMENTS"), TemplateUseCase: new("PAYMENT_DUE_REMINDER"),
		TemplateIndustry: []string{"E_COMMERCE"}, TemplateHeader: new("H"), TemplateBody: new("Pay {{1}}"), TemplateId: new("7"), TemplateBodyExampleParams: []string{"USD 5"},
		TemplateButtons: []types.LibraryTemplateButtonList{
			{Type: new("URL"), Text: new("Details"), Url: new("https://example.org/")},
			{Type: new("OTP"), ZeroTapTermsAccepted: new(true), SupportedApps: []map[string]string{{"package_name": "org.example", "signature_hash": "x"}}},
		},
	}}
	if diff := cmp.Diff(want, first.MetaLibraryTemplates); diff != "" {
		t.Error(diff)
	}
	second, err := paginator.NextPage(t.Context())
	w.must(err)
	if len(second.MetaLibraryTemplates) != 1 || *second.MetaLibraryTemplates[0].TemplateId != "8" || paginator.HasMorePages() {
		t.Errorf("%+v", second)
	}
	meta.checkRequests(t, "GET /message_template_library?limit=1&search=pay+%26+go&topic=PAYMENTS", "GET /message_template_library?limit=1&search=pay+%26+go&topic=PAYMENTS")
	_, err = client.ListWhatsAppTemplateLibrary(t.Context(), &socialmessaging.ListWhatsAppTemplateLibraryInput{Id: &w.waba, NextToken: first.NextToken})
	checkException(t, err, "InvalidParametersException", "nextToken")
	_, err = client.ListWhatsAppTemplateLibrary(t.Context(), &socialmessaging.ListWhatsAppTemplateLibraryInput{Id: &w.waba, Filters: map[string]string{"search": "a"}})
	checkException(t, err, "InvalidParametersException", "'search'", "searchKey")
	meta.checkRequests(t)
}

func TestTemplateIsCreatedFromTheLibrary(t *testing.T) {
	w, meta := scripted(t, map[string][]string{"POST /100/message_templates": {`{"id":"5","status":"APPROVED","category":"UTILITY"}`}})
	out, err := w.client(w.key).CreateWhatsAppMessageTemplateFromLibrary(t.Context(), &socialmessaging.CreateWhatsAppMessageTemplateFromLibraryInput{Id: &w.waba, MetaLibraryTemplate: &types.MetaLibraryTemplate{
		TemplateName: new("mine"), LibraryTemplateName: new("payment_1"), TemplateCategory: new("UTILITY"), TemplateLanguage: new("en_US"),
		LibraryTemplateButtonInputs: []types.LibraryTemplateButtonInput{
			{Type: new("URL"), Url: map[string]string{"baseUrl": "https://example.org/{{1}}", "url_suffix_example": "https://example.org/a"}},
			{Type: new("PHONE_NUMBER"), PhoneNumber: new("+15550001234")},
			{Type: new("OTP"), OtpType: new("ZERO_TAP"), ZeroTapTermsAccepted: new(true), SupportedApps: []map[string]string{{"packageName": "org.example", "signatureHash": "x"}}},
		},
		LibraryTemplateBodyInputs: &types.LibraryTemplateBodyInputs{AddContactNumber: new(true), CodeExpirationMinutes: new(int32(5))},
	}})
	w.must(err)
	if *out.MetaTemplateId != "5" || *out.TemplateStatus != "APPROVED" || *out.Category != "UTILITY" {
		t.Errorf("%+v", out)
	}
	meta.checkRequests(t, `POST /100/message_templates {"name":"mine","language":"en_US","category":"UTILITY","library_template_name":"payment_1","library_template_button_inputs":[`+
		`{"type":"URL","url":{"base_url":"https://example.org/{{1}}","url_suffix_example":"https://example.org/a"}},{"type":"PHONE_NUMBER","phone_number":"+15550001234"},`+
		`{"type":"OTP","otp_type":"ZERO_TAP","zero_tap_terms_accepted":true,"supported_apps":[{"package_name":"org.example","signature_hash":"x"}]}],`+
		`"library_template_body_inputs":{"add_contact_number":true,"code_expiration_minutes":5}}`)
}

func TestTemplateNeedsTheRightOnTheAccount(t *testing.T) {
	w, meta := scripted(t, nil)
	key := w.newKey(account, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"social-messaging:List*","Resource":"*"},{"Effect":"Allow","Action":"social-messaging:*","Resource":"arn:aws:social-messaging:us-east-1:111122223333:waba/other"}]}`)
	_, err := w.client(key).CreateWhatsAppMessageTemplate(t.Context(), &socialmessaging.CreateWhatsAppMessageTemplateInput{Id: &w.waba, TemplateDefinition: []byte(`{}`)})
	checkException(t, err, "AccessDeniedException", "social-messaging:CreateWhatsAppMessageTemplate", url.PathEscape(strings.TrimPrefix(w.waba, "waba-")))
	meta.checkRequests(t)
}
