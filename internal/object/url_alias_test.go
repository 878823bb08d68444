package object

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"ferry/internal/guard"
	"ferry/internal/guard/guardtest"
)

// An alias of a store leads to the store's endpoint, and to nothing else on the
// machine that the alias names.
func TestAliasOfAStoreIsReadAtItsEndpoint(t *testing.T) {
	var hosts []string
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hosts = append(hosts, r.Host)
		w.Header().Set("ETag", `"1"`)
		_, _ = w.Write([]byte("hello"))
	}))
	defer store.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(store.URL, "http://"), ":")
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	_, otherPort, _ := strings.Cut(strings.TrimPrefix(other.URL, "http://"), ":")

	resolver := guardtest.Always("192.0.2.1") // every name has an address at which nothing listens
	opener := newOpener(t, Config{
		Guard: guard.New(guard.Config{Resolver: resolver}),
		Stores: []StoreConfig{{
			Buckets: []string{"media"}, Endpoint: store.URL, PathStyle: true, Region: "us-east-1",
			Aliases: []string{"http://localhost:" + port, "https://s3.example.test"},
		}},
	})
	const signed = "?X-Amz-Credential=c&X-Amz-Signature=s"
	for _, test := range []struct{ url, host string }{
		{"http://localhost:" + port + "/media/a" + signed, "localhost:" + port},
		{"http://media.localhost:" + port + "/a" + signed, "media.localhost:" + port},
		{"https://s3.example.test/media/a" + signed, "s3.example.test"},
	} {
		hosts = nil
		source, err := opener.URL(test.url, jpeg())
		if err != nil {
			t.Errorf("%s: %v", test.url, err)
			continue
		}
		if _, body, err := read(t.Context(), source, ""); err != nil || body != "hello" || len(hosts) != 1 || hosts[0] != test.host {
			t.Errorf("%s: read %q from the hosts %q, %v", test.url, body, hosts, err)
		}
	}
	for _, url := range []string{
		"http://localhost:" + otherPort + "/media/a" + signed,
		"https://localhost:" + port + "/media/a" + signed,
		"http://localhost/media/a" + signed,
		"http://localhost:" + port + "/media/a",
		"http://localhost:" + port + "/other/a" + signed,
		"http://other.localhost:" + port + "/a" + signed,
		"http://127.0.0.1:" + otherPort + "/media/a" + signed,
	} {
		if _, err := opener.URL(url, jpeg()); err == nil {
			t.Errorf("%s is accepted", url)
		}
		if _, err := opener.URLSink(url, jpeg()); err == nil {
			t.Errorf("%s is accepted as a destination", url)
		}
	}
}
