// Package bucketdir keeps the buckets of ferry's embedded S3 server in a
// directory, so that they are there again after a restart. It is a backend of
// gofakes3, beside gofakes3's own s3mem, which keeps them in memory.
//
// The layout of the directory:
//
//	.incoming/*                       objects that are being written
//	<bucket>/objects/<hash>.object    one file per object
//
// The hash is the SHA-256 of the key in hex: every key of S3's is legal then,
// "..", "a" beside "a/b" and one of 1,024 bytes among them, on every file
// system. A file holds the bytes of an object and, behind them, its record
// (see record). An object is one file, written under a temporary name and
// renamed, so there is no moment with the bytes of one version and the record
// of another: who opened a version reads that version to its end.
//
// Nothing here calls fsync. This is a store for development: it outlives the
// process, and what a power cut leaves half written answers with an error.
//
// Multipart uploads are gofakes3's own: it keeps their parts in memory, not
// here, and puts the whole object when the upload is completed. There are no
// versions of objects; gofakes3 answers NotImplemented to who turns them on.
package bucketdir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/rclone/gofakes3"
)

const (
	incoming = ".incoming" // cannot be a bucket: their names begin with a letter or a digit
	objects  = "objects"
)

// Backend is a directory of buckets. It is safe for use by several goroutines,
// but only one Backend at a time may write to a directory.
type Backend struct {
	directory string

	mu sync.Mutex // held while a name appears or goes, never while a client is waited for
}

var (
	_ gofakes3.Backend              = (*Backend)(nil)
	_ gofakes3.ObjectTaggingBackend = (*Backend)(nil)
)

// New opens a directory of buckets, made with mode 0700 when it is missing. It
// removes what an earlier process did not finish writing. There is nothing to
// close.
func New(directory string) (*Backend, error) {
	b := &Backend{directory: directory}
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, fmt.Errorf("bucketdir: %w", err)
	}
	if err := os.RemoveAll(b.path(incoming)); err != nil {
		return nil, fmt.Errorf("bucketdir: %w", err)
	}
	if err := os.Mkdir(b.path(incoming), 0o700); err != nil {
		return nil, fmt.Errorf("bucketdir: %w", err)
	}
	return b, nil
}

// path gives the path of something in the directory. A bucket's name must have
// passed legal.
func (b *Backend) path(elements ...string) string {
	return filepath.Join(append([]string{b.directory}, elements...)...)
}

// legal refuses the names that are none of S3's, so that a bucket is always a
// directory of its own: gofakes3 itself looks at a name only when a bucket is
// made. IsLocal adds what a system reserves, such as "con" on Windows.
func checkName(bucket string) error {
	if err := gofakes3.ValidateBucketName(bucket); err != nil {
		return err
	}
	if !filepath.IsLocal(bucket) {
		return gofakes3.ErrInvalidBucketName
	}
	return nil
}

// absent says whether an error means that there is no such file. A file in the
// place of a directory has nothing in it either.
func isNotExist(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// ListBuckets lists the buckets in the order of their names. Anything else in
// the directory is passed over.
//
// A bucket's date is the time at which its directory last changed: only the
// directory of its objects is ever made in there.
func (b *Backend) ListBuckets(context.Context) ([]gofakes3.BucketInfo, error) {
	entries, err := os.ReadDir(b.directory)
	if err != nil {
		return nil, err
	}
	buckets := []gofakes3.BucketInfo{}
	for _, entry := range entries {
		if exists, err := b.exists(entry.Name()); err != nil {
			return nil, err
		} else if !exists {
			continue
		}
		info, err := os.Stat(b.path(entry.Name()))
		if isNotExist(err) {
			continue // deleted meanwhile
		} else if err != nil {
			return nil, err
		}
		buckets = append(buckets, gofakes3.BucketInfo{Name: entry.Name(), CreationDate: gofakes3.NewContentTime(info.ModTime().UTC())})
	}
	return buckets, nil
}

// BucketExists says whether there is a bucket of that name.
func (b *Backend) BucketExists(_ context.Context, bucket string) (bool, error) {
	return b.exists(bucket)
}

// exists: a bucket is there as long as the directory of its objects is.
func (b *Backend) exists(bucket string) (bool, error) {
	if checkName(bucket) != nil {
		return false, nil
	}
	info, err := os.Stat(b.path(bucket, objects))
	if isNotExist(err) {
		return false, nil
	}
	return err == nil && info.IsDir(), err
}

// require is BucketNotFound when there is no bucket of that name.
func (b *Backend) requireBucket(bucket string) error {
	exists, err := b.exists(bucket)
	if err == nil && !exists {
		return gofakes3.BucketNotFound(bucket)
	}
	return err
}

// CreateBucket makes a bucket. It fails with ErrInvalidBucketName or
// ErrBucketAlreadyExists.
func (b *Backend) CreateBucket(_ context.Context, bucket string) error {
	if err := checkName(bucket); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := os.Mkdir(b.path(bucket), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	err := os.Mkdir(b.path(bucket, objects), 0o700)
	if errors.Is(err, fs.ErrExist) {
		return gofakes3.ResourceError(gofakes3.ErrBucketAlreadyExists, bucket)
	}
	return err
}

// DeleteBucket removes an empty bucket. It fails with ErrNoSuchBucket, or with
// ErrBucketNotEmpty, also for a file in there that is not this package's.
func (b *Backend) DeleteBucket(_ context.Context, bucket string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if exists, err := b.exists(bucket); err != nil {
		return err
	} else if !exists {
		return gofakes3.ErrNoSuchBucket
	}
	switch err := os.Remove(b.path(bucket, objects)); {
	case errors.Is(err, fs.ErrExist): // "directory not empty" is one of these
		return gofakes3.ResourceError(gofakes3.ErrBucketNotEmpty, bucket)
	case err != nil:
		return err
	}
	_ = os.Remove(b.path(bucket)) // the bucket is gone, even if somebody put a file beside its objects
	return nil
}
