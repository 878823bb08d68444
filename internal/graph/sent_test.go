package graph

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"ferry/internal/secret"
)

// A peer stands for Meta at the level of connections. It accepts one connection,
// which the test controls.
type peer struct {
	client *Client
	conn   chan net.Conn // receives the TCP connection
}

// newPeer returns a peer that calls speak with its connection (over TLS, with the
// decrypted one) and closes the connection when speak returns.
func newPeer(t *testing.T, overTLS bool, speak func(conn net.Conn, reader *bufio.Reader)) *peer {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	scheme := "http://"
	if overTLS {
		scheme = "https://"
	}
	p := &peer{conn: make(chan net.Conn, 1)}
	if p.client, err = New(Config{BaseURL: scheme + listener.Addr().String(), ResponseTimeout: 10 * time.Second}); err != nil {
		t.Fatal(err)
	}
	wrap := func(conn net.Conn) net.Conn { return conn }
	if overTLS {
		server := httptest.NewUnstartedServer(nil)
		server.StartTLS() // for its certificate
		config := &tls.Config{Certificates: server.TLS.Certificates, MinVersion: tls.VersionTLS12}
		roots := x509.NewCertPool()
		roots.AddCert(server.Certificate())
		server.Close()
		p.client.transport.TLSClientConfig.RootCAs = roots
		wrap = func(conn net.Conn) net.Conn { return tls.Server(conn, config) }
	}
	var running sync.WaitGroup
	running.Go(func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		p.conn <- conn
		spoken := wrap(conn)
		speak(spoken, bufio.NewReader(spoken))
	})
	t.Cleanup(func() {
		p.client.Close()
		listener.Close()
		running.Wait()
	})
	return p
}

const answered = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"id\":\"1\"}"

// readRequest reads one whole request.
func readRequest(reader *bufio.Reader) error {
	request, err := http.ReadRequest(reader)
	if err == nil {
		_, err = io.Copy(io.Discard, request.Body)
	}
	return err
}

// reset closes a connection with a TCP reset.
func reset(conn net.Conn) {
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

// upload sends size bytes. It calls at when the last byte is read from the source.
func (p *peer) upload(t *testing.T, size int, at func()) (string, error) {
	t.Helper()
	last := iotest.OneByteReader(strings.NewReader("x"))
	body := io.MultiReader(strings.NewReader(strings.Repeat("x", size-1)), readFunc(func(buf []byte) (int, error) {
		if at != nil {
			at()
			at = nil
		}
		return last.Read(buf)
	}))
	return p.client.UploadMedia(t.Context(), Upload{
		PhoneNumberID: "1", Token: secret.New("t"), FileName: "a.txt", ContentType: "text/plain", Size: int64(size), Body: body,
	})
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// forAllConnections runs a test over plain connections and over TLS, for a file that
// fits into the write buffer, one that fits into a piece, and one of several pieces.
func forAllConnections(t *testing.T, test func(t *testing.T, overTLS bool, size int)) {
	for _, overTLS := range []bool{false, true} {
		for _, size := range []int{20 << 10, 100 << 10, 700 << 10} {
			t.Run(strconv.FormatBool(overTLS)+" "+strconv.Itoa(size), func(t *testing.T) { test(t, overTLS, size) })
		}
	}
}

// All of the file was read, but Meta has reset the connection before the end of the
// form is written. Then it is certain that Meta does not have the whole form.
func TestFormThatMeetsAResetWasNotSent(t *testing.T) {
	forAllConnections(t, func(t *testing.T, overTLS bool, size int) {
		over := make(chan struct{})
		p := newPeer(t, overTLS, func(conn net.Conn, reader *bufio.Reader) {
			if readRequest(reader) == nil {
				_, _ = io.WriteString(conn, answered)
			}
			_, _ = io.Copy(io.Discard, reader) // so that the first pieces are sent
			<-over
		})
		defer close(over)
		if id, err := p.upload(t, 5, nil); err != nil || id != "1" {
			t.Fatalf("%q, %v", id, err)
		}
		conn := <-p.conn // which is kept open
		_, err := p.upload(t, size, func() { reset(conn) })
		if failed, ok := errors.AsType[*UnreachableError](err); !ok || failed.BodySent {
			t.Errorf("%v, %+v", err, failed)
		}
	})
}

func TestFormWhoseAnswerIsLostWasSent(t *testing.T) {
	forAllConnections(t, func(t *testing.T, overTLS bool, size int) {
		for _, end := range []func(net.Conn){reset, func(conn net.Conn) { _ = conn.Close() }} {
			var p *peer
			p = newPeer(t, overTLS, func(conn net.Conn, reader *bufio.Reader) {
				if readRequest(reader) == nil {
					_, _ = io.WriteString(conn, answered)
				}
				if err := readRequest(reader); err != nil {
					t.Errorf("the form did not arrive: %v", err)
				}
				end(<-p.conn)
			})
			if id, err := p.upload(t, 5, nil); err != nil || id != "1" {
				t.Fatalf("%q, %v", id, err)
			}
			_, err := p.upload(t, size, nil)
			if failed, ok := errors.AsType[*UnreachableError](err); !ok || !failed.BodySent {
				t.Errorf("%v, %+v", err, failed)
			}
		}
	})
}

// A connection that breaks during a blocked Read of the source ends the upload at
// once, whether or not the header was already sent.
func TestBrokenConnectionInterruptsASilentSource(t *testing.T) {
	for _, overTLS := range []bool{false, true} {
		for name, before := range map[string]int{"before the first bytes": 0, "in the write buffer": 10 << 10, "in a piece": 100 << 10} {
			t.Run(name, func(t *testing.T) {
				p := newPeer(t, overTLS, func(_ net.Conn, reader *bufio.Reader) { _, _ = io.Copy(io.Discard, reader) })
				stopped := make(chan struct{})
				silent := readFunc(func([]byte) (int, error) {
					select {
					case conn := <-p.conn:
						reset(conn)
					case <-stopped: // the source was already closed, so it fails
					}
					<-stopped
					return 0, errors.New("the source was closed")
				})
				_, err := p.client.UploadMedia(t.Context(), Upload{
					PhoneNumberID: "1", Token: secret.New("t"), FileName: "a.txt", ContentType: "text/plain", Size: 1 << 20,
					Body: io.MultiReader(strings.NewReader(strings.Repeat("x", before)), silent), Stop: func() { close(stopped) },
				})
				failed, ok := errors.AsType[*UnreachableError](err)
				if !ok || failed.BodySent || strings.Contains(err.Error(), "source") {
					t.Errorf("%v, %+v", err, failed)
				}
			})
		}
	}
}
