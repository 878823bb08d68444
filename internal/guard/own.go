package guard

import (
	"net"
	"net/netip"
	"slices"
	"sync"
)

// Own is a registry of the addresses that a [Guard] never connects to, whoever named
// the host: the listeners of this process and its database. An unspecified address
// (0.0.0.0 or ::) covers every address of this machine, and port 0 covers every port.
//
// Every listener of the process must be added before it accepts connections. The
// only exception is the S3 server that ferry dev embeds: it is a configured store,
// so callers may name it.
//
// The zero value is empty and ready for use. A nil *Own is empty. An Own is safe for
// concurrent use.
type Own struct {
	mu    sync.Mutex
	addrs []netip.AddrPort // with duplicates, if an address was added more than once
}

// Add adds an address. remove removes it again, and may be called more than once.
//
// The address of a database may change while the process runs. For a database, add
// the remote address of each of its connections ([net.Conn]).
func (o *Own) Add(addr netip.AddrPort) (remove func()) {
	addr = netip.AddrPortFrom(addr.Addr().Unmap().WithZone(""), addr.Port())
	o.mu.Lock()
	defer o.mu.Unlock()
	o.addrs = append(o.addrs, addr)
	return sync.OnceFunc(func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		i := slices.Index(o.addrs, addr)
		o.addrs = slices.Delete(o.addrs, i, i+1)
	})
}

// AddListener adds the address of a listener. remove removes it again. Nothing is
// added for a listener that is not TCP, such as a Unix socket, since a Guard cannot
// connect to it.
func (o *Own) AddListener(listener net.Listener) (remove func()) {
	tcp, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return func() {}
	}
	addr := tcp.AddrPort()
	if !addr.Addr().IsValid() {
		addr = netip.AddrPortFrom(netip.IPv6Unspecified(), addr.Port()) // a nil IP means all addresses
	}
	return o.Add(addr)
}

// List returns the current addresses.
func (o *Own) List() []netip.AddrPort {
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.addrs)
}

// isOwn reports whether own covers addr, which may be an address of this machine.
func isOwn(own []netip.AddrPort, addr netip.AddrPort, onThisMachine bool) bool {
	for _, o := range own {
		ip := o.Addr().Unmap()
		if (o.Port() == 0 || o.Port() == addr.Port()) && (ip == addr.Addr() || ip.IsUnspecified() && onThisMachine) {
			return true
		}
	}
	return false
}
