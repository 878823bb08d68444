package metasim

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// mustCreateNumber adds a number to the first account and returns its id.
func (s *sim) mustCreateNumber(number string) string {
	s.t.Helper()
	a := s.call("POST", account1+"/phone_numbers", `{"cc":"49","phone_number":"`+number+`","verified_name":"Example"}`)
	id, ok := a.fields(s.t)["id"].(string)
	if a.status != http.StatusOK || !ok {
		s.t.Fatalf("%d %s", a.status, a.body)
	}
	return id
}

func TestTheLifeOfANumber(t *testing.T) {
	s := startSim(t, openWindows)
	control := NewControlClient(startControl(t, s), nil)
	id := s.mustCreateNumber("15150000000")
	read := func(want string) {
		t.Helper()
		if a := s.get("/v25.0/" + id + "?fields=display_phone_number,status,code_verification_status,platform_type,name_status,is_pin_enabled"); a.body != want {
			t.Errorf("got  %s\nwant %s", a.body, want)
		}
	}
	read(`{"code_verification_status":"NOT_VERIFIED","display_phone_number":"+49 15150000000","id":"` + id + `","is_pin_enabled":false,"name_status":"PENDING_REVIEW","platform_type":"NOT_APPLICABLE","status":"UNVERIFIED"}`)
	register := `{"messaging_product":"whatsapp","pin":"123456","data_localization_region":"DE"}`
	refused := func(path, body string, code int) {
		t.Helper()
		if a := s.call("POST", id+path, body); a.refusal(t).Error.Code != code {
			t.Errorf("%s %s: %d %s", path, body, a.status, a.body)
		}
	}
	refused("/register", register, 133006)
	refused("/messages", messageHead+hello+"}", 133010)
	s.mustSucceed(s.call("POST", id+"/request_code?code_method=sms&language=en_US", ""))
	number, err := control.Number(t.Context(), id)
	if err != nil || len(number.Code) != 6 {
		t.Fatalf("%+v %v", number, err)
	}
	refused("/verify_code", `{"code":"000-000"}`, 136025)
	s.mustSucceed(s.call("POST", id+"/verify_code", `{"code":"`+number.Code[:3]+"-"+number.Code[3:]+`"}`))
	refused("/verify_code", `{"code":"`+number.Code+`"}`, 136025)
	refused("/request_code", `{"code_method":"SMS","language":"en"}`, 136024)
	s.mustSucceed(s.call("POST", id+"/register", register))
	read(`{"code_verification_status":"VERIFIED","display_phone_number":"+49 15150000000","id":"` + id + `","is_pin_enabled":true,"name_status":"PENDING_REVIEW","platform_type":"CLOUD_API","status":"CONNECTED"}`)
	if a := s.call("POST", id+"/messages", messageHead+hello+"}"); a.status != http.StatusOK {
		t.Errorf("the number sends: %s", a.body)
	}
	s.mustSucceed(s.call("POST", id+"/deregister", ""))
	refused("/messages", messageHead+hello+"}", 133010)
	refused("/deregister", `{}`, 133010)
	refused("/register", strings.Replace(register, "123456", "654321", 1), 133005)
	s.mustSucceed(s.call("POST", id, `{"pin":"654321"}`))
	s.mustSucceed(s.call("POST", id+"/register", strings.Replace(register, "123456", "654321", 1)))
	for _, r := range s.Requests() {
		for _, pin := range []string{"123456", "654321"} {
			if strings.Contains(r.Fields["pin"], pin) {
				t.Errorf("the history has the PIN: %+v", r)
			}
		}
	}
}

func TestANumberIsRegisteredTenTimesInThreeDays(t *testing.T) {
	s := startSim(t)
	for range maxRegistrations {
		s.mustSucceed(s.call("POST", phone1+"/register", `{"messaging_product":"whatsapp","pin":"123456"}`))
	}
	a := s.call("POST", phone1+"/register", `{"messaging_product":"whatsapp","pin":"123456"}`)
	if a.refusal(t).Error.Code != 133016 {
		t.Errorf("%s", a.body)
	}
	if a := s.call("POST", phone1+"/deregister", ""); a.refusal(t).Error.Code != 133016 {
		t.Errorf("%s", a.body)
	}
	s.manual.advance(registrationPeriod)
	s.mustSucceed(s.call("POST", phone1+"/deregister", ""))
}

func TestThePINIsGuessedFiveTimesInAnHour(t *testing.T) {
	s := startSim(t, func(c *Config) { c.BusinessAccounts[0].PhoneNumbers[0].PIN = "123456" })
	try := func(pin string) int {
		a := s.call("POST", phone1+"/register", `{"messaging_product":"whatsapp","pin":"`+pin+`"}`)
		if a.status == http.StatusOK {
			return 0
		}
		return a.refusal(t).Error.Code
	}
	for range maxPINGuesses {
		if code := try("000000"); code != 133005 {
			t.Errorf("%d", code)
		}
	}
	if code := try("123456"); code != 133008 {
		t.Errorf("the right one, too late: %d", code)
	}
	s.manual.advance(time.Hour)
	if code := try("123456"); code != 0 {
		t.Errorf("an hour later: %d", code)
	}
}

