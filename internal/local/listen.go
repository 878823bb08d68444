// The listeners of the world. By default they accept connections on loopback
// only, over IPv4 and IPv6: "localhost" may stand for either.

package local

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"

	"ferry/internal/guard"
	"ferry/internal/memnet"
)

// maxPortAttempts bounds how often a free port is chosen until it is free for
// IPv4 and IPv6.
const maxPortAttempts = 20

type listeners struct{ api, simulator, s3, control, console net.Listener }

func (l listeners) close() {
	for _, listener := range []net.Listener{l.api, l.simulator, l.s3, l.control, l.console} {
		if listener != nil {
			_ = listener.Close()
		}
	}
}

// listen opens the listeners with open. A host of "" means loopback. The connections are
// encrypted if there is a TLS configuration, except those of the API and the console,
// which the gateway encrypts.
func listen(open func(host string, port int) (*multiListener, error), host string, base int, own *guard.Own, secure *tls.Config, withConsole bool) (l listeners, err error) {
	places := map[int]*net.Listener{0: &l.api, 1: &l.simulator, 2: &l.s3, 4: &l.control}
	if withConsole {
		places[3] = &l.console
	}
	for offset, listener := range places {
		port := 0
		if base != 0 {
			port = base + offset
		}
		opened, err := open(host, port)
		if err != nil {
			l.close()
			return listeners{}, fmt.Errorf("%w; choose other ports with --port-base", err)
		}
		*listener = opened
		if offset != 2 { // S3 is a configured store, which callers may name
			opened.addTo(own)
		}
		if secure != nil && listener != &l.api && listener != &l.console {
			*listener = tls.NewListener(opened, secure)
		}
	}
	return l, nil
}

// memoryBase is the port base on a network in memory: the default of `ferry dev`.
const memoryBase = 4080

// openInMemory returns what listens on a port of a network in memory, in place of
// openListener.
func openInMemory(network *memnet.Network) func(string, int) (*multiListener, error) {
	return func(_ string, port int) (*multiListener, error) {
		only, err := network.Listen(uint16(port))
		if err != nil {
			return nil, err
		}
		return newMultiListener(only), nil
	}
}

// openListener listens on a host and port, or on loopback.
func openListener(host string, port int) (*multiListener, error) {
	if host != "" {
		only, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			return nil, err
		}
		return newMultiListener(only), nil
	}
	for attempt := 1; ; attempt++ {
		first, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			return nil, err
		}
		second, err := net.Listen("tcp6", net.JoinHostPort("::1", strconv.Itoa(first.Addr().(*net.TCPAddr).Port)))
		if err == nil {
			return newMultiListener(first, second), nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) { // the machine has no IPv6
			return newMultiListener(first), nil
		}
		_ = first.Close()
		if port != 0 || attempt == maxPortAttempts {
			return nil, err
		}
	}
}

// multiListener accepts connections on several addresses. Its own address is the
// first one.
type multiListener struct {
	parts    []net.Listener
	accepted chan accepted
	closed   chan struct{}
	close    sync.Once
	loops    sync.WaitGroup
}

type accepted struct {
	connection net.Conn
	err        error
}

func newMultiListener(parts ...net.Listener) *multiListener {
	m := &multiListener{parts: parts, accepted: make(chan accepted), closed: make(chan struct{})}
	for _, part := range parts {
		m.loops.Go(func() { m.acceptFrom(part) })
	}
	return m
}

// acceptFrom hands over connections until the listener is closed. It hands over an
// error and continues, since the server decides whether the error ends it.
func (m *multiListener) acceptFrom(part net.Listener) {
	for {
		connection, err := part.Accept()
		select {
		case m.accepted <- accepted{connection, err}:
		case <-m.closed:
			if connection != nil {
				_ = connection.Close()
			}
			return
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
	}
}

// Accept implements [net.Listener].
func (m *multiListener) Accept() (net.Conn, error) {
	select {
	case next := <-m.accepted:
		return next.connection, next.err
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (m *multiListener) Close() (err error) {
	m.close.Do(func() {
		close(m.closed)
		for _, part := range m.parts {
			err = errors.Join(err, part.Close())
		}
		m.loops.Wait()
	})
	return err
}

// Addr implements [net.Listener].
func (m *multiListener) Addr() net.Addr { return m.parts[0].Addr() }

// addTo adds all addresses to the registry of those that are never dialled.
func (m *multiListener) addTo(own *guard.Own) {
	for _, part := range m.parts {
		own.AddListener(part)
	}
}

// urls are the addresses of the servers.
type urls struct{ api, simulator, s3, control, console string }

// urls returns the URLs of the servers at a host.
func (l listeners) urls(host string, secure bool) urls {
	at := func(listener net.Listener) string {
		if listener == nil {
			return ""
		}
		_, port, _ := net.SplitHostPort(listener.Addr().String())
		scheme := "http://"
		if secure {
			scheme = "https://"
		}
		return scheme + net.JoinHostPort(host, port)
	}
	return urls{api: at(l.api), simulator: at(l.simulator), s3: at(l.s3), control: at(l.control), console: at(l.console)}
}

// localHost returns the address by which this machine reaches a server that
// listens on a host.
func localHost(listen string) string {
	addr, err := netip.ParseAddr(listen)
	switch {
	case listen == "", err == nil && addr == netip.IPv4Unspecified():
		return "127.0.0.1"
	case err == nil && addr == netip.IPv6Unspecified():
		return "::1"
	}
	return listen
}
