// The sources of a check.

package lint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"ferry/internal/media"
	"ferry/internal/object"
)

// file is a file to check. Its caller calls close.
type file struct {
	media.File
	path  string // of a local file, else empty
	close func() error
}

// open opens a source and reads its first bytes.
func (l *Linter) open(ctx context.Context, text string) (*file, error) {
	if location, ok := strings.CutPrefix(text, "s3://"); ok {
		return l.openObject(ctx, location)
	}
	if isURL(text) {
		return l.openLink(ctx, text)
	}
	return openFile(text)
}

func isURL(text string) bool {
	return strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://")
}

func openFile(name string) (*file, error) {
	info, err := os.Stat(name) // first: opening a pipe would wait for a writer
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	opened, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return peek(&file{
		File: media.File{
			Name: filepath.Base(name), Size: info.Size(),
			ReadAt: func(_ context.Context, p []byte, off int64) (int, error) { return opened.ReadAt(p, off) },
		},
		path: name, close: opened.Close,
	}, opened)
}

// peek reads the first bytes of a file. On an error the file is closed.
func peek(f *file, body io.Reader) (*file, error) {
	f.Head = make([]byte, min(f.Size, media.HeadSize))
	if _, err := io.ReadFull(body, f.Head); err != nil {
		return nil, errors.Join(fmt.Errorf("reading the first bytes: %w", err), f.close())
	}
	return f, nil
}

// openObject opens an object in a bucket, named BUCKET/KEY.
func (l *Linter) openObject(ctx context.Context, location string) (*file, error) {
	bucket, key, _ := strings.Cut(location, "/")
	if bucket == "" || key == "" {
		return nil, errors.New("this does not name an object; expected s3://BUCKET/KEY")
	}
	if l.stores == nil {
		store, err := l.config.Store(ctx)
		if err != nil {
			return nil, err
		}
		store.LiteralKeys = true // the object is read with the caller's own rights
		l.stores, err = object.New(ctx, object.Config{Stores: []object.StoreConfig{store}, Proxy: l.config.Proxy})
		if err != nil {
			return nil, err
		}
	}
	stored, err := l.stores.File(bucket, key)
	if err != nil {
		return nil, err
	}
	return openSource(ctx, stored, false)
}

// openLink opens an http or https URL.
func (l *Linter) openLink(ctx context.Context, text string) (*file, error) {
	if l.links == nil {
		var err error
		// A region is required, though links use no store.
		l.links, err = object.New(ctx, object.Config{DefaultRegion: "us-east-1", Proxy: l.config.Proxy})
		if err != nil {
			return nil, err
		}
	}
	link, err := l.links.Link(text)
	if err != nil {
		return nil, err
	}
	return openSource(ctx, link, true)
}

// rangedSource is a source that can be read by ranges.
type rangedSource interface {
	object.Source
	ReadAt(ctx context.Context, p []byte, off int64, ifMatch string) (int, error)
}

// openSource opens an object or a link. Parts of one without an ETag are read only if
// anyVersion allows that.
func openSource(ctx context.Context, source rangedSource, anyVersion bool) (*file, error) {
	opened, err := source.Open(ctx, "")
	if err != nil {
		return nil, err
	}
	f := &file{
		File:  media.File{DeclaredType: opened.ContentType, ContentEncoding: opened.Encoding, Name: opened.Name, Size: opened.Size},
		close: opened.Body.Close,
	}
	if opened.ETag != "" || anyVersion {
		f.ReadAt = func(ctx context.Context, p []byte, off int64) (int, error) {
			n, err := source.ReadAt(ctx, p, off, opened.ETag)
			if failed, ok := errors.AsType[*object.Error](err); ok && failed.Kind == object.Invalid { // it serves no ranges
				err = fmt.Errorf("%w: %w", media.ErrNoRanges, err)
			}
			return n, err
		}
	}
	return peek(f, opened.Body)
}
