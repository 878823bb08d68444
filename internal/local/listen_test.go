package local

import (
	"io"
	"net"
	"strings"
	"testing"

	"ferry/internal/guard"
)

func TestServersListenOnBothLoopbackAddresses(t *testing.T) {
	if probe, err := net.Listen("tcp6", "[::1]:0"); err != nil {
		t.Skip("this machine has no IPv6")
	} else {
		_ = probe.Close()
	}
	listener, err := openListener("", 0)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(connection, "hello")
			_ = connection.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	for _, host := range []string{"127.0.0.1", "::1"} {
		connection, err := net.Dial("tcp", net.JoinHostPort(host, port))
		if err != nil {
			t.Fatal(err)
		}
		if text, _ := io.ReadAll(connection); string(text) != "hello" {
			t.Errorf("%s: read %q", host, text)
		}
		_ = connection.Close()
	}
	own := new(guard.Own)
	listener.addTo(own)
	if addresses := own.List(); len(addresses) != 2 {
		t.Errorf("the addresses that are never dialled are %v, want both", addresses)
	}
	if err := listener.Close(); err != nil {
		t.Error(err)
	}
	if _, err := listener.Accept(); err == nil {
		t.Error("a closed listener accepted a connection")
	}
}

func TestPortInUseOnIPv6IsReported(t *testing.T) {
	other, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("this machine has no IPv6")
	}
	defer other.Close()
	opened, err := openListener("", other.Addr().(*net.TCPAddr).Port)
	if err == nil || !strings.Contains(err.Error(), "[::1]") {
		t.Errorf("%v", err)
	}
	if opened != nil {
		_ = opened.Close()
	}
}
