package bucketdir

import (
	"context"
	"crypto/md5"
	"io"
	"maps"
	"net/http"
	"os"
	"time"

	"github.com/rclone/gofakes3"
)

// version is an open version of an object. It remains readable after the object
// is replaced or deleted.
type version struct {
	record
	file *os.File
}

// open opens the current version of an object. It returns BucketNotFound or
// KeyNotFound.
func (b *Backend) open(bucket, key string) (version, error) {
	if checkName(bucket) != nil {
		return version{}, gofakes3.BucketNotFound(bucket)
	}
	file, err := os.Open(b.path(bucket, objects, fileName(key)))
	if isNotExist(err) {
		if err := b.requireBucket(bucket); err != nil {
			return version{}, err
		}
		return version{}, gofakes3.KeyNotFound(key)
	} else if err != nil {
		return version{}, err
	}
	r, err := readRecord(file)
	if err != nil {
		_ = file.Close()
		return version{}, err
	}
	return version{record: r, file: file}, nil
}

// body returns a reader of length bytes of the version from start on.
func (v version) body(start, length int64) io.Reader {
	return io.NewSectionReader(v.file, start, length)
}

// GetObject opens an object, or a range of it, for reading. It returns
// ErrNoSuchBucket, ErrNoSuchKey or ErrInvalidRange.
func (b *Backend) GetObject(_ context.Context, bucket, key string, request *gofakes3.ObjectRangeRequest) (*gofakes3.Object, error) {
	v, err := b.open(bucket, key)
	if err != nil {
		return nil, err
	}
	object := v.object()
	if object.Range, err = request.Range(v.Size); err != nil {
		_ = v.file.Close()
		return nil, err
	}
	start, length := int64(0), v.Size
	if object.Range != nil {
		start, length = object.Range.Start, object.Range.Length
	}
	object.Contents = struct {
		io.Reader
		io.Closer
	}{v.body(start, length), v.file}
	return object, nil
}

// HeadObject returns an object without its contents. It returns ErrNoSuchBucket
// or ErrNoSuchKey.
func (b *Backend) HeadObject(_ context.Context, bucket, key string) (*gofakes3.Object, error) {
	v, err := b.open(bucket, key)
	if err != nil {
		return nil, err
	}
	object := v.object()
	object.Contents = http.NoBody
	return object, v.file.Close()
}

// PutObject stores an object, streaming the body to a file. The size is in bytes;
// -1 means unknown. It returns ErrIncompleteBody if the body has another size.
// After any error the object is as it was before.
func (b *Backend) PutObject(ctx context.Context, bucket, key string, meta map[string]string, body io.Reader, size int64) (gofakes3.PutObjectResult, error) {
	_, err := b.put(ctx, bucket, key, meta, body, size)
	return gofakes3.PutObjectResult{}, err
}

// CopyObject stores the bytes of one object with new metadata as another object,
// or as the same one.
func (b *Backend) CopyObject(ctx context.Context, fromBucket, fromKey, bucket, key string, meta map[string]string) (gofakes3.CopyObjectResult, error) {
	from, err := b.open(fromBucket, fromKey)
	if err != nil {
		return gofakes3.CopyObjectResult{}, err
	}
	defer from.file.Close()
	r, err := b.put(ctx, bucket, key, meta, from.body(0, from.Size), from.Size)
	if err != nil {
		return gofakes3.CopyObjectResult{}, err
	}
	return gofakes3.CopyObjectResult{ETag: r.etag(), LastModified: gofakes3.NewContentTime(r.Modified)}, nil
}

// put writes an object to a temporary file and then renames it.
//
// It checks the request's conditions, If-Match and If-None-Match, while it holds
// the lock: of several clients that require that the object does not exist,
// exactly one succeeds.
func (b *Backend) put(ctx context.Context, bucket, key string, meta map[string]string, body io.Reader, size int64) (*record, error) {
	if err := b.requireBucket(bucket); err != nil {
		return nil, err
	}
	r := &record{Key: keyText(key), Modified: time.Now().UTC(), Metadata: meta}
	staged, err := b.stage(r, body, size)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.checkConditions(ctx, bucket, key); err != nil {
		_ = os.Remove(staged)
		return nil, err
	}
	return r, b.publish(staged, bucket, key)
}

