package guard

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ferry/internal/guard/guardtest"
)

func ownOf(addrs ...string) *Own {
	own := new(Own)
	for _, addr := range addrs {
		own.Add(netip.MustParseAddrPort(addr))
	}
	return own
}

func guardWith(resolver Resolver, own ...string) (*Guard, *guardtest.Network) {
	network := new(guardtest.Network)
	return New(Config{
		Own: ownOf(own...), Resolver: resolver, ResolveTimeout: 100 * time.Millisecond,
		Interfaces: guardtest.NoInterfaces, Connect: network.Connect,
	}), network
}

func TestOneBadAnswerRefusesAll(t *testing.T) {
	many := func(n int, last string) []string {
		answers := slices.Repeat([]string{"1.1.1.1"}, n-1)
		return append(answers, last)
	}
	for _, answers := range [][]string{
		{"1.1.1.1", "127.0.0.1"}, {"127.0.0.1", "1.1.1.1"}, {"1.1.1.1", "::1"}, {"2606:4700::1", "10.0.0.1"},
		{"1.1.1.1", "fe80::1"}, {"8.8.8.8", "0.0.0.0"}, {"1.1.1.1", "::ffff:127.0.0.1"}, {"::ffff:169.254.169.254"},
		{"0.0.0.0"}, {"::"}, many(16, "10.0.0.1"), many(17, "1.1.1.1"), many(1000, "1.1.1.1"), many(1000, "127.0.0.1"), {},
	} {
		guard, network := guardWith(guardtest.Always(answers...))
		if _, err := guard.Pin(t.Context(), Public, "name.example.org", 443); !errors.Is(err, ErrAddress) {
			t.Errorf("%d answers, the last of %v: %v", len(answers), answers, err)
		}
		if sent := network.Sent(); len(sent) != 0 {
			t.Errorf("sent to %v", sent)
		}
	}
	for _, answers := range [][]string{{"1.1.1.1"}, many(16, "1.1.1.1"), {"2606:4700::1", "1.1.1.1"}, {"::ffff:1.1.1.1"}} {
		guard, _ := guardWith(guardtest.Always(answers...))
		if _, err := guard.Pin(t.Context(), Public, "name.example.org", 443); err != nil {
			t.Errorf("%v: %v", answers, err)
		}
	}
}

func TestRebindingGetsOneResolution(t *testing.T) {
	const workers, rounds = 8, 12_500
	resolver := &guardtest.Resolver{Answer: func(n int64, _ string) ([]netip.Addr, error) {
		if n%2 == 0 {
			return guardtest.Addrs("127.0.0.1"), nil
		}
		return guardtest.Addrs("1.1.1.1"), nil
	}}
	guard, network := guardWith(resolver)
	dial := guard.Dial(Public)
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for range rounds {
				_, _ = dial(t.Context(), "tcp", "name.example.org:443")
			}
		})
	}
	running.Wait()
	if asked := resolver.Lookups(); asked != workers*rounds {
		t.Errorf("%d resolutions for %d dials", asked, workers*rounds)
	}
	sent := network.Sent()
	if len(sent) != workers*rounds/2 {
		t.Errorf("%d connections, want %d", len(sent), workers*rounds/2)
	}
	if i := slices.IndexFunc(sent, func(s string) bool { return s != "1.1.1.1:443" }); i >= 0 {
		t.Errorf("connected to %s", sent[i])
	}
}

func TestPinnedDialsNothingElse(t *testing.T) {
	guard, network := guardWith(guardtest.Always("1.1.1.1", "8.8.8.8"))
	pinned, err := guard.Pin(t.Context(), Public, "name.example.org", 443)
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"other.example.org:443", "name.example.org:80", "1.1.1.1:443", "127.0.0.1:443", ""} {
		if _, err := pinned.DialContext(t.Context(), "tcp", address); err == nil {
			t.Errorf("dialled %q", address)
		}
	}
	if sent := network.Sent(); len(sent) != 0 {
		t.Errorf("sent to %v", sent)
	}
	_, err = pinned.DialContext(t.Context(), "tcp", "name.example.org:443")
	if sent := network.Sent(); !errors.Is(err, guardtest.ErrNoAnswer) || !slices.Equal(sent, []string{"1.1.1.1:443", "8.8.8.8:443"}) {
		t.Errorf("sent to %v, %v", sent, err)
	}
}

func TestNamesAreAbsoluteUnlessTheOperatorGaveThem(t *testing.T) {
	var asked []string
	resolver := &guardtest.Resolver{Answer: func(_ int64, host string) ([]netip.Addr, error) {
		asked = append(asked, host)
		return guardtest.Addrs("1.1.1.1"), nil
	}}
	guard, _ := guardWith(resolver)
	_, _ = guard.Pin(t.Context(), Public, "name.example.org", 443)
	_, _ = guard.Pin(t.Context(), Named, "minio.storage", 443)
	if !slices.Equal(asked, []string{"name.example.org.", "minio.storage"}) {
		t.Errorf("asked for %q", asked)
	}
}

