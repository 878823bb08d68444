// Package bucketdir stores the buckets of ferry's embedded S3 server in a
// directory, so that they survive a restart. It is a backend of gofakes3, like
// gofakes3's own s3mem, which stores buckets in memory.
//
// The layout of the directory:
//
//	.incoming/*                       objects being written
//	<bucket>/objects/<hash>.object    one file per object
//
// The hash is the SHA-256 of the key in hexadecimal, so that every key that S3
// allows works on every file system: "..", "a" next to "a/b", and keys of 1,024
// bytes. A file contains the bytes of an object followed by its record (see
// record). It is written under a temporary name and then renamed, so the bytes of
// one version never appear with the record of another, and an open object can
// be read to its end although it was replaced.
//
// This package never calls fsync. It is a store for development: it survives
// the end of the process. Reading a file that a power failure left incomplete
// returns an error.
//
// gofakes3 itself implements multipart uploads: it keeps the parts in memory and
// puts the whole object when the upload is completed. Versioning is not
// supported; gofakes3 returns NotImplemented to a client that enables it.
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
	incoming = ".incoming" // not a valid bucket name: those start with a letter or a digit
	objects  = "objects"
)

// Backend is a directory of buckets. It is safe for concurrent use, but only one
// Backend at a time may write to a directory.
type Backend struct {
	directory string

	mu sync.Mutex // held while a file is renamed or removed, never while waiting for a client
}

var (
	_ gofakes3.Backend              = (*Backend)(nil)
	_ gofakes3.ObjectTaggingBackend = (*Backend)(nil)
)

// New opens a directory of buckets, and creates it with mode 0700 if it does not
// exist. It removes files that an earlier process did not finish writing. A
// Backend does not need to be closed.
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

// path returns a path inside the directory. A bucket's name must have passed
// checkName.
func (b *Backend) path(elements ...string) string {
	return filepath.Join(append([]string{b.directory}, elements...)...)
}

// checkName returns an error for a bucket name that S3 does not allow, so that a
// bucket is always a directory of its own: gofakes3 itself checks the name only
// when a bucket is created. IsLocal rejects names that the operating system
// reserves, such as "con" on Windows.
func checkName(bucket string) error {
	if err := gofakes3.ValidateBucketName(bucket); err != nil {
		return err
	}
	if !filepath.IsLocal(bucket) {
		return gofakes3.ErrInvalidBucketName
	}
	return nil
}

// isNotExist reports whether an error means that a file does not exist. That
// includes a path through a file that is not a directory.
func isNotExist(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// ListBuckets returns the buckets, sorted by name. It skips anything else in the
// directory.
//
// A bucket's creation date is the time of the last change to its directory, in
// which only the directory of its objects is ever created.
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
			continue // deleted concurrently
		} else if err != nil {
			return nil, err
		}
		buckets = append(buckets, gofakes3.BucketInfo{Name: entry.Name(), CreationDate: gofakes3.NewContentTime(info.ModTime().UTC())})
	}
	return buckets, nil
}

// BucketExists reports whether a bucket exists.
func (b *Backend) BucketExists(_ context.Context, bucket string) (bool, error) {
	return b.exists(bucket)
}

// exists reports whether a bucket exists, which is so if the directory of its
// objects exists.
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

// requireBucket returns BucketNotFound if a bucket does not exist.
func (b *Backend) requireBucket(bucket string) error {
	exists, err := b.exists(bucket)
	if err == nil && !exists {
		return gofakes3.BucketNotFound(bucket)
	}
	return err
}

// CreateBucket creates a bucket. It returns ErrInvalidBucketName or
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

// DeleteBucket removes an empty bucket. It returns ErrNoSuchBucket, or
// ErrBucketNotEmpty if its directory contains anything, even a file that this
// package did not create.
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
	_ = os.Remove(b.path(bucket)) // the bucket is deleted even if somebody put a file next to its objects
	return nil
}
