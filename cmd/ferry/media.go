// ferry media: a client of the media operations.

package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"ferry/internal/bulk"
	"ferry/socialmessaging"
)

type mediaCommands struct {
	Post   mediaPostCommand   `cmd:"" help:"Upload files to WhatsApp and print their media ids."`
	Get    mediaGetCommand    `cmd:"" help:"Put a file of WhatsApp's into a bucket or behind a presigned URL, or tell its type and size."`
	Delete mediaDeleteCommand `cmd:"" help:"Delete files at WhatsApp."`
	Lint   mediaLintCommand   `cmd:"" help:"Say what WhatsApp would not take, not deliver or show badly; needs no server."`
	Stats  mediaStatsCommand  `cmd:"" help:"Say what was uploaded and what reuse has spared (on the server's database)."`
}

type mediaPostCommand struct {
	clientFlags
	PhoneNumberID string   `help:"The phone number that will send the files: id or ARN." required:"" placeholder:"ID"`
	ContentType   string   `help:"Content-Type of presigned URLs; the default lets the server find the type by the file's first bytes. Default: ${default}." default:"application/octet-stream" placeholder:"TYPE"`
	Concurrency   int      `help:"Uploads at once. Default: ${default}." default:"4" placeholder:"N"`
	Recursive     bool     `help:"Upload every object under s3://BUCKET/PREFIX/; directory markers are passed over." group:"Whole prefixes"`
	Manifest      string   `help:"Append a JSON line for each object to this file. Started again with it, ferry passes over what has a media id there that is younger than 30 days, for the same ETag and phone number, and tries again what failed." placeholder:"FILE" group:"Whole prefixes"`
	S3Profile     string   `name:"s3-profile" env:"FERRY_S3_PROFILE" help:"Profile of the AWS SDK's files to list the bucket with. Default: the credentials that call the API." placeholder:"NAME" group:"Whole prefixes"`
	S3Region      string   `name:"s3-region" env:"FERRY_S3_REGION" help:"Region to list the bucket in. Default: that of the API." placeholder:"REGION" group:"Whole prefixes"`
	Source        []string `arg:"" help:"s3://BUCKET/KEY, or a presigned URL; with --recursive s3://BUCKET/PREFIX/." placeholder:"SOURCE"`
}

// Run uploads the sources, several at once.
func (c *mediaPostCommand) Run(ctx context.Context, terminal *terminal) error {
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

// input reads a source as a person types it.
func (c *mediaPostCommand) input(text string) (*socialmessaging.PostWhatsAppMessageMediaInput, error) {
	input := &socialmessaging.PostWhatsAppMessageMediaInput{OriginationPhoneNumberId: &c.PhoneNumberID}
	if location, ok := strings.CutPrefix(text, "s3://"); ok {
		bucket, key, _ := strings.Cut(location, "/")
		if bucket == "" || key == "" {
			return nil, fmt.Errorf("%q is not a file in a bucket; expected s3://BUCKET/KEY, or --recursive for all that is in it", text)
		}
		if strings.HasSuffix(key, "/") {
			return nil, fmt.Errorf("%q ends in a slash, as a prefix does; give --recursive to upload all that is under it", text)
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

func isLink(text string) bool {
	link, err := url.Parse(text)
	return err == nil && link.Host != "" && (link.Scheme == "https" || link.Scheme == "http")
}

// withoutQuery is a source without what makes it secret: a URL's query.
func withoutQuery(source string) string {
	if !strings.HasPrefix(source, "s3://") {
		source, _, _ = strings.Cut(source, "?")
	}
	return source
}
