package object

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// recorder is a store that keeps the headers of every request to it, by "METHOD what".
type recorder struct {
	mu      sync.Mutex
	headers map[string]http.Header
	// status replaces that of a success, by "METHOD what".
	status map[string]int
}

// record starts a recorder in front of a store, and returns that store at the recorder.
func record(t *testing.T, sc StoreConfig, status map[string]int) (*recorder, StoreConfig) {
	t.Helper()
	target, err := url.Parse(sc.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{headers: map[string]http.Header{}, status: status}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target); p.Out.Host = p.In.Host },
		ModifyResponse: func(response *http.Response) error {
			if other := r.status[nameOf(response.Request)]; other != 0 {
				response.StatusCode, response.Status = other, http.StatusText(other)
			}
			return nil
		},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.mu.Lock()
		r.headers[nameOf(request)] = request.Header.Clone()
		r.mu.Unlock()
		proxy.ServeHTTP(w, request)
	}))
	t.Cleanup(server.Close)
	sc.Endpoint = server.URL
	return r, sc
}

// nameOf names the operation of a request.
func nameOf(request *http.Request) string {
	query := request.URL.Query()
	switch {
	case request.Header.Get("Range") != "":
		return "GET range"
	case query.Has("uploads"):
		return "POST create"
	case query.Has("partNumber"):
		return "PUT part"
	case query.Has("uploadId") && request.Method == http.MethodPost:
		return "POST complete"
	case query.Has("uploadId"):
		return "DELETE abort"
	}
	return request.Method + " object"
}

