package tracing

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"ferry/internal/secret"
)

// A Collector receives spans by OTLP over HTTP (docs/references.md#otlp).
type Collector struct {
	// URL receives the spans: http:// or https://. Required.
	URL string
	// Headers are sent with each request, as "name=value,…" with percent-encoding. Default: none.
	Headers secret.Secret
	// CAFile is a PEM file with the authorities that verify the certificate of the
	// collector. Default: the system's.
	CAFile string
	// CertFile and KeyFile are PEM files with a certificate of the server for the
	// collector: both or none.
	CertFile, KeyFile string
	// Gzip compresses the requests.
	Gzip bool
}

const (
	// maxResponse is what is read of a response, so that its connection can be used again.
	maxResponse = 64 << 10
	// firstRetry is the time before a batch that the collector did not take is retried; it doubles.
	firstRetry = time.Second
)

// client sends spans to a collector. It implements otlptrace.Client, as otlptracehttp
// does, which brings along gRPC.
type client struct {
	url       string
	header    http.Header
	gzip      bool
	transport *http.Transport
	stopped   context.Context
	stop      context.CancelFunc
}

func newClient(to Collector) (*client, error) {
	u, err := url.Parse(to.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("the collector of traces is %q; expected a URL such as http://127.0.0.1:4318", to.URL)
	}
	c := &client{url: u.String(), header: http.Header{"Content-Type": {"application/x-protobuf"}}, gzip: to.Gzip}
	if err := c.setHeaders(to.Headers); err != nil {
		return nil, err
	}
	if c.gzip {
		c.header.Set("Content-Encoding", "gzip")
	}
	secure := &tls.Config{MinVersion: tls.VersionTLS12}
	if to.CAFile != "" {
		text, err := os.ReadFile(to.CAFile)
		if err != nil {
			return nil, fmt.Errorf("the certificate authorities of the collector of traces: %w", err)
		}
		if secure.RootCAs = x509.NewCertPool(); !secure.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s has no certificate; expected the certificate authorities of the collector of traces, as PEM", to.CAFile)
		}
	}
	if to.CertFile != "" || to.KeyFile != "" {
		pair, err := tls.LoadX509KeyPair(to.CertFile, to.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("the certificate for the collector of traces: %w", err)
		}
		secure.Certificates = []tls.Certificate{pair}
	}
	c.transport = &http.Transport{TLSClientConfig: secure, MaxConnsPerHost: 1, ForceAttemptHTTP2: true}
	c.stopped, c.stop = context.WithCancel(context.Background())
	return c, nil
}

// setHeaders parses the headers of a Collector. Its errors do not show values.
func (c *client) setHeaders(list secret.Secret) error {
	for i, pair := range strings.Split(list.Reveal(), ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, found := strings.Cut(pair, "=")
		text, err := url.PathUnescape(strings.TrimSpace(value))
		if name = strings.TrimSpace(name); !found || name == "" || err != nil {
			return fmt.Errorf("header %d for the collector of traces is not name=value, with percent-encoding", i+1)
		}
		c.header.Set(name, text)
	}
	return nil
}

// Start implements otlptrace.Client.
func (c *client) Start(context.Context) error { return nil }

// Stop ends the requests in progress.
func (c *client) Stop(context.Context) error {
	c.stop()
	c.transport.CloseIdleConnections()
	return nil
}

// UploadTraces sends spans, and retries until ctx is done if the collector cannot be
// reached or says that it may take them later.
func (c *client) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	// TracesData has the encoding of ExportTraceServiceRequest, whose package has the
	// service for gRPC, too.
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return err
	}
	if c.gzip {
		var packed bytes.Buffer
		writer := gzip.NewWriter(&packed)
		_, _ = writer.Write(body) // a buffer takes everything
		_ = writer.Close()
		body = packed.Bytes()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.stopped, cancel)()
	for wait := firstRetry; ; wait *= 2 {
		mayRetry, err := c.post(ctx, body)
		if err == nil || !mayRetry {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
	}
}

// post sends one request.
func (c *client) post(ctx context.Context, body []byte) (mayRetry bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	request.Header = c.header
	response, err := c.transport.RoundTrip(request) // no redirects: the headers may have a key
	if err != nil {
		return ctx.Err() == nil, err
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, maxResponse)
	if response.StatusCode/100 == 2 {
		return false, nil
	}
	switch response.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		mayRetry = true
	}
	return mayRetry, fmt.Errorf("status %d", response.StatusCode)
}
