package event

import (
	"crypto/tls"
	"io"
	"net/http"
	"time"

	"ferry/internal/guard"
)

const (
	maxResponse        = 64 << 10         // bytes of a response that are read
	maxResponseHeaders = 64 << 10         // bytes of its header
	idleTimeout        = 90 * time.Second // for which an idle connection is kept
	tlsTimeout         = 5 * time.Second  // for a TLS handshake
)

// transport returns a transport for one destination, with at most conns connections.
// It uses no proxy, because the guard could not check addresses behind one.
func (d *Deliverer) transport(reach guard.Reach, conns int) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext:            d.config.Guard.Dial(reach),
		TLSClientConfig:        &tls.Config{RootCAs: d.config.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    tlsTimeout,
		MaxResponseHeaderBytes: maxResponseHeaders,
		MaxConnsPerHost:        conns,
		MaxIdleConns:           conns,
		MaxIdleConnsPerHost:    conns,
		IdleConnTimeout:        idleTimeout,
		DisableCompression:     true,
		Protocols:              protocols,
	}
}

// refuseRedirects is for http.Client: the response with the redirect is the result.
func refuseRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// responseLimit limits what an SDK reads of a response.
type responseLimit struct{ next http.RoundTripper }

func (l responseLimit) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := l.next.RoundTrip(request)
	if err == nil {
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(response.Body, maxResponse), response.Body}
	}
	return response, err
}
