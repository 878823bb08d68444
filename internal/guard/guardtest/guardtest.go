// Package guardtest holds the parts that tests of package guard and of its users
// put in the place of DNS and of the network.
package guardtest

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// Resolver is a guard.Resolver that answers from a function and counts its lookups.
type Resolver struct {
	// Answer returns the addresses of a host. n counts the lookups, from 1.
	Answer func(n int64, host string) ([]netip.Addr, error)

	lookups atomic.Int64
}

// LookupNetIP implements guard.Resolver.
func (r *Resolver) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	return r.Answer(r.lookups.Add(1), host)
}

// Lookups returns how many lookups there were.
func (r *Resolver) Lookups() int64 { return r.lookups.Load() }

// Always returns a resolver for which every host has the same addresses.
func Always(addrs ...string) *Resolver {
	return &Resolver{Answer: func(int64, string) ([]netip.Addr, error) { return Addrs(addrs...), nil }}
}

// Addrs parses addresses.
func Addrs(texts ...string) []netip.Addr {
	var addrs []netip.Addr
	for _, text := range texts {
		addrs = append(addrs, netip.MustParseAddr(text))
	}
	return addrs
}

// SilentResolver is a guard.Resolver that never answers.
type SilentResolver struct{}

// LookupNetIP implements guard.Resolver: it waits for ctx.
func (SilentResolver) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// ErrNoAnswer is the error of a [Network] on which nothing answers.
var ErrNoAnswer = errors.New("nothing answers on this network")

// Network replaces the network behind a guard: its Connect is guard.Config's. It
// calls the dialer's control function as a real connect does, and records the
// addresses to which a packet would have been sent.
type Network struct {
	// Answer returns a connection to whatever address. Default: ErrNoAnswer.
	Answer func(ctx context.Context) (net.Conn, error)

	mu   sync.Mutex
	sent []string
}

// Connect is for guard.Config.
func (n *Network) Connect(ctx context.Context, d *net.Dialer, network, address string) (net.Conn, error) {
	family := network + "4"
	if addr, err := netip.ParseAddrPort(address); err == nil && addr.Addr().Is6() {
		family = network + "6"
	}
	if err := d.ControlContext(ctx, family, address, syscall.RawConn(nil)); err != nil {
		return nil, err
	}
	n.mu.Lock()
	n.sent = append(n.sent, address)
	n.mu.Unlock()
	if n.Answer == nil {
		return nil, ErrNoAnswer
	}
	return n.Answer(ctx)
}

// Sent returns the addresses to which a packet would have been sent, in order.
func (n *Network) Sent() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string(nil), n.sent...)
}

// Reset forgets what Sent returns.
func (n *Network) Reset() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sent = nil
}

// NoInterfaces is for guard.Config: a machine with no address but loopback.
func NoInterfaces() ([]net.Addr, error) { return nil, nil }

// Canary is a listener that must never be reached.
type Canary struct {
	Port    int
	accepts atomic.Int64
}

// NewCanary listens on 127.0.0.1, and on ::1 where there is one, at one port. The
// test fails at its end if anybody has connected.
func NewCanary(t testing.TB) *Canary {
	t.Helper()
	first, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &Canary{Port: first.Addr().(*net.TCPAddr).Port}
	listeners := []net.Listener{first}
	if second, err := net.Listen("tcp6", "[::1]:"+strconv.Itoa(c.Port)); err == nil {
		listeners = append(listeners, second)
	}
	var running sync.WaitGroup
	for _, l := range listeners {
		running.Go(func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				c.accepts.Add(1)
				conn.Close()
			}
		})
	}
	t.Cleanup(func() {
		for _, l := range listeners {
			l.Close()
		}
		running.Wait()
		if n := c.accepts.Load(); n != 0 {
			t.Errorf("the canary was reached %d times", n)
		}
	})
	return c
}
