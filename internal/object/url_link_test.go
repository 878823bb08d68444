package object

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"ferry/internal/guard"
	"ferry/internal/guard/guardtest"
)

// webServer returns the URL of a web server, and an opener like that of ferry media lint.
func webServer(t *testing.T, handler http.HandlerFunc) (*Opener, string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return newOpener(t, Config{RetryBackoff: time.Millisecond}), server.URL
}

func link(t *testing.T, opener *Opener, rawURL string) *Link {
	t.Helper()
	l, err := opener.Link(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLinkReadsFromAnyHost(t *testing.T) {
	content := []byte("0123456789")
	opener, server := webServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "identity" || r.Header.Get("Authorization") != "" {
			t.Errorf("sent %v", r.Header)
		}
		w.Header().Set("Content-Type", "image/png")
		w.Header().Set("ETag", `"v1"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
	l := link(t, opener, server+"/dir/a%20b.png?token=query-canary")
	obj, got, err := read(t.Context(), l, "")
	if err != nil || got != string(content) || obj.ContentType != "image/png" || obj.ETag != `"v1"` || obj.Name != "a b.png" || obj.Size != 10 {
		t.Fatalf("%q, %+v, %v", got, obj, err)
	}
	if text := l.String(); strings.Contains(text, "canary") {
		t.Errorf("%s shows the query", text)
	}
	for _, row := range []struct {
		off     int64
		size    int
		want    string
		ifMatch string
		err     error
	}{{0, 1, "0", `"v1"`, nil}, {3, 4, "3456", `"v1"`, nil}, {3, 4, "3456", "", nil}, {8, 5, "89", `"v1"`, io.EOF}, {10, 1, "", `"v1"`, io.EOF}} {
		p := make([]byte, row.size)
		n, err := l.ReadAt(t.Context(), p, row.off, row.ifMatch)
		if string(p[:n]) != row.want || err != row.err {
			t.Errorf("%d+%d: %q, %v (%v)", row.off, row.size, p[:n], err, errors.Unwrap(err))
		}
	}
	_, err = l.ReadAt(t.Context(), make([]byte, 2), 0, `"v0"`)
	wantKind(t, err, Changed)
	_, err = l.ReadAt(t.Context(), make([]byte, 2), -1, `"v1"`)
	wantKind(t, err, Invalid)
	if stat, err := l.Stat(t.Context()); err != nil || stat.Size != 10 || stat.Body != nil {
		t.Errorf("Stat: %+v, %v", stat, err)
	}
}

func TestLinkFollowsRedirects(t *testing.T) {
	opener, server := webServer(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/file":
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader("body"))
		case "/bad":
			w.Header().Set("Location", "https://user:pw@h/k")
			w.WriteHeader(http.StatusFound)
		default:
			var n int
			_, _ = fmt.Sscanf(r.URL.Path, "/%d", &n)
			target := fmt.Sprintf("/%d?signature=canary#part", n-1)
			if n == 1 {
				target = "/file"
			}
			http.Redirect(w, r, target, http.StatusFound)
		}
	})
	for n := 1; n <= 3; n++ {
		l := link(t, opener, fmt.Sprintf("%s/%d", server, n))
		if _, got, err := read(t.Context(), l, ""); err != nil || got != "body" {
			t.Errorf("%d redirects: %q, %v", n, got, err)
		}
		p := make([]byte, 2)
		if _, err := l.ReadAt(t.Context(), p, 1, ""); err != nil || string(p) != "od" {
			t.Errorf("a range behind %d redirects: %q, %v", n, p, err)
		}
	}
	_, err := link(t, opener, server+"/4").Open(t.Context(), "")
	if e := wantKind(t, err, Invalid); !strings.Contains(e.Message, "more than 3 times") || strings.Contains(fmt.Sprint(e, e.Cause), "canary") {
		t.Errorf("%v (%v)", e, e.Cause)
	}
	_, err = link(t, opener, server+"/bad").Open(t.Context(), "")
	if e := wantKind(t, err, Invalid); !strings.Contains(e.Message, "user name") {
		t.Errorf("%v", e)
	}
}

func TestLinkIsHeldToTheRulesOfURLs(t *testing.T) {
	opener, server := webServer(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/endless":
			_, _ = io.WriteString(w, "a")
			w.(http.Flusher).Flush()
		case "/whole":
			fmt.Fprint(w, "body")
		default:
			w.WriteHeader(http.StatusForbidden)
		}
	})
	for path, says := range map[string]string{
		"/endless": "Content-Length", "/private": "needs a signature",
		"/private?X-Amz-Signature=00&X-Amz-Credential=k": "Sign a GET",
	} {
		_, err := link(t, opener, server+path).Open(t.Context(), "")
		if e := wantKind(t, err, Invalid); !strings.HasPrefix(e.Message, "The URL ") || !strings.Contains(e.Error(), says) {
			t.Errorf("%s: %v", path, e)
		}
	}
	_, err := link(t, opener, server+"/whole").ReadAt(t.Context(), make([]byte, 2), 1, "")
	if e := wantKind(t, err, Invalid); !strings.Contains(e.Message, "does not support range requests") {
		t.Errorf("a server without ranges: %v", e)
	}
	for _, raw := range []string{"", "ftp://h/k", "https://user@h/k", "https://h", "https://h/", "https://0x7f.1/k", "https://h/../k"} {
		_, err := opener.Link(raw)
		wantKind(t, err, Invalid)
	}
	_, err = link(t, opener, "http://169.254.169.254/latest/meta-data").Open(t.Context(), "")
	if e := wantKind(t, err, Unavailable); !errors.Is(e, guard.ErrAddress) {
		t.Errorf("a metadata service: %v", e.Cause)
	}
}

func TestProxyIsForLinksAndStoresOnly(t *testing.T) {
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.RequestURI)
		fmt.Fprint(w, "body")
	}))
	defer proxy.Close()
	through, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	cfg := impatient("http://s3.store.example")
	cfg.Proxy = http.ProxyURL(through)
	cfg.Guard = guard.New(guard.Config{Resolver: guardtest.Always("192.0.2.1")}) // a forbidden address
	opener := newOpener(t, cfg)
	file, err := opener.File("media", "k")
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range []Source{link(t, opener, "http://web.example/k"), file} {
		if _, got, err := read(t.Context(), source, ""); err != nil || got != "body" {
			t.Errorf("%v: %q, %v (%v)", source, got, err, errors.Unwrap(err))
		}
	}
	presigned, err := opener.URL("http://s3.store.example/media/k?X-Amz-Signature=00&X-Amz-Credential=k", jpeg())
	if err != nil {
		t.Fatal(err)
	}
	_, err = presigned.Open(t.Context(), "")
	wantKind(t, err, Unavailable)
	if want := "http://web.example/k http://s3.store.example/media/k"; strings.Join(asked, " ") != want {
		t.Errorf("the proxy was asked for %q, want %q", asked, want)
	}
}
