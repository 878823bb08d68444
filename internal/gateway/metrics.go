package gateway

import (
	"context"
	"net"
	"net/http"
	"time"

	"ferry/internal/graph"
	"ferry/internal/media"
	"ferry/internal/metrics"
	"ferry/internal/social"
	"ferry/internal/state"
)

// Metrics configures the metrics, for Prometheus.
type Metrics struct {
	// Listener is where they are served, at MetricsPath, with health checks that say why a
	// part does not work. The gateway closes it. Default: none, and nothing is counted.
	Listener net.Listener
	// Version is that of the server.
	Version string
	// DroppedLines returns how many lines of the log were dropped. Default: unknown.
	DroppedLines func() int64
}

// MetricsPath is the path of the metrics.
const MetricsPath = "/metrics"

// newMetrics returns what counts the entries, nil if there is no listener.
func (g *Gateway) newMetrics(config *Config, certificate *certificate) *metrics.Metrics {
	if config.Metrics.Listener == nil {
		return nil
	}
	var destinations []string
	for _, d := range config.Router.Destinations {
		destinations = append(destinations, d.Name)
	}
	gauges := metrics.Gauges{
		InFlight: func() int { return g.transfers.InProgress() },
		Backlogs: func(ctx context.Context) (messages, events metrics.Backlog, err error) {
			m, e, err := config.State.Backlogs(ctx)
			return backlogOf(m), backlogOf(e), err
		},
		Pools:   config.State.Pools,
		Size:    config.State.Size,
		Dropped: map[string]func() int64{"journal": config.Journal.Dropped},
	}
	if config.Metrics.DroppedLines != nil {
		gauges.Dropped["log"] = config.Metrics.DroppedLines
	}
	gauges.TokenExpiry = func() (time.Time, bool) { return g.tokens.expiry() }
	if config.Tracer != nil {
		gauges.Dropped["spans"] = config.Tracer.Dropped
	}
	if certificate != nil {
		gauges.CertificateExpiry = func() (time.Time, bool) { return certificate.current.Load().Leaf.NotAfter, true }
	}
	return metrics.New(metrics.Config{
		Version: config.Metrics.Version, Operations: social.Operations(), Codes: social.ErrorCodes(),
		GraphOperations: graph.Operations, MetaCodes: social.MetaCodes(), Findings: media.Codes(),
		Stores: g.objects.StoreNames(), Destinations: destinations, Gauges: gauges, Now: config.Now,
	})
}

func backlogOf(b state.Backlog) metrics.Backlog {
	return metrics.Backlog{Waiting: b.Waiting, Dead: b.Dead, OldestAt: b.OldestAt}
}

// metricsPart serves the metrics, and the health of the server with its reasons, which are
// for operators only.
func (g *Gateway) metricsPart(config *Config, counted *metrics.Metrics) Part {
	mux := http.NewServeMux()
	mux.Handle("GET "+MetricsPath, counted.Handler())
	mux.HandleFunc("GET /livez", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { serveReady(w, g.health(r.Context(), true), true) })
	mux.HandleFunc("GET "+HealthPath, func(w http.ResponseWriter, r *http.Request) { serveHealth(w, g.health(r.Context(), true)) })
	return Part{Name: "metrics", Handler: mux, Listener: config.Metrics.Listener, SharesTLS: true}
}
