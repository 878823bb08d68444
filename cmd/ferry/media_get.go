// ferry media get and ferry media delete: one call of the API each.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"ferry/internal/bulk"
	"ferry/internal/tty"
	"ferry/socialmessaging"
)

type mediaGetCommand struct {
	clientFlags
	PhoneNumberID string   `help:"Id or ARN of the phone number to which the file belongs." required:"" placeholder:"ID"`
	To            string   `help:"Bucket and prefix to download the file to. The key is PREFIX + media id + \".\" + MIME subtype, without separators." placeholder:"s3://BUCKET/PREFIX" required:"" xor:"destination"`
	ToURL         string   `name:"to-url" help:"URL, presigned for PUT, to download the file to." placeholder:"URL" required:"" xor:"destination"`
	Metadata      bool     `help:"Only print the type and the size." required:"" xor:"destination"`
	Header        []string `help:"Header to send to --to-url, with the value that was signed. May be repeated." placeholder:"'NAME: VALUE'" sep:"none"`
	MediaID       string   `arg:"" help:"Media id of the file." placeholder:"MEDIA_ID"`
}

// mediaResult is the result for one media id; its JSON is one line of output.
type mediaResult struct {
	MediaID  string `json:"mediaId"`
	MIMEType string `json:"mimeType,omitempty"`
	FileSize *int64 `json:"fileSize,omitempty"`
	Deleted  bool   `json:"deleted,omitempty"`
	Error    string `json:"error,omitempty"`
	Code     string `json:"code,omitempty"`
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
		result.Code, result.Error = bulk.Explain(err)
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

type mediaDeleteCommand struct {
	clientFlags
	PhoneNumberID string   `help:"Id or ARN of the phone number to which the files belong." required:"" placeholder:"ID"`
	MediaID       []string `arg:"" help:"Media ids of the files." placeholder:"MEDIA_ID"`
}

// Run deletes the files one after the other and prints a result for each.
func (c *mediaDeleteCommand) Run(ctx context.Context, terminal *terminal) error {
	client, err := c.client(ctx)
	if err != nil {
		return err
	}
	var failed error
	for _, id := range c.MediaID {
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted before %s", id)
		}
		result := mediaResult{MediaID: id}
		output, err := client.DeleteWhatsAppMessageMedia(ctx, &socialmessaging.DeleteWhatsAppMessageMediaInput{MediaId: &id, OriginationPhoneNumberId: &c.PhoneNumberID})
		switch {
		case err != nil:
			result.Code, result.Error = bulk.Explain(err)
		case output.Success == nil || !*output.Success:
			result.Error = "the response does not confirm the deletion"
		default:
			result.Deleted = true
		}
		if err := result.print(terminal); err != nil {
			failed = err
		}
	}
	return failed
}

// print writes a line of JSON, or of text on a terminal. It returns errReported for a failure.
func (g mediaResult) print(terminal *terminal) error {
	if !tty.IsTerminal(terminal.out) {
		encoder := json.NewEncoder(terminal.out)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(g); err != nil {
			return err
		}
	} else {
		outcome := "deleted"
		if g.Error != "" {
			outcome = "FAILED " + strings.TrimSpace(g.Code+" "+tty.Printable(g.Error))
		} else if !g.Deleted {
			outcome = tty.Printable(g.MIMEType)
			if g.FileSize != nil {
				outcome += ", " + tty.Size(*g.FileSize)
			}
		}
		fmt.Fprintf(terminal.out, "%s  %s\n", tty.Printable(g.MediaID), outcome)
	}
	if g.Error != "" {
		return errReported
	}
	return nil
}
