package admission_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"ferry/internal/admission"
)

const (
	attacker  = "127.0.0.1"
	bystander = "127.0.0.2"
)

// open connects, and waits until the server has counted the connection.
func (w *world) open(from string, count int) *client {
	w.t.Helper()
	c := w.connect(from)
	w.eventually(fmt.Sprintf("%d connections are open", count), func() bool {
		open, _, _ := w.limiter.Sums()
		return open == count
	})
	return c
}

func TestNewcomerTakesThePlaceOfTheOldestStrangerOfTheAddressWithTheMost(t *testing.T) {
	w := start(t, admission.Config{MaxConnections: 3, MaxPerAddress: 3}, false)
	first := w.open(bystander, 1)
	second := w.open(attacker, 2)
	third := w.open(attacker, 3)
	newcomer := w.connect(bystander)
	second.closed()
	for name, c := range map[string]*client{"first": first, "third": third, "newcomer": newcomer} {
		if got := c.get("/"); got != http.StatusOK {
			t.Errorf("the %s connection is answered with %d", name, got)
		}
	}
}

func TestVerifiedConnectionsAreClosedAfterAllStrangers(t *testing.T) {
	w := start(t, admission.Config{MaxConnections: 2, MaxPerAddress: 2}, false)
	verified := w.open(bystander, 1)
	if got := verified.get("/verified"); got != http.StatusOK {
		t.Fatal(got)
	}
	stranger := w.open(attacker, 2)
	second := w.connect(attacker)
	stranger.closed()
	if got := second.get("/verified"); got != http.StatusOK {
		t.Errorf("the newcomer is answered with %d", got)
	}
	if got := verified.get("/verified"); got != http.StatusOK {
		t.Errorf("the verified connection is answered with %d", got)
	}
	w.eventually("no request is in progress", func() bool { return w.limiter.Busy() == 0 })
	third := w.connect(attacker) // no stranger is left
	second.closed()
	if got := third.get("/"); got != http.StatusOK {
		t.Errorf("the third connection is answered with %d", got)
	}
}

func TestRequestOfAKnownCallerKeepsItsConnection(t *testing.T) {
	w := start(t, admission.Config{MaxConnections: 1}, false)
	busy := w.open(bystander, 1)
	answered := make(chan int)
	go func() { answered <- busy.get("/hold") }()
	<-w.began
	w.connect(attacker).closed()
	close(w.release)
	if got := <-answered; got != http.StatusOK {
		t.Errorf("the request is answered with %d", got)
	}
}

func TestAddressHasAShareOfTheConnections(t *testing.T) {
	w := start(t, admission.Config{MaxConnections: 4}, false) // 2 per address
	oldest := w.open(attacker, 1)
	w.open(attacker, 2)
	newest := w.connect(attacker)
	oldest.closed()
	if got := newest.get("/"); got != http.StatusOK {
		t.Errorf("the newest connection is answered with %d", got)
	}
}

// manyLines is the beginning of a head with that many lines.
func manyLines(count int) string {
	var head strings.Builder
	head.WriteString("GET / HTTP/1.1\r\nHost: x\r\n")
	for i := range count {
		fmt.Fprintf(&head, "%03x:\n", i)
	}
	return head.String()
}

// One client at another address is served while many hold all they can get. What
// unverified clients hold stays within the bound, but for what the goroutines of
// the server are about to release.
func TestUnverifiedClientsShareTheirMemory(t *testing.T) {
	const bound, clients = 4 << 20, 160 // so that one client over TLS holds less than its light share
	for _, row := range []struct {
		name  string
		isTLS bool
		text  string
		whole string // what a client sends that wants to be served
	}{
		{"unfinished heads", false, manyLines(1500), "GET / HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"unfinished heads, encrypted", true, manyLines(1500), "GET / HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"unfinished bodies", false, "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 65536\r\n\r\n" + strings.Repeat("x", 65535), "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"},
		{"unfinished handshakes", true, "", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := start(t, admission.Config{MaxUnverified: bound}, row.isTLS)
			var ended sync.WaitGroup
			for range clients {
				c := w.connect(attacker)
				ended.Go(func() {
					_, _ = io.WriteString(c, row.text)
					_, _ = io.Copy(io.Discard, c) // until the server closes it, or the test
				})
			}
			for range 20 {
				c := w.connect(bystander)
				if _, err := io.WriteString(c, row.whole); err != nil {
					t.Error(err)
				}
				if got := c.status(); got != http.StatusOK {
					t.Errorf("the bystander is answered with %d", got)
				}
				_ = c.Close()
			}
			w.eventually("what is held is within its bound", func() bool {
				open, held, dying := w.limiter.Sums()
				return held+dying <= bound && open < clients
			})
		})
	}
}

