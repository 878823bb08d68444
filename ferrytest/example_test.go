package ferrytest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/ferrytest"
	"ferry/socialmessaging"
)

// The main job: a picture is posted from a bucket and sent. The person reads it and
// answers, and both become events.
func Example() {
	test("TestOrder", func(t testing.TB) {
		w := ferrytest.Start(t)
		anna := w.Person("+4915112345678")

		// What the program under test does.
		ctx := context.Background()
		client := socialmessaging.NewFromConfig(w.AWSConfig())
		photo := w.Sample("sample.jpg")
		posted, err := client.PostWhatsAppMessageMedia(ctx, &socialmessaging.PostWhatsAppMessageMediaInput{
			OriginationPhoneNumberId: &w.PhoneNumberID, SourceS3File: photo.S3File(),
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.SendWhatsAppMessage(ctx, &socialmessaging.SendWhatsAppMessageInput{
			OriginationPhoneNumberId: &w.PhoneNumberID, MetaApiVersion: aws.String(w.GraphVersion),
			Message: fmt.Appendf(nil, `{"messaging_product": "whatsapp", "to": %q, "type": "image", "image": {"id": %q}}`, anna.Number(), *posted.MediaId),
		})
		if err != nil {
			t.Fatal(err)
		}

		// What its users see.
		m := w.Await(ferrytest.Delivered(anna, ferrytest.Type("image/jpeg")))
		anna.Reads(m)
		anna.Answers(m, "Thanks!")
		w.Await(ferrytest.Published(ferrytest.DefaultTopic, ferrytest.JSON("$.statuses[0].status", "read")))
		e := w.Await(ferrytest.Published(ferrytest.DefaultTopic, ferrytest.Text("Thanks!")))
		fmt.Println(m.Type, "delivered;", e.Name, "published")
	})
	// Output: image delivered; message.text published
}

// A person sends a voice note, which the program fetches into its bucket.
func ExamplePerson_Sends() {
	test("TestVoiceNote", func(t testing.TB) {
		w := ferrytest.Start(t)
		note := w.Person("+4915112345678").Sends(ferrytest.SampleFile("voice.ogg"))
		w.Await(ferrytest.Published(ferrytest.DefaultTopic, ferrytest.JSON("$.messages[0].audio.id", note.MediaID)))

		ctx := context.Background()
		_, err := w.Client().GetWhatsAppMessageMedia(ctx, &socialmessaging.GetWhatsAppMessageMediaInput{
			OriginationPhoneNumberId: &w.PhoneNumberID, MediaId: &note.MediaID,
			DestinationS3File: &socialmessaging.S3File{BucketName: &w.Bucket, Key: aws.String("inbound/")},
		})
		if err != nil {
			t.Fatal(err)
		}
		objects, err := s3.NewFromConfig(w.AWSConfig()).ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &w.Bucket})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(len(objects.Contents), "object of", *objects.Contents[0].Size, "bytes")
	})
	// Output: 1 object of 7792 bytes
}

// WhatsApp fails once, and the SDK's second attempt succeeds.
func ExampleWorld_Fault() {
	test("TestOverload", func(t testing.TB) {
		w := ferrytest.Start(t)
		w.Fault(ferrytest.Fault{Operation: "upload", ErrorCode: 131016, Times: 1})
		photo := w.Sample("sample.jpg")
		_, err := w.Client().PostWhatsAppMessageMedia(context.Background(), &socialmessaging.PostWhatsAppMessageMediaInput{
			OriginationPhoneNumberId: &w.PhoneNumberID, SourceS3File: photo.S3File(),
		})
		if err != nil {
			t.Fatal(err)
		}
		first := w.Await(ferrytest.Called("PostWhatsAppMessageMedia"))
		w.Await(ferrytest.Called("PostWhatsAppMessageMedia", ferrytest.Succeeded()))
		fmt.Println(first.Code)
	})
	// Output: DependencyException
}

// 25 hours later, only templates reach the person.
func ExampleWorld_Advance() {
	test("TestWindow", func(t testing.TB) {
		w := ferrytest.Start(t, ferrytest.Clock(time.Date(2027, time.March, 1, 12, 0, 0, 0, time.UTC)))
		anna := w.Person("+4915112345678")
		anna.Says("Hello")
		w.Advance(25 * time.Hour)

		_, err := w.Client().SendWhatsAppMessage(context.Background(), &socialmessaging.SendWhatsAppMessageInput{
			OriginationPhoneNumberId: &w.PhoneNumberID, MetaApiVersion: aws.String(w.GraphVersion),
			Message: fmt.Appendf(nil, `{"messaging_product": "whatsapp", "to": %q, "type": "text", "text": {"body": "Hi"}}`, anna.Number()),
		})
		if err != nil {
			t.Fatal(err)
		}
		w.Await(ferrytest.Failed(anna, ferrytest.Code("131047")))
		w.Never(time.Minute, ferrytest.Delivered(anna))
		fmt.Println(w.Now().Format("2 January"))
	})
	// Output: 2 March
}

// test runs a test function. In a program it is an ordinary one: func TestOrder(t *testing.T).
func test(name string, function func(t testing.TB)) {
	if log := failing(&testing.T{}, function); log != "" {
		fmt.Println(name, "failed:", log)
	}
}
