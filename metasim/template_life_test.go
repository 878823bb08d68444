package metasim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// statusOf returns the status of a template.
func (s *sim) statusOf(id string) string {
	m, _ := s.Template(id)
	return m.Status
}

// changesOf returns the values of the webhooks of a field, oldest first, and forgets all
// webhooks.
func (s *sim) changesOf(field string) (values []string) {
	s.t.Helper()
	for _, w := range s.Webhooks().Webhooks {
		var body struct {
			Entry []struct {
				Time    int64
				Changes []struct {
					Field string
					Value json.RawMessage
				}
			}
		}
		if err := json.Unmarshal([]byte(w.Body), &body); err != nil {
			s.t.Fatal(err)
		}
		for _, e := range body.Entry {
			for _, c := range e.Changes {
				if c.Field == field && e.Time != 0 {
					values = append(values, string(c.Value))
				}
			}
		}
	}
	s.ClearWebhooks()
	return values
}

func TestReviewsTakeTheirTimeByTheSimulatorsClock(t *testing.T) {
	s := startResumable(t)
	good, bad := s.mustCreate(newTemplate(plainBody)), s.mustCreate(newTemplate(`{"type":"BODY","text":"We sent {{1}} {{2}} to you.","example":{"body_text":[["a","b"]]}}`, "name", "neighbours"))
	s.manual.advance(defaultTemplateReview - time.Millisecond)
	if a, b := s.statusOf(good), s.statusOf(bad); a != "PENDING" || b != "PENDING" {
		t.Errorf("before its time: %s, %s", a, b)
	}
	s.manual.advance(time.Millisecond)
	if got := s.get(templatesPath + "?fields=name,status,rejected_reason").body; !strings.Contains(got, `"name":"order","rejected_reason":"NONE","status":"APPROVED"`) ||
		!strings.Contains(got, `"name":"neighbours","rejected_reason":"INVALID_FORMAT","status":"REJECTED"`) {
		t.Errorf("after it: %s", got)
	}
	s.SetTemplateReview(-1)
	left := s.mustCreate(newTemplate(plainBody, "name", "left"))
	s.manual.advance(100 * 24 * time.Hour)
	if got := s.statusOf(left); got != "PENDING" {
		t.Errorf("left to the test: %s", got)
	}
	s.Reset()
	if s.TemplateReview() != defaultTemplateReview || len(s.Templates("")) != 2 {
		t.Errorf("after a reset: %v, %d templates", s.TemplateReview(), len(s.Templates("")))
	}
}

func TestAPausedTemplateReturnsTwiceAndIsThenDisabled(t *testing.T) {
	s := startTemplates(t)
	id := s.mustCreate(newTemplate(plainBody))
	s.mustChange(id, TemplateChange{Status: "APPROVED"})
	message := templateOf("order", "en_US", "")
	s.message(message).sentID(t)
	for _, pause := range []time.Duration{firstPause, secondPause} {
		s.mustChange(id, TemplateChange{Status: "PAUSED"})
		s.message(message).wantError(t, 400, 132015, "(#132015) Template is paused", "Template is temporarily unavailable to use because it was paused due to low quality.")
		s.manual.advance(pause - time.Millisecond)
		if got := s.statusOf(id); got != "PAUSED" {
			t.Errorf("before the end of %v: %s", pause, got)
		}
		s.manual.advance(time.Millisecond)
		s.message(message).sentID(t)
	}
	s.mustChange(id, TemplateChange{Status: "PAUSED"})
	s.message(message).wantError(t, 400, 132016, "(#132016) Template is disabled", "")
	if a := s.delete("name=order"); a.refusal(t).Error.Subcode != templateUndeletable {
		t.Errorf("a disabled one is deleted: %s", a.body)
	}
}

func TestOnlyAPauseByPacingIsEndedByRequest(t *testing.T) {
	s := startTemplates(t)
	id := s.mustCreate(newTemplate(plainBody))
	unpause := func() response { return s.postJSON("/v25.0/"+id+"/unpause", "") }
	s.mustChange(id, TemplateChange{Status: "PAUSED"})
	if e := unpause().refusal(t).Error; e.Subcode != templateFixedStatus {
		t.Errorf("a pause for low quality: %+v", e)
	}
	s.mustChange(id, TemplateChange{Status: "PAUSED", Pacing: true})
	s.manual.advance(100 * 24 * time.Hour)
	if got := s.statusOf(id); got != "PAUSED" {
		t.Errorf("it ended by itself: %s", got)
	}
	if a := unpause(); a.body != `{"success":true}` || s.statusOf(id) != "APPROVED" {
		t.Errorf("%s, %s", a.body, s.statusOf(id))
	}
}

