package metasim

import (
	"net/http"
	"strings"
	"testing"
)

// call sends a request with JSON to the Graph API.
func (s *sim) call(method, path, body string) response {
	s.t.Helper()
	return s.mustSend(method, "/v25.0/"+path, strings.NewReader(body), "Authorization", "Bearer "+token1, "Content-Type", "application/json")
}

// mustSucceed checks that the response is {"success":true}.
func (s *sim) mustSucceed(a response) {
	s.t.Helper()
	if a.status != http.StatusOK || a.body != `{"success":true}` {
		s.t.Fatalf("%d %s", a.status, a.body)
	}
}

func TestWebhooksGoToTheNumbersThenTheAccountsThenTheAppsCallback(t *testing.T) {
	app, account, number := startReceiver(t), startReceiver(t), startReceiver(t)
	s := startSim(t, withApp(app))
	s.startDelivery()
	s.textFrom("16505551234", "to the app")
	app.wait(1)

	s.mustSucceed(s.call("POST", account1+"/subscribed_apps", `{"override_callback_uri":"`+account.URL+`/a?x=1","verify_token":"`+verifyToken+`"}`))
	s.textFrom("16505551234", "to the account")
	if got := account.wait(1)[0]; got.query != "x=1" || got.header.Get("X-Hub-Signature-256") != signature(secret1, got.body) {
		t.Errorf("%+v", got)
	}
	s.mustSucceed(s.call("POST", phone1, `{"webhook_configuration":{"override_callback_uri":"`+number.URL+`","verify_token":"`+verifyToken+`"}}`))
	s.textFrom("16505551234", "to the number")
	number.wait(1)
	s.notify(update{account: account1, field: "account_update", value: map[string]string{"event": "DISABLED_UPDATE"}})
	app.wait(1)

	a := s.get("/v25.0/" + phone1 + "?fields=webhook_configuration")
	if want := `{"id":"` + phone1 + `","webhook_configuration":{"application":"` + app.URL + `/hook?a=b","phone_number":"` + number.URL + `","whatsapp_business_account":"` + account.URL + `/a?x=1"}}`; a.body != want {
		t.Errorf("webhook_configuration: %s, want %s", a.body, want)
	}
	list := s.get("/v25.0/" + account1 + "/subscribed_apps")
	if !strings.Contains(list.body, `"override_callback_uri":"`+account.URL+`/a?x=1","whatsapp_business_api_data":{"id":"`+app1+`"`) {
		t.Errorf("subscribed_apps: %s", list.body)
	}

	s.mustSucceed(s.call("POST", phone1, `{"webhook_configuration":{"override_callback_uri":""}}`))
	s.mustSucceed(s.call("POST", account1+"/subscribed_apps", `{}`))
	s.textFrom("16505551234", "to the app again")
	app.wait(1)
	if fields := s.lastRequest().Fields; strings.Contains(fields["verify_token"]+fields["webhook_configuration"], verifyToken) {
		t.Errorf("the history has %v", fields)
	}
}

func TestAnAppThatIsNotSubscribedReceivesNothing(t *testing.T) {
	r := startReceiver(t)
	s := startSim(t, withApp(r))
	s.startDelivery()
	s.mustSucceed(s.call("DELETE", account1+"/subscribed_apps", ""))
	if list := s.get("/v25.0/" + account1 + "/subscribed_apps"); !strings.HasPrefix(list.body, `{"data":[]`) {
		t.Errorf("%s", list.body)
	}
	s.textFrom("16505551234", "nobody hears this")
	if h := s.Webhooks(); h.Webhooks[0].State != WebhookUnsubscribed {
		t.Errorf("%+v", h)
	}
	a := s.call("POST", account1+"/subscribed_apps", `{"override_callback_uri":"`+r.URL+`","verify_token":"`+verifyToken+`"}`)
	if e := a.refusal(t).Error; a.status != 400 || e.Code != 100 || !strings.Contains(e.Message, "your app must be subscribed") {
		t.Errorf("an override without a subscription: %d %s", a.status, a.body)
	}
	s.mustSucceed(s.call("POST", account1+"/subscribed_apps", ""))
	s.textFrom("16505551234", "hello")
	r.wait(1)
}

