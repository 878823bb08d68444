// Clients of AWS's services, and what their errors mean.

package event

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"

	"ferry/internal/guard"
	"ferry/internal/object"
)

// awsHTTP is the connections of clients.
type awsHTTP struct {
	transport *http.Transport
	client    *http.Client
}

// awsHTTP returns the connections of clients, at most conns to a host. The host is the
// operator's or AWS's, and may be inside the network (PrivateLink).
func (d *Deliverer) awsHTTP(conns int) *awsHTTP {
	transport := d.transport(guard.Named, conns)
	return &awsHTTP{transport, &http.Client{Transport: responseLimit{transport}, CheckRedirect: refuseRedirects}}
}

func (h *awsHTTP) close() { h.transport.CloseIdleConnections() }

// awsClient is what the clients of all services are made from.
type awsClient struct {
	config aws.Config
	http   *awsHTTP
	host   string // for texts
	target string // for texts: "the topic arn:…"
}

// aws returns the configuration of clients for a region. The outbox retries, so that
// the clients do not.
func (d *Deliverer) aws(ctx context.Context, how AWS, region, service, sessionName, name string, connections *awsHTTP) (awsClient, error) {
	c := awsClient{http: connections, target: name, host: service + "." + region + ".amazonaws.com"}
	if how.Region != "" {
		region = how.Region
	}
	c.config = aws.Config{Region: region, HTTPClient: connections.client, Logger: logging.Nop{}, Retryer: func() aws.Retryer { return aws.NopRetryer{} }}
	if how.Endpoint != "" {
		endpoint, err := url.Parse(how.Endpoint)
		if err != nil {
			return awsClient{}, err
		}
		c.config.BaseEndpoint, c.host = &how.Endpoint, endpoint.Host
	}
	var err error
	if c.config.Credentials, err = how.credentials(ctx, region); err != nil {
		return awsClient{}, err
	}
	if how.RoleARN != "" {
		c.config.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(c.config), how.RoleARN,
			func(o *stscreds.AssumeRoleOptions) { o.RoleSessionName = sessionName }))
	}
	return c, nil
}

// credentials returns the configured key, or else the SDK's credential chain. Nothing
// else is taken from the SDK's configuration, in particular no endpoints.
func (a AWS) credentials(ctx context.Context, region string) (aws.CredentialsProvider, error) {
	if a.AccessKeyID != "" {
		return credentials.NewStaticCredentialsProvider(a.AccessKeyID, a.SecretAccessKey.Reveal(), a.SessionToken.Reveal()), nil
	}
	state := imds.ClientDisabled
	if a.UseInstanceProfile {
		state = imds.ClientEnabled
	}
	loaded, err := awsconfig.LoadDefaultConfig(ctx,
		awsconfig.WithRegion(region), awsconfig.WithEC2IMDSClientEnableState(state), awsconfig.WithLogger(logging.Nop{}))
	if err != nil {
		return nil, fmt.Errorf("the AWS SDK's credential chain: %w", err)
	}
	return loaded.Credentials, nil
}

// Codes of errors by what they mean. Services spell them differently.
var (
	missingCodes = []string{"NotFound", "NotFoundException", "ResourceNotFoundException", "QueueDoesNotExist", "NonExistentQueue"}
	deniedCodes  = []string{"AuthorizationError", "AccessDenied", "NotAuthorized", "KMSAccessDenied", "KmsAccessDenied", "InvalidSecurity"}
	keyCodes     = []string{"InvalidClientTokenId", "UnrecognizedClient", "SignatureDoesNotMatch", "InvalidSignature", "ExpiredToken", "IncompleteSignature", "MissingAuthenticationToken", "RequestExpired"}
	slowCodes    = []string{"Throttl", "RequestThrottled", "KMSThrottling", "KmsThrottled", "OverLimit", "TooManyRequests", "RequestLimitExceeded", "SlowDown"}
	finalCodes   = []string{"InvalidParameter", "InvalidMessageContents", "ValidationError", "ValidationException", "MessageTooLong", "InvalidAttributeValue", "BatchRequestTooLong", "MalformedDetail", "InvalidArgument"}
)

