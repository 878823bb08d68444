package e2e

import (
	"io"
	"net"
	"sync"
	"testing"
)

// cuttingProxy passes TCP connections on, and breaks those that it is told to.
type cuttingProxy struct {
	endpoint string // http://host:port
	target   string

	after int64 // bytes of the answer to pass on before a break

	mu     sync.Mutex
	cuts   int    // connections to break
	before func() // called before each break
}

// startCuttingProxy runs a proxy in front of an S3 server. It breaks the next
// cuts connections over which more than after bytes come back, or all if cuts
// is negative.
func startCuttingProxy(t testing.TB, target string, cuts int, after int64) *cuttingProxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &cuttingProxy{endpoint: "http://" + listener.Addr().String(), target: target, cuts: cuts, after: after}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed
			}
			serving.Go(func() { p.pass(conn.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		serving.Wait()
	})
	return p
}

// pass passes one connection on until either side ends it.
func (p *cuttingProxy) pass(client *net.TCPConn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client) // ends with either connection
		server.(*net.TCPConn).CloseWrite()
	}()
	if _, err := io.CopyN(client, server, p.after); err != nil {
		return // a shorter answer
	}
	if p.takeCut() {
		client.SetLinger(0) // a reset, not an end
		return
	}
	_, _ = io.Copy(client, server)
}

// takeCut reports whether this connection is to be broken.
func (p *cuttingProxy) takeCut() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cuts == 0 {
		return false
	}
	p.cuts--
	if p.before != nil {
		p.before()
	}
	return true
}

// beforeCut has something done before each break.
func (p *cuttingProxy) beforeCut(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.before = f
}

// left is how many connections are still to be broken.
func (p *cuttingProxy) left() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cuts
}
