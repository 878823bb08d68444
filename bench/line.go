// A slow line: a TCP proxy with one token bucket for each direction.

package main

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// linePiece is how much the line takes at once: it sleeps a millisecond or so
// between two pieces at 100 Mbit/s.
const linePiece = 16 << 10

// A slowLine passes bytes to a server, all connections together no faster than its rate.
type slowLine struct {
	url      string
	target   string
	up, down bucketOfTokens
	returned atomic.Int64 // bytes that came back from the server
}

// startLine serves until the context ends. With a rate of 0 it only counts.
func startLine(ctx context.Context, target string, bytesPerSecond float64) (*slowLine, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &slowLine{url: "http://" + listener.Addr().String(), target: target}
	l.up.rate, l.down.rate = bytesPerSecond, bytesPerSecond
	context.AfterFunc(ctx, func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return // closed
			}
			go l.pass(ctx, connection)
		}
	}()
	return l, nil
}

// pass joins one connection to the server.
func (l *slowLine) pass(ctx context.Context, client net.Conn) {
	defer client.Close()
	var dialer net.Dialer
	server, err := dialer.DialContext(ctx, "tcp", l.target)
	if err != nil {
		return
	}
	defer server.Close()
	defer context.AfterFunc(ctx, func() { client.Close(); server.Close() })()
	done := make(chan struct{}, 2)
	copyTo := func(to, from net.Conn, tokens *bucketOfTokens, count *atomic.Int64) {
		defer func() { done <- struct{}{} }()
		piece := make([]byte, linePiece)
		for {
			n, err := from.Read(piece)
			tokens.take(n)
			if count != nil {
				count.Add(int64(n))
			}
			if _, writeErr := to.Write(piece[:n]); writeErr != nil || err != nil {
				return
			}
		}
	}
	go copyTo(server, client, &l.up, nil)
	go copyTo(client, server, &l.down, &l.returned)
	<-done // one end is gone: the connection is
}

// bucketOfTokens lets bytes pass at a rate. It holds at most one piece of
// credit, so that a burst cannot hide the line.
type bucketOfTokens struct {
	rate float64 // bytes a second; 0 = no limit
	mu   sync.Mutex
	free time.Time // when the line is free again
}

// take waits until n more bytes have passed.
func (b *bucketOfTokens) take(n int) {
	if b.rate == 0 || n == 0 {
		return
	}
	b.mu.Lock()
	now := time.Now()
	if credit := now.Add(-b.duration(linePiece)); b.free.Before(credit) {
		b.free = credit
	}
	b.free = b.free.Add(b.duration(n))
	until := b.free
	b.mu.Unlock()
	time.Sleep(time.Until(until))
}

func (b *bucketOfTokens) duration(n int) time.Duration {
	return time.Duration(float64(n) / b.rate * float64(time.Second))
}
