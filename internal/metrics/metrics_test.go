package metrics_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ferry/internal/activity"
	"ferry/internal/metrics"
)

// config knows one value of each label.
func config() metrics.Config {
	return metrics.Config{
		Version: "v1", Operations: []string{"PostWhatsAppMessageMedia"}, Codes: []string{"ValidationException"},
		GraphOperations: []string{"upload"}, MetaCodes: []int{131016}, Findings: []string{"opus-not-mono"},
		Stores: []string{"aws"}, Destinations: []string{"orders"},
		Gauges: metrics.Gauges{
			InFlight: func() int { return 3 },
			Backlogs: func(context.Context) (messages, events metrics.Backlog, err error) {
				return metrics.Backlog{}, metrics.Backlog{Waiting: 2, Dead: 1, OldestAt: time.Now().Add(-time.Minute)}, nil
			},
			Pools:             func() map[string]sql.DBStats { return map[string]sql.DBStats{"read": {InUse: 1, Idle: 2}} },
			Size:              func(context.Context) (size, log int64, err error) { return 8192, 4096, nil },
			TokenExpiry:       func() (time.Time, bool) { return time.Now().Add(time.Hour), true },
			CertificateExpiry: func() (time.Time, bool) { return time.Now().Add(time.Hour), true },
			Dropped:           map[string]func() int64{"log": func() int64 { return 7 }},
		},
	}
}

