package gateway_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"ferry/internal/gateway"
	"ferry/internal/social"
)

// console is a part with a request in progress, until it is released or ended.
type console struct {
	part    gateway.Part
	url     string
	began   chan struct{}
	release chan struct{}
	cause   chan error // why the request's context ended before its release
}

func newConsole(t *testing.T) *console {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &console{url: "http://" + listener.Addr().String(), began: make(chan struct{}), release: make(chan struct{}), cause: make(chan error, 1)}
	c.part = gateway.Part{Name: "console", Listener: listener, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(c.began)
		select {
		case <-c.release:
		case <-r.Context().Done():
			c.cause <- context.Cause(r.Context())
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})}
	return c
}

// get starts the request and returns its status later, or 0 without a response.
func (c *console) get() <-chan int {
	result := make(chan int, 1)
	go func() {
		response, err := http.Get(c.url)
		if err != nil {
			result <- 0
			return
		}
		_ = response.Body.Close()
		result <- response.StatusCode
	}()
	<-c.began
	return result
}

func refuses(address string) bool {
	connection, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
	if err == nil {
		_ = connection.Close()
	}
	return err != nil
}

func TestPartsServeAndDrainTogether(t *testing.T) {
	c := newConsole(t)
	loopEnded := make(chan struct{})
	g := start(t, func(config *gateway.Config, _ string) {
		config.DrainTimeout = time.Hour
		config.Parts = []gateway.Part{c.part}
		config.Loops = []gateway.Loop{{Name: "worker", Run: func(ctx context.Context) error {
			<-ctx.Done()
			close(loopEnded)
			return ctx.Err()
		}}}
	})
	if got := status(t, "http://"+g.address+"/livez"); got != http.StatusOK {
		t.Errorf("the API responds with %d", got)
	}
	result := c.get()
	g.drain()
	for !refuses(g.address) || !refuses(c.url) { //nolint:revive // until both have closed their listeners
	}
	select {
	case err := <-g.ended:
		t.Errorf("it did not wait for the request: %v", err)
	case <-loopEnded:
		t.Error("the loop ended before the request, which may need it")
	case <-time.After(50 * time.Millisecond): // a gateway that does not wait has stopped by then
	}
	close(c.release)
	if got := <-result; got != http.StatusOK {
		t.Errorf("the request in progress received %d", got)
	}
	if err := <-g.ended; err != nil {
		t.Error(err)
	}
	<-loopEnded
}

func TestPartThatFailsStopsTheGateway(t *testing.T) {
	c, broken := newConsole(t), newConsole(t)
	broken.part.Name = "metrics"
	g := start(t, func(config *gateway.Config, _ string) { config.Parts = []gateway.Part{c.part, broken.part} })
	result := c.get()
	_ = broken.part.Listener.Close()
	if cause := <-c.cause; !errors.Is(cause, net.ErrClosed) || !errors.Is(cause, social.ErrStopped) {
		t.Errorf("a request in progress was ended by %v", cause)
	}
	if got := <-result; got != http.StatusServiceUnavailable {
		t.Errorf("its response did not reach the client: %d", got)
	}
	err := <-g.ended
	if !errors.Is(err, net.ErrClosed) || !errors.Is(err, gateway.ErrCutOff) || !strings.Contains(err.Error(), "the metrics at "+strings.TrimPrefix(broken.url, "http://")) {
		t.Errorf("Run returned %v", err)
	}
	if !refuses(g.address) || !refuses(c.url) {
		t.Error("the other parts still listen")
	}
}

func TestLoopThatFailsStopsTheGateway(t *testing.T) {
	failure := errors.New("no connection")
	for name, result := range map[string]error{"with an error": failure, "by returning early": nil} {
		t.Run(name, func(t *testing.T) {
			c := newConsole(t)
			fail := make(chan struct{})
			g := start(t, func(config *gateway.Config, _ string) {
				config.Parts = []gateway.Part{c.part}
				config.Loops = []gateway.Loop{{Name: "outbox", Run: func(context.Context) error {
					<-fail
					return result
				}}}
			})
			c.get()
			close(fail)
			if cause := <-c.cause; !strings.Contains(cause.Error(), "outbox") || result != nil && !errors.Is(cause, result) {
				t.Errorf("a request in progress was ended by %v", cause)
			}
			if err := <-g.ended; !strings.Contains(err.Error(), "outbox") || result != nil && !errors.Is(err, result) {
				t.Errorf("Run returned %v", err)
			}
		})
	}
}

func TestCauseOfAStopReachesRequestsAndLoops(t *testing.T) {
	c := newConsole(t)
	ofLoop := make(chan error, 1)
	g := start(t, func(config *gateway.Config, _ string) {
		config.Parts = []gateway.Part{c.part}
		config.Loops = []gateway.Loop{{Name: "worker", Run: func(ctx context.Context) error {
			<-ctx.Done()
			ofLoop <- context.Cause(ctx)
			return context.Cause(ctx)
		}}}
	})
	c.get()
	second := errors.New("a second signal")
	g.Stop(second) // without a drain
	for _, cause := range []error{<-c.cause, <-ofLoop} {
		if !errors.Is(cause, second) || !errors.Is(cause, social.ErrStopped) {
			t.Errorf("ended by %v", cause)
		}
	}
	if err := <-g.ended; !errors.Is(err, gateway.ErrCutOff) {
		t.Errorf("Run returned %v", err)
	}
}

func TestStopDoesNotWaitForALoopThatDoesNotEnd(t *testing.T) {
	failure := errors.New("no connection")
	for name, fails := range map[string]bool{"after the drain timeout": false, "after another has failed": true} {
		t.Run(name, func(t *testing.T) {
			release, fail := make(chan struct{}), make(chan struct{})
			defer close(release)
			g := start(t, func(config *gateway.Config, _ string) {
				config.DrainTimeout = time.Millisecond
				config.Loops = []gateway.Loop{{Name: "worker", Run: func(context.Context) error {
					<-release
					return nil
				}}, {Name: "outbox", Run: func(ctx context.Context) error {
					select {
					case <-fail:
						return failure
					case <-ctx.Done():
						return nil
					}
				}}}
			})
			if fails {
				close(fail)
			} else {
				g.drain()
			}
			if err := <-g.ended; err == nil || !strings.HasSuffix(err.Error(), ": worker") || errors.Is(err, failure) != fails {
				t.Errorf("Run returned %v", err)
			}
		})
	}
}

func TestGatewayRunsOnce(t *testing.T) {
	g := start(t, nil)
	g.drain()
	if err := <-g.ended; err != nil {
		t.Error(err)
	}
	if err := g.Run(t.Context()); err == nil {
		t.Error("a gateway ran twice")
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if err := g.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
}

func TestGatewayThatIsClosedDoesNotRun(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := open(t, listener, nil)
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if err := g.Run(t.Context()); err == nil {
		t.Error("it ran")
	}
	if !refuses(listener.Addr().String()) {
		t.Error("it still listens")
	}
}
