// ferry media post --recursive: every object under a prefix, through a queue
// of a fixed length.

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"ferry/socialmessaging"
)

const (
	queueLength   = 1000             // objects between the listing and the uploads; the listing waits
	fileTimeout   = 30 * time.Minute // of one file, the client's retries included
	throttleTries = 8                // uploads of one file that is throttled, beyond the client's own retries
	throttleWait  = 30 * time.Second // the longest wait between two of them
)

// listed is one object of a listing.
type listed struct {
	bucket, key, etag string
	size              int64
}

// marker reports whether it only stands for a directory.
func (o listed) marker() bool { return strings.HasSuffix(o.key, "/") && o.size == 0 }

func (o listed) source() string { return "s3://" + o.bucket + "/" + o.key }

// bulk posts every object under some prefixes.
type bulk struct {
	client        *socialmessaging.Client
	bucket        *s3.Client
	prefixes      []listed // without etag and size
	phoneNumberID string
	concurrency   int
	manifest      *manifest          // nil: none
	lines         func([]byte) error // takes every line of output, nil: none
	lost          io.Writer          // takes the line of an upload that the manifest did not take
	abort         context.Context    // done: end the uploads in progress
	tally         *tally             // what has been done
	count         bool               // list twice, to know early how much there is
}

func (c *mediaPostCommand) runRecursive(ctx context.Context, terminal *terminal) (err error) {
	prefixes, err := c.prefixes()
	if err != nil {
		return err
	}
	client, err := c.client(ctx)
	if err != nil {
		return err
	}
	bucket, err := c.bucketClient(ctx)
	if err != nil {
		return err
	}
	b := &bulk{
		client: client, bucket: bucket, prefixes: prefixes, phoneNumberID: c.PhoneNumberID, concurrency: max(c.Concurrency, 1),
		lost: terminal.err, abort: terminal.abort, tally: newTally(),
	}
	if c.Manifest != "" {
		if b.manifest, err = openManifest(c.Manifest, time.Now()); err != nil {
			return err
		}
		defer func() {
			if closing := b.manifest.close(); err == nil || errors.Is(err, errReported) {
				err = cmp.Or(closing, err)
			}
		}()
	}
	notes, start := terminal.err, "" // where people look; standard output is for programs
	b.lines = (&lineWriter{out: terminal.out}).write
	var bars *bulkBars
	if isTerminal(terminal.out) {
		bars = newBulkBars(terminal.out, b.tally, b.concurrency)
		notes, b.lines, b.count = bars, bars.line, true
		start = "\r" // the terminal has written ^C
	}
	if bars != nil && b.manifest != nil {
		b.lines = nil // they would push the bars away
	}
	warned := make(chan struct{})
	unwarned := context.AfterFunc(ctx, func() {
		defer close(warned)
		fmt.Fprintln(notes, start+"Stopping: files in flight are finished first. Interrupt again to end at once.")
	})
	problem := b.run(ctx)
	if !unwarned() {
		<-warned
	}
	if bars != nil {
		bars.end()
		notes = terminal.out
	}
	b.tally.summarize(notes)
	if ctx.Err() != nil && b.manifest != nil {
		fmt.Fprintln(notes, "Interrupted: start it again with the same manifest to go on.")
	} else if ctx.Err() != nil {
		fmt.Fprintln(notes, "Interrupted. With --manifest it could go on where it was.")
	}
	if problem == nil && (ctx.Err() != nil || b.tally.failures() > 0) {
		return errReported
	}
	return problem
}

// run gives the first error that is not a file's: of the listing, or of the output.
func (b *bulk) run(ctx context.Context) error {
	sending, cutOff := context.WithCancel(context.WithoutCancel(ctx))
	defer cutOff()
	defer context.AfterFunc(b.abort, cutOff)()
	taking, stop := context.WithCancel(ctx)
	defer stop()

	queue := make(chan listed, queueLength)
	var parts errgroup.Group
	parts.Go(func() error {
		defer close(queue)
		err := b.fill(taking, queue)
		if taking.Err() != nil {
			return nil // whoever ended it says why
		}
		return err
	})
	if b.count {
		parts.Go(func() error {
			err := b.list(taking, func(o listed) error {
				if !o.marker() {
					b.tally.count(o.size)
				}
				return nil
			})
			if err == nil { // the other listing reports errors
				b.tally.listingEnded()
			}
			return nil
		})
	}
	for range b.concurrency {
		parts.Go(func() error {
			for o := range queue {
				if taking.Err() != nil {
					return nil
				}
				if err := b.post(sending, taking, o); err != nil {
					stop()
					return err
				}
			}
			return nil
		})
	}
	return parts.Wait()
}

