package wire

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// pieceSize is how much of a body is sent at once, in bytes. An upload holds
// one such buffer, two over https, while its body is sent.
const pieceSize = 256 << 10

// pieceTime is how long Meta may take to accept a piece.
const pieceTime = 30 * time.Second

var (
	piecePool  = sync.Pool{New: func() any { return new([pieceSize]byte) }}
	recordPool = sync.Pool{New: func() any { return new([pieceSize + pieceSize/8]byte) }} // a piece, encrypted
)

// uploadConn is a connection of which net/http finds the ReadFrom when it sends
// a body.
type uploadConn struct {
	net.Conn
	records *recordConn // under the TLS connection; nil = plain
	broken  atomic.Bool // a write failed: not all that it was given went out

	mu     sync.Mutex
	body   *Body // whose body is on its way; nil = none
	cause  error // of the end of the connection, as a Read met it
	closed bool
}

// ReadFrom sends what r gives until its end, in pieces that are full but for
// the last.
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

// Write is for what goes out of net/http's write buffer: the header, and a
// small body with it.
func (c *uploadConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil {
		c.broken.Store(true)
	}
	return n, err
}

// send writes a piece, over TLS with one system call for all of its records.
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

// attach says whose body the connection carries from now on.
func (c *uploadConn) attach(b *Body) {
	c.mu.Lock()
	c.body = b
	closed, cause := c.closed, c.cause
	c.mu.Unlock()
	if closed { // before anything could be sent; net/http may not have noticed yet
		b.interrupt(connectionBroke(cause))
	}
}

// detach says that a body is not carried any more.
func (c *uploadConn) detach(b *Body) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.body == b {
		c.body = nil
	}
}

// Read remembers why the connection ended: by the time that net/http says it,
// other errors have come on top.
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

// Close is called by net/http as soon as a connection fails. Then it waits for
// the goroutine that sends the body, which may be waiting for the source.
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
		_ = c.records.Conn.Close() // TLS would wait to say goodbye behind a piece that does not go out
	}
	return c.Conn.Close()
}

func connectionBroke(cause error) error {
	if cause == nil {
		cause = net.ErrClosed
	}
	return fmt.Errorf("the connection broke: %w", cause)
}

// recordConn is what a TLS connection writes its records to. It writes them at
// once, or gathers those of a piece.
type recordConn struct {
	net.Conn

	flushing atomic.Bool // a flush waits for Meta

	mu       sync.Mutex // TLS also writes on its own account, while it reads
	gathered []byte
	buffer   *[pieceSize + pieceSize/8]byte // of gathered; nil = records are written at once
}

// gather holds records back until flush.
func (c *recordConn) gather() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buffer = recordPool.Get().(*[pieceSize + pieceSize/8]byte)
	c.gathered = c.buffer[:0]
}

// flush writes what was held back.
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

// uploadDialer makes such connections.
type uploadDialer struct {
	net.Dialer
	tls       *tls.Config
	handshake time.Duration // the longest one
}

// dial is http.Transport's DialContext.
func (d *uploadDialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &uploadConn{Conn: conn}, nil
}

// dialTLS is http.Transport's DialTLSContext. Behind a proxy net/http makes the
// TLS connection itself, on one of dial's.
func (d *uploadDialer) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	conn, err := d.DialContext(ctx, network, address)
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

// Config configures a transport.
type Config struct {
	// ConnectTimeout bounds the connecting and the TLS handshake, each. Required.
	ConnectTimeout time.Duration
	// ResponseHeaderTimeout bounds the wait for the response's header after the
	// last byte of the request. Required.
	ResponseHeaderTimeout time.Duration
}

// NewTransport returns the transport of uploads: HTTP/1.1, since one upload fills a
// connection anyway, and enough kept connections that a busy server does not
// shake hands for each file. A small file goes out of the write buffer whole.
func NewTransport(config Config) *http.Transport {
	dialer := &uploadDialer{net.Dialer{Timeout: config.ConnectTimeout}, &tls.Config{MinVersion: tls.VersionTLS12}, config.ConnectTimeout}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.dial,
		DialTLSContext:         dialer.dialTLS,
		TLSClientConfig:        dialer.tls, // behind a proxy
		TLSHandshakeTimeout:    config.ConnectTimeout,
		ResponseHeaderTimeout:  config.ResponseHeaderTimeout,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    256,
		IdleConnTimeout:        90 * time.Second,
		WriteBufferSize:        32 << 10,
		DisableCompression:     true,
		Protocols:              protocols,
	}
}
