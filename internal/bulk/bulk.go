// Package bulk posts files to WhatsApp through the API: a few named ones (files.go), or
// every object under some prefixes (bulk.go), which are listed while they are posted. A
// manifest (manifest.go) records what was posted, so that a later run continues where
// this one stopped. What has been done so far (tally.go) is shown on a terminal (bars.go).
package bulk

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"ferry/socialmessaging"
)

const (
	queueLength   = 1000             // objects that are listed and not yet posted; the listing waits
	fileTimeout   = 30 * time.Minute // for one file, all retries included
	throttleTries = 8                // attempts for a file that is throttled, each with the client's own retries
	throttleWait  = 30 * time.Second // the longest wait between two of them
)

// A Prefix names the objects of a bucket whose keys begin with a text.
type Prefix struct{ Bucket, Key string }

func (p Prefix) String() string { return "s3://" + p.Bucket + "/" + p.Key }

// ParsePrefixes reads prefixes of the form s3://BUCKET/PREFIX/. As with the AWS CLI a
// prefix is a directory: a slash is added to one that has none. No object may be under
// two of them.
func ParsePrefixes(texts []string) ([]Prefix, error) {
	var prefixes []Prefix
	for _, text := range texts {
		location, ok := strings.CutPrefix(text, "s3://")
		bucket, key, _ := strings.Cut(location, "/")
		if !ok || bucket == "" {
			text, _, _ = strings.Cut(text, "?") // a presigned URL's query is secret
			return nil, fmt.Errorf("%q is not a prefix in a bucket; expected s3://BUCKET/PREFIX/", text)
		}
		if key != "" && !strings.HasSuffix(key, "/") {
			key += "/"
		}
		for _, other := range prefixes {
			if other.Bucket == bucket && (strings.HasPrefix(other.Key, key) || strings.HasPrefix(key, other.Key)) {
				return nil, fmt.Errorf("%q and %q contain the same objects; name only one of them", other, text)
			}
		}
		prefixes = append(prefixes, Prefix{bucket, key})
	}
	return prefixes, nil
}

// listedObject is one object of a listing.
type listedObject struct {
	bucket, key, etag string
	size              int64
}

// isMarker reports whether the object only stands for a directory.
func (o listedObject) isMarker() bool { return strings.HasSuffix(o.key, "/") && o.size == 0 }

func (o listedObject) source() string { return "s3://" + o.bucket + "/" + o.key }

// Config says what to upload, and how.
type Config struct {
	Client        *socialmessaging.Client
	Bucket        *s3.Client // lists the prefixes
	Prefixes      []Prefix
	PhoneNumberID string // id or ARN of the phone number that will send the files
	Concurrency   int    // uploads at once; at least 1
	// Manifest is the path of the manifest. It is created if it does not exist, and
	// objects that it lists as posted are skipped. Empty means no manifest.
	Manifest string
	// Output receives a line of JSON per object, each in one Write. nil means none.
	Output io.Writer
	// Unrecorded receives the line of an upload that the manifest could not record.
	Unrecorded io.Writer
	// CountAhead lists the prefixes a second time, independently of the uploads, so that
	// the number of objects is known early.
	CountAhead bool
}

// Upload posts every object under the prefixes of its Config.
type Upload struct {
	config   Config
	manifest *manifest[Result] // nil means none
	lines    lineWriter
	tally    *tally
	sending  context.Context // of the calls of the API
	abort    context.CancelCauseFunc
}

// Open opens the manifest, if there is one, and reads what it lists. Close closes it.
func Open(config Config) (*Upload, error) {
	if config.Concurrency < 1 {
		return nil, fmt.Errorf("the number of concurrent uploads is %d; expected at least 1", config.Concurrency)
	}
	u := &Upload{config: config, lines: lineWriter{out: config.Output}, tally: newTally("file")}
	u.sending, u.abort = context.WithCancelCause(context.Background())
	if config.Manifest != "" {
		var err error
		if u.manifest, err = openManifest(config.Manifest, time.Now(), func(Result) {}); err != nil {
			return nil, err
		}
	}
	return u, nil
}

// Abort cancels the uploads in progress. It may be called at any time.
func (u *Upload) Abort(cause error) { u.abort(cause) }

// Close ends the upload. It returns an error if the manifest is not safely on the disk.
func (u *Upload) Close() error {
	u.abort(nil)
	if u.manifest == nil {
		return nil
	}
	return u.manifest.close()
}

// Failed returns the number of objects that were not uploaded because of an error.
func (u *Upload) Failed() int { return u.tally.now().failed }

