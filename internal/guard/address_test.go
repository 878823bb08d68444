package guard

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"code.dny.dev/ssrf"

	"ferry/internal/guard/guardtest"
)

type addressRow struct {
	verdict string // bad, inside or good
	addr    netip.Addr
}

// addressRows returns the rows of testdata/addresses.txt. It fails the test if there
// are fewer than floor, which must be raised when rows are added.
func addressRows(t *testing.T) []addressRow {
	t.Helper()
	const floor = 197
	text, err := os.ReadFile("testdata/addresses.txt")
	if err != nil {
		t.Fatal(err)
	}
	var rows []addressRow
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		addr, err := netip.ParseAddr(fields[1])
		if err != nil || fields[0] != "bad" && fields[0] != "inside" && fields[0] != "good" {
			t.Fatalf("row %q: %v", line, err)
		}
		rows = append(rows, addressRow{fields[0], addr})
	}
	if len(rows) < floor {
		t.Fatalf("%d rows; there were %d", len(rows), floor)
	}
	return rows
}

func TestAddressCorpus(t *testing.T) {
	rows := addressRows(t)
	guard := New(Config{Interfaces: guardtest.NoInterfaces})
	library := ssrf.New(ssrf.WithAnyPort())
	number := map[string]int{}
	var missed []string
	for _, row := range rows {
		number[row.verdict]++
		to := netip.AddrPortFrom(row.addr, 443)
		if err := guard.Check(Public, to); (err == nil) != (row.verdict == "good") {
			t.Errorf("%s %s: Public says %v", row.verdict, row.addr, err)
		}
		if err := guard.Check(Named, to); (err == nil) != (row.verdict != "bad") {
			t.Errorf("%s %s: Named says %v", row.verdict, row.addr, err)
		}
		if row.verdict != "good" && library.SafeAddr(row.addr) == nil {
			missed = append(missed, row.addr.String())
		}
	}
	refused := number["bad"] + number["inside"]
	if refused < 79 || number["good"] < 24 {
		t.Errorf("%d bad and %d good addresses; the reference has 79 and 24", refused, number["good"])
	}
	t.Logf("%d bad (%d of them inside), %d good; the library alone lets through %d: %v",
		refused, number["inside"], number["good"], len(missed), missed)
}

// Every address again: as the host, as the result of a resolution and at the socket.
func TestAddressCorpusAtTheDialer(t *testing.T) {
	rows := addressRows(t)
	for _, row := range rows {
		for _, reach := range []Reach{Public, Named} {
			want := row.verdict == "good" || reach == Named && row.verdict == "inside"
			guard, network := guardWith(guardtest.Always(row.addr.String()))
			for _, host := range []string{row.addr.String(), "name.example.org"} {
				if host != row.addr.String() && row.addr.Is4In6() {
					// In the result of a resolution, the IPv4 address in it is checked.
					want = guard.rule.check(reach, row.addr.Unmap()) == nil
				}
				_, err := guard.Dial(reach)(t.Context(), "tcp", net.JoinHostPort(host, "443"))
				if len(network.Sent()) > 0 != want || errors.Is(err, ErrAddress) == want {
					t.Errorf("%s %s as %s, reach %d: sent to %v, %v", row.verdict, row.addr, host, reach, network.Sent(), err)
				}
				network.Reset()
			}
			control := guard.control(reach)
			family := "tcp4"
			if row.addr.Is6() {
				family = "tcp6"
			}
			err := control(t.Context(), family, netip.AddrPortFrom(row.addr, 443).String(), nil)
			if want = row.verdict == "good" || reach == Named && row.verdict == "inside"; (err == nil) != want {
				t.Errorf("%s %s at the socket, reach %d: %v", row.verdict, row.addr, reach, err)
			}
		}
	}
}

// specialBlocks lists the special-purpose addresses of the IANA registries, and the
// unallocated and multicast ones, independently of the library.
var specialBlocks = []string{
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24",
	"192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
	"::/3", "4000::/2", "8000::/1", // all but global unicast (RFC 4291 §2.4, IANA)
	"2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "3ffe::/16",
}

func isSpecial(addr netip.Addr) bool {
	for _, block := range specialBlocks {
		if netip.MustParsePrefix(block).Contains(addr) {
			return true
		}
	}
	text := addr.StringExpanded()
	for _, id := range []string{":0000:5efe:", ":0100:5efe:", ":0200:5efe:", ":0300:5efe:"} {
		if addr.Is6() && strings.Index(text, id) == 19 {
			return true
		}
	}
	return false
}

func TestRandomAddressesAgainstTheTable(t *testing.T) {
	const rounds = 200_000
	rule := newAddressRule()
	random := rand.New(rand.NewPCG(1, 2))
	number := [2]int{}
	for range rounds {
		addr := randomAddress(random)
		want := isSpecial(addr)
		if err := rule.check(Public, addr); (err != nil) != want {
			t.Fatalf("%s: special is %v, the rule says %v", addr, want, err)
		}
		if want {
			number[1]++
		} else {
			number[0]++
		}
	}
	if number[0] < rounds/10 || number[1] < rounds/10 {
		t.Errorf("the addresses are lopsided: %v", number)
	}
}

// randomAddress returns any address, one near a special block, or one with the
// interface identifier of ISATAP.
func randomAddress(random *rand.Rand) netip.Addr {
	var b [16]byte
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	addr := netip.AddrFrom16(b).Unmap()
	switch random.IntN(5) {
	case 0:
		b[0] = 0x20 | b[0]&0x1f // global unicast
		addr = netip.AddrFrom16(b)
	case 1:
		addr = netip.AddrFrom4([4]byte(b[:4]))
	case 2:
		b[0], b[9], b[10], b[11] = 0x20|b[0]&0x1f, 0, 0x5e, 0xfe
		b[8] &= 7
		addr = netip.AddrFrom16(b)
	case 3:
		addr = edge(netip.MustParsePrefix(specialBlocks[random.IntN(len(specialBlocks))]), random.IntN(4))
	}
	if !addr.IsValid() || addr.Is4In6() {
		return netip.MustParseAddr("1.1.1.1")
	}
	return addr
}

// edge returns the first or last address of a block, or the one before or after it.
func edge(block netip.Prefix, which int) netip.Addr {
	first := block.Masked().Addr()
	last := first.AsSlice()
	for bit := block.Bits(); bit < first.BitLen(); bit++ {
		last[bit/8] |= 0x80 >> (bit % 8)
	}
	end, _ := netip.AddrFromSlice(last)
	return []netip.Addr{first, end, first.Prev(), end.Next()}[which]
}

func TestZeroAddressIsRefused(t *testing.T) {
	for _, reach := range []Reach{Public, Named} {
		if err := New(Config{}).Check(reach, netip.AddrPort{}); !errors.Is(err, ErrAddress) {
			t.Errorf("the zero address: %v", err)
		}
	}
}
