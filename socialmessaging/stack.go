// The middleware stack of a call: validate, serialize, retry, resolve the
// endpoint, sign, send, deserialize. Everything without a function here comes from the SDK.

package socialmessaging

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/go-json-experiment/json"
)

// maxResponse bounds how much of a response the client reads, in bytes. A page
// of 100 templates of 6,000 characters is smaller.
const maxResponse = 16 << 20

// bodyKey is the key of the response's body in the metadata of a call.
type bodyKey struct{}

// newStack returns the stack of an operation. Those middlewares that exist have
// the names and the order that they have in the SDK's clients, so that
// APIOptions find them. These do not exist, and an APIOption that refers to one
// fails: setOperationInput and ResolveEndpoint in the serialize step;
// InterceptBeforeRetryLoop, InterceptAttempt, ResolveAuthScheme, GetIdentity,
// disableHTTPS and setLegacyContextSigningOptions in the finalize step.
func newStack(operation *Operation, options Options) (*middleware.Stack, error) {
	agent := awsmiddleware.NewRequestUserAgent()
	agent.AddSDKAgentKeyValue(awsmiddleware.APIMetadata, "socialmessaging", "ferry")
	if options.AppID != "" {
		agent.AddSDKAgentKey(awsmiddleware.ApplicationIdentifier, options.AppID)
	}
	attempts := retry.NewAttemptMiddleware(options.Retryer, smithyhttp.RequestCloner, func(a *retry.Attempt) {
		a.LogAttempts = options.ClientLogMode.IsRetries()
		a.DisableClockSkewCorrection = true
	})
	stack := middleware.NewStack(operation.Name, smithyhttp.NewStackRequest)
	err := errors.Join(
		stack.Initialize.Add(validates(operation), middleware.After),
		stack.Serialize.Add(serializes(operation), middleware.After),
		stack.Build.Add(&awsmiddleware.ClientRequestID{}, middleware.After),
		stack.Build.Add(agent, middleware.After),
		stack.Build.Add(&awsmiddleware.RecursionDetection{}, middleware.After),
		stack.Finalize.Add(attempts, middleware.After),
		stack.Finalize.Add(addresses(options), middleware.After),
		stack.Finalize.Add(&v4.ComputePayloadSHA256{}, middleware.After),
		stack.Finalize.Add(signs(options), middleware.After),
		stack.Deserialize.Add(&awsmiddleware.AddRawResponse{}, middleware.Before),
		stack.Deserialize.Add(&awshttp.ResponseErrorWrapper{}, middleware.After),
		stack.Deserialize.Add(&awsmiddleware.RequestIDRetriever{}, middleware.After),
		stack.Deserialize.Add(deserializes(operation), middleware.After),
		stack.Deserialize.Add(&awsmiddleware.RecordResponseTiming{DisableClockSkewCorrection: true}, middleware.After),
		stack.Deserialize.Add(&smithyhttp.RequestResponseLogger{
			LogRequest: options.ClientLogMode.IsRequest(), LogRequestWithBody: options.ClientLogMode.IsRequestWithBody(),
			LogResponse: options.ClientLogMode.IsResponse(), LogResponseWithBody: options.ClientLogMode.IsResponseWithBody(),
		}, middleware.After),
	)
	for _, change := range options.APIOptions {
		err = errors.Join(err, change(stack))
	}
	return stack, err
}

// transport returns the handler at the end of the stack.
func transport(options Options) middleware.Handler {
	return smithyhttp.NewClientHandlerWithOptions(options.HTTPClient)
}

// validates checks the input against its constraints, so that the service does
// not have to.
func validates(operation *Operation) middleware.InitializeMiddleware {
	return middleware.InitializeMiddlewareFunc("OperationInputValidation", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (out middleware.InitializeOutput, metadata middleware.Metadata, err error) {
		if err := operation.Validate(in.Parameters); err != nil {
			return out, metadata, err
		}
		return next.HandleInitialize(ctx, in)
	})
}

