// The end of ferry demo: a picture is sent, and its events come back.

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ferry/internal/control"
	"ferry/internal/local"
	"ferry/socialmessaging"
)

const (
	demoRecipient = "+16505551234"
	// demoReadTimeout bounds how long the demo waits for the read event.
	demoReadTimeout = 30 * time.Second
)

// sendPicture uploads a sample, sends it to a simulated person, and prints the events
// of the message until the person has read it.
func (d *demo) sendPicture(ctx context.Context) error {
	posted, err := d.client.PostWhatsAppMessageMedia(ctx, &socialmessaging.PostWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: &d.world.PhoneNumberID,
		SourceS3File:             &socialmessaging.S3File{BucketName: aws.String(local.Bucket), Key: aws.String("sample.jpg")},
	})
	if err != nil {
		return err
	}
	if posted.MediaId == nil {
		return errors.New("the response has no media id")
	}
	message := fmt.Sprintf(`{"messaging_product":"whatsapp","to":%q,"type":"image","image":{"id":%q,"caption":"Hello from ferry"}}`, demoRecipient, *posted.MediaId)
	sent, err := d.client.SendWhatsAppMessage(ctx, &socialmessaging.SendWhatsAppMessageInput{
		OriginationPhoneNumberId: &d.world.PhoneNumberID, Message: []byte(message), MetaApiVersion: aws.String(local.GraphVersion),
	})
	if err != nil {
		return fmt.Errorf("sending the picture: %w", err)
	}
	if sent.MessageId == nil {
		return errors.New("the response has no message id")
	}
	_ = d.out.Printf("\nThe picture %s was sent to %s as message %s. Its events:\n", *posted.MediaId, demoRecipient, *sent.MessageId)
	options := d.client.Options()
	return d.printEvents(ctx, &control.Client{Endpoint: d.world.APIURL, Region: d.world.Region, Credentials: options.Credentials, HTTPClient: http.DefaultClient}, *sent.MessageId)
}

// printEvents prints the events of a message until one says that it was read.
func (d *demo) printEvents(ctx context.Context, client *control.Client, messageID string) error {
	ctx, cancel := context.WithTimeout(ctx, demoReadTimeout)
	defer cancel()
	input := control.ListEventsInput{Filter: control.Filter{ID: messageID, Kind: "event"}, Complete: true, Wait: listWait, Body: true}
	for {
		page, err := control.Do(ctx, client, control.ListEvents, input)
		if err != nil {
			return err
		}
		input.After = page.Next
		for _, e := range page.Events {
			_ = d.out.Printf("  %s  %s\n", e.CreatedAt.Local().Format("15:04:05.000"), e.Name)
			switch e.Name {
			case "status.failed":
				return fmt.Errorf("the message has failed: %s", e.Body)
			case "status.read":
				_ = d.out.Printf("\nThe last one, in the envelope that programs written for AWS read:\n")
				return d.out.JSONText(e.Body)
			}
		}
	}
}
