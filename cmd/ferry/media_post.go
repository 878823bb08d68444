// ferry media post: uploads files that are named one by one, or whole prefixes (media_bulk.go).

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ferry/internal/bulk"
	"ferry/socialmessaging"
)

type mediaPostCommand struct {
	clientFlags
	PhoneNumberID string   `help:"Id or ARN of the phone number that will send the files." required:"" placeholder:"ID"`
	ContentType   string   `env:"-" help:"Content-Type of the files behind presigned URLs. With the default, the server detects the type from the first bytes. Default: ${default}." default:"application/octet-stream" placeholder:"TYPE"`
	Concurrency   int      `env:"-" help:"Number of concurrent uploads. Default: ${default}." default:"4" placeholder:"N"`
	Recursive     bool     `env:"-" help:"Upload all objects under s3://BUCKET/PREFIX/, except directory markers." group:"Whole prefixes"`
	Manifest      string   `env:"-" help:"File to which a line of JSON is appended for each object. Run again with the same file, ferry skips the objects that already have a media id there for the same ETag and phone number, unless it is older than 30 days, and uploads the rest." placeholder:"FILE" group:"Whole prefixes"`
	S3Profile     string   `name:"s3-profile" env:"FERRY_S3_PROFILE" help:"Profile in the AWS SDK's files whose credentials list the bucket. Default: the credentials for the API." placeholder:"NAME" group:"Whole prefixes"`
	S3Region      string   `name:"s3-region" env:"FERRY_S3_REGION" help:"AWS region of the bucket. Default: the region of the API." placeholder:"REGION" group:"Whole prefixes"`
	Source        []string `arg:"" help:"s3://BUCKET/KEY or a presigned URL; with --recursive, s3://BUCKET/PREFIX/." placeholder:"SOURCE"`
}

// Run uploads the sources, several at once.
func (c *mediaPostCommand) Run(ctx context.Context, terminal *terminal) error {
	if c.Concurrency < 1 {
		return fmt.Errorf("--concurrency is %d; expected at least 1", c.Concurrency)
	}
	if c.Recursive {
		return c.runRecursive(ctx, terminal)
	}
	if c.Manifest != "" {
		return errors.New("--manifest requires --recursive")
	}
	files := make([]bulk.File, len(c.Source))
	for i, text := range c.Source {
		input, err := c.input(text)
		if err != nil {
			return err
		}
		files[i] = bulk.File{Source: withoutQuery(text), Input: input}
	}
	client, err := c.client(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(bulk.PostFiles(ctx, client, files, c.Concurrency, terminal.out), bulk.Result.Failed) {
		return errReported
	}
	return nil
}

// input parses a source.
func (c *mediaPostCommand) input(text string) (*socialmessaging.PostWhatsAppMessageMediaInput, error) {
	input := &socialmessaging.PostWhatsAppMessageMediaInput{OriginationPhoneNumberId: &c.PhoneNumberID}
	if location, ok := strings.CutPrefix(text, "s3://"); ok {
		bucket, key, _ := strings.Cut(location, "/")
		if bucket == "" || key == "" {
			return nil, fmt.Errorf("%q does not name an object; expected s3://BUCKET/KEY, or --recursive to upload the whole bucket", text)
		}
		if strings.HasSuffix(key, "/") {
			return nil, fmt.Errorf("%q ends with a slash, like a prefix; use --recursive to upload all objects under it", text)
		}
		input.SourceS3File = &socialmessaging.S3File{BucketName: &bucket, Key: &key}
		return input, nil
	}
	if !isLink(text) {
		return nil, fmt.Errorf("%q is not a source; expected s3://BUCKET/KEY or a presigned URL", withoutQuery(text))
	}
	input.SourceS3PresignedUrl = &socialmessaging.S3PresignedUrl{Url: &text, Headers: map[string]string{"Content-Type": c.ContentType}}
	return input, nil
}
