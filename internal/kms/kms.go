// Package kms reads public keys from AWS's Key Management Service, or from a server that
// speaks its protocol (docs/references.md#kms), and encrypts keysets with its keys.
package kms

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"

	"ferry/internal/secret"
)

// timeout bounds one attempt to read a key.
const timeout = 10 * time.Second

// bits is the size of the keys that Meta takes (docs/references.md#graph-flows).
const bits = 2048

// Config configures a [Client].
type Config struct {
	Endpoint string // scheme://host[:port]; default: AWS, in the region of the key
	// AccessKeyID and SecretAccessKey sign the requests. Default: the AWS SDK's
	// credential chain (environment, shared files, web identity, container).
	AccessKeyID     string
	SecretAccessKey secret.Secret
	// UseInstanceProfile adds the EC2 metadata service to that chain.
	UseInstanceProfile bool
}

// Check returns what is wrong with the configuration.
func (c Config) Check() error {
	if c.Endpoint == "" {
		return nil
	}
	u, err := url.Parse(c.Endpoint)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("the endpoint of KMS is %q; expected scheme://host or scheme://host:port", c.Endpoint)
	}
	return nil
}

// Client sends requests to KMS. It is safe for concurrent use.
type Client struct {
	config Config
	http   *awshttp.BuildableClient
}

// New returns a Client.
func New(config Config) (*Client, error) {
	if err := config.Check(); err != nil {
		return nil, err
	}
	return &Client{config, awshttp.NewBuildableClient().WithTimeout(timeout)}, nil
}

// Kind says what a caller can do about an [Error].
type Kind int

// The kinds of errors.
const (
	Unavailable Kind = iota // KMS did not respond properly, or limits the rate of calls
	NotFound                // there is no such key
	Denied                  // the server may not read the key
	Unsuitable              // the key is not one that WhatsApp takes, or its ARN is not one
)

// Error is an error of a request to KMS.
type Error struct {
	Kind    Kind
	Message string // for callers
	Cause   error  // for the log; may be nil
}

func (e *Error) Error() string { return e.Message }
func (e *Error) Unwrap() error { return e.Cause }

// arnForm matches the ARN of a key or of an alias, and finds its region. The region
// becomes a part of a host name.
var arnForm = regexp.MustCompile(`^arn:aws[a-z-]*:kms:([a-z0-9]+(?:-[a-z0-9]+)+):[0-9]{12}:(?:key|alias)/.+$`)

// PublicKey returns the public half of a key as PEM. The key must have 2048 bits, be for
// RSA, and for encryption. Errors are of type [*Error].
func (c *Client) PublicKey(ctx context.Context, arn string) (string, error) {
	service, err := c.service(ctx, arn)
	if err != nil {
		return "", err
	}
	out, err := service.GetPublicKey(ctx, &awskms.GetPublicKeyInput{KeyId: &arn})
	if err != nil {
		return "", hideSecrets(ctx, service, failure(arn, err))
	}
	// The key itself tells its type: some servers that stand for KMS do not return KeySpec.
	key, err := x509.ParsePKIXPublicKey(out.PublicKey)
	if err != nil {
		return "", &Error{Unavailable, fmt.Sprintf("KMS returned no public key for '%s'. Retry later.", arn), err}
	}
	if own, ok := key.(*rsa.PublicKey); !ok || own.N.BitLen() != bits || out.KeyUsage != types.KeyUsageTypeEncryptDecrypt {
		return "", &Error{Unsuitable, fmt.Sprintf("The KMS key '%s' (%s) is not of type RSA_2048 for ENCRYPT_DECRYPT, as WhatsApp requires. Create another one.", arn,
			strings.TrimSpace(string(out.KeySpec)+" "+string(out.KeyUsage))), nil}
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: out.PublicKey})), nil
}

// service returns the SDK's client for the region of a key.
func (c *Client) service(ctx context.Context, arn string) (*awskms.Client, error) {
	parts := arnForm.FindStringSubmatch(arn)
	if parts == nil {
		return nil, &Error{Unsuitable, fmt.Sprintf("'%s' is not the ARN of a KMS key.", arn), nil}
	}
	config := aws.Config{Region: parts[1], HTTPClient: c.http, Logger: logging.Nop{}}
	if c.config.Endpoint != "" {
		config.BaseEndpoint = &c.config.Endpoint
	}
	var err error
	if config.Credentials, err = c.credentials(ctx, config.Region); err != nil {
		return nil, &Error{Unavailable, "The server has no AWS credentials for KMS.", err}
	}
	return awskms.NewFromConfig(config), nil
}

// credentials returns the configured key, or else the SDK's credential chain. Nothing
// else is taken from the SDK's configuration.
func (c *Client) credentials(ctx context.Context, region string) (aws.CredentialsProvider, error) {
	if c.config.AccessKeyID != "" {
		return credentials.NewStaticCredentialsProvider(c.config.AccessKeyID, c.config.SecretAccessKey.Reveal(), ""), nil
	}
	state := imds.ClientDisabled
	if c.config.UseInstanceProfile {
		state = imds.ClientEnabled
	}
	loaded, err := awsconfig.LoadDefaultConfig(ctx,
		awsconfig.WithRegion(region), awsconfig.WithEC2IMDSClientEnableState(state), awsconfig.WithLogger(logging.Nop{}))
	return loaded.Credentials, err
}

// hideSecrets removes the secrets of a request from its error: KMS, or what stands in its place, may repeat them.
func hideSecrets(ctx context.Context, service *awskms.Client, e *Error) *Error {
	used, err := service.Options().Credentials.Retrieve(ctx) // as the request did; they are cached
	if err != nil {
		return e // there was no request
	}
	for _, text := range []string{used.SecretAccessKey, used.SessionToken} {
		if len(text) < 8 { // no secret of AWS is so short; it would hide parts of words
			continue
		}
		hide := strings.NewReplacer(text, "[hidden]", url.QueryEscape(text), "[hidden]").Replace
		e.Message, e.Cause = hide(e.Message), errors.New(hide(e.Cause.Error()))
	}
	return e
}

// failure returns the error for a failure of the SDK. KMS's own message is only for the
// log: it may name what the caller does not own.
func failure(arn string, err error) *Error {
	if _, ok := errors.AsType[*types.NotFoundException](err); ok {
		return &Error{NotFound, fmt.Sprintf("KMS has no key '%s' (NotFoundException).", arn), err}
	}
	refusal, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return &Error{Unavailable, fmt.Sprintf("KMS did not respond properly to the request for the key '%s'. Retry later.", arn), err}
	}
	code := refusal.ErrorCode()
	switch code {
	case "AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException":
		return &Error{Denied, fmt.Sprintf("KMS does not let this server read the key '%s' (%s). Allow kms:GetPublicKey to the server's credentials in the key's policy.", arn, code), err}
	case "UnsupportedOperationException", "InvalidKeyUsageException", "InvalidArnException", "DisabledException", "KMSInvalidStateException", "ValidationException":
		return &Error{Unsuitable, fmt.Sprintf("The KMS key '%s' cannot be used (%s). It must be enabled, of type RSA_2048, and for ENCRYPT_DECRYPT.", arn, code), err}
	}
	return &Error{Unavailable, fmt.Sprintf("KMS failed (%s) to return the key '%s'. Retry later.", code, arn), err}
}