func TestCallbackThatFailsTheHandshakeIsRefused(t *testing.T) {
	answer := func(status int, body string) string {
		r := newTestServer(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		})
		return r.URL
	}
	s := startSim(t, withApp(startReceiver(t)))
	for name, test := range map[string]struct {
		url  string
		code int
		text string
	}{
		"not found":             {answer(404, ""), 2200, "(#2200) Callback verification failed with the following errors: HTTP Status Code = 404; HTTP Message = Not Found"},
		"another success":       {answer(201, "1"), 2200, "HTTP Status Code = 201"},
		"a redirect":            {answer(302, ""), 2200, "HTTP Status Code = 302"},
		"another text":          {answer(200, "hello"), 2201, `received="hello"`},
		"nobody there":          {"http://127.0.0.1:1/", 2200, "connection refused"},
		"another scheme":        {"ftp://example.com/", 100, "must be a valid URI"},
		"a path":                {"/hook", 100, "must be a valid URI"},
		"without its authority": {"https:///hook", 100, "must be a valid URI"},
	} {
		for _, call := range []func() response{
			func() response {
				return s.call("POST", account1+"/subscribed_apps", `{"override_callback_uri":"`+test.url+`","verify_token":"v"}`)
			},
			func() response {
				return s.call("POST", phone1, `{"webhook_configuration":{"override_callback_uri":"`+test.url+`","verify_token":"v"}}`)
			},
		} {
			a := call()
			if e := a.refusal(t).Error; a.status != 400 || e.Code != test.code || !strings.Contains(e.Message, test.text) {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
	}
	for body, mention := range map[string]string{
		`{"webhook_configuration":{"override_callback_uri":"http://127.0.0.1:1/"}}`: "verify_token is required",
		`{"webhook_configuration":{"verify_token":"v"}}`:                            "must be an object",
		`{"webhook_configuration":"http://127.0.0.1:1/"}`:                           "must be an object",
	} {
		if a := s.call("POST", phone1, body); a.status != 400 || !strings.Contains(a.body, mention) {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	if a := s.call("POST", phone1, `{"status":"x"}`); a.status != http.StatusNotImplemented {
		t.Errorf("a status: %d %s", a.status, a.body)
	}
}

func TestAppSetsItsCallbackWithItsOwnToken(t *testing.T) {
	first, second := startReceiver(t), startReceiver(t)
	s := startSim(t, withApp(first), func(c *Config) { c.Strict = true })
	s.startDelivery()
	call := func(method, token, query string) response {
		return s.mustSend(method, "/v25.0/"+app1+"/subscriptions"+query, strings.NewReader(
			`{"object":"whatsapp_business_account","callback_url":"`+second.URL+`","verify_token":"`+verifyToken+`","fields":["messages","flows"]}`),
			"Authorization", "Bearer "+token, "Content-Type", "application/json")
	}
	for name, token := range map[string]string{"an account's token": token1, "another secret": app1 + "|nonsense"} {
		if a := call("POST", token, ""); a.status != 400 && a.status != 401 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	s.mustSucceed(call("POST", app1+"|"+secret1, ""))
	a := s.mustSend("GET", "/v25.0/"+app1+"/subscriptions", nil, "Authorization", "Bearer "+app1+"|"+secret1)
	if !strings.Contains(a.body, `"active":true,"callback_url":"`+second.URL+`","fields":[{"name":"messages","version":"v25.0"},{"name":"flows","version":"v25.0"}],"object":"whatsapp_business_account"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	s.textFrom("16505551234", "hello")
	second.wait(1)
	s.notify(update{account: account1, field: "account_update", value: map[string]string{}})
	if h := s.Webhooks(); h.Webhooks[len(h.Webhooks)-1].State != WebhookUnsubscribed {
		t.Errorf("a field without a subscription: %+v", h.Webhooks)
	}
	s.mustSucceed(s.mustSend("DELETE", "/v25.0/"+app1+"/subscriptions", nil, "Authorization", "Bearer "+app1+"|"+secret1))
	if webhooks := s.AppWebhooks(); len(webhooks) != 1 || webhooks[0].URL != "" {
		t.Errorf("%+v", webhooks)
	}
	for _, r := range s.Requests() {
		if strings.Contains(r.Query+r.Fields["verify_token"], verifyToken) || strings.Contains(r.Path, secret1) {
			t.Errorf("the history has a secret: %+v", r)
		}
	}
}

func TestAppGetsItsTokenForItsSecret(t *testing.T) {
	s := startSim(t, withApp(startReceiver(t)))
	form := func(values string) response {
		return s.mustSend("POST", "/v25.0/oauth/access_token", strings.NewReader(values), "Content-Type", "application/x-www-form-urlencoded")
	}
	if a := form("grant_type=client_credentials&client_id=" + app1 + "&client_secret=" + secret1); a.body != `{"access_token":"`+app1+`|`+secret1+`","token_type":"bearer"}` {
		t.Errorf("%d %s", a.status, a.body)
	}
	for values, code := range map[string]int{
		"grant_type=client_credentials":                                           101,
		"grant_type=client_credentials&client_id=" + app1:                         1,
		"grant_type=client_credentials&client_id=" + app1 + "&client_secret=x":    1,
		"grant_type=client_credentials&client_id=1&client_secret=" + secret1:      1,
		"client_id=" + app1 + "&client_secret=" + secret1 + "&code=from-a-dialog": 100,
		"client_id=" + app1 + "&client_secret=" + secret1:                         501,
	} {
		if a := form(values); a.refusal(t).Error.Code != code {
			t.Errorf("%s: %d %s", values, a.status, a.body)
		}
	}
	for _, r := range s.Requests() {
		if strings.Contains(r.Fields["client_secret"], secret1) {
			t.Errorf("the history has the secret: %v", r.Fields)
		}
	}
}

func TestSubscriptionsOutliveTheServer(t *testing.T) {
	r := startReceiver(t)
	records := NewMemoryRecords()
	first := startSim(t, withApp(r), func(c *Config) { c.Records = records })
	first.mustSucceed(first.call("POST", account1+"/subscribed_apps", `{"override_callback_uri":"`+r.URL+`/kept","verify_token":"`+verifyToken+`"}`))
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := startSim(t, withApp(r), func(c *Config) { c.Records = records })
	if a := second.get("/v25.0/" + account1 + "/subscribed_apps"); !strings.Contains(a.body, r.URL+"/kept") {
		t.Errorf("%s", a.body)
	}
	second.Reset()
	if a := second.get("/v25.0/" + account1 + "/subscribed_apps"); strings.Contains(a.body, "override") {
		t.Errorf("after Reset: %s", a.body)
	}
}