// hasCode reports whether a code is one of a list, behind the prefix that some services
// put before it.
func hasCode(code string, list []string) bool {
	code = code[strings.LastIndexByte(code, '.')+1:]
	for _, prefix := range list {
		if strings.HasPrefix(code, prefix) {
			return true
		}
	}
	return false
}

// unknownCode is what the SDK calls an error response without a code, which is none of
// the service.
const unknownCode = "UnknownError"

// unnamed returns the failure for a response that says that all is well, and does not name
// the message that the service has accepted: it is not the service that responded.
func (c *awsClient) unnamed() error {
	return retryLater(nil, "%s responded without the id of a message to the request for %s, as if it were another server. Check that it is the endpoint of the service.", c.host, c.target)
}

// failed returns the failure for an error of a client. right is the permission that
// the credentials need.
func (c *awsClient) failed(ctx context.Context, to Destination, right string, err error) error {
	var refusal smithy.APIError
	if errors.As(err, &refusal) && refusal.ErrorCode() != unknownCode {
		f := c.refused(ctx, refusal.ErrorCode(), right, err)
		if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
			f.status = response.HTTPStatusCode()
		}
		return f
	}
	if strings.Contains(err.Error(), "get credentials") || strings.Contains(err.Error(), "retrieve credentials") {
		return retryLater(err, "The server has no AWS credentials for %s. Configure an access key, or what the AWS SDK's credential chain reads.", c.target)
	}
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok && response.HTTPStatusCode() > 0 {
		f := retryLater(c.scrubbed(ctx, err), "%s responded with status %d to the request for %s. Check that it is the endpoint of the service.", c.host, response.HTTPStatusCode(), c.target)
		f.status = response.HTTPStatusCode()
		return f
	}
	return unreachable(ctx, c.host, to.Timeout, err)
}

// scrubbed returns the error of a response without the secrets of the request, which a service, or what stands
// in its place, may repeat.
func (c *awsClient) scrubbed(ctx context.Context, err error) error {
	used, failed := c.config.Credentials.Retrieve(ctx) // as the request did; they are cached
	if failed != nil {
		return errors.New("the text of the error is not shown, because it may contain secrets that are not known any more")
	}
	return object.Scrub(err, used.SecretAccessKey, used.SessionToken)
}

// codeForm is the form of the codes of errors, such as AWS.SimpleQueueService.NonExistentQueue.
var codeForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._]{0,99}$`)

// knownCode returns the code of a response if it has the form of one, and no secret of the request is in it; else
// a text that says so.
func (c *awsClient) knownCode(ctx context.Context, code string) string {
	text := errors.New(code)
	if !codeForm.MatchString(code) || c.scrubbed(ctx, text).Error() != code {
		return "an error code that is not AWS's"
	}
	return code
}

// refused returns the failure for a code of a service. The service's own message is
// only for the log: it may repeat parts of the signed request.
func (c *awsClient) refused(ctx context.Context, code, right string, err error) *failure {
	code, err = c.knownCode(ctx, code), c.scrubbed(ctx, err)
	f := retryLater(err, "%s refused the event for %s (%s).", c.host, c.target, code)
	f.code = code
	switch {
	case hasCode(code, missingCodes):
		f.text = fmt.Sprintf("There is no such destination as %s (%s). Create it, or choose another one.", c.target, code)
	case hasCode(code, deniedCodes):
		f.text = fmt.Sprintf("The credentials of the server, or of the role, lack a permission for %s (%s). Allow %s, and kms:GenerateDataKey* and kms:Decrypt if it is encrypted.", c.target, code, right)
	case hasCode(code, keyCodes):
		f.text = fmt.Sprintf("The credentials for %s are not valid (%s). Check the access key, its secret, the session token and the server's clock.", c.target, code)
	case hasCode(code, slowCodes):
		f.text = fmt.Sprintf("%s limits the rate of requests for %s (%s).", c.host, c.target, code)
	case hasCode(code, finalCodes):
		f.text = fmt.Sprintf("%s cannot take this event for %s (%s), and would not later. The server's log has the cause.", c.host, c.target, code)
		f.isFinal = true
	}
	return f
}

// tooLarge returns the failure for an event above the limit of a service, in bytes.
func tooLarge(what string, size, limit int) error {
	return final("The event has %d bytes, and %s at most %d. Choose a destination for large events, such as a webhook or a file, and replay the event.", size, what, limit)
}