// serializes writes method, path, query and body of the request.
func serializes(operation *Operation) middleware.SerializeMiddleware {
	return middleware.SerializeMiddlewareFunc("OperationSerializer", func(ctx context.Context, in middleware.SerializeInput, next middleware.SerializeHandler) (out middleware.SerializeOutput, metadata middleware.Metadata, err error) {
		body, query, err := operation.encodeInput(in.Parameters)
		if err != nil {
			return out, metadata, &smithy.SerializationError{Err: err}
		}
		request := in.Request.(*smithyhttp.Request)
		request.Method = operation.Method
		request.URL.Path, request.URL.RawQuery = operation.Path, query
		if body != nil {
			request.Header.Set("Content-Type", "application/json")
			if request, err = request.SetStream(bytes.NewReader(body)); err != nil {
				return out, metadata, &smithy.SerializationError{Err: err}
			}
		}
		in.Request = request
		return next.HandleSerialize(ctx, in)
	})
}

// addresses puts the endpoint before the path of each attempt.
func addresses(options Options) middleware.FinalizeMiddleware {
	return middleware.FinalizeMiddlewareFunc("ResolveEndpointV2", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (out middleware.FinalizeOutput, metadata middleware.Metadata, err error) {
		endpoint, err := options.endpoint()
		if err != nil {
			return out, metadata, err
		}
		request := in.Request.(*smithyhttp.Request)
		request.URL.Scheme, request.URL.Host = endpoint.Scheme, endpoint.Host
		joined := endpoint.JoinPath(request.URL.EscapedPath())
		request.URL.Path, request.URL.RawPath = joined.Path, joined.RawPath
		return next.HandleFinalize(ctx, in)
	})
}

// signs signs each attempt.
func signs(options Options) middleware.FinalizeMiddleware {
	signer := v4.NewSigner(func(o *v4.SignerOptions) {
		o.Logger, o.LogSigning = options.Logger, options.ClientLogMode.IsSigning()
	})
	return middleware.FinalizeMiddlewareFunc("Signing", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (out middleware.FinalizeOutput, metadata middleware.Metadata, err error) {
		if options.Credentials == nil {
			return out, metadata, &v4.SigningError{Err: errors.New("there are no credentials")}
		}
		credentials, err := options.Credentials.Retrieve(ctx)
		if err != nil {
			return out, metadata, &v4.SigningError{Err: fmt.Errorf("no credentials: %w", err)}
		}
		request := in.Request.(*smithyhttp.Request)
		if err := signer.SignHTTP(ctx, credentials, request.Request, v4.GetPayloadHash(ctx), SigningName, options.Region, time.Now()); err != nil {
			return out, metadata, &v4.SigningError{Err: err}
		}
		return next.HandleFinalize(ctx, in)
	})
}

// deserializes reads the output, or the exception, of the response.
func deserializes(operation *Operation) middleware.DeserializeMiddleware {
	return middleware.DeserializeMiddlewareFunc("OperationDeserializer", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		response, ok := out.RawResponse.(*smithyhttp.Response)
		if !ok {
			return out, metadata, err
		}
		defer response.Body.Close()
		if err != nil {
			return out, metadata, err
		}
		body, err := io.ReadAll(io.LimitReader(response.Body, maxResponse+1))
		if err != nil {
			return out, metadata, &smithy.DeserializationError{Err: err}
		}
		if len(body) > maxResponse {
			return out, metadata, &smithy.DeserializationError{Err: fmt.Errorf("the response is larger than %d bytes", maxResponse)}
		}
		if response.StatusCode < 200 || response.StatusCode >= 300 {
			return out, metadata, exceptionOf(response.Response, body)
		}
		result := reflect.New(operation.output.goType).Interface()
		if len(body) > 0 {
			if err := json.Unmarshal(body, result, wireOptions); err != nil {
				return out, metadata, &smithy.DeserializationError{Err: fmt.Errorf("the response does not have the operation's shape: %w", err), Snapshot: body}
			}
		}
		metadata.Set(bodyKey{}, body)
		out.Result = result
		return out, metadata, nil
	})
}
