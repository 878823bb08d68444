package metasim

import (
	"encoding/json"
	"fmt"
	"image/color"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

const templatesPath = "/v25.0/" + account1 + "/message_templates"

// leftToTest leaves reviews to the test.
func leftToTest(c *Config) { c.TemplateReview = -1 }

// startTemplates starts a simulator whose accounts have apps and whose reviews the test
// makes.
func startTemplates(t *testing.T, change ...func(*Config)) *sim {
	t.Helper()
	return startResumable(t, append([]func(*Config){leftToTest}, change...)...)
}

func (s *sim) postJSON(path, body string) response {
	s.t.Helper()
	return s.mustSend(http.MethodPost, path, strings.NewReader(body), "Authorization", "Bearer "+token1, "Content-Type", jsonBody)
}

// mustCreate creates a template and returns its id.
func (s *sim) mustCreate(body string) string {
	s.t.Helper()
	a := s.postJSON(templatesPath, body)
	id, _ := a.fields(s.t)["id"].(string)
	if a.status != http.StatusOK || id == "" {
		s.t.Fatalf("create %s: %d %s", body, a.status, a.body)
	}
	return id
}

func (s *sim) mustChange(id string, change TemplateChange) {
	s.t.Helper()
	if _, err := s.ChangeTemplate(id, change); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sim) delete(query string) response {
	s.t.Helper()
	return s.mustSend(http.MethodDelete, templatesPath+"?"+query, nil, "Authorization", "Bearer "+token1)
}

// sampleOf uploads a file with a resumable upload and returns its handle.
func (s *sim) sampleOf(fileType, content string) string {
	s.t.Helper()
	return s.handleOf(s.mustSendBytes(s.mustBegin("a", fileType, len(content)), 0, content)).Handle
}

// newTemplate returns the body of a request; settings replace those of an order.
func newTemplate(components string, settings ...string) string {
	fields := map[string]any{"name": "order", "language": "en_US", "category": "UTILITY", "components": json.RawMessage("[" + components + "]")}
	for i := 0; i < len(settings); i += 2 {
		fields[settings[i]] = json.RawMessage(settings[i+1])
		if !json.Valid([]byte(settings[i+1])) {
			fields[settings[i]] = settings[i+1]
		}
	}
	body, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return string(body)
}

const (
	plainBody  = `{"type":"BODY","text":"Your order is on the way."}`
	helloBody  = `{"type":"BODY","text":"Hello {{1}}, your order is on the way.","example":{"body_text":[["Ana"]]}}`
	otpButtons = `{"type":"BUTTONS","buttons":[{"type":"OTP","otp_type":"COPY_CODE"}]}`
)

func TestATemplateWithAPictureIsCreatedApprovedSentAndDelivered(t *testing.T) {
	s := startTemplates(t)
	control := httptest.NewServer(s.Control())
	t.Cleanup(control.Close)
	client := NewControlClient(control.URL, nil)
	picture := pngOf(t, onePixel(color.RGBAModel))
	handle, media := s.sampleOf("image/png", picture), s.mustUpload("a.png", "image/png", picture)

	id := s.mustCreate(newTemplate(`{"type":"HEADER","format":"IMAGE","example":{"header_handle":["` + handle + `"]}},` + helloBody))
	message := templateOf("order", "en_US", `{"type":"header","parameters":[{"type":"image","image":{"id":"`+media+`"}}]},{"type":"body","parameters":[{"type":"text","text":"Ana"}]}`)
	s.message(message).wantError(t, http.StatusNotFound, 132001, "(#132001) Template name does not exist in the translation", "template name (order) does not exist in en_US")

	if template, err := client.ChangeTemplate(t.Context(), id, TemplateChange{Status: "approved"}); err != nil || template.Status != "APPROVED" {
		t.Fatalf("%+v, %v", template, err)
	}
	sent := s.message(message).sentID(t)
	s.advance(200 * time.Millisecond)
	if got := s.statuses(sent); got != "sent, delivered" {
		t.Errorf("statuses: %s", got)
	}
}

func TestTemplatesThatMetaTakesAreCreated(t *testing.T) {
	card := `{"components":[{"type":"header","format":"image","example":{"header_handle":["HANDLE"]}},{"type":"body","text":"A plant for you."},{"type":"buttons","buttons":[{"type":"quick_reply","text":"Yes"}]}]}`
	tests := map[string]string{
		"the smallest":             newTemplate(plainBody),
		"small letters":            newTemplate(strings.ToLower(plainBody), "category", "marketing"),
		"a flat example":           newTemplate(`{"type":"BODY","text":"Hello {{1}}, welcome to us.","example":{"body_text":["Ana"]}}`),
		"an example that is text":  newTemplate(`{"type":"BODY","text":"Hello {{1}}, welcome to us.","example":{"body_text":"Ana"}}`),
		"names, without a format":  newTemplate(`{"type":"BODY","text":"Hello {{first_name}}, welcome to us.","example":{"body_text_named_params":[{"param_name":"first_name","example":"Ana"}]}}`),
		"null":                     newTemplate(`{"type":"BODY","text":"Hello","example":null,"format":null}`),
		"a text header":            newTemplate(`{"type":"HEADER","format":"TEXT","text":"For {{1}}","example":{"header_text":["Ana"]}},` + plainBody),
		"a footer":                 newTemplate(plainBody + `,{"type":"FOOTER","text":"Bye"}`),
		"a place":                  newTemplate(`{"type":"HEADER","format":"LOCATION"},` + plainBody),
		"three kinds of buttons":   newTemplate(plainBody + `,{"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"Stop"},{"type":"URL","text":"Go","url":"https://example.com/{{1}}","example":["a"]},{"type":"PHONE_NUMBER","text":"Call","phone_number":"+16505550100"}]}`),
		"a flow":                   newTemplate(plainBody + `,{"type":"BUTTONS","buttons":[{"type":"FLOW","text":"Go","flow_id":5,"flow_action":"navigate","navigate_screen":"A"}]}`),
		"an offer":                 newTemplate(`{"type":"LIMITED_TIME_OFFER","limited_time_offer":{"text":"Ends soon","has_expiration":true}},`+plainBody+`,{"type":"BUTTONS","buttons":[{"type":"COPY_CODE","example":"SAVE25"},{"type":"URL","text":"Go","url":"https://example.com"}]}`, "category", "MARKETING"),
		"cards":                    newTemplate(plainBody+`,{"type":"CAROUSEL","cards":[`+card+`,`+card+`]}`, "category", "MARKETING"),
		"a call permission":        newTemplate(plainBody + `,{"type":"CALL_PERMISSION_REQUEST"}`),
		"a code":                   newTemplate(`{"type":"BODY","add_security_recommendation":"true"},{"type":"FOOTER","code_expiration_minutes":"5"},`+otpButtons, "category", "AUTHENTICATION", "message_send_ttl_seconds", "300"),
		"a code for an app":        newTemplate(`{"type":"BODY"},{"type":"BUTTONS","buttons":[{"type":"OTP","otp_type":"ONE_TAP","text":"Copy","autofill_text":"Fill in","supported_apps":[{"package_name":"org.example.app","signature_hash":"Ab3dE/gH1+2"}]}]}`, "category", "AUTHENTICATION"),
		"an old category's change": newTemplate(plainBody, "allow_category_change", "true"),
		"punctuation inside":       newTemplate(`{"type":"BODY","text":"Hello {{1}}! We have {{2}} for you.","example":{"body_text":[["Ana","it"]]}}`),
	}
	s := startTemplates(t, func(c *Config) { c.TemplatesPerHour = -1 })
	handle := s.sampleOf("image/png", png)
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			a := s.postJSON(templatesPath, strings.ReplaceAll(body, "HANDLE", handle))
			got := a.fields(t)
			if a.status != http.StatusOK || got["status"] != "PENDING" {
				t.Fatalf("%d %s", a.status, a.body)
			}
			if a := s.delete("name=order"); a.status != http.StatusOK { // it was never approved, so that its name is free at once
				t.Errorf("delete: %d %s", a.status, a.body)
			}
		})
	}
}

