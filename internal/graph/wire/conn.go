package wire

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// pieceSize is the number of bytes of a body that are sent at once. An upload
// holds one buffer of this size (over https also one for the encrypted piece)
// while its body is being sent.
const pieceSize = 256 << 10

// pieceTime is the deadline for Meta to accept one piece.
const pieceTime = 30 * time.Second

var (
	piecePool  = sync.Pool{New: func() any { return new([pieceSize]byte) }}
	recordPool = sync.Pool{New: func() any { return new([pieceSize + pieceSize/8]byte) }} // an encrypted piece
)

// uploadConn is a connection that sends bodies in pieces: net/http calls its
// ReadFrom when it sends a body.
type uploadConn struct {
	net.Conn
	records *recordConn // under the TLS connection; nil for plain HTTP
	broken  atomic.Bool // a write failed, so that some bytes were not sent

	mu     sync.Mutex
	body   *Body // the body that is being sent, if any
	cause  error // the first error of Read, which ended the connection
	closed bool
}

// ReadFrom sends everything that it reads from r, in pieces that are full except
// for the last one.
func (c *uploadConn) ReadFrom(r io.Reader) (sent int64, err error) {
	piece := piecePool.Get().(*[pieceSize]byte)
	defer piecePool.Put(piece)
	defer func() { _ = c.SetWriteDeadline(time.Time{}) }()
	for err == nil {
		var n int
		for n < len(piece) && err == nil {
			var m int
			m, err = r.Read(piece[n:])
			n += m
		}
		_ = c.SetWriteDeadline(time.Now().Add(pieceTime))
		written, failed := c.send(piece[:n])
		sent += int64(written)
		if failed != nil {
			return sent, failed
		}
	}
	if err == io.EOF { //nolint:errorlint // an io.Reader ends with io.EOF itself
		err = nil
	}
	return sent, err
}

// Write sends the contents of net/http's write buffer: the header, and a small
// body together with it.
func (c *uploadConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil {
		c.broken.Store(true)
	}
	return n, err
}

// send writes one piece. Over TLS it needs one system call for all records of the piece.
func (c *uploadConn) send(piece []byte) (int, error) {
	if len(piece) == 0 {
		return 0, nil
	}
	if c.records == nil {
		return c.Write(piece)
	}
	c.records.gather()
	n, err := c.Write(piece)
	if failed := c.records.flush(); failed != nil && err == nil {
		c.broken.Store(true)
		err = failed
	}
	return n, err
}

// attach records that the connection sends b from now on.
func (c *uploadConn) attach(b *Body) {
	c.mu.Lock()
	c.body = b
	closed, cause := c.closed, c.cause
	c.mu.Unlock()
	if closed { // nothing of b was sent; net/http may not have noticed the close yet
		b.interrupt(connectionBroke(cause))
	}
}

// detach records that the connection does not send b any more.
func (c *uploadConn) detach(b *Body) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.body == b {
		c.body = nil
	}
}

// Read remembers the first error, which is why the connection ended: the errors
// that net/http reports later are consequences of it.
func (c *uploadConn) Read(p []byte) (int, error) {
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

// Close interrupts the body. net/http calls Close as soon as a connection fails,
// and then waits for the goroutine that sends the body, which may be blocked in
// a Read of the source.
func (c *uploadConn) Close() error {
	c.mu.Lock()
	c.closed = true
	body, cause := c.body, c.cause
	c.body = nil
	c.mu.Unlock()
	if body != nil {
		body.interrupt(connectionBroke(cause))
	}
	if c.records != nil && c.records.flushing.Load() {
		_ = c.records.Conn.Close() // or TLS would send its close alert after a piece that cannot be sent
	}
	return c.Conn.Close()
}

func connectionBroke(cause error) error {
	if cause == nil {
		cause = net.ErrClosed
	}
	return fmt.Errorf("the connection broke: %w", cause)
}

// recordConn is the connection under a TLS connection. It writes TLS records at
// once, or gathers the records of a piece.
type recordConn struct {
	net.Conn

	flushing atomic.Bool // a flush is blocked in Write

	mu       sync.Mutex // TLS may also write while it reads
	gathered []byte
	buffer   *[pieceSize + pieceSize/8]byte // of gathered; nil while records are written at once
}

// gather makes Write hold records back until flush.
func (c *recordConn) gather() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buffer = recordPool.Get().(*[pieceSize + pieceSize/8]byte)
	c.gathered = c.buffer[:0]
}

// flush writes the records that were held back.
func (c *recordConn) flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flushing.Store(true)
	defer c.flushing.Store(false)
	_, err := c.Conn.Write(c.gathered)
	recordPool.Put(c.buffer)
	c.gathered, c.buffer = nil, nil
	return err
}

func (c *recordConn) Write(record []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.buffer == nil {
		return c.Conn.Write(record)
	}
	if len(c.gathered)+len(record) > len(c.buffer) {
		if _, err := c.Conn.Write(c.gathered); err != nil {
			return 0, err
		}
		c.gathered = c.gathered[:0]
	}
	if len(record) > len(c.buffer) {
		return c.Conn.Write(record)
	}
	c.gathered = append(c.gathered, record...)
	return len(record), nil
}

// uploadDialer dials uploadConns.
type uploadDialer struct {
	connect   func(ctx context.Context, network, address string) (net.Conn, error)
	tls       *tls.Config
	handshake time.Duration // its timeout
}

// dial is http.Transport's DialContext.
func (d *uploadDialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.connect(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &uploadConn{Conn: conn}, nil
}

// dialTLS is http.Transport's DialTLSContext. With a proxy, net/http calls dial
// and makes the TLS connection itself.
func (d *uploadDialer) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	conn, err := d.connect(ctx, network, address)
	if err != nil {
		return nil, err
	}
	config := d.tls.Clone()
	config.ServerName = host
	records := &recordConn{Conn: conn}
	secure := tls.Client(records, config)
	ctx, cancel := context.WithTimeout(ctx, d.handshake)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &uploadConn{Conn: secure, records: records}, nil
}
