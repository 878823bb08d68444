package social_test

import (
	"net/netip"
	"testing"
)

func TestProxiesThatAreTrustedSayWhereARequestComesFrom(t *testing.T) {
	through := func(proxies ...string) *world {
		return newWorld(t, func(s *settings) {
			for _, p := range proxies {
				s.api.Proxies = append(s.api.Proxies, netip.MustParsePrefix(p))
			}
		})
	}
	trusting, other := through("127.0.0.0/8", "10.0.0.0/24"), through("10.0.0.0/24")
	for _, test := range []struct {
		name             string
		w                *world
		forwarded, proto []string
		source           string // empty if it is not known
		isSecure         bool
	}{
		{name: "the client of the proxy", w: trusting, forwarded: []string{"203.0.113.5"}, proto: []string{"https"}, source: "203.0.113.5", isSecure: true},
		{name: "what the client sent comes first", w: trusting, forwarded: []string{"10.0.0.1, 192.0.2.1, 203.0.113.5"}, proto: []string{"http"}, source: "203.0.113.5"},
		{name: "two proxies", w: trusting, forwarded: []string{"192.0.2.1, 203.0.113.5,10.0.0.7"}, proto: []string{"https", "https"}, source: "203.0.113.5", isSecure: true},
		{name: "two lines", w: trusting, forwarded: []string{"192.0.2.1", "203.0.113.5"}, source: "203.0.113.5"},
		{name: "with a port", w: trusting, forwarded: []string{"203.0.113.5:4711"}, source: "203.0.113.5"},
		{name: "IPv6", w: trusting, forwarded: []string{"[2001:db8::1]:4711"}, source: "2001:db8::1"},
		{name: "IPv6 in brackets", w: trusting, forwarded: []string{"[2001:db8::1]"}, source: "2001:db8::1"},
		{name: "IPv4 as IPv6", w: trusting, forwarded: []string{"::ffff:203.0.113.5"}, source: "203.0.113.5"},
		{name: "only proxies", w: trusting, forwarded: []string{"10.0.0.9, 10.0.0.7"}, source: "10.0.0.9"},
		{name: "no header", w: trusting, source: "127.0.0.1"},
		{name: "a hidden client", w: trusting, forwarded: []string{"203.0.113.5, unknown"}},
		{name: "an empty element", w: trusting, forwarded: []string{"203.0.113.5,"}},
		{name: "one hop is not encrypted", w: trusting, forwarded: []string{"203.0.113.5"}, proto: []string{"https, http"}, source: "203.0.113.5"},
		{name: "a chain that is too long", w: trusting, forwarded: []string{"203.0.113.5,10.0.0.1,10.0.0.1,10.0.0.1,10.0.0.1,10.0.0.1,10.0.0.1,10.0.0.1,10.0.0.1,10.0.0.1,10.0.0.1,10.0.0.1,10.0.0.1,10.0.0.1,10.0.0.1,10.0.0.1,10.0.0.1"}},
		{name: "not a proxy", w: other, forwarded: []string{"203.0.113.5"}, proto: []string{"https"}, source: "127.0.0.1"},
	} {
		allows := func(condition string) bool { // a proxy adds the headers to the signed request
			key := test.w.newKey(account, allowIf(condition))
			r := test.w.sign(test.w.request("GET", "/v1/whatsapp/waba/list", ""), func(s *scope) { s.key = key })
			r.Header["X-Forwarded-For"], r.Header["X-Forwarded-Proto"] = test.forwarded, test.proto
			return test.w.allowed(test.w.send(r))
		}
		condition := `{"IpAddress":{"aws:SourceIp":"` + test.source + `"}}`
		if test.source == "" {
			condition = `{"Null":{"aws:SourceIp":"true"}}`
		}
		if !allows(condition) {
			t.Errorf("%s: %s is false", test.name, condition)
		}
		if got := allows(`{"Bool":{"aws:SecureTransport":"true"}}`); got != test.isSecure {
			t.Errorf("%s: encrypted is %v", test.name, got)
		}
	}
}