func TestCodesAreRequestedFiveTimesInAnHourAndLiveTenMinutes(t *testing.T) {
	s := startSim(t)
	id := s.mustCreateNumber("15150000000")
	request := func() response {
		return s.call("POST", id+"/request_code", `{"code_method":"VOICE","language":"de"}`)
	}
	for range maxCodesPerHour {
		s.mustSucceed(request())
	}
	if a := request(); a.refusal(t).Error.Code != 136024 || a.refusal(t).Error.Subcode != 2388091 {
		t.Errorf("%s", a.body)
	}
	s.manual.advance(time.Hour)
	s.mustSucceed(request())
	code := s.numberRow(id).Code
	s.manual.advance(codeLife)
	if a := s.call("POST", id+"/verify_code", `{"code":"`+code+`"}`); a.refusal(t).Error.Code != 136025 {
		t.Errorf("%s", a.body)
	}
}

func TestWhatANumberIsRefusedFor(t *testing.T) {
	s := startSim(t, func(c *Config) {
		c.BusinessAccounts[0].PhoneNumbers[1].Fields = map[string]any{"is_on_biz_app": true}
	})
	const create = account1 + "/phone_numbers"
	s.mustCreateNumber("15150000000")
	tests := map[string]struct {
		path, body    string
		code, subcode int
		mention       string
	}{
		"no code":             {create, `{"phone_number":"1","verified_name":"A B"}`, 100, 0, "The parameter cc is required."},
		"no number":           {create, `{"cc":"49","verified_name":"A B"}`, 100, 0, "The parameter phone_number is required."},
		"no name":             {create, `{"cc":"49","phone_number":"15150000001"}`, 100, 0, "The parameter verified_name is required."},
		"a number":            {create, `{"cc":"49","phone_number":"x","verified_name":"A B"}`, 100, 0, "must be a phone number"},
		"a short name":        {create, `{"cc":"49","phone_number":"15150000001","verified_name":"A"}`, 100, 0, "2 to 75 characters"},
		"a number twice":      {create, `{"cc":"49","phone_number":"4915150000000","verified_name":"A B"}`, 100, 2388012, "in your list"},
		"a method":            {phone1 + "/request_code", `{"code_method":"PIGEON","language":"en"}`, 100, 0, "one of {SMS, VOICE}"},
		"no method":           {phone1 + "/request_code", `{"language":"en"}`, 100, 0, "The parameter code_method is required."},
		"no language":         {phone1 + "/request_code", `{"code_method":"SMS"}`, 100, 0, "The parameter language is required."},
		"nothing to verify":   {phone1 + "/verify_code", `{}`, 100, 0, "The parameter code is required."},
		"no product":          {phone1 + "/register", `{"pin":"123456"}`, 100, 0, "The parameter messaging_product is required."},
		"no PIN":              {phone1 + "/register", `{"messaging_product":"whatsapp"}`, 100, 0, "The parameter pin is required."},
		"a short PIN":         {phone1 + "/register", `{"messaging_product":"whatsapp","pin":"12345"}`, 100, 0, "6 digits"},
		"a region":            {phone1 + "/register", `{"messaging_product":"whatsapp","pin":"123456","data_localization_region":"FR"}`, 100, 0, `CA} - got \"FR\"`},
		"a new PIN":           {phone1, `{"pin":"abcdef"}`, 100, 0, "6 digits"},
		"a new name":          {phone1, `{"new_display_name":"A"}`, 100, 0, "2 to 75 characters"},
		"nothing to change":   {phone1, `{}`, 100, 0, "At least one of"},
		"a number of the app": {"106540352242923/deregister", `{}`, 100, 0, "WhatsApp Business app"},
	}
	for name, test := range tests {
		a := s.call("POST", test.path, test.body)
		if e := a.refusal(t).Error; a.status != http.StatusBadRequest || e.Code != test.code || e.Subcode != test.subcode || !strings.Contains(a.body, test.mention) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for _, n := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14"} {
		s.mustCreateNumber("151500001" + n)
	}
	if a := s.call("POST", create, `{"cc":"49","phone_number":"15150000099","verified_name":"A B"}`); a.refusal(t).Error.Subcode != 2388112 {
		t.Errorf("too many: %s", a.body)
	}
}

