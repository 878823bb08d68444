package event_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

// respond posts a signed body and returns the status, and the time after which Meta may
// send it again.
func (r *hook) respond(body string) (status int, retryAfter string) {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.url, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("X-Hub-Signature-256", sign(currentSecret, body))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode, response.Header.Get("Retry-After")
}

// wantRefused posts a text, which must be refused until later.
func (r *hook) wantRefused(wamid string) {
	r.t.Helper()
	if status, retryAfter := r.respond(bodyWith(messages(text(wamid)))); status != http.StatusServiceUnavailable || retryAfter != "5" {
		r.t.Errorf("%s: status %d, Retry-After %q; expected 503 and 5", wamid, status, retryAfter)
	}
}

// wantStored checks which texts are events.
func (r *hook) wantStored(wamids ...string) {
	r.t.Helper()
	var stored []string
	for _, e := range r.events("111122223333") {
		stored = append(stored, e.WAMID)
	}
	if fmt.Sprint(stored) != fmt.Sprint(wamids) {
		r.t.Errorf("stored are %q; expected %q", stored, wamids)
	}
}

func TestWebhookIsNotAcknowledgedWhileTheDiskIsAlmostFull(t *testing.T) {
	var free, elapsed atomic.Int64
	free.Store(1 << 30)
	r := newReceiver(t, statetest.SQLite.Open(t, state.Config{
		Path:       filepath.Join(t.TempDir(), "ferry.db"),
		Filesystem: func(string) (state.Filesystem, error) { return state.Filesystem{Free: uint64(free.Load())}, nil },
		Now:        func() time.Time { return time.Now().Add(time.Duration(elapsed.Load())) },
	}))
	r.want(200, bodyWith(messages(text("wamid.1"))))
	free.Store(1 << 20)
	elapsed.Add(int64(time.Second))
	r.wantRefused("wamid.2")
	r.wantStored("wamid.1")
	free.Store(1 << 30)
	elapsed.Add(int64(time.Second))
	r.want(200, bodyWith(messages(text("wamid.2"))))
	r.wantStored("wamid.1", "wamid.2")
}
