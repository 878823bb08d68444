package gateway_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"ferry/internal/event"
	"ferry/internal/gateway"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/metasim"
)

// startMeasured starts a gateway with metrics, and returns the address of these, too.
func startMeasured(t *testing.T) (g *running, metrics string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g = start(t, func(c *gateway.Config, _ string) {
		c.Metrics = gateway.Metrics{Listener: listener, Version: "v1.2.3", DroppedLines: func() int64 { return 5 }}
		c.Router.Destinations = []event.Destination{{Name: "orders", Type: event.Stdout}}
		c.Access = access(t, []string{"ferry.example.com"}, nil)
	})
	return g, listener.Addr().String()
}

func TestMetricsAreServedOnAListenerOfTheirOwn(t *testing.T) {
	g, metrics := startMeasured(t)
	if got := status(t, "http://"+g.address+gateway.MetricsPath); got != http.StatusNotFound {
		t.Errorf("the API serves metrics: %d", got)
	}
	response, err := http.Get("http://" + metrics + gateway.MetricsPath)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`ferry_build_info{go_version="go1.`, `version="v1.2.3"} 1`, `ferry_requests_total{code="UnknownOperationException",operation="other",outcome="refused"} 1`,
		`ferry_events_pending 0`, `ferry_events_dead 0`, `ferry_messages_pending 0`, `ferry_uploads_in_flight 0`, `ferry_db_connections_max{pool="write"}`,
		`ferry_db_size_bytes `, `ferry_dropped_total{what="log"} 5`, `ferry_dropped_total{what="journal"} 0`, `go_goroutines `, `process_open_fds `,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("there is no %s", want)
		}
	}
	if t.Failed() {
		t.Logf("%s", text)
	}
}

func TestMetricsAnswerToTheirOwnNamesOnly(t *testing.T) {
	_, metrics := startMeasured(t)
	for host, want := range map[string]int{
		ownAddress: 200, "localhost": 200, "ferry.example.com": 200, "evil.example": 421, "169.254.169.254.evil.example": 421,
	} {
		if got, body := exchange(t, metrics, "GET /metrics HTTP/1.1\nHost: "+host+"\nConnection: close\n\n"); got != want {
			t.Errorf("%s: %d, expected %d: %s", host, got, want, body)
		}
	}
	for _, header := range []string{"Origin: https://evil.example", "Sec-Fetch-Site: cross-site"} {
		if got, _ := exchange(t, metrics, "GET /metrics HTTP/1.1\nHost: localhost\n"+header+"\nConnection: close\n\n"); got != 403 {
			t.Errorf("%s: %d", header, got)
		}
	}
}

func TestReasonsAreWhereTheMetricsAre(t *testing.T) {
	g, metrics := startMeasured(t)
	_ = g.state.Close()
	for _, path := range []string{"/readyz", gateway.HealthPath} {
		request := "GET " + path + " HTTP/1.1\nHost: localhost\nConnection: close\n\n"
		if got, body := exchange(t, g.address, request); got != 503 || strings.Contains(body, "closed") {
			t.Errorf("the API answers %s with %d %s", path, got, body)
		}
		if got, body := exchange(t, metrics, request); got != 503 || !strings.Contains(body, "database") || !strings.Contains(body, "closed") {
			t.Errorf("the listener of the metrics answers %s with %d %s", path, got, body)
		}
	}
	if got, _ := exchange(t, metrics, "GET /livez HTTP/1.1\nHost: localhost\nConnection: close\n\n"); got != 200 {
		t.Errorf("/livez: %d", got)
	}
	if got, _ := exchange(t, metrics, "GET /metrics HTTP/1.1\nHost: localhost\nConnection: close\n\n"); got != 200 {
		t.Errorf("/metrics without a database: %d", got)
	}
}

func TestExpiryOfATokenIsWhatMetaSays(t *testing.T) {
	simulator := metasim.New(metasim.Config{Strict: true, BusinessAccounts: []metasim.BusinessAccount{{ID: "100", Token: "EAA-token", PhoneNumbers: []metasim.PhoneNumber{{ID: "1"}}}}})
	meta := httptest.NewServer(simulator)
	t.Cleanup(func() {
		_ = simulator.Close()
		meta.Close()
	})
	body := fmt.Sprintf(`{"data":{"is_valid":true,"expires_at":%d}}`, time.Now().Add(100*time.Hour).Unix())
	if _, err := simulator.AddFault(metasim.Fault{Operation: metasim.OperationDebugToken, Body: body}); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	start(t, func(c *gateway.Config, _ string) {
		c.Metrics.Listener, c.Graph.BaseURL = listener, meta.URL
		if _, err := c.State.Link(t.Context(), state.BusinessAccount{AccountID: account, MetaID: "100", Token: secret.New("EAA-token")}); err != nil {
			t.Fatal(err)
		}
	})
	form := regexp.MustCompile(`(?m)^ferry_token_expiry_seconds ([0-9]+)`)
	for t.Context().Err() == nil { // until the token was looked at
		response, err := http.Get("http://" + listener.Addr().String() + gateway.MetricsPath)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if match := form.FindSubmatch(text); match != nil {
			if seconds, _ := strconv.Atoi(string(match[1])); seconds < 99*3600 || seconds > 100*3600 {
				t.Errorf("the token expires in %s s", match[1])
			}
			break
		}
	}
}
