package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// A Part is an HTTP server within a Gateway.
type Part struct {
	Name     string // in errors and in the log
	Handler  http.Handler
	Listener net.Listener
	TLS      *tls.Config // nil means plain HTTP

	// Open makes Handler when the gateway is open, in place of Handler: for a part that
	// shows what the gateway has.
	Open func(*Gateway) (http.Handler, error)

	// SharesTLS says that the part is encrypted as the API is, in place of TLS.
	SharesTLS bool

	// Signed says that Handler verifies the signature of every request. Requests of
	// any other part must have a host name and an origin that Config.Access accepts.
	Signed bool
}

// A drainer is a handler whose responses may not end by themselves, such as streams.
type drainer interface {
	// Drain ends such responses, and those of later requests. The gateway calls it when it
	// closes its listeners.
	Drain()
}

// A Loop is background work within a Gateway. Run works until ctx is done and
// then returns soon; before that it returns only an error that must stop the
// gateway.
type Loop struct {
	Name string // in errors and in the log
	Run  func(ctx context.Context) error

	// EndsFirst says that the loop ends while the requests in progress continue, so
	// that both have all of DrainTimeout. Other loops end after the requests.
	EndsFirst bool
}

// server serves a Part.
type server struct {
	Part
	drain func() // of a drainer; nil for other handlers
	http  http.Server
}

// Limits of every part.
const (
	readHeaderTimeout = 10 * time.Second // for a client to send the header of a request
	bodyTimeout       = 30 * time.Second // for a client to send the body; the default of Config.BodyTimeout
	idleTimeout       = 2 * time.Minute  // for a connection without a request
	flushTimeout      = 30 * time.Second // for a client to accept the end of a response that has no other limit
)

// newServer returns the server of a part, with the limits of every part.
// The base context of its requests is the gateway's.
func (g *Gateway) newServer(part Part) *server {
	var drain func()
	if d, ok := part.Handler.(drainer); ok && !part.Signed {
		drain = d.Drain
	}
	if !part.Signed {
		part.Handler = g.config.Access.Unsigned(part.Handler)
	}
	listener := g.admission.Listener(part.Listener, part.TLS != nil)
	if part.TLS == nil {
		part.Handler, listener = refuseAmbiguous(part.Handler), framedListener{listener}
	}
	part.Listener = listener
	s := &server{part, drain, http.Server{
		Handler:           g.limited(part.Handler),
		TLSConfig:         part.TLS.Clone(), // the server changes it, and parts may share one
		BaseContext:       func(net.Listener) context.Context { return g.base },
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(g.config.Logger.Handler(), slog.LevelDebug),
	}}
	g.admission.Apply(&s.http)
	return s
}

// limited counts the requests of a handler, and bounds the time in which a
// client sends a request's body and accepts the end of its response.
func (g *Gateway) limited(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.requests.Add(1)
		defer g.requests.Add(-1)
		// The deadline holds for a body that the handler does not read, too:
		// net/http reads it before it sends the response. The API lifts the
		// deadline once it has the whole body.
		connection := http.NewResponseController(w)
		_ = connection.SetReadDeadline(time.Now().Add(g.config.BodyTimeout))
		_ = connection.SetWriteDeadline(time.Time{})
		handler.ServeHTTP(w, r)
		// What a short response leaves in a buffer is sent when the handler has
		// returned. The connection of a client that does not read would stay forever.
		_ = connection.SetWriteDeadline(time.Now().Add(flushTimeout))
	})
}

// serve serves until the server is shut down or closed.
func (s *server) serve() (err error) {
	if s.TLS != nil {
		err = s.http.ServeTLS(s.Listener, "", "")
	} else {
		err = s.http.Serve(s.Listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("the %s at %s failed: %w", s.Name, s.Listener.Addr(), err)
}

// loop runs a Loop.
type loop struct {
	Loop
	ended atomic.Bool
}

// run runs the loop until ctx is done.
func (l *loop) run(ctx context.Context) error {
	defer l.ended.Store(true)
	err := l.Run(ctx)
	switch {
	case ctx.Err() != nil && (err == nil || errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx))):
		return nil
	case err == nil:
		err = errors.New("it returned before it was stopped")
	}
	return fmt.Errorf("the loop %s failed: %w", l.Name, err)
}
