// The addresses of the database's server, which no presigned URL may name.

package state

import (
	"net"
	"net/netip"
	"slices"
	"sync"
)

// maxAddresses bounds the addresses that are remembered.
const maxAddresses = 256

// addresses are the remote addresses of all connections to the server.
type addresses struct {
	mu    sync.Mutex
	known []netip.AddrPort
	call  func(netip.AddrPort) // may be nil
}

// add adds the address of a connection. That of a Unix socket is ignored.
func (a *addresses) add(addr net.Addr) {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	address := tcp.AddrPort()
	if slices.Contains(a.known, address) || len(a.known) >= maxAddresses {
		return
	}
	a.known = append(a.known, address)
	if a.call != nil {
		a.call(address)
	}
}

// OnAddress calls a function with each address of the server to which the database
// connects, now and later; it does not for an SQLite file. Only the last function is
// called.
func (s *DB) OnAddress(call func(netip.AddrPort)) {
	a := &s.addresses
	a.mu.Lock()
	defer a.mu.Unlock()
	a.call = call
	for _, address := range a.known {
		call(address)
	}
}