// one is an entry of each kind that is counted.
var one = []activity.Entry{
	{Kind: activity.Call, Operation: "PostWhatsAppMessageMedia", Outcome: activity.OK, Status: 200, Took: time.Second, Span: activity.ParseTraceParent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")},
	{Kind: activity.Call, Operation: "PostWhatsAppMessageMedia", Outcome: activity.Refused, Status: 400, Code: "ValidationException"},
	{Kind: activity.Call, Outcome: activity.Refused, Status: 404, Code: "UnknownOperationException"},
	{Kind: activity.Fetch, Operation: "open", Store: "aws", Outcome: activity.OK},
	{Kind: activity.Inspect, Outcome: activity.Refused, Findings: []activity.Finding{{Code: "opus-not-mono", Severity: "will-fail"}}},
	{Kind: activity.Upload, Outcome: activity.OK, Bytes: 1000},
	{Kind: activity.Upload, Outcome: activity.Ambiguous, Bytes: 1000},
	{Kind: activity.Graph, Operation: "upload", Outcome: activity.OK, Status: 200, Usage: 0.28},
	{Kind: activity.Graph, Operation: "upload", Outcome: activity.Failed, Status: 500, Code: "meta-131016"},
	{Kind: activity.Graph, Operation: "upload", Outcome: activity.Failed, Status: 500, Code: "meta-424242"},
	{Kind: activity.Graph, Operation: "upload", Outcome: activity.Failed},
	{Kind: activity.Attempt, Destination: "event/1234/orders", Outcome: activity.OK},
	{Kind: activity.Attempt, Destination: "event/1234/arn:aws:sns:us-east-1:111122223333:mine", Outcome: activity.Failed},
	{Kind: activity.Webhook, Outcome: activity.OK},
	{Kind: activity.Send, Outcome: activity.OK},
}

// scrape returns the metrics as a server returns them that accepts a media type.
func scrape(t *testing.T, m *metrics.Metrics, accept string) string {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
	request.Header.Set("Accept", accept)
	response := httptest.NewRecorder()
	m.Handler().ServeHTTP(response, request)
	text, err := io.ReadAll(response.Result().Body)
	if err != nil || response.Code != http.StatusOK {
		t.Fatalf("status %d, %v", response.Code, err)
	}
	return string(text)
}

func counted(t *testing.T) *metrics.Metrics {
	t.Helper()
	m := metrics.New(config())
	for _, e := range one {
		m.Append(e)
	}
	return m
}

func TestEntriesAreCounted(t *testing.T) {
	text := scrape(t, counted(t), "text/plain")
	for _, want := range []string{
		`ferry_requests_total{code="ok",operation="PostWhatsAppMessageMedia",outcome="ok"} 1`,
		`ferry_requests_total{code="ValidationException",operation="PostWhatsAppMessageMedia",outcome="refused"} 1`,
		`ferry_requests_total{code="other",operation="other",outcome="refused"} 1`,
		`ferry_request_duration_seconds_count{operation="PostWhatsAppMessageMedia"} 2`,
		`ferry_source_duration_seconds_count{store="aws"} 1`,
		`ferry_findings_total{code="opus-not-mono",severity="will-fail"} 1`,
		`ferry_upload_attempts_total{outcome="ok"} 1`,
		`ferry_upload_attempts_total{outcome="failed"} 0`,
		`ferry_upload_bytes_total 1000`,
		`ferry_uploads_ambiguous_total 1`,
		`ferry_graph_requests_total{code="ok",operation="upload"} 1`,
		`ferry_graph_requests_total{code="131016",operation="upload"} 1`,
		`ferry_graph_requests_total{code="other",operation="upload"} 1`,
		`ferry_graph_requests_total{code="unreachable",operation="upload"} 1`,
		`ferry_graph_usage_ratio 0.28`,
		`ferry_event_attempts_total{destination="orders",outcome="ok"} 1`,
		`ferry_event_attempts_total{destination="topics",outcome="failed"} 1`,
		`ferry_webhooks_total{outcome="ok"} 1`,
		`ferry_message_attempts_total{outcome="ok"} 1`,
		`ferry_uploads_in_flight 3`,
		`ferry_events_pending 2`,
		`ferry_events_dead 1`,
		`ferry_messages_pending 0`,
		`ferry_db_connections{pool="read",state="in_use"} 1`,
		`ferry_db_wal_bytes 4096`,
		`ferry_dropped_total{what="log"} 7`,
		`ferry_token_expiry_seconds 3600`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("there is no line %q", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestACallOfATraceIsAnExemplar(t *testing.T) {
	const want = `# {trace_id="4bf92f3577b34da6a3ce929d0e0e4736"} 1`
	if text := scrape(t, counted(t), "application/openmetrics-text"); !strings.Contains(text, want) {
		t.Errorf("there is no %q in %s", want, text)
	}
}

func TestUsageOfALimitIsForgotten(t *testing.T) {
	now, c := time.Now(), config()
	c.Now = func() time.Time { return now }
	m := metrics.New(c)
	for _, step := range []struct {
		reported float64
		after    time.Duration
		want     string
	}{{0.9, 0, "0.9"}, {0.3, time.Minute, "0.9"}, {0.4, 5 * time.Minute, "0.4"}, {0, 6 * time.Minute, "0"}} {
		now = now.Add(step.after)
		m.Append(activity.Entry{Kind: activity.Graph, Operation: "upload", Status: 200, Usage: step.reported})
		if text := scrape(t, m, "text/plain"); !strings.Contains(text, "ferry_graph_usage_ratio "+step.want+"\n") {
			t.Errorf("%+v: %s", step, text)
		}
	}
}

// series counts the time series of a scrape.
func series(text string) int {
	return len(slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return !strings.HasPrefix(line, "ferry_") }))
}

// TestSeriesAreBounded: whatever callers, stores, Meta and receivers do, the number of
// series stays the same.
func TestSeriesAreBounded(t *testing.T) {
	m := counted(t)
	for _, outcome := range []activity.Outcome{activity.OK, activity.Refused, activity.Failed, activity.Ambiguous, activity.Waiting} {
		record(m, -1, outcome)
	}
	before := series(scrape(t, m, "text/plain"))
	for i := range 10_000 {
		record(m, i, []activity.Outcome{activity.OK, activity.Refused, activity.Failed, activity.Ambiguous, activity.Waiting}[i%5])
	}
	text := scrape(t, m, "text/plain")
	if after := series(text); after != before {
		t.Errorf("%d series became %d", before, after)
	}
	if found := regexp.MustCompile(`random-[0-9]+|1111222[0-9]+`).FindString(text); found != "" {
		t.Errorf("a label shows %s", found)
	}
}

// record counts an entry of each kind in which everything is new.
func record(m *metrics.Metrics, i int, outcome activity.Outcome) {
	name := fmt.Sprintf("random-%d", i)
	e := activity.Entry{
		Account: fmt.Sprintf("1111222%05d", i), AccessKey: name, Operation: name, PhoneNumberID: name, Person: name, MediaID: name, MessageID: name,
		WAMID: name, EventID: name, Object: name, Destination: "event/" + name + "/" + name, MetaTrace: name, Store: name, Outcome: outcome,
		Status: 500, Code: "meta-" + name, Findings: []activity.Finding{{Code: name, Severity: name}},
	}
	for _, kind := range append([]activity.Kind{activity.Upload}, activity.Kinds...) {
		e.Kind = kind
		m.Append(e)
		if kind == activity.Fetch {
			e.Operation = "open"
			m.Append(e)
			e.Operation = name
		}
	}
}

func TestPromtoolAcceptsTheMetrics(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("FERRY_E2E") == "require" {
			t.Fatal("promtool is missing; it is in Debian's package prometheus")
		}
		t.Skip("promtool is missing; it is in Debian's package prometheus")
	}
	command := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	command.Stdin = bytes.NewBufferString(scrape(t, counted(t), "text/plain"))
	if output, err := command.CombinedOutput(); err != nil || len(output) > 0 {
		t.Errorf("%v\n%s", err, output)
	}
}

// TestMetricsAreDocumented compares the table of docs/operating.md with the registry.
func TestMetricsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Metrics\n")
	section, _, _ = strings.Cut(section, "\n## ")
	documented := make(map[string]string)
	for _, row := range regexp.MustCompile("(?m)^\\| `(ferry_[a-z_]+)` \\| (counter|gauge|histogram) \\|([^|]*)\\|").FindAllStringSubmatch(section, -1) {
		documented[row[1]] = strings.Join(regexp.MustCompile("`([a-z_]+)`").FindAllString(row[3], -1), " ")
	}
	descs := make(chan *prometheus.Desc, 1000)
	counted(t).Registry().Describe(descs)
	close(descs)
	form, found := regexp.MustCompile(`fqName: "(ferry_[a-z_]+)".*variableLabels: \{([^}]*)\}`), make(map[string]bool)
	for desc := range descs {
		match := form.FindStringSubmatch(desc.String())
		if match == nil { // of Go, or of the process
			continue
		}
		var labels []string
		for _, label := range strings.Split(match[2], ",") {
			if label != "" {
				labels = append(labels, "`"+label+"`")
			}
		}
		found[match[1]] = true
		if row, ok := documented[match[1]]; !ok || row != strings.Join(labels, " ") {
			t.Errorf("docs/operating.md has %q with the labels %q; the registry has %v", match[1], row, labels)
		}
	}
	for name := range documented {
		if !found[name] {
			t.Errorf("docs/operating.md has %s, and the registry has not", name)
		}
	}
	if len(found) < 20 {
		t.Errorf("only %d metrics found: is the pattern still right?", len(found))
	}
}

func BenchmarkAppend(b *testing.B) {
	m := metrics.New(config())
	for i := 0; b.Loop(); i++ {
		m.Append(one[i%len(one)])
	}
}
