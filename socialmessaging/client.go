// The client of the service, for ferry and for AWS.

package socialmessaging

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go/rand"
	"github.com/go-json-experiment/json"
)

// maxResponse bounds how much of a response the client reads, in bytes. The
// largest modelled answer is a page of 100 templates of 6,000 characters.
const maxResponse = 16 << 20

// Options configure a Client.
type Options struct {
	Region      string                  // of the service, such as "us-east-1"; required
	Endpoint    string                  // scheme://host[:port]; default: AWS's endpoint of the region
	Credentials aws.CredentialsProvider // required
	HTTPClient  aws.HTTPClient          // default: an http.Client with the standard transport
	Retryer     aws.Retryer             // default: the SDK's standard mode, 3 attempts
}

// Client calls the service. It is safe for use by several goroutines.
type Client struct {
	options Options
	signer  *v4.Signer
}

// New makes a Client.
func New(options Options) *Client {
	options.Endpoint = strings.TrimSuffix(options.Endpoint, "/")
	if options.Endpoint == "" {
		options.Endpoint = "https://social-messaging." + options.Region + ".amazonaws.com"
	}
	if options.HTTPClient == nil {
		options.HTTPClient = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if options.Retryer == nil {
		options.Retryer = retry.NewStandard()
	}
	return &Client{options: options, signer: v4.NewSigner()}
}

// NewFromConfig makes a Client from the SDK's configuration: its region,
// credential chain, HTTP client, and endpoint settings of this service
// (AWS_ENDPOINT_URL_SOCIALMESSAGING, AWS_ENDPOINT_URL, the shared config file).
func NewFromConfig(cfg aws.Config, adjust ...func(*Options)) *Client {
	options := Options{Region: cfg.Region, Credentials: cfg.Credentials, HTTPClient: cfg.HTTPClient, Endpoint: serviceEndpoint(cfg)}
	if cfg.Retryer != nil {
		options.Retryer = cfg.Retryer()
	}
	for _, f := range adjust {
		f(&options)
	}
	return New(options)
}

// serviceEndpoint asks the SDK's configuration sources (environment, shared
// config) for an endpoint of this service, as the SDK's own clients do.
func serviceEndpoint(cfg aws.Config) string {
	for _, source := range cfg.ConfigSources {
		configured, ok := source.(interface {
			GetServiceBaseEndpoint(ctx context.Context, sdkID string) (string, bool, error)
		})
		if !ok {
			continue
		}
		if endpoint, found, err := configured.GetServiceBaseEndpoint(context.Background(), ServiceID); err == nil && found {
			return endpoint
		}
	}
	return aws.ToString(cfg.BaseEndpoint)
}

// PostWhatsAppMessageMedia uploads a file from a bucket or from behind a
// presigned URL to WhatsApp, for one phone number.
func (c *Client) PostWhatsAppMessageMedia(ctx context.Context, in *PostWhatsAppMessageMediaInput) (*PostWhatsAppMessageMediaOutput, error) {
	return invoke(ctx, c, PostWhatsAppMessageMedia, in)
}

// GetWhatsAppMessageMedia puts a file of WhatsApp's into a bucket or behind a
// presigned URL, or only tells its type and size.
func (c *Client) GetWhatsAppMessageMedia(ctx context.Context, in *GetWhatsAppMessageMediaInput) (*GetWhatsAppMessageMediaOutput, error) {
	return invoke(ctx, c, GetWhatsAppMessageMedia, in)
}

// DeleteWhatsAppMessageMedia removes a file from WhatsApp.
func (c *Client) DeleteWhatsAppMessageMedia(ctx context.Context, in *DeleteWhatsAppMessageMediaInput) (*DeleteWhatsAppMessageMediaOutput, error) {
	return invoke(ctx, c, DeleteWhatsAppMessageMedia, in)
}

// CreateWhatsAppMessageTemplateMedia uploads a file from a bucket as the
// example of a template's header.
func (c *Client) CreateWhatsAppMessageTemplateMedia(ctx context.Context, in *CreateWhatsAppMessageTemplateMediaInput) (*CreateWhatsAppMessageTemplateMediaOutput, error) {
	return invoke(ctx, c, CreateWhatsAppMessageTemplateMedia, in)
}

// ListLinkedWhatsAppBusinessAccounts lists the caller's linked accounts, a page at a time.
func (c *Client) ListLinkedWhatsAppBusinessAccounts(ctx context.Context, in *ListLinkedWhatsAppBusinessAccountsInput) (*ListLinkedWhatsAppBusinessAccountsOutput, error) {
	return invoke(ctx, c, ListLinkedWhatsAppBusinessAccounts, in)
}

// GetLinkedWhatsAppBusinessAccount gives a linked account with its phone numbers.
func (c *Client) GetLinkedWhatsAppBusinessAccount(ctx context.Context, in *GetLinkedWhatsAppBusinessAccountInput) (*GetLinkedWhatsAppBusinessAccountOutput, error) {
	return invoke(ctx, c, GetLinkedWhatsAppBusinessAccount, in)
}

// GetLinkedWhatsAppBusinessAccountPhoneNumber gives one phone number.
func (c *Client) GetLinkedWhatsAppBusinessAccountPhoneNumber(ctx context.Context, in *GetLinkedWhatsAppBusinessAccountPhoneNumberInput) (*GetLinkedWhatsAppBusinessAccountPhoneNumberOutput, error) {
	return invoke(ctx, c, GetLinkedWhatsAppBusinessAccountPhoneNumber, in)
}

func invoke[In, Out any](ctx context.Context, c *Client, api API[In, Out], in *In) (*Out, error) {
	if in == nil {
		in = new(In)
	}
	answer, err := c.call(ctx, api.Operation, in)
	if err != nil {
		return nil, err
	}
	out := new(Out)
	if err := json.Unmarshal(answer, out, wireOptions); err != nil {
		return nil, fmt.Errorf("%s: the answer is not what the API's model says: %w", api.Name, err)
	}
	return out, nil
}

// Call calls an operation with its input as JSON, members by their wire
// names, and gives its output as JSON. Unknown members are refused.
func (c *Client) Call(ctx context.Context, operation *Operation, input []byte) ([]byte, error) {
	if !operation.Built() {
		return nil, fmt.Errorf("%s is an operation of the API, but this version of ferry does not have it", operation.Name)
	}
	in := reflect.New(operation.input.goType)
	if err := operation.parseInput(in, input); err != nil {
		return nil, err
	}
	return c.call(ctx, operation, in.Interface())
}

// call validates, sends, and sends again what the retryer says may be sent again.
func (c *Client) call(ctx context.Context, operation *Operation, input any) ([]byte, error) {
	if err := operation.Validate(input); err != nil {
		return nil, err
	}
	body, query, err := operation.encodeInput(input)
	if err != nil {
		return nil, err
	}
	invocation, err := rand.NewUUID(rand.Reader).GetUUID()
	if err != nil {
		return nil, err
	}
	retryer := c.options.Retryer
	most := retryer.MaxAttempts()               // 0: no bound
	release := func(error) error { return nil } // tells the retryer how the attempt ended that it allowed
	for attempt := 1; ; attempt++ {
		answer, err := c.send(ctx, operation, body, query, attemptHeader(invocation, attempt, most))
		_ = release(err)
		if err == nil || attempt == most || !retryer.IsErrorRetryable(err) {
			return answer, err
		}
		var tokenErr error
		if release, tokenErr = retryer.GetRetryToken(ctx, err); tokenErr != nil {
			return nil, err
		}
		delay, delayErr := retryer.RetryDelay(attempt, err)
		if delayErr != nil {
			return nil, err
		}
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), err)
		}
	}
}

