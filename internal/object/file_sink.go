package object

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
)

// FileSink writes an object to a configured store.
type FileSink struct{ file *File }

var _ Sink = (*FileSink)(nil)

// FileSink returns a sink for the object with the given key, in the store that
// serves the bucket. Its errors are those of File.
func (o *Opener) FileSink(bucket, key string) (*FileSink, error) {
	f, err := o.File(bucket, key)
	if err != nil {
		return nil, err
	}
	return &FileSink{f}, nil
}

// String returns s3://bucket/key.
func (s *FileSink) String() string { return s.file.String() }

// WithBudget returns the same sink. Its retries need the budget's permission.
func (s *FileSink) WithBudget(budget *Budget) Sink {
	within := *s.file
	within.budget = budget
	return &FileSink{&within}
}

// Put writes the object with one streaming PUT, or in parts if it is larger than
// Config.MultipartThreshold. If the digest is known in advance it is signed, so
// that the store verifies it too.
//
// Errors other than those of the content are of type *Error:
//   - NotFound: the bucket does not exist.
//   - Denied: 401 or 403.
//   - Invalid: any other 3xx or 4xx.
//   - Unavailable: a retry may succeed.
func (s *FileSink) Put(ctx context.Context, content Content) error {
	if content.Size > s.file.opener.cfg.MultipartThreshold {
		return s.putParts(ctx, content)
	}
	return s.file.opener.put(ctx, s.file.origin, content, s.file.budget, time.Time{}, func(ctx context.Context, _ context.CancelCauseFunc, body io.Reader) error {
		if content.Size == 0 {
			body = http.NoBody
		}
		digest := content.SHA256
		if digest == "" {
			digest = unsignedPayload
		}
		_, err := s.file.store.client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &s.file.bucket, Key: &s.file.key,
			Body: body, ContentLength: &content.Size, ContentType: stringOrNil(content.ContentType),
		}, withPayloadHash(digest), s.file.store.streaming)
		return s.failure(ctx, err)
	})
}

// unsignedPayload replaces the digest of a body if it is not known in advance
// (x-amz-content-sha256, docs/references.md#sigv4).
const unsignedPayload = "UNSIGNED-PAYLOAD"

// withPayloadHash sets the digest of a request's body. Without it, the SDK would
// read the body twice.
func withPayloadHash(digest string) func(*s3.Options) {
	declare := func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		return next.HandleInitialize(v4.SetPayloadHash(ctx, digest), in)
	}
	return func(o *s3.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("FerryPayloadHash", declare), middleware.Before)
		})
	}
}

// streaming sets the options for a body that can be sent only once: no retries, a
// new connection, since the store may have closed an idle one, and Expect:
// 100-continue, so that no part of the body is read if the store refuses it.
func (s *store) streaming(o *s3.Options) {
	o.Retryer = aws.NopRetryer{}
	o.HTTPClient = s.unpooled
	o.ContinueHeaderThresholdBytes = -1 // closeAfter sets the header
}

func stringOrNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
