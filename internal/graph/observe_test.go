package graph_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"ferry/internal/activity"
	"ferry/internal/graph"
	"ferry/internal/secret"
)

func TestEveryResponseIsObservedWithItsTraceID(t *testing.T) {
	statuses := []int{200, 400, 200}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := statuses[0]
		statuses = statuses[1:]
		w.Header().Set("X-Fb-Trace-Id", "Az8or2yhqkZfEZ"+r.Method)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"id":"1"}`))
	}))
	client, err := graph.New(graph.Config{BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	var seen []graph.Exchange
	observed := client.Observed(func(x graph.Exchange) { seen = append(seen, x) })
	token := secret.New("token")

	_, _ = observed.Media(t.Context(), "1", "2", token)
	_, failed := observed.Media(t.Context(), "1", "2", token)
	if _, err := client.Media(t.Context(), "1", "2", token); err != nil { // not observed
		t.Error(err)
	}
	server.Close()
	_ = observed.DeleteMedia(t.Context(), "1", "2", token)

	want := []graph.Exchange{
		{Operation: "retrieve", Status: 200, TraceID: "Az8or2yhqkZfEZGET"},
		{Operation: "retrieve", Status: 400, TraceID: "Az8or2yhqkZfEZGET"},
		{Operation: "delete"},
	}
	if len(seen) != len(want) {
		t.Fatalf("%+v", seen)
	}
	for i, x := range seen {
		if x.Operation != want[i].Operation || x.Status != want[i].Status || x.TraceID != want[i].TraceID || x.Started.IsZero() || x.Took <= 0 {
			t.Errorf("%+v, want %+v", x, want[i])
		}
	}
	if answer, ok := failed.(*graph.Error); !ok || answer.TraceID != "Az8or2yhqkZfEZGET" {
		t.Errorf("the error does not have the trace id: %v", failed)
	}
}

func TestResponseIsObservedWithItsCodeAndItsUsage(t *testing.T) {
	cases := map[string]struct {
		status int
		body   string
		usage  string
		want   activity.Entry
	}{
		"a success": {200, `{"id":"1"}`, `{"1":[{"call_count":28}],"2":[{"total_time":95}]}`, activity.Entry{Usage: 0.95, Outcome: activity.OK}},
		"a refusal": {400, `{"error":{"message":"Too fast","code":130429}}`, "", activity.Entry{Code: "meta-130429", Outcome: activity.Refused}},
		"a failure": {503, `no JSON`, `[]`, activity.Entry{Outcome: activity.Failed}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if c.usage != "" {
					w.Header().Set("X-Business-Use-Case-Usage", c.usage)
				}
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			t.Cleanup(server.Close)
			client, err := graph.New(graph.Config{BaseURL: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(client.Close)
			var seen activity.Entry
			_, failed := client.Observed(func(x graph.Exchange) { seen = x.Entry() }).Media(t.Context(), "1", "2", secret.New("token"))
			if seen.Kind != activity.Graph || seen.Operation != "retrieve" || seen.Status != c.status || seen.Code != c.want.Code || seen.Usage != c.want.Usage || seen.Outcome != c.want.Outcome {
				t.Errorf("%+v, expected %+v", seen, c.want)
			}
			if refused, ok := failed.(*graph.Error); c.want.Code != "" && (!ok || refused.Code != 130429 || refused.Message != "Too fast") {
				t.Errorf("the error is %v", failed)
			}
		})
	}
}

func TestTraceIDThatCannotBeShownIsDropped(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Fb-Trace-Id", "two words")
		_, _ = w.Write([]byte(`{"id":"1"}`))
	}))
	t.Cleanup(server.Close)
	client, err := graph.New(graph.Config{BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	_, _ = client.Observed(func(x graph.Exchange) {
		if x.TraceID != "" {
			t.Errorf("%q", x.TraceID)
		}
	}).Media(t.Context(), "1", "2", secret.New("token"))
}
