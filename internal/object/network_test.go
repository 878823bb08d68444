package object

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// dns is a resolver that answers from a function and counts its questions.
type dns struct {
	asked  atomic.Int64
	answer func(n int64, host string) ([]netip.Addr, error)
}

func (d *dns) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	return d.answer(d.asked.Add(1), host)
}

// always answers every question with the same addresses.
func always(addrs ...string) *dns {
	return &dns{answer: func(int64, string) ([]netip.Addr, error) { return parseAddrs(addrs...), nil }}
}

func parseAddrs(texts ...string) []netip.Addr {
	var addrs []netip.Addr
	for _, text := range texts {
		addrs = append(addrs, netip.MustParseAddr(text))
	}
	return addrs
}

var errNoNetwork = errors.New("this network ends here")

// wire stands in for the network behind a guard. It asks the dialer's own
// control hook, as the kernel's connect would be, and notes what would have
// been sent a SYN.
type wire struct {
	mu    sync.Mutex
	syns  []string
	reach func(ctx context.Context) (net.Conn, error) // nil: nothing answers
}

func (w *wire) connect(ctx context.Context, d *net.Dialer, network, address string) (net.Conn, error) {
	family := network + "4"
	if addr, err := netip.ParseAddrPort(address); err == nil && addr.Addr().Is6() {
		family = network + "6"
	}
	if err := d.ControlContext(ctx, family, address, syscall.RawConn(nil)); err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.syns = append(w.syns, address)
	w.mu.Unlock()
	if w.reach == nil {
		return nil, errNoNetwork
	}
	return w.reach(ctx)
}

func (w *wire) sent() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.syns...)
}

// noInterfaces is a machine that has no address but loopback.
func noInterfaces() ([]net.Addr, error) { return nil, nil }

// canary is a listener that must never be reached.
type canary struct {
	port    int
	accepts atomic.Int64
}

// newCanary listens on 127.0.0.1, and on ::1 where there is one, at one port.
func newCanary(t *testing.T) *canary {
	t.Helper()
	first, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &canary{port: first.Addr().(*net.TCPAddr).Port}
	listeners := []net.Listener{first}
	if second, err := net.Listen("tcp6", "[::1]:"+strconv.Itoa(c.port)); err == nil {
		listeners = append(listeners, second)
	}
	var running sync.WaitGroup
	for _, l := range listeners {
		running.Go(func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				c.accepts.Add(1)
				conn.Close()
			}
		})
	}
	t.Cleanup(func() {
		for _, l := range listeners {
			l.Close()
		}
		running.Wait()
		if n := c.accepts.Load(); n != 0 {
			t.Errorf("the canary was reached %d times", n)
		}
	})
	return c
}

func newOpener(t testing.TB, cfg Config) *Opener {
	t.Helper()
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

// jpeg is the least that a caller sends with a presigned URL.
func jpeg() map[string]string { return map[string]string{"Content-Type": "image/jpeg"} }

// wantKind fails unless err is an *Error of the kind.
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
