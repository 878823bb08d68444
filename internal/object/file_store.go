package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"

	"ferry/internal/guard"
)

// store is one S3-compatible store, with its own connections.
type store struct {
	cfg       StoreConfig
	name      string     // host and port of the endpoint; aws means that there is none
	client    *s3.Client // for writing only
	reader    *reader
	transport *http.Transport
	scrubber  scrubber
	unpooled  *http.Client // sends each request on a new connection
}

const (
	maxAttempts  = 3                // at one request, including the first
	maxIdleConns = 256              // per store
	idleTimeout  = 90 * time.Second // for which an idle connection is kept
)

func newStores(ctx context.Context, cfg Config) ([]*store, error) {
	var stores []*store
	var errs []error
	for i, sc := range cfg.Stores {
		s, err := newStore(ctx, sc, cfg)
		if err != nil {
			errs = append(errs, fmt.Errorf("store %d: %w", i+1, err))
		}
		stores = append(stores, s)
	}
	return stores, errors.Join(errs...)
}

func newStore(ctx context.Context, sc StoreConfig, cfg Config) (*store, error) {
	provider, err := sc.credentials(ctx)
	if err != nil {
		return nil, err
	}
	s := &store{
		cfg: sc, name: "aws", transport: storeTransport(cfg),
		scrubber: newScrubber(sc.SecretAccessKey.Reveal(), sc.SessionToken.Reveal()),
	}
	single := s.transport.Clone()
	single.DisableKeepAlives = true
	single.ExpectContinueTimeout = continueTimeout
	single.WriteBufferSize = bufferSize
	s.unpooled = storeClient(closeAfter{single})
	options := s3.Options{
		Region:       sc.Region,
		Credentials:  provider,
		UsePathStyle: sc.PathStyle,
		HTTPClient:   storeClient(s.transport),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.MaxBackoff = maxAttempts, cfg.RetryBackoff
		}),
		// Checksums that nobody requested are not verified: they would be computed
		// over every byte.
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		// The name of a bucket must not select another host, Region or credentials
		// than the configured ones.
		DisableS3ExpressSessionAuth:    aws.Bool(true),
		DisableMultiRegionAccessPoints: true,
	}
	if sc.Endpoint != "" {
		options.BaseEndpoint = aws.String(sc.Endpoint)
		_, s.name, _ = strings.Cut(sc.Endpoint, "://")
	}
	s.reader, err = newReader(options, &s.cfg, s.transport)
	s.cfg.forWriting(&options)
	s.client = s3.New(options)
	return s, err
}

// credentials returns the configured key, or else the SDK's credential chain.
// Nothing else is taken from the SDK's configuration, in particular no endpoints.
func (s StoreConfig) credentials(ctx context.Context) (aws.CredentialsProvider, error) {
	if s.AccessKeyID != "" {
		return credentials.NewStaticCredentialsProvider(s.AccessKeyID, s.SecretAccessKey.Reveal(), s.SessionToken.Reveal()), nil
	}
	state := imds.ClientDisabled
	if s.UseInstanceProfile {
		state = imds.ClientEnabled
	}
	loaded, err := awsconfig.LoadDefaultConfig(ctx,
		awsconfig.WithRegion(s.Region), awsconfig.WithEC2IMDSClientEnableState(state), awsconfig.WithLogger(logging.Nop{}))
	if err != nil {
		return nil, fmt.Errorf("the AWS SDK's credential chain: %w", err)
	}
	return loaded.Credentials, nil
}

func storeClient(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     errorBodyLimit{transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// closeAfter marks every request with Connection: close. Otherwise net/http would
// send the body even after an error response, to keep the connection usable.
type closeAfter struct{ next http.RoundTripper }

func (c closeAfter) RoundTrip(req *http.Request) (*http.Response, error) {
	last := *req
	// The SDK sets no version, and without one net/http does not wait for 100 Continue.
	last.Close, last.ProtoMajor, last.ProtoMinor = true, 1, 1
	if req.ContentLength > bufferSize {
		last.Header = req.Header.Clone()
		last.Header.Set("Expect", "100-continue") // not one of the signed headers
	}
	return c.next.RoundTrip(&last)
}

func storeTransport(cfg Config) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  cfg.Proxy,
		DialContext:            cfg.Guard.Dial(guard.Named),
		TLSClientConfig:        cfg.tls(""),
		TLSHandshakeTimeout:    cfg.TLSTimeout,
		ResponseHeaderTimeout:  cfg.HeaderTimeout,
		MaxResponseHeaderBytes: maxResponseHeaders,
		ReadBufferSize:         bufferSize,
		MaxIdleConns:           maxIdleConns,
		MaxIdleConnsPerHost:    maxIdleConns,
		IdleConnTimeout:        idleTimeout,
		DisableCompression:     true,
		Protocols:              protocols,
	}
}

// storeFor returns the first store that serves the bucket, or nil.
func (o *Opener) storeFor(bucket string) *store {
	for _, s := range o.stores {
		if s.cfg.matches(bucket) {
			return s
		}
	}
	return nil
}

// matches reports whether the store serves the bucket.
func (s *StoreConfig) matches(bucket string) bool {
	return slices.ContainsFunc(s.Buckets, func(pattern string) bool {
		ok, _ := path.Match(pattern, bucket) // check has validated the pattern
		return ok
	})
}

// errorBodyLimit limits the error documents that the SDK reads into memory.
type errorBodyLimit struct{ next http.RoundTripper }

func (l errorBodyLimit) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(req)
	if err != nil || resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusPartialContent {
		return resp, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, 64<<10), resp.Body}
	return resp, nil
}
