package gateway

import "net/http"

// Wrap puts something around the handler, before Serve.
func (g *Gateway) Wrap(around func(http.Handler) http.Handler) { g.handler = around(g.handler) }