func TestEditsOfATemplateAreLimited(t *testing.T) {
	s := startTemplates(t)
	id := s.mustCreate(newTemplate(plainBody))
	edit := func(text string) response {
		return s.postJSON("/v25.0/"+id, `{"components":[{"type":"BODY","text":"`+text+`"}]}`)
	}
	if e := edit("Too early").refusal(t).Error; e.Subcode != templateFixedStatus {
		t.Errorf("in review: %+v", e)
	}
	s.mustChange(id, TemplateChange{Status: "REJECTED", Reason: "SCAM"})
	if a := s.postJSON("/v25.0/"+id, `{"category":"MARKETING","components":[{"type":"BODY","text":"Another one"}]}`); a.body != `{"success":true,"id":"`+id+`","name":"order","category":"MARKETING"}` {
		t.Errorf("a rejected one: %d %s", a.status, a.body)
	}
	for day := range editsAMonth {
		s.mustChange(id, TemplateChange{Status: "APPROVED"})
		if a := edit(fmt.Sprintf("The text of day %d", day)); a.status != http.StatusOK || s.statusOf(id) != "PENDING" {
			t.Fatalf("day %d: %d %s", day, a.status, a.body)
		}
		s.mustChange(id, TemplateChange{Status: "APPROVED"})
		if e := edit("Too soon").refusal(t).Error; e.Subcode != templateEdited {
			t.Errorf("day %d: %+v", day, e)
		}
		s.manual.advance(editInterval)
	}
	if e := edit("Too many").refusal(t).Error; e.Subcode != templateFixedStatus {
		t.Errorf("the eleventh: %+v", e)
	}
	if e := s.postJSON("/v25.0/"+id, `{"category":"UTILITY"}`).refusal(t).Error; e.Subcode != templateFixedStatus {
		t.Errorf("another category: %+v", e)
	}
	s.manual.advance(editMonth)
	if e := s.postJSON("/v25.0/"+id, `{"components":[{"type":"BODY"}]}`).refusal(t).Error; e.Subcode != templateMissing {
		t.Errorf("what is wrong: %+v", e)
	}
	if a := edit("A month later"); a.status != http.StatusOK {
		t.Errorf("a month later: %d %s", a.status, a.body)
	}
	if m, _ := s.Template(id); !strings.Contains(string(m.Components), "A month later") {
		t.Errorf("%s", m.Components)
	}
}

func TestAnEditChangesSomethingThatStaysATemplate(t *testing.T) {
	s := startTemplates(t)
	id := s.mustCreate(newTemplate(plainBody))
	s.mustChange(id, TemplateChange{Status: "REJECTED"})
	for _, body := range []string{`{}`, `{"name":"other"}`, `{"category":"AUTHENTICATION"}`} {
		if e := s.postJSON("/v25.0/"+id, body).refusal(t).Error; e.Message != "(#100) The parameter components is required." {
			t.Errorf("%s: %+v", body, e)
		}
	}
	before, _ := s.Template(id)
	if a := s.postJSON("/v25.0/"+id, `{"message_send_ttl_seconds":"60"}`); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	if after, _ := s.Template(id); after.TTLSeconds != 60 || string(after.Components) != string(before.Components) || after.Status != "PENDING" {
		t.Errorf("%+v", after)
	}
}

func TestTheNameOfADeletedTemplateIsBlockedForThirtyDays(t *testing.T) {
	s := startTemplates(t)
	s.mustChange(s.mustCreate(newTemplate(plainBody)), TemplateChange{Status: "APPROVED"})
	s.delete("name=order")
	s.message(templateOf("order", "en_US", "")).wantError(t, http.StatusNotFound, 132001, "(#132001) Template name does not exist in the translation", "template name (order) does not exist in en_US")
	s.mustCreate(newTemplate(plainBody, "language", "es")) // another language
	s.manual.advance(blockedName - time.Second)
	a := s.postJSON(templatesPath, newTemplate(plainBody))
	if e := a.refusal(t).Error; e.Subcode != templateBeingDeleted || !strings.HasPrefix(e.UserMsg, "New English (US) content can't be added while the existing English (US) content is being deleted.") {
		t.Errorf("%d %s", a.status, a.body)
	}
	s.manual.advance(time.Second)
	s.mustCreate(newTemplate(plainBody))
}

