package console_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// createTemplate creates a template as the business does, and returns its id.
func (w *world) createTemplate(name string) string {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/v25.0/"+account+"/message_templates", strings.NewReader(
		`{"name":"`+name+`","language":"en_US","category":"UTILITY","components":[{"type":"BODY","text":"Your order is on its way."}]}`))
	r.Header.Set("Authorization", "Bearer token")
	r.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	w.sim.ServeHTTP(recorder, r)
	var created struct{ ID, Status string }
	if err := json.Unmarshal(recorder.Body.Bytes(), &created); err != nil || created.ID == "" {
		w.t.Fatalf("%d %s", recorder.Code, recorder.Body)
	}
	return created.ID
}

func TestTemplateIsReviewedByHandAsMetaDoes(t *testing.T) {
	w := start(t)
	w.post("/templates", "review", "hand").want(t, http.StatusSeeOther)
	id := w.createTemplate("on_its_way")
	path := "/templates/" + id
	w.get("/templates?status=PENDING").want(t, http.StatusOK, "on_its_way", "pending")
	for _, step := range []struct {
		fields []string
		shows  []string
	}{
		{[]string{"status", "REJECTED", "reason", "SCAM"}, []string{"rejected", "scam"}},
		{[]string{"status", "APPROVED", "reason", "SCAM"}, []string{"✓ approved"}},
		{[]string{"status", "PAUSED"}, []string{"paused"}},
		{[]string{"status", "APPROVED"}, []string{"✓ approved"}},
		{[]string{"quality", "RED"}, []string{"red"}},
		{[]string{"category", "MARKETING", "at_once", "1"}, []string{"<dt>Category</dt><dd>marketing</dd>"}},
	} {
		w.post(path, step.fields...).want(t, http.StatusSeeOther)
		w.get(path).want(t, http.StatusOK, step.shows...)
	}
	w.post(path, "status", "SPLENDID").want(t, http.StatusBadRequest, "SPLENDID")
	w.post("/templates/404", "status", "APPROVED").want(t, http.StatusNotFound, "There is no template")
	if template, ok := w.sim.Template(id); !ok || template.Status != "APPROVED" || template.Quality != "RED" || template.Category != "MARKETING" {
		t.Errorf("the template is %+v", template)
	}
}

func TestFaultIsTriedOnThePastBeforeItIsAdded(t *testing.T) {
	w := start(t)
	text := map[string]any{"type": "text", "text": map[string]any{"body": "hello"}}
	w.business(text)
	w.business(text)
	w.createTemplate("another_operation")
	fault := []string{"operation", "send_message", "error_code", "131000", "times", "1"}
	w.post("/world/faults/try", fault...).want(t, http.StatusOK, "2 past requests", `{"error_code":131000,"operation":"send_message","times":1}`)
	if faults := w.sim.Faults(); len(faults) != 0 {
		t.Fatalf("a fault that was only tried acts: %+v", faults)
	}
	w.post("/world/faults/try", "operation", "nonsense").want(t, http.StatusBadRequest, "nonsense")
	w.post("/world/faults/try", "json", `{"error_code":131000,"tims":1}`).want(t, http.StatusBadRequest, "tims")
	w.post("/world/faults", fault...).want(t, http.StatusSeeOther)
	w.get("/world").want(t, http.StatusOK, "responds with error 131000, 1 times", "1 fault")
	faults := w.sim.Faults()
	if len(faults) != 1 {
		t.Fatalf("%+v", faults)
	}
	w.post("/world/faults/remove", "id", faults[0].ID).want(t, http.StatusSeeOther)
	w.post("/world/faults/remove", "id", faults[0].ID).want(t, http.StatusNotFound, "There is no fault")
}
