// The media of ferry send.

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"ferry/internal/bulk"
	"ferry/internal/media"
	"ferry/socialmessaging"
)

// media returns what --media names, uploaded: by an earlier run with the same manifest,
// or now.
func (c *sendCommand) media(ctx context.Context, client *socialmessaging.Client) (*bulk.SentMedia, error) {
	source := withoutQuery(c.Media)
	if c.Manifest != "" {
		if known, err := bulk.CampaignMedia(c.Manifest, source); known != nil || err != nil {
			return known, err
		}
	}
	id, kind, err := c.upload(ctx, client)
	if err != nil {
		return nil, err
	}
	return &bulk.SentMedia{Source: source, ID: id, Kind: kind, Time: time.Now().UTC().Truncate(time.Millisecond)}, nil
}

// upload uploads what --media names, and returns its media id and the type of a message
// with it.
func (c *sendCommand) upload(ctx context.Context, client *socialmessaging.Client) (id, kind string, err error) {
	post := mediaPostCommand{clientFlags: c.clientFlags, PhoneNumberID: c.PhoneNumberID, ContentType: "application/octet-stream"}
	source := c.Media
	if !strings.HasPrefix(source, "s3://") && !isLink(source) {
		if source, err = c.putFile(ctx, c.clientFlags, "ferry-send/", c.Media); err != nil {
			return "", "", fmt.Errorf("--media %s: %w", c.Media, err)
		}
	}
	input, err := post.input(source)
	if err != nil {
		return "", "", err
	}
	output, err := client.PostWhatsAppMessageMedia(ctx, input)
	if err == nil && output.MediaId == nil {
		err = errors.New("the response has no media id")
	}
	if err != nil {
		return "", "", mediaError(c.Media, err)
	}
	metadataOnly := true
	metadata, err := client.GetWhatsAppMessageMedia(ctx, &socialmessaging.GetWhatsAppMessageMediaInput{
		MediaId: output.MediaId, OriginationPhoneNumberId: &c.PhoneNumberID, MetadataOnly: &metadataOnly,
	})
	if err == nil && metadata.MimeType == nil {
		err = errors.New("the response has no MIME type")
	}
	if err != nil {
		return "", "", mediaError(c.Media, err)
	}
	if kind = media.MessageType(*metadata.MimeType); c.Caption != "" && (kind == "audio" || kind == "sticker") {
		return "", "", fmt.Errorf("--caption: WhatsApp shows no text below %s of the type %s; send it as a message of its own", kind, *metadata.MimeType)
	}
	return *output.MediaId, kind, nil
}

// mediaObject returns the object of a message that shows a file.
func (c *sendCommand) mediaObject(media *bulk.SentMedia) map[string]any {
	object := map[string]any{"id": media.ID}
	if c.Caption != "" {
		object["caption"] = c.Caption
	}
	if media.Kind == "document" {
		object["filename"] = fileName(c.Media)
	}
	return object
}

// mediaError returns the error of a call for --media, without the query of a URL.
func mediaError(source string, err error) error {
	failure := bulk.Explain(err)
	return fmt.Errorf("--media %s: %s", withoutQuery(source), strings.TrimSpace(failure.Code+" "+failure.Error))
}

// fileName returns the last element of a path or URL.
func fileName(source string) string {
	source = withoutQuery(source)
	return source[strings.LastIndexAny(source, `/\`)+1:]
}
