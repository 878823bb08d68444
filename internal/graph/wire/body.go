package wire

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
)

// errEnded ends the body of a request that is over.
var errEnded = errors.New("the request is over")

// Body is the body of one request. It knows how much of it is left, how
// its source failed, and which connection carries it.
//
// net/http's own account of what was sent (httptrace's WroteRequest) is given
// before its write buffer is emptied, and a small file is in there whole. So
// the connection is asked.
type Body struct {
	source io.Reader
	stop   func() // ends a Read of source that blocks; nil = there is no way

	mu     sync.Mutex
	unread int64       // bytes that were not given out yet
	failed error       // how source failed
	ended  error       // why nothing more is given out; nil = it is
	conn   *uploadConn // the connection; nil = none yet, or none of ferry's
	direct bool        // what is written to on is the request itself
}

// NewBody returns the body of one request. It reads size bytes from source. stop
// ends a Read of source that blocks, and all further ones; it is called when the
// request has failed, at most once and from any goroutine. Nil means that there
// is no way: then a connection that breaks while source is silent is noticed
// only when source returns.
func NewBody(source io.Reader, size int64, stop func()) *Body {
	return &Body{source: source, unread: size, stop: stop}
}

// Send calls do, which sends the request, over a transport of NewTransport, and
// reads its response. The request's body is b.
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

// gotConn hears which connection will carry the body, before a byte of it is read.
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

// Read is called by the transport, from a goroutine of its own that can outlive
// the request.
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
	if b.ended != nil { // what came in since is not sent
		return 0, b.ended
	}
	b.unread -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		b.failed = err
	}
	return n, err
}

// Unread is how many bytes the transport has not asked for yet.
func (b *Body) Unread() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.unread
}

// interrupt ends the body: nothing more of it is given out. A Read that waits
// for the source returns at once, if there is a way. It gives the first cause.
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
// been handed to the operating system; if not, it never will be. failed is how
// the source failed by itself.
func (b *Body) End() (sent bool, failed error) {
	b.interrupt(errEnded)
	b.mu.Lock()
	defer b.mu.Unlock()
	// A connection that failed to write did not send the last piece whole, and is
	// not used again. One that has not failed may still be writing.
	isBroken := b.conn != nil && b.direct && b.conn.broken.Load()
	return b.unread <= 0 && !isBroken, b.failed
}