func TestCreationsOfAnHourAreLimited(t *testing.T) {
	s := startTemplates(t, func(c *Config) { c.TemplatesPerHour = 2 })
	s.mustCreate(newTemplate(plainBody, "name", "a"))
	s.postJSON(templatesPath, newTemplate(plainBody, "name", "a")) // a refusal does not count
	s.manual.advance(time.Minute)
	s.mustCreate(newTemplate(plainBody, "name", "b"))
	a := s.postJSON(templatesPath, `{}`)
	if e := a.refusal(t).Error; a.status != 400 || e.Code != 80008 || !strings.HasPrefix(e.Message, "(#80008) There have been too many calls to this WhatsApp Business account.") {
		t.Errorf("%d %s", a.status, a.body)
	}
	s.manual.advance(time.Hour - time.Minute)
	s.mustCreate(newTemplate(plainBody, "name", "c"))
}

func TestWebhooksReportWhatHappensToATemplate(t *testing.T) {
	s := startTemplates(t)
	id := s.mustCreate(newTemplate(`{"type":"HEADER","format":"TEXT","text":"News"},` + buttonsWith(`{"type":"URL","text":"Go","url":"https://example.com"},{"type":"QUICK_REPLY","text":"Stop"}`) + `,{"type":"FOOTER","text":"Bye"}`))
	head := `"message_template_id":` + id + `,"message_template_name":"order","message_template_language":`
	want := func(field string, values ...string) {
		t.Helper()
		if diff := cmp.Diff(values, s.changesOf(field)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", field, diff)
		}
	}
	status := func(event, reason, further string) string {
		return `{"event":"` + event + `",` + head + `"en-US","reason":` + reason + `,"message_template_category":"UTILITY"` + further + `}`
	}
	info := func(title string) string {
		return `,"other_info":{"title":"` + title + `","description":"` + templateNotices[title] + `"}`
	}
	want("message_template_components_update", `{`+head+`"en_US","message_template_element":"Your order is on the way.","message_template_title":"News","message_template_footer":"Bye","message_template_buttons":[{"message_template_button_type":"URL","message_template_button_text":"Go","message_template_button_url":"https:\/\/example.com"}]}`)
	const field = "message_template_status_update"
	s.mustChange(id, TemplateChange{Status: "REJECTED", Reason: "PROMOTIONAL"})
	want(field, status("REJECTED", `"PROMOTIONAL"`, ""))
	s.mustChange(id, TemplateChange{Status: "APPROVED"})
	s.mustChange(id, TemplateChange{Status: "PAUSED"})
	s.manual.advance(firstPause)
	s.settleTemplates()
	want(field, status("APPROVED", `"NONE"`, ""), status("PAUSED", `"NONE"`, info("FIRST_PAUSE")), status("APPROVED", `"NONE"`, info("UNPAUSE")))
	s.mustChange(id, TemplateChange{Status: "PAUSED", Pacing: true})
	s.mustChange(id, TemplateChange{Status: "PAUSED"})
	s.mustChange(id, TemplateChange{Status: "DISABLED"})
	want(field, status("PAUSED", `"NONE"`, info("RATE_LIMITING_PAUSE")), status("PAUSED", `"NONE"`, info("SECOND_PAUSE")), status("DISABLED", `"NONE"`, `,"disable_info":{"disable_date":1793545200}`+info("DISABLED")))
	s.mustChange(id, TemplateChange{Status: "APPROVED"})
	s.mustChange(id, TemplateChange{Status: "ARCHIVED"})
	s.mustChange(id, TemplateChange{Status: "APPROVED"})
	s.mustChange(id, TemplateChange{Status: "REJECTED"})
	want(field, status("REINSTATED", `"NONE"`, ""), status("ARCHIVED", `"NONE"`, ""), status("UNARCHIVED", `"NONE"`, ""),
		status("REJECTED", `"INVALID_FORMAT"`, `,"rejection_info":{"reason":"The placeholders are not in the expected form.","recommendation":"Put text between the variables, and number them without a gap."}`))
	s.mustChange(id, TemplateChange{Quality: "RED"})
	want("message_template_quality_update", `{"previous_quality_score":"UNKNOWN","new_quality_score":"RED",`+head+`"en-US"}`)
	s.mustChange(id, TemplateChange{Category: "MARKETING"})
	s.manual.advance(categoryNotice)
	s.settleTemplates()
	want("template_category_update", `{`+head+`"en-US","new_category":"UTILITY","correct_category":"MARKETING","category_update_timestamp":1793631600}`,
		`{`+head+`"en-US","previous_category":"UTILITY","new_category":"MARKETING"}`)
	s.delete("name=order")
	want(field, strings.Replace(status("PENDING_DELETION", "null", ""), "UTILITY", "MARKETING", 1))
}

