package social_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"

	"ferry/internal/object"
	"ferry/internal/sample"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/metasim"
	"ferry/socialmessaging"
)

func (w *world) template(waba, key string) (string, error) {
	out, err := w.client(w.key).CreateWhatsAppMessageTemplateMedia(w.t.Context(), &socialmessaging.CreateWhatsAppMessageTemplateMediaInput{Id: &waba, SourceS3File: toFile(key)})
	if err != nil {
		return "", err
	}
	return *out.MetaHeaderHandle, nil
}

// checkHandle compares what a handle stands for with a file.
func checkHandle(t *testing.T, w *world, handle string, data []byte, contentType string) {
	t.Helper()
	sum := sha256.Sum256(data)
	got, ok := w.simulator.Handle(handle)
	if !ok || got.AppID != "500" || got.Size != int64(len(data)) || got.SHA256 != hex.EncodeToString(sum[:]) || got.MIMEType != contentType {
		t.Errorf("handle %q stands for %+v, %v", handle, got, ok)
	}
}

func TestTemplateMediaGetsAHandle(t *testing.T) {
	w := newWorld(t)
	for _, file := range sample.Files() {
		w.put(file.Name, file.ContentType, file.Data)
		handle, err := w.template(w.waba, file.Name)
		switch file.ContentType {
		case "application/pdf", "image/jpeg", "image/png", "video/mp4":
			w.must(err)
			checkHandle(t, w, handle, file.Data, file.ContentType)
		default:
			if exception, ok := errors.AsType[*socialmessaging.InvalidParametersException](err); !ok || !strings.Contains(exception.ErrorMessage(), "template media must be one of") {
				t.Errorf("%s: %v", file.Name, err)
			}
		}
	}
}

func TestTemplateMediaIsTakenUpWhereItBroke(t *testing.T) {
	w := newWorld(t)
	data := append([]byte("%PDF-1.4\n"), make([]byte, 8<<20)...)
	data = append(data, "\n%%EOF\n"...)
	w.put("large.pdf", "application/pdf", data)
	for _, cut := range []int64{1 << 20, 5 << 20} {
		_, err := w.simulator.AddFault(metasim.Fault{Operation: metasim.OperationUploadBytes, CutAfterBytes: cut, Times: 1})
		w.must(err)
	}
	handle, err := w.template(w.waba, "large.pdf")
	w.must(err)
	checkHandle(t, w, handle, data, "application/pdf")
	sent := 0
	for _, request := range w.simulator.Requests() {
		if request.Operation == metasim.OperationUploadBytes {
			sent += int(request.BytesRead)
		}
	}
	if sent > len(data)+len(data)/2 {
		t.Errorf("%d bytes were sent of a file of %d: it started over", sent, len(data))
	}
	line := lastLine(t, w.log)
	if retried, _ := line["retried"].([]any); line["attempts"] != float64(3) || len(retried) != 2 || line["posts"] != float64(3) || line["resumes"] != nil {
		t.Errorf("logged %v", line)
	}
}

// cuttingStore is an S3 server that cuts its first answer off after a number of
// bytes, and records the requested ranges.
type cuttingStore struct {
	http.Handler
	cutAt int

	mu     sync.Mutex
	ranges []string
}

func (c *cuttingStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		c.Handler.ServeHTTP(w, r)
		return
	}
	c.mu.Lock()
	isFirst := len(c.ranges) == 0
	c.ranges = append(c.ranges, r.Header.Get("Range"))
	c.mu.Unlock()
	if isFirst {
		w = &cutAnswer{w, c.cutAt}
	}
	c.Handler.ServeHTTP(w, r)
}

type cutAnswer struct {
	http.ResponseWriter
	left int
}

func (c *cutAnswer) Write(p []byte) (int, error) {
	if len(p) < c.left {
		c.left -= len(p)
		return c.ResponseWriter.Write(p)
	}
	_, _ = c.ResponseWriter.Write(p[:c.left])
	panic(http.ErrAbortHandler)
}

// What WhatsApp has is not read from the store again.
func TestTemplateMediaReadsTheRestOnly(t *testing.T) {
	front := &cuttingStore{Handler: gofakes3.New(s3mem.New(), gofakes3.WithV4Auth(map[string]string{"S3KEY": s3Secret})).Server(), cutAt: 200_000}
	server := httptest.NewServer(front)
	defer server.Close()
	objects, err := object.New(t.Context(), object.Config{RetryBackoff: time.Millisecond, Stores: []object.StoreConfig{
		{Endpoint: server.URL, PathStyle: true, AccessKeyID: "S3KEY", SecretAccessKey: secret.New(s3Secret)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer objects.Close()
	w := newWorld(t, func(c *settings) { c.objects = objects })
	w.s3 = s3.New(s3.Options{Region: "us-east-1", BaseEndpoint: &server.URL, UsePathStyle: true, Credentials: credentials.NewStaticCredentialsProvider("S3KEY", s3Secret, "")})
	_, err = w.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket)})
	w.must(err)
	data := append([]byte("%PDF-1.4\n"), make([]byte, 8<<20)...)
	data = append(data, "\n%%EOF\n"...)
	w.put("large.pdf", "application/pdf", data)
	front.ranges = nil
	_, err = w.simulator.AddFault(metasim.Fault{Operation: metasim.OperationUploadBytes, CutAfterBytes: 5 << 20, Times: 1})
	w.must(err)
	handle, err := w.template(w.waba, "large.pdf")
	w.must(err)
	checkHandle(t, w, handle, data, "application/pdf")
	front.mu.Lock()
	defer front.mu.Unlock()
	if last := len(front.ranges) - 1; front.ranges[last] != "bytes=5242880-" || !slices.Contains(front.ranges, "bytes=200000-") {
		t.Errorf("asked for %q", front.ranges)
	}
	line := lastLine(t, w.log)
	if retried, _ := line["retried"].([]any); line["attempts"] != float64(2) || len(retried) != 1 || line["resumes"] != float64(1) {
		t.Errorf("logged %v", line)
	}
}

func TestTemplateMediaNeedsAnApp(t *testing.T) {
	w := newWorld(t)
	linked, err := w.state.Link(t.Context(), state.BusinessAccount{AccountID: account, MetaID: "200", Token: secret.New("t")})
	w.must(err)
	_, err = w.template("waba-"+linked.ID, "sample.pdf")
	if exception, ok := errors.AsType[*socialmessaging.InvalidParametersException](err); !ok || !strings.Contains(exception.ErrorMessage(), "--app-id") {
		t.Errorf("%v", err)
	}
	_, err = w.template("waba-00000000000000000000000000000000", "sample.pdf")
	if _, ok := errors.AsType[*socialmessaging.ResourceNotFoundException](err); !ok {
		t.Errorf("%v", err)
	}
}