func TestResolverFailures(t *testing.T) {
	guard, _ := guardWith(guardtest.SilentResolver{})
	if _, err := guard.Pin(t.Context(), Public, "name.example.org", 443); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a resolver that hangs: %v", err)
	}
	servfail := &net.DNSError{Err: "server misbehaving", IsTemporary: true}
	guard, _ = guardWith(&guardtest.Resolver{Answer: func(int64, string) ([]netip.Addr, error) { return nil, servfail }})
	if _, err := guard.Pin(t.Context(), Public, "name.example.org", 443); !errors.Is(err, servfail) {
		t.Errorf("SERVFAIL: %v", err)
	}
}

func TestConnectingHasOneTimeForAllAddresses(t *testing.T) {
	var tried []string
	guard := New(Config{Resolver: guardtest.Always("1.1.1.1", "8.8.8.8", "9.9.9.9"), ConnectTimeout: 60 * time.Millisecond, Interfaces: guardtest.NoInterfaces})
	guard.cfg.Connect = func(ctx context.Context, d *net.Dialer, _, address string) (net.Conn, error) {
		tried = append(tried, address)
		ctx, cancel := context.WithTimeout(ctx, d.Timeout)
		defer cancel()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	start := time.Now()
	if _, err := guard.Dial(Public)(t.Context(), "tcp", "name.example.org:443"); err == nil {
		t.Error("connected")
	}
	if took := time.Since(start); took > 2*time.Second || len(tried) != 3 {
		t.Errorf("tried %v in %v", tried, took)
	}
}

func TestOwnAddressesAreRefusedAtEveryReach(t *testing.T) {
	guard, _ := guardWith(nil, "127.0.0.1:4080", "0.0.0.0:4081", "10.1.2.3:0", "[::]:4083", "52.216.0.9:5432")
	guard.cfg.Interfaces = func() ([]net.Addr, error) {
		_, network, _ := net.ParseCIDR("10.9.9.0/24")
		network.IP = net.ParseIP("10.9.9.9")
		_, public, _ := net.ParseCIDR("52.216.7.0/24")
		public.IP = net.ParseIP("52.216.7.7")
		return []net.Addr{network, public}, nil
	}
	for address, want := range map[string]string{
		"127.0.0.1:4080": "", "127.0.0.1:4082": "named", "127.0.0.2:4080": "named",
		"127.0.0.1:4081": "", "127.9.9.9:4081": "", "[::1]:4081": "", "10.9.9.9:4081": "", "10.9.9.9:80": "named",
		"10.1.2.3:80": "", "10.1.2.3:65535": "", "10.1.2.4:80": "named",
		"127.0.0.1:4083": "", "10.9.9.9:4083": "", "52.216.7.7:4083": "",
		"52.216.7.7:443": "named", "52.216.7.8:443": "both", "52.216.0.9:5432": "", "52.216.0.9:443": "both",
	} {
		addr := netip.MustParseAddrPort(address)
		got := ""
		switch {
		case guard.Check(Public, addr) == nil && guard.Check(Named, addr) == nil:
			got = "both"
		case guard.Check(Named, addr) == nil:
			got = "named"
		case guard.Check(Public, addr) == nil:
			got = "public"
		}
		if got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}

func TestUnknownInterfacesRefuse(t *testing.T) {
	guard, _ := guardWith(nil)
	guard.cfg.Interfaces = func() ([]net.Addr, error) { return nil, errors.New("no netlink") }
	if err := guard.Check(Public, netip.MustParseAddrPort("1.1.1.1:443")); !errors.Is(err, ErrAddress) {
		t.Errorf("with unknown interfaces: %v", err)
	}
}

func TestControlRefusesOtherNetworks(t *testing.T) {
	guard, _ := guardWith(nil)
	control := guard.control(Named)
	for _, row := range [][2]string{
		{"udp4", "1.1.1.1:443"}, {"unix", "/var/run/docker.sock"}, {"tcp", "1.1.1.1:443"}, {"ip4", "1.1.1.1"},
		{"tcp4", "name.example.org:443"}, {"tcp4", "169.254.169.254:80"}, {"tcp6", "[fe80::1%lo]:80"}, {"tcp4", ""},
	} {
		if err := control(t.Context(), row[0], row[1], nil); !errors.Is(err, ErrAddress) {
			t.Errorf("%v: %v", row, err)
		}
	}
}

// A real dial without Pin, which shows that the socket's address is checked too.
func TestSocketIsCheckedAgain(t *testing.T) {
	c := guardtest.NewCanary(t)
	guard := New(Config{})
	to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(c.Port))
	pinned := &Pinned{guard: guard, reach: Public, address: "name.example.org:443", addrs: []netip.AddrPort{to}}
	if _, err := pinned.DialContext(t.Context(), "tcp", "name.example.org:443"); !errors.Is(err, ErrAddress) {
		t.Errorf("dialled loopback: %v", err)
	}
	if err := guard.Check(Public, to); strings.Contains(err.Error(), "127") {
		t.Errorf("the refusal shows the address: %v", err)
	}
}
