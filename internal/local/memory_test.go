package local_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/internal/local"
	"ferry/internal/memnet"
	"ferry/metasim"
	"ferry/socialmessaging"
)

// A whole world in a bubble: a picture is posted from the bucket and from a presigned
// URL, sent and read, a link is sent, and then a month passes.
func TestWorldOnANetworkInMemoryRunsInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := new(memnet.Network)
		world, err := local.Start(t.Context(), local.Config{Network: network})
		if err != nil {
			t.Fatal(err)
		}
		defer world.Close()
		transport := &http.Transport{DialContext: network.DialContext}
		defer transport.CloseIdleConnections()
		client := &http.Client{Transport: transport}
		key := credentials.NewStaticCredentialsProvider(world.AccessKeyID, world.SecretAccessKey.Reveal(), "")
		objects := s3.New(s3.Options{Region: world.Region, BaseEndpoint: &world.S3URL, UsePathStyle: true, Credentials: key, HTTPClient: client})
		object := &s3.PutObjectInput{Bucket: aws.String(local.Bucket), Key: aws.String("note.txt"), Body: strings.NewReader("hello"), ContentType: aws.String("text/plain")}
		if _, err := objects.PutObject(t.Context(), object); err != nil {
			t.Fatal(err)
		}
		link, err := s3.NewPresignClient(objects).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: object.Bucket, Key: object.Key})
		if err != nil {
			t.Fatal(err)
		}
		api := socialmessaging.New(socialmessaging.Options{Region: world.Region, BaseEndpoint: &world.APIURL, Credentials: key, HTTPClient: client})
		for _, in := range []*socialmessaging.PostWhatsAppMessageMediaInput{
			{SourceS3File: &socialmessaging.S3File{BucketName: object.Bucket, Key: object.Key}},
			{SourceS3PresignedUrl: &socialmessaging.S3PresignedUrl{Url: &link.URL, Headers: map[string]string{"Content-Type": "text/plain"}}},
		} {
			in.OriginationPhoneNumberId = &world.PhoneNumberID
			out, err := api.PostWhatsAppMessageMedia(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			send(t, api, world, `{"messaging_product":"whatsapp","to":"+4915112345678","type":"document","document":{"id":"`+*out.MediaId+`"}}`)
		}
		send(t, api, world, `{"messaging_product":"whatsapp","to":"+4915112345678","type":"document","document":{"link":"`+link.URL+`"}}`)
		read, err := world.Simulator.Wait(t.Context(), metasim.Wait{For: metasim.WaitMessage, Count: 3, Status: "read"})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		time.Sleep(31 * 24 * time.Hour)
		if now := world.Simulator.Now(); now.Sub(began) < 31*24*time.Hour {
			t.Errorf("the simulator's clock shows %v after a month from %v", now, began)
		}
		if media := world.Simulator.Requests()[0].MediaID; read.Messages[0].ID == "" || media == "" {
			t.Errorf("media %q", media)
		} else if _, ok := world.Simulator.Media(media); ok {
			t.Error("the file has not expired after 31 days")
		}
	})
}

// send sends a message of Meta's.
func send(t *testing.T, api *socialmessaging.Client, world *local.World, message string) {
	t.Helper()
	_, err := api.SendWhatsAppMessage(t.Context(), &socialmessaging.SendWhatsAppMessageInput{
		OriginationPhoneNumberId: &world.PhoneNumberID, MetaApiVersion: aws.String(local.GraphVersion), Message: []byte(message),
	})
	if err != nil {
		t.Fatal(err)
	}
}
