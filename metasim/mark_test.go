package metasim

import (
	"net/http"
	"strings"
	"testing"
)

// A program in another language marks a moment and waits for what comes after it.
func TestAwaitSeesWhatCameAfterTheMark(t *testing.T) {
	s := startSim(t)
	control := startControl(t, s)
	s.mustUpload("a.png", "image/png", png)
	client := NewControlClient(control, nil)
	mark, err := client.Mark(t.Context())
	if err != nil || mark == "" {
		t.Fatalf("%q, %v", mark, err)
	}
	await := func(query string) response {
		t.Helper()
		return s.mustSend(http.MethodGet, control+"/_ferry/await?"+query, nil)
	}
	if a := await("for=request&operation=upload&timeout=10ms"); a.status != http.StatusOK {
		t.Errorf("without a mark: %d %s", a.status, a.body)
	}
	if a := await("for=request&operation=upload&timeout=10ms&since=" + string(mark)); a.status != http.StatusNoContent || len(a.body) > 0 {
		t.Errorf("nothing came after the mark: %d %s", a.status, a.body)
	}
	id := s.mustUpload("b.png", "image/png", png)
	if a := await("for=request&operation=upload&since=" + string(mark)); a.status != http.StatusOK || strings.Count(string(a.body), `"media_id": "`) != 1 || !strings.Contains(string(a.body), id) {
		t.Errorf("one upload came after the mark: %d %s", a.status, a.body)
	}
	for query, mention := range map[string]string{
		"for=request&since=yesterday": "is no mark", "for=request&contains=x": "contains describes", "for=message&state=delivered": "describe a webhook", "for=x": "for",
		"for=message&timeout=2h": "timeout", "for=message&colour=red": "colour",
	} {
		if a := await(query); a.status != http.StatusBadRequest || !strings.Contains(string(a.body), mention) {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
}

func TestFaultIsTriedOnTheHistory(t *testing.T) {
	s := startSim(t)
	client := NewControlClient(startControl(t, s), nil)
	ids := []string{s.mustUpload("a.png", "image/png", png), s.mustUpload("b.png", "image/png", png), s.mustUpload("c.png", "image/png", png)}
	requests, err := client.TryFault(t.Context(), Fault{Operation: OperationUpload, Status: 500, Skip: 1, Times: 1})
	if err != nil || len(requests) != 1 || requests[0].MediaID != ids[1] {
		t.Errorf("%+v, %v", requests, err)
	}
	if requests, err := client.TryFault(t.Context(), Fault{Operation: OperationSendMessage, Status: 500}); err != nil || len(requests) != 0 {
		t.Errorf("%+v, %v", requests, err)
	}
	if _, err := client.TryFault(t.Context(), Fault{}); err == nil || !strings.Contains(err.Error(), "does nothing") {
		t.Errorf("an invalid fault: %v", err)
	}
	if faults := s.Faults(); len(faults) > 0 {
		t.Errorf("a fault was added: %+v", faults)
	}
}