func TestWebhooksAboutTemplatesGoToTheAppThatWantsThem(t *testing.T) {
	r := startReceiver(t)
	s := startSim(t, withApp(r), leftToTest)
	if err := s.SetAppWebhook(t.Context(), app1, r.URL, "", "message_template_status_update"); err != nil {
		t.Fatal(err)
	}
	s.startDelivery()
	s.mustChange(s.mustCreate(newTemplate(plainBody)), TemplateChange{Status: "APPROVED", Quality: "GREEN"})
	got := r.wait(1)
	if len(got) != 1 || !strings.Contains(got[0].body, `"field":"message_template_status_update"`) {
		t.Errorf("%+v", got)
	}
	history := s.waitWebhooks(func(h WebhookHistory) bool { return len(h.Webhooks) == 3 })
	if a, b := history.Webhooks[0].State, history.Webhooks[1].State; a != WebhookUnsubscribed || b != WebhookUnsubscribed {
		t.Errorf("components and quality: %s, %s", a, b)
	}
}

func TestRunReviewsTemplatesThatNobodyReads(t *testing.T) {
	r := startReceiver(t)
	s := startSim(t, withApp(r), func(c *Config) { c.Clock, c.TemplateReview = nil, time.Millisecond })
	s.startDelivery()
	s.mustCreate(newTemplate(plainBody))
	for _, hook := range r.wait(2) {
		if strings.Contains(hook.body, `"event":"APPROVED"`) {
			return
		}
	}
	t.Error("no webhook reports the approval")
}

func TestTemplatesOutliveTheServer(t *testing.T) {
	dir := t.TempDir()
	withOne := func(c *Config) {
		leftToTest(c)
		c.BusinessAccounts[0].Templates = []Template{{Name: "configured", Language: "en_US", Components: []TemplateComponent{{Type: "BODY", Text: "Hello"}}}}
	}
	s, _ := startOn(t, dir, withOne)
	s.mustChange(s.mustCreate(newTemplate(plainBody)), TemplateChange{Status: "APPROVED"})
	s.mustChange(s.mustCreate(newTemplate(plainBody, "name", "paused")), TemplateChange{Status: "PAUSED"})
	s.delete("name=configured")
	before := s.Templates("")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	next, log := startOn(t, dir, withOne)
	if diff := cmp.Diff(before, next.Templates("")); diff != "" || log.Len() > 0 {
		t.Errorf("logged %s (-before +after):\n%s", log, diff)
	}
	next.manual.advance(firstPause)
	next.message(templateOf("paused", "en_US", "")).sentID(t)
	if e := next.postJSON(templatesPath, newTemplate(plainBody, "name", "configured")).refusal(t).Error; e.Subcode != templateBeingDeleted {
		t.Errorf("the name of a configured one that was deleted: %+v", e)
	}
	next.Reset()
	if list := next.Templates(account1); len(list) != 2 || list[0].Name != "configured" || list[1].Name != "hello_world" {
		t.Errorf("after a reset: %+v", list)
	}
}

