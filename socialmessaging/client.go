// The client, made of the parts of which the clients of aws-sdk-go-v2 are made.

package socialmessaging

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
)

// An HTTPClient sends a request. *http.Client is one.
type HTTPClient interface {
	Do(*http.Request) (*http.Response, error)
}

// Options configure a Client, or one call of it. The fields mean what they mean
// in every client of aws-sdk-go-v2.
type Options struct {
	// Region to sign for, such as "us-east-1". Required.
	Region string
	// Credentials to sign with. Required.
	Credentials aws.CredentialsProvider
	// URL of the service, http or https. Default: AWS's endpoint of the region. Excludes
	// EndpointOptions.
	BaseEndpoint *string
	// Which of AWS's endpoints of the region is the default.
	EndpointOptions EndpointResolverOptions
	// Default: the SDK's client, whose transport its options configure.
	HTTPClient HTTPClient
	// Decides which errors are retried, how often and when. Default: one of RetryMode.
	Retryer aws.Retryer
	// Default: aws.RetryModeStandard. Ignored with a Retryer.
	RetryMode aws.RetryMode
	// Attempts of one call. 0 means the Retryer's own limit, which is 3 by default.
	RetryMaxAttempts int
	// Changes of the middleware stack, such as further headers.
	APIOptions []func(*middleware.Stack) error
	// Identifies the application in the User-Agent.
	AppID string
	// Default: discards.
	Logger logging.Logger
	// What is logged: requests, responses, retries, signatures.
	ClientLogMode aws.ClientLogMode
}

// Copy returns a copy whose APIOptions can be appended to.
func (o Options) Copy() Options {
	o.APIOptions = slices.Clone(o.APIOptions)
	return o
}

// WithAPIOptions returns an option function that appends to APIOptions.
func WithAPIOptions(optFns ...func(*middleware.Stack) error) func(*Options) {
	return func(o *Options) { o.APIOptions = append(o.APIOptions, optFns...) }
}

// Client calls the service. It is safe for concurrent use.
type Client struct{ options Options }

// New returns a Client. As in the SDK's clients, optFns see the defaults.
func New(options Options, optFns ...func(*Options)) *Client {
	options = options.Copy()
	if options.HTTPClient == nil {
		options.HTTPClient = awshttp.NewBuildableClient()
	}
	if options.Logger == nil {
		options.Logger = logging.Nop{}
	}
	if options.Retryer == nil && options.RetryMode == aws.RetryModeAdaptive {
		options.Retryer = retry.NewAdaptiveMode()
	} else if options.Retryer == nil {
		options.Retryer = retry.NewStandard()
	}
	for _, f := range optFns {
		f(&options)
	}
	if options.RetryMaxAttempts != 0 {
		options.Retryer = retry.AddWithMaxAttempts(options.Retryer, options.RetryMaxAttempts)
	}
	return &Client{options}
}

// Options returns a copy of the client's options.
func (c *Client) Options() Options { return c.options.Copy() }

// NewFromConfig returns a Client with the SDK's configuration: region,
// credential chain, HTTP client, retries, and the endpoint settings of this
// service, in the SDK's order: AWS_ENDPOINT_URL_SOCIALMESSAGING,
// AWS_ENDPOINT_URL, the profile's endpoint of this service, that of all.
func NewFromConfig(cfg aws.Config, optFns ...func(*Options)) *Client {
	options := Options{
		Region: cfg.Region, Credentials: cfg.Credentials, HTTPClient: cfg.HTTPClient, BaseEndpoint: cfg.BaseEndpoint,
		RetryMode: cfg.RetryMode, RetryMaxAttempts: cfg.RetryMaxAttempts,
		APIOptions: cfg.APIOptions, AppID: cfg.AppID, Logger: cfg.Logger, ClientLogMode: cfg.ClientLogMode,
	}
	if cfg.Retryer != nil {
		options.Retryer = cfg.Retryer()
	}
	readSources(cfg.ConfigSources, &options)
	return New(options, func(o *Options) {
		for _, f := range cfg.ServiceOptions {
			f(ServiceID, o)
		}
		for _, f := range optFns {
			f(o)
		}
	})
}

// Call calls an operation with its input as a JSON object, members by their
// wire names, and returns its output as JSON. Unknown members of the input are
// refused; those of the output are returned.
func (c *Client) Call(ctx context.Context, operation *Operation, input []byte, optFns ...func(*Options)) ([]byte, error) {
	in := reflect.New(operation.input.goType)
	if err := operation.parseInput(in, input); err != nil {
		return nil, err
	}
	_, metadata, err := c.do(ctx, operation, in.Interface(), optFns)
	if err != nil {
		return nil, err
	}
	body, _ := metadata.Get(bodyKey{}).([]byte)
	return body, nil
}

// invoke calls an operation with its Go shapes.
func invoke[In, Out any](ctx context.Context, c *Client, api API[In, Out], params *In, optFns []func(*Options)) (*Out, error) {
	if params == nil {
		params = new(In)
	}
	result, metadata, err := c.do(ctx, api.Operation, params, optFns)
	if err != nil {
		return nil, err
	}
	out := result.(*Out)
	reflect.ValueOf(out).Elem().FieldByName(resultMetadata).Set(reflect.ValueOf(metadata))
	return out, nil
}

// do sends a call through the middleware stack.
func (c *Client) do(ctx context.Context, operation *Operation, params any, optFns []func(*Options)) (result any, metadata middleware.Metadata, err error) {
	options := c.Options()
	for _, f := range optFns {
		f(&options)
	}
	if options.RetryMaxAttempts != 0 && options.RetryMaxAttempts != c.options.RetryMaxAttempts {
		options.Retryer = retry.AddWithMaxAttempts(options.Retryer, options.RetryMaxAttempts)
	}
	stack, err := newStack(operation, options)
	if err != nil {
		return nil, metadata, fmt.Errorf("socialmessaging: %w", err)
	}
	ctx = middleware.ClearStackValues(ctx)
	ctx = middleware.WithServiceID(ctx, ServiceID)
	ctx = middleware.WithOperationName(ctx, operation.Name)
	ctx = middleware.SetLogger(ctx, options.Logger)
	ctx = awsmiddleware.SetServiceID(ctx, ServiceID)
	ctx = awsmiddleware.SetOperationName(ctx, operation.Name)
	ctx = awsmiddleware.SetRegion(ctx, options.Region)
	result, metadata, err = middleware.DecorateHandler(transport(options), stack).Handle(ctx, params)
	if err != nil {
		err = &smithy.OperationError{ServiceID: ServiceID, OperationName: operation.Name, Err: err}
	}
	return result, metadata, err
}
