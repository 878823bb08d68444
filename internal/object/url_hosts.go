package object

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ferry/internal/guard"
)

// hostRule is one entry of the list of hosts that presigned URLs may name.
type hostRule struct {
	endpoint
	reach   guard.Reach
	suffix  bool         // matches every name below host
	buckets bool         // also matches <bucket>.host, for a valid bucket name
	store   *StoreConfig // the store with this endpoint; nil for AllowedHosts
	dial    endpoint     // where a request to the store is sent: its endpoint, also for an alias of it
}

// hostList lists the hosts that presigned URLs may name in addition to AWS S3.
type hostList struct {
	rules     []hostRule
	anyPublic bool
	except    []string // that anyPublic does not include, with the names below them
}

// find returns the reach of the host and where to send the request, or false if the
// host is not on the list.
func (l hostList) find(p endpoint) (reach guard.Reach, dial endpoint, found bool) {
	reach, dial = guard.Public, p
	for _, r := range l.rules {
		if !r.matches(p) {
			continue
		}
		reach, found = max(reach, r.reach), true
		if r.store != nil && r.endpoint != r.dial {
			dial = r.dial
		}
	}
	if found {
		return reach, dial, true
	}
	if p.scheme != "https" || p.port != 443 {
		return guard.Public, p, false
	}
	return guard.Public, p, isAWSS3(p.host) || l.anyPublic && isPublicName(p.host) && !l.excepts(p.host)
}

// excepts reports whether anyPublic leaves out a host.
func (l hostList) excepts(host string) bool {
	return slices.ContainsFunc(l.except, func(name string) bool { return host == name || strings.HasSuffix(host, "."+name) })
}

func (r hostRule) matches(p endpoint) bool {
	if p.scheme != r.scheme || p.port != r.port {
		return false
	}
	below, isBelow := strings.CutSuffix(p.host, "."+r.host)
	switch {
	case r.suffix:
		return isBelow
	case p.host == r.host:
		return true
	}
	return r.buckets && isBelow && checkBucket(below) == nil
}

// holds reports whether a URL at the store's endpoint names an object in a bucket
// that the store serves. Everything else at the endpoint (listings, metrics, other
// people's buckets) is refused.
func (r hostRule) holds(host, path string) bool {
	bucket, isBelow := strings.CutSuffix(host, "."+r.host)
	key := strings.TrimPrefix(path, "/")
	if !isBelow || r.host == host {
		bucket, key, _ = strings.Cut(key, "/")
	}
	return key != "" && checkBucket(bucket) == nil && r.store.matches(bucket)
}

// holds reports whether a path at a store's endpoint names an object in a bucket
// that the store serves.
func (l hostList) holds(p endpoint, path string) bool {
	return slices.ContainsFunc(l.rules, func(r hostRule) bool { return r.store != nil && r.matches(p) && r.holds(p.host, path) })
}

// specialNames returns the top-level names that no public host has
// (docs/references.md#special-names): special-use names, among them "arpa" with
// "home.arpa"; those that ICANN does not delegate ("internal", "corp", "home", "mail");
// those that routers assign; and those of clusters and containers.
func specialNames() []string {
	return []string{
		"localhost", "local", "localdomain", "internal", "intranet", "private", "corp", "home", "lan",
		"arpa", "onion", "test", "invalid", "example", "alt", "mail", "svc", "cluster", "consul", "docker",
	}
}

// isPublicName reports whether host may be public: a name of two labels or more
// below a public top-level name, or a public address.
func isPublicName(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return guard.IsPublic(addr)
	}
	i := strings.LastIndexByte(host, '.')
	return i > 0 && !slices.Contains(specialNames(), host[i+1:])
}

