// Package guard dials hosts that somebody else chose, such as the host of a
// presigned URL, of a webhook or of a store.
//
// A [Guard] resolves a host once, refuses it if any of its addresses is forbidden,
// and connects only to the checked addresses. Always forbidden are metadata
// services, link-local and other special-purpose addresses, and the addresses in
// [Own]: the listeners of this process and its database. Private and loopback
// addresses, and the addresses of this machine, are allowed only for hosts that the
// operator named ([Named]).
package guard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"
)

// Resolver resolves a name to addresses, as [net.Resolver] does.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Config configures a [Guard].
type Config struct {
	// Own holds the addresses that are refused for every host. Default: none.
	Own *Own
	// Resolver resolves names. Default: Go's own resolver.
	Resolver Resolver
	// ResolveTimeout is the limit for one resolution. Default: 2 s.
	ResolveTimeout time.Duration
	// ConnectTimeout is the limit for connecting to a host, over all of its
	// addresses. Default: 5 s.
	ConnectTimeout time.Duration
	// Interfaces returns the addresses of this machine. Default: net.InterfaceAddrs.
	Interfaces func() ([]net.Addr, error)
	// Connect opens a connection to one address. It must call d.ControlContext as
	// d.DialContext does, since that is the last check of the address. Tests use it
	// to replace the network. Default: d.DialContext.
	Connect func(ctx context.Context, d *net.Dialer, network, address string) (net.Conn, error)
	// Dial connects to an address that was checked, in place of Connect and of a socket:
	// for a network in memory. Default: none.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Guard dials hosts that somebody else chose. Whatever was checked before, it never
// connects to an address that Check refuses.
//
// A host is resolved once. If one of its addresses is forbidden, the host is
// refused, since an attacker may mix good and bad addresses. Only the addresses of
// that resolution are dialed, and the address of the socket is checked again before
// it connects. A Guard is safe for concurrent use.
type Guard struct {
	cfg  Config
	rule addressRule
}

// New returns a Guard. A timeout of zero or less means its default.
func New(cfg Config) *Guard {
	if cfg.Resolver == nil {
		cfg.Resolver = &net.Resolver{PreferGo: true}
	}
	if cfg.ResolveTimeout <= 0 {
		cfg.ResolveTimeout = 2 * time.Second
	}
	if cfg.ConnectTimeout <= 0 {
		cfg.ConnectTimeout = 5 * time.Second
	}
	if cfg.Interfaces == nil {
		cfg.Interfaces = net.InterfaceAddrs
	}
	if cfg.Dial != nil {
		cfg.Connect = dialChecked(cfg.Dial)
	}
	if cfg.Connect == nil {
		cfg.Connect = func(ctx context.Context, d *net.Dialer, network, address string) (net.Conn, error) {
			return d.DialContext(ctx, network, address)
		}
	}
	return &Guard{cfg: cfg, rule: newAddressRule()}
}

// Check returns an error that wraps [ErrAddress] if addr is forbidden.
func (g *Guard) Check(reach Reach, addr netip.AddrPort) error {
	return g.checkAll(reach, []netip.AddrPort{addr})
}

// checkAll returns an error if any of addrs is forbidden.
func (g *Guard) checkAll(reach Reach, addrs []netip.AddrPort) error {
	for _, a := range addrs {
		if err := g.rule.check(reach, a.Addr()); err != nil {
			return err
		}
	}
	own := g.cfg.Own.List()
	if reach == Named && len(own) == 0 {
		return nil
	}
	here, err := g.cfg.Interfaces()
	if err != nil {
		return refuse("the addresses of this machine are unknown")
	}
	for _, a := range addrs {
		onThisMachine := a.Addr().IsLoopback() || isLocal(here, a.Addr())
		if reach == Public && onThisMachine {
			return refuse("it belongs to this machine")
		}
		if isOwn(own, a, onThisMachine) {
			return refuse("it belongs to a listener of this process or to its database")
		}
	}
	return nil
}

func isLocal(here []net.Addr, addr netip.Addr) bool {
	for _, a := range here {
		network, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		if ip, ok := netip.AddrFromSlice(network.IP); ok && ip.Unmap() == addr {
			return true
		}
	}
	return false
}

// Pinned is a host with its checked addresses.
type Pinned struct {
	guard   *Guard
	reach   Reach
	address string // host:port, the only address that DialContext accepts
	addrs   []netip.AddrPort
}

// The limits for the addresses of one host. AWS S3 has 8 per family; a headless
// service of an operator has one per pod.
const (
	maxPublicAddresses = 16
	maxNamedAddresses  = 128
)

func maxAddresses(reach Reach) int {
	if reach == Named {
		return maxNamedAddresses
	}
	return maxPublicAddresses
}

// Pin resolves host, which is a name or an address in canonical form, and checks
// every address. The name is resolved as an absolute name. Only for [Named] do the
// machine's search domains apply, as they do for the operator.
func (g *Guard) Pin(ctx context.Context, reach Reach, host string, port uint16) (*Pinned, error) {
	p := &Pinned{guard: g, reach: reach, address: net.JoinHostPort(host, strconv.Itoa(int(port)))}
	answers, err := g.resolve(ctx, reach, host)
	if err != nil {
		return nil, err
	}
	for _, a := range answers {
		p.addrs = append(p.addrs, netip.AddrPortFrom(a, port))
	}
	if err := g.checkAll(reach, p.addrs); err != nil {
		return nil, err
	}
	return p, nil
}

func (g *Guard) resolve(ctx context.Context, reach Reach, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	if reach != Named {
		host += "."
	}
	ctx, cancel := context.WithTimeout(ctx, g.cfg.ResolveTimeout)
	defer cancel()
	answers, err := g.cfg.Resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	if len(answers) == 0 || len(answers) > maxAddresses(reach) {
		return nil, refuse(fmt.Sprintf("the name has %d addresses", len(answers)))
	}
	addrs := make([]netip.Addr, len(answers))
	for i, a := range answers {
		// Go's resolver returns some IPv4 addresses in their IPv6 form. The IPv4
		// address is checked and dialed.
		addrs[i] = a.Unmap()
	}
	return addrs, nil
}

// DialContext connects to the first of the pinned addresses that accepts a
// connection. It returns an error if address is not the pinned host.
func (p *Pinned) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	if address != p.address {
		return nil, errors.New("dial of a host that was not pinned")
	}
	ctx, cancel := context.WithTimeout(ctx, p.guard.cfg.ConnectTimeout)
	defer cancel()
	end, _ := ctx.Deadline()
	var last error
	for i, addr := range p.addrs {
		d := &net.Dialer{
			Timeout:        time.Until(end) / time.Duration(len(p.addrs)-i),
			ControlContext: p.guard.control(p.reach),
		}
		conn, err := p.guard.cfg.Connect(ctx, d, "tcp", addr.String())
		if err == nil {
			return conn, nil
		}
		if last = err; ctx.Err() != nil || errors.Is(err, ErrAddress) {
			break
		}
	}
	return nil, last
}

