// Package memnet is a network in memory: listeners and connections that use no
// socket. Servers and clients that are given one run inside a bubble of
// testing/synctest, where a goroutine that waits for a socket would stop the clock.
//
// All addresses are of loopback, and a [Network] knows no others.
package memnet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// firstPort is the first one of those that Listen chooses.
const firstPort = 49152

// A Network is a machine of its own. Its zero value has no listeners and is ready for
// use. A Network is safe for concurrent use.
type Network struct {
	mu        sync.Mutex
	listeners map[uint16]*listener
	chosen    uint16 // the last port that Listen or a dial has chosen
}

// Listen listens on a port of 127.0.0.1; 0 means a free one. A connection is made when
// Accept takes it, so nothing waits in a backlog.
func (n *Network) Listen(port uint16) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if port == 0 {
		port = n.choose()
	}
	address := addressOf(port)
	if n.listeners[port] != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: address, Err: syscall.EADDRINUSE}
	}
	l := &listener{network: n, address: address, accept: make(chan net.Conn), closed: make(chan struct{})}
	if n.listeners == nil {
		n.listeners = make(map[uint16]*listener)
	}
	n.listeners[port] = l
	return l, nil
}

// choose returns a port that nobody listens on. The caller holds n.mu.
func (n *Network) choose() uint16 {
	for {
		n.chosen = max(n.chosen+1, firstPort) // begins again after 65535
		if n.listeners[n.chosen] == nil {
			return n.chosen
		}
	}
}

// DialContext connects to a listener: it is for [net/http.Transport]. The host is a
// loopback address, localhost or *.localhost. It returns an error with ECONNREFUSED if
// nobody listens there.
func (n *Network) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	if !isLoopback(host) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("the network in memory has no host %q, only loopback addresses and localhost", host)}
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	to := addressOf(uint16(port))
	n.mu.Lock()
	l, from := n.listeners[uint16(port)], addressOf(n.choose())
	n.mu.Unlock()
	refused := &net.OpError{Op: "dial", Net: network, Addr: to, Err: syscall.ECONNREFUSED}
	if l == nil {
		return nil, refused
	}
	client, server := net.Pipe()
	select {
	case l.accept <- &conn{server, to, from}:
		return &conn{client, from, to}, nil
	case <-l.closed:
		return nil, refused
	case <-ctx.Done():
		return nil, &net.OpError{Op: "dial", Net: network, Addr: to, Err: context.Cause(ctx)}
	}
}

func isLoopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

func addressOf(port uint16) *net.TCPAddr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port))
}

// listener accepts what is dialled.
type listener struct {
	network *Network
	address *net.TCPAddr
	accept  chan net.Conn
	close   sync.Once
	closed  chan struct{}
}

// Accept implements [net.Listener].
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.accept:
		return c, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.address, Err: net.ErrClosed}
	}
}

// Close implements [net.Listener].
func (l *listener) Close() error {
	l.close.Do(func() {
		close(l.closed)
		l.network.mu.Lock()
		defer l.network.mu.Unlock()
		delete(l.network.listeners, uint16(l.address.Port))
	})
	return nil
}

// Addr implements [net.Listener].
func (l *listener) Addr() net.Addr { return l.address }

// conn is one end of a pipe, with the addresses of a connection over TCP.
type conn struct {
	net.Conn
	local, remote *net.TCPAddr
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }
