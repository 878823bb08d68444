package transfer

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"ferry/internal/object"
	"ferry/internal/secret"
)

// A caller that asks while a request is in progress may have written the object since
// it began: all of them get the response of the next one.
func TestLookupsAreSharedAndNeverOlderThanTheirQuestion(t *testing.T) {
	var asked atomic.Int64
	arrived, etags := make(chan struct{}), make(chan string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		arrived <- struct{}{}
		w.Header().Set("ETag", <-etags)
	}))
	defer server.Close()
	opener, err := object.New(t.Context(), object.Config{Stores: []object.StoreConfig{{
		Endpoint: server.URL, PathStyle: true, AccessKeyID: "AKIA", SecretAccessKey: secret.New("a secret"),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	defer opener.Close()
	file, err := opener.File("media", "k")
	if err != nil {
		t.Fatal(err)
	}
	var l lookups
	ctx, cancel := context.WithCancel(t.Context())
	first := l.join(ctx, file)
	<-arrived
	var later []*lookup
	for range 20 {
		later = append(later, l.join(t.Context(), file))
	}
	cancel() // the first caller disconnects; the others wait for its request all the same
	etags <- `"old"`
	<-first.done
	<-arrived
	etags <- `"new"`
	for i, one := range later {
		<-one.done
		if one.err != nil || one.headers.ETag != `"new"` {
			t.Errorf("question %d: %+v, %v", i, one.headers, one.err)
		}
	}
	if asked.Load() != 2 {
		t.Errorf("%d requests for 21 questions, want 2", asked.Load())
	}
}
