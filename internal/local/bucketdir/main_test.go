package bucketdir_test

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"
	"go.uber.org/goleak"

	"ferry/internal/local/bucketdir"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const bucket = "ferry-media"

// world is a client of an S3 server that has a bucket.
type world struct {
	*s3.Client
	http *http.Client
}

// serve starts an S3 server as ferry dev does.
func serve(t *testing.T, backend gofakes3.Backend) world {
	t.Helper()
	server := httptest.NewServer(gofakes3.New(backend, gofakes3.WithV4Auth(map[string]string{"AKIA": "secret"}), gofakes3.WithLogger(logger{t})).Server())
	t.Cleanup(server.Close)
	return world{http: server.Client(), Client: s3.New(s3.Options{
		BaseEndpoint: aws.String(server.URL), Region: "us-east-1", UsePathStyle: true, HTTPClient: server.Client(), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIA", SecretAccessKey: "secret"}, nil
		}),
	})}
}

// logger logs the causes of InternalError responses.
type logger struct{ t *testing.T }

func (l logger) Print(level gofakes3.LogLevel, values ...any) {
	if level == gofakes3.LogErr {
		l.t.Log(values...)
	}
}

func open(t *testing.T, directory string) *bucketdir.Backend {
	t.Helper()
	backend, err := bucketdir.New(directory)
	must(t, err)
	return backend
}

// eachBackend runs a test with gofakes3's backend and with this one: in memory
// and in a directory, the S3 server must behave the same.
func eachBackend(t *testing.T, test func(t *testing.T, w world)) {
	for name, backend := range map[string]gofakes3.Backend{"s3mem": s3mem.New(), "bucketdir": open(t, t.TempDir())} {
		t.Run(name, func(t *testing.T) {
			w := serve(t, backend)
			w.create(t)
			test(t, w)
		})
	}
}

func (w world) create(t *testing.T) {
	t.Helper()
	_, err := w.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket)})
	must(t, err)
}

// put puts an object and checks the ETag of the response.
func (w world) put(t *testing.T, key, body string, options ...func(*s3.PutObjectInput)) {
	t.Helper()
	input := &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), Body: strings.NewReader(body)}
	for _, option := range options {
		option(input)
	}
	output, err := w.PutObject(t.Context(), input)
	must(t, err)
	equal(t, "ETag", aws.ToString(output.ETag), etag(body))
}

func (w world) get(t *testing.T, key string, options ...func(*s3.GetObjectInput)) (string, *s3.GetObjectOutput) {
	t.Helper()
	input := &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)}
	for _, option := range options {
		option(input)
	}
	output, err := w.GetObject(t.Context(), input)
	must(t, err)
	return text(t, output.Body), output
}

// keys returns the keys of a bucket.
func (w world) keys(t *testing.T) []string {
	t.Helper()
	return slices.Concat(w.pages(t, &s3.ListObjectsV2Input{})...)
}

// pages returns, page by page, keys followed by common prefixes.
func (w world) pages(t *testing.T, input *s3.ListObjectsV2Input) (pages [][]string) {
	t.Helper()
	input.Bucket = aws.String(bucket)
	for paginator := s3.NewListObjectsV2Paginator(w.Client, input); paginator.HasMorePages(); {
		page, err := paginator.NextPage(t.Context())
		must(t, err)
		names := []string{}
		for _, object := range page.Contents {
			names = append(names, aws.ToString(object.Key))
		}
		for _, common := range page.CommonPrefixes {
			names = append(names, aws.ToString(common.Prefix)+"*")
		}
		if pages = append(pages, names); len(pages) > 100 {
			t.Fatalf("pages without end: %.300q", pages)
		}
	}
	return pages
}

func etag(body string) string {
	sum := md5.Sum([]byte(body))
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func text(t *testing.T, body io.ReadCloser) string {
	t.Helper()
	defer body.Close()
	read, err := io.ReadAll(body)
	must(t, err)
	return string(read)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if got, want := fmt.Sprintf("%q", any(got)), fmt.Sprintf("%q", any(want)); got != want {
		t.Errorf("%s is %.300s, want %.300s", what, got, want)
	}
}

// code checks the code of an S3 error.
func code(t *testing.T, err error, want string) {
	t.Helper()
	var failure smithy.APIError
	if !errors.As(err, &failure) || failure.ErrorCode() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
}