// Run posts the objects. When ctx ends it starts no further upload and waits for those
// in progress. It returns the first error that is not about a single object: of the
// listing, of the manifest, or of the output.
func (u *Upload) Run(ctx context.Context) error {
	taking, stop := context.WithCancel(ctx)
	defer stop()
	queue := make(chan listedObject, queueLength)
	var parts errgroup.Group
	parts.Go(func() error {
		defer close(queue)
		err := u.fill(taking, queue)
		if taking.Err() != nil {
			return nil // the one that ended it reports why
		}
		return err
	})
	if u.config.CountAhead {
		parts.Go(func() error {
			u.countAhead(taking)
			return nil
		})
	}
	for range u.config.Concurrency {
		parts.Go(func() error {
			for o := range queue {
				if taking.Err() != nil {
					return nil
				}
				if err := u.post(taking, o); err != nil {
					stop()
					return err
				}
			}
			return nil
		})
	}
	return whileSyncing(u.manifest, parts.Wait)
}

// fill puts the objects into the queue that have not been posted.
func (u *Upload) fill(ctx context.Context, queue chan<- listedObject) error {
	err := u.list(ctx, func(o listedObject) error {
		if o.isMarker() {
			u.tally.addMarker()
			return nil
		}
		u.tally.addListed(o.size)
		if u.manifest != nil && u.manifest.has(digestOf(u.config.PhoneNumberID, o.source(), o.etag)) {
			u.tally.addSkipped(o.size)
			return nil
		}
		select {
		case queue <- o:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if err == nil {
		u.tally.listingEnded()
	}
	return err
}

// countAhead counts the objects. The other listing reports errors.
func (u *Upload) countAhead(ctx context.Context) {
	err := u.list(ctx, func(o listedObject) error {
		if !o.isMarker() {
			u.tally.addCounted(o.size)
		}
		return nil
	})
	if err == nil {
		u.tally.listingEnded()
	}
}

// list calls each for every object under the prefixes, with one page in memory at a time.
func (u *Upload) list(ctx context.Context, each func(listedObject) error) error {
	for _, prefix := range u.config.Prefixes {
		pages := s3.NewListObjectsV2Paginator(u.config.Bucket, &s3.ListObjectsV2Input{Bucket: &prefix.Bucket, Prefix: &prefix.Key})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return fmt.Errorf("listing %s: %w", prefix, err)
			}
			for _, entry := range page.Contents {
				o := listedObject{bucket: prefix.Bucket, key: aws.ToString(entry.Key), etag: strings.Trim(aws.ToString(entry.ETag), `"`), size: aws.ToInt64(entry.Size)}
				if err := each(o); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// post uploads one object and writes its line. Its error is the manifest's or the output's.
func (u *Upload) post(taking context.Context, o listedObject) error {
	ended := u.tally.begin(o.source(), o.size)
	result := u.upload(taking, o)
	if result.Failed() && u.sending.Err() != nil {
		ended(nil) // nobody knows the outcome: it has no line, and the next run posts it
		return nil
	}
	ended(&outcome{failed: result.Failed(), source: result.Source, Failure: result.Failure})
	if u.manifest != nil {
		if err := u.manifest.add(result); err != nil {
			_, _ = u.config.Unrecorded.Write(result.line())
			return err
		}
	}
	if u.config.Output != nil {
		return u.lines.write(result.line())
	}
	return nil
}

// upload posts an object.
func (u *Upload) upload(taking context.Context, o listedObject) Result {
	ctx, cancel := context.WithTimeout(u.sending, fileTimeout)
	defer cancel()
	input := &socialmessaging.PostWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: &u.config.PhoneNumberID, SourceS3File: &socialmessaging.S3File{BucketName: &o.bucket, Key: &o.key},
	}
	started := time.Now()
	var result Result
	_ = patiently(ctx, taking, func() (err error) {
		result, err = post(ctx, u.config.Client, o.source(), input)
		return err
	})
	now := time.Now().UTC().Truncate(time.Millisecond)
	result.ETag, result.Size, result.PhoneNumberID, result.Time = o.etag, &o.size, u.config.PhoneNumberID, &now
	result.Millis = time.Since(started).Milliseconds()
	return result
}

// patiently calls the API, and again after a pause while the API throttles the call: a
// bulk should slow down, not fail. It gives up when ctx or taking ends.
func patiently(ctx, taking context.Context, call func() error) error {
	for try := 1; ; try++ {
		err := call()
		if exception, ok := socialmessaging.AsException(err); !ok || exception.Code != socialmessaging.KindThrottledRequest.Name || try == throttleTries {
			return err
		}
		select {
		case <-time.After(rand.N(min(time.Second<<try, throttleWait))):
		case <-taking.Done():
			return err
		case <-ctx.Done():
			return err
		}
	}
}
