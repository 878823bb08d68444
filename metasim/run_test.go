package metasim

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// running is a Server that Run serves.
type running struct {
	*sim
	control *ControlClient
	stop    context.CancelFunc
	ended   chan error
}

// run runs a simulator on two listeners.
func run(t *testing.T, s *Server) running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	graph, control := listener(t), listener(t)
	transport := &http.Transport{}
	r := running{
		sim:     &sim{Server: s, t: t, url: "http://" + graph.Addr().String(), client: &http.Client{Transport: transport}},
		control: NewControlClient("http://"+control.Addr().String(), &http.Client{Transport: transport}),
		stop:    stop, ended: make(chan error, 1),
	}
	go func() { r.ended <- s.Run(ctx, graph, control) }()
	t.Cleanup(func() {
		stop()
		transport.CloseIdleConnections()
	})
	return r
}

func listener(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func newServer(t *testing.T) *Server {
	t.Helper()
	s := New(Config{BusinessAccounts: []BusinessAccount{{ID: account1, Token: token1, PhoneNumbers: []PhoneNumber{{ID: phone1}}}}})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestRunServesBothAPIsUntilItsContextIsDone(t *testing.T) {
	s := newServer(t)
	for range 2 { // it can be run again
		r := run(t, s)
		id := r.mustUpload("a.png", "image/png", png)
		if file, err := r.control.MediaByID(t.Context(), id); err != nil || file.ID != id {
			t.Errorf("%+v, %v", file, err)
		}
		r.stop()
		if err := <-r.ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if _, err := r.send(http.MethodGet, "/v25.0/"+phone1, nil); err == nil {
			t.Error("the Graph API answers after Run")
		}
		if _, err := r.control.Health(t.Context()); err == nil {
			t.Error("the control API answers after Run")
		}
	}
	if requests := s.Requests(); len(requests) != 2 {
		t.Errorf("%d requests in the history after Run", len(requests))
	}
}

func TestRunEndsTheWaitsOfFaults(t *testing.T) {
	r := run(t, newServer(t))
	r.sim.fault(Fault{Latency: maxLatency})
	failed := make(chan error, 1)
	go func() {
		_, err := r.send(http.MethodGet, "/v25.0/"+phone1, nil)
		failed <- err
	}()
	for len(r.Requests()) == 0 { // it is in the history when it waits
		time.Sleep(time.Millisecond)
	}
	r.stop()
	if err := <-failed; err == nil {
		t.Error("the request was answered")
	}
	if err := <-r.ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestRunLetsRequestsInProgressComplete(t *testing.T) {
	r := run(t, newServer(t))
	form := formOf(field("messaging_product", "whatsapp"), file("a.png", "image/png", png))
	body, rest := io.Pipe()
	answered := make(chan int, 1)
	go func() {
		a, err := r.send(http.MethodPost, "/v25.0/"+phone1+"/media", body, "Authorization", "Bearer "+token1, "Content-Type", formType)
		if err != nil {
			t.Error(err)
		}
		answered <- a.status
	}()
	for len(r.Requests()) == 0 {
		time.Sleep(time.Millisecond)
	}
	r.stop()
	if _, err := io.Copy(rest, strings.NewReader(form)); err != nil {
		t.Error(err)
	}
	rest.Close()
	if status := <-answered; status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	if err := <-r.ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestRunCutsRequestsThatDoNotComplete(t *testing.T) {
	r := run(t, newServer(t))
	body, rest := io.Pipe()
	failed := make(chan error, 1)
	go func() {
		_, err := r.send(http.MethodPost, "/v25.0/"+phone1+"/media", body, "Authorization", "Bearer "+token1, "Content-Type", formType)
		failed <- err
	}()
	for len(r.Requests()) == 0 {
		time.Sleep(time.Millisecond)
	}
	r.stop()
	if err := <-r.ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	rest.Close() // net/http's client waits for its body
	if err := <-failed; err == nil {
		t.Error("the request was answered")
	}
}

// Run removes expired media though nobody uploads anything.
func TestExpiredMediaAreRemovedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		ctx, stop := context.WithCancel(t.Context())
		go func() { _ = s.removeExpiredRegularly(ctx) }()
		r := httptest.NewRequest(http.MethodPost, "/v25.0/"+phone1+"/media",
			strings.NewReader(formOf(field("messaging_product", "whatsapp"), file("a.png", "image/png", png))))
		r.Header.Set("Authorization", "Bearer "+token1)
		r.Header.Set("Content-Type", formType)
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, r); w.Code != http.StatusOK {
			t.Fatal(w.Code, w.Body)
		}
		time.Sleep(mediaLifetime - time.Second)
		if got := len(s.media.all()); got != 1 {
			t.Errorf("%d media before they expire", got)
		}
		time.Sleep(time.Second + sweepInterval)
		synctest.Wait()
		if got := len(s.media.all()); got != 0 {
			t.Errorf("%d media after they have expired", got)
		}
		stop()
	})
}

func TestRunReturnsTheErrorOfAListener(t *testing.T) {
	s := newServer(t)
	graph, control := listener(t), listener(t)
	control.Close()
	if err := s.Run(t.Context(), graph, control); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Run: %v", err)
	}
	if _, err := net.Dial("tcp", graph.Addr().String()); err == nil {
		t.Error("the other listener is open")
	}
	if err := s.Run(t.Context(), graph, nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Run without a control API: %v", err)
	}
}

func TestRunServesHTTPSIfItsListenerIsOfTLS(t *testing.T) {
	s := newServer(t)
	trusted := httptest.NewUnstartedServer(nil) // for its certificate
	trusted.StartTLS()
	defer trusted.Close()
	graph := tls.NewListener(listener(t), &tls.Config{Certificates: trusted.TLS.Certificates, MinVersion: tls.VersionTLS12})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, graph, nil) }()
	client := trusted.Client()
	defer client.CloseIdleConnections()
	r := &sim{Server: s, t: t, url: "https://" + graph.Addr().String(), client: client}

	id := r.mustUpload("a.png", "image/png", png)
	address, _ := r.get("/v25.0/" + id).fields(t)["url"].(string)
	if !strings.HasPrefix(address, r.url+"/") {
		t.Errorf("the download URL is %s, want one of %s", address, r.url)
	}
	if a := r.get(address); a.status != http.StatusOK || a.body != png {
		t.Errorf("download: %d %q", a.status, a.body)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