// fill lists into the queue what is not done yet.
func (b *bulk) fill(ctx context.Context, queue chan<- listed) error {
	err := b.list(ctx, func(o listed) error {
		if o.marker() {
			b.tally.marker()
			return nil
		}
		b.tally.list(o.size)
		if b.manifest != nil && b.manifest.has(b.phoneNumberID, o.source(), o.etag) {
			b.tally.skip(o.size)
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
		b.tally.listingEnded()
	}
	return err
}

// list gives every object under the prefixes, a page in memory at a time.
func (b *bulk) list(ctx context.Context, each func(listed) error) error {
	for _, prefix := range b.prefixes {
		pages := s3.NewListObjectsV2Paginator(b.bucket, &s3.ListObjectsV2Input{Bucket: &prefix.bucket, Prefix: &prefix.key})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return fmt.Errorf("listing %s: %w", prefix.source(), err)
			}
			for _, found := range page.Contents {
				o := listed{bucket: prefix.bucket, key: aws.ToString(found.Key), etag: strings.Trim(aws.ToString(found.ETag), `"`), size: aws.ToInt64(found.Size)}
				if err := each(o); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// post uploads one object and writes its line. Its error is the output's.
func (b *bulk) post(ctx, taking context.Context, o listed) error {
	landed := b.tally.takeOff(o)
	result := b.upload(ctx, taking, o)
	if result.failed() && ctx.Err() != nil {
		landed(nil) // nobody knows what became of it: no line, and the next run posts it
		return nil
	}
	landed(&result)
	if b.manifest != nil {
		if err := b.manifest.add(result); err != nil {
			_, _ = b.lost.Write(result.line())
			return err
		}
	}
	if b.lines != nil {
		return b.lines(result.line())
	}
	return nil
}

// upload posts an object, and again after a pause when it is throttled: a bulk
// upload is to slow down, not to fail.
func (b *bulk) upload(ctx, taking context.Context, o listed) posted {
	ctx, cancel := context.WithTimeout(ctx, fileTimeout)
	defer cancel()
	input := &socialmessaging.PostWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: &b.phoneNumberID, SourceS3File: &socialmessaging.S3File{BucketName: &o.bucket, Key: &o.key},
	}
	started := time.Now()
	var result posted
	for try := 1; ; try++ {
		result = post(ctx, b.client, o.source(), input)
		if result.Code != socialmessaging.KindThrottledRequest.Name || try == throttleTries {
			break
		}
		select {
		case <-time.After(rand.N(min(time.Second<<try, throttleWait))):
			continue
		case <-taking.Done():
		case <-ctx.Done():
		}
		break
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	result.ETag, result.Size, result.PhoneNumberID, result.Time = o.etag, &o.size, b.phoneNumberID, &now
	result.Millis = time.Since(started).Milliseconds()
	return result
}

// bucketClient makes the client that lists. ferry, unlike AWS, may have other
// keys than the store, hence a profile of its own.
func (c *mediaPostCommand) bucketClient(ctx context.Context) (*s3.Client, error) {
	var options []func(*config.LoadOptions) error
	if c.S3Profile != "" {
		options = append(options, config.WithSharedConfigProfile(c.S3Profile))
	}
	if region := cmp.Or(c.S3Region, c.Region); region != "" {
		options = append(options, config.WithRegion(region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("the AWS SDK's settings for S3: %w", err)
	}
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		// Stores other than AWS's seldom have a host name for each bucket.
		o.UsePathStyle = o.BaseEndpoint != nil && !strings.Contains(*o.BaseEndpoint, ".amazonaws.com")
	}), nil
}
