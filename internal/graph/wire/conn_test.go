package wire

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"
)

// countingConn counts the writes to a connection.
type countingConn struct {
	net.Conn
	writes *atomic.Int64
}

func (c countingConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// secured returns an upload connection over TLS to a server that reads until its
// client closes the writing side, and sends the digest of what it read.
func secured(t *testing.T) (conn *uploadConn, writes *atomic.Int64, digest <-chan [sha256.Size]byte) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS() // for its certificate
	certificate, roots := server.TLS.Certificates[0], x509.NewCertPool()
	roots.AddCert(server.Certificate())
	server.Close()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	sums := make(chan [sha256.Size]byte, 1)
	go func() {
		taken, err := listener.Accept()
		if err != nil {
			return
		}
		defer taken.Close()
		all, _ := io.ReadAll(taken)
		sums <- sha256.Sum256(all)
	}()
	plain, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	writes = new(atomic.Int64)
	records := &recordConn{Conn: countingConn{plain, writes}}
	over := tls.Client(records, &tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS12})
	if err := over.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &uploadConn{Conn: over, records: records}, writes, sums
}

func TestPieceGoesOutWithOneWriteOverTLS(t *testing.T) {
	const pieces = 16
	content := make([]byte, pieces*pieceSize+1000)
	for i := range content {
		content[i] = byte(rand.Uint32())
	}
	conn, writes, digest := secured(t)
	writes.Store(0)
	// A TLS source returns at most 16 KiB for each Read.
	n, err := conn.ReadFrom(iotest.HalfReader(bytes.NewReader(content)))
	if err != nil || n != int64(len(content)) {
		t.Fatalf("%d of %d bytes, %v", n, len(content), err)
	}
	// The first records of a connection are small, which needs one or two more writes.
	if got := writes.Load(); got > pieces+2 {
		t.Errorf("%d writes for %d pieces", got, pieces+1)
	}
	_ = conn.Close()
	if <-digest != sha256.Sum256(content) {
		t.Error("other bytes arrived")
	}
}

func TestBrokenSourceEndsTheBodyWithItsError(t *testing.T) {
	conn, _, _ := secured(t)
	defer conn.Close()
	broken := io.ErrUnexpectedEOF // as a source reports that it was cut off
	n, err := conn.ReadFrom(io.MultiReader(bytes.NewReader(make([]byte, 1000)), iotest.ErrReader(broken)))
	if n != 1000 || !errors.Is(err, broken) {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestServerOfAnotherNameIsNotTalkedTo(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") }))
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate()) // for example.com and 127.0.0.1
	dialer := &uploadDialer{connect: new(net.Dialer).DialContext, tls: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, handshake: 5 * time.Second}
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	if conn, err := dialer.dialTLS(t.Context(), "tcp", "127.0.0.1:"+port); err != nil {
		t.Error(err)
	} else {
		_ = conn.Close()
	}
	var wrongName x509.HostnameError
	if _, err := dialer.dialTLS(t.Context(), "tcp", "localhost:"+port); !errors.As(err, &wrongName) {
		t.Errorf("%v", err)
	}
}

func TestHandshakeThatHangsIsGivenUp(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	dialer := &uploadDialer{connect: new(net.Dialer).DialContext, tls: &tls.Config{MinVersion: tls.VersionTLS12}, handshake: 20 * time.Millisecond}
	if _, err := dialer.dialTLS(t.Context(), "tcp", silent.Addr().String()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// stuckConn is a connection whose peer reads nothing.
type stuckConn struct {
	net.Conn
	stuck, closed chan struct{}
	tried, ended  sync.Once
}

func (c *stuckConn) Write([]byte) (int, error) {
	c.tried.Do(func() { close(c.stuck) })
	<-c.closed
	return 0, net.ErrClosed
}

func (c *stuckConn) Close() error {
	c.ended.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// Without the check in Close, TLS would send its close alert after the piece that
// cannot be sent.
func TestConnectionToAPeerThatReadsNothingClosesAtOnce(t *testing.T) {
	conn, _, _ := secured(t)
	stuck := &stuckConn{Conn: conn.records.Conn, stuck: make(chan struct{}), closed: make(chan struct{})}
	conn.records.Conn = stuck
	over := make(chan error, 1)
	go func() {
		_, err := conn.ReadFrom(bytes.NewReader(make([]byte, 1000)))
		over <- err
	}()
	<-stuck.stuck
	_ = conn.Close()
	if err := <-over; !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v", err)
	}
}
