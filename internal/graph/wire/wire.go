// Package wire sends request bodies to Meta in large pieces, and reports whether
// the last byte of a body may have been sent.
//
// net/http copies a body through a buffer of 32 KiB, and crypto/tls sends it in
// records of 16 KiB with one system call each. Pieces of 256 KiB need a fraction
// of these calls; docs/performance.md has the figures.
//
// [NewTransport] returns the transport. A [Body] is the body of one request. It
// tracks how many bytes were read from it, how its source failed, and which
// connection sends it. An upload that failed before its last byte was handed to
// the operating system can be retried safely: [Body.End] reports that.
package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"time"
)

// Config configures a transport.
type Config struct {
	// ConnectTimeout is the limit for connecting, and the limit for the TLS handshake. Required.
	ConnectTimeout time.Duration
	// ResponseHeaderTimeout is the limit for the time between the last byte of the
	// request and the header of the response. Required.
	ResponseHeaderTimeout time.Duration
	// RootCAs verify Meta's certificates. Default: the system's.
	RootCAs *x509.CertPool
	// Dial connects to an address. Default: the Dialer of package net.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

const (
	maxIdleConns       = 256              // idle connections that a transport keeps
	idleTimeout        = 90 * time.Second // for which it keeps one
	maxResponseHeaders = 64 << 10         // bytes of the header of a response
)

// NewTransport returns the transport for uploads. It speaks HTTP/1.1, since one
// upload fills a connection anyway, and keeps up to 256 idle connections, so that
// a busy server does not need a handshake for each file. A small file fits into
// the write buffer and is sent with one write.
func NewTransport(config Config) *http.Transport {
	if config.Dial == nil {
		config.Dial = (&net.Dialer{Timeout: config.ConnectTimeout}).DialContext
	}
	dialer := &uploadDialer{config.Dial, &tls.Config{RootCAs: config.RootCAs, MinVersion: tls.VersionTLS12}, config.ConnectTimeout}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.dial,
		DialTLSContext:         dialer.dialTLS,
		TLSClientConfig:        dialer.tls, // used with a proxy
		TLSHandshakeTimeout:    config.ConnectTimeout,
		ResponseHeaderTimeout:  config.ResponseHeaderTimeout,
		MaxResponseHeaderBytes: maxResponseHeaders,
		MaxIdleConns:           maxIdleConns,
		MaxIdleConnsPerHost:    maxIdleConns,
		IdleConnTimeout:        idleTimeout,
		WriteBufferSize:        32 << 10,
		DisableCompression:     true,
		Protocols:              protocols,
	}
}
