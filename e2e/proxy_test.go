package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/rs/zerolog"
)

// The two directions of a proxy, as toxiproxy calls them.
const (
	fromFerry = "upstream"
	toFerry   = "downstream"
)

// proxy is a toxiproxy between ferry and one server.
type proxy struct {
	t      testing.TB
	url    string // to use in place of the server's
	toxics *toxiproxy.ToxicCollection
}

// startProxy runs a proxy until the end of the test. It passes everything on, TLS
// included, until toxics are added.
func startProxy(t testing.TB, serverURL string) *proxy {
	t.Helper()
	scheme, address, _ := strings.Cut(serverURL, "://")
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	running := toxiproxy.NewProxy(server, t.Name(), "127.0.0.1:0", address)
	if err := running.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.Stop)
	return &proxy{t, scheme + "://" + running.Listen, running.Toxics}
}

// add adds a toxic to one direction of all connections. Its other members are in
// the JSON form of toxiproxy's API.
func (p *proxy) add(way, members string) toxics.Toxic {
	p.t.Helper()
	added, err := p.toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(`{"stream":%q,%s}`, way, members)))
	if err != nil {
		p.t.Fatalf("toxiproxy does not accept %s: %v", members, err)
	}
	return added.Toxic
}

// disturb adds a disturbance, and returns the one that is in effect.
func (p *proxy) disturb(way string, with *disturbance) *disturbance {
	p.t.Helper()
	attributes, err := json.Marshal(with)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.add(way, fmt.Sprintf(`"name":%q,"type":"disturbance","attributes":%s`, attributes, attributes)).(*disturbance)
}

// disturbance is a toxic that closes some connections, or slows them down, and
// leaves the others alone. Toxiproxy's own limit_data and timeout affect every
// connection; removing them between two attempts would be a race.
type disturbance struct {
	After int64 // bytes to pass on first; connections with fewer are not disturbed
	Skip  int   // connections to leave alone first
	Times int   // connections to disturb
	Stall bool  // keep the connection, but pass nothing more on
	Rate  int64 // pass the rest on at this rate, in kB/s

	mu     sync.Mutex
	before func()
}

func init() { toxics.Register("disturbance", new(disturbance)) }

// NewState counts the bytes of one connection.
func (d *disturbance) NewState() any { return new(int64) }

// Pipe passes one connection on.
func (d *disturbance) Pipe(stub *toxics.ToxicStub) {
	passed := stub.State.(*int64)
	for {
		select {
		case <-stub.Interrupt:
			return
		case chunk := <-stub.Input:
			if chunk == nil {
				stub.Close()
				return
			}
			first, size := d.After-*passed, int64(len(chunk.Data))
			*passed += size
			if first < 0 || first >= size || !d.next() {
				stub.Output <- chunk
				continue
			}
			if d.Rate > 0 {
				stub.Output <- chunk
				(&toxics.BandwidthToxic{Rate: d.Rate}).Pipe(stub)
				return
			}
			stub.Output <- &stream.StreamChunk{Data: chunk.Data[:first], Timestamp: chunk.Timestamp}
			if d.Stall {
				new(toxics.TimeoutToxic).Pipe(stub) // without a timeout
			} else {
				stub.Close()
			}
			return
		}
	}
}

// next reports whether to disturb a connection.
func (d *disturbance) next() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.Skip > 0 {
		d.Skip--
		return false
	}
	if d.Times == 0 {
		return false
	}
	d.Times--
	if d.before != nil {
		d.before()
	}
	return true
}

// beforeEach sets a function that is called before each connection is disturbed.
func (d *disturbance) beforeEach(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.before = f
}

// left returns how many connections are still to be disturbed.
func (d *disturbance) left() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.Times
}
