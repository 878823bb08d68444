package admission_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"ferry/internal/admission"
)

// patience ends a wait for something that never happens.
const patience = 20 * time.Second

// world is a server behind a Limiter. A request for /verified is of a known
// caller, one for /hold is too and lasts until release, one for /late lasts until
// release and is of a known caller only then, one for /wait lasts until release and
// is never verified, and one for /upload is not, either: its body is read.
type world struct {
	t       *testing.T
	limiter *admission.Limiter
	address string
	isTLS   bool
	began   chan struct{} // one value for each request for /hold
	release chan struct{}
}

func start(t *testing.T, config admission.Config, isTLS bool) *world {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has the addresses 127.0.0.2 and above without configuration")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, limiter: admission.New(config), address: listener.Addr().String(), isTLS: isTLS, began: make(chan struct{}, 100), release: make(chan struct{})}
	server := &http.Server{Handler: w, ReadHeaderTimeout: patience, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	w.limiter.Apply(server)
	listener = w.limiter.Listener(listener, isTLS)
	ended := make(chan error, 1)
	go func() {
		if isTLS {
			double := httptest.NewUnstartedServer(nil)
			double.StartTLS() // for its certificate
			server.TLSConfig = &tls.Config{Certificates: double.TLS.Certificates}
			double.Close()
			ended <- server.ServeTLS(listener, "", "")
			return
		}
		ended <- server.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-ended
		w.eventually("the sums are 0 when all connections are closed", func() bool {
			open, held, dying := w.limiter.Sums()
			return open == 0 && held == 0 && dying == 0
		})
	})
	return w
}

func (w *world) ServeHTTP(response http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/verified":
		admission.Verified(r.Context())
	case "/hold":
		admission.Verified(r.Context())
		w.began <- struct{}{}
		<-w.release
	case "/wait", "/late":
		w.began <- struct{}{}
		<-w.release
		if r.URL.Path == "/wait" {
			return
		}
		admission.Verified(r.Context())
		fallthrough
	case "/upload":
		if _, err := io.Copy(io.Discard, r.Body); errors.Is(err, admission.ErrBusy) {
			response.WriteHeader(http.StatusServiceUnavailable)
		} else if err != nil {
			response.WriteHeader(http.StatusBadRequest)
		}
	}
}

// eventually waits for what happens in goroutines of the server, which send no
// event.
func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	for limit := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			open, held, dying := w.limiter.Sums()
			w.t.Fatalf("this does not happen: %s (%d connections, %d bytes held, %d dying)", what, open, held, dying)
		}
	}
}

// client is a connection to the server.
type client struct {
	net.Conn
	w      *world
	reader *bufio.Reader
}

// connect connects from an address, and waits until the server has accepted.
func (w *world) connect(from string) *client {
	w.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: patience}
	c, err := dialer.DialContext(context.Background(), "tcp", w.address)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	if w.isTLS {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the test's own certificate
	}
	return &client{c, w, bufio.NewReader(c)}
}

// get requests a path and returns the status, or 0 if the connection is closed.
func (c *client) get(path string) int {
	if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		return 0
	}
	return c.status()
}

// status reads a response, and returns its status or 0.
func (c *client) status() int {
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	return response.StatusCode
}

// closed waits until the server has closed the connection.
func (c *client) closed() {
	c.w.t.Helper()
	if _, err := c.reader.ReadByte(); err == nil || errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
		c.w.t.Errorf("the connection is still open: %v", err)
	}
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}
