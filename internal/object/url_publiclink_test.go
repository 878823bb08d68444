package object

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"ferry/internal/guard"
	"ferry/internal/guard/guardtest"
)

// internet returns an opener for which every public address leads to one web server, and
// names have the addresses of a table; the others have a public one.
func internet(t *testing.T, cfg Config, handler http.HandlerFunc, names map[string]string) (*Opener, *guardtest.Network) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	network := &guardtest.Network{Answer: func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", server.Listener.Addr().String())
	}}
	resolver := &guardtest.Resolver{Answer: func(_ int64, host string) ([]netip.Addr, error) {
		if address, ok := names[strings.TrimSuffix(host, ".")]; ok {
			return []netip.Addr{netip.MustParseAddr(address)}, nil
		}
		return []netip.Addr{netip.MustParseAddr("52.216.0.1")}, nil
	}}
	cfg.Guard, cfg.RetryBackoff = guardOn(network, resolver), time.Millisecond
	if cfg.ReachTimeout == 0 {
		cfg.ReachTimeout = 500 * time.Millisecond
	}
	return newOpener(t, cfg), network
}

func TestPublicLinkReadsFromAnyPublicHostAndFollowsRedirects(t *testing.T) {
	opener, _ := internet(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		var hops int
		if _, err := fmt.Sscanf(r.URL.Path, "/hop/%d", &hops); err == nil && hops > 0 {
			http.Redirect(w, r, fmt.Sprintf("http://cdn%d.shop.com/hop/%d", hops, hops-1), http.StatusFound)
			return
		}
		if r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" {
			t.Errorf("sent %v", r.Header)
		}
		w.Header().Set("Content-Type", "image/png")
		_, _ = w.Write([]byte("body"))
	}, nil)
	for _, rawURL := range []string{"http://shop.com/a.png", "http://shop.com:8080/a.png?v=1", "http://52.216.0.2/a.png", "http://shop.com/hop/1", "http://shop.com/hop/3"} {
		l, err := opener.PublicLink(rawURL)
		if err != nil {
			t.Errorf("%s: %v", rawURL, err)
			continue
		}
		if obj, got, err := read(t.Context(), l, ""); err != nil || got != "body" || obj.ContentType != "image/png" {
			t.Errorf("%s: %q, %+v, %v", rawURL, got, obj, err)
		}
	}
	l, err := opener.PublicLink("http://shop.com/hop/4")
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.Open(t.Context(), "")
	if e := wantKind(t, err, Invalid); !strings.Contains(e.Message, "more than 3 times") {
		t.Error(e)
	}
}

func TestPublicLinkThatNoPublicHostCanHaveIsRefusedAtOnce(t *testing.T) {
	opener, network := internet(t, Config{ExceptHosts: []string{"facebook.com", "fbsbx.com"}}, http.NotFound, nil)
	for _, rawURL := range []string{
		"", "a.png", "ftp://shop.com/a.png", "http://shop.com", "http://user:pw@shop.com/a.png", "http://shop.com/a b.png",
		"http://127.0.0.1/a.png", "http://[::1]/a.png", "http://10.0.0.1/a.png", "http://169.254.169.254/latest/meta-data", "http://0x7f.1/a.png",
		"http://2130706433/a.png", "http://localhost/a.png", "http://intranet/a.png", "http://printer.local/a.png", "http://db.internal/a.png",
		"https://lookaside.fbsbx.com/a.png", "https://graph.facebook.com/v23.0/1", "http://[::ffff:127.0.0.1]/a.png",
	} {
		_, err := opener.PublicLink(rawURL)
		if err == nil {
			t.Errorf("%q is accepted", rawURL)
			continue
		}
		wantKind(t, err, Invalid)
	}
	if sent := network.Sent(); len(sent) > 0 {
		t.Errorf("connected to %v", sent)
	}
}

func TestPublicLinkNeverReachesAPrivateAddress(t *testing.T) {
	opener, network := internet(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+strings.TrimPrefix(r.URL.Path, "/to/")+"/a.png", http.StatusFound)
	}, map[string]string{"inside.shop.com": "10.0.0.1", "metadata.shop.com": "169.254.169.254"})
	for rawURL, kind := range map[string]Kind{
		"http://inside.shop.com/a.png":              Unavailable, // as for a host that does not respond
		"http://shop.com/to/inside.shop.com":        Unavailable,
		"http://shop.com/to/metadata.shop.com":      Unavailable,
		"http://shop.com/to/169.254.169.254":        Invalid,
		"http://shop.com/to/127.0.0.1:80":           Invalid,
		"http://shop.com/to/localhost":              Invalid,
		"http://shop.com/to/user:password@shop.com": Invalid,
	} {
		l, err := opener.PublicLink(rawURL)
		if err != nil {
			t.Fatal(err)
		}
		_, err = l.Open(t.Context(), "")
		wantKind(t, err, kind)
	}
	for _, address := range network.Sent() {
		if !strings.HasPrefix(address, "52.216.0.1:") {
			t.Errorf("connected to %s", address)
		}
	}
}

// The links of a caller's own store may be inside, as presigned URLs may.
func TestPublicLinkAtAStoreMustBePresigned(t *testing.T) {
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("body")) }))
	defer store.Close()
	opener := newOpener(t, Config{Stores: []StoreConfig{{Buckets: []string{"media"}, Endpoint: store.URL, PathStyle: true, Region: "us-east-1"}}})
	l, err := opener.PublicLink(store.URL + "/media/a.png?X-Amz-Credential=c&X-Amz-Signature=s")
	if err != nil {
		t.Fatal(err)
	}
	if _, got, err := read(t.Context(), l, ""); err != nil || got != "body" {
		t.Errorf("%q, %v", got, err)
	}
	for _, path := range []string{"/media/a.png", "/other/a.png?X-Amz-Credential=c&X-Amz-Signature=s", "/metrics?X-Amz-Credential=c&X-Amz-Signature=s"} {
		_, err := opener.PublicLink(store.URL + path)
		wantKind(t, err, Invalid)
	}
}

func TestLinksInsideReachLoopbackButNotOwnAddresses(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("body")) }))
	defer server.Close()
	canary := guardtest.NewCanary(t)
	own := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(canary.Port))
	opener := newOpener(t, Config{LinksInside: true, Guard: guardWithOwn(own), ReachTimeout: 50 * time.Millisecond})
	l, err := opener.PublicLink(server.URL + "/a.png")
	if err != nil {
		t.Fatal(err)
	}
	if _, got, err := read(t.Context(), l, ""); err != nil || got != "body" {
		t.Errorf("%q, %v", got, err)
	}
	if l, err = opener.PublicLink("http://" + own.String() + "/a.png"); err != nil {
		t.Fatal(err)
	}
	_, err = l.Open(t.Context(), "")
	wantKind(t, err, Unavailable)
}

func TestIdentityTellsQueriesApartWithoutShowingThem(t *testing.T) {
	opener := newOpener(t, Config{Guard: guard.New(guard.Config{})})
	seen := make(map[string]bool)
	for _, rawURL := range []string{"http://shop.com/a", "http://shop.com/a?id=1-canary", "http://shop.com/a?id=2-canary", "http://shop.com/b?id=1-canary"} {
		l, err := opener.PublicLink(rawURL)
		if err != nil {
			t.Fatal(err)
		}
		identity := l.Identity()
		if seen[identity] || strings.Contains(identity, "canary") {
			t.Errorf("%s has the identity %s", rawURL, identity)
		}
		seen[identity] = true
	}
}
