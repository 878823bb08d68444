package admission_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"ferry/internal/admission"
)

// A request that was received completely is answered, and its connection is then
// closed: it could not be evicted a second time, and would keep its place.
func TestEvictedConnectionIsClosedAfterItsResponse(t *testing.T) {
	w := start(t, admission.Config{}, false)
	c := w.open(attacker, 1)
	answered := make(chan int)
	go func() { answered <- c.get("/wait") }()
	<-w.began
	w.limiter.Evict()()
	close(w.release)
	if got := <-answered; got != http.StatusOK {
		t.Errorf("the request is answered with %d", got)
	}
	c.closed()
}

// The eviction of a request and the end of its handler may come at the same time.
func TestRequestMayEndBeforeItIsGivenUp(t *testing.T) {
	for _, isTLS := range []bool{false, true} {
		t.Run(fmt.Sprintf("over TLS: %v", isTLS), func(t *testing.T) {
			w := start(t, admission.Config{}, isTLS)
			client := w.http(bystander)
			if got := w.status(client, "/verified", nil); got != http.StatusOK {
				t.Fatal(got)
			}
			answered := make(chan int)
			go func() { answered <- w.status(client, "/wait", nil) }()
			<-w.began
			giveUp := w.limiter.Evict()
			close(w.release)
			if got := <-answered; got != http.StatusOK {
				t.Errorf("the request is answered with %d", got)
			}
			w.eventually("no request is in progress", func() bool { return w.limiter.Busy() == 0 })
			giveUp()
			for range 3 {
				if got := w.status(client, "/verified", nil); got != http.StatusOK {
					t.Errorf("the next request is answered with %d", got)
				}
			}
		})
	}
}

// A caller that is verified after its request was given up may retry.
func TestRequestThatIsVerifiedTooLateIsAnsweredAsBusy(t *testing.T) {
	w := start(t, admission.Config{}, false)
	c := w.open(bystander, 1)
	_, _ = io.WriteString(c, "POST /late HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbod")
	<-w.began
	w.limiter.Evict()()
	close(w.release)
	if got := c.status(); got != http.StatusServiceUnavailable {
		t.Errorf("the request is answered with %d", got)
	}
}

// What an evicted connection holds is counted once, although it is the one that
// holds the most and others must give way while it ends.
func TestConnectionIsEvictedOnce(t *testing.T) {
	w := start(t, admission.Config{MaxUnverified: 40 << 10}, false)
	var verified []*client
	for i := range 2 {
		c := w.open(attacker, i+1)
		if got := c.get("/verified"); got != http.StatusOK {
			t.Fatal(got)
		}
		verified = append(verified, c)
	}
	c := w.open(attacker, 3)
	_, _ = io.WriteString(c, "POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n")
	<-w.began
	w.limiter.Evict()()
	for _, other := range verified { // together they hold too much, and each less than c
		_, _ = io.WriteString(other, "GET / HTTP/1.1\r\nX: "+strings.Repeat("x", 640)+"\r\n")
	}
	c.closed()
	close(w.release)
	w.eventually("nothing of what has ended is counted", func() bool {
		_, held, dying := w.limiter.Sums()
		return held >= 0 && dying == 0
	})
}

func TestOldestOfAddressesWithAsManyConnectionsGivesWay(t *testing.T) {
	w := start(t, admission.Config{MaxConnections: 8}, false)
	var clients []*client
	for i := range 8 {
		clients = append(clients, w.open(fmt.Sprintf("127.0.0.%d", 10+i), i+1))
	}
	for i, oldest := range clients {
		w.connect(fmt.Sprintf("127.0.0.%d", 30+i))
		oldest.closed()
	}
}

// http returns a client that has connections from an address, over HTTP/2 if they
// are encrypted.
func (w *world) http(from string) *http.Transport {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	transport := &http.Transport{DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // the test's own certificate
	w.t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// status sends a request and returns the status of its response, or 0.
func (w *world) status(client *http.Transport, path string, body io.Reader) int {
	scheme := map[bool]string{false: "http://", true: "https://"}[w.isTLS]
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, scheme+w.address+path, body)
	if err != nil {
		w.t.Error(err)
		return 0
	}
	response, err := client.RoundTrip(request)
	if err != nil {
		w.t.Log(err)
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}
