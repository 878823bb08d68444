package gateway

import "net/http"

// Wrap replaces the API's handler, before Run.
func (g *Gateway) Wrap(around func(http.Handler) http.Handler) {
	api := &g.servers[0].http
	api.Handler = around(api.Handler)
}
