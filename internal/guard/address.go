package guard

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"code.dny.dev/ssrf"
)

// ErrAddress is wrapped by every error for a forbidden address.
var ErrAddress = errors.New("address refused")

// Reach selects the addresses that a host may have.
type Reach uint8

const (
	// Public allows addresses of the public internet, except those of this machine.
	Public Reach = iota
	// Named also allows private and loopback addresses. It is for hosts that the
	// operator named in the configuration. Link-local addresses and metadata
	// services stay forbidden.
	Named
)

// metadata are the addresses of services that return a machine's credentials to any
// client on that machine, and of related services. Link-local ones need no entry,
// since link-local addresses are always forbidden.
var metadata = []netip.Prefix{
	netip.MustParsePrefix("168.63.129.16/32"),       // Azure WireServer: a public address that the host machine serves
	netip.MustParsePrefix("100.100.100.200/32"),     // Alibaba Cloud
	netip.MustParsePrefix("192.0.0.192/32"),         // Oracle Cloud, classic
	netip.MustParsePrefix("fd00:ec2::/32"),          // AWS: metadata ::254, EKS ::23, DNS ::253, time ::123
	netip.MustParsePrefix("fd20:ce::254/128"),       // Google Cloud
	netip.MustParsePrefix("fd00:c1::a9fe:a9fe/128"), // Oracle Cloud
	netip.MustParsePrefix("fd00:42::42/128"),        // Scaleway
}

// inside are the private and loopback addresses that Named allows and Public does not.
var inside = []netip.Prefix{
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("::1/128"),
	netip.MustParsePrefix("10.0.0.0/8"),     // RFC 1918
	netip.MustParsePrefix("172.16.0.0/12"),  // RFC 1918
	netip.MustParsePrefix("192.168.0.0/16"), // RFC 1918
	netip.MustParsePrefix("100.64.0.0/10"),  // RFC 6598, shared address space: used by cluster and overlay networks
	netip.MustParsePrefix("fc00::/7"),       // RFC 4193
}

// formerly6Bone is part of the global unicast range, but was returned to IANA and
// must not be routed (RFC 3701).
var formerly6Bone = netip.MustParsePrefix("3ffe::/16")

// addressRule checks addresses without regard to this machine. The library has the
// table of special-purpose blocks (docs/references.md#addresses). The addresses that it misses are
// checked here: the zero address, zones, Azure's metadata service, the former 6bone,
// and IPv4 addresses hidden by ISATAP.
type addressRule struct{ special *ssrf.Guardian }

func newAddressRule() addressRule {
	return addressRule{ssrf.New(ssrf.WithAnyPort(), ssrf.WithAnyNetwork())}
}

// IsPublic reports whether addr is an address of the public internet. Unlike
// [Guard.Check], it does not check whether addr belongs to this machine.
func IsPublic(addr netip.Addr) bool { return publicRule().check(Public, addr) == nil }

// publicRule returns one rule for all calls, since the library builds a table for each.
var publicRule = sync.OnceValue(newAddressRule)

// check returns an error that wraps ErrAddress if addr is forbidden. The error names
// the rule, but not the address.
func (r addressRule) check(reach Reach, addr netip.Addr) error {
	switch {
	case !addr.IsValid():
		return refuse("it is not an address")
	case addr.Zone() != "":
		return refuse("it has a zone")
	case addr.Is4In6():
		return refuse("it is IPv4 written as IPv6")
	case contains(metadata, addr):
		return refuse("it is a metadata service of a cloud")
	case isISATAP(addr):
		return refuse("it hides IPv4 in IPv6 (ISATAP, RFC 5214)")
	case reach == Named && contains(inside, addr):
		return nil
	case formerly6Bone.Contains(addr):
		return refuse("it is in the former 6bone (RFC 3701)")
	case r.special.SafeAddr(addr) != nil:
		return refuse("it is special-purpose (IANA registry, RFC 6890)")
	}
	return nil
}

func refuse(why string) error { return fmt.Errorf("%w: %s", ErrAddress, why) }

func contains(prefixes []netip.Prefix, addr netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// isISATAP reports whether addr has the interface identifier 0000:5efe or 0200:5efe
// in front of an IPv4 address (RFC 5214 §6.1), with any u and g bits.
func isISATAP(addr netip.Addr) bool {
	b := addr.As16()
	return addr.Is6() && b[8]&^3 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}
