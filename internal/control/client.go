// The client of ferry's own operations.

package control

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	// callTimeout bounds one call, the longest wait for an event included.
	callTimeout = time.Minute
	// maxOutput bounds the output of an operation, in bytes.
	maxOutput = 64 << 20
)

// Client calls ferry's own operations. It is safe for concurrent use.
type Client struct {
	Endpoint    string // scheme://host[:port] of the API; required
	Region      string // required
	Credentials aws.CredentialsProvider
	HTTPClient  interface { // required; as in the AWS SDK
		Do(*http.Request) (*http.Response, error)
	}
}

// ResponseError is an error response of the server.
type ResponseError struct {
	Status  int
	Code    string // such as AccessDeniedException
	Message string
}

func (e *ResponseError) Error() string {
	return strings.TrimSpace(e.Code + ": " + e.Message)
}

// Do calls an operation.
func Do[In, Out any](ctx context.Context, c *Client, operation Operation[In, Out], in In) (*Out, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	response, err := c.send(ctx, operation.Path(), body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", operation.Name, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxOutput+1))
	if err == nil && len(text) > maxOutput {
		err = fmt.Errorf("the response has more than %d bytes", maxOutput)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", operation.Name, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %w", operation.Name, responseError(response, text))
	}
	out := new(Out)
	if err := json.Unmarshal(text, out); err != nil {
		return nil, fmt.Errorf("%s: the response of %s is not ferry's: %w", operation.Name, c.Endpoint, err)
	}
	return out, nil
}

// send sends a signed request.
func (c *Client) send(ctx context.Context, path string, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(c.Endpoint, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if c.Credentials == nil {
		return nil, errors.New("there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to an access key of ferry")
	}
	credentials, err := c.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(body)
	hash := hex.EncodeToString(digest[:])
	request.Header.Set("X-Amz-Content-Sha256", hash)
	if err := v4.NewSigner().SignHTTP(ctx, credentials, request, hash, "social-messaging", c.Region, time.Now()); err != nil {
		return nil, err
	}
	return c.HTTPClient.Do(request)
}

// responseError returns the error of a response.
func responseError(response *http.Response, body []byte) error {
	var content struct {
		Message string `json:"message"`
	}
	code, _, _ := strings.Cut(response.Header.Get("X-Amzn-Errortype"), ":")
	if code == "" || json.Unmarshal(body, &content) != nil {
		return fmt.Errorf("status %d without an error that ferry would return; check that the endpoint is a ferry server of this version", response.StatusCode)
	}
	return &ResponseError{Status: response.StatusCode, Code: code, Message: content.Message}
}
