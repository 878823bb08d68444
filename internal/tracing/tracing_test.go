package tracing_test

import (
	"compress/gzip"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"ferry/internal/activity"
	"ferry/internal/secret"
	"ferry/internal/tracing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func TestSamplersAreThoseOfOpenTelemetry(t *testing.T) {
	sampled, refused := activity.ParseTraceParent(parent), activity.ParseTraceParent(strings.TrimSuffix(parent, "1")+"0")
	for name, want := range map[string][3]bool{ // without a parent, with one that is exported, with one that is not
		"":                            {true, true, false},
		"always_on":                   {true, true, true},
		"always_off":                  {false, false, false},
		"traceidratio 0":              {false, false, false},
		"traceidratio":                {true, true, true},
		"parentbased_always_on":       {true, true, false},
		"parentbased_always_off":      {false, true, false},
		"parentbased_traceidratio 0":  {false, true, false},
		"parentbased_traceidratio 1":  {true, true, false},
		"parentbased_traceidratio  1": {},
		"traceidratio 2":              {},
		"traceidratio NaN":            {},
		"jaeger_remote":               {},
	} {
		sampler, argument, _ := strings.Cut(name, " ")
		parsed, err := tracing.ParseSampler(sampler, argument)
		if isInvalid := want == [3]bool{} && name != "always_off" && name != "traceidratio 0"; isInvalid {
			if err == nil || !strings.Contains(err.Error(), "expected") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		tracer, err := tracing.Open(t.Context(), tracing.Config{Sampler: parsed, Collector: tracing.Collector{URL: "http://127.0.0.1:1"}})
		if err != nil {
			t.Fatal(err)
		}
		got := [3]bool{tracer.Samples(sampled.Trace, activity.Span{}), tracer.Samples(sampled.Trace, sampled), tracer.Samples(sampled.Trace, refused)}
		if got != want {
			t.Errorf("%s: %v, expected %v", name, got, want)
		}
		if err := tracer.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A collector that says that it is busy receives the spans later.
func TestSpansAreSentAgainToABusyCollector(t *testing.T) {
	var requests, spans atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		unpacked, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		body, err := io.ReadAll(unpacked)
		var data tracepb.TracesData
		if err != nil || proto.Unmarshal(body, &data) != nil || r.Header.Get("X-Key") != "a b" {
			t.Errorf("%v: %v", r.Header, err)
			return
		}
		for _, of := range data.ResourceSpans {
			for _, scope := range of.ScopeSpans {
				spans.Add(int64(len(scope.Spans)))
			}
		}
	}))
	defer server.Close()
	tracer := open(t, tracing.Collector{URL: server.URL, Gzip: true, Headers: secret.New(" X-Key=a%20b ,")}, nil)
	tracer.Append(activity.Entry{Kind: activity.Call, Operation: "One", Span: activity.ParseTraceParent(parent).Child()})
	tracer.Append(activity.Entry{Kind: activity.Call, Operation: "NotTraced"})
	if err := tracer.Close(); err != nil {
		t.Error(err)
	}
	if requests.Load() != 2 || spans.Load() != 1 || tracer.Dropped() != 0 {
		t.Errorf("%d requests, %d spans, %d dropped", requests.Load(), spans.Load(), tracer.Dropped())
	}
}

func open(t *testing.T, to tracing.Collector, log io.Writer) *tracing.Tracer {
	t.Helper()
	sampler, err := tracing.ParseSampler("", "")
	if err != nil {
		t.Fatal(err)
	}
	config := tracing.Config{Sampler: sampler, Collector: to}
	if log != nil {
		config.Logger = slog.New(slog.NewTextHandler(log, nil))
	}
	tracer, err := tracing.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return tracer
}

func TestRefusedSpansAreCountedAndLogged(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer server.Close()
	var log strings.Builder
	tracer := open(t, tracing.Collector{URL: server.URL, Headers: secret.New("Authorization=canary")}, &log)
	for range 3 {
		tracer.Append(activity.Entry{Kind: activity.Call, Operation: "One", Span: activity.ParseTraceParent(parent).Child()})
	}
	if err := tracer.Close(); err != nil {
		t.Error(err)
	}
	if tracer.Dropped() != 3 || strings.Count(log.String(), "status 401") != 1 || strings.Contains(log.String(), "canary") {
		t.Errorf("%d dropped; the log is\n%s", tracer.Dropped(), log.String())
	}
}

func TestMistakesOfTheCollectorAreReported(t *testing.T) {
	for name, to := range map[string]tracing.Collector{
		"no URL":          {URL: "localhost:4317"},
		"a header":        {URL: "http://127.0.0.1:1", Headers: secret.New("canary")},
		"an escape":       {URL: "http://127.0.0.1:1", Headers: secret.New("a=%zzcanary")},
		"no such file":    {URL: "https://127.0.0.1:1", CAFile: "missing.pem"},
		"no certificate":  {URL: "https://127.0.0.1:1", CAFile: "tracing_test.go"},
		"half a pair":     {URL: "https://127.0.0.1:1", CertFile: "tracing_test.go"},
		"another scheme ": {URL: "grpc://127.0.0.1:4317"},
	} {
		if _, err := tracing.Open(t.Context(), tracing.Config{Collector: to}); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
