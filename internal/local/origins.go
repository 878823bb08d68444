// Which web pages may call the embedded S3 server.

package local

import (
	"net/http"
	"strings"
)

// withOrigins returns a handler that lets only pages of this machine and of
// Config.Origins call another one, unlike gofakes3. Their signature proves nothing,
// because everybody knows the key of the sample account. It answers preflight
// requests.
func (w *World) withOrigins(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		origins := r.Header["Origin"]
		c := &corsWriter{ResponseWriter: rw}
		if len(origins) > 0 {
			c.origin = origins[0]
		}
		switch {
		case len(origins) > 1 || len(origins) == 1 && !w.access.AllowsOrigin(c.origin):
			writeS3Error(rw, http.StatusForbidden, "AccessForbidden", "A web page of this origin must not call this server. To allow it, start ferry dev with --allow-origin ORIGIN.")
			return
		case c.origin != "" && r.Method == http.MethodOptions:
			c.Header().Set("Access-Control-Allow-Methods", "GET, HEAD, PUT, POST, DELETE")
			c.Header().Set("Access-Control-Allow-Headers", "*, Authorization")
		default:
			next.ServeHTTP(c, r)
		}
		c.WriteHeader(http.StatusOK) // if nothing was written
	})
}

// A corsWriter replaces the CORS headers of a response.
type corsWriter struct {
	http.ResponseWriter
	origin  string // of the page; empty means a program
	written bool
}

// WriteHeader implements [http.ResponseWriter].
func (c *corsWriter) WriteHeader(status int) {
	if c.written {
		return
	}
	c.written = true
	header := c.Header()
	header.Add("Vary", "Origin")
	if c.origin != "" {
		header.Set("Access-Control-Allow-Origin", c.origin)
		header.Set("Access-Control-Expose-Headers", "*")
	} else {
		for name := range header {
			if strings.HasPrefix(name, "Access-Control-") {
				delete(header, name)
			}
		}
	}
	c.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (c *corsWriter) Write(p []byte) (int, error) {
	c.WriteHeader(http.StatusOK)
	return c.ResponseWriter.Write(p)
}

// Unwrap returns the writer that a [http.ResponseController] controls.
func (c *corsWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }
