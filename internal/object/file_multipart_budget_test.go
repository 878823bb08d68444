package object

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"ferry/internal/secret"
)

func TestRetriesOfPartsNeedTheBudgetsPermission(t *testing.T) {
	for name, c := range map[string]struct {
		allow bool
		parts int // requests for the one part of the file
	}{"allowed": {true, 3}, "refused": {false, 1}} {
		t.Run(name, func(t *testing.T) {
			parts := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == http.MethodPost && r.URL.Query().Has("uploads"):
					fmt.Fprint(w, `<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>`)
				case r.Method == http.MethodPut:
					parts++
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			}))
			t.Cleanup(server.Close)
			opener, err := New(t.Context(), Config{RetryBackoff: time.Millisecond, MultipartThreshold: 1, Stores: []StoreConfig{{
				Endpoint: server.URL, PathStyle: true, AccessKeyID: "KEY", SecretAccessKey: secret.New("a-secret-key"),
			}}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(opener.Close)
			sink, err := opener.FileSink("media", "x")
			if err != nil {
				t.Fatal(err)
			}
			budget := NewBudget(6, func() bool { return c.allow })
			err = sink.WithBudget(budget).Put(t.Context(), Content{Body: bytes.NewReader(make([]byte, 100)), Size: 100})
			if failed, ok := errors.AsType[*Error](err); !ok || failed.Kind != Unavailable {
				t.Errorf("%v", err)
			}
			if parts != c.parts {
				t.Errorf("%d requests for the part, want %d", parts, c.parts)
			}
		})
	}
}
