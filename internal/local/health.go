// Whether the servers of a world respond.

package local

import (
	"context"
	"crypto/tls"
	"net/http"

	"ferry/internal/gateway"
	"ferry/metasim"
)

// checks returns the health checks of the servers beside the gateway.
func (w *World) checks() []gateway.Check {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	transport := &http.Transport{DisableKeepAlives: true}
	if w.authority != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: w.authority.roots, MinVersion: tls.VersionTLS12}
	}
	if w.config.Network != nil {
		transport.DialContext = w.config.Network.DialContext
	}
	client.Transport = transport
	responds := func(url string) func(context.Context) error {
		return func(ctx context.Context) error {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
			if err != nil {
				return err
			}
			response, err := client.Do(request)
			if err != nil {
				return err
			}
			return response.Body.Close()
		}
	}
	return []gateway.Check{
		{Name: "graph", Run: responds(w.urls.simulator + metasim.HealthPath)},
		{Name: "s3", Run: responds(w.urls.s3 + "/")},
		{Name: "simulator", Run: responds(w.urls.control + "/health")},
		{Name: "events", Run: func(context.Context) error { return w.Gateway.EventsProblem() }},
		{Name: "seed", Run: w.seedReady},
	}
}