// stage writes an object to a temporary file, sets the record's size and hash,
// and returns the file's path. If it fails, it removes the file. It returns
// errors of the body unchanged, because gofakes3 recognises its own.
func (b *Backend) stage(r *record, body io.Reader, size int64) (path string, err error) {
	file, err := os.CreateTemp(b.path(incoming), "*")
	if err != nil {
		return "", err
	}
	defer func() {
		gofakes3.CheckClose(file, &err)
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	if size >= 0 {
		body = io.LimitReader(body, size+1) // one byte more, so that the body's end is read, where gofakes3 compares digests
	}
	sum := md5.New()
	if r.Size, err = io.Copy(io.MultiWriter(file, sum), body); err != nil {
		return "", err
	}
	if size >= 0 && r.Size != size {
		return "", gofakes3.ErrIncompleteBody
	}
	r.MD5 = sum.Sum(nil)
	return file.Name(), r.write(file)
}

// checkConditions checks the conditions of a request against the object that it
// replaces.
// The caller holds b.mu.
func (b *Backend) checkConditions(ctx context.Context, bucket, key string) error {
	if !gofakes3.HasWriteConditions(ctx) {
		return nil
	}
	current, err := b.open(bucket, key)
	if gofakes3.HasErrorCode(err, gofakes3.ErrNoSuchKey) {
		return gofakes3.CheckWriteConditions(ctx, false, "")
	} else if err != nil {
		return err
	}
	defer current.file.Close()
	return gofakes3.CheckWriteConditions(ctx, true, current.etag())
}

// publish renames a staged file to the name of its object. The caller holds
// b.mu.
func (b *Backend) publish(staged, bucket, key string) error {
	err := os.Rename(staged, b.path(bucket, objects, fileName(key)))
	if err == nil {
		return nil
	}
	_ = os.Remove(staged)
	if err := b.requireBucket(bucket); err != nil {
		return err // deleted while the body was being received
	}
	return err
}

// DeleteObject deletes an object. Deleting an object that does not exist is not
// an error. It returns ErrNoSuchBucket.
func (b *Backend) DeleteObject(_ context.Context, bucket, key string) (gofakes3.ObjectDeleteResult, error) {
	if err := b.requireBucket(bucket); err != nil {
		return gofakes3.ObjectDeleteResult{}, err
	}
	return gofakes3.ObjectDeleteResult{}, b.remove(bucket, key)
}

// DeleteMulti deletes objects, independently of each other. It returns
// ErrNoSuchBucket.
func (b *Backend) DeleteMulti(_ context.Context, bucket string, keys ...string) (result gofakes3.MultiDeleteResult, err error) {
	if err := b.requireBucket(bucket); err != nil {
		return result, err
	}
	for _, key := range keys {
		if err := b.remove(bucket, key); err != nil {
			failure := gofakes3.ErrorResultFromError(err)
			failure.Key = key
			result.Error = append(result.Error, failure)
			continue
		}
		result.Deleted = append(result.Deleted, gofakes3.ObjectID{Key: key})
	}
	return result, nil
}

func (b *Backend) remove(bucket, key string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	err := os.Remove(b.path(bucket, objects, fileName(key)))
	if isNotExist(err) {
		return nil
	}
	return err
}

// SetObjectTagging replaces the tags of an object and changes nothing else of it.
// Empty tagging removes the tags. It returns ErrNoSuchBucket or ErrNoSuchKey.
//
// It rewrites the whole file while it holds the lock, so that an object that is
// put at the same time is not lost.
func (b *Backend) SetObjectTagging(_ context.Context, bucket, key, tagging string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	current, err := b.open(bucket, key)
	if err != nil {
		return err
	}
	defer current.file.Close()
	r := current.record
	r.Metadata = maps.Clone(r.Metadata)
	r.Metadata[gofakes3.TaggingMetadataKey] = tagging
	if tagging == "" {
		delete(r.Metadata, gofakes3.TaggingMetadataKey)
	}
	staged, err := b.stage(&r, current.body(0, current.Size), current.Size)
	if err != nil {
		return err
	}
	return b.publish(staged, bucket, key)
}
