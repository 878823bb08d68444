// Where a request comes from, if proxies in front of ferry pass it on.

package social

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// maxHops bounds the proxies that a request may have passed.
const maxHops = 16

// origin returns the address of the client of a request, which is the zero Addr if it is not known, and whether its
// connection is encrypted. Both are those of the connection, unless it is that of one of the proxies: then
// X-Forwarded-For and X-Forwarded-Proto count. A proxy appends the address of its client to the first, so that the
// last address which is not a proxy's is the client's: whatever stands before it was sent by the client.
func origin(r *http.Request, proxies []netip.Prefix) (address netip.Addr, isSecure bool) {
	isSecure = r.TLS != nil
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil { // no connection of IP
		return netip.Addr{}, isSecure
	}
	address = remote.Addr().Unmap().WithZone("")
	if !isProxy(address, proxies) {
		return address, isSecure
	}
	if proto := r.Header.Values("X-Forwarded-Proto"); len(proto) > 0 {
		isSecure = !slices.ContainsFunc(split(proto), func(s string) bool { return !strings.EqualFold(s, "https") })
	}
	passed := split(r.Header.Values("X-Forwarded-For"))
	for i := len(passed) - 1; i >= 0 && isProxy(address, proxies); i-- {
		if len(passed)-i > maxHops {
			return netip.Addr{}, isSecure
		}
		if address = forwarded(passed[i]); !address.IsValid() {
			break
		}
	}
	return address, isSecure
}

func isProxy(address netip.Addr, proxies []netip.Prefix) bool {
	return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(address) })
}

// split returns the elements of a header that is a list.
func split(values []string) (list []string) {
	if len(values) == 0 {
		return nil
	}
	for element := range strings.SplitSeq(strings.Join(values, ","), ",") {
		list = append(list, strings.TrimSpace(element))
	}
	return list
}

// forwarded reads an address, perhaps with a port. It is the zero Addr if the text is neither.
func forwarded(text string) netip.Addr {
	address, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		withPort, _ := netip.ParseAddrPort(text)
		address = withPort.Addr()
	}
	return address.Unmap().WithZone("")
}
