package social_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"ferry/internal/sample"
	"ferry/internal/secret"
	"ferry/metasim"
	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

// definition returns the definition of a template with one component more.
func definition(name, language, more string) string {
	return fmt.Sprintf(`{"name":%q,"language":%q,"category":"UTILITY","components":[{"type":"BODY","text":"Your order is on its way to you."}%s]}`, name, language, more)
}

func TestTemplateLivesAtTheSimulator(t *testing.T) {
	w := newWorld(t)
	client, ctx := w.client(w.key), t.Context()
	var picture sample.File
	for _, picture = range sample.Files() {
		if picture.ContentType == "image/png" {
			break
		}
	}
	w.put(picture.Name, picture.ContentType, picture.Data)
	handle, err := w.template(w.waba, picture.Name)
	w.must(err)
	header := `,{"type":"HEADER","format":"IMAGE","example":{"header_handle":["` + handle + `"]}}`
	created, err := w.createTemplate(definition("order_update", "en_US", header))
	w.must(err)
	if *created.TemplateStatus != "PENDING" || *created.Category != "UTILITY" {
		t.Errorf("%+v", created)
	}
	id := created.MetaTemplateId
	_, err = w.createTemplate(definition("order_update", "es", ""))
	w.must(err)
	_, err = w.createTemplate(definition("other", "en_US", ""))
	w.must(err)

	edit := func() error {
		return errOf(client.UpdateWhatsAppMessageTemplate(ctx, &socialmessaging.UpdateWhatsAppMessageTemplateInput{Id: &w.waba, TemplateName: new("order_update"), TemplateLanguageCode: new("en_US"),
			TemplateComponents: []byte(`[{"type":"BODY","text":"Your order has arrived, thank you."}]`)}))
	}
	checkException(t, edit(), "InvalidParametersException", "2388039", "Message template status can't be changed: ")
	_, err = w.simulator.ChangeTemplate(*id, metasim.TemplateChange{Status: "APPROVED", Quality: "GREEN"})
	w.must(err)
	if err := edit(); err != errNone {
		t.Error(err)
	}
	for _, in := range []*socialmessaging.GetWhatsAppMessageTemplateInput{
		{Id: &w.waba, MetaTemplateId: id}, {Id: &w.waba, TemplateName: new("order_update"), TemplateLanguageCode: new("en_US")},
	} {
		out, err := client.GetWhatsAppMessageTemplate(ctx, in)
		w.must(err)
		var template struct {
			ID, Name, Language string
			Components         []struct{ Type, Text string }
			QualityScore       struct{ Score string } `json:"quality_score"`
		}
		w.must(json.Unmarshal([]byte(*out.Template), &template))
		if template.ID != *id || template.Name != "order_update" || template.Components[0].Text != "Your order has arrived, thank you." || template.QualityScore.Score != "GREEN" {
			t.Errorf("%s", *out.Template)
		}
	}
	names := func() (list []string) {
		paginator := socialmessaging.NewListWhatsAppMessageTemplatesPaginator(client, &socialmessaging.ListWhatsAppMessageTemplatesInput{Id: &w.waba, MaxResults: new(int32(2))})
		for paginator.HasMorePages() {
			page, err := paginator.NextPage(ctx)
			w.must(err)
			for _, template := range page.Templates {
				if *template.TemplateName != "hello_world" { // Meta's sample
					list = append(list, *template.TemplateName+" "+*template.TemplateLanguage)
				}
			}
		}
		return list
	}
	remove := func(in socialmessaging.DeleteWhatsAppMessageTemplateInput) error {
		in.Id, in.TemplateName = &w.waba, new("order_update")
		return errOf(client.DeleteWhatsAppMessageTemplate(ctx, &in))
	}
	if got := names(); len(got) != 3 {
		t.Errorf("%q", got)
	}
	if err := remove(socialmessaging.DeleteWhatsAppMessageTemplateInput{MetaTemplateId: id}); err != errNone || len(names()) != 2 {
		t.Errorf("%v, %q", err, names())
	}
	if err := remove(socialmessaging.DeleteWhatsAppMessageTemplateInput{DeleteAllLanguages: new(true)}); err != errNone || len(names()) != 1 {
		t.Errorf("%v, %q", err, names())
	}
	checkException(t, remove(socialmessaging.DeleteWhatsAppMessageTemplateInput{DeleteAllLanguages: new(true)}), "ResourceNotFoundException", "no template 'order_update'")
	checkException(t, remove(socialmessaging.DeleteWhatsAppMessageTemplateInput{MetaTemplateId: id}), "ResourceNotFoundException", "with the id '"+*id)
	checkException(t, errOf(client.GetWhatsAppMessageTemplate(ctx, &socialmessaging.GetWhatsAppMessageTemplateInput{Id: &w.waba, MetaTemplateId: id})), "ResourceNotFoundException", *id)
	checkException(t, errOf(w.createTemplate(definition("order_update", "en_US", ""))), "InvalidParametersException", "2388023", "being deleted: New English")
}

