package wire

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
)

// errEnded is what Read returns after End.
var errEnded = errors.New("the request is over")

// Body is the body of one request. It tracks how many of its bytes were not read
// yet, how its source failed, and which connection sends it.
//
// httptrace's WroteRequest cannot tell what was sent: net/http calls it before it
// flushes its write buffer, which may hold all of a small file. Body therefore
// asks the connection.
type Body struct {
	source io.Reader
	stop   func() // ends a blocked Read of source; may be nil

	mu     sync.Mutex
	unread int64       // bytes that the transport has not read yet
	failed error       // how source failed
	ended  error       // what Read returns once the body has ended; else nil
	conn   *uploadConn // the connection; nil if there is none yet, or none of this package
	direct bool        // conn is written the request itself, not TLS records of it
}

// NewBody returns the body of one request, which reads size bytes from source.
//
// stop makes a blocked Read of source, and every later one, return at once. It is
// called at most once, from any goroutine, when the request has failed. It may be
// nil; then a connection that breaks during a blocked Read is noticed only when
// that Read returns.
func NewBody(source io.Reader, size int64, stop func()) *Body {
	return &Body{source: source, unread: size, stop: stop}
}

// Send calls do with a request whose body is b. do sends it through a transport
// that NewTransport made, and reads the response.
func (b *Body) Send(request *http.Request, do func(*http.Request) error) error {
	ctx := httptrace.WithClientTrace(request.Context(), &httptrace.ClientTrace{GotConn: b.gotConn})
	err := do(request.WithContext(ctx))
	b.mu.Lock()
	conn := b.conn
	b.mu.Unlock()
	if conn != nil {
		conn.detach(b)
	}
	return err
}

// gotConn records which connection sends the body. It is called before the first Read.
func (b *Body) gotConn(info httptrace.GotConnInfo) {
	conn, direct := info.Conn, true
	if secure, ok := conn.(*tls.Conn); ok { // net/http's own, behind a proxy
		conn, direct = secure.NetConn(), false
	}
	carrier, ok := conn.(*uploadConn)
	if !ok {
		return
	}
	b.mu.Lock()
	b.conn, b.direct = carrier, direct
	b.mu.Unlock()
	carrier.attach(b)
}

// Read is called by the transport, in a goroutine that may outlive the request.
func (b *Body) Read(p []byte) (int, error) {
	b.mu.Lock()
	ended := b.ended
	b.mu.Unlock()
	if ended != nil {
		return 0, ended
	}
	n, err := b.source.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended != nil { // the bytes that arrived meanwhile are not sent
		return 0, b.ended
	}
	b.unread -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		b.failed = err
	}
	return n, err
}

// Unread returns the number of bytes that the transport has not read yet.
func (b *Body) Unread() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.unread
}

// interrupt ends the body: every further Read returns the first cause, and a
// blocked Read returns at once if there is a stop function.
func (b *Body) interrupt(cause error) {
	b.mu.Lock()
	isFirst := b.ended == nil
	if isFirst {
		b.ended = cause
	}
	b.mu.Unlock()
	if isFirst && b.stop != nil {
		b.stop()
	}
}

// End ends the body. sent reports whether the last byte of the request may have
// been handed to the operating system; if it is false, it never will be. failed
// is the error of the source, if the source failed by itself.
func (b *Body) End() (sent bool, failed error) {
	b.interrupt(errEnded)
	b.mu.Lock()
	defer b.mu.Unlock()
	// A connection on which a write failed has not sent all of the last piece, and
	// is not used again. A connection without a failure may still be writing.
	isBroken := b.conn != nil && b.direct && b.conn.broken.Load()
	return b.unread <= 0 && !isBroken, b.failed
}
