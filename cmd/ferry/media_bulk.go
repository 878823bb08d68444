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

// runRecursive uploads all objects under the sources. On a terminal it draws bars and, if
// there is no manifest, writes the lines of output above them.
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
		notes, settings.Output, settings.CountAhead = tty.NewOutput(bars), bars, true
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
		_ = notes.Printf("Stopping after the uploads in progress. Interrupt again to abort them.\n")
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
		_ = notes.Printf("Interrupted. Run it again with the same manifest to continue.\n")
	} else if ctx.Err() != nil {
		_ = notes.Printf("Interrupted. A run with --manifest could be continued.\n")
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

// bucketClient returns the client that lists the bucket. It may have its own profile,
// because the access keys of ferry are not those of the store.
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
		return nil, fmt.Errorf("reading the AWS SDK's settings for S3: %w", err)
	}
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = usesPathStyle(o.BaseEndpoint)
	}), nil
}

// usesPathStyle reports whether the bucket is part of the path and not of the host name:
// most stores other than AWS S3 have no host name for each bucket.
func usesPathStyle(endpoint *string) bool {
	return endpoint != nil && !strings.Contains(*endpoint, ".amazonaws.com")
}
