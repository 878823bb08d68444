package gateway

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"ferry/internal/social"
)

// ErrCutOff says that requests in progress were cut off by a stop.
var ErrCutOff = errors.New("stopped before all requests in progress were done")

var errDrainTimeout = errors.New("drain timeout exceeded")

const (
	// drainTimeout is the default of Config.DrainTimeout.
	drainTimeout = 30 * time.Second
	// stopGrace bounds how long requests and loops that Stop has ended may take to
	// return, and their responses to be sent.
	stopGrace = time.Second
)

// Run serves until ctx is done and then drains the gateway:
//
//  1. For DrainDelay it continues to accept requests, while /readyz returns 503.
//  2. It closes the listeners and waits for the requests in progress, those of
//     disconnected clients too. Loops with EndsFirst end meanwhile.
//  3. It ends the loops and waits for them.
//
// Steps 2 and 3 together take at most DrainTimeout; what is in progress then is
// ended as by [Gateway.Stop]. A part or a loop that fails ends everything in
// progress with its error as the cause, and Run returns that error.
//
// Run does not close the gateway. It may be called once.
func (g *Gateway) Run(ctx context.Context) error {
	if g.started.Swap(true) {
		return errors.New("the gateway has run or was closed; it runs only once")
	}
	defer close(g.ended)
	loops, endLoops := context.WithCancel(g.base)
	defer endLoops()
	first, endFirst := context.WithCancel(loops)
	defer endFirst()
	group, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	defer context.AfterFunc(failed, func() { g.Stop(context.Cause(failed)) })()
	for _, server := range g.servers {
		group.Go(server.serve)
	}
	for _, loop := range g.loops {
		until := loops
		if loop.EndsFirst {
			until = first
		}
		group.Go(func() error { return loop.run(until) })
	}
	select {
	case <-ctx.Done():
		g.announceDrain(context.Cause(ctx))
	case <-g.base.Done():
	}
	drain, cancel := context.WithTimeout(g.base, g.config.DrainTimeout)
	defer cancel()
	endFirst()
	err := g.shutDown(drain)
	endLoops()
	return errors.Join(g.wait(drain, group, failed), err)
}

// Stop ends everything in progress at once: Run returns within seconds, with
// [ErrCutOff] if there were requests in progress. The contexts of requests and
// loops are cancelled with a cause that wraps [social.ErrStopped] and the given
// one. Only the first call of Stop has an effect.
func (g *Gateway) Stop(cause error) {
	g.stop.Do(func() {
		g.cutOff.Store(g.requests.Load() > 0)
		cause = fmt.Errorf("%w: %w", social.ErrStopped, cause)
		g.cancel(cause)
		if g.service != nil {
			g.service.Stop(cause)
		}
	})
}

// announceDrain lets load balancers know that the gateway is about to stop.
func (g *Gateway) announceDrain(cause error) {
	g.draining.Store(true)
	g.config.Logger.Info("stopping", "cause", cause, "drain_delay", g.config.DrainDelay, "drain_timeout", g.config.DrainTimeout)
	select {
	case <-time.After(g.config.DrainDelay):
	case <-g.base.Done():
	}
}

// shutDown closes the listeners and waits for the requests in progress until
// drain is done. Then it ends those requests and waits a moment for them and for
// their responses.
func (g *Gateway) shutDown(drain context.Context) error {
	g.service.Drain()
	for _, server := range g.servers {
		if server.drain != nil {
			server.drain()
		}
	}
	err := g.finishRequests(drain)
	if err != nil {
		g.Stop(errDrainTimeout)
		grace, cancel := context.WithTimeout(context.WithoutCancel(drain), stopGrace)
		defer cancel()
		_ = g.finishRequests(grace)
	}
	for _, server := range g.servers {
		_ = server.http.Close() // connections without a request, and what has not ended in stopGrace
	}
	if g.cutOff.Load() {
		return ErrCutOff
	}
	return nil
}

// finishRequests closes the listeners and waits for the requests in progress.
func (g *Gateway) finishRequests(ctx context.Context) error {
	var group errgroup.Group
	for _, server := range g.servers {
		group.Go(func() error { return server.http.Shutdown(ctx) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	// http.Server.Shutdown does not wait for HTTP/2 requests whose client has
	// disconnected. Like Shutdown, poll.
	for g.requests.Load() > 0 {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// wait waits for servers and loops until drain is done, and stopGrace longer. It
// returns the error with which one of them has failed.
func (g *Gateway) wait(drain context.Context, group *errgroup.Group, failed context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- group.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-drain.Done():
	}
	g.Stop(errDrainTimeout)
	select {
	case err := <-ended:
		return err
	case <-time.After(stopGrace):
		var names []string
		for _, loop := range g.loops {
			if !loop.ended.Load() {
				names = append(names, loop.Name)
			}
		}
		return errors.Join(context.Cause(failed), fmt.Errorf("stopped before these loops had ended: %s", strings.Join(names, ", ")))
	}
}