// A client that has not seen the response creates the template again.
func TestATemplateWhoseResponseIsLostExists(t *testing.T) {
	s := startTemplates(t)
	if _, err := s.AddFault(Fault{Operation: OperationCreateTemplate, LoseAnswer: true, Times: 1}); err != nil {
		t.Fatal(err)
	}
	if a, err := s.send(http.MethodPost, templatesPath, strings.NewReader(newTemplate(plainBody)), "Authorization", "Bearer "+token1, "Content-Type", jsonBody); err == nil {
		t.Errorf("there is a response: %d %s", a.status, a.body)
	}
	a := s.postJSON(templatesPath, newTemplate(plainBody))
	if e := a.refusal(t).Error; e.Subcode != templateExists || e.UserMsg != "There is already English (US) content for this template. You can create a new template and try again." {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestAStrictSimulatorTakesWhatMetaDocuments(t *testing.T) {
	s := startTemplates(t, strict)
	id := s.mustCreate(newTemplate(helloBody))
	s.wantWarnings()
	s.get("/v25.0/" + id + "?fields=name,status")
	s.wantWarnings()
	s.get(templatesPath + "?name=order&limit=2&fields=name")
	s.wantWarnings()
	s.delete("name=order&hsm_id=" + id)
	s.wantWarnings()
	a := s.postJSON(templatesPath, newTemplate(`{"type":"BODY","text":"Hello","example":null}`))
	if e := a.refusal(t).Error; a.status != 400 || !strings.Contains(e.Message, "The member components[0]['example'] is null") {
		t.Errorf("null: %d %s", a.status, a.body)
	}
}

func TestATemplateMayBeAForm(t *testing.T) {
	s := startTemplates(t)
	form := url.Values{"name": {"order"}, "language": {"en_US"}, "category": {"utility"}, "components": {"[" + helloBody + "]"}}
	a := s.mustSend(http.MethodPost, templatesPath+"?parameter_format=positional", strings.NewReader(form.Encode()),
		"Authorization", "Bearer "+token1, "Content-Type", "application/x-www-form-urlencoded")
	if a.status != http.StatusOK || a.fields(t)["category"] != "UTILITY" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestReadsReturnTemplatesAsMetaDoes(t *testing.T) {
	s := startTemplates(t)
	handle := s.sampleOf("image/png", png)
	picture := s.mustCreate(newTemplate(`{"type":"header","format":"image","example":{"header_handle":"`+handle+`"}},`+helloBody+`,{"type":"BUTTONS","buttons":[{"type":"COPY_CODE","example":"A"}]}`, "category", "MARKETING"))
	code := s.mustCreate(newTemplate(`{"type":"BODY","add_security_recommendation":true},{"type":"FOOTER","code_expiration_minutes":5},`+otpButtons, "name", "code", "language", "es", "category", "AUTHENTICATION"))

	a := s.get("/v25.0/" + picture)
	for _, want := range []string{
		`"id":"` + picture + `"`, `"name":"order"`, `"status":"PENDING"`, `"category":"MARKETING"`, `"parameter_format":"POSITIONAL"`, `"sub_category":"CUSTOM"`,
		`{"example":{"header_handle":["https://scontent.whatsapp.net/v/`, `"format":"IMAGE","type":"HEADER"}`, `"example":{"body_text":[["Ana"]]}`,
		`{"example":["A"],"text":"Copy offer code","type":"COPY_CODE"}`,
	} {
		if !strings.Contains(a.body, want) {
			t.Errorf("%s is not in %s", want, a.body)
		}
	}
	a = s.get("/v25.0/" + code + "?fields=components")
	for _, want := range []string{`"text":"Tu código de verificación es *{{1}}*. Por tu seguridad, no lo compartas."`, `"text":"Este código caduca en 5 minutos."`, `"type":"URL"`, "code=otp{{1}}"} {
		if !strings.Contains(a.body, want) {
			t.Errorf("%s is not in %s", want, a.body)
		}
	}
	a = s.get("/v25.0/" + code + "?fields=quality_score,rejected_reason,last_updated_time,correct_category,health_status{can_send_message}")
	if want := `{"health_status":{"can_send_message":"BLOCKED"},"id":"` + code + `","last_updated_time":"2026-11-01T12:00:00+0000","quality_score":{"date":1793534400,"score":"UNKNOWN"},"rejected_reason":"NONE"}`; a.body != want {
		t.Errorf("%s, want %s", a.body, want)
	}
	if got := s.healthEntities(code); got != "MESSAGE_TEMPLATE WABA BUSINESS APP" {
		t.Errorf("the health has %s", got)
	}
	if a := s.get("/v25.0/" + code + "?fields=health_status"); !strings.Contains(a.body, `"errors":[{"error_code":141002,"error_description":"Message templates can only be sent out if they are approved."`) {
		t.Errorf("the health of a pending template: %s", a.body)
	}
	if a := s.mustSend("GET", "/v25.0/"+code, nil, "Authorization", "Bearer "+token2); a.status != 400 || a.refusal(t).Error.Subcode != 33 {
		t.Errorf("another account: %d %s", a.status, a.body)
	}
}

func TestTemplatesAreListedFilteredAndPaged(t *testing.T) {
	s := startTemplates(t)
	for _, name := range []string{"a_first", "b_second", "c_third"} {
		s.mustCreate(newTemplate(`{"type":"BODY","text":"The text of `+name+` for you."}`, "name", name))
	}
	s.mustChange(s.mustCreate(newTemplate(plainBody, "name", "d_fourth", "category", "MARKETING", "language", "es")), TemplateChange{Status: "APPROVED", Quality: "GREEN"})
	for query, want := range map[string]string{
		"":                                   "hello_world a_first b_second c_third d_fourth",
		"name=b_second":                      "b_second",
		"name=first":                         "a_first",
		"status=APPROVED":                    "hello_world d_fourth",
		"status=%5B%22pending%22%5D":         "a_first b_second c_third",
		"category=MARKETING":                 "d_fourth",
		"language=es":                        "d_fourth",
		"quality_score=GREEN":                "d_fourth",
		"content=OF+C_THIRD":                 "c_third",
		"name_or_content=second":             "b_second",
		"status=APPROVED&category=UTILITY":   "hello_world",
		"name=nothing":                       "",
		"limit=2&after=" + cursor(1):         "b_second c_third",
		"status=PENDING&limit=2&fields=name": "a_first b_second",
	} {
		var page struct {
			Data []struct{ Name string }
		}
		if err := json.Unmarshal([]byte(s.get(templatesPath+"?"+query).body), &page); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, row := range page.Data {
			names = append(names, row.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	a := s.get(templatesPath + "?fields=name&summary=total_count,message_template_limit&limit=1&status=PENDING")
	if !strings.Contains(a.body, `"summary":{"total_count":3,"message_template_count":3,"message_template_limit":6000}`) || !strings.Contains(a.body, "status=PENDING") {
		t.Errorf("%s", a.body)
	}
	a = s.get("/v25.0/" + account1 + "?fields=message_templates.limit(1).status(PENDING){name}")
	if !strings.Contains(a.body, `"data":[{"id":`) || !strings.Contains(a.body, `"name":"a_first"`) {
		t.Errorf("as a field: %s", a.body)
	}
}

func TestTemplatesAreDeletedByNameOrID(t *testing.T) {
	s := startTemplates(t)
	create := func(name, language string) string {
		return s.mustCreate(newTemplate(plainBody, "name", name, "language", language))
	}
	english, spanish, other, last := create("order", "en_US"), create("order", "es"), create("other", "en_US"), create("last", "en_US")
	left := func() (names string) {
		for _, m := range s.Templates(account1) {
			names += m.Name + " " + m.Language + ","
		}
		return names
	}
	for _, test := range []struct {
		query   string
		subcode int // 0 and no message means success
		message string
		left    string
	}{
		{"name=order&hsm_id=" + other, templateNotFound, "", "hello_world en_US,order en_US,order es,other en_US,last en_US,"},
		{"name=unknown", templateNotFound, "", "hello_world en_US,order en_US,order es,other en_US,last en_US,"},
		{"hsm_ids=[" + other + ",5]", templateNotFound, "", "hello_world en_US,order en_US,order es,other en_US,last en_US,"},
		{"hsm_id=" + other, 0, "(#100) The parameter name is required.", "hello_world en_US,order en_US,order es,other en_US,last en_US,"},
		{"name=order&hsm_ids=[" + other + "]", 0, "(#100) Param hsm_ids cannot be used with name or hsm_id.", "hello_world en_US,order en_US,order es,other en_US,last en_US,"},
		{"hsm_ids=other", 0, "(#100) Param hsm_ids must be an array of ids.", "hello_world en_US,order en_US,order es,other en_US,last en_US,"},
		{"hsm_ids=[" + strings.Repeat("5,", 100) + "5]", 0, "(#100) Param hsm_ids must have from 1 to 100 elements.", "hello_world en_US,order en_US,order es,other en_US,last en_US,"},
		{"name=hello_world", templateUndeletable, "", "hello_world en_US,order en_US,order es,other en_US,last en_US,"},
		{"name=order&hsm_id=" + spanish, 0, "", "hello_world en_US,order en_US,other en_US,last en_US,"},
		{"hsm_ids=[" + other + `,"` + last + `"]`, 0, "", "hello_world en_US,order en_US,"},
		{"name=order", 0, "", "hello_world en_US,"},
	} {
		a := s.delete(strings.ReplaceAll(test.query, `"`, "%22"))
		switch {
		case test.subcode == 0 && test.message == "":
			if a.status != http.StatusOK || a.body != `{"success":true}` {
				t.Errorf("%s: %d %s", test.query, a.status, a.body)
			}
		default:
			if e := a.refusal(t).Error; a.status != 400 || e.Subcode != test.subcode || test.message != "" && e.Message != test.message {
				t.Errorf("%s: %d %s", test.query, a.status, a.body)
			}
		}
		if got := left(); got != test.left {
			t.Errorf("%s: left %s, want %s", test.query, got, test.left)
		}
	}
	if a := s.get("/v25.0/" + english); a.status != 400 || a.refusal(t).Error.Subcode != 33 {
		t.Errorf("a deleted one: %d %s", a.status, a.body)
	}
}

func TestTheLibraryHasTemplatesThatNeedNoReview(t *testing.T) {
	s := startTemplates(t)
	var page struct{ Data []map[string]any }
	if err := json.Unmarshal([]byte(s.get("/v25.0/message_template_library?topic=PAYMENTS&industry=FINANCIAL_SERVICES&language=en_US&search=due").body), &page); err != nil {
		t.Fatal(err)
	}
	if len(page.Data) != 1 || page.Data[0]["usecase"] != "PAYMENT_DUE_REMINDER" || fmt.Sprint(page.Data[0]["body_param_types"]) != "[TEXT AMOUNT DATE]" || page.Data[0]["id"] == "" {
		t.Fatalf("%+v", page)
	}
	library := func(settings ...string) response {
		return s.postJSON(templatesPath, strings.Replace(newTemplate("", append([]string{"library_template_name", "order_confirmed_1"}, settings...)...), `"components":[],`, "", 1))
	}
	inputs := `[{"type":"URL","url":{"base_url":"https://example.org/{{1}}","url_suffix_example":"https://example.org/A-17"}}]`
	if e := library().refusal(t).Error; e.Message != "(#100) The parameter library_template_button_inputs is required." {
		t.Errorf("no inputs: %+v", e)
	}
	if e := library("category", "MARKETING", "library_template_button_inputs", inputs).refusal(t).Error; !strings.HasPrefix(e.Message, "(#100) Param category must be one of {UTILITY}") {
		t.Errorf("another category: %+v", e)
	}
	if e := library("language", "de", "library_template_button_inputs", inputs).refusal(t).Error; e.UserTitle != "Library template not found" {
		t.Errorf("another language: %+v", e)
	}
	a := library("library_template_button_inputs", `"`+strings.ReplaceAll(inputs, `"`, "'")+`"`, "library_template_body_inputs", `{"add_contact_number":true}`) // as text, as on Meta's page
	if a.status != http.StatusOK || a.fields(t)["status"] != "APPROVED" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	s.message(templateOf("order", "en_US", `{"type":"body","parameters":[{"type":"text","text":"Ana"},{"type":"text","text":"A-17"},{"type":"text","text":"USD 5"}]},{"type":"button","sub_type":"url","index":0,"parameters":[{"type":"text","text":"A-17"}]}`)).sentID(t)
}

func TestAuthenticationTemplatesAreMadeInSeveralLanguages(t *testing.T) {
	s := startTemplates(t)
	upsert := func(components string) response {
		return s.postJSON("/v25.0/"+account1+"/upsert_message_templates", strings.Replace(
			newTemplate(components, "name", "code", "category", "AUTHENTICATION", "languages", `["en_US","es"]`), `"language":"en_US",`, "", 1))
	}
	if e := upsert(`{"type":"BODY"},` + strings.Replace(otpButtons, "}]}", `,"text":"Copy"}]}`, 1)).refusal(t).Error; e.Subcode != templateUnexpected {
		t.Errorf("a text: %+v", e)
	}
	if n := len(s.Templates(account1)); n != 1 {
		t.Errorf("%d templates after a refusal", n)
	}
	first := upsert(`{"type":"BODY"},` + otpButtons)
	second := upsert(`{"type":"BODY","add_security_recommendation":true},` + otpButtons)
	if first.status != http.StatusOK || first.body != second.body || strings.Count(first.body, `"status":"PENDING"`) != 2 {
		t.Errorf("%s\n%s", first.body, second.body)
	}
	if list := s.Templates(account1); len(list) != 3 || !strings.Contains(string(list[1].Components), "security") && !strings.Contains(string(list[2].Components), "security") {
		t.Errorf("%+v", list)
	}
	a := s.get("/v25.0/" + account1 + "/message_template_previews?category=AUTHENTICATION&languages=en_US,es&add_security_recommendation=true&code_expiration_minutes=5&button_types=OTP")
	if want := `{"data":[{"body":"*{{1}}* is your verification code. For your security, do not share this code.","footer":"This code expires in 5 minutes.","buttons":[{"text":"Copy code","autofill_text":"Autofill"}],"language":"en_US"},`; !strings.HasPrefix(a.body, want) {
		t.Errorf("%s", a.body)
	}
}