// Dial returns a DialContext for transports that connect to more than one host. Each
// dial resolves and checks its host.
func (g *Guard) Dial(reach Reach) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, portText, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		port, err := strconv.ParseUint(portText, 10, 16)
		if err != nil {
			return nil, err
		}
		p, err := g.Pin(ctx, reach, host, uint16(port))
		if err != nil {
			return nil, err
		}
		return p.DialContext(ctx, network, address)
	}
}

// control returns a net.Dialer's ControlContext, which checks the address of a socket
// before it connects.
func (g *Guard) control(reach Reach) func(context.Context, string, string, syscall.RawConn) error {
	return func(_ context.Context, network, address string, _ syscall.RawConn) error {
		if network != "tcp4" && network != "tcp6" {
			return refuse("the network is not TCP")
		}
		addr, err := netip.ParseAddrPort(address)
		if err != nil {
			return refuse("it is not an address")
		}
		return g.Check(reach, addr)
	}
}

// dialChecked returns a Config.Connect that makes the last check of an address and
// connects to it by dial.
func dialChecked(dial func(ctx context.Context, network, address string) (net.Conn, error)) func(context.Context, *net.Dialer, string, string) (net.Conn, error) {
	return func(ctx context.Context, d *net.Dialer, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, d.Timeout)
		defer cancel()
		family := network + "6"
		if to, err := netip.ParseAddrPort(address); err == nil && to.Addr().Is4() {
			family = network + "4"
		}
		if err := d.ControlContext(ctx, family, address, nil); err != nil {
			return nil, err
		}
		return dial(ctx, network, address)
	}
}
