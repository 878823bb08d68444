package wire

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
)

// errOver ends the body of a request that is over.
var errOver = errors.New("the request is over")

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
	left   int64     // bytes that were not given out yet
	failed error     // how source failed
	over   error     // why nothing more is given out; nil = it is
	on     *bulkConn // the connection; nil = none yet, or none of ferry's
	direct bool      // what is written to on is the request itself
}

// NewBody returns the body of one request. It reads size bytes from source. stop
// ends a Read of source that blocks, and all further ones; it is called when the
// request has failed, at most once and from any goroutine. Nil means that there
// is no way: then a connection that breaks while source is silent is noticed
// only when source returns.
func NewBody(source io.Reader, size int64, stop func()) *Body {
	return &Body{source: source, left: size, stop: stop}
}

// Send calls do, which sends the request, over a transport of NewTransport, and
// reads its response. The request's body is b.
func (t *Body) Send(request *http.Request, do func(*http.Request) error) error {
	ctx := httptrace.WithClientTrace(request.Context(), &httptrace.ClientTrace{GotConn: t.got})
	err := do(request.WithContext(ctx))
	t.mu.Lock()
	on := t.on
	t.mu.Unlock()
	if on != nil {
		on.drop(t)
	}
	return err
}

// got hears which connection will carry the body, before a byte of it is read.
func (t *Body) got(info httptrace.GotConnInfo) {
	conn, direct := info.Conn, true
	if secure, ok := conn.(*tls.Conn); ok { // net/http's own, behind a proxy
		conn, direct = secure.NetConn(), false
	}
	on, ok := conn.(*bulkConn)
	if !ok {
		return
	}
	t.mu.Lock()
	t.on, t.direct = on, direct
	t.mu.Unlock()
	on.carry(t)
}

// Read is called by the transport, from a goroutine of its own that can outlive
// the request.
func (t *Body) Read(p []byte) (int, error) {
	t.mu.Lock()
	over := t.over
	t.mu.Unlock()
	if over != nil {
		return 0, over
	}
	n, err := t.source.Read(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over != nil { // what came in since is not sent
		return 0, t.over
	}
	t.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		t.failed = err
	}
	return n, err
}

// Unread is how many bytes the transport has not asked for yet.
func (t *Body) Unread() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.left
}

// interrupt ends the body: nothing more of it is given out. A Read that waits
// for the source returns at once, if there is a way. It gives the first cause.
func (t *Body) interrupt(cause error) {
	t.mu.Lock()
	isFirst := t.over == nil
	if isFirst {
		t.over = cause
	}
	t.mu.Unlock()
	if isFirst && t.stop != nil {
		t.stop()
	}
}

// End ends the body. sent reports whether the last byte of the request may have
// been handed to the operating system; if not, it never will be. failed is how
// the source failed by itself.
func (t *Body) End() (sent bool, failed error) {
	t.interrupt(errOver)
	t.mu.Lock()
	defer t.mu.Unlock()
	// A connection that failed to write did not send the last piece whole, and is
	// not used again. One that has not failed may still be writing.
	isBroken := t.on != nil && t.direct && t.on.broken.Load()
	return t.left <= 0 && !isBroken, t.failed
}

// carry says whose body the connection carries from now on.
func (c *bulkConn) carry(t *Body) {
	c.mu.Lock()
	c.carried = t
	closed, cause := c.closed, c.cause
	c.mu.Unlock()
	if closed { // before anything could be sent; net/http may not have noticed yet
		t.interrupt(connectionBroke(cause))
	}
}

// drop says that a body is not carried any more.
func (c *bulkConn) drop(t *Body) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.carried == t {
		c.carried = nil
	}
}

// Read remembers why the connection ended: by the time that net/http says it,
// other errors have come on top.
func (c *bulkConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		c.mu.Lock()
		if c.cause == nil {
			c.cause = err
		}
		c.mu.Unlock()
	}
	return n, err
}

// Close is called by net/http as soon as a connection fails. Then it waits for
// the goroutine that sends the body, which may be waiting for the source.
func (c *bulkConn) Close() error {
	c.mu.Lock()
	c.closed = true
	carried, cause := c.carried, c.cause
	c.carried = nil
	c.mu.Unlock()
	if carried != nil {
		carried.interrupt(connectionBroke(cause))
	}
	if c.below != nil && c.below.flushing.Load() {
		_ = c.below.Conn.Close() // TLS would wait to say goodbye behind a piece that does not go out
	}
	return c.Conn.Close()
}

func connectionBroke(cause error) error {
	if cause == nil {
		cause = net.ErrClosed
	}
	return fmt.Errorf("the connection broke: %w", cause)
}
