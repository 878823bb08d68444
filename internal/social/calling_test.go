package social_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/google/go-cmp/cmp"

	"ferry/internal/graph"
	"ferry/internal/secret"
	"ferry/metasim"
	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

const callee = "4915112345678"

// setCalls changes the settings of the phone number for calls.
func (w *world) setCalls(settings *types.WhatsAppCallSettings) {
	w.t.Helper()
	out, err := w.client(w.key).UpdateLinkedWhatsAppBusinessAccountPhoneNumber(w.t.Context(), &socialmessaging.UpdateLinkedWhatsAppBusinessAccountPhoneNumberInput{Id: &w.phone, CallSettings: settings})
	w.must(err)
	if *out.PhoneNumberId != w.phone {
		w.t.Errorf("the settings of %s were changed", *out.PhoneNumberId)
	}
}

// signal sends a call event.
func (w *world) signal(event string) (callID string, err error) {
	out, err := w.client(w.key).SendWhatsAppCallEvent(w.t.Context(), &socialmessaging.SendWhatsAppCallEventInput{
		OriginationPhoneNumberId: &w.phone, MetaApiVersion: new("v23.0"), CallEvent: []byte(event)})
	if err != nil {
		return "", err
	}
	return *out.CallId, nil
}

func (w *world) permission() *socialmessaging.GetWhatsAppCallPermissionOutput {
	w.t.Helper()
	out, err := w.client(w.key).GetWhatsAppCallPermission(w.t.Context(), &socialmessaging.GetWhatsAppCallPermissionInput{OriginationPhoneNumberId: &w.phone, DestinationPhoneNumber: new("+" + callee)})
	w.must(err)
	return out
}

func callEvent(action, more string) string {
	return ` {"messaging_product":"whatsapp","action":"` + action + `",` + more + `}`
}

func TestCallSettingsAreKeptAtMetaInItsForm(t *testing.T) {
	w := newWorld(t)
	at := func(hours, minutes int32) *types.WhatsAppTimeOfDay {
		return &types.WhatsAppTimeOfDay{Hours: &hours, Minutes: &minutes}
	}
	settings := &types.WhatsAppCallSettings{
		CallEnabled: new(true), CallIconVisibility: new("DISABLE_ALL"), CallbackPermissionStatus: new("ENABLED"),
		CallHours: &types.WhatsAppCallHours{
			Enabled: new(true), Timezone: new("Europe/Berlin"),
			WeeklyOperatingHours: []types.WhatsAppWeeklyOperatingHoursEntry{{DayOfWeek: types.WhatsAppDayOfWeekMonday, OpenTime: at(9, 5), CloseTime: at(17, 0)}},
			HolidaySchedule:      []types.WhatsAppHolidayScheduleEntry{{Date: new("2026-12-24"), StartTime: at(0, 0), EndTime: at(23, 59)}},
		},
	}
	w.setCalls(settings)
	atMeta, err := w.graph.CallSettings(t.Context(), "1", secret.New(metaToken))
	w.must(err)
	want := graph.CallSettings{Status: "ENABLED", IconVisibility: "DISABLE_ALL", CallbackPermission: "ENABLED", Hours: &graph.CallHours{
		Status: "ENABLED", Timezone: "Europe/Berlin", Weekly: []graph.WeeklyHours{{Day: "MONDAY", Open: "0905", Close: "1700"}},
		Holidays: &[]graph.HolidayHours{{Date: "2026-12-24", Start: "0000", End: "2359"}},
	}}
	if diff := cmp.Diff(want, atMeta); diff != "" {
		t.Errorf("at Meta: %s", diff)
	}
	shown := func() *types.WhatsAppCallSettings {
		detail, err := w.client(w.key).GetLinkedWhatsAppBusinessAccountPhoneNumber(t.Context(), &socialmessaging.GetLinkedWhatsAppBusinessAccountPhoneNumberInput{Id: &w.phone})
		w.must(err)
		return detail.CallSettings
	}
	if diff := cmp.Diff(settings, shown()); diff != "" {
		t.Error(diff)
	}
	w.setCalls(&types.WhatsAppCallSettings{CallEnabled: new(false)}) // what is not set stays
	settings.CallEnabled = new(false)
	if diff := cmp.Diff(settings, shown()); diff != "" {
		t.Error(diff)
	}
	// The number can be shown without them.
	_, err = w.simulator.AddFault(metasim.Fault{Operation: metasim.OperationSettings, Status: http.StatusServiceUnavailable, ErrorCode: 2})
	w.must(err)
	if got := shown(); got != nil {
		t.Errorf("while Meta fails, the settings are %+v", got)
	}
}

