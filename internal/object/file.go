package object

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
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
		return nil, origin{name: "The bucket name " + shorten(bucket)}.fail(badBucket, nil, err)
	}
	s := o.storeFor(bucket)
	if s == nil {
		return nil, origin{name: "The bucket " + shorten(bucket)}.fail(noStore, nil)
	}
	if failed := checkKey(key, s.cfg.LiteralKeys || s.cfg.Endpoint == ""); failed != nil {
		return nil, failed
	}
	from := origin{name: fmt.Sprintf("The store of the bucket %q", bucket), scrubber: s.scrubber}
	return &File{opener: o, store: s, origin: from, bucket: bucket, key: key}, nil
}

// Store returns the host of the store, or aws.
func (f *File) Store() string { return f.store.name }

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
//   - Invalid: any other 3xx or 4xx, or an object that is archived or whose length
//     is not known.
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
		return nil, f.origin.fail(noOffset, nil)
	case earlier.ETag == "":
		return nil, f.origin.fail(noETag, nil)
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
	whole := &Object{ETag: obj.ETag, Encoding: obj.Encoding, Size: want.first + obj.Size}
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
	if f.store.cfg.VerifyChecksums && !want.ranged {
		header.Set("X-Amz-Checksum-Mode", "ENABLED")
	}
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
	if f.store.cfg.VerifyChecksums && !want.ranged {
		obj.checksum = newChecksum(response.Header)
	}
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
		Encoding:    strings.Join(response.Header.Values("Content-Encoding"), ", "),
		ETag:        entityTag(response.Header.Get("ETag")),
		Name:        lastElement(f.key),
	}
}

func (f *File) checkResponse(response *http.Response, obj *Object, want getRequest) *Error {
	switch {
	case !want.ranged && response.StatusCode != http.StatusOK:
		return f.origin.fail(notWhole, nil)
	case want.ranged && response.StatusCode != http.StatusPartialContent:
		return f.origin.fail(noRanges, nil)
	}
	if err := want.checkHead(f.origin, obj); err != nil || !want.ranged {
		return err
	}
	return want.check(f.origin, response.Header.Values("Content-Range"), obj)
}
