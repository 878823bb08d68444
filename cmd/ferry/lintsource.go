// The sources of ferry media lint.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/internal/media"
	"ferry/internal/object"
)

// lintSources opens the sources of ferry media lint. Objects and URLs are read as the
// server reads them, by package object, so that both say the same about the same file.
type lintSources struct {
	region string
	stores *object.Opener // nil until the first s3:// source, when the AWS SDK's settings are read
	links  *object.Opener // nil until the first URL
}

// lintFile is a file to check. Its caller calls close.
type lintFile struct {
	media.File
	path  string // of a local file, else empty
	close func() error
}

func (s *lintSources) open(ctx context.Context, text string) (*lintFile, error) {
	if location, ok := strings.CutPrefix(text, "s3://"); ok {
		return s.openObject(ctx, location)
	}
	if strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://") {
		return s.openLink(ctx, text)
	}
	return openFile(text)
}

func (s *lintSources) close() {
	for _, opener := range []*object.Opener{s.stores, s.links} {
		if opener != nil {
			opener.Close()
		}
	}
}

func openFile(name string) (*lintFile, error) {
	info, err := os.Stat(name) // first: opening a pipe would wait for a writer
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return peek(&lintFile{
		File: media.File{
			Name: filepath.Base(name), Size: info.Size(),
			ReadAt: func(_ context.Context, p []byte, off int64) (int, error) { return file.ReadAt(p, off) },
		},
		path: name, close: file.Close,
	}, file)
}

// peek reads the first bytes of a file. On an error the file is closed.
func peek(f *lintFile, body io.Reader) (*lintFile, error) {
	f.Head = make([]byte, min(f.Size, media.HeadSize))
	if _, err := io.ReadFull(body, f.Head); err != nil {
		return nil, errors.Join(fmt.Errorf("reading the first bytes: %w", err), f.close())
	}
	return f, nil
}

// openObject opens an object in a bucket, named BUCKET/KEY.
func (s *lintSources) openObject(ctx context.Context, location string) (*lintFile, error) {
	bucket, key, _ := strings.Cut(location, "/")
	if bucket == "" || key == "" {
		return nil, errors.New("this does not name an object; expected s3://BUCKET/KEY")
	}
	if s.stores == nil {
		store, err := lintStore(ctx, s.region)
		if err != nil {
			return nil, err
		}
		s.stores, err = object.New(ctx, object.Config{Stores: []object.StoreConfig{store}, Proxy: http.ProxyFromEnvironment})
		if err != nil {
			return nil, err
		}
	}
	file, err := s.stores.File(bucket, key)
	if err != nil {
		return nil, err
	}
	return openSource(ctx, file, false)
}

// lintStore returns the store of the AWS SDK's settings, credentials included.
func lintStore(ctx context.Context, region string) (object.StoreConfig, error) {
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return object.StoreConfig{}, fmt.Errorf("reading the AWS SDK's settings: %w", err)
	}
	store := object.StoreConfig{Region: settings.Region, UseInstanceProfile: true}
	if region != "" {
		store.Region = region
	}
	if store.Region == "" {
		return object.StoreConfig{}, errNoRegion
	}
	if endpoint := s3.NewFromConfig(settings).Options().BaseEndpoint; endpoint != nil {
		store.Endpoint, store.PathStyle = *endpoint, usesPathStyle(endpoint)
	}
	return store, nil
}

// openLink opens a web address.
func (s *lintSources) openLink(ctx context.Context, text string) (*lintFile, error) {
	if s.links == nil {
		var err error
		// A region is required, though links use no store.
		s.links, err = object.New(ctx, object.Config{DefaultRegion: "us-east-1", Proxy: http.ProxyFromEnvironment})
		if err != nil {
			return nil, err
		}
	}
	link, err := s.links.Link(text)
	if err != nil {
		return nil, err
	}
	return openSource(ctx, link, true)
}

// lintableSource is a source that is read by ranges.
type lintableSource interface {
	object.Source
	ReadAt(ctx context.Context, p []byte, off int64, ifMatch string) (int, error)
}

// openSource opens an object or a link. Parts of one without an ETag are read only if
// anyVersion allows that.
func openSource(ctx context.Context, source lintableSource, anyVersion bool) (*lintFile, error) {
	opened, err := source.Open(ctx, "")
	if err != nil {
		return nil, err
	}
	file := &lintFile{
		File:  media.File{DeclaredType: opened.ContentType, Name: opened.Name, Size: opened.Size},
		close: opened.Body.Close,
	}
	if opened.ETag != "" || anyVersion {
		file.ReadAt = func(ctx context.Context, p []byte, off int64) (int, error) {
			n, err := source.ReadAt(ctx, p, off, opened.ETag)
			if failed, ok := errors.AsType[*object.Error](err); ok && failed.Kind == object.Invalid { // it serves no ranges
				err = fmt.Errorf("%w: %w", media.ErrNoRanges, err)
			}
			return n, err
		}
	}
	return peek(file, opened.Body)
}
