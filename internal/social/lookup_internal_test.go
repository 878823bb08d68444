package social

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"ferry/internal/object"
	"ferry/internal/secret"
)

// Whoever asks while a request is under way may have written the object since
// it began: all of them get the answer of the next one.
func TestLookupsAreSharedAndNeverOlderThanTheirQuestion(t *testing.T) {
	var asked atomic.Int64
	arrived, answer := make(chan struct{}), make(chan string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		arrived <- struct{}{}
		w.Header().Set("ETag", <-answer)
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
	l := lookups{byObject: make(map[string]*lookupQueue)}
	ctx, cancel := context.WithCancel(t.Context())
	first := l.join(ctx, file)
	<-arrived
	var later []*lookup
	for range 20 {
		later = append(later, l.join(t.Context(), file))
	}
	cancel() // the first has gone; the others wait for its request all the same
	answer <- `"old"`
	<-first.done
	<-arrived
	answer <- `"new"`
	for i, one := range later {
		<-one.done
		if one.err != nil || one.head.ETag != `"new"` {
			t.Errorf("question %d: %+v, %v", i, one.head, one.err)
		}
	}
	if asked.Load() != 2 {
		t.Errorf("%d requests for 21 questions, want 2", asked.Load())
	}
}
