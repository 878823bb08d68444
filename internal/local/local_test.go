package local_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/internal/local"
	"ferry/metasim"
	"ferry/socialmessaging"
)

func start(t *testing.T, data string) *local.World {
	t.Helper()
	world, err := local.Start(t.Context(), local.Config{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	return world
}

func put(t *testing.T, world *local.World, key, text string) {
	t.Helper()
	client := s3.New(s3.Options{Region: world.Region, BaseEndpoint: &world.S3URL, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(world.AccessKeyID, world.SecretAccessKey.Reveal(), "")})
	_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(local.Bucket), Key: &key, Body: strings.NewReader(text), ContentType: aws.String("text/plain")})
	if err != nil {
		t.Fatal(err)
	}
}

// presign2 presigns a GET with Signature Version 2, as botocore's HmacV1QueryAuth does.
func presign2(world *local.World, path string, expires time.Time) string {
	seconds := fmt.Sprint(expires.Unix())
	mac := hmac.New(sha1.New, []byte(world.SecretAccessKey.Reveal()))
	_, _ = io.WriteString(mac, "GET\n\n\n"+seconds+"\n"+path)
	return world.S3URL + path + "?" + url.Values{
		"AWSAccessKeyId": {world.AccessKeyID}, "Expires": {seconds}, "Signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))},
	}.Encode()
}

func TestPresignedURLOfVersion2IsVerified(t *testing.T) {
	world := start(t, "")
	defer world.Close()
	put(t, world, "a b+c%é.txt", "hello")
	path := "/" + local.Bucket + "/a%20b%2Bc%25%C3%A9.txt"
	good := presign2(world, path, time.Now().Add(time.Hour))
	for name, test := range map[string]struct {
		url    string
		status int
	}{
		"right":              {good, 200},
		"expired":            {presign2(world, path, time.Now().Add(-time.Second)), 403},
		"of another key":     {strings.Replace(good, world.AccessKeyID, "AKIAOTHER", 1), 403},
		"of another object":  {strings.Replace(good, ".txt", ".tx", 1), 403},
		"with a longer life": {strings.Replace(good, "Expires=", "Expires=9", 1), 403},
		"with no signature":  {strings.Split(good, "&Signature=")[0], 403},
		"with more to sign":  {good + "&response-content-type=text/html", 403},
	} {
		response, err := http.Get(test.url)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.StatusCode != test.status || (test.status == 200) != (string(body) == "hello") {
			t.Errorf("%s: %d %s", name, response.StatusCode, body)
		}
	}
}

func post(t *testing.T, world *local.World, in socialmessaging.PostWhatsAppMessageMediaInput) string {
	t.Helper()
	client := socialmessaging.New(socialmessaging.Options{Region: world.Region, BaseEndpoint: aws.String(world.APIURL),
		Credentials: credentials.NewStaticCredentialsProvider(world.AccessKeyID, world.SecretAccessKey.Reveal(), "")})
	in.OriginationPhoneNumberId = &world.PhoneNumberID
	out, err := client.PostWhatsAppMessageMedia(t.Context(), &in)
	if err != nil {
		t.Fatal(err)
	}
	return *out.MediaId
}

func TestBucketAndPresignedURLAreSources(t *testing.T) {
	world := start(t, "")
	defer world.Close()
	put(t, world, "note.txt", "hello")
	link := presign2(world, "/"+local.Bucket+"/note.txt", time.Now().Add(time.Hour))
	for _, in := range []socialmessaging.PostWhatsAppMessageMediaInput{
		{SourceS3File: &socialmessaging.S3File{BucketName: aws.String(local.Bucket), Key: aws.String("note.txt")}},
		{SourceS3PresignedUrl: &socialmessaging.S3PresignedUrl{Url: &link, Headers: map[string]string{"Content-Type": "text/plain"}}},
	} {
		if media, ok := world.Simulator.Media(post(t, world, in)); !ok || media.Size != 5 {
			t.Errorf("%+v", media)
		}
	}
}

func TestWorldInADirectorySurvivesARestart(t *testing.T) {
	data := t.TempDir()
	first := start(t, data)
	put(t, first, "note.txt", "hello")
	in := socialmessaging.PostWhatsAppMessageMediaInput{SourceS3File: &socialmessaging.S3File{BucketName: aws.String(local.Bucket), Key: aws.String("note.txt")}}
	id := post(t, first, in)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := start(t, data)
	defer second.Close()
	if second.AccessKeyID != first.AccessKeyID || !second.SecretAccessKey.Equal(first.SecretAccessKey) ||
		second.PhoneNumberID != first.PhoneNumberID || second.BusinessAccountID != first.BusinessAccountID {
		t.Error("the access key or the ids have changed")
	}
	if media, ok := second.Simulator.Media(id); !ok || media.Size != 5 {
		t.Errorf("the simulator has %+v", media)
	}
	post(t, second, in) // the object exists, too
}

func TestStoppedWorldFinishesUploadsInProgress(t *testing.T) {
	world := start(t, "")
	defer world.Close()
	put(t, world, "note.txt", "hello")
	if _, err := world.Simulator.AddFault(metasim.Fault{Operation: metasim.OperationUpload, Latency: 100 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() {
		for world.Simulator.Faults()[0].Applied == 0 { // until the upload is at the simulator
			time.Sleep(time.Millisecond)
		}
		stop()
		stopped <- world.Wait(ctx)
	}()
	in := socialmessaging.PostWhatsAppMessageMediaInput{SourceS3File: &socialmessaging.S3File{BucketName: aws.String(local.Bucket), Key: aws.String("note.txt")}}
	if media, ok := world.Simulator.Media(post(t, world, in)); !ok || media.Size != 5 {
		t.Errorf("the simulator has %+v", media)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestErrorNamesThePortThatIsInUse(t *testing.T) {
	world := start(t, "")
	defer world.Close()
	var port int
	if _, err := fmt.Sscanf(world.APIURL, "http://127.0.0.1:%d", &port); err != nil {
		t.Fatal(err)
	}
	if _, err := local.Start(t.Context(), local.Config{PortBase: port}); err == nil || !strings.Contains(err.Error(), "--port-base") {
		t.Errorf("%v", err)
	}
}
