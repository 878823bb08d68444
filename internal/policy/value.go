package policy

import (
	"net/netip"
	"strings"
	"time"
)

// isNumber reports whether s is a decimal number: digits, perhaps with a "-" in front and a fraction.
func isNumber(s string) bool {
	whole, fraction, hasFraction := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	return isDigits(whole) && (!hasFraction || isDigits(fraction))
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// compareNumbers compares two decimal numbers exactly, whatever their lengths.
func compareNumbers(a, b string) int {
	aIsNegative, aWhole, aFraction := splitNumber(a)
	bIsNegative, bWhole, bFraction := splitNumber(b)
	switch {
	case aIsNegative && !bIsNegative:
		return -1
	case bIsNegative && !aIsNegative:
		return 1
	case aIsNegative:
		return compareParts(bWhole, bFraction, aWhole, aFraction)
	}
	return compareParts(aWhole, aFraction, bWhole, bFraction)
}

func compareParts(aWhole, aFraction, bWhole, bFraction string) int {
	switch {
	case len(aWhole) != len(bWhole):
		return len(aWhole) - len(bWhole)
	case aWhole != bWhole:
		return strings.Compare(aWhole, bWhole)
	}
	return strings.Compare(aFraction, bFraction)
}

// splitNumber returns the parts of a number without zeros that mean nothing. Zero is not negative.
func splitNumber(s string) (isNegative bool, whole, fraction string) {
	digits, isNegative := strings.CutPrefix(s, "-")
	whole, fraction, _ = strings.Cut(digits, ".")
	whole, fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	return isNegative && (whole != "" || fraction != ""), whole, fraction
}

// parseDate reads a date, or 10 or 11 digits: seconds since 1970. The forms of dates are those of the W3C's profile of
// ISO 8601, but not the year alone, which cannot be told from seconds. A second may have a fraction.
func parseDate(s string) (time.Time, bool) {
	if isDigits(s) {
		if len(s) < 10 || len(s) > 11 {
			return time.Time{}, false
		}
		var seconds int64
		for _, c := range s {
			seconds = seconds*10 + int64(c-'0')
		}
		return time.Unix(seconds, 0), true
	}
	const hourEnd, minuteEnd = len("2006-01-02T15"), len("2006-01-02T15:04") // Go would accept an hour of one digit, and "," for the point of a fraction
	if len(s) > len(time.DateOnly) && (len(s) <= hourEnd || s[hourEnd] != ':') || strings.Contains(s, ",") {
		return time.Time{}, false
	}
	layout := time.RFC3339
	switch {
	case len(s) == len("2006-01"):
		layout = "2006-01"
	case len(s) == len(time.DateOnly):
		layout = time.DateOnly
	case len(s) > minuteEnd && s[minuteEnd] != ':':
		layout = "2006-01-02T15:04Z07:00"
	}
	t, err := time.Parse(layout, s)
	return t, err == nil
}

// parseAddress reads an IP address. IPv4 that is written as IPv6 is IPv4.
func parseAddress(s string) (netip.Addr, bool) {
	address, err := netip.ParseAddr(s)
	if err != nil || address.Zone() != "" {
		return netip.Addr{}, false
	}
	return address.Unmap(), true
}

// parseRange reads a range of addresses in CIDR form. An address alone is a range of one.
func parseRange(s string) (netip.Prefix, bool) {
	if address, ok := parseAddress(s); ok {
		return netip.PrefixFrom(address, address.BitLen()), true
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	const mapped = 96 // bits in front of an IPv4 address
	if prefix.Addr().Is4In6() {
		if prefix.Bits() < mapped {
			return netip.Prefix{}, false
		}
		prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-mapped)
	}
	return prefix, true
}
