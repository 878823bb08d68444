// ferry media post --recursive.

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/internal/bulk"
	"ferry/internal/tty"
)

// runRecursive uploads every object under the sources. On a terminal it draws bars, and
// lines of output above them unless a manifest takes those.
func (c *mediaPostCommand) runRecursive(ctx context.Context, terminal *terminal) (err error) {
	settings, err := c.bulkConfig(ctx)
	if err != nil {
		return err
	}
	settings.Output, settings.Unrecorded = terminal.out, terminal.err
	notes := terminal.err // for people; standard output is for programs
	var bars *bulk.Bars
	if tty.IsTerminal(terminal.out) {
		bars = bulk.NewBars(terminal.out)
		notes, settings.Output, settings.CountAhead = bars, bars, true
		if c.Manifest != "" {
			settings.Output = nil
		}
	}
	upload, err := bulk.Open(settings)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, upload.Close()) }()
	defer terminal.onAbort(upload.Abort)()
	if bars != nil {
		bars.Show(upload)
	}
	warned := make(chan struct{})
	unwarned := context.AfterFunc(ctx, func() {
		defer close(warned)
		fmt.Fprintln(notes, "Stopping after the uploads in progress. Interrupt again to abort them.")
	})
	problem := upload.Run(ctx)
	if !unwarned() {
		<-warned
	}
	if bars != nil {
		bars.End()
		notes = terminal.out
	}
	upload.Summarize(notes)
	if ctx.Err() != nil && c.Manifest != "" {
		fmt.Fprintln(notes, "Interrupted. Run it again with the same manifest to continue.")
	} else if ctx.Err() != nil {
		fmt.Fprintln(notes, "Interrupted. With --manifest a later run could continue.")
	}
	if problem == nil && (ctx.Err() != nil || upload.Failed() > 0) {
		return errReported
	}
	return problem
}

// bulkConfig reads the flags.
func (c *mediaPostCommand) bulkConfig(ctx context.Context) (bulk.Config, error) {
	prefixes, err := bulk.ParsePrefixes(c.Source)
	if err != nil {
		return bulk.Config{}, fmt.Errorf("--recursive: %w", err)
	}
	client, err := c.client(ctx)
	if err != nil {
		return bulk.Config{}, err
	}
	bucket, err := c.bucketClient(ctx)
	return bulk.Config{
		Client: client, Bucket: bucket, Prefixes: prefixes, PhoneNumberID: c.PhoneNumberID, Concurrency: c.Concurrency, Manifest: c.Manifest,
	}, err
}

// bucketClient returns the client that lists. It may have a profile of its own: the keys
// for ferry, unlike those for AWS, need not be the store's.
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
		o.UsePathStyle = usesPathStyle(o.BaseEndpoint)
	}), nil
}

// usesPathStyle reports whether the bucket belongs into the path and not into the host
// name: stores other than AWS's seldom have a host name for each bucket.
func usesPathStyle(endpoint *string) bool {
	return endpoint != nil && !strings.Contains(*endpoint, ".amazonaws.com")
}
