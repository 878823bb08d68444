package metasim

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// startControl serves the control API on a second listener.
func startControl(t *testing.T, s *sim) string {
	t.Helper()
	listener := httptest.NewServer(s.Control())
	t.Cleanup(listener.Close)
	return listener.URL
}

func TestControlAPIManagesFaults(t *testing.T) {
	s := startSim(t)
	control := startControl(t, s)
	a := s.mustSend(http.MethodPost, control+"/faults", strings.NewReader(`{"operation":"phone_number","error_code":131016,"times":1,"latency_ms":5}`), "Content-Type", "application/json")
	added := a.fields(t)
	if a.status != http.StatusCreated || added["id"] != "fault-1" || added["latency_ms"] != 5.0 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if got := s.get("/v25.0/" + phone1).status; got != 500 {
		t.Errorf("the fault was not applied: %d", got)
	}
	one := s.mustSend(http.MethodGet, control+"/faults/fault-1", nil).fields(t)
	added["matched"], added["applied"] = 1.0, 1.0
	if diff := cmp.Diff(added, one); diff != "" {
		t.Errorf("GET /faults/fault-1 (-want +got):\n%s", diff)
	}
	list := s.mustSend(http.MethodGet, control+"/faults", nil).fields(t)
	if diff := cmp.Diff(map[string]any{"faults": []any{added}}, list); diff != "" {
		t.Errorf("GET /faults (-want +got):\n%s", diff)
	}
	for _, want := range []int{http.StatusNoContent, http.StatusNotFound} {
		if got := s.mustSend(http.MethodDelete, control+"/faults/fault-1", nil).status; got != want {
			t.Errorf("DELETE /faults/fault-1: %d, want %d", got, want)
		}
	}
	s.fault(Fault{Status: 500})
	if got := s.mustSend(http.MethodDelete, control+"/faults", nil).status; got != http.StatusNoContent || len(s.Faults()) != 0 {
		t.Errorf("DELETE /faults: %d, %d left", got, len(s.Faults()))
	}
}

func TestControlAPIRefusesInvalidRequests(t *testing.T) {
	s := startSim(t)
	control := startControl(t, s)
	tests := map[string]string{
		`{"operation":"upload","error_kode":1}`: "error_kode",
		`{"operation":"uplaod","status":500}`:   "uplaod",
		`{"status":500} {}`:                     "more than one",
		`{"status":500`:                         "unexpected EOF",
		``:                                      "EOF",
		`{"latency_ms":-1}`:                     "latency_ms",
		`{"latency_ms":9999999999999999}`:       "latency_ms",
		`{"latency":"1s"}`:                      "latency",
		`{"body":"` + strings.Repeat("x", 300<<10) + `"}`: "too large",
	}
	for body, mention := range tests {
		a := s.mustSend(http.MethodPost, control+"/faults", strings.NewReader(body), "Content-Type", "application/json")
		message, _ := a.fields(t)["error"].(string)
		if a.status != http.StatusBadRequest || !strings.Contains(message, mention) {
			t.Errorf("%.60s: %d %s", body, a.status, a.body)
		}
	}
	for _, path := range []string{"/faults/none", "/media/none"} {
		if a := s.mustSend(http.MethodGet, control+path, nil); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	if len(s.Faults()) != 0 {
		t.Errorf("%d faults were added", len(s.Faults()))
	}
}

func TestControlAPIShowsMediaRequestsAndHealth(t *testing.T) {
	s := startSim(t)
	control := startControl(t, s)
	id := s.mustUpload("a.png", "image/png", png)

	var file Media
	if err := json.Unmarshal([]byte(s.mustSend(http.MethodGet, control+"/media/"+id, nil).body), &file); err != nil {
		t.Fatal(err)
	}
	want, _ := s.Media(id)
	if diff := cmp.Diff(want, file); diff != "" {
		t.Errorf("GET /media/{id} (-want +got):\n%s", diff)
	}
	var files MediaList
	if err := json.Unmarshal([]byte(s.mustSend(http.MethodGet, control+"/media", nil).body), &files); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(MediaList{Total: 1, Media: []Media{want}}, files); diff != "" {
		t.Errorf("GET /media (-want +got):\n%s", diff)
	}
	var requests History
	if err := json.Unmarshal([]byte(s.mustSend(http.MethodGet, control+"/requests", nil).body), &requests); err != nil {
		t.Fatal(err)
	}
	if len(requests.Requests) != 1 || requests.Requests[0].MediaID != id || requests.Requests[0].Operation != OperationUpload {
		t.Errorf("GET /requests: %+v", requests)
	}
	a := s.mustSend(http.MethodGet, control+"/health", nil)
	if diff := cmp.Diff(map[string]any{"status": "ok", "media": 1.0, "requests": 1.0, "faults": 0.0, "not_simulated": 0.0}, a.fields(t)); diff != "" {
		t.Errorf("GET /health (-want +got):\n%s", diff)
	}
	if a := s.mustSend(http.MethodDelete, control+"/requests", nil); a.status != http.StatusNoContent || len(s.Requests()) != 0 {
		t.Errorf("DELETE /requests: %d, %d left", a.status, len(s.Requests()))
	}
}

func TestResetRemovesEverythingButTheAccounts(t *testing.T) {
	s := startSim(t)
	control := startControl(t, s)
	s.mustUpload("a.png", "image/png", png)
	s.fault(Fault{Operation: OperationUpload, Status: 500})
	if a := s.mustSend(http.MethodPost, control+"/reset", nil, "Content-Type", "application/json"); a.status != http.StatusNoContent {
		t.Errorf("POST /reset: %d", a.status)
	}
	assertNothingStored(t, s)
	if len(s.Requests()) != 0 || len(s.Faults()) != 0 {
		t.Errorf("%d requests and %d faults are left", len(s.Requests()), len(s.Faults()))
	}
	s.mustUpload("a.png", "image/png", png)
}