// useEverything sends every kind of request to a store.
func useEverything(t *testing.T, sc StoreConfig) {
	t.Helper()
	opener := newOpener(t, Config{Stores: []StoreConfig{sc}, MultipartThreshold: 10})
	f, err := opener.File("media", "plain.jpg")
	if err != nil {
		t.Fatal(err)
	}
	opened, content, err := read(t.Context(), f, "")
	if err != nil || content != "plain.jpg" {
		t.Fatal(content, err)
	}
	if _, err := f.ReadAt(t.Context(), make([]byte, 2), 1, opened.ETag); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Stat(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{5, 20} {
		sink, err := opener.FileSink("media", "written")
		if err != nil {
			t.Fatal(err)
		}
		if err := sink.Put(t.Context(), contentOf(randomBytes(size))); err != nil {
			t.Fatal(err)
		}
		wrong := contentOf(randomBytes(size))
		wrong.SHA256 = strings.Repeat("0", 64) // so that the parts are aborted
		if err := sink.Put(t.Context(), wrong); !errors.Is(err, errContent) {
			t.Fatal(err)
		}
	}
}

func TestEveryRequestHasTheHeadersOfItsStore(t *testing.T) {
	operations := []string{"GET object", "GET range", "HEAD object", "PUT object", "POST create", "PUT part", "POST complete", "DELETE abort"}
	for _, c := range []struct {
		about         string
		configure     func(sc *StoreConfig)
		header, value string
		on            []string // the operations with the header
	}{
		{"requester pays", func(sc *StoreConfig) { sc.RequestPayer = true }, "X-Amz-Request-Payer", "requester", operations},
		{"an expected owner", func(sc *StoreConfig) { sc.ExpectedBucketOwner = "111122223333" }, "X-Amz-Expected-Bucket-Owner", "111122223333", operations},
		{"checksums", func(sc *StoreConfig) { sc.VerifyChecksums = true }, "X-Amz-Checksum-Mode", "ENABLED", []string{"GET object"}},
		{"no requester pays", func(*StoreConfig) {}, "X-Amz-Request-Payer", "requester", nil},
		{"any owner", func(*StoreConfig) {}, "X-Amz-Expected-Bucket-Owner", "111122223333", nil},
		{"no checksums", func(*StoreConfig) {}, "X-Amz-Checksum-Mode", "ENABLED", nil},
	} {
		t.Run(c.about, func(t *testing.T) {
			_, sc := fakeS3(t) // verifies the signatures
			c.configure(&sc)
			r, sc := record(t, sc, nil)
			useEverything(t, sc)
			var with []string
			for _, operation := range operations {
				header, sent := r.headers[operation]
				if !sent {
					t.Fatalf("%s was not sent", operation)
				}
				if header.Get(c.header) == c.value {
					with = append(with, operation)
					if !strings.Contains(header.Get("Authorization"), strings.ToLower(c.header)) {
						t.Errorf("%s does not sign it: %s", operation, header.Get("Authorization"))
					}
				}
			}
			if diff := cmp.Diff(c.on, with); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOnlySomeStatusesConfirmAWrite(t *testing.T) {
	for _, c := range []struct {
		operation string
		status    int
		size      int
		fails     bool
	}{
		{"PUT object", http.StatusCreated, 5, false},
		{"PUT object", http.StatusNoContent, 5, false},
		{"PUT object", http.StatusAccepted, 5, true},
		{"PUT object", http.StatusPartialContent, 5, true},
		{"PUT object", http.StatusMultiStatus, 5, true},
		{"POST create", http.StatusAccepted, 20, true},
		{"PUT part", http.StatusAccepted, 20, true},
		{"POST complete", http.StatusAccepted, 20, true},
	} {
		t.Run(c.operation+" "+http.StatusText(c.status), func(t *testing.T) {
			_, sc := fakeS3(t)
			_, sc = record(t, sc, map[string]int{c.operation: c.status})
			sink, err := newOpener(t, Config{Stores: []StoreConfig{sc}, MultipartThreshold: 10}).FileSink("media", "written")
			if err != nil {
				t.Fatal(err)
			}
			err = sink.Put(t.Context(), contentOf(randomBytes(c.size)))
			if !c.fails {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if e := wantKind(t, err, Invalid); e.Code != "store-status" {
				t.Errorf("%v", e)
			}
		})
	}
}

func TestEmptySegmentsOfAKeyNeedAStoreThatKeepsThem(t *testing.T) {
	aws, own := StoreConfig{Region: "us-east-1"}, StoreConfig{Endpoint: "https://s3.example.com"}
	literal := own
	literal.LiteralKeys = true
	for _, c := range []struct {
		about string
		store StoreConfig
		key   string
		fine  bool
	}{
		{"two slashes at AWS S3", aws, "sub//x.jpg", true},
		{"a leading slash at AWS S3", aws, "/x.jpg", true},
		{"two slashes at a store that may merge them", own, "sub//x.jpg", false},
		{"a leading slash at such a store", own, "/x.jpg", false},
		{"two slashes at a store that keeps them", literal, "sub//x.jpg", true},
		{"a leading slash at such a store", literal, "/x.jpg", true},
		{"a trailing slash", own, "x/", true},
		{"a dot segment at AWS S3", aws, "a/./x.jpg", false},
		{"two dots at a store that keeps slashes", literal, "a/../x.jpg", false},
		{"two dots behind two slashes", literal, "a//..", false},
	} {
		opener := newOpener(t, Config{Stores: []StoreConfig{c.store}})
		_, err := opener.File("media", c.key)
		if c.fine {
			if err != nil {
				t.Errorf("%s: %v", c.about, err)
			}
			continue
		}
		if e := wantKind(t, err, Invalid); e.Code != "bad-key" || e.Fix == "" || strings.Contains(c.about, "merge") && !strings.Contains(e.Fix, "literal_keys") {
			t.Errorf("%s: %v", c.about, e)
		}
	}
}

func TestObjectsBehindTwoSlashesAreTheirOwn(t *testing.T) {
	_, sc := fakeS3(t)
	sc.LiteralKeys = true
	opener := newOpener(t, Config{Stores: []StoreConfig{sc}})
	for _, key := range []string{"a/b", "a//b", "/a/b", "//a/b", "a///b"} {
		put(t, opener.stores[0].client, key, "content of "+key)
	}
	for _, key := range []string{"a/b", "a//b", "/a/b", "//a/b", "a///b"} {
		f, err := opener.File("media", key)
		if err != nil {
			t.Fatal(err)
		}
		if _, got, err := read(t.Context(), f, ""); err != nil || got != "content of "+key {
			t.Errorf("%s: %q, %v", key, got, err)
		}
	}
}
