// The roles of this binary when the benchmark starts it as a child process: the
// sink, or one of these movers.
//
//	bare     GetObject's body into a POST request, with net/http and the S3 SDK and nothing else: the practical limit
//	sha256   the same with a SHA-256 digest of every byte, as ferry takes it to verify an upload
//	naive    the first version of a program: everything in memory, all defaults
//	curl     curl | curl -F file=@-

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// playRole is main of a child process.
func playRole(name string, args []string) error {
	flags := flag.NewFlagSet(name, flag.ExitOnError)
	var j job
	listen := flags.String("listen", "127.0.0.1:0", "address of the sink")
	certificates := flags.String("certificates", "", "directory; the sink serves https")
	flags.StringVar(&j.store, "store", "", "URL of the S3 server")
	flags.StringVar(&j.sink, "sink", "", "URL of the sink")
	flags.StringVar(&j.key, "key", "", "object")
	flags.IntVar(&j.n, "n", 1, "uploads")
	flags.IntVar(&j.concurrency, "c", 1, "uploads at once")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx := context.Background()
	switch name {
	case "sink":
		return serveSink(*listen, *certificates)
	case "bare", "sha256":
		return j.measure(ctx, j.newBare(name == "sha256"))
	case "naive":
		return j.measure(ctx, j.newNaive())
	case "curl":
		return j.measureCurl(ctx)
	default:
		return fmt.Errorf("there is no role %q", name)
	}
}

// job is what a mover has to do.
type job struct {
	store, sink, key string
	n, concurrency   int
}

// printed is the line that a mover prints. Times are in seconds, memory in KiB.
type printed struct {
	Wall   float64 `json:"wall"`
	User   float64 `json:"user"`
	System float64 `json:"sys"`
	PeakKB int64   `json:"rss_kb"`
	Errors int     `json:"errors,omitzero"`
	P50    float64 `json:"p50"`
	P99    float64 `json:"p99"`
}

// measure does the job in this process, after one upload that is not timed.
func (j job) measure(ctx context.Context, move func(ctx context.Context, key string) error) error {
	if err := move(ctx, objectKey(warmUpSize)); err != nil {
		return fmt.Errorf("the first upload: %w", err)
	}
	return j.report(ctx, syscall.RUSAGE_SELF,
		func(ctx context.Context) error { return move(ctx, j.key) },
		func() (int64, error) { return residentOf(os.Getpid(), "VmHWM") })
}

// report does the timed part of the job and prints its result.
func (j job) report(ctx context.Context, who int, move func(context.Context) error, peak func() (int64, error)) error {
	var before, after syscall.Rusage
	if err := syscall.Getrusage(who, &before); err != nil {
		return err
	}
	started := time.Now()
	took, err := repeat(ctx, j.n, j.concurrency, move)
	if err != nil {
		return err
	}
	p := printed{Wall: time.Since(started).Seconds(), P50: percentile(took, 0.50).Seconds(), P99: percentile(took, 0.99).Seconds()}
	if err := syscall.Getrusage(who, &after); err != nil {
		return err
	}
	p.User = time.Duration(after.Utime.Nano() - before.Utime.Nano()).Seconds()
	p.System = time.Duration(after.Stime.Nano() - before.Stime.Nano()).Seconds()
	resident, err := peak()
	if err != nil {
		return err
	}
	p.PeakKB = resident / kib
	return json.NewEncoder(os.Stdout).Encode(p)
}

// tuned returns a transport with buffers for large files. It speaks HTTP/1.1
// over https, too, where one connection per upload is faster than streams.
func tuned() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Protocols:    protocols,
		MaxIdleConns: 256, MaxIdleConnsPerHost: 256, IdleConnTimeout: time.Minute, DisableCompression: true,
		ReadBufferSize: 256 * kib, WriteBufferSize: 256 * kib,
	}
}

func (j job) client(transport http.RoundTripper) *s3.Client {
	options := s3.Options{
		Region: region, BaseEndpoint: &j.store, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(storeKey, storeSecret, ""),
	}
	if transport != nil {
		options.HTTPClient = &http.Client{Transport: transport}
		options.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	}
	return s3.New(options)
}

// newBare returns a function that streams the form's head, the object and the
// form's tail.
func (j job) newBare(digest bool) func(context.Context, string) error {
	store, meta := j.client(tuned()), &http.Client{Transport: tuned()}
	head, tail, contentType := formAround()
	return func(ctx context.Context, key string) error {
		object, err := store.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: &key})
		if err != nil {
			return err
		}
		defer object.Body.Close()
		file := io.Reader(object.Body)
		if digest {
			file = io.TeeReader(file, sha256.New())
		}
		body := io.MultiReader(strings.NewReader(head), file, strings.NewReader(tail))
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, j.sink+"/v25.0/"+sinkPhone+"/media", body)
		if err != nil {
			return err
		}
		request.ContentLength = int64(len(head)+len(tail)) + aws.ToInt64(object.ContentLength)
		request.Header.Set("Content-Type", contentType)
		response, err := meta.Do(request)
		if err != nil {
			return err
		}
		return accepted(response)
	}
}

// formAround returns what precedes and follows the file in Meta's form.
func formAround() (head, tail, contentType string) {
	var text bytes.Buffer
	form := multipart.NewWriter(&text)
	// Writing to a bytes.Buffer does not fail.
	_ = form.WriteField("messaging_product", "whatsapp")
	_, _ = form.CreateFormFile("file", "x.txt")
	head = text.String()
	_ = form.Close()
	return head, text.String()[len(head):], form.FormDataContentType()
}

// newNaive returns a function that holds the file in memory twice.
func (j job) newNaive() func(context.Context, string) error {
	store := j.client(nil)
	return func(ctx context.Context, key string) error {
		object, err := store.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: &key})
		if err != nil {
			return err
		}
		defer object.Body.Close()
		file, err := io.ReadAll(object.Body)
		if err != nil {
			return err
		}
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		_ = form.WriteField("messaging_product", "whatsapp") // a bytes.Buffer does not fail
		part, err := form.CreateFormFile("file", "x.txt")
		if err != nil {
			return err
		}
		_, _ = part.Write(file)
		_ = form.Close()
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, j.sink+"/v25.0/"+sinkPhone+"/media", &body)
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", form.FormDataContentType())
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		return accepted(response)
	}
}

// accepted reads the sink's response.
func accepted(response *http.Response) error {
	defer response.Body.Close()
	var media struct {
		ID string `json:"id"`
	}
	if err := json.NewDecoder(response.Body).Decode(&media); err != nil {
		return fmt.Errorf("the sink answered %s: %w", response.Status, err)
	}
	if media.ID == "" {
		return fmt.Errorf("the sink answered %s without a media id", response.Status)
	}
	_, err := io.Copy(io.Discard, response.Body) // so that the connection can be reused
	return err
}