func TestCallOfABusinessFromPermissionToItsEnd(t *testing.T) {
	w := newWorld(t)
	connect := callEvent("connect", `"to":"+`+callee+`","session":{"sdp_type":"offer","sdp":"v=0\r\n"}`)
	if _, err := w.signal(connect); !isException(err, "AccessDeniedByMetaException") || !strings.Contains(err.Error(), "138000") || !strings.Contains(err.Error(), "Enable calls with UpdateLinkedWhatsAppBusinessAccountPhoneNumber.") {
		t.Errorf("while calls are not enabled: %v", err)
	}
	w.setCalls(&types.WhatsAppCallSettings{CallEnabled: new(true)})
	if _, err := w.signal(connect); !isException(err, "AccessDeniedByMetaException") || !strings.Contains(err.Error(), "138006") || strings.Contains(err.Error(), "account link") {
		t.Errorf("without permission: %v", err)
	}
	before := w.permission()
	if *before.Permission.Status != "no_permission" || before.Permission.ExpirationTime != nil || len(before.Actions) != 2 || *before.Actions[1].CanPerformAction {
		t.Errorf("before: %+v", before)
	}
	w.must(w.simulator.AnswerCallPermission("1", callee, metasim.CallPermissionReply{Response: "accept"}))
	after := w.permission()
	if *after.Permission.Status != "temporary" || after.Permission.ExpirationTime == nil || !*after.Actions[1].CanPerformAction || *after.Actions[0].Limits[0].TimePeriod != "PT24H" {
		t.Errorf("after: %+v", after)
	}
	id, err := w.signal(connect)
	if err != nil || !strings.HasPrefix(id, "wacid.") {
		t.Fatalf("%s, %v", id, err)
	}
	if _, err := w.signal(connect); !isException(err, "ConflictException") {
		t.Errorf("a second call of the same user: %v", err)
	}
	ended, err := w.signal(callEvent("terminate", `"call_id":"`+id+`"`))
	if err != nil || ended != id {
		t.Errorf("terminated %s, %v", ended, err)
	}
}

func TestCallOfAUserIsAcceptedOnce(t *testing.T) {
	w := newWorld(t)
	w.setCalls(&types.WhatsAppCallSettings{CallEnabled: new(true)})
	call, err := w.simulator.ReceiveCall("1", callee, "v=0\r\n")
	w.must(err)
	accept := callEvent("accept", `"call_id":"`+call.ID+`","session":{"sdp_type":"answer","sdp":"v=0\r\n"}`)
	if id, err := w.signal(accept); err != nil || id != call.ID {
		t.Errorf("accepted %s, %v", id, err)
	}
	if _, err := w.signal(accept); !isException(err, "ConflictException") || !strings.Contains(err.Error(), "already accepted") {
		t.Errorf("accepted again: %v", err)
	}
}

func TestCallEventThatCannotBeOneIsRefused(t *testing.T) {
	w := newWorld(t)
	before := len(w.simulator.Requests())
	for event, want := range map[string]string{
		`[]`: "is a JSON array; expected an object", `{"action":`: "not JSON", `eyJhY3Rpb24iOiJjb25uZWN0In0=`: "base64 within base64",
	} {
		if _, err := w.signal(event); !isException(err, "InvalidParametersException") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", event, err, want)
		}
	}
	client := w.client(w.key)
	_, err := client.SendWhatsAppCallEvent(t.Context(), &socialmessaging.SendWhatsAppCallEventInput{OriginationPhoneNumberId: &w.phone, MetaApiVersion: new("23"), CallEvent: []byte("{}")})
	if !isException(err, "InvalidParametersException") || !strings.Contains(err.Error(), "metaApiVersion") {
		t.Errorf("a version of another form: %v", err)
	}
	for _, in := range []socialmessaging.GetWhatsAppCallPermissionInput{{}, {DestinationPhoneNumber: new("+4915"), EndUserBsuid: new("DE.1")}} {
		in.OriginationPhoneNumberId = &w.phone
		if _, err := client.GetWhatsAppCallPermission(t.Context(), &in); !isException(err, "InvalidParametersException") || !strings.Contains(err.Error(), "exactly one") {
			t.Errorf("%+v: %v", in, err)
		}
	}
	if after := len(w.simulator.Requests()); after != before {
		t.Errorf("Meta had %d requests", after-before)
	}
	_, err = w.signal(callEvent("terminate", `"call_id":7`))
	if !isException(err, "AccessDeniedByMetaException") { // calls are not enabled: Meta looks at that first
		t.Errorf("a call id that is a number: %v", err)
	}
}

// A call whose start was not confirmed is not started again by the retries of an SDK.
func TestRetriesOfACallEventDoNotCallTwice(t *testing.T) {
	var calls atomic.Int64
	meta := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/calls") {
			calls.Add(1)
			var body map[string]any
			_ = json.NewDecoder(r.Body).Decode(&body)
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(meta.Close)
	client, err := graph.New(graph.Config{BaseURL: meta.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	w := newWorld(t, func(s *settings) { s.api.Graph = client })
	retrying := func(o *socialmessaging.Options) {
		o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond })
	}
	_, err = w.client(w.key).SendWhatsAppCallEvent(t.Context(), &socialmessaging.SendWhatsAppCallEventInput{
		OriginationPhoneNumberId: &w.phone, MetaApiVersion: new("v23.0"), CallEvent: []byte(callEvent("connect", `"to":"4915"`))}, retrying)
	if !isException(err, "DependencyException") || !strings.Contains(err.Error(), "may call the user twice") || calls.Load() != 1 {
		t.Errorf("%d calls, %v", calls.Load(), err)
	}
}
