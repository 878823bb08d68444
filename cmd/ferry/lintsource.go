// The sources of ferry media lint.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/internal/media"
)

// lintTimeout is how long one request for a part of a source may take.
const lintTimeout = time.Minute

// A lintSource is a file to look at: its first bytes, and how to read others.
type lintSource struct {
	name        string // last element of its path or key
	path        string // of a local file
	contentType string // "" = none is stored with it
	size        int64  // bytes; -1 = not announced
	head        []byte
	readAt      func(ctx context.Context, p []byte, off int64) (int, error) // nil = not by ranges
	close       func()
}

// lintOpener opens sources. It reads the AWS SDK's settings when the first needs them.
type lintOpener struct {
	region string
	bucket *s3.Client
}

func (o *lintOpener) open(ctx context.Context, text string) (*lintSource, error) {
	if location, ok := strings.CutPrefix(text, "s3://"); ok {
		bucket, key, _ := strings.Cut(location, "/")
		if bucket == "" || key == "" {
			return nil, errors.New("this is not a file in a bucket; expected s3://BUCKET/KEY")
		}
		return o.openObject(ctx, bucket, key)
	}
	if strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://") {
		return openLink(ctx, text)
	}
	return openFile(text)
}

func openFile(name string) (*lintSource, error) {
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
	source := &lintSource{
		name: filepath.Base(name), path: name, size: info.Size(),
		readAt: func(_ context.Context, p []byte, off int64) (int, error) { return file.ReadAt(p, off) },
		close:  func() { _ = file.Close() },
	}
	return source, source.peek(file)
}

// peek reads the first bytes. On an error the source is closed.
func (s *lintSource) peek(body io.Reader) error {
	s.head = make([]byte, max(0, min(s.size, media.HeadSize)))
	n, err := io.ReadFull(body, s.head)
	if s.head = s.head[:n]; err != nil {
		s.close()
		return fmt.Errorf("reading the first bytes: %w", err)
	}
	return nil
}

func (o *lintOpener) openObject(ctx context.Context, bucket, key string) (*lintSource, error) {
	if o.bucket == nil {
		cfg, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			return nil, fmt.Errorf("the AWS SDK's settings: %w", err)
		}
		if o.region != "" {
			cfg.Region = o.region
		}
		if cfg.Region == "" {
			return nil, errors.New("there is no region: give --aws-region, or set AWS_REGION")
		}
		o.bucket = s3.NewFromConfig(cfg, func(o *s3.Options) {
			o.UsePathStyle = o.BaseEndpoint != nil // other stores than AWS's often have no names for buckets
		})
	}
	get := func(ctx context.Context, input s3.GetObjectInput) (*s3.GetObjectOutput, context.CancelFunc, error) {
		ctx, cancel := context.WithTimeout(ctx, lintTimeout)
		input.Bucket, input.Key = &bucket, &key
		output, err := o.bucket.GetObject(ctx, &input)
		if err != nil {
			cancel()
		}
		return output, cancel, err
	}
	output, cancel, err := get(ctx, s3.GetObjectInput{})
	if err != nil {
		return nil, err
	}
	defer cancel()
	defer output.Body.Close()
	source := &lintSource{name: path.Base(key), contentType: aws.ToString(output.ContentType), size: -1, close: func() {}}
	if output.ContentLength != nil {
		source.size = *output.ContentLength
	}
	source.readAt = func(ctx context.Context, p []byte, off int64) (int, error) {
		part, cancel, err := get(ctx, s3.GetObjectInput{Range: aws.String(rangeText(p, off)), IfMatch: output.ETag})
		if err != nil {
			return 0, err
		}
		defer cancel()
		defer part.Body.Close()
		if at := aws.ToString(part.ContentRange); !strings.HasPrefix(at, fmt.Sprintf("bytes %d-", off)) {
			return 0, errors.New("the store answered with another part of the object than was asked for")
		}
		return io.ReadFull(part.Body, p)
	}
	return source, source.peek(output.Body)
}

// link is an http or https URL. None of its errors shows the query.
type link struct {
	text   string
	client http.Client
}

func openLink(ctx context.Context, text string) (*lintSource, error) {
	parsed, err := url.Parse(text)
	if err != nil || parsed.Host == "" {
		return nil, errors.New("this is not a URL; expected https://HOST/PATH")
	}
	l := &link{text, http.Client{Timeout: lintTimeout}}
	response, err := l.get(ctx, http.StatusOK, http.Header{})
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	source := &lintSource{
		name: path.Base(parsed.Path), contentType: response.Header.Get("Content-Type"), size: response.ContentLength,
		close: l.client.CloseIdleConnections,
	}
	if response.Header.Get("Accept-Ranges") == "bytes" {
		etag := response.Header.Get("ETag")
		source.readAt = func(ctx context.Context, p []byte, off int64) (int, error) { return l.readAt(ctx, p, off, etag) }
	}
	return source, source.peek(response.Body)
}

// get sends a GET that must be answered with a status.
func (l *link) get(ctx context.Context, status int, header http.Header) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.text, nil)
	if err != nil {
		return nil, errors.New("this is not a URL; expected https://HOST/PATH")
	}
	request.Header = header
	request.Header.Set("Accept-Encoding", "identity")
	request.Header.Set("User-Agent", "ferry/"+version())
	response, err := l.client.Do(request)
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return nil, failed.Err
	} else if err != nil {
		return nil, err
	}
	if response.StatusCode != status {
		_ = response.Body.Close()
		return nil, fmt.Errorf("the web server answered %s, expected %d", response.Status, status)
	}
	return response, nil
}

func (l *link) readAt(ctx context.Context, p []byte, off int64, etag string) (int, error) {
	header := http.Header{"Range": {rangeText(p, off)}}
	if strings.HasPrefix(etag, `"`) { // weak ones match nothing
		header.Set("If-Match", etag)
	}
	part, err := l.get(ctx, http.StatusPartialContent, header)
	if err != nil {
		return 0, err
	}
	defer part.Body.Close()
	if !strings.HasPrefix(part.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", off)) {
		return 0, errors.New("the web server answered with another part of the file than was asked for")
	}
	return io.ReadFull(part.Body, p)
}

// rangeText is the header Range for the bytes that fill p from off on.
func rangeText(p []byte, off int64) string {
	return fmt.Sprintf("bytes=%d-%d", off, off+int64(len(p))-1)
}
