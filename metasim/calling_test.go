package metasim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// enableCalls lets the first number take part in calls.
func (s *sim) enableCalls(more string) {
	s.t.Helper()
	s.mustSucceed(s.call("POST", phone1+"/settings", `{"calling":{"status":"ENABLED"`+more+`}}`))
}

// changeCallTo sends an action about a call.
func (s *sim) changeCallTo(action, id string) response {
	s.t.Helper()
	session := ""
	if strings.HasSuffix(action, "accept") {
		session = `,"session":{"sdp_type":"answer","sdp":` + quoted(exampleSDP) + `}`
	}
	return s.call("POST", phone1+"/calls", `{"messaging_product":"whatsapp","action":"`+action+`","call_id":"`+id+`"`+session+`}`)
}

const callOffer = `{"messaging_product":"whatsapp","to":"` + person1 + `","action":"connect","session":{"sdp_type":"offer","sdp":"v=0\r\n"}}`

// waitForCalls waits until so many webhooks about calls have been delivered.
func (s *sim) waitForCalls(count int) {
	s.t.Helper()
	if _, err := s.Wait(s.t.Context(), Wait{For: WaitWebhook, Field: fieldCalls, State: WebhookDelivered, Count: count}); err != nil {
		s.t.Fatal(err)
	}
}

// callEvents are the webhooks about calls: their event or status.
func (s *sim) callEvents() (events []string) {
	for _, w := range s.Webhooks().Webhooks {
		var body struct {
			Entry []struct{ Changes []struct{ Value callsValue } }
		}
		if w.Field != fieldCalls {
			continue
		}
		if err := json.Unmarshal([]byte(w.Body), &body); err != nil {
			s.t.Fatal(err)
		}
		v := body.Entry[0].Changes[0].Value
		for _, c := range v.Calls {
			text := c.Event + " " + c.Direction + " " + c.From + " " + c.To + " " + c.Status
			if c.Session != nil {
				text += c.Session.Type
			}
			events = append(events, strings.TrimSpace(text+fmt.Sprintf(" %d", c.Duration)))
		}
		for _, c := range v.Statuses {
			events = append(events, c.Type+" "+c.Status+" "+c.RecipientID)
		}
	}
	return events
}

func TestAPersonCallsAndTheBusinessAccepts(t *testing.T) {
	r := startReceiver(t)
	s := startSim(t, withApp(r))
	s.startDelivery()
	s.enableCalls("")
	control := NewControlClient(startControl(t, s), nil)
	c, err := control.ReceiveCall(t.Context(), "", kerry, "")
	if err != nil || !strings.HasPrefix(c.ID, "wacid.") {
		t.Fatal(err)
	}
	if _, err := control.ReceiveCall(t.Context(), "", kerry, ""); err == nil {
		t.Error("a second call of the same person")
	}
	for _, action := range []string{"pre_accept", "accept"} {
		if a := s.changeCallTo(action, c.ID); a.body != `{"messaging_product":"whatsapp","success":true}` {
			t.Fatalf("%s: %d %s", action, a.status, a.body)
		}
	}
	for _, action := range []string{"pre_accept", "accept", "reject"} {
		if a := s.changeCallTo(action, c.ID); a.status != http.StatusBadRequest || a.refusal(t).Error.Code != 138003 || !strings.Contains(a.body, "already accepted") {
			t.Errorf("%s after accept: %d %s", action, a.status, a.body)
		}
	}
	s.manual.advance(90 * time.Second)
	if a := s.changeCallTo("terminate", c.ID); a.status != http.StatusOK {
		t.Errorf("%s", a.body)
	}
	if a := s.changeCallTo("terminate", c.ID); a.refusal(t).Error.Code != 131009 {
		t.Errorf("a call that has ended: %s", a.body)
	}
	s.waitForCalls(2)
	want := []string{"connect USER_INITIATED 16505551234 16315550001 offer 0", "terminate USER_INITIATED 16505551234 16315550001 COMPLETED 90"}
	if diff := cmp.Diff(want, s.callEvents()); diff != "" {
		t.Errorf("webhooks (-want +got):\n%s", diff)
	}
	list, err := control.Calls(t.Context())
	if err != nil || list.Total != 1 || list.Calls[0].State != CallEnded || list.Calls[0].Answer == "" {
		t.Errorf("%+v %v", list, err)
	}
}

