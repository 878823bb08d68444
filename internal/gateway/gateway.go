// Package gateway puts ferry's server together: the store, the Graph client,
// the sources and the API on one listener. `ferry serve`, `ferry dev`, `ferry
// demo` and tests all run this same code; only addresses and limits differ.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"ferry/internal/graph"
	"ferry/internal/guard"
	"ferry/internal/object"
	"ferry/internal/secret"
	"ferry/internal/social"
	"ferry/internal/state"
)

// Config is what a Gateway is made of.
type Config struct {
	State   *state.DB      // required; the gateway closes it
	Sealer  *secret.Sealer // required; the one that State was opened with
	Graph   graph.Config
	Objects object.Config // Guard is set by the gateway
	// Own holds the addresses that no source may name: the other listeners of
	// this process, and the database. The gateway adds its own. Default: a new one.
	Own *guard.Own
	// Limits and region of the API; State, Graph, Objects, Sealer and Logger
	// are set by the gateway.
	API    social.Config
	Logger *slog.Logger // default: discards
	// How long a caller may take to send a request's body; default 30 s.
	BodyTimeout time.Duration
	// How long calls are still taken after a stop was asked for, while /readyz
	// says 503 and load balancers look elsewhere; default 0.
	DrainDelay time.Duration
	// How long uploads in flight may go on after that; default 30 s.
	DrainTimeout time.Duration
	// Certificate and key in PEM files; both or none. None = plain HTTP.
	CertFile, KeyFile string
}

// Gateway is an opened server.
type Gateway struct {
	config   Config
	graph    *graph.Client
	objects  *object.Opener
	handler  http.Handler
	draining atomic.Bool
	calls    atomic.Int64 // in flight, health checks included

	base   context.Context // of all calls
	cutOff context.CancelCauseFunc
}

// Open makes everything that the server needs, and listens nowhere yet. When
// it fails, the store is closed too.
func Open(ctx context.Context, config Config) (g *Gateway, err error) {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.DrainTimeout <= 0 {
		config.DrainTimeout = 30 * time.Second
	}
	if config.BodyTimeout <= 0 {
		config.BodyTimeout = 30 * time.Second
	}
	if config.Own == nil {
		config.Own = new(guard.Own)
	}
	g = &Gateway{config: config}
	g.base, g.cutOff = context.WithCancelCause(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			err = errors.Join(err, g.Close())
		}
	}()
	if (config.CertFile == "") != (config.KeyFile == "") {
		return g, errors.New("a TLS certificate needs its key: give both files or none")
	}
	if g.graph, err = graph.New(config.Graph); err != nil {
		return g, err
	}
	config.Objects.Guard = guard.New(guard.Config{Own: config.Own})
	if g.objects, err = object.New(ctx, config.Objects); err != nil {
		return g, err
	}
	config.API.State, config.API.Graph, config.API.Objects = config.State, g.graph, g.objects
	config.API.Sealer, config.API.Logger, config.API.Until = config.Sealer, config.Logger, g.base
	service, err := social.New(config.API)
	if err != nil {
		return g, err
	}
	g.handler = g.withHealth(service)
	return g, nil
}

// State is the gateway's database, for administration beside the API.
func (g *Gateway) State() *state.DB { return g.config.State }

// Graph is the gateway's client of the Graph API, for administration.
func (g *Gateway) Graph() *graph.Client { return g.graph }

// Close ends what is under way and closes what Open opened.
func (g *Gateway) Close() error {
	g.cutOff(nil)
	if g.objects != nil {
		g.objects.Close()
	}
	if g.graph != nil {
		g.graph.Close()
	}
	return g.config.State.Close()
}

// withHealth adds the two health checks. They say nothing but their status:
//
//	GET /livez   200 while the process runs
//	GET /readyz  200 while it takes calls; 503 when it is about to stop or its database does not answer
func (g *Gateway) withHealth(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.calls.Add(1)
		defer g.calls.Add(-1)
		// Whoever is slow to send a body, or to take an answer, is cut off, also
		// where nobody reads the body: net/http does, before it answers. The API
		// lifts the first limit once it has the whole body.
		connection := http.NewResponseController(w)
		_ = connection.SetReadDeadline(time.Now().Add(g.config.BodyTimeout))
		_ = connection.SetWriteDeadline(time.Time{})
		switch {
		case r.Method == http.MethodGet && r.RequestURI == "/livez":
			w.WriteHeader(http.StatusOK)
		case r.Method == http.MethodGet && r.RequestURI == "/readyz":
			ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
			defer cancel()
			if g.draining.Load() || g.config.State.Ping(ctx) != nil {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		default:
			api.ServeHTTP(w, r)
		}
	})
}

// ErrCutOff says that a stop did not wait for all calls.
var ErrCutOff = errors.New("stopped before all calls in flight were done")

// answerGrace is how long a stop in a hurry waits for answers that are on their
// way out, when no call is in flight, or for the calls that it cut off to end.
const answerGrace = time.Second

// Serve answers calls on a listener until ctx is done, and for DrainDelay
// more. Then it takes no more, waits up to DrainTimeout for the calls in
// flight, and cuts off the rest; so it does at once when hurry is done. It
// closes the listener, not the gateway, which does not serve again.
func (g *Gateway) Serve(ctx, hurry context.Context, listener net.Listener) error {
	defer g.config.Own.AddListener(listener)()
	server := &http.Server{
		Handler:           g.handler,
		BaseContext:       func(net.Listener) context.Context { return g.base },
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(g.config.Logger.Handler(), slog.LevelDebug),
	}
	var purging sync.WaitGroup
	purging.Go(func() {
		_ = g.config.State.Run(g.base, func(err error) { g.config.Logger.Warn("database", "cause", err) }) // ends with base
	})
	defer func() {
		g.cutOff(nil)
		purging.Wait()
	}()
	failed := make(chan error, 1)
	go func() {
		if g.config.CertFile != "" {
			failed <- server.ServeTLS(listener, g.config.CertFile, g.config.KeyFile)
		} else {
			failed <- server.Serve(listener)
		}
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("serving %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	g.draining.Store(true)
	g.config.Logger.Info("stopping", "drain_delay", g.config.DrainDelay, "drain_timeout", g.config.DrainTimeout)
	select {
	case <-time.After(g.config.DrainDelay):
	case <-hurry.Done():
	}
	drain, cancel := context.WithTimeout(hurry, g.config.DrainTimeout)
	defer cancel()
	err := server.Shutdown(drain)
	if err == nil { // Shutdown does not wait for the calls of HTTP/2 whose caller has gone
		err = g.callsEnd(drain)
	}
	if err != nil && g.calls.Load() > 0 {
		g.cutOff(social.ErrStopped)
		err := errors.Join(ErrCutOff, server.Close())
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerGrace)
		defer cancel()
		_ = g.callsEnd(grace) // the database is closed next
		return err
	}
	if err != nil {
		// What is left has no call: an answer that is being sent, or a connection
		// that has not asked for anything yet.
		grace, cancel := context.WithTimeout(g.base, answerGrace)
		defer cancel()
		_ = server.Shutdown(grace)
	}
	return server.Close()
}

// callsEnd waits until no call is in flight. It asks again and again, as
// http.Server.Shutdown does.
func (g *Gateway) callsEnd(ctx context.Context) error {
	for g.calls.Load() > 0 {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
