package metasim

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestQRCodesAreMadeChangedListedAndDeleted(t *testing.T) {
	s := startSim(t)
	edge := "/v25.0/" + phone1 + "/message_qrdls"
	a := s.call("POST", phone1+"/message_qrdls?prefilled_message=Hello&generate_qr_image=png", "")
	code, _ := a.fields(t)["code"].(string)
	want := `{"code":"` + code + `","deep_link_url":"https://wa.me/message/` + code + `","prefilled_message":"Hello","qr_image_url":"https://scontent.xx.fbcdn.net/m1/v/t6/` + code + `.png?text=` + code + `"}`
	if len(code) != qrCodeLength || a.body != want {
		t.Errorf("got  %s\nwant %s", a.body, want)
	}
	second, _ := s.call("POST", phone1+"/message_qrdls", `{"prefilled_message":"Other"}`).fields(t)["code"].(string)
	if a := s.call("POST", phone1+"/message_qrdls", `{"code":"`+code+`","prefilled_message":"Hi"}`); !strings.Contains(a.body, `"prefilled_message":"Hi"`) || !strings.Contains(a.body, code) {
		t.Errorf("%s", a.body)
	}
	if a := s.call("POST", phone1+"/message_qrdls/"+second+"?prefilled_message=Good%20day", ""); !strings.Contains(a.body, "Good day") {
		t.Errorf("%s", a.body)
	}
	if a := s.get(edge + "/?fields=code,prefilled_message,qr_image_url.format(SVG)"); !strings.Contains(a.body, `"code":"`+code+`"`) || !strings.Contains(a.body, second+".svg") {
		t.Errorf("%s", a.body)
	}
	if a := s.get(edge + "/" + second + "?fields=prefilled_message"); !strings.HasPrefix(a.body, `{"data":[{"prefilled_message":"Good day"}]`) {
		t.Errorf("%s", a.body)
	}
	s.mustSucceed(s.call("DELETE", phone1+"/message_qrdls/"+second, ""))
	for name, a := range map[string]response{
		"deleted twice":      s.call("DELETE", phone1+"/message_qrdls/"+second, ""),
		"read too late":      s.get(edge + "/" + second),
		"another number's":   s.call("DELETE", "106540352242923/message_qrdls/"+code, ""),
		"changed too late":   s.call("POST", phone1+"/message_qrdls/"+second, `{"prefilled_message":"x"}`),
		"no text":            s.call("POST", phone1+"/message_qrdls", `{}`),
		"a long text":        s.call("POST", phone1+"/message_qrdls", `{"prefilled_message":"`+strings.Repeat("a", 141)+`"}`),
		"a kind of picture":  s.call("POST", phone1+"/message_qrdls", `{"prefilled_message":"a","generate_qr_image":"GIF"}`),
		"an unknown account": s.call("POST", "1/message_qrdls", `{"prefilled_message":"a"}`),
	} {
		if a.refusal(t).Error.Code != 100 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

func TestWhoHasWrittenCanBeBlocked(t *testing.T) {
	dir := t.TempDir()
	s, _ := startOn(t, dir)
	s.writes(kerry)
	change := func(method, users string) response {
		return s.call(method, phone1+"/block_users", `{"messaging_product":"whatsapp","block_users":[`+users+`]}`)
	}
	if a := change("POST", `{"user":"`+person1+`"}`); a.body != `{"messaging_product":"whatsapp","block_users":{"added_users":[{"input":"+16505551234","wa_id":"16505551234"}]}}` {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := s.message(hello); a.refusal(t).Error.Code != 130403 {
		t.Errorf("a message to a blocked person: %s", a.body)
	}
	if _, err := s.Receive(phone1, Inbound{From: kerry, Type: "text"}); err == nil {
		t.Error("a blocked person writes")
	}
	a := change("POST", `{"user":"+16505559999"},{"user":"+16315550001"},{"user":"`+person1+`"}`)
	for _, want := range []string{
		`"added_users":[{"input":"+16505551234","wa_id":"16505551234"}]`, `"failed_users":[{"input":"+16505559999","wa_id":"16505559999","errors":[{"message":"(#131047) Re-engagement message","code":131047`,
		`"code":131021`, `"error":{"message":"(#139100) Failed to block/unblock users","type":"OAuthException","code":139100,`,
	} {
		if a.status != http.StatusBadRequest || !strings.Contains(a.body, want) {
			t.Errorf("%d: %s is missing in %s", a.status, want, a.body)
		}
	}
	s, log := s.restart(dir, 0)
	if a := s.get("/v25.0/" + phone1 + "/block_users"); !strings.HasPrefix(a.body, `{"data":[{"block_users":[{"input":"16505551234","wa_id":"16505551234"}]}],"paging"`) || log.Len() > 0 {
		t.Errorf("%s %s", a.body, log)
	}
	person, _ := s.Person(phone1, kerry)
	if a := change("DELETE", `{"user_id":"`+person.UserID+`"}`); a.body != `{"messaging_product":"whatsapp","block_users":{"removed_users":[{"input":"`+person.UserID+`","user_id":"`+person.UserID+`"}]}}` {
		t.Errorf("%d %s", a.status, a.body)
	}
	s.message(hello).sentID(t)
	s.manual.advance(day)
	if a := change("POST", `{"user":"`+person1+`"}`); !strings.Contains(a.body, "131047") {
		t.Errorf("a day later: %s", a.body)
	}
	if a := change("POST", ""); a.refusal(t).Error.Code != 100 {
		t.Errorf("nobody: %s", a.body)
	}
}

func TestCommandsPromptsAndCommerceSettingsOfANumber(t *testing.T) {
	s := startSim(t)
	s.mustSucceed(s.call("POST", phone1+"/conversational_automation", `{"commands":[{"command_name":"book","command_description":"Book a room"}],"prompts":["Hello"]}`))
	want := `{"commands":[{"command_description":"Book a room","command_name":"book"}],"id":"` + phone1 + `","prompts":["Hello"]}`
	if a := s.get("/v25.0/" + phone1 + "/conversational_automation"); a.body != want {
		t.Errorf("got  %s\nwant %s", a.body, want)
	}
	if a := s.get("/v25.0/" + phone1 + "?fields=conversational_automation"); !strings.Contains(a.body, want) {
		t.Errorf("got  %s\nwant %s", a.body, want)
	}
	for _, body := range []string{`{"commands":[{"command_name":"book"}]}`, `{"commands":5}`, `{"prompts":["a","b","c","d","e"]}`, `{"prompts":[""]}`} {
		if a := s.call("POST", phone1+"/conversational_automation", body); a.refusal(t).Error.Code != 100 {
			t.Errorf("%s: %s", body, a.body)
		}
	}
	s.mustSucceed(s.call("POST", phone1+"/whatsapp_commerce_settings?is_cart_enabled=false&is_catalog_visible=true", ""))
	if a := s.get("/v25.0/" + phone1 + "/whatsapp_commerce_settings"); !strings.HasPrefix(a.body, `{"data":[{"id":"`+phone1+`","is_cart_enabled":false,"is_catalog_visible":true}]`) {
		t.Errorf("%s", a.body)
	}
	if a := s.call("POST", phone1+"/whatsapp_commerce_settings?is_cart_enabled=perhaps", ""); a.refusal(t).Error.Code != 100 {
		t.Errorf("%s", a.body)
	}
}

func TestAUsernameBelongsToOneNumber(t *testing.T) {
	r := startReceiver(t)
	s := startSim(t, withApp(r), func(c *Config) { c.BusinessAccounts[1].Token = token1 })
	s.startDelivery()
	const other = "106540352242923"
	take := func(phone, name, more string) response {
		return s.call("POST", phone+"/username", `{"username":"`+name+`"`+more+`}`)
	}
	if a := take(phone1, "My.Shop", ""); a.body != `{"status":"approved"}` {
		t.Fatalf("%s", a.body)
	}
	if a := s.get("/v25.0/" + phone1 + "/username"); a.body != `{"status":"approved","username":"my.shop"}` {
		t.Errorf("%s", a.body)
	}
	if a := take(other, "my.shop", ""); a.refusal(t).Error.Code != 147005 {
		t.Errorf("%s", a.body)
	}
	if a := take(phone2, "my.shop", `,"transfer_action":"force_transfer"`); a.refusal(t).Error.Code != 147001 {
		t.Errorf("%s", a.body)
	}
	for _, name := range []string{"ab", "123", ".abc", "abc.", "a..b", "www.abc", "abc.com", "a b c", strings.Repeat("a", 36)} {
		if a := take(phone1, name, ""); a.refusal(t).Error.Code != 100 {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	if a := take(other, "my.shop", `,"transfer_action":"force_transfer"`); a.body != `{"status":"approved"}` || s.phone(phone1).extrasOf().Username != "" {
		t.Errorf("%s", a.body)
	}
	s.mustSucceed(s.call("DELETE", other+"/username", ""))
	if a := s.get("/v25.0/" + other + "/username"); a.body != `{"status":"none"}` {
		t.Errorf("%s", a.body)
	}
	if a := s.get("/v25.0/" + phone1 + "/username_suggestions"); !strings.HasPrefix(a.body, `{"data":[{"username_suggestions":["`) {
		t.Errorf("%s", a.body)
	}
	var bodies []string
	for _, d := range r.wait(4) {
		bodies = append(bodies, d.body)
	}
	for _, want := range []string{`"value":{"display_phone_number":"16315550001","username":"my.shop","status":"approved"},"field":"business_username_updates"`, `{"display_phone_number":"16315550001","status":"deleted"}`} {
		if !slices.ContainsFunc(bodies, func(body string) bool { return strings.Contains(body, want) }) {
			t.Errorf("no webhook has %s in %v", want, bodies)
		}
	}
}

func TestAnalyticsAreEmptyAndWellFormed(t *testing.T) {
	s := startSim(t)
	for _, name := range []string{"call_analytics", "conversation_analytics", "group_analytics", "pricing_analytics", "template_analytics", "template_group_analytics"} {
		a := s.get("/v25.0/" + account1 + "/" + name + "?start=1&end=2&granularity=DAILY")
		if !strings.HasPrefix(a.body, `{"data":[{"data_points":[]}]`) {
			t.Errorf("%s: %s", name, a.body)
		}
		if a := s.get("/v25.0/" + account1 + "/" + name + "?start=1"); a.refusal(t).Error.Code != 100 {
			t.Errorf("%s without an end: %s", name, a.body)
		}
	}
}

func TestSmallEdgesOutliveTheServerAndNotAReset(t *testing.T) {
	dir := t.TempDir()
	s, _ := startOn(t, dir)
	code, _ := s.call("POST", phone1+"/message_qrdls", `{"prefilled_message":"Hello"}`).fields(t)["code"].(string)
	s.mustSucceed(s.call("POST", phone1+"/conversational_automation", `{"prompts":["Hello"]}`))
	s, _ = s.restart(dir, time.Second)
	if a := s.get("/v25.0/" + phone1 + "/message_qrdls/" + code); a.status != http.StatusOK || s.phone(phone1).extrasOf().Prompts == nil {
		t.Errorf("%s", a.body)
	}
	s.Reset()
	if a := s.get("/v25.0/" + phone1 + "/message_qrdls"); a.body != `{"data":[]}` || s.phone(phone1).extrasOf().Prompts != nil {
		t.Errorf("%s", a.body)
	}
}
