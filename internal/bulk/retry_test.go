package bulk

import (
	"context"
	"net/http"
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

// impatientProxy is a proxy in front of the API that cancels the first request.
type impatientProxy struct {
	await    func() // cancels when it returns
	requests int
}

func (p *impatientProxy) Do(r *http.Request) (*http.Response, error) {
	if p.requests++; p.requests > 1 {
		return http.DefaultClient.Do(r)
	}
	ctx, cancel := context.WithCancel(r.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if response, err := http.DefaultClient.Do(r.WithContext(ctx)); err == nil {
			_ = response.Body.Close()
		}
	}()
	p.await()
	cancel()
	<-ended
	return &http.Response{StatusCode: http.StatusBadGateway, Status: "502 Bad Gateway", Body: http.NoBody}, nil
}

func TestRetryOfTheClientGetsTheUploadInProgress(t *testing.T) {
	world, err := local.Start(t.Context(), local.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := world.Close(); err != nil {
			t.Error(err)
		}
	}()
	keys := credentials.NewStaticCredentialsProvider(world.AccessKeyID, world.SecretAccessKey.Reveal(), "")
	bucket := s3.New(s3.Options{Region: world.Region, BaseEndpoint: &world.S3URL, UsePathStyle: true, Credentials: keys})
	_, err = bucket.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String(local.Bucket), Key: aws.String("a.txt"), Body: strings.NewReader("hello"), ContentType: aws.String("text/plain"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := world.Simulator.AddFault(metasim.Fault{Operation: metasim.OperationUpload, Latency: 300 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	proxy := &impatientProxy{await: func() { awaitFault(t, world.Simulator) }}
	client := socialmessaging.New(socialmessaging.Options{Region: world.Region, BaseEndpoint: &world.APIURL, HTTPClient: proxy, Credentials: keys})
	result, _ := post(t.Context(), client, "", &socialmessaging.PostWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: &world.PhoneNumberID, SourceS3File: &socialmessaging.S3File{BucketName: aws.String(local.Bucket), Key: aws.String("a.txt")},
	})
	uploads := 0
	for _, request := range world.Simulator.Requests() {
		if request.Operation == metasim.OperationUpload && request.MediaID != "" {
			uploads++
		}
	}
	if result.Failed() || proxy.requests != 2 || uploads != 1 {
		t.Errorf("%+v after %d requests and %d uploads, want a media id after two requests and one upload", result, proxy.requests, uploads)
	}
}

// awaitFault waits until the simulator's fault has been applied to a request.
func awaitFault(t *testing.T, simulator *metasim.Server) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); simulator.Faults()[0].Applied == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no request meets the fault")
		}
	}
}