func TestABusinessCallsWhomItMay(t *testing.T) {
	r := startReceiver(t)
	s := startSim(t, withApp(r), openWindows)
	s.startDelivery()
	control := NewControlClient(startControl(t, s), nil)
	connect := func() response { return s.call("POST", phone1+"/calls", callOffer) }
	if a := connect(); a.status != http.StatusUnauthorized || a.refusal(t).Error.Code != 138000 {
		t.Errorf("calls are not enabled: %d %s", a.status, a.body)
	}
	s.enableCalls("")
	if a := connect(); a.status != http.StatusUnauthorized || a.refusal(t).Error.Code != 138006 {
		t.Errorf("no permission: %d %s", a.status, a.body)
	}
	request := s.message(`"type":"interactive","interactive":{"type":"call_permission_request","action":{"name":"call_permission_request"}}`).sentID(t)
	if err := control.AnswerCallPermission(t.Context(), "", kerry, CallPermissionReply{Response: "accept"}); err != nil {
		t.Fatal(err)
	}
	started := connect()
	var response struct{ Calls []struct{ ID string } }
	if err := json.Unmarshal([]byte(started.body), &response); err != nil || len(response.Calls) != 1 {
		t.Fatalf("%d %s", started.status, started.body)
	}
	id := response.Calls[0].ID
	if a := connect(); a.refusal(t).Error.Code != 138003 {
		t.Errorf("a second call: %d %s", a.status, a.body)
	}
	if a := s.changeCallTo("accept", id); a.refusal(t).Error.Code != 131009 {
		t.Errorf("the business accepts its own call: %s", a.body)
	}
	if _, err := control.ChangeCall(t.Context(), id, "accept", ""); err != nil {
		t.Error(err)
	}
	if _, err := control.ChangeCall(t.Context(), id, "reject", ""); err == nil {
		t.Error("a call is rejected after it was accepted")
	}
	s.manual.advance(5 * time.Second)
	if _, err := control.ChangeCall(t.Context(), id, "terminate", ""); err != nil {
		t.Error(err)
	}
	if err := json.Unmarshal([]byte(connect().body), &response); err != nil {
		t.Error(err)
	}
	if _, err := control.ChangeCall(t.Context(), response.Calls[0].ID, "reject", ""); err != nil {
		t.Error(err)
	}
	s.waitForCalls(7)
	want := []string{"call RINGING 16505551234", "connect BUSINESS_INITIATED 16315550001 16505551234 answer 0", "call ACCEPTED 16505551234",
		"terminate BUSINESS_INITIATED 16315550001 16505551234 COMPLETED 5", "call RINGING 16505551234", "call REJECTED 16505551234", "terminate BUSINESS_INITIATED 16315550001 16505551234 FAILED 0"}
	if diff := cmp.Diff(want, s.callEvents()); diff != "" {
		t.Errorf("webhooks (-want +got):\n%s", diff)
	}
	reply := fmt.Sprintf(`"call_permission_reply":{"response":"accept","is_permanent":false,"expiration_timestamp":%d,"response_source":"user_action"}`, s.Now().Add(permissionLife-5*time.Second).Unix())
	if !slices.ContainsFunc(s.Webhooks().Webhooks, func(w Webhook) bool { return strings.Contains(w.Body, reply) && strings.Contains(w.Body, request) }) {
		t.Errorf("no webhook has %s", reply)
	}
}

