// Reading from a store: GET and HEAD of an object.
//
// Credentials, signatures, endpoints and the rules for retries come from the AWS
// SDK, but its client is not used. For each call the client builds a middleware
// stack of some forty steps, which took a fifth of the CPU time of a small upload
// (docs/performance.md). Objects are written through the client, since ferry writes
// far fewer objects than it reads.

package object

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/auth"
	"github.com/aws/smithy-go/encoding/httpbinding"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	lru "github.com/hashicorp/golang-lru/v2"
)

// emptyHash is the SHA-256 of a request without a body.
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// maxErrorDocument is the limit for the size of an error document in bytes. The
// rest is not read.
const maxErrorDocument = 64 << 10

// maxEndpoints is the number of buckets whose endpoints a store remembers.
const maxEndpoints = 256

// reader sends GET and HEAD requests to a store.
type reader struct {
	options   s3.Options // those of the store's client
	store     *StoreConfig
	signer    *v4.Signer
	endpoints *lru.Cache[string, bucketEndpoint]
	transmit  http.RoundTripper
}

// bucketEndpoint is the endpoint of a bucket, as the SDK resolves it.
type bucketEndpoint struct {
	scheme, host  string
	path, rawPath string // before the key, without a slash at the end
	region        string // to sign for
}

// newReader returns a reader with the options of the store's client.
func newReader(options s3.Options, store *StoreConfig, transmit http.RoundTripper) (*reader, error) {
	endpoints, err := lru.New[string, bucketEndpoint](maxEndpoints)
	if err != nil {
		return nil, err
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }) // S3 escapes a path once
	return &reader{options, store, signer, endpoints, transmit}, nil
}

// A readRequest is a GET or HEAD of an object.
type readRequest struct {
	method, bucket, key string
	header              http.Header
	budget              *Budget // may be nil
	// abort ends the request's context. It is called when net/http repeats a request
	// on another connection and the budget does not allow that.
	abort context.CancelCauseFunc
}

// read requests an object, and retries as the SDK's standard retryer does,
// within the budget. The response is a 2xx; any other is an error.
func (r *reader) read(ctx context.Context, want readRequest) (*http.Response, error) {
	budget := want.budget
	if !budget.request() {
		return nil, ErrBudget
	}
	retryer := r.options.Retryer
	release := retryer.GetInitialToken() // a successful attempt returns tokens to the retryer's budget
	for attempt := 1; ; attempt++ {
		response, err := r.try(ctx, want)
		_ = release(err)
		if err == nil {
			return response, nil
		}
		if attempt >= retryer.MaxAttempts() || !retryer.IsErrorRetryable(err) || !budget.retry() {
			return nil, err
		}
		var failed error
		if release, failed = retryer.GetRetryToken(ctx, err); failed != nil { // the retryer's budget is spent
			return nil, err
		}
		delay, failed := retryer.RetryDelay(attempt, err)
		if failed != nil {
			return nil, errors.Join(err, failed)
		}
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return nil, err
		}
		if !budget.request() {
			return nil, err
		}
	}
}

// try makes one attempt.
func (r *reader) try(ctx context.Context, want readRequest) (*http.Response, error) {
	if want.budget != nil {
		ctx = httptrace.WithClientTrace(ctx, countRepeats(want.budget, want.abort))
	}
	endpoint, err := r.endpointOf(ctx, want.bucket)
	if err != nil {
		return nil, err
	}
	credentials, err := r.options.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("the credentials for the store: %w", err)
	}
	request := (&http.Request{
		Method: want.method, Host: endpoint.host, Header: want.header.Clone(), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		URL: &url.URL{
			Scheme: endpoint.scheme, Host: endpoint.host,
			Path: endpoint.path + "/" + want.key, RawPath: endpoint.rawPath + "/" + httpbinding.EscapePath(want.key, false),
		},
	}).WithContext(ctx)
	request.Header.Set("Accept-Encoding", "identity")
	request.Header.Set("User-Agent", "ferry")
	request.Header.Set("X-Amz-Content-Sha256", emptyHash)
	r.store.addHeaders(request.Header)
	if err := r.signer.SignHTTP(ctx, credentials, request, emptyHash, "s3", endpoint.region, time.Now()); err != nil {
		return nil, err
	}
	response, err := r.transmit.RoundTrip(request)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, &smithy.CanceledError{Err: errors.Join(context.Cause(ctx), err)}
	case err != nil:
		return nil, &smithyhttp.RequestSendError{Err: err}
	case response.StatusCode < 200 || response.StatusCode > 299:
		return nil, readResponseError(response)
	}
	return response, nil
}

