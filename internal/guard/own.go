package guard

import (
	"net"
	"net/netip"
	"slices"
	"sync"
)

// Own holds the addresses that a [Guard] never connects to, whoever named the
// host: the listeners of this process and its database. An unspecified address
// (0.0.0.0 or ::) covers every address of this machine, and port 0 covers every
// port.
//
// Every listener of the process registers here before it accepts connections.
// The exception is the S3 server that ferry dev embeds: it is a configured
// store, and so callers may name it.
//
// The zero value is empty and ready for use. A nil *Own is empty. Own is safe
// for concurrent use.
type Own struct {
	mu    sync.Mutex
	addrs []netip.AddrPort // an address that was added twice is here twice
}

// Add adds an address until remove is called, which may be called more than once.
//
// The address of a database may change while the process runs: add the remote
// address of each of its connections ([net.Conn.RemoteAddr]).
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

// AddListener adds the address of a listener until remove is called. A listener
// that is not TCP, such as a Unix socket, has no address that a Guard could
// connect to, so nothing is added.
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

// List returns the addresses that are registered now.
func (o *Own) List() []netip.AddrPort {
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.addrs)
}

func isOwn(own []netip.AddrPort, addr netip.AddrPort, onThisMachine bool) bool {
	for _, o := range own {
		ip := o.Addr().Unmap()
		if (o.Port() == 0 || o.Port() == addr.Port()) && (ip == addr.Addr() || ip.IsUnspecified() && onThisMachine) {
			return true
		}
	}
	return false
}
