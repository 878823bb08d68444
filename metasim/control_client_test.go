package metasim

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestControlClientManagesFaults(t *testing.T) {
	s := startSim(t)
	client := NewControlClient(startControl(t, s)+"/", nil)
	want := Fault{
		ID: "a", Method: "GET", PathPattern: "/v*/*", Operation: OperationPhoneNumber,
		Status: 503, ErrorCode: 2, Subcode: 3, Message: "m", Details: "d", AfterBody: true,
		Latency: 5 * time.Millisecond, BandwidthBytesPerSecond: 1 << 20, CutAfterBytes: 1 << 30,
		Skip: 1, Times: 2, Probability: 1,
	}
	added, err := client.AddFault(t.Context(), want)
	if diff := cmp.Diff(want, added); err != nil || diff != "" {
		t.Fatalf("%v (-want +got):\n%s", err, diff)
	}
	second, err := client.AddFault(t.Context(), Fault{Operation: OperationUpload, LoseAnswer: true})
	if err != nil || second.ID != "fault-1" || !second.LoseAnswer {
		t.Fatalf("%+v, %v", second, err)
	}
	for range 2 {
		s.get("/v25.0/" + phone1)
	}
	want.Matched, want.Applied = 2, 1
	if one, err := client.Fault(t.Context(), "a"); err != nil || one != want {
		t.Errorf("Fault: %+v, %v", one, err)
	}
	if list, err := client.Faults(t.Context()); err != nil || len(list) != 2 || list[0] != want || list[1] != second {
		t.Errorf("Faults: %+v, %v", list, err)
	}
	if err := client.RemoveFault(t.Context(), "a"); err != nil {
		t.Error(err)
	}
	if err := client.ClearFaults(t.Context()); err != nil || len(s.Faults()) != 0 {
		t.Errorf("%v; %d faults are left", err, len(s.Faults()))
	}
}

func TestControlClientReturnsMediaRequestsHandlesAndHealth(t *testing.T) {
	s := startResumable(t)
	client := NewControlClient(startControl(t, s), nil)
	id := s.mustUpload("a.png", "image/png", png)
	handle := s.handleOf(s.mustSendBytes(s.mustBegin("a.png", "image/png", len(png)), 0, png))
	want, _ := s.Media(id)
	if file, err := client.MediaByID(t.Context(), id); err != nil || file != want {
		t.Errorf("MediaByID: %+v, %v", file, err)
	}
	list, err := client.Media(t.Context())
	if diff := cmp.Diff(MediaList{1, []Media{want}}, list); err != nil || diff != "" {
		t.Errorf("Media: %v (-want +got):\n%s", err, diff)
	}
	handles, err := client.Handles(t.Context())
	if diff := cmp.Diff(HandleList{1, []Handle{handle}}, handles); err != nil || diff != "" {
		t.Errorf("Handles: %v (-want +got):\n%s", err, diff)
	}
	history, err := client.Requests(t.Context())
	if diff := cmp.Diff(s.Requests(), history.Requests); err != nil || diff != "" {
		t.Errorf("Requests: %v (-want +got):\n%s", err, diff)
	}
	health, err := client.Health(t.Context())
	if err != nil || health != (Health{Status: "ok", Media: 1, Requests: 3}) {
		t.Errorf("Health: %+v, %v", health, err)
	}
	if err := client.ClearRequests(t.Context()); err != nil || len(s.Requests()) != 0 {
		t.Errorf("ClearRequests: %v, %d are left", err, len(s.Requests()))
	}
	if err := client.Reset(t.Context()); err != nil {
		t.Error(err)
	}
	assertNothingStored(t, s)
}

func TestControlClientReturnsWhatTheControlAPIRefuses(t *testing.T) {
	s := startSim(t)
	client := NewControlClient(startControl(t, s), http.DefaultClient)
	check := func(name string, err error, status int, mention string) {
		t.Helper()
		var refused *ControlError
		if !errors.As(err, &refused) || refused.StatusCode != status || !strings.Contains(err.Error(), mention) {
			t.Errorf("%s: %v, want status %d and %q", name, err, status, mention)
		}
	}
	_, err := client.AddFault(t.Context(), Fault{Operation: "uplaod", Status: 500})
	check("an invalid fault", err, http.StatusBadRequest, `operation "uplaod" is not known`)
	_, err = client.MediaByID(t.Context(), "a/../b")
	check("media that do not exist", err, http.StatusNotFound, "no such id")
	check("a fault that does not exist", client.RemoveFault(t.Context(), "none"), http.StatusNotFound, "no such id")

	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	_, err = NewControlClient(other.URL, nil).Health(t.Context())
	check("another server", err, http.StatusNotFound, "404 page not found")
	if _, err := NewControlClient("http://127.0.0.1:1", nil).Health(t.Context()); err == nil {
		t.Error("a server that is not there is healthy")
	}
}

func TestFaultsEncodeTheirLatencyInMilliseconds(t *testing.T) {
	text, err := json.Marshal(Fault{Latency: 1500 * time.Millisecond})
	if err != nil || !strings.Contains(string(text), `"latency_ms":1500`) || strings.Contains(string(text), "Latency") {
		t.Errorf("%s, %v", text, err)
	}
	var f Fault
	if err := json.Unmarshal([]byte(`{"operation":"upload","latency_ms":250}`), &f); err != nil || f.Latency != 250*time.Millisecond || f.Operation != OperationUpload {
		t.Errorf("%+v, %v", f, err)
	}
	if err := json.Unmarshal([]byte(`{"latency_ms":9223372036854775807}`), &f); err == nil {
		t.Error("a latency that overflows was accepted")
	}
}