func TestTemplateOfAnotherAccountAtTheSimulatorDoesNotExist(t *testing.T) {
	w := newWorld(t)
	client, ctx := w.client(w.key), t.Context()
	foreign, err := w.graph.CreateTemplate(ctx, "200", []byte(definition("order_update", "en_US", "")), secret.New(metaToken))
	w.must(err)
	_, err = w.createTemplate(definition("order_update", "en_US", "")) // of the same name
	w.must(err)
	checkException(t, errOf(client.GetWhatsAppMessageTemplate(ctx, &socialmessaging.GetWhatsAppMessageTemplateInput{Id: &w.waba, MetaTemplateId: &foreign.ID})), "ResourceNotFoundException", foreign.ID)
	checkException(t, errOf(client.UpdateWhatsAppMessageTemplate(ctx, &socialmessaging.UpdateWhatsAppMessageTemplateInput{Id: &w.waba, MetaTemplateId: &foreign.ID, TemplateCategory: new("MARKETING")})), "ResourceNotFoundException", foreign.ID)
	checkException(t, errOf(client.DeleteWhatsAppMessageTemplate(ctx, &socialmessaging.DeleteWhatsAppMessageTemplateInput{Id: &w.waba, MetaTemplateId: &foreign.ID, TemplateName: new("order_update")})), "ResourceNotFoundException", foreign.ID)
	if _, ok := w.simulator.Template(foreign.ID); !ok {
		t.Error("the template is gone")
	}
}

func TestMetasReasonsAgainstATemplateReachTheCaller(t *testing.T) {
	w := newWorld(t)
	_, err := w.createTemplate(definition("taken", "en_US", ""))
	w.must(err)
	for given, want := range map[string][]string{
		definition("Capitals", "en_US", ""):                            {"2388046", "Name format is incorrect: "},
		definition("taken", "en_US", ""):                               {"2388024", "Content in This Language Already Exists: ", "exists already"},
		definition("hello_world", "en", ""):                            {"2388155", "sample template: "},
		definition("a", "xx", ""):                                      {"2388049", "language is not supported: "},
		definition("a", "en_US", `,{"type":"BODY","text":"x"}`):        {"2388042", "unexpected field(s): "},
		definition("a", "en_US", `,{"type":"HEADER","format":"TEXT"}`): {"2388043", "missing expected field(s): "},
		definition("a", "en_US", `,{"type":"HEADER","format":"IMAGE","example":{"header_handle":["https://example.org/a.png"]}}`):          {"2388273", "need an example/sample"},
		definition("a", "en_US", `,{"type":"FOOTER","text":"`+strings.Repeat("word ", 13)+`"}`):                                            {"2388040", "Character limit exceeded: "},
		definition("a", "en_US", `,{"type":"BUTTONS","buttons":[{"type":"PHONE_NUMBER","text":"Call","phone_number":"+1"}]}`):              {"code 192", "is not a valid phone number"},
		definition("a", "en_US", `,{"type":"BUTTONS","buttons":[{"type":"URL","text":"Go","url":"https://wa.me/1555"}]}`):                  {"2388081", "Direct links to WhatsApp"},
		`{"language":"en_US","category":"UTILITY","components":[]}`:                                                                        {"code 100", "The parameter name is required"},
		`{"name":"a","language":"en_US","category":"UTILITY","components":[{"type":"BODY","text":"{{1}}","example":{"body_text":["a"]}}]}`: {"2388299", "Leading or trailing params not allowed: "},
	} {
		checkException(t, errOf(w.createTemplate(given)), "InvalidParametersException", want...)
	}
	code := `{"name":"login","language":"en_US","category":"AUTHENTICATION","components":[{"type":"BODY"},{"type":"BUTTONS","buttons":[{"type":"OTP","otp_type":"COPY_CODE"}]}]}`
	checkException(t, errOf(w.createTemplate(code)), "AccessDeniedByMetaException", "code 10 subcode 2388185", "Cannot create message template: ")
	if templates := w.simulator.Templates("100"); len(templates) > 2 {
		t.Errorf("there are %d templates", len(templates))
	}
}