// countRepeats counts the requests that net/http sends again by itself: when an
// idle connection turns out to be closed, it takes the next one, of which there may
// be hundreds. The first connection is that of a request that is already counted.
func countRepeats(budget *Budget, abort context.CancelCauseFunc) *httptrace.ClientTrace {
	isFirst := true
	return &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		if !isFirst && !budget.request() {
			abort(ErrBudget)
			_ = info.Conn.Close() // so that nothing is sent before the context ends
		}
		isFirst = false
	}}
}

// endpointOf returns the endpoint of a bucket.
func (r *reader) endpointOf(ctx context.Context, bucket string) (bucketEndpoint, error) {
	if endpoint, known := r.endpoints.Get(bucket); known {
		return endpoint, nil
	}
	resolved, err := s3.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, s3.EndpointParameters{
		Bucket: &bucket, Region: &r.options.Region, Endpoint: r.options.BaseEndpoint, ForcePathStyle: &r.options.UsePathStyle,
		DisableMultiRegionAccessPoints: &r.options.DisableMultiRegionAccessPoints,
		DisableS3ExpressSessionAuth:    r.options.DisableS3ExpressSessionAuth,
	}.WithDefaults())
	if err != nil {
		return bucketEndpoint{}, fmt.Errorf("the store's endpoint: %w", err)
	}
	endpoint := bucketEndpoint{
		scheme: resolved.URI.Scheme, host: resolved.URI.Host, region: r.options.Region,
		path: strings.TrimSuffix(resolved.URI.Path, "/"), rawPath: strings.TrimSuffix(resolved.URI.EscapedPath(), "/"),
	}
	schemes, _ := auth.GetAuthOptions(&resolved.Properties)
	for _, scheme := range schemes {
		if region, given := smithyhttp.GetSigV4SigningRegion(&scheme.SignerProperties); given && region != "" {
			endpoint.region = region
		}
	}
	r.endpoints.Add(bucket, endpoint)
	return endpoint, nil
}

// responseError is a response of S3 other than a 2xx.
type responseError struct {
	status        int
	code, message string // of the error document; empty if it has none
	hostID        string
}

// readResponseError reads the error document and closes the body.
func readResponseError(response *http.Response) error {
	defer response.Body.Close()
	failed := &responseError{status: response.StatusCode, hostID: response.Header.Get("X-Amz-Id-2")}
	var document struct {
		Code    string `xml:"Code"`
		Message string `xml:"Message"`
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxErrorDocument))
	if err == nil && xml.Unmarshal(text, &document) == nil {
		failed.code, failed.message = document.Code, document.Message
	}
	return failed
}

func (e *responseError) Error() string {
	return "S3 responded with " + strings.TrimSpace(fmt.Sprintf("%d %s %s", e.status, e.code, e.message))
}

// The methods that the SDK's retryer and statusAndCode need.

func (e *responseError) HTTPStatusCode() int           { return e.status }
func (e *responseError) ServiceHostID() string         { return e.hostID }
func (e *responseError) ErrorCode() string             { return e.code }
func (e *responseError) ErrorMessage() string          { return e.message }
func (e *responseError) ErrorFault() smithy.ErrorFault { return smithy.FaultUnknown }

var _ interface {
	smithy.APIError
	HTTPStatusCode() int
} = (*responseError)(nil)
