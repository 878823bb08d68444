// A slow line: a TCP proxy with one token bucket for each direction.

package main

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// linePiece is how much the line passes on at once, in bytes. At 100 Mbit/s it
// sleeps for about a millisecond after each piece.
const linePiece = 16 << 10

// A slowLine passes connections on to a server. Its rate limits all of them together.
type slowLine struct {
	url      string
	target   string
	up, down tokenBucket
	returned atomic.Int64 // bytes that the server sent
}

// startLine serves until the context ends. A rate of 0 means no limit: then the
// line only counts.
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

// pass passes one connection on to the server.
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
	copyTo := func(to, from net.Conn, tokens *tokenBucket, count *atomic.Int64) {
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
	<-done // one direction has ended, which ends the connection
}

// tokenBucket limits bytes to a rate. It holds at most one piece of credit, so
// that a burst cannot hide the line.
type tokenBucket struct {
	rate float64 // bytes per second; 0 means no limit
	mu   sync.Mutex
	free time.Time // when the line becomes free
}

// take waits until n more bytes have passed.
func (b *tokenBucket) take(n int) {
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

func (b *tokenBucket) duration(n int) time.Duration {
	return time.Duration(float64(n) / b.rate * float64(time.Second))
}
