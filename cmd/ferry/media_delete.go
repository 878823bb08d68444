// ferry media delete: deletes files at WhatsApp.

package main

import (
	"context"
	"fmt"

	"ferry/internal/bulk"
	"ferry/socialmessaging"
)

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
			result.Failure = bulk.Explain(err)
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
