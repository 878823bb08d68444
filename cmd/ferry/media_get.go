// ferry media get: downloads a file from WhatsApp.

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"ferry/internal/bulk"
	"ferry/socialmessaging"
)

type mediaGetCommand struct {
	clientFlags
	PhoneNumberID string   `help:"Id or ARN of the phone number to which the file belongs." required:"" placeholder:"ID"`
	To            string   `env:"-" help:"Bucket and prefix to download the file to. The key is PREFIX + media id + \".\" + MIME subtype, without separators." placeholder:"s3://BUCKET/PREFIX" required:"" xor:"destination"`
	ToURL         string   `name:"to-url" env:"-" help:"URL, presigned for PUT, to download the file to." placeholder:"URL" required:"" xor:"destination"`
	Metadata      bool     `env:"-" help:"Only print the type and the size." required:"" xor:"destination"`
	Header        []string `env:"-" help:"Header to send to --to-url, with the value that was signed. May be repeated." placeholder:"'NAME: VALUE'" sep:"none"`
	MediaID       string   `arg:"" help:"Media id of the file." placeholder:"MEDIA_ID"`
}

// Run calls GetWhatsAppMessageMedia and prints its result.
func (c *mediaGetCommand) Run(ctx context.Context, terminal *terminal) error {
	input, err := c.input()
	if err != nil {
		return err
	}
	client, err := c.client(ctx)
	if err != nil {
		return err
	}
	result := mediaResult{MediaID: c.MediaID}
	if output, err := client.GetWhatsAppMessageMedia(ctx, input); err != nil {
		result.Failure = bulk.Explain(err)
	} else {
		result.FileSize = output.FileSize
		if output.MimeType != nil {
			result.MIMEType = *output.MimeType
		}
	}
	return result.print(terminal)
}

func (c *mediaGetCommand) input() (*socialmessaging.GetWhatsAppMessageMediaInput, error) {
	input := &socialmessaging.GetWhatsAppMessageMediaInput{MediaId: &c.MediaID, OriginationPhoneNumberId: &c.PhoneNumberID}
	if len(c.Header) > 0 && c.ToURL == "" {
		return nil, errors.New("--header requires --to-url")
	}
	switch {
	case c.Metadata:
		input.MetadataOnly = &c.Metadata
	case c.To != "":
		location, ok := strings.CutPrefix(c.To, "s3://")
		bucket, key, _ := strings.Cut(location, "/")
		if !ok || bucket == "" {
			return nil, fmt.Errorf("--to %q: expected s3://BUCKET/PREFIX", withoutQuery(c.To))
		}
		input.DestinationS3File = &socialmessaging.S3File{BucketName: &bucket, Key: &key}
	default:
		if !isLink(c.ToURL) {
			return nil, fmt.Errorf("--to-url %q is not a URL", withoutQuery(c.ToURL))
		}
		headers := make(map[string]string)
		for _, text := range c.Header {
			name, value, ok := strings.Cut(text, ":")
			if name = strings.TrimSpace(name); !ok || name == "" {
				return nil, errors.New("--header: expected 'NAME: VALUE'") // the text may be a secret
			}
			headers[name] = strings.TrimSpace(value)
		}
		input.DestinationS3PresignedUrl = &socialmessaging.S3PresignedUrl{Url: &c.ToURL, Headers: headers}
	}
	return input, nil
}
