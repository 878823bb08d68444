package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// HealthPath is the path of the health of each part, as JSON.
const HealthPath = "/_ferry/health"

// Health says whether the server accepts requests, and which of its parts do not work.
type Health struct {
	Status  string       `json:"status"`            // ok or unavailable
	Version string       `json:"version,omitempty"` // of the server: where reasons are shown, too
	Parts   []PartHealth `json:"parts"`
}

// PartHealth is the health of one part.
type PartHealth struct {
	Name   string `json:"name"`
	Status string `json:"status"`           // ok or unavailable
	Reason string `json:"reason,omitempty"` // for developers and operators: in ferry dev, and where metrics are served
}

const (
	healthy     = "ok"
	unavailable = "unavailable"
)

// String returns one line: what is not available, and why.
func (h Health) String() string {
	var parts []string
	for _, p := range h.Parts {
		if p.Status == healthy {
			continue
		}
		text := p.Name + " is not available"
		if p.Reason != "" {
			text += ": " + p.Reason
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return h.Status
	}
	return strings.Join(parts, "; ")
}

// A Check is a part of the server beside the API and the database.
type Check struct {
	Name string
	// Run returns why the part is not available. It must return soon after ctx is done.
	Run func(ctx context.Context) error
}

var errDraining = errors.New("the server is stopping")

// Health checks all parts.
func (g *Gateway) Health(ctx context.Context) Health { return g.health(ctx, g.config.ShowReasons) }

// health checks all parts, and says why a part does not work if withReasons is set.
func (g *Gateway) health(ctx context.Context, withReasons bool) Health {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	accepts := func(context.Context) error {
		if g.draining.Load() {
			return errDraining
		}
		return nil
	}
	health := Health{Status: healthy}
	if withReasons {
		health.Version = g.config.Version
	}
	for _, check := range slices.Concat([]Check{{"api", accepts}, {"database", g.config.State.Ping}}, g.config.Checks) {
		part := PartHealth{Name: check.Name, Status: healthy}
		if err := check.Run(ctx); err != nil {
			part.Status, health.Status = unavailable, unavailable
			if withReasons {
				part.Reason = err.Error()
			}
		}
		health.Parts = append(health.Parts, part)
	}
	return health
}

// serveHealth serves HealthPath.
func serveHealth(w http.ResponseWriter, health Health) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if health.Status != healthy {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(health)
}

// serveReady serves /readyz.
func serveReady(w http.ResponseWriter, health Health, withReasons bool) {
	if health.Status == healthy {
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	if withReasons {
		fmt.Fprintln(w, health)
	}
}
