package object

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"ferry/internal/guard"
	"ferry/internal/guard/guardtest"
)

func newOpener(t testing.TB, cfg Config) *Opener {
	t.Helper()
	if cfg.ReachTimeout == 0 {
		cfg.ReachTimeout = 2 * time.Second // a test waits for it whenever a host cannot be reached
	}
	if len(cfg.Stores) == 0 && cfg.DefaultRegion == "" {
		cfg.DefaultRegion = "us-east-1"
	}
	o, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	return o
}

// jpeg returns the headers that a caller must send with a presigned URL.
func jpeg() map[string]string { return map[string]string{"Content-Type": "image/jpeg"} }

// wantKind fails the test unless err is an *Error of the kind.
func wantKind(t *testing.T, err error, kind Kind) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v, want one of kind %v", err, kind)
	}
	if e.Kind != kind {
		t.Fatalf("kind %v (%s; %v), want %v", e.Kind, e.Message, e.Cause, kind)
	}
	return e
}

// guardOn returns a guard that uses the test's network and resolver, on a machine
// whose only addresses are loopback ones.
func guardOn(network *guardtest.Network, resolver guard.Resolver) *guard.Guard {
	return guard.New(guard.Config{
		Resolver: resolver, ResolveTimeout: 50 * time.Millisecond,
		Interfaces: guardtest.NoInterfaces, Connect: network.Connect,
	})
}

// guardWithOwn returns a guard with one own address.
func guardWithOwn(addr netip.AddrPort) *guard.Guard {
	own := new(guard.Own)
	own.Add(addr)
	return guard.New(guard.Config{Own: own})
}
