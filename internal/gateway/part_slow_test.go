package gateway

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ferry/internal/admission"
)

// A pipeListener accepts one connection.
type pipeListener struct {
	connection chan net.Conn
	closed     chan struct{}
	isClosed   atomic.Bool
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.connection:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	if !l.isClosed.Swap(true) {
		close(l.closed)
	}
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func TestClientThatDoesNotReadLosesItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &Gateway{config: Config{Logger: slog.New(slog.DiscardHandler), BodyTimeout: bodyTimeout}, admission: admission.New(admission.Config{}), base: context.Background()}
		listener := &pipeListener{connection: make(chan net.Conn, 1), closed: make(chan struct{})}
		s := g.newServer(Part{Name: "API", Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), Listener: listener, Signed: true})
		ended := make(chan error)
		go func() { ended <- s.serve() }()
		client, server := net.Pipe()
		listener.connection <- server
		started := time.Now()
		if _, err := io.WriteString(client, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // the server cannot send its response
		patience, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		if err := s.http.Shutdown(patience); err != nil { // waits for the response
			t.Error(err)
			_ = s.http.Close()
		}
		if waited := time.Since(started); waited < flushTimeout || waited > flushTimeout+2*time.Second {
			t.Errorf("the connection was closed after %v", waited)
		}
		if text, err := io.ReadAll(client); err != nil || len(text) > 0 {
			t.Errorf("%q, %v", text, err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