// parseAllowedHost parses host or *.suffix, each with an optional port.
func parseAllowedHost(pattern string) (hostRule, error) {
	name, isSuffix := strings.CutPrefix(pattern, "*.")
	parts, err := splitURL("https://" + name + "/")
	addr, addrErr := netip.ParseAddr(parts.host)
	isName := addrErr != nil
	switch {
	case err != nil || parts.path != "/" || parts.hasQuery || parts.host == "":
		return hostRule{}, fmt.Errorf("allowed host %q: expected host, host:port or *.suffix, in canonical form", pattern)
	case isName && !strings.Contains(parts.host, "."):
		return hostRule{}, fmt.Errorf("allowed host %q: a name of one label is not public; configure a store with this endpoint", pattern)
	case !isName && !guard.IsPublic(addr):
		return hostRule{}, fmt.Errorf("allowed host %q: the address is not public; configure a store with this endpoint", pattern)
	case isSuffix && !isName:
		return hostRule{}, fmt.Errorf("allowed host %q: an address has no names below it", pattern)
	}
	return hostRule{endpoint: parts.endpoint, reach: guard.Public, suffix: isSuffix}, nil
}

// The host names of AWS S3, from its documentation ("Amazon Simple Storage Service
// endpoints and quotas", "Virtual hosting of buckets", "Access points", "Transfer
// Acceleration", "Multi-Region Access Points").
const (
	regionText = `[a-z]{2,4}(?:-[a-z]+){1,2}-[0-9]{1,2}`
	bucketText = `(?:[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\.)?`
)

var (
	// s3.REGION, s3.dualstack.REGION, s3-fips.REGION, s3-fips.dualstack.REGION
	// and the older s3-REGION, s3-fips-REGION, with or without a bucket in front.
	awsRegional = regexp.MustCompile(`^` + bucketText + `(?:s3(?:-fips)?(?:\.dualstack)?\.|s3-(?:fips-)?)(` + regionText + `)$`)
	// NAME-ACCOUNT.s3-accesspoint.REGION and its variants.
	awsAccessPoint = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*-[0-9]{12}\.s3-accesspoint(?:-fips)?(?:\.dualstack)?\.(` + regionText + `)$`)
	// Names without a Region: the global one, the older one of US East, transfer
	// acceleration, multi-Region access points.
	awsGlobal = regexp.MustCompile(`^(?:` + bucketText + `s3(?:-external-1)?|` +
		`[a-z0-9][a-z0-9-]{1,61}[a-z0-9]\.s3-accelerate(?:\.dualstack)?|` +
		`[a-z0-9]+\.mrap\.accesspoint\.s3-global)$`)
)

// isAWSS3 reports whether host is a name of AWS S3.
func isAWSS3(host string) bool {
	if name, ok := strings.CutSuffix(host, ".amazonaws.com.cn"); ok {
		return strings.HasPrefix(awsRegion(name), "cn-")
	}
	if name, ok := strings.CutSuffix(host, ".amazonaws.eu"); ok {
		return strings.HasPrefix(awsRegion(name), "eusc-")
	}
	name, ok := strings.CutSuffix(host, ".amazonaws.com")
	if !ok {
		return false
	}
	if awsGlobal.MatchString(name) {
		return true
	}
	region := awsRegion(name)
	return region != "" && !strings.HasPrefix(region, "cn-") && !strings.HasPrefix(region, "eusc-")
}

// awsRegion returns the Region in the host name of an S3 endpoint, or "" if name is
// not such a host name.
func awsRegion(name string) string {
	for _, grammar := range []*regexp.Regexp{awsRegional, awsAccessPoint} {
		if found := grammar.FindStringSubmatch(name); found != nil {
			return found[1]
		}
	}
	return ""
}

// String returns the endpoint as a URL without a path.
func (p endpoint) String() string {
	authority := p.authority()
	if p.scheme == "https" {
		authority = strings.TrimSuffix(authority, ":443")
	}
	return p.scheme + "://" + authority
}

// authority returns host:port, as a URL has it.
func (p endpoint) authority() string {
	return net.JoinHostPort(p.host, strconv.Itoa(int(p.port)))
}
