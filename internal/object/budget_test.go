package object

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"ferry/internal/secret"
)

// A store may fail in each loop that repeats requests: while it is opened, and while
// its body is read. The budget limits all of them together.
func TestBudgetBoundsTheRequestsOfAllLoops(t *testing.T) {
	cases := map[string]struct {
		handler  http.HandlerFunc
		mayRetry func() bool
		want     int64 // requests that reach the store
	}{
		"a store that always fails": {
			handler: func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, want: 4,
		},
		"a store that always fails, for a caller without retries": {
			handler:  func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
			mayRetry: func() bool { return false }, want: 2, // one for each Open
		},
		"a store that breaks off every body": {
			handler: func(w http.ResponseWriter, r *http.Request) {
				first := int64(0)
				w.Header().Set("ETag", `"v1"`)
				if r.Header.Get("Range") != "" {
					_, _ = fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &first)
					w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-9999/10000", first))
					w.Header().Set("Content-Length", fmt.Sprint(10000-first))
					w.WriteHeader(http.StatusPartialContent)
				} else {
					w.Header().Set("Content-Length", "10000")
				}
				_, _ = w.Write(make([]byte, 10))
				panic(http.ErrAbortHandler)
			}, want: 4,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				c.handler(w, r)
			}))
			t.Cleanup(server.Close)
			opener, err := New(t.Context(), Config{RetryBackoff: time.Millisecond, Stores: []StoreConfig{{
				Endpoint: server.URL, PathStyle: true, AccessKeyID: "KEY", SecretAccessKey: secret.New("a-secret-key"),
			}}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(opener.Close)
			file, err := opener.File("bucket", "key")
			if err != nil {
				t.Fatal(err)
			}
			budget := NewBudget(4, c.mayRetry)
			for range 2 {
				opened, err := file.WithBudget(budget).Open(t.Context(), "")
				if err == nil {
					_, err = io.Copy(io.Discard, opened.Body)
					_ = opened.Body.Close()
				}
				if failed, ok := errors.AsType[*Error](err); !ok || failed.Kind != Unavailable {
					t.Errorf("%v", err)
				}
			}
			if requests.Load() != c.want || int64(budget.Requests()) != c.want {
				t.Errorf("%d requests reached the store, the budget counts %d, want %d", requests.Load(), budget.Requests(), c.want)
			}
		})
	}
}
