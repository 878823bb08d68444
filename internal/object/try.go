// Trying a store with one object, for its operator.

package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"ferry/internal/secret"
)

const (
	tryRange   = 1024            // bytes of the object that a trial reads
	tryExpires = 5 * time.Minute // for which the URL of a trial is valid
)

// A Step is a part of a trial.
type Step struct {
	Name string // one of the constants Step…
	Text string // what it has shown; empty if it failed
	Took time.Duration
	Err  error // nil means that it succeeded; an *Error otherwise
}

// The names of the steps.
const (
	StepCredentials = "credentials"
	StepHead        = "HEAD"
	StepRange       = "range GET"
	StepIfMatch     = "If-Match"
	StepURL         = "presigned URL"
	StepChecksum    = "checksum"
)

// Stores returns the stores in the order in which they are matched with a bucket, with
// their defaults and without secrets.
func (o *Opener) Stores() []StoreConfig {
	stores := make([]StoreConfig, len(o.stores))
	for i, s := range o.stores {
		stores[i] = s.cfg
		stores[i].SecretAccessKey, stores[i].SessionToken = secret.Secret{}, secret.Secret{}
	}
	return stores
}

// StoreOf returns the index in Stores of the store that serves a bucket, -1 if none does.
func (o *Opener) StoreOf(bucket string) int {
	return slices.Index(o.stores, o.storeFor(bucket))
}

// Try tests the store that serves a bucket as calls use it: the credentials, then the
// object by HEAD, by a range GET of its first bytes, by one for another version of the object
// (which the store must refuse), by a URL that is presigned with the store's credentials, and
// for the checksum that the store keeps. All steps are made, whichever of them fails. The error is that
// of File.
func (o *Opener) Try(ctx context.Context, bucket, key string) ([]Step, error) {
	f, err := o.File(bucket, key)
	if err != nil {
		return nil, err
	}
	var size int64 = 1 // at least, unless HEAD says otherwise
	return []Step{
		step(StepCredentials, func() (string, error) { return f.tryCredentials(ctx) }),
		step(StepHead, func() (string, error) {
			head, err := f.Stat(ctx)
			if err != nil {
				return "", err
			}
			size = head.Size
			return fmt.Sprintf("%d bytes, type %s, ETag %s", head.Size, orNone(head.ContentType), orNone(head.ETag)), nil
		}),
		step(StepRange, func() (string, error) { return f.tryRange(ctx, size) }),
		step(StepIfMatch, func() (string, error) { return f.tryIfMatch(ctx) }),
		step(StepURL, func() (string, error) { return f.tryURL(ctx) }),
		step(StepChecksum, func() (string, error) { return f.tryChecksum(ctx) }),
	}, nil
}

func step(name string, try func() (string, error)) Step {
	begun := time.Now()
	text, err := try()
	return Step{name, text, time.Since(begun), err}
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// tryCredentials retrieves the store's credentials.
func (f *File) tryCredentials(ctx context.Context) (string, error) {
	found, err := f.store.reader.options.Credentials.Retrieve(ctx)
	if err != nil {
		return "", f.failure(fmt.Errorf("the credentials for the store: %w", err))
	}
	text := fmt.Sprintf("access key %s, from %s", found.AccessKeyID, orNone(found.Source))
	if found.CanExpire {
		text += ", expires " + found.Expires.UTC().Format(time.RFC3339)
	}
	return text, nil
}

// tryRange reads the first bytes of the object, of which at least size are expected.
func (f *File) tryRange(ctx context.Context, size int64) (string, error) {
	if size == 0 {
		return "left out: the object is empty", nil
	}
	p := make([]byte, min(size, tryRange))
	n, err := readRange(ctx, f.origin, p, getRequest{ranged: true, last: int64(len(p)) - 1}, f.get)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return fmt.Sprintf("the first %d bytes", n), nil
}

// otherETag is an entity tag that no object has.
const otherETag = `"ferry-never-has-this-etag"`

// tryIfMatch requests the object on condition that it is another version, as ferry does with
// the version that it has begun to read. ferry also compares the ETag of what it receives, so
// that the versions of an object that is replaced meanwhile are not mixed in any case.
func (f *File) tryIfMatch(ctx context.Context) (string, error) {
	header := http.Header{"If-Match": {otherETag}}
	response, err := f.store.reader.read(ctx, readRequest{http.MethodGet, f.bucket, f.key, header, f.budget, func(error) {}})
	if err == nil {
		_ = response.Body.Close()
		return "", f.origin.fail(noConditions, nil)
	}
	if status, _ := statusAndCode(err); status == http.StatusPreconditionFailed {
		return "another version is refused", nil
	}
	return "", f.failure(err)
}

// tryChecksum asks which checksum the store keeps for the object.
func (f *File) tryChecksum(ctx context.Context) (string, error) {
	header := http.Header{"X-Amz-Checksum-Mode": {"ENABLED"}}
	response, err := f.store.reader.read(ctx, readRequest{http.MethodHead, f.bucket, f.key, header, f.budget, func(error) {}})
	if err != nil {
		return "", f.failure(err)
	}
	_ = response.Body.Close()
	if sum := newChecksum(response.Header); sum != nil {
		return "the store keeps the " + sum.name + " of the object", nil
	}
	return NoChecksum, nil
}

// NoChecksum is what the step StepChecksum shows if there is none to verify.
const NoChecksum = "the store keeps no checksum of the whole object"

// tryURL reads the object by a presigned URL, which passes the checks for those of callers.
func (f *File) tryURL(ctx context.Context) (string, error) {
	input := &s3.GetObjectInput{Bucket: &f.bucket, Key: &f.key}
	if f.store.cfg.RequestPayer {
		input.RequestPayer = types.RequestPayerRequester
	}
	if owner := f.store.cfg.ExpectedBucketOwner; owner != "" {
		input.ExpectedBucketOwner = aws.String(owner)
	}
	client := s3.NewPresignClient(s3.New(f.store.reader.options), s3.WithPresignExpires(tryExpires))
	signed, err := client.PresignGetObject(ctx, input)
	if err != nil {
		return "", f.failure(err)
	}
	headers := map[string]string{"Content-Type": "application/octet-stream"} // as a caller has to say
	for name, values := range signed.SignedHeader {
		if name != "Host" {
			headers[name] = strings.Join(values, ",")
		}
	}
	link, err := f.opener.URL(signed.URL, headers)
	if err != nil {
		return "", err
	}
	opened, err := link.Stat(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d bytes through the rules for presigned URLs", opened.Size), nil
}