func TestANameIsReviewedAndANumberRated(t *testing.T) {
	r := startReceiver(t)
	s := startSim(t, withApp(r))
	s.startDelivery()
	control := NewControlClient(startControl(t, s), nil)
	s.mustSucceed(s.call("POST", phone1+"/?new_display_name=New%20Name", ""))
	a := s.get("/v25.0/" + phone1 + "?fields=new_display_name,new_name_status,verified_name")
	if want := `{"id":"` + phone1 + `","new_display_name":"New Name","new_name_status":"PENDING_REVIEW","verified_name":"Simulated Business"}`; a.body != want {
		t.Errorf("got  %s\nwant %s", a.body, want)
	}
	for _, change := range []NumberChange{{NameDecision: "APPROVED"}, {Quality: "RED"}, {Quality: "GREEN"}, {Tier: "TIER_10K"}, {Tier: "TIER_2K"}} {
		if _, err := control.ChangeNumberState(t.Context(), phone1, change); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := control.ChangeNumberState(t.Context(), phone1, NumberChange{NameDecision: "APPROVED"}); err == nil {
		t.Error("no name is reviewed")
	}
	var bodies []string
	for _, d := range r.wait(5) {
		bodies = append(bodies, d.body)
	}
	for _, want := range []string{
		`"value":{"display_phone_number":"16315550001","decision":"APPROVED","requested_verified_name":"New Name","rejection_reason":null},"field":"phone_number_name_update"`,
		`"event":"FLAGGED"`, `"event":"UNFLAGGED"`, `"event":"UPGRADE","current_limit":"TIER_10K"`, `"event":"DOWNGRADE","current_limit":"TIER_2K"},"field":"phone_number_quality_update"`,
	} {
		if !slices.ContainsFunc(bodies, func(body string) bool { return strings.Contains(body, want) }) {
			t.Errorf("no webhook has %s in %v", want, bodies)
		}
	}
	if a := s.get("/v25.0/" + phone1 + "?fields=verified_name"); !strings.Contains(a.body, "New Name") {
		t.Errorf("%s", a.body)
	}
	if _, err := control.ChangeNumberState(t.Context(), phone1, NumberChange{Status: "BANNED"}); err != nil {
		t.Fatal(err)
	}
	if a := s.message(hello); a.refusal(t).Error.Code != 131031 {
		t.Errorf("a number that is banned sends: %s", a.body)
	}
}

func TestTheProfileOfABusinessIsChangedInParts(t *testing.T) {
	s := startResumable(t)
	session := s.mustBegin("a.png", "image/png", len(png))
	handle, _ := s.mustSend("POST", "/v25.0/"+session, strings.NewReader(png), "Authorization", "OAuth "+token1, "file_offset", "0").fields(t)["h"].(string)
	change := func(members string) response {
		return s.call("POST", phone1+"/whatsapp_business_profile", `{"messaging_product":"whatsapp",`+members+`}`)
	}
	s.mustSucceed(change(`"about":"We sell","address":"1 Way","email":"a@b.example","vertical":"retail"`))
	s.mustSucceed(change(`"description":"Shoes","websites":["https://a.example"],"profile_picture_handle":` + quoted(handle)))
	a := s.get("/v25.0/" + phone1 + "/whatsapp_business_profile?fields=about,address,description,email,profile_picture_url,websites,vertical")
	want := `{"data":[{"about":"We sell","address":"1 Way","description":"Shoes","email":"a@b.example","profile_picture_url":"https://pps.whatsapp.net/v/` + phone1 + `/picture.jpg","vertical":"RETAIL","websites":["https://a.example"]}]`
	if !strings.HasPrefix(a.body, want) {
		t.Errorf("got  %s\nwant %s", a.body, want)
	}
	for name, test := range map[string]struct{ members, mention string }{
		"a long text":     {`"about":"` + strings.Repeat("a", 140) + `"`, "at most 139 characters"},
		"no address":      {`"email":"nobody"`, "valid email address"},
		"a kind":          {`"vertical":"SPACE"`, "must be one of {ALCOHOL"},
		"a site":          {`"websites":["a.example"]`, "must be URLs"},
		"too many sites":  {`"websites":["https://a.example","https://b.example","https://c.example"]`, "at most 2 URLs"},
		"a handle":        {`"profile_picture_handle":"4::x"`, "handle of an uploaded image"},
		"another product": {`"messaging_product":"telegram"`, "messaging_product"},
	} {
		if a := change(test.members); a.refusal(t).Error.Code != 100 || !strings.Contains(a.body, test.mention) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

func TestNumbersOutliveTheServerAndNotAReset(t *testing.T) {
	dir := t.TempDir()
	s, _ := startOn(t, dir)
	id := s.mustCreateNumber("15150000000")
	s.mustSucceed(s.call("POST", phone1+"/deregister", ""))
	s, log := s.restart(dir, time.Minute)
	if s.phone(id) == nil || s.phone(phone1).PlatformType != notApplicable || log.Len() > 0 {
		t.Errorf("%+v %s", s.phone(phone1), log)
	}
	if a := s.get("/v25.0/" + account1 + "/phone_numbers?fields=id"); !strings.HasPrefix(a.body, `{"data":[{"id":"`+id+`"}`) {
		t.Errorf("the newest is not the first: %s", a.body)
	}
	s.Reset()
	if s.phone(id) != nil || s.phone(phone1).PlatformType != "CLOUD_API" || len(s.Numbers()) != 6 {
		t.Errorf("%+v", s.Numbers())
	}
}
