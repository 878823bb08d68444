// Package admission bounds what clients can take from the process before they
// have proved who they are: connections, file descriptors and memory.
//
// A [Limiter] stands before the HTTP servers of a process. It counts
// connections, in all and per address, and estimates the memory that unverified
// clients hold: connections, heads that have not arrived completely, and
// requests whose caller is not known yet. When a bound is exceeded it does not
// turn the newcomer away, because clients that keep connections open for nothing
// would then keep everybody else out. It closes a connection that is already
// there: of the address that holds the most, the oldest one on which no caller
// was ever verified. A client that sends its request without delay is therefore
// served while others hold all they can get, and one address cannot displace
// another that holds less.
//
//	admission.go    the Limiter: its configuration, and how it is put before a server
//	conn.go         connections: admitted, reading a head, idle, closed
//	request.go      requests: their headers and bodies until the caller is verified
//	eviction.go     what is closed when a bound is exceeded
//	descriptors.go  how many connections the file descriptors of the process allow
package admission

import (
	"container/list"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Limits of every server.
const (
	maxHeaderBytes = 32 << 10 // of the head of a request
	maxHeaderLines = 100      // of a request

	// Of HTTP/2. A client may send that many bytes of bodies before the handlers
	// read them, on one stream or on all streams of a connection.
	maxStreams       = 100
	maxFrame         = 16 << 10
	maxReceiveBuffer = 64 << 10
	writeTimeout     = 10 * time.Second // in which a client must accept some bytes of a response
)

// DefaultMaxConnections is the default of Config.MaxConnections.
const DefaultMaxConnections = 1024

const defaultMaxUnverified = 16 << 20

// Config configures a Limiter.
type Config struct {
	// MaxConnections is how many connections may be open. Default: 1024.
	MaxConnections int
	// MaxPerAddress is how many of them one IPv4 address, or one /64 network of
	// IPv6 addresses, may have. Default: half of MaxConnections.
	MaxPerAddress int
	// MaxUnverified is how many bytes of memory clients may hold, as estimated,
	// before their requests are verified. Default: 16 MiB.
	MaxUnverified int64
	// OnPressure is called with true when they hold more than half of that, and with
	// false when they hold less than a quarter again. Calls may come from any
	// goroutine, one at a time. Default: none.
	OnPressure func(isHigh bool)
	// Logger learns when connections are closed because a bound was exceeded, at
	// most once per minute. Default: it is discarded.
	Logger *slog.Logger
}

// Limiter bounds the connections of one or more HTTP servers together. It may be
// used by several goroutines at once.
type Limiter struct {
	config Config

	mu      sync.Mutex
	open    int                     // connections
	held    int64                   // bytes, estimated, by unverified clients
	dying   int64                   // bytes of what was evicted or closed and has not ended
	groups  map[netip.Prefix]*group // addresses with connections
	waiting list.List               // goroutines in makeRoom, as chan struct{}

	isHigh    bool      // what OnPressure was called with last
	evictions int       // since the last line in the log
	reported  time.Time // when it was written
}

// A group is the connections of one address.
type group struct {
	connections map[*conn]struct{}
	strangers   list.List // those without a verified caller, as *conn, oldest first
	held        int64     // bytes, estimated
}

// New creates a Limiter.
func New(config Config) *Limiter {
	if config.MaxConnections <= 0 {
		config.MaxConnections = DefaultMaxConnections
	}
	if config.MaxPerAddress <= 0 {
		config.MaxPerAddress = max(1, config.MaxConnections/2)
	}
	if config.MaxUnverified <= 0 {
		config.MaxUnverified = defaultMaxUnverified
	}
	if config.OnPressure == nil {
		config.OnPressure = func(bool) {}
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &Limiter{config: config, groups: make(map[netip.Prefix]*group)}
}

// Apply sets the limits of a server, which must then serve a listener that
// [Limiter.Listener] returned. It takes the place of the server's hooks
// ConnState and ConnContext.
func (l *Limiter) Apply(server *http.Server) {
	server.MaxHeaderBytes = maxHeaderBytes
	server.HTTP2 = &http.HTTP2Config{
		MaxConcurrentStreams: maxStreams, MaxReadFrameSize: maxFrame,
		MaxReceiveBufferPerConnection: maxReceiveBuffer, MaxReceiveBufferPerStream: maxReceiveBuffer,
		WriteByteTimeout: writeTimeout,
	}
	server.Handler = l.handler(server.Handler)
	server.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, connOf(c))
	}
	server.ConnState = func(c net.Conn, state http.ConnState) {
		switch state {
		case http.StateActive: // a head has arrived, or HTTP/2 begins
			connOf(c).headDone()
		case http.StateIdle:
			connOf(c).awaitHead()
		case http.StateClosed:
			connOf(c).ended()
		}
	}
}

// connOf returns the connection below TLS and other layers, or nil if it is not a
// Limiter's.
func connOf(c net.Conn) *conn {
	for {
		switch layer := c.(type) {
		case *conn:
			return layer
		case interface{ NetConn() net.Conn }:
			c = layer.NetConn()
		default:
			return nil
		}
	}
}

// addressOf returns the addresses that share the bounds of one: an IPv4 address,
// or the /64 network of an IPv6 address, which is what one client usually has.
// It returns the zero Prefix for anything else.
func addressOf(address net.Addr) netip.Prefix {
	tcp, ok := address.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	bits := ip.BitLen()
	if ip.Is6() {
		bits = 64
	}
	prefix, _ := ip.Prefix(bits) // cannot fail for these lengths
	return prefix
}
