package object

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

const (
	partSize = 5 << 20 // bytes; the minimum of S3 for all parts except the last
	maxParts = 10_000  // S3's limit
	abortIn  = 10 * time.Second

	// maxPartBuffers is how many objects an Opener writes in parts at the same time.
	// It holds one part of each in memory.
	maxPartBuffers = 16
)

// partBuffers is a bounded pool of buffers for parts.
type partBuffers struct {
	inUse chan struct{} // has an element for each buffer in use
	free  *sync.Pool    // of *[partSize]byte
}

func newPartBuffers() partBuffers {
	return partBuffers{
		inUse: make(chan struct{}, maxPartBuffers),
		free:  &sync.Pool{New: func() any { return new([partSize]byte) }},
	}
}

// acquire waits for a buffer until ctx is done; then ok is false. release returns
// the buffer, which must not be read any more.
func (p partBuffers) acquire(ctx context.Context) (buf []byte, release func(), ok bool) {
	if ctx.Err() != nil {
		return nil, nil, false
	}
	select {
	case p.inUse <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, false
	}
	held := p.free.Get().(*[partSize]byte)
	return held[:], func() { p.free.Put(held); <-p.inUse }, true
}

// putParts writes the object in parts, one at a time. The object appears only when
// all parts are there and the digest is verified. After any failure the parts are
// deleted.
func (s *FileSink) putParts(ctx context.Context, content Content) error {
	f, err := newContentReader(content, min(s.file.opener.cfg.MaxSize, maxParts*partSize))
	if err != nil {
		return err
	}
	buf, release, ok := s.file.opener.parts.acquire(ctx)
	if !ok {
		return s.file.origin.fail(tooManyParts, context.Cause(ctx), maxPartBuffers)
	}
	defer release()
	created, err := s.file.store.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &s.file.bucket, Key: &s.file.key, ContentType: stringOrNil(content.ContentType),
	}, s.withBudget)
	if err != nil {
		return s.failure(ctx, err)
	}
	if aws.ToString(created.UploadId) == "" {
		return s.file.origin.fail(badMultipart, nil, "started a multipart upload without an upload id")
	}
	err = s.sendParts(ctx, f, buf, created.UploadId)
	if err != nil {
		s.abort(ctx, created.UploadId)
	}
	return err
}

func (s *FileSink) sendParts(ctx context.Context, f *contentReader, buf []byte, id *string) error {
	var parts []types.CompletedPart
	for number := int32(1); !f.complete; number++ {
		n, _ := io.ReadFull(f, buf) // the last part may be shorter
		if f.err != nil {
			return f.err
		}
		tag, err := s.sendPart(ctx, buf[:n], number, id)
		if err != nil {
			return err
		}
		parts = append(parts, types.CompletedPart{ETag: tag, PartNumber: &number})
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.file.opener.cfg.OpenTimeout, errOpenTimeout)
	defer cancel()
	_, err := s.file.store.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &s.file.bucket, Key: &s.file.key, UploadId: id, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	}, s.withBudget)
	return s.failure(ctx, err)
}

func (s *FileSink) sendPart(ctx context.Context, content []byte, number int32, id *string) (*string, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(context.Canceled)
	body := &partBody{bytes: bytes.NewReader(content), rate: newWriteRate(s.file.opener.cfg, cancel)}
	defer body.end()
	digest := sha256.Sum256(content)
	out, err := s.file.store.client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &s.file.bucket, Key: &s.file.key, UploadId: id, PartNumber: &number,
		Body: body, ContentLength: aws.Int64(int64(len(content))),
	}, withPayloadHash(hex.EncodeToString(digest[:])), s.withBudget)
	if err != nil {
		return nil, s.failure(ctx, err)
	}
	if aws.ToString(out.ETag) == "" {
		return nil, s.file.origin.fail(badMultipart, nil, fmt.Sprintf("sent no ETag for part %d of the file", number))
	}
	return out.ETag, nil
}

// abort deletes the parts, even if ctx is done.
func (s *FileSink) abort(ctx context.Context, id *string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortIn)
	defer cancel()
	// If this fails, the parts stay in the store until its lifecycle rule for
	// incomplete uploads deletes them. They are not visible as an object.
	_, _ = s.file.store.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &s.file.bucket, Key: &s.file.key, UploadId: id,
	}, s.withBudget)
}

// withBudget makes the retries of the SDK's client count against the sink's budget.
func (s *FileSink) withBudget(o *s3.Options) {
	if s.file.budget != nil {
		o.Retryer = budgetRetryer{o.Retryer, s.file.budget}
	}
}

// budgetRetryer is a retryer whose retries a budget must allow.
type budgetRetryer struct {
	aws.Retryer
	budget *Budget
}

// GetRetryToken is called before each retry.
func (r budgetRetryer) GetRetryToken(ctx context.Context, err error) (release func(error) error, _ error) {
	if !r.budget.retry() {
		return nil, ErrBudget
	}
	return r.Retryer.GetRetryToken(ctx, err)
}

// partBody is the body of a request that sends a part; the SDK may retry it. The
// response may arrive before net/http has read all of it. After end it cannot be
// read any more, because the buffer is reused.
type partBody struct {
	rate *writeRate

	mu    sync.Mutex
	bytes *bytes.Reader
	ended bool
}

func (b *partBody) Read(buf []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return 0, errRequestEnded
	}
	b.rate.readBegins()
	n, err := b.bytes.Read(buf)
	b.rate.readEnds(n, b.bytes.Len() == 0)
	return n, err
}

func (b *partBody) Seek(offset int64, whence int) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes.Seek(offset, whence)
}

func (b *partBody) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	b.rate.stop()
}