func TestControlAPIChangesTemplates(t *testing.T) {
	s := startTemplates(t)
	control := httptest.NewServer(s.Control())
	t.Cleanup(control.Close)
	client := NewControlClient(control.URL, nil)
	id := s.mustCreate(newTemplate(plainBody))
	list, err := client.Templates(t.Context(), account1)
	if err != nil || list.Total != 2 || list.Templates[1].ID != id {
		t.Fatalf("%+v, %v", list, err)
	}
	for body, want := range map[string]string{
		`{}`: "the change is empty", `{"status":"SENT"}`: "is none of PENDING, APPROVED", `{"quality":"BLUE"}`: "is none of UNKNOWN, GREEN",
		`{"status":"APPROVED","reason":"SCAM"}`: "reason is for status REJECTED only", `{"status":"APPROVED","pacing":true}`: "pacing is for",
		`{"at_once":true,"quality":"RED"}`: "at_once is for category only", `{"state":"X"}`: "unknown field",
	} {
		if a := s.postControl(control.URL, "/templates/"+id, body); a.status != http.StatusBadRequest || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	if _, err := client.ChangeTemplate(t.Context(), "5", TemplateChange{Status: "APPROVED"}); err == nil || !strings.Contains(err.Error(), "there is no template 5") {
		t.Errorf("an unknown one: %v", err)
	}
	spanish := s.mustCreate(newTemplate(plainBody, "language", "es", "message_send_ttl_seconds", "60"))
	if _, err := client.ChangeTemplate(t.Context(), id, TemplateChange{Category: "marketing", AtOnce: true}); err != nil {
		t.Fatal(err)
	}
	if got, err := client.Template(t.Context(), spanish); err != nil || got.Category != "MARKETING" || got.PreviousCategory != "UTILITY" || got.TTLSeconds != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if err := client.SetTemplateReview(t.Context(), time.Minute); err != nil || s.TemplateReview() != time.Minute {
		t.Errorf("%v, %v", s.TemplateReview(), err)
	}
	if err := client.SetTemplateReview(t.Context(), 31*24*time.Hour); err == nil {
		t.Error("a review of 31 days is accepted")
	}
	if err := client.SetTemplateReview(t.Context(), -1); err != nil || s.TemplateReview() >= 0 {
		t.Errorf("%v, %v", s.TemplateReview(), err)
	}
}

// No body makes the simulator panic, and one that it refuses creates nothing.
func FuzzCreateTemplate(f *testing.F) {
	for _, body := range []string{
		newTemplate(plainBody), newTemplate(helloBody), newTemplate(buttonsWith(`{"type":"URL","text":"Go","url":"https://example.com/{{1}}","example":["a"]}`)),
		newTemplate(`{"type":"BODY"},`+otpButtons, "category", "AUTHENTICATION"), newTemplate(`{"type":"HEADER","format":"IMAGE","example":{"header_handle":[5,null]}},` + plainBody),
		newTemplate(plainBody+`,{"type":"CAROUSEL","cards":[{"components":[{"type":"BODY","text":"a"}]},{"components":null},5]}`, "category", "MARKETING"),
		newTemplate(`{"type":"BODY","text":"{{1}}{{","example":[[]]},{"type":"BUTTONS","buttons":[null,{"type":"OTP","supported_apps":[{}]}]}`),
		newTemplate("", "library_template_name", "order_confirmed_1", "library_template_button_inputs", `[{"type":"URL","url":{"base_url":"https://example.org/"}}]`),
	} {
		f.Add(body)
	}
	s := New(Config{TemplatesPerHour: -1, BusinessAccounts: []BusinessAccount{{ID: account1, Token: token1, PhoneNumbers: []PhoneNumber{{ID: phone1}}}}})
	f.Cleanup(func() { s.Close() })
	f.Fuzz(func(t *testing.T, body string) {
		s.Reset()
		call := func(method, path, body string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, path, strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+token1)
			r.Header.Set("Content-Type", jsonBody)
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			return w
		}
		created := call(http.MethodPost, templatesPath, body)
		want := 1
		if created.Code == http.StatusOK {
			want = 2
		}
		list := s.Templates(account1)
		if len(list) != want {
			t.Fatalf("%d templates after %d %s", len(list), created.Code, created.Body)
		}
		last := list[len(list)-1]
		if read := call(http.MethodGet, "/v25.0/"+last.ID, ""); read.Code != http.StatusOK || !json.Valid(read.Body.Bytes()) {
			t.Fatalf("read: %d %s", read.Code, read.Body)
		}
		if _, err := s.ChangeTemplate(last.ID, TemplateChange{Status: "APPROVED"}); err != nil {
			t.Fatal(err)
		}
		sent := call(http.MethodPost, "/v25.0/"+phone1+"/messages", messageHead+templateOf(last.Name, last.Language, "")+"}")
		if sent.Code == http.StatusNotFound || sent.Code >= 500 {
			t.Fatalf("send: %d %s", sent.Code, sent.Body)
		}
	})
}
