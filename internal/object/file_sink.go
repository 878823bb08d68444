package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
)

// FileSink is a place for an object in a configured store.
type FileSink struct{ file *File }

var _ Sink = (*FileSink)(nil)

// FileSink finds the store of a bucket, as File does and with its errors. key is
// the whole key.
func (o *Opener) FileSink(bucket, key string) (*FileSink, error) {
	f, err := o.File(bucket, key)
	if err != nil {
		return nil, err
	}
	return &FileSink{f}, nil
}

// String is s3://bucket/key.
func (s *FileSink) String() string { return s.file.String() }

// Within returns the same sink with its retries taken out of a budget.
func (s *FileSink) Within(budget *Budget) Sink {
	within := *s.file
	within.budget = budget
	return &FileSink{&within}
}

// Put writes the object with one streaming PUT, or in parts above
// Config.MultipartThreshold. A digest that is known beforehand is signed, so
// that the store checks it too.
//
// Its errors are *Error, but for those of the content: NotFound for a bucket
// that does not exist; Denied for 401 and 403; Invalid for other 3xx and 4xx;
// Unavailable for what another try may mend.
func (s *FileSink) Put(ctx context.Context, content Content) error {
	if content.Size > s.file.opener.cfg.MultipartThreshold {
		return s.putParts(ctx, content)
	}
	return s.file.opener.put(ctx, s.file.origin, content, s.file.budget, func(ctx context.Context, _ context.CancelCauseFunc, body io.Reader) error {
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

// unsignedPayload stands for the digest of a body that is not known beforehand
// (Signature Version 4, x-amz-content-sha256).
const unsignedPayload = "UNSIGNED-PAYLOAD"

// withPayloadHash makes a request declare its body's digest. The SDK would read
// the body twice to find it.
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

// streaming is for a body that can be sent once: no retry of the SDK's, a fresh
// connection, since a kept one may be closed already, and a question before the
// body goes out (100-continue), so that a refusal costs nothing of it.
func (s *store) streaming(o *s3.Options) {
	o.Retryer = aws.NopRetryer{}
	o.HTTPClient = s.unpooled
	o.ContinueHeaderThresholdBytes = -1 // the client asks by itself
}

func stringOrNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// failure sorts an error of the SDK by the status and code of the answer.
func (s *FileSink) failure(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	from := s.file.origin
	err = errors.Join(err, context.Cause(ctx))
	status, code := statusAndCode(err)
	switch {
	case status == 0 && errors.Is(err, errStalled):
		return from.fail(Unavailable, "took the file too slowly; try again.", err)
	case isTransient(status, code):
	case status == http.StatusNotFound:
		return from.fail(NotFound, "has no such bucket.", err)
	case status == http.StatusUnauthorized, status == http.StatusForbidden, isCredentialsCode(code):
		return from.fail(Denied, "refuses this server's credentials; they need s3:PutObject on the object.", err)
	case status >= 300 && status < 400:
		return from.fail(Invalid, fmt.Sprintf("answers with a redirect (HTTP %d), and redirects are not followed; the bucket is likely in another Region than the store's configuration says.", status), err)
	case status >= 400 && status < 500:
		return from.fail(Invalid, fmt.Sprintf("cannot take the object %s (HTTP %d).", shorten(s.file.key), status), err)
	}
	failed := from.fail(Unavailable, "cannot be reached or failed; try again.", err)
	failed.noResponse = status == 0
	return failed
}

// isTransient reports whether an answer to a PUT is worth another try: a 4xx may
// say that the body got lost on its way.
func isTransient(status int, code string) bool {
	switch code {
	case "RequestTimeout", "IncompleteBody", "BadDigest", "XAmzContentSHA256Mismatch", "OperationAborted", "NoSuchUpload":
		return true
	}
	return status == http.StatusRequestTimeout || status == http.StatusConflict || status == http.StatusTooManyRequests || status >= 500
}
