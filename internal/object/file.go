package object

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/smithy-go"
)

// File is an object in a configured store.
type File struct {
	opener *Opener
	store  *store
	origin origin
	bucket string
	key    string
	budget *Budget // may be nil
}

var _ Source = (*File)(nil)

// File returns an object of the store that serves the bucket. It sends nothing. The
// error is an *Error of kind Invalid if bucket or key is not a valid name, and of
// kind Denied if no store is configured for the bucket.
func (o *Opener) File(bucket, key string) (*File, error) {
	if err := checkBucket(bucket); err != nil {
		return nil, &Error{Kind: Invalid, Message: fmt.Sprintf("The bucket name %s cannot be used: %v.", shorten(bucket), err)}
	}
	s := o.storeFor(bucket)
	if s == nil {
		return nil, &Error{Kind: Denied, Message: fmt.Sprintf("No store is configured for the bucket %q.", bucket)}
	}
	if err := checkKey(key, s.cfg.Endpoint != ""); err != nil {
		return nil, &Error{Kind: Invalid, Message: fmt.Sprintf("The object key %s cannot be used: %v.", shorten(key), err)}
	}
	from := origin{name: fmt.Sprintf("The store of the bucket %q", bucket), scrubber: s.scrubber}
	return &File{opener: o, store: s, origin: from, bucket: bucket, key: key}, nil
}

// String returns s3://bucket/key.
func (f *File) String() string { return "s3://" + f.bucket + "/" + f.key }

// WithBudget returns the same file. Its requests count against the budget.
func (f *File) WithBudget(budget *Budget) Source {
	within := *f
	within.budget = budget
	return &within
}

// Open sends one GET, and retries it as the SDK's standard retryer does. Its errors
// are of type *Error:
//   - NotFound: the bucket or the key does not exist.
//   - Denied: 401 or 403.
//   - Changed: 412, or a response with another ETag than ifMatch.
//   - Invalid: any other 3xx or 4xx, or an object that is archived, has a
//     Content-Encoding or is larger than MaxSize.
//   - Unavailable: 408, 429, 5xx, or a failure of the network or of ferry's own
//     credentials.
func (f *File) Open(ctx context.Context, ifMatch string) (*Object, error) {
	return f.open(ctx, getRequest{ifMatch: ifMatch})
}

// OpenAt opens the rest of an object, from an offset on, with one range request.
// Size and Body are those of the rest. earlier is the result of an earlier Open and
// must have an ETag, which the rest must match. The errors are those of Open;
// Invalid also means that the offset is outside the object, or that the store does
// not support ranges.
func (f *File) OpenAt(ctx context.Context, earlier *Object, offset int64) (*Object, error) {
	switch {
	case offset < 0 || offset >= earlier.Size:
		return nil, f.origin.fail(Invalid, "has no bytes at that offset.", nil)
	case earlier.ETag == "":
		return nil, f.origin.fail(Invalid, "sent no ETag, so that parts of the object cannot be matched with each other.", nil)
	}
	return f.open(ctx, requestRest(earlier, offset))
}

func (f *File) open(ctx context.Context, want getRequest) (*Object, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	obj, first, err := f.get(ctx, want)
	if err != nil {
		cancel(err)
		return nil, err
	}
	whole := &Object{ETag: obj.ETag, Size: want.first + obj.Size}
	reopen := func(ctx context.Context, read int64) (*part, error) {
		_, next, err := f.get(ctx, requestRest(whole, want.first+read))
		return next, err
	}
	if obj.ETag == "" {
		reopen = nil
	}
	obj.attach(newBody(ctx, cancel, f.origin, obj.Size, first, reopen, f.opener.cfg.RetryBackoff/fetchAttempts, f.budget))
	return obj, nil
}

// get sends one GET and returns what the response's headers say, and the body. Size
// is the size of the body.
func (f *File) get(ctx context.Context, want getRequest) (*Object, *part, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	limit := time.AfterFunc(f.opener.cfg.OpenTimeout, func() { cancel(errOpenTimeout) })
	defer limit.Stop()
	header := http.Header{}
	if want.ifMatch != "" {
		header.Set("If-Match", want.ifMatch)
	}
	if want.ranged {
		header.Set("Range", want.rangeHeader())
	}
	response, err := f.store.reader.read(ctx, readRequest{http.MethodGet, f.bucket, f.key, header, f.budget, cancel}) //nolint:bodyclose // the part closes it
	if err != nil {
		failed := f.failure(errors.Join(err, context.Cause(ctx)))
		cancel(failed)
		return nil, nil, failed
	}
	obj := f.object(response)
	if err := f.checkResponse(response, obj, want); err != nil {
		cancel(err)
		_ = response.Body.Close()
		return nil, nil, err
	}
	release := func() { cancel(context.Canceled) }
	return obj, &part{src: response.Body, rate: newReadRate(ctx, f.opener.cfg, cancel), release: release}, nil
}

