package metasim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	headerTimeout   = 10 * time.Second // for a client to send the header of a request
	idleTimeout     = 2 * time.Minute  // for a connection without a request
	maxHeaderBytes  = 32 << 10         // of the header of a request
	shutdownTimeout = time.Second      // for requests in progress when Run ends
	sweepInterval   = time.Minute      // between two removals of what has expired; the default of Config.SweepInterval
)

// Run serves the Graph API on one listener and the control API on the other
// until ctx is done, carries out the steps of messages, reviews templates, delivers webhooks, and removes
// what has expired once a minute. A nil control means no control API. Run closes both
// listeners.
//
// When ctx is done, the waits of faults end at once, other requests in progress
// have a second to complete, and Run returns nil. It returns an error as soon
// as one of the listeners fails. The Server can be used and run again
// afterwards, until Close.
func (s *Server) Run(ctx context.Context, graph, control net.Listener) error {
	s.graphOrigin.Store("http://" + graph.Addr().String())
	loops := append(s.background(), func(ctx context.Context) error { return s.listen(ctx, "Graph API", graph, s) })
	if control != nil {
		loops = append(loops, func(ctx context.Context) error { return s.listen(ctx, "control API", control, s.Control()) })
	}
	return s.runAll(ctx, loops)
}

// RunBackground does what Run does besides serving: it carries out the steps of
// messages, reviews templates, delivers webhooks and removes what has expired, until ctx is done. It is
// for a program that serves the Server and its Control with servers of its own.
func (s *Server) RunBackground(ctx context.Context) error { return s.runAll(ctx, s.background()) }

// Running returns a channel that is closed when Run or RunBackground has begun: from then on,
// AdvanceClock waits for what is due.
func (s *Server) Running() <-chan struct{} { return s.running }

// background returns the loops of RunBackground.
func (s *Server) background() []func(context.Context) error {
	return []func(context.Context) error{s.removeExpiredRegularly, s.advanceMessages, s.advanceTemplates, s.webhooks.deliver}
}

// runAll runs loops until ctx is done or one of them ends, and then waits for all.
func (s *Server) runAll(ctx context.Context, loops []func(context.Context) error) error {
	s.loops.Add(1)
	defer s.loops.Add(-1)
	s.runningOnce.Do(func() { close(s.running) })
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error)
	for _, loop := range loops {
		go func() {
			defer stop()
			ended <- loop(ctx)
		}()
	}
	var problems []error
	for range loops {
		problems = append(problems, <-ended)
	}
	return errors.Join(problems...)
}

// listen serves a handler until ctx is done. The contexts of requests end with
// ctx.
func (s *Server) listen(ctx context.Context, name string, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnState:         newWaiting().changed,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelWarn),
	}
	stopped := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(stopped)
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		if server.Shutdown(bounded) != nil { // some did not complete in time
			_ = server.Close()
		}
	})
	err := server.Serve(listener)
	if !cancel() {
		<-stopped
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return errors.Join(fmt.Errorf("metasim: serving the %s: %w", name, err), server.Close())
}

func (s *Server) removeExpiredRegularly(ctx context.Context) error {
	ticker := time.NewTicker(s.cfg.SweepInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			s.removeExpired()
		}
	}
}
