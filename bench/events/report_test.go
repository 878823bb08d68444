package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func measuredReport(p99 float64) *report {
	results := []result{{what: "the engine", value: 1000, unit: "/s"}, atMost("webhook, p99", p99, "ms", 25)}
	return &report{Engines: []engineResult{{"SQLite", results}, {"PostgreSQL", results}}}
}

func TestThePageKeepsWhatIsWrittenByHand(t *testing.T) {
	page, err := os.ReadFile("../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "performance.md")
	if err := os.WriteFile(file, page, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := docs.Write(file, measuredReport(30).markdown()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(page), docs.Begin)
	_, after, _ := strings.Cut(string(page), docs.End)
	want := "| figure | limit | SQLite | PostgreSQL |\n|---|---|--:|--:|\n| the engine |  | 1000 /s | 1000 /s |\n" +
		"| webhook, p99 | ≤ 25 ms | 30.0 ms DOES NOT HOLD | 30.0 ms DOES NOT HOLD |\n"
	if !strings.HasPrefix(string(text), before) || !strings.HasSuffix(string(text), want+docs.End+after) {
		t.Errorf("the page is now:\n%s", text)
	}
	if header := "| figure | limit | SQLite | PostgreSQL |"; !strings.Contains(string(page), docs.Begin) || strings.Count(string(page), header) != 1 {
		t.Errorf("docs/performance.md does not have the table %q once", header)
	}
}

func TestABoundThatDoesNotHoldFailsTheRun(t *testing.T) {
	if !measuredReport(25).holds() || measuredReport(25.1).holds() {
		t.Error("a p99 of 25 ms holds, and one of 25.1 ms does not; it is the other way round")
	}
}

// A server that stalls for one request delays all that are due meanwhile, which the load
// measures.
func TestTheLoadMeasuresWhatWaitsForAStall(t *testing.T) {
	const perSecond, stall = 100, 300 * time.Millisecond
	var served atomic.Int64
	var gate atomic.Pointer[chan struct{}]
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if served.Add(1) == perSecond+1 { // the first one that is measured
			closed := make(chan struct{})
			gate.Store(&closed)
			time.AfterFunc(stall, func() { close(closed) })
		}
		if wait := gate.Load(); wait != nil {
			<-*wait
		}
	}))
	defer server.Close()
	requests := make([]*http.Request, perSecond+10)
	for i := range requests {
		requests[i] = httptest.NewRequest(http.MethodGet, server.URL, nil)
		requests[i].RequestURI = ""
	}
	loaded, err := load(t.Context(), requests, perSecond)
	if err != nil {
		t.Fatal(err)
	}
	if slow := milliseconds(loaded.took, 50); loaded.sent != perSecond+10 || len(loaded.took) != 10 || slow < 100 {
		t.Errorf("%d requests were sent, %d measured, and half of them took more than %v ms; want 110, 10 and more than 100", loaded.sent, len(loaded.took), slow)
	}
}

func TestARequestThatIsRefusedFailsTheLoad(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "full", http.StatusServiceUnavailable) }))
	defer server.Close()
	request := httptest.NewRequest(http.MethodGet, server.URL, nil)
	request.RequestURI = ""
	_, err := load(t.Context(), []*http.Request{request}, 1)
	if err == nil || !strings.Contains(err.Error(), "1 of 1 requests failed") || !strings.Contains(err.Error(), "503") {
		t.Errorf("the load ended with %v, want the refusal", err)
	}
}
