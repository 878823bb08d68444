package object

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ferry/internal/guard"
	"ferry/internal/guard/guardtest"
)

// corpusConfig returns the configuration that the comment in urls.txt describes.
func corpusConfig(anyHost bool, network *guardtest.Network) Config {
	return Config{
		Stores: []StoreConfig{
			{Endpoint: "http://minio:9000", PathStyle: true, AccessKeyID: "k", SecretAccessKey: secretKey},
			{Endpoint: "https://S3.corp.example:8443/", AccessKeyID: "k", SecretAccessKey: secretKey},
			{Endpoint: "http://127.0.0.1:4082", PathStyle: true, AccessKeyID: "k", SecretAccessKey: secretKey},
			{Endpoint: "http://[::1]:4083", PathStyle: true, AccessKeyID: "k", SecretAccessKey: secretKey},
		},
		AllowedHosts:       []string{"media.example.org", "files.example.org:8443", "*.cdn.example.org"},
		AllowAnyPublicHost: anyHost,
		ReachTimeout:       20 * time.Millisecond,
		ExceptHosts:        []string{"facebook.com", "fbsbx.com", "graph.proxy.example.net"},
		Guard:              guardOn(network, guardtest.Always("127.0.0.1")),
	}
}

var repeated = regexp.MustCompile(`\{A\*(\d+)\}`)

func expand(text string, port int) string {
	text = strings.ReplaceAll(text, "{canary}", strconv.Itoa(port))
	return repeated.ReplaceAllStringFunc(text, func(m string) string {
		n, _ := strconv.Atoi(repeated.FindStringSubmatch(m)[1])
		return strings.Repeat("A", n)
	})
}

func TestURLCorpus(t *testing.T) {
	c := guardtest.NewCanary(t)
	rows := corpus(t, "urls.txt", 361)
	judged := 0
	for _, anyHost := range []bool{false, true} {
		network := new(guardtest.Network)
		opener := newOpener(t, corpusConfig(anyHost, network))
		for _, row := range rows {
			verdict, quoted, _ := strings.Cut(row, " ")
			raw, err := strconv.Unquote(quoted)
			if err != nil || !slices.Contains([]string{"refuse", "any", "accept"}, verdict) {
				t.Fatalf("row %s: %v", row, err)
			}
			judged++
			raw = expand(raw, c.Port)
			u, err := opener.URL(raw, jpeg())
			want := verdict == "accept" || verdict == "any" && anyHost
			if (err == nil) != want {
				t.Errorf("%s with any host %v: %v", row, anyHost, err)
			}
			if err != nil {
				wantKind(t, err, Invalid)
				continue
			}
			checkAccepted(t, opener, raw, u)
			openAgainst(t, network, u)
		}
	}
	count(t, judged, 2*len(rows))
}

// openAgainst opens a URL on a network where nothing responds, and checks the
// addresses: names resolve to 127.0.0.1, which only a store may have.
func openAgainst(t *testing.T, network *guardtest.Network, u *URL) {
	t.Helper()
	_, err := u.Open(t.Context(), "")
	wantKind(t, err, Unavailable)
	for _, address := range network.Sent() {
		addr := netip.MustParseAddrPort(address).Addr()
		if u.reach != guard.Named && !guard.IsPublic(addr) {
			t.Errorf("%v sent a packet to %s", u, address)
		}
	}
	network.Reset()
}

// checkAccepted checks an accepted URL: net/url parses it to the same host, the host
// is on the list, and the request is sent with the bytes of the text.
func checkAccepted(t *testing.T, opener *Opener, raw string, u *URL) {
	t.Helper()
	std, err := url.Parse(raw)
	if err != nil {
		t.Fatalf("%q is accepted, and net/url says %v", raw, err)
	}
	if got := strings.ToLower(std.Hostname()); got != u.endpoint.host || std.User != nil || std.Fragment != "" || std.Opaque != "" {
		t.Errorf("%q: net/url reads host %q, we read %q", raw, got, u.endpoint.host)
	}
	if _, _, ok := opener.hosts.find(u.endpoint); !ok {
		t.Errorf("%q: host %v is not on the list", raw, u.endpoint)
	}
	if !strings.HasPrefix(strings.ToLower(raw), u.endpoint.scheme+"://"+strings.ToLower(u.host)) {
		t.Errorf("%q: Host header %q", raw, u.host)
	}
	rebuilt := raw[:strings.Index(raw, "://")+3] + std.Host + u.request.RequestURI()
	if rebuilt != raw {
		t.Errorf("%q is sent as %q", raw, rebuilt)
	}
	if printed := fmt.Sprintf("%v %+v %#v %s %q", u, u, u, u, u); u.request.RawQuery != "" && strings.Contains(printed, u.request.RawQuery+"&") {
		t.Errorf("%s shows the query", printed)
	}
}

func FuzzURL(f *testing.F) {
	for _, row := range corpus(f, "urls.txt", 1) {
		_, quoted, _ := strings.Cut(row, " ")
		if raw, err := strconv.Unquote(quoted); err == nil {
			f.Add(expand(raw, 4079), true)
		}
	}
	openers := map[bool]*Opener{}
	for _, anyHost := range []bool{false, true} {
		openers[anyHost] = newOpener(f, corpusConfig(anyHost, new(guardtest.Network)))
	}
	f.Fuzz(func(t *testing.T, raw string, anyHost bool) {
		if u, err := openers[anyHost].URL(raw, jpeg()); err == nil {
			checkAccepted(t, openers[anyHost], raw, u)
		}
	})
}

func TestHostHeaderIsWhatWasSigned(t *testing.T) {
	opener := newOpener(t, corpusConfig(false, new(guardtest.Network)))
	for raw, want := range map[string]string{
		"https://bucket.s3.amazonaws.com/k":                                "bucket.s3.amazonaws.com",
		"https://bucket.s3.amazonaws.com:443/k":                            "bucket.s3.amazonaws.com",
		"https://Bucket.s3.amazonaws.com/k":                                "Bucket.s3.amazonaws.com",
		"http://minio:9000/bucket/k?X-Amz-Credential=a&X-Amz-Signature=00": "minio:9000",
		"http://[::1]:4083/bucket/k?X-Amz-Credential=a&X-Amz-Signature=00": "[::1]:4083",
		"https://files.example.org:8443/k":                                 "files.example.org:8443",
		"https://bucket.s3.corp.example:8443/k%2":                          "",
	} {
		u, err := opener.URL(raw, jpeg())
		if want == "" {
			wantKind(t, err, Invalid)
		} else if err != nil || u.host != want {
			t.Errorf("%s: Host %v, %v", raw, u, err)
		}
	}
}

func TestURLShowsNoQuery(t *testing.T) {
	opener := newOpener(t, Config{})
	u, err := opener.URL("https://bucket.s3.amazonaws.com/a%2Fb.jpg?X-Amz-Signature=canary", jpeg())
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if got := fmt.Sprintf(verb, u); got != "https://bucket.s3.amazonaws.com/a%2Fb.jpg" {
			t.Errorf("%s prints %s", verb, got)
		}
	}
	if u.name != "b.jpg" {
		t.Errorf("name %q", u.name)
	}
}