func TestWhatACallIsRefusedFor(t *testing.T) {
	s := startSim(t)
	s.enableCalls("")
	if err := s.AnswerCallPermission(phone1, kerry, CallPermissionReply{Response: "accept", Permanent: true}); err != nil {
		t.Fatal(err)
	}
	uncallable := "16505550000"
	s.change(uncallable, PersonChange{NoWhatsApp: ptr(true)})
	with := func(from, to string) string { return strings.Replace(callOffer, from, to, 1) }
	tests := map[string]struct {
		body    string
		code    int
		mention string
	}{
		"no product":        {with(`"messaging_product":"whatsapp",`, ""), 100, "messaging_product"},
		"no action":         {with(`"action":"connect",`, ""), 100, "The parameter action is required."},
		"an action":         {with("connect", "hang_up"), 100, "one of {CONNECT"},
		"no session":        {with(`,"session":{"sdp_type":"offer","sdp":"v=0\r\n"}`, ""), 100, "The parameter session is required."},
		"a session's type":  {with("offer", "answer"), 100, "one of {OFFER}"},
		"no SDP":            {with("v=0", "hello"), 131009, "SDP"},
		"no recipient":      {with(`"to":"`+person1+`",`, ""), 100, "The parameter to is required."},
		"nobody's number":   {with(person1, uncallable), 138001, ""},
		"no call":           {`{"messaging_product":"whatsapp","action":"reject"}`, 100, "The parameter call_id is required."},
		"an unknown call":   {`{"messaging_product":"whatsapp","action":"reject","call_id":"wacid.1"}`, 131009, "does not exist"},
		"an unknown person": {with(`"to":"`+person1+`"`, `"recipient":"US.12"`), 138001, ""},
	}
	for name, test := range tests {
		if a := s.call("POST", phone1+"/calls", test.body); a.refusal(t).Error.Code != test.code || !strings.Contains(a.body, test.mention) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for range maxStartedCalls {
		if a := s.call("POST", phone1+"/calls", callOffer); a.status != http.StatusOK {
			t.Fatalf("%s", a.body)
		}
		s.manual.advance(ringingTime)
	}
	if a := s.call("POST", phone1+"/calls", callOffer); a.refusal(t).Error.Code != 138012 {
		t.Errorf("too many calls: %s", a.body)
	}
	if _, err := s.ChangeCall("wacid.1", "accept", ""); err == nil {
		t.Error("an unknown call")
	}
}

// Nobody answers for a minute, by the simulator's clock.
func TestACallThatNobodyAnswersEnds(t *testing.T) {
	s := startSim(t)
	s.enableCalls("")
	c, err := s.ReceiveCall(phone1, kerry, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.AdvanceClock(ringingTime); err != nil {
		t.Fatal(err)
	}
	if got := s.Calls()[0]; got.ID != c.ID || got.State != CallEnded || got.Status != "FAILED" {
		t.Errorf("%+v", got)
	}
}

func TestPermissionToCallIsAskedForSeldom(t *testing.T) {
	s := startSim(t, openWindows)
	ask := func() response {
		return s.message(`"type":"interactive","interactive":{"type":"call_permission_request","action":{"name":"call_permission_request"}}`)
	}
	if a := ask(); a.refusal(t).Error.Code != 138000 {
		t.Errorf("calls are not enabled: %s", a.body)
	}
	s.enableCalls("")
	ask().sentID(t)
	if a := ask(); a.refusal(t).Error.Code != 138009 {
		t.Errorf("twice a day: %s", a.body)
	}
	s.writes(kerry)
	s.manual.advance(day)
	s.writes(kerry)
	ask().sentID(t)
	s.manual.advance(day)
	s.writes(kerry)
	if a := ask(); a.refusal(t).Error.Code != 138009 {
		t.Errorf("three times a week: %s", a.body)
	}
	want := `{"actions":[{"action_name":"send_call_permission_request","can_perform_action":false,"limits":[{"current_usage":0,"max_allowed":1,"time_period":"PT24H"},{"current_usage":2,"max_allowed":2,"time_period":"P7D"}]},` +
		`{"action_name":"start_call","can_perform_action":STARTS,"limits":[{"current_usage":0,"max_allowed":10,"time_period":"PT24H"}]}],"messaging_product":"whatsapp","permission":PERMISSION}`
	check := func(starts, permission string) {
		t.Helper()
		want := strings.Replace(strings.Replace(want, "STARTS", starts, 1), "PERMISSION", permission, 1)
		if a := s.get("/v25.0/" + phone1 + "/call_permissions?user_wa_id=" + kerry); a.body != want {
			t.Errorf("got  %s\nwant %s", a.body, want)
		}
	}
	answer := func(reply CallPermissionReply) {
		t.Helper()
		if err := s.AnswerCallPermission(phone1, kerry, reply); err != nil {
			t.Fatal(err)
		}
	}
	check("false", `{"status":"no_permission"}`)
	answer(CallPermissionReply{Response: "accept"})
	check("true", fmt.Sprintf(`{"expiration_time":%d,"status":"temporary"}`, s.Now().Add(permissionLife).Unix()))
	answer(CallPermissionReply{Response: "accept", Permanent: true})
	check("true", `{"status":"permanent"}`)
	if a := ask(); a.refusal(t).Error.Code != 138017 {
		t.Errorf("although it is permanent: %s", a.body)
	}
	answer(CallPermissionReply{Response: "reject"})
	check("false", `{"status":"no_permission"}`)
	if a := s.get("/v25.0/" + phone1 + "/call_permissions"); a.refusal(t).Error.Code != 100 {
		t.Errorf("nobody: %s", a.body)
	}
	person, _ := s.Person(phone1, kerry)
	if a := s.get("/v25.0/" + phone1 + "/call_permissions?recipient=" + person.UserID); a.status != http.StatusOK {
		t.Errorf("by the user id: %s", a.body)
	}
	if err := s.AnswerCallPermission(phone1, kerry, CallPermissionReply{Response: "maybe"}); err == nil {
		t.Error("an answer that there is not")
	}
}

func TestACallOfAPersonMayAllowThatTheBusinessCalls(t *testing.T) {
	s := startSim(t)
	if _, err := s.ReceiveCall(phone1, kerry, ""); err == nil || !strings.Contains(err.Error(), "not enabled") {
		t.Errorf("%v", err)
	}
	s.enableCalls(`,"callback_permission_status":"ENABLED"`)
	if _, err := s.ReceiveCall(phone1, kerry, "hello"); err == nil {
		t.Error("an offer that is no SDP")
	}
	if _, err := s.ReceiveCall(phone1, kerry, ""); err != nil {
		t.Fatal(err)
	}
	if got := s.permission(phone1, kerry).status(s.Now()); got != "temporary" {
		t.Errorf("%s", got)
	}
}

func TestSettingsOfANumberAreChangedInParts(t *testing.T) {
	hours := func(week, holidays string) string {
		return `{"calling":{"call_hours":{"status":"ENABLED","timezone_id":"UTC","weekly_operating_hours":[` + week + `],"holiday_schedule":[` + holidays + `]}}}`
	}
	s := startSim(t, func(c *Config) { c.BusinessAccounts[0].PhoneNumbers[1].MessagingLimitTier = "TIER_250" })
	want := `{"calling":{"call_icon_visibility":"DEFAULT","callback_permission_status":"DISABLED","status":"DISABLED"},"payload_encryption":{"status":"DISABLED"},"storage_configuration":{"status":"DEFAULT"},"user_identity_change":{"enable_identity_key_check":false}}`
	if a := s.get("/v25.0/" + phone1 + "/settings"); a.body != want {
		t.Errorf("got  %s\nwant %s", a.body, want)
	}
	s.mustSucceed(s.call("POST", phone1+"/settings", hours(`{"day_of_week":"MONDAY","open_time":"0900","close_time":"1200"},{"day_of_week":"MONDAY","open_time":"1200","close_time":"2400"}`, `{"date":"2028-02-29","start_time":"0000","end_time":"2359"}`)))
	s.enableCalls(`,"call_hours":{"status":"enabled","timezone_id":"UTC","weekly_operating_hours":[{"day_of_week":"MONDAY","open_time":"0900","close_time":"1700"}]}`)
	s.mustSucceed(s.call("POST", phone1+"/settings", `{"calling":{"call_icon_visibility":"disable_all"},"user_identity_change":{"enable_identity_key_check":true}}`))
	s.mustSucceed(s.call("POST", phone1+"/settings", `{"storage_configuration":{"status":"IN_COUNTRY_STORAGE_ENABLED","data_localization_region":"de"}}`))
	want = `{"calling":{"call_hours":{"status":"enabled","timezone_id":"UTC","weekly_operating_hours":[{"close_time":"1700","day_of_week":"MONDAY","open_time":"0900"}]},"call_icon_visibility":"DISABLE_ALL","callback_permission_status":"DISABLED","status":"ENABLED"},` +
		`"payload_encryption":{"status":"DISABLED"},"storage_configuration":{"data_localization_region":"DE","status":"IN_COUNTRY_STORAGE_ENABLED"},"user_identity_change":{"enable_identity_key_check":true}}`
	if a := s.get("/v25.0/" + phone1 + "/settings"); a.body != want {
		t.Errorf("got  %s\nwant %s", a.body, want)
	}
	for name, test := range map[string]struct {
		phone, body string
		code        int
	}{
		"nothing":         {phone1, `{}`, 100},
		"a value":         {phone1, `{"calling":{"status":"ON"}}`, 100},
		"a text":          {phone1, `{"calling":"ENABLED"}`, 100},
		"a region":        {phone1, `{"storage_configuration":{"status":"IN_COUNTRY_STORAGE_ENABLED","data_localization_region":"FR"}}`, 100},
		"a day":           {phone1, `{"calling":{"call_hours":{"status":"ENABLED","weekly_operating_hours":[{"day_of_week":"FUNDAY","open_time":"1","close_time":"2"}]}}}`, 100},
		"a time":          {phone1, hours(`{"day_of_week":"MONDAY","open_time":"9:00","close_time":"1700"}`, ""), 100},
		"an hour":         {phone1, hours(`{"day_of_week":"MONDAY","open_time":"0900","close_time":"2500"}`, ""), 100},
		"a minute":        {phone1, hours(`{"day_of_week":"MONDAY","open_time":"0960","close_time":"1700"}`, ""), 100},
		"closed early":    {phone1, hours(`{"day_of_week":"MONDAY","open_time":"1700","close_time":"0900"}`, ""), 100},
		"three on a day":  {phone1, hours(`{"day_of_week":"MONDAY","open_time":"0100","close_time":"0200"},{"day_of_week":"MONDAY","open_time":"0300","close_time":"0400"},{"day_of_week":"monday","open_time":"0500","close_time":"0600"}`, ""), 100},
		"overlapping":     {phone1, hours(`{"day_of_week":"MONDAY","open_time":"0900","close_time":"1200"},{"day_of_week":"MONDAY","open_time":"1100","close_time":"1700"}`, ""), 100},
		"a date":          {phone1, hours("", `{"date":"2026-02-30","start_time":"0000","end_time":"2359"}`), 100},
		"a holiday ended": {phone1, hours("", `{"date":"2026-12-24","start_time":"1200","end_time":"1100"}`), 100},
		"no flag":         {phone1, `{"user_identity_change":{}}`, 100},
		"a low limit":     {"106540352242923", `{"calling":{"status":"ENABLED"}}`, 138015},
		"not a number":    {account1, `{"calling":{"status":"ENABLED"}}`, 100},
	} {
		if a := s.call("POST", test.phone+"/settings", test.body); a.refusal(t).Error.Code != test.code {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

func TestCallsAndSettingsOutliveTheServerAndNotAReset(t *testing.T) {
	dir := t.TempDir()
	s, _ := startOn(t, dir)
	s.enableCalls("")
	c, err := s.ReceiveCall(phone1, kerry, "")
	if err == nil {
		err = s.AnswerCallPermission(phone1, kerry, CallPermissionReply{Response: "accept", Permanent: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	s, log := s.restart(dir, time.Second)
	if a := s.changeCallTo("accept", c.ID); a.status != http.StatusOK || !s.permission(phone1, kerry).Permanent || log.Len() > 0 {
		t.Errorf("%s %s", a.body, log)
	}
	s.Reset()
	if len(s.Calls()) != 0 || s.callingEnabled(phone1) || s.permission(phone1, kerry).Permanent {
		t.Error("something is left")
	}
}
