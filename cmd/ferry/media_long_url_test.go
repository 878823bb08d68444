package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/internal/local"
	"ferry/internal/sample"
	"ferry/socialmessaging"
)

// A role's session token makes the presigned URL longer than the API takes. The error says
// what to do, and both ways work.
func TestAURLThatIsTooLongIsAdvisedToBecomeAnObjectOrALongTermKey(t *testing.T) {
	world := startWorld(t)
	d := newDemo(world, nil)
	file := sample.Files()[0]
	_, err := d.bucket.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String(local.Bucket), Key: &file.Name, Body: bytes.NewReader(file.Data), ContentType: &file.ContentType,
	})
	if err != nil {
		t.Fatal(err)
	}
	presign := func(token string) string {
		client := s3.New(s3.Options{
			Region: world.Region, BaseEndpoint: &world.S3URL, UsePathStyle: true,
			Credentials: credentials.NewStaticCredentialsProvider(world.AccessKeyID, world.SecretAccessKey.Reveal(), token),
		})
		signed, err := s3.NewPresignClient(client).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(local.Bucket), Key: &file.Name}, s3.WithPresignExpires(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return signed.URL
	}
	post := func(input *socialmessaging.PostWhatsAppMessageMediaInput) error {
		input.OriginationPhoneNumberId = &world.PhoneNumberID
		_, err := d.client.PostWhatsAppMessageMedia(t.Context(), input)
		return err
	}
	byURL := func(url string) *socialmessaging.PostWhatsAppMessageMediaInput {
		return &socialmessaging.PostWhatsAppMessageMediaInput{SourceS3PresignedUrl: &socialmessaging.S3PresignedUrl{
			Url: &url, Headers: map[string]string{"Content-Type": file.ContentType},
		}}
	}
	long := presign(strings.Repeat("IQoJb3JpZ2luX2VjE/+=", 80))
	if len(long) <= 2000 {
		t.Fatalf("the URL has only %d characters", len(long))
	}
	err = post(byURL(long))
	exception, ok := socialmessaging.AsException(err)
	if !ok || exception.Code != "ValidationException" {
		t.Fatalf("%v, want a ValidationException", err)
	}
	for _, advice := range []string{"2000", "AWS's limit", "sourceS3File", "long-term access key"} {
		if !strings.Contains(exception.Message, advice) {
			t.Errorf("%q does not say %q", exception.Message, advice)
		}
	}
	if strings.Contains(exception.Message, "IQoJb3JpZ2lu") || strings.Contains(exception.Message, "X-Amz-Security-Token") {
		t.Errorf("the message shows the token: %s", exception.Message)
	}
	if err := post(&socialmessaging.PostWhatsAppMessageMediaInput{SourceS3File: &socialmessaging.S3File{BucketName: aws.String(local.Bucket), Key: &file.Name}}); err != nil {
		t.Errorf("as an object: %v", err)
	}
	if short := presign(""); len(short) > 2000 {
		t.Errorf("signed with a long-term key, the URL has %d characters", len(short))
	} else if err := post(byURL(short)); err != nil {
		t.Errorf("signed with a long-term key: %v", err)
	}
}