func TestSlowBodyIsGivenUpWithAResponse(t *testing.T) {
	w := start(t, admission.Config{MaxUnverified: 256 << 10}, false)
	slow := w.connect(attacker)
	_, _ = io.WriteString(slow, "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n"+strings.Repeat("x", 512<<10))
	if got := slow.status(); got != http.StatusServiceUnavailable {
		t.Errorf("answered with %d", got)
	}
	slow.closed()
}

// Clients over HTTP/2 that send many requests without their bodies lose their
// connection, and others are served.
func TestStreamsOfUnverifiedClientsAreBounded(t *testing.T) {
	const bound = 2 << 20
	w := start(t, admission.Config{MaxUnverified: bound}, true)
	header := make(http.Header)
	for i := range 90 {
		header.Set(fmt.Sprintf("X%03d", i), "v")
	}
	transport := func(from string) *http.Transport {
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		tr := &http.Transport{DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // the test's own certificate
		t.Cleanup(tr.CloseIdleConnections)
		return tr
	}
	attack := transport(attacker)
	var failed sync.WaitGroup
	for range 60 {
		body, unfinished := io.Pipe()
		t.Cleanup(func() { _ = unfinished.Close() })
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+w.address+"/upload", body)
		request.Header = header
		failed.Go(func() {
			if response, err := attack.RoundTrip(request); err == nil {
				_ = response.Body.Close()
			}
		})
	}
	other := transport(bystander)
	for range 10 {
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+w.address+"/upload", bytes.NewReader([]byte("body")))
		response, err := other.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		if _ = response.Body.Close(); response.StatusCode != http.StatusOK || response.ProtoMajor != 2 {
			t.Errorf("the bystander is answered with %s over %s", response.Status, response.Proto)
		}
	}
	failed.Wait() // every one of them: the server does not wait for their bodies
}

func TestRequestWithTooManyHeaderLinesIsRefused(t *testing.T) {
	w := start(t, admission.Config{}, false)
	for lines, want := range map[int]int{admission.MaxHeaderLines: http.StatusOK, admission.MaxHeaderLines + 1: http.StatusRequestHeaderFieldsTooLarge} {
		c := w.connect(attacker)
		_, _ = io.WriteString(c, manyLines(lines)+"\r\n")
		if got := c.status(); got != want {
			t.Errorf("%d lines are answered with %d, want %d", lines, got, want)
		}
	}
}

func TestPressureIsReported(t *testing.T) {
	var mu sync.Mutex
	var calls []bool
	w := start(t, admission.Config{MaxUnverified: 8 * admission.ConnCost, OnPressure: func(isHigh bool) {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, isHigh)
	}}, false)
	var clients []*client
	for i := range 6 {
		clients = append(clients, w.open(attacker, i+1))
	}
	for _, c := range clients {
		_ = c.Close()
	}
	w.eventually("the pressure ends", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.Equal(calls, []bool{true, false})
	})
}

func TestAddressesThatShareABound(t *testing.T) {
	for _, row := range []struct {
		name, a, b string
		same       bool
	}{
		{"two IPv4 addresses", "192.0.2.1", "192.0.2.2", false},
		{"an IPv4 address and its IPv6 form", "192.0.2.1", "::ffff:192.0.2.1", true},
		{"one /64 network", "2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true},
		{"two /64 networks", "2001:db8::1", "2001:db8:0:1::1", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			a, b := admission.AddressOf(&net.TCPAddr{IP: net.ParseIP(row.a)}), admission.AddressOf(&net.TCPAddr{IP: net.ParseIP(row.b)})
			if !a.IsValid() || (a == b) != row.same {
				t.Errorf("%v and %v", a, b)
			}
		})
	}
}

func TestFileDescriptorsAreDivided(t *testing.T) {
	for _, row := range []struct {
		name                             string
		limit, wanted, outgoing, in, out int
	}{
		{"unknown limit", 0, 1024, 512, 1024, 512},
		{"enough for both", 4096, 1024, 512, 1024, 512},
		{"just enough", 64 + 1024 + 512, 1024, 512, 1024, 512},
		{"the usual limit", 1024, 1024, 512, 480, 480},
		{"few uploads leave more to clients", 1024, 1024, 100, 860, 100},
		{"256", 256, 1024, 512, 96, 96},
		{"fewer than are reserved", 10, 1024, 512, 1, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := admission.DivideLimit(row.limit, row.wanted, row.outgoing)
			if want := (admission.Descriptors{Limit: row.limit, Incoming: row.in, Outgoing: row.out}); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
}
