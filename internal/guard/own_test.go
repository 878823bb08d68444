package guard

import (
	"errors"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"ferry/internal/guard/guardtest"
)

// listen returns a listener and its port.
func listen(t *testing.T, network, address string) (net.Listener, uint16) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil && address == "[::1]:0" {
		t.Skipf("this machine has no IPv6: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, l.Addr().(*net.TCPAddr).AddrPort().Port()
}

func TestListenersAreNotDialledWhileTheyAreRegistered(t *testing.T) {
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	everywhere := []string{"127.0.0.1", "127.3.2.1", "::1"}
	for _, addr := range interfaces {
		if ip := addr.(*net.IPNet).IP; !ip.IsLinkLocalUnicast() {
			everywhere = append(everywhere, ip.String())
		}
	}
	for _, row := range []struct {
		name, network, address string
		refused, allowed       []string
	}{
		{"one IPv4 address", "tcp", "127.0.0.1:0", []string{"127.0.0.1"}, []string{"127.0.0.2", "::1"}},
		{"one IPv6 address", "tcp", "[::1]:0", []string{"::1"}, []string{"127.0.0.1"}},
		{"all IPv4 addresses", "tcp4", "0.0.0.0:0", everywhere, []string{"10.255.255.254"}},
		{"all addresses", "tcp", ":0", everywhere, []string{"10.255.255.254", "fd12::1"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			listener, port := listen(t, row.network, row.address)
			own := new(Own)
			guard := New(Config{Own: own})
			check := func(host string) error {
				return guard.Check(Named, netip.AddrPortFrom(netip.MustParseAddr(host), port))
			}
			remove := own.AddListener(listener)
			for _, host := range row.refused {
				if err := check(host); !errors.Is(err, ErrAddress) {
					t.Errorf("%s: %v", host, err)
				}
				_, err := guard.Dial(Named)(t.Context(), "tcp", net.JoinHostPort(host, strconv.Itoa(int(port))))
				if !errors.Is(err, ErrAddress) {
					t.Errorf("%s dialled: %v", host, err)
				}
			}
			for _, host := range row.allowed {
				if err := check(host); err != nil {
					t.Errorf("%s, which is another address: %v", host, err)
				}
			}
			if err := guard.Check(Named, netip.AddrPortFrom(netip.MustParseAddr(row.refused[0]), port+1)); err != nil {
				t.Errorf("another port: %v", err)
			}
			remove()
			remove()
			if err := check(row.refused[0]); err != nil || len(own.List()) != 0 {
				t.Errorf("after it was removed: %v, %v", err, own.List())
			}
		})
	}
}

func TestDatabaseIsNotDialledByAnyName(t *testing.T) {
	guard, network := guardWith(guardtest.Always("52.216.0.9"), "52.216.0.9:5432")
	for _, reach := range []Reach{Public, Named} {
		for _, address := range []string{"52.216.0.9:5432", "db.example.org:5432"} {
			if _, err := guard.Dial(reach)(t.Context(), "tcp", address); !errors.Is(err, ErrAddress) {
				t.Errorf("%s, reach %d: %v", address, reach, err)
			}
		}
	}
	if sent := network.Sent(); len(sent) != 0 {
		t.Errorf("sent to %v", sent)
	}
}

func TestAddressAddedTwiceStaysUntilBothAreRemoved(t *testing.T) {
	own, addr := new(Own), netip.MustParseAddrPort("127.0.0.1:5432")
	first := own.Add(addr)
	second := own.Add(netip.MustParseAddrPort("[::ffff:127.0.0.1]:5432"))
	first()
	first()
	if got := own.List(); len(got) != 1 || got[0] != addr {
		t.Errorf("after the first was removed: %v", got)
	}
	second()
	if got := own.List(); len(got) != 0 {
		t.Errorf("after both were removed: %v", got)
	}
}

func TestUnixSocketIsNoAddress(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	own := new(Own)
	defer own.AddListener(l)()
	if got := own.List(); len(got) != 0 {
		t.Errorf("a Unix socket was added as %v", got)
	}
}

func TestOwnIsSafeForConcurrentUse(t *testing.T) {
	own, addr := new(Own), netip.MustParseAddrPort("127.0.0.1:4080")
	guard := New(Config{Own: own, Interfaces: guardtest.NoInterfaces})
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() {
			for range 100 {
				remove := own.Add(addr)
				if err := guard.Check(Named, addr); !errors.Is(err, ErrAddress) {
					t.Errorf("while it is registered: %v", err)
				}
				remove()
			}
		})
	}
	running.Wait()
	if got := own.List(); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}
