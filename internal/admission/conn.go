package admission

import (
	"container/list"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"
)

// Estimates of memory, measured with a server of this version of Go.
const (
	connCost    = 16 << 10 // a connection: goroutine, buffers
	tlsConnCost = 32 << 10 // the same, encrypted
	// headCost is what a byte of an incomplete head, or of a handshake, may cost:
	// net/http stores a header line of 4 bytes in more than a hundred.
	headCost = 32
)

// lingerTime is how long a connection stays open after the response to a request
// that was given up. If it were closed at once, with a part of the request
// unread, the client's system would drop the response.
const lingerTime = 500 * time.Millisecond

// A conn is a connection that the Limiter has admitted. All fields but the
// first four are guarded by the Limiter's mutex.
type conn struct {
	net.Conn
	limiter *Limiter
	address netip.Prefix
	reading atomic.Bool // a head, or a handshake: no request is complete

	held     int64         // estimated bytes: base, head and requests
	base     int64         // of the connection itself, until a caller is verified
	head     int64         // of the incomplete head
	requests []*request    // whose caller is not verified
	stranger *list.Element // in the group's list; nil if a caller was verified once
	since    time.Time     // of a stranger: when it connected; otherwise when its last request ended
	busy     int           // requests in progress
	evicted  bool          // is ending; what it holds counts as dying
	lingers  bool          // the next Close waits until the client can have read the response
	closed   bool
}

type connKey struct{}

// Listener returns a listener for the connections of another one. isTLS says
// whether the server encrypts them. Closing it closes the other one.
func (l *Limiter) Listener(listener net.Listener, isTLS bool) net.Listener {
	base := int64(connCost)
	if isTLS {
		base = tlsConnCost
	}
	return &limitedListener{listener, l, base}
}

type limitedListener struct {
	net.Listener
	limiter *Limiter
	base    int64
}

// Accept returns the next connection that is admitted.
func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
			l.limiter.evictOne() // the server waits and calls Accept again
		}
		if err != nil {
			return nil, err
		}
		if admitted := l.limiter.admit(c, l.base); admitted != nil {
			return admitted, nil
		}
		_ = c.Close()
	}
}

// admit counts a connection. It returns nil if there is no room for it, and none
// can be made.
func (l *Limiter) admit(accepted net.Conn, base int64) *conn {
	c := &conn{Conn: accepted, limiter: l, address: addressOf(accepted.RemoteAddr()), base: base, since: time.Now()}
	c.reading.Store(true)
	if !l.makeSlot(c.address) {
		return nil
	}
	g := l.groups[c.address]
	if g == nil {
		g = &group{connections: make(map[*conn]struct{})}
		l.groups[c.address] = g
	}
	l.open++
	g.connections[c] = struct{}{}
	c.stranger = g.strangers.PushBack(c)
	c.hold(c.base)
	l.mu.Unlock()
	l.makeRoom(c, false) // others wait for Accept
	return c
}

// headDone releases what the head of a request held, when it is complete.
func (c *conn) headDone() {
	if c == nil {
		return
	}
	c.reading.Store(false)
	c.limiter.mu.Lock()
	c.release(c.head)
	c.head = 0
	c.limiter.mu.Unlock()
}

// awaitHead counts the bytes that follow as those of a head. It closes the
// connection if it was evicted while it served a request, which was still answered.
func (c *conn) awaitHead() {
	if c == nil {
		return
	}
	c.reading.Store(true)
	c.limiter.mu.Lock()
	isEvicted := c.evicted
	c.limiter.mu.Unlock()
	if isEvicted {
		_ = c.Close()
	}
}

// ended releases what the connection held, when nothing serves it any more.
func (c *conn) ended() {
	if c == nil {
		return
	}
	c.limiter.mu.Lock()
	defer c.limiter.mu.Unlock()
	c.release(c.base + c.head) // its requests have ended, or do so themselves
	c.base, c.head = 0, 0
}

// Read reads, and counts the bytes of an incomplete head.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && c.reading.Load() {
		l := c.limiter
		l.mu.Lock()
		counts := c.reading.Load() && !c.closed // still
		if counts {
			c.head += int64(n) * headCost
			c.hold(int64(n) * headCost)
		}
		l.mu.Unlock()
		if counts {
			l.makeRoom(c, true)
		}
	}
	return n, err
}

// ReadFrom lets a server send files without a copy.
func (c *conn) ReadFrom(r io.Reader) (int64, error) { return io.Copy(c.Conn, r) }

// CloseWrite sends the end of the stream. A server that has refused a request
// does so before it closes the connection.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Close closes the connection and makes room for another. What it holds counts
// until its requests, and the server's work for it, have ended.
func (c *conn) Close() error {
	l := c.limiter
	l.mu.Lock()
	if c.lingers {
		c.lingers = false
		l.mu.Unlock()
		time.AfterFunc(lingerTime, func() { _ = c.Close() })
		return c.CloseWrite()
	}
	if !c.closed {
		if !c.evicted {
			l.abandon(c)
		}
		c.closed = true
		l.open--
		g := l.groups[c.address]
		delete(g.connections, c)
		if len(g.connections) == 0 {
			delete(l.groups, c.address)
		}
		l.wakeNext()
	}
	l.mu.Unlock()
	return c.Conn.Close()
}

// hold adds estimated bytes to what a connection holds. The mutex is held.
func (c *conn) hold(bytes int64) {
	c.held += bytes
	if c.evicted {
		c.limiter.dying += bytes
		c.limiter.watchPressure()
		return
	}
	c.limiter.held += bytes
	c.limiter.groups[c.address].held += bytes
	c.limiter.watchPressure()
}

// watchPressure calls Config.OnPressure when it is time. The mutex is held.
func (l *Limiter) watchPressure() {
	sum := l.held + l.dying
	if isHigh := sum > l.config.MaxUnverified/2; isHigh != l.isHigh && (isHigh || sum < l.config.MaxUnverified/4) {
		l.isHigh = isHigh
		l.config.OnPressure(isHigh)
	}
}

// release is the opposite of hold. The mutex is held.
func (c *conn) release(bytes int64) {
	c.hold(-bytes)
	if l := c.limiter; bytes > 0 && c.evicted {
		l.wakeNext()
	}
}