func TestTemplateWhoseCreationWasNotConfirmedIsFoundByTheRetry(t *testing.T) {
	w := newWorld(t)
	_, err := w.simulator.AddFault(metasim.Fault{Operation: metasim.OperationCreateTemplate, LoseAnswer: true, Times: 1})
	w.must(err)
	_, err = w.createTemplate(definition("a", "en_US", ""))
	checkException(t, err, "DependencyException", "may have succeeded", "GetWhatsAppMessageTemplate with templateName 'a'")
	_, err = w.createTemplate(definition("a", "en_US", ""))
	checkException(t, err, "InvalidParametersException", "2388024", "an earlier attempt")
	out, err := w.client(w.key).GetWhatsAppMessageTemplate(t.Context(), &socialmessaging.GetWhatsAppMessageTemplateInput{Id: &w.waba, TemplateName: new("a"), TemplateLanguageCode: new("en_US")})
	w.must(err)
	if !strings.Contains(*out.Template, `"name":"a"`) {
		t.Errorf("%s", *out.Template)
	}
}

func TestLibraryOfTheSimulatorMakesTemplates(t *testing.T) {
	w := newWorld(t)
	client, ctx := w.client(w.key), t.Context()
	var all []types.MetaLibraryTemplateDefinition
	paginator := socialmessaging.NewListWhatsAppTemplateLibraryPaginator(client, &socialmessaging.ListWhatsAppTemplateLibraryInput{Id: &w.waba, MaxResults: new(int32(1)), Filters: map[string]string{"topic": "ORDER_MANAGEMENT", "language": "en_US"}})
	for paginator.HasMorePages() {
		page, err := paginator.NextPage(ctx)
		w.must(err)
		if len(page.MetaLibraryTemplates) > 1 {
			t.Errorf("a page has %d entries", len(page.MetaLibraryTemplates))
		}
		all = append(all, page.MetaLibraryTemplates...)
	}
	if len(all) != 3 || *all[0].TemplateTopic != "ORDER_MANAGEMENT" || *all[0].TemplateBody == "" || len(all[0].TemplateBodyExampleParams) == 0 {
		t.Fatalf("%+v", all)
	}
	out, err := client.CreateWhatsAppMessageTemplateFromLibrary(ctx, &socialmessaging.CreateWhatsAppMessageTemplateFromLibraryInput{Id: &w.waba, MetaLibraryTemplate: &types.MetaLibraryTemplate{
		TemplateName: new("mine"), LibraryTemplateName: all[0].TemplateName, TemplateCategory: new("UTILITY"), TemplateLanguage: new("en_US"),
		LibraryTemplateButtonInputs: []types.LibraryTemplateButtonInput{{Type: new("URL"), Url: map[string]string{"baseUrl": "https://example.org/{{1}}", "urlSuffixExample": "https://example.org/a"}}},
	}})
	w.must(err)
	template, ok := w.simulator.Template(*out.MetaTemplateId)
	if !ok || *out.TemplateStatus != "APPROVED" || template.Name != "mine" {
		t.Errorf("%+v, %+v", out, template)
	}
}
