package object

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Stat asks the store for an object's headers and reads none of its bytes. Its
// errors are Open's. The Object has no Body.
func (f *File) Stat(ctx context.Context) (*Object, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, f.opener.cfg.OpenTimeout, errOpenTimeout)
	defer cancel()
	out, err := f.store.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &f.bucket, Key: &f.key})
	if err != nil {
		return nil, f.failure(errors.Join(err, context.Cause(ctx)))
	}
	return &Object{Size: aws.ToInt64(out.ContentLength), ContentType: aws.ToString(out.ContentType), ETag: entityTag(aws.ToString(out.ETag)), Name: lastElement(f.key)}, nil
}
