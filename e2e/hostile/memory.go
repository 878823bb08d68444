//go:build linux

package main

import (
	"context"
	"fmt"
	"time"
)

const (
	attackTime  = 10 * time.Second
	maxOverIdle = 64 // MiB
)

// A scheme says whether the server encrypts.
type scheme bool

const (
	plain     scheme = false
	encrypted scheme = true
)

// args returns the arguments of a server.
func (c scheme) args(r *rig) []string {
	if c == plain {
		return nil
	}
	return []string{"--tls-cert", r.file("cert.pem"), "--tls-key", r.file("key.pem")}
}

// heads has clients that send 34 KB of a head, in 6,800 lines, and never its end.
func heads(way scheme, clients int) func(context.Context, *rig) ([]finding, error) {
	return func(ctx context.Context, r *rig) ([]finding, error) {
		return r.attack(ctx, setup{args: way.args(r)}, order{Kind: "heads", Clients: clients})
	}
}

// bodies has 8,000 clients that know the id of a key, but not its secret, and send
// all but the last byte of a body of 64 KiB. The signature covers the body, so
// that the server cannot check it before.
func bodies(ctx context.Context, r *rig) ([]finding, error) {
	return r.attack(ctx, setup{}, order{Kind: "bodies", Clients: 8000})
}

// streams has 20 clients that send, over HTTP/2, 250 requests at once with 700
// header lines each, and never the end of their bodies.
func streams(ctx context.Context, r *rig) ([]finding, error) {
	return r.attack(ctx, setup{args: encrypted.args(r)}, order{Kind: "streams", Clients: 20})
}

// attack starts a server and attackers, and measures what they do to the server
// and to a bystander.
func (r *rig) attack(ctx context.Context, with setup, o order) ([]finding, error) {
	s, err := r.start(ctx, with)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	used, started := s.cpu(), time.Now()
	overIdle, bystander := s.watch(), s.bystander()
	end, err := s.sendAttackers(o)
	if err != nil {
		return nil, err
	}
	select {
	case <-time.After(attackTime):
	case <-ctx.Done():
	}
	served, memory := bystander(), overIdle()
	end()
	share := 100 * float64(s.cpu()-used) / float64(time.Since(started))
	findings := append([]finding{atMost(fmt.Sprintf("memory over idle, %d clients", o.Clients), memory, maxOverIdle, "MiB")}, served...)
	findings = append(findings, mustBe("the server runs", s.isRunning()))
	if o.Kind == "idle" {
		findings = append(findings, atMost("CPU time of the server, percent of one CPU", share, maxCPUShare, "%"))
	}
	return findings, ctx.Err()
}