// attemptHeader tells the service, as the SDK's clients do, which call an
// attempt belongs to: ferry shares one upload between the attempts of a call.
func attemptHeader(invocation string, attempt, most int) http.Header {
	text := "attempt=" + strconv.Itoa(attempt)
	if most > 0 {
		text += "; max=" + strconv.Itoa(most)
	}
	return http.Header{"Amz-Sdk-Invocation-Id": {invocation}, "Amz-Sdk-Request": {text}}
}

// send makes one attempt. All of header is signed, as the SDK for Go does it.
func (c *Client) send(ctx context.Context, operation *Operation, body []byte, query string, header http.Header) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, operation.Method, c.options.Endpoint+operation.Path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s: endpoint %q: %w", operation.Name, c.options.Endpoint, err)
	}
	request.URL.RawQuery = query
	maps.Copy(request.Header, header)
	if len(body) > 0 {
		request.Header.Set("Content-Type", "application/json")
	}
	credentials, err := c.options.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: no credentials: %w", operation.Name, err)
	}
	sum := sha256.Sum256(body)
	if err := c.signer.SignHTTP(ctx, credentials, request, hex.EncodeToString(sum[:]), SigningName, c.options.Region, time.Now()); err != nil {
		return nil, err
	}
	response, err := c.options.HTTPClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxResponse+1))
	if err != nil {
		return nil, err
	}
	if len(answer) > maxResponse {
		return nil, fmt.Errorf("%s: the answer is larger than %d bytes", operation.Name, maxResponse)
	}
	if response.StatusCode != http.StatusOK {
		return nil, answeredError(response, answer)
	}
	return answer, nil
}
