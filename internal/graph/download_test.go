package graph

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"ferry/internal/secret"
)

// hosts returns a client that sends https requests for any host to a handler, without
// TLS. Its base URL is http.
func hosts(t *testing.T, handler http.HandlerFunc) (client *Client, base string) {
	t.Helper()
	server := httptest.NewServer(handler)
	client, err := New(Config{BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		server.Close()
	})
	client.transport.DialTLSContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
	return client, server.URL
}

func TestRedirectedDownload(t *testing.T) {
	const meta, cdn = "https://lookaside.fbsbx.com", "https://cdn.fbsbx.com"
	for name, row := range map[string]struct {
		first     string            // the download URL
		redirects map[string]string // by scheme-less URL
		asked     string            // the URL of each request, with a + if the token was sent
		refusal   string            // empty means that the file arrives
	}{
		"not at all":       {meta + "/a", nil, "lookaside.fbsbx.com/a+", ""},
		"same host":        {meta + "/a", map[string]string{"lookaside.fbsbx.com/a": "/b?c=d"}, "lookaside.fbsbx.com/a+ lookaside.fbsbx.com/b?c=d+", ""},
		"another host":     {meta + "/a", map[string]string{"lookaside.fbsbx.com/a": cdn + "/b"}, "lookaside.fbsbx.com/a+ cdn.fbsbx.com/b", ""},
		"and back":         {meta + "/a", map[string]string{"lookaside.fbsbx.com/a": cdn + "/b", "cdn.fbsbx.com/b": meta + "/c"}, "lookaside.fbsbx.com/a+ cdn.fbsbx.com/b lookaside.fbsbx.com/c", ""},
		"three times":      {meta + "/a", map[string]string{"lookaside.fbsbx.com/a": "/b", "lookaside.fbsbx.com/b": "/c", "lookaside.fbsbx.com/c": "/d"}, "lookaside.fbsbx.com/a+ lookaside.fbsbx.com/b+ lookaside.fbsbx.com/c+ lookaside.fbsbx.com/d+", ""},
		"from the base":    {"BASE/a", map[string]string{"BASE/a": "BASE/b", "BASE/b": cdn + "/c"}, "BASE/a+ BASE/b+ cdn.fbsbx.com/c", ""},
		"a loop":           {meta + "/a", map[string]string{"lookaside.fbsbx.com/a": "/a"}, strings.TrimSuffix(strings.Repeat("lookaside.fbsbx.com/a+ ", 4), " "), "more than 3 times"},
		"a forbidden host": {meta + "/a", map[string]string{"lookaside.fbsbx.com/a": "https://fbsbx.com.example.org/b"}, "lookaside.fbsbx.com/a+", `"https://fbsbx.com.example.org", which is not one of Meta's hosts`},
		"no https":         {meta + "/a", map[string]string{"lookaside.fbsbx.com/a": "http://cdn.fbsbx.com/b"}, "lookaside.fbsbx.com/a+", "not one of Meta's hosts"},
		"another port":     {meta + "/a", map[string]string{"lookaside.fbsbx.com/a": cdn + ":8443/b"}, "lookaside.fbsbx.com/a+", "not one of Meta's hosts"},
		"with a user":      {meta + "/a", map[string]string{"lookaside.fbsbx.com/a": "https://u:p@cdn.fbsbx.com/b"}, "lookaside.fbsbx.com/a+", "not one of Meta's hosts"},
		"a file":           {meta + "/a", map[string]string{"lookaside.fbsbx.com/a": "file:///etc/passwd"}, "lookaside.fbsbx.com/a+", "not one of Meta's hosts"},
		"nowhere":          {meta + "/a", map[string]string{"lookaside.fbsbx.com/a": ""}, "lookaside.fbsbx.com/a+", "invalid URL"},
		"nonsense":         {meta + "/a", map[string]string{"lookaside.fbsbx.com/a": "https://cdn.fbsbx.com/%zz?hash=canary"}, "lookaside.fbsbx.com/a+", "invalid URL"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []string
			var fill func(string) string
			client, base := hosts(t, func(w http.ResponseWriter, r *http.Request) {
				place := fill(r.Host + r.URL.RequestURI())
				mark := ""
				switch r.Header.Get("Authorization") {
				case "Bearer token-canary":
					mark = "+"
				case "":
				default:
					mark = "?"
				}
				asked = append(asked, place+mark)
				if to, redirected := row.redirects[place]; redirected {
					if to != "" {
						w.Header().Set("Location", strings.Replace(to, "BASE", "http://"+r.Host, 1))
					}
					w.WriteHeader(http.StatusFound)
					return
				}
				_, _ = io.WriteString(w, "the file")
			})
			own := strings.TrimPrefix(base, "http://")
			fill = func(place string) string { return strings.Replace(place, own, "BASE", 1) }
			body, err := client.Download(t.Context(), Media{URL: strings.Replace(row.first, "BASE", base, 1)}, secret.New("token-canary"))
			if err == nil {
				content, failed := io.ReadAll(body)
				body.Close()
				if string(content) != "the file" || failed != nil || row.refusal != "" {
					t.Errorf("%q, %v", content, failed)
				}
			} else if !isUnreachable(err) || row.refusal == "" || !strings.Contains(err.Error(), row.refusal) || strings.Contains(err.Error(), "canary") {
				t.Errorf("%v", err)
			}
			if got := strings.Join(asked, " "); got != row.asked {
				t.Errorf("asked %s, want %s", got, row.asked)
			}
		})
	}
}

func TestDownloadsOfAnAPIWithAnotherNameAreRequestedAtItsBaseURL(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.URL.RequestURI()+" "+r.Header.Get("Authorization"))
	}))
	defer server.Close()
	client, err := New(Config{BaseURL: server.URL, DownloadURL: "https://whatsapp.example.test"})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	body, err := client.Download(t.Context(), Media{URL: "https://whatsapp.example.test/media?id=1"}, secret.New("token"))
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if content, err := io.ReadAll(body); string(content) != "/media?id=1 Bearer token" || err != nil {
		t.Errorf("%q, %v", content, err)
	}
	if _, err := client.Download(t.Context(), Media{URL: "https://other.example.test/media"}, secret.New("token")); !isUnreachable(err) {
		t.Errorf("a download from a third host: %v", err)
	}
}
