package e2e

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/socialmessaging"
)

// The limits of one call, for all retries together.
const (
	maxGets  = 6 // requests to the source
	maxPosts = 3 // uploads to Meta
)

// closingStore is a store with one object. It closes the connection of a request
// for the whole object in the middle, and that of a range request after 1 KiB.
type closingStore struct {
	data     []byte
	requests atomic.Int64
	ranges   atomic.Int64 // of requests: those with a range
}

func (s *closingStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	limit := len(s.data) / 2
	if r.Header.Get("Range") != "" {
		s.ranges.Add(1)
		limit = 1 << 10
	}
	w.Header().Set("ETag", `"one"`)
	w.Header().Set("Content-Type", "application/pdf")
	http.ServeContent(&closingWriter{w, limit}, r, "", time.Time{}, bytes.NewReader(s.data))
}

// closingWriter closes the connection after limit bytes of the body.
type closingWriter struct {
	http.ResponseWriter
	limit int
}

func (w *closingWriter) Write(p []byte) (int, error) {
	if len(p) < w.limit {
		w.limit -= len(p)
		return w.ResponseWriter.Write(p)
	}
	_, _ = w.ResponseWriter.Write(p[:w.limit])
	w.ResponseWriter.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// One call must not cost a broken store more than a few requests: the retries of
// requests, the resumes and the repeated uploads share one budget.
func TestCallToAStoreThatKeepsClosingConnectionsIsBounded(t *testing.T) {
	closing := &closingStore{data: pdf(8 << 20)}
	server := httptest.NewServer(closing)
	t.Cleanup(server.Close)
	w := newWorld(t, worldOptions{stores: []store{{
		Buckets: []string{"closing-bucket"}, Endpoint: server.URL, PathStyle: true, AccessKeyID: s3AccessKey, SecretAccessKey: s3SecretKey,
	}}})
	bucket, key := "closing-bucket", "a.pdf"
	url := presignWith(t, w.s3.clientAt(server.URL), &s3.GetObjectInput{Bucket: &bucket, Key: &key}, time.Hour)
	for kind, input := range map[string]*socialmessaging.PostWhatsAppMessageMediaInput{
		"bucket": fromBucket(w.phone, bucket, key), "presigned URL": fromURL(w.phone, url, "application/pdf"),
	} {
		t.Run(kind, func(t *testing.T) {
			w.sim.reset()
			closing.requests.Store(0)
			closing.ranges.Store(0)
			_, err := w.client().PostWhatsAppMessageMedia(t.Context(), input)
			wantGoException(t, err, "DependencyException", http.StatusBadGateway)
			entry := w.ferry.waitRequest(requestIDOf(t, err))
			requests, uploads := int(closing.requests.Load()), len(w.sim.uploads())
			if requests > maxGets || closing.ranges.Load() == 0 || entry.Gets != requests {
				t.Errorf("the store received %d requests, %d of them for ranges; want at most %d, some for ranges, and their number in the log: %s",
					requests, closing.ranges.Load(), maxGets, entry.line)
			}
			if uploads > maxPosts || entry.Posts < uploads || entry.Posts > maxPosts {
				t.Errorf("%d uploads to Meta were started, want at most %d, and their number in the log: %s", uploads, maxPosts, entry.line)
			}
			w.wantNoFile()
		})
	}
}
