package memnet_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"ferry/internal/memnet"
)

// served serves "hello" on a port of a network, and returns the address.
func served(t *testing.T, network *memnet.Network, port uint16) string {
	t.Helper()
	listener, err := network.Listen(port)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
		_, _ = io.WriteString(w, "hello")
	})}
	ended := make(chan error)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-ended
	})
	return listener.Addr().String()
}

func TestServersAreReachedUnderTheNamesOfThisMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := new(memnet.Network)
		served(t, network, 4080)
		transport := &http.Transport{DialContext: network.DialContext}
		defer transport.CloseIdleConnections()
		for _, host := range []string{"127.0.0.1", "127.0.0.9", "[::1]", "localhost", "LOCALHOST.", "bucket.localhost"} {
			response, err := (&http.Client{Transport: transport}).Get("http://" + host + ":4080/")
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if string(body) != "hello" || err != nil {
				t.Errorf("%s: %q, %v", host, body, err)
			}
		}
	})
}

func TestWhereNobodyListensTheConnectionIsRefused(t *testing.T) {
	network := new(memnet.Network)
	if _, err := network.DialContext(t.Context(), "tcp", "127.0.0.1:4080"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("nobody listened: %v", err)
	}
	listener, err := network.Listen(4080)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := network.Listen(4080); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("listened twice: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := network.DialContext(ended, "tcp", "127.0.0.1:4080"); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody accepted: %v", err)
	}
	if err := listener.Close(); err != nil {
		t.Error(err)
	}
	if _, err := listener.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accepted after Close: %v", err)
	}
	if _, err := network.DialContext(t.Context(), "tcp", "127.0.0.1:4080"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("listened no more: %v", err)
	}
	for _, address := range []string{"example.com:80", "192.0.2.1:80", "127.0.0.1:http", "127.0.0.1"} {
		if _, err := network.DialContext(t.Context(), "tcp", address); err == nil {
			t.Errorf("connected to %s", address)
		}
	}
}

func TestFreePortsAndAddressesOfClientsDiffer(t *testing.T) {
	network, other := new(memnet.Network), new(memnet.Network)
	first, err := network.Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	second, err := network.Listen(0)
	if err != nil || first.Addr().String() == second.Addr().String() {
		t.Fatalf("%v and %v, %v", first.Addr(), second.Addr(), err)
	}
	if _, err := other.DialContext(t.Context(), "tcp", first.Addr().String()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("another network has the listener: %v", err)
	}
	go func() { _, _ = network.DialContext(context.Background(), "tcp", first.Addr().String()) }()
	conn, err := first.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if remote, ok := conn.RemoteAddr().(*net.TCPAddr); !ok || !remote.IP.IsLoopback() || remote.Port == 0 || conn.LocalAddr().String() != first.Addr().String() {
		t.Errorf("%v to %v", conn.RemoteAddr(), conn.LocalAddr())
	}
}
