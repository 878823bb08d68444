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
	budget *Budget // nil = none
}

var _ Source = (*File)(nil)

// File finds the store of a bucket. It sends no packet. The error is an *Error:
// Invalid if bucket or key is not a proper name, Denied if no store is
// configured for the bucket.
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

// String is s3://bucket/key.
func (f *File) String() string { return "s3://" + f.bucket + "/" + f.key }

// Within returns the same file with its requests taken out of a budget.
func (f *File) Within(budget *Budget) Source {
	within := *f
	within.budget = budget
	return &within
}

// Open sends one GET, again if the SDK's standard retries see fit. Its errors
// are *Error:
// NotFound for a bucket or key that does not exist; Denied for 401 and 403;
// Changed for 412 and for an answer with another ETag than ifMatch; Invalid for
// other 3xx and 4xx, an archived object, one with a Content-Encoding or longer
// than MaxSize; Unavailable for 408, 429, 5xx, the network and ferry's own credentials.
func (f *File) Open(ctx context.Context, ifMatch string) (*Object, error) {
	return f.open(ctx, getRequest{ifMatch: ifMatch})
}

// OpenAt opens what an object that was opened before has from an offset on, with
// one GET of that range. Size and Body are those of the rest. It is bound to the
// ETag of the earlier opening, and needs one. Errors: those of Open; Invalid also
// for an offset outside of the object and for a store that serves no ranges.
func (f *File) OpenAt(ctx context.Context, earlier *Object, offset int64) (*Object, error) {
	switch {
	case offset < 0 || offset >= earlier.Size:
		return nil, f.origin.fail(Invalid, "cannot be asked for bytes outside of the object.", nil)
	case earlier.ETag == "":
		return nil, f.origin.fail(Invalid, "gave no ETag, so parts of the object cannot be told to belong together.", nil)
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

// get sends one GET and gives what its headers say, and its body. Size is that
// of the body.
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
	response, err := f.store.reader.read(ctx, http.MethodGet, f.bucket, f.key, header, f.budget) //nolint:bodyclose // the part closes it
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

// object is what the headers of an answer say.
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
		return f.origin.fail(Unavailable, "answered with something else than the whole object.", nil)
	case want.ranged && response.StatusCode != http.StatusPartialContent:
		return f.origin.fail(Invalid, "serves no part of an object, only the whole of it.", nil)
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

// failure sorts an error by the status and code of the answer.
func (f *File) failure(err error) *Error {
	if errors.Is(err, errBudget) {
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
		return f.origin.fail(Unavailable, "says that this server's clock is wrong, and takes no request before it is set.", err)
	case code == "AuthorizationHeaderMalformed":
		return f.origin.fail(Denied, "is in another Region than its configuration on this server says.", err)
	case status == http.StatusUnauthorized, status == http.StatusForbidden, isCredentialsCode(code):
		return f.origin.fail(Denied, "refuses this server's credentials; they need s3:GetObject on the object.", err)
	case code == "RequestTimeout": // a 400
	case status == http.StatusPreconditionFailed:
		return f.origin.fail(Changed, "has another version of the object by now; try again.", err)
	case status >= 300 && status < 400:
		return f.origin.fail(Invalid, fmt.Sprintf("answers with a redirect (HTTP %d), and redirects are not followed; the bucket is likely in another Region than the store's configuration says.", status), err)
	case status == http.StatusRequestedRangeNotSatisfiable:
		return f.origin.fail(Invalid, "has an object that ends before the bytes that were asked for.", errors.Join(errPastEnd, err))
	case status >= 400 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests:
		return f.origin.fail(Invalid, fmt.Sprintf("cannot serve the object %s (HTTP %d).", shorten(f.key), status), err)
	}
	failed := f.origin.fail(Unavailable, "cannot be reached or failed; try again.", err)
	failed.noResponse = status == 0
	return failed
}

// isCredentialsCode tells answers about ferry's credentials, which S3 gives the
// status 400, from those about the request.
func isCredentialsCode(code string) bool {
	return code == "ExpiredToken" || code == "InvalidToken" || code == "TokenRefreshRequired"
}

// answerOf is the status and the error code of S3's answer, or 0 and "" if there
// was none. The services that ferry's own credentials come from (STS, the
// metadata service) answer with errors too; only S3's have a host id.
func statusAndCode(err error) (status int, code string) {
	var answer interface {
		error
		HTTPStatusCode() int
		ServiceHostID() string
	}
	if !errors.As(err, &answer) {
		return 0, ""
	}
	if api := smithy.APIError(nil); errors.As(answer, &api) {
		code = api.ErrorCode()
	}
	return answer.HTTPStatusCode(), code
}
