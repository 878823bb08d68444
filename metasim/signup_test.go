package metasim

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestACodeOfSignupIsExchangedForATokenOnceWithin30Seconds(t *testing.T) {
	dir := t.TempDir()
	withSecret := func(c *Config) { c.BusinessAccounts[1].AppID, c.BusinessAccounts[1].AppSecret = app2, secret1 }
	s, _ := startOn(t, dir, withSecret)
	control := NewControlClient(startControl(t, s), nil)
	exchange := func(code, secret string) response {
		return s.mustSend("GET", "/v25.0/oauth/access_token?client_id="+app2+"&client_secret="+secret+"&code="+code, nil)
	}
	first, err := control.Signup(t.Context(), "")
	if err != nil || first.AccountID != account2 || first.PhoneID != phone2 || first.Business != account2 {
		t.Fatalf("%+v %v", first, err)
	}
	second, err := control.Signup(t.Context(), account2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := control.Signup(t.Context(), account1); err == nil {
		t.Error("an account without an app")
	}
	token, _ := exchange(first.Code, secret1).fields(t)["access_token"].(string)
	s.manual.advance(signupCodeLife)
	for name, test := range map[string]struct {
		code, secret  string
		want, subcode int
	}{
		"used":             {first.Code, secret1, 100, 36009},
		"expired":          {second.Code, secret1, 100, 36007},
		"unknown":          {"AQx", secret1, 100, 0},
		"another's secret": {second.Code, "x", 1, 0},
	} {
		if a := exchange(test.code, test.secret); a.status != http.StatusBadRequest || a.refusal(t).Error.Code != test.want || a.refusal(t).Error.Subcode != test.subcode {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if strings.Contains(s.lastRequest().Query, second.Code) {
		t.Errorf("the history has the code: %s", s.lastRequest().Query)
	}
	reads := func(account string) int {
		return s.mustSend("GET", "/v25.0/"+account, nil, "Authorization", "Bearer "+token).status
	}
	if reads(account2) != http.StatusOK || reads(account1) != http.StatusBadRequest {
		t.Errorf("the token reads %d and %d", reads(account2), reads(account1))
	}
	s, _ = s.restart(dir, time.Minute)
	if reads(account2) != http.StatusOK {
		t.Error("the token is lost")
	}
	s.Reset()
	if reads(account2) != http.StatusUnauthorized {
		t.Error("the token outlives a reset")
	}
}

func TestDebugTokenDescribesATokenAndBusinessesHaveAccounts(t *testing.T) {
	s := startSim(t, func(c *Config) {
		for i := range c.BusinessAccounts {
			c.BusinessAccounts[i].AppID, c.BusinessAccounts[i].AppSecret, c.BusinessAccounts[i].OwnerBusinessID = app1, secret1, "777"
		}
	})
	a := s.mustSend("GET", "/v25.0/debug_token?input_token="+token1, nil, "Authorization", "Bearer "+app1+"|"+secret1)
	for _, want := range []string{`"app_id":"` + app1 + `"`, `"is_valid":true`, `"expires_at":0`, `{"scope":"whatsapp_business_management","target_ids":["` + account1 + `"]}`} {
		if !strings.Contains(a.body, want) {
			t.Errorf("%s is missing in %s", want, a.body)
		}
	}
	if strings.Contains(s.lastRequest().Query, token1) {
		t.Error("the history has the token")
	}
	if a := s.get("/v25.0/debug_token?input_token=nonsense"); !strings.Contains(a.body, `"is_valid":false`) || a.status != http.StatusOK {
		t.Errorf("%s", a.body)
	}
	if a := s.get("/v25.0/debug_token"); a.refusal(t).Error.Code != 100 {
		t.Errorf("%s", a.body)
	}
	if a := s.get("/v25.0/777/owned_whatsapp_business_accounts?fields=id"); !strings.HasPrefix(a.body, `{"data":[{"id":"`+account1+`"}],`) {
		t.Errorf("%s", a.body)
	}
	if a := s.get("/v25.0/777/client_whatsapp_business_accounts"); a.body != `{"data":[]}` {
		t.Errorf("%s", a.body)
	}
	if a := s.get("/v25.0/778/owned_whatsapp_business_accounts"); a.refusal(t).Error.Subcode != 33 {
		t.Errorf("%s", a.body)
	}
}
