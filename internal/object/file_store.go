package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
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

// store is one S3-compatible store with its own connections.
type store struct {
	cfg       StoreConfig
	client    *s3.Client // for writing
	reader    *reader
	transport *http.Transport
	scrubber  scrubber
	unpooled  *http.Client // each request on a connection of its own
}

const (
	maxAttempts  = 3   // of the SDK, the first included
	maxIdleConns = 256 // connections that are kept to one store
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
		cfg: sc, transport: storeTransport(cfg),
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
		// A checksum that the store sends unasked is not checked by the SDK:
		// ferry hashes what it passes on.
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		// A bucket's name picks no host, credentials or Region but the configured ones.
		DisableS3ExpressSessionAuth:    aws.Bool(true),
		DisableMultiRegionAccessPoints: true,
	}
	if sc.Endpoint != "" {
		options.BaseEndpoint = aws.String(sc.Endpoint)
	}
	s.client = s3.New(options)
	s.reader, err = newReader(options, s.transport)
	return s, err
}

// credentials are the configured key, or those of the SDK's chain. Nothing else
// is taken from the SDK's configuration: endpoints come from StoreConfig alone.
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
		return nil, fmt.Errorf("the AWS SDK's chain of credentials: %w", err)
	}
	return loaded.Credentials, nil
}

func storeClient(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     errorBodyLimit{transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// closing says of each request that it is the connection's last one. Without it
// net/http sends a body even after a refusal, to keep the connection.
type closeAfter struct{ next http.RoundTripper }

func (c closeAfter) RoundTrip(req *http.Request) (*http.Response, error) {
	last := *req
	// The SDK leaves the version open, and then net/http does not wait for 100 Continue.
	last.Close, last.ProtoMajor, last.ProtoMinor = true, 1, 1
	if req.ContentLength > bufferSize {
		last.Header = req.Header.Clone()
		last.Header.Set("Expect", "100-continue") // never signed
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
		IdleConnTimeout:        90 * time.Second,
		DisableCompression:     true,
		Protocols:              protocols,
	}
}

// storeFor is the first store whose patterns match bucket, or nil.
func (o *Opener) storeFor(bucket string) *store {
	for _, s := range o.stores {
		if s.cfg.matches(bucket) {
			return s
		}
	}
	return nil
}

// matches reports whether the store is configured to hold the bucket.
func (s *StoreConfig) matches(bucket string) bool {
	return slices.ContainsFunc(s.Buckets, func(pattern string) bool {
		ok, _ := path.Match(pattern, bucket) // check has parsed the pattern
		return ok
	})
}

// errorBodyLimit bounds the error documents that the SDK reads into memory.
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
