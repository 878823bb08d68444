package social_test

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"ferry/metasim"
)

// attempt sends one attempt of a call, as an SDK does: signed again, under the call's id.
func (w *world) attempt(ctx context.Context, invocation, key string) *http.Request {
	r := w.request("POST", "/v1/whatsapp/media", `{"originationPhoneNumberId":"`+w.phone+`","sourceS3File":{"bucketName":"`+bucket+`","key":"`+key+`"}}`)
	r = w.sign(r).WithContext(ctx)
	r.Header.Set("Amz-Sdk-Invocation-Id", invocation)
	return r
}

func uploads(w *world) (n int) {
	for _, request := range w.simulator.Requests() {
		if request.Operation == metasim.OperationUpload {
			n++
		}
	}
	return n
}

func TestAttemptsOfOneCallShareOneUpload(t *testing.T) {
	w := newWorld(t)
	w.put("note.txt", "text/plain", text)
	_, err := w.simulator.AddFault(metasim.Fault{Operation: metasim.OperationUpload, Latency: 300 * time.Millisecond, Times: 1})
	w.must(err)
	// The first attempt gives up while its upload is at WhatsApp.
	ctx, cancel := context.WithCancel(t.Context())
	first := w.attempt(ctx, "call-1", "note.txt")
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if response, err := http.DefaultClient.Do(first); err == nil {
			_ = response.Body.Close()
		}
	}()
	for !uploading(w) {
		runtime.Gosched()
	}
	cancel()
	<-gone
	// Its retries get the response that it missed.
	var group sync.WaitGroup
	ids := make([]string, 2)
	for i := range ids {
		group.Go(func() {
			again := w.attempt(t.Context(), "call-1", "note.txt")
			ids[i] = w.send(again).body
		})
	}
	group.Wait()
	if ids[0] != ids[1] || !strings.Contains(ids[0], "mediaId") || uploads(w) != 1 {
		t.Errorf("%v after %d uploads", ids, uploads(w))
	}
}

func TestUploadWhoseCallerHasGoneKeepsItsPlace(t *testing.T) {
	w := newWorld(t, func(c *settings) { c.transfers.MaxTransfers = 1 })
	w.put("note.txt", "text/plain", text)
	_, err := w.simulator.AddFault(metasim.Fault{Operation: metasim.OperationUpload, Latency: 9 * time.Minute})
	w.must(err)
	ctx, cancel := context.WithCancel(t.Context())
	first := w.attempt(ctx, "call-1", "note.txt")
	go func() {
		_, _ = http.DefaultClient.Do(first) //nolint:bodyclose // it has no answer
	}()
	for !uploading(w) {
		runtime.Gosched()
	}
	cancel()
	<-w.left
	if _, err := w.post("note.txt"); !throttled(err) {
		t.Errorf("another upload while the first is still running: %v", err)
	}
}

func TestCallsOfTheirOwnShareNothing(t *testing.T) {
	w := newWorld(t)
	w.put("note.txt", "text/plain", text)
	w.put("other.txt", "text/plain", text)
	seen := map[string]bool{}
	for _, call := range [][2]string{{"call-1", "note.txt"}, {"call-2", "note.txt"}, {"call-1", "other.txt"}} {
		attempt := w.attempt(t.Context(), call[0], call[1])
		seen[w.send(attempt).body] = true
	}
	if len(seen) != 3 || uploads(w) != 3 {
		t.Errorf("%v after %d uploads", seen, uploads(w))
	}
}

// The answer to the first attempt may have been lost on its way.
func TestAttemptAfterAnAnswerGetsTheSameOne(t *testing.T) {
	w := newWorld(t)
	w.put("note.txt", "text/plain", text)
	first := w.send(w.attempt(t.Context(), "call-1", "note.txt"))
	again := w.send(w.attempt(t.Context(), "call-1", "note.txt"))
	if first.body != again.body || !strings.Contains(first.body, "mediaId") || uploads(w) != 1 {
		t.Errorf("%s, then %s, after %d uploads", first.body, again.body, uploads(w))
	}
}

func TestAttemptAfterAFailureIsANewTry(t *testing.T) {
	w := newWorld(t)
	w.put("note.txt", "text/plain", text)
	_, err := w.simulator.AddFault(metasim.Fault{Operation: metasim.OperationUpload, Status: http.StatusInternalServerError, ErrorCode: 131000, Times: 1})
	w.must(err)
	first := w.send(w.attempt(t.Context(), "call-1", "note.txt"))
	again := w.send(w.attempt(t.Context(), "call-1", "note.txt"))
	if first.status != http.StatusBadGateway || again.status != http.StatusOK {
		t.Errorf("%d %s, then %d %s", first.status, first.body, again.status, again.body)
	}
}

// Should it be sent twice, a delete counts one user less all the same.
func TestAttemptsOfOneDeleteCountOnce(t *testing.T) {
	w := newReusingWorld(t)
	w.put("a.txt", "text/plain", text)
	id := w.mustPost("a.txt")
	w.mustPost("a.txt")
	for range 2 {
		r := w.sign(w.request("DELETE", "/v1/whatsapp/media?mediaId="+id+"&originationPhoneNumberId="+w.phone, ""))
		r.Header.Set("Amz-Sdk-Invocation-Id", "delete-1")
		if got := w.send(r); got.status != http.StatusOK {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	if _, there := w.simulator.Media(id); !there {
		t.Error("two attempts of one user took the file from the other")
	}
	if line := lastLine(t, w.log); line["still_used"] != true || line["media_id"] != id {
		t.Errorf("logged %v", line)
	}
}