// object returns what the headers of a response say.
func (f *File) object(response *http.Response) *Object {
	return &Object{
		Size:        response.ContentLength,
		ContentType: response.Header.Get("Content-Type"),
		ETag:        entityTag(response.Header.Get("ETag")),
		Name:        lastElement(f.key),
	}
}

func (f *File) checkResponse(response *http.Response, obj *Object, want getRequest) *Error {
	switch {
	case !want.ranged && response.StatusCode != http.StatusOK:
		return f.origin.fail(Unavailable, "did not respond with the whole object.", nil)
	case want.ranged && response.StatusCode != http.StatusPartialContent:
		return f.origin.fail(Invalid, "does not support range requests.", nil)
	}
	h := head{
		size: obj.Size, encoding: response.Header.Values("Content-Encoding"),
		etag: obj.ETag, ifMatch: want.ifMatch, maxSize: f.opener.cfg.MaxSize,
	}
	if err := checkHead(f.origin, h); err != nil || !want.ranged {
		return err
	}
	return want.check(f.origin, response.Header.Values("Content-Range"), obj.Size)
}

// failure classifies an error by the status and code of the response.
func (f *File) failure(err error) *Error {
	if errors.Is(err, ErrBudget) {
		return f.budget.spent(f.origin)
	}
	status, code := statusAndCode(err)
	switch {
	case code == "NoSuchBucket":
		return f.origin.fail(NotFound, "has no such bucket.", err)
	case status == http.StatusNotFound:
		return f.origin.fail(NotFound, fmt.Sprintf("has no object with the key %s.", shorten(f.key)), err)
	case code == "InvalidObjectState":
		return f.origin.fail(Invalid, fmt.Sprintf("keeps the object %s in an archive; restore it first.", shorten(f.key)), err)
	case code == "RequestTimeTooSkewed":
		return f.origin.fail(Unavailable, "reports that ferry's clock is wrong, and refuses all requests until it is corrected.", err)
	case code == "AuthorizationHeaderMalformed":
		return f.origin.fail(Denied, "is in another Region than the one in ferry's configuration.", err)
	case status == http.StatusUnauthorized, status == http.StatusForbidden, isCredentialsCode(code):
		return f.origin.fail(Denied, "refuses ferry's credentials; they need s3:GetObject on the object.", err)
	case code == "RequestTimeout": // a 400
	case status == http.StatusPreconditionFailed:
		return f.origin.fail(Changed, "now has another version of the object. Retry later.", err)
	case status >= 300 && status < 400:
		return f.origin.fail(Invalid, fmt.Sprintf("responded with a redirect (HTTP %d), and redirects are not followed; the bucket is probably in another Region than the one in the store's configuration.", status), err)
	case status == http.StatusRequestedRangeNotSatisfiable:
		return f.origin.fail(Invalid, "has an object that ends before the requested bytes.", errors.Join(errPastEnd, err))
	case status >= 400 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests:
		return f.origin.fail(Invalid, fmt.Sprintf("cannot serve the object %s (HTTP %d).", shorten(f.key), status), err)
	}
	failed := f.origin.fail(Unavailable, "cannot be reached or failed. Retry later.", err)
	failed.noResponse = status == 0
	return failed
}

// isCredentialsCode reports whether the code of a 400 is about ferry's credentials
// and not about the request.
func isCredentialsCode(code string) bool {
	return code == "ExpiredToken" || code == "InvalidToken" || code == "TokenRefreshRequired"
}

// statusAndCode returns the status and the error code of S3's response, or 0 and ""
// if there was none. The services that provide ferry's own credentials (STS, the
// metadata service) return errors too; only those of S3 have a host id.
func statusAndCode(err error) (status int, code string) {
	var response interface {
		error
		HTTPStatusCode() int
		ServiceHostID() string
	}
	if !errors.As(err, &response) {
		return 0, ""
	}
	if api := smithy.APIError(nil); errors.As(response, &api) {
		code = api.ErrorCode()
	}
	return response.HTTPStatusCode(), code
}
