package e2e

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"sync/atomic"
	"testing"
)

// A balancer is one address before several servers. It sends each request to the next one,
// and to another one only if no connection could be made, so that no byte was sent. A
// request whose server ends meanwhile fails: the balancer cannot know what was done.
type balancer struct {
	url     string
	servers []atomic.Pointer[string] // host:port; nil until the server was started
	turn    atomic.Uint64
	carrier http.Transport
}

func startBalancer(t testing.TB, servers int) *balancer {
	b := &balancer{servers: make([]atomic.Pointer[string], servers), carrier: http.Transport{MaxIdleConnsPerHost: 64}}
	front := httptest.NewServer(&httputil.ReverseProxy{
		// Host, which is signed, stays what the client has sent.
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetXForwarded(); r.Out.URL.Scheme = "http" },
		Transport: b,
		// The client's connection is closed, as by a balancer of connections.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:     log.New(io.Discard, "", 0),
	})
	front.Config.ErrorLog = log.New(io.Discard, "", 0)
	b.url = front.URL
	t.Cleanup(func() {
		front.CloseClientConnections()
		front.Close()
		b.carrier.CloseIdleConnections()
	})
	return b
}

// RoundTrip sends a request to a server that can be connected to.
func (b *balancer) RoundTrip(request *http.Request) (response *http.Response, err error) {
	err = errors.New("no server was started")
	for range b.servers {
		address := b.servers[b.turn.Add(1)%uint64(len(b.servers))].Load()
		if address == nil {
			continue
		}
		attempt := request.Clone(request.Context())
		attempt.URL.Host = *address
		if request.Body != nil {
			attempt.Body = io.NopCloser(request.Body) // a failed attempt must not close it
		}
		if response, err = b.carrier.RoundTrip(attempt); err == nil {
			return response, nil
		}
		var failed *net.OpError
		if !errors.As(err, &failed) || failed.Op != "dial" {
			return nil, err
		}
	}
	return nil, err
}
