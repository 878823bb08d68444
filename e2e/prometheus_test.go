package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestPrometheusScrapesTheMetrics: a real Prometheus reads the metrics of a server, native
// histograms included, and answers queries about an upload.
func TestPrometheusScrapesTheMetrics(t *testing.T) {
	program, err := exec.LookPath("prometheus")
	if err != nil {
		missingTool(t, "Prometheus", "'make test' installs it, with apt-get as root")
	}
	metrics, prometheus := address(t), address(t)
	w := newWorld(t, worldOptions{binary: plainBuild, args: []string{"--metrics-listen", metrics}})
	w.s3.put(t, w.bucket, "hello.txt", []byte("hello"), "text/plain")
	w.post(w.fromBucket("hello.txt"))

	directory := t.TempDir()
	configuration := filepath.Join(directory, "prometheus.yml")
	text := fmt.Sprintf("global: {scrape_interval: 1s}\nscrape_configs: [{job_name: ferry, static_configs: [{targets: [%q]}]}]\n", metrics)
	if err := os.WriteFile(configuration, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, program, os.Environ(), "--config.file="+configuration, "--storage.tsdb.path="+filepath.Join(directory, "data"),
		"--web.listen-address="+prometheus, "--enable-feature=native-histograms,exemplar-storage", "--log.level=warn")
	for query, want := range map[string]string{
		`up`: "1",
		`ferry_upload_attempts_total{outcome="ok"}`:                                                                "1",
		`ferry_upload_bytes_total`:                                                                                 "5",
		`ferry_requests_total{operation="PostWhatsAppMessageMedia",code="ok",outcome="ok"}`:                        "1",
		`histogram_count(ferry_request_duration_seconds{operation="PostWhatsAppMessageMedia"})`:                    "1",
		`histogram_quantile(0.99, ferry_request_duration_seconds{operation="PostWhatsAppMessageMedia"}) < bool 60`: "1",
		`ferry_graph_requests_total{operation="upload",code="ok"}`:                                                 "1",
		`ferry_events_dead`: "0",
	} {
		eventually(t, "Prometheus answers "+query, func() bool { return ask(t, prometheus, query) == want })
	}
}

func address(t testing.TB) string {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}

// ask returns the value of the only series that a query selects, "" if there is none yet.
func ask(t testing.TB, prometheus, query string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+prometheus+"/api/v1/query?query="+url.QueryEscape(query), nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil { // it is starting
		return ""
	}
	defer response.Body.Close()
	var answer struct {
		Data struct {
			Result []struct {
				Value [2]any `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if json.NewDecoder(response.Body).Decode(&answer) != nil || len(answer.Data.Result) != 1 {
		return ""
	}
	value, _ := answer.Data.Result[0].Value[1].(string)
	return value
}
