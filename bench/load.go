// ferry's callers.

package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"ferry/socialmessaging"
)

// callers call PostWhatsAppMessageMedia through the public Go client. They
// share this machine with the server that they load, so they do nothing else.
type callers struct {
	client *socialmessaging.Client
	phone  string // "phone-number-id-…"
	close  func()
}

func newCallers(endpoint, keyID, secret, phone string) *callers {
	transport := &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}
	client := socialmessaging.New(socialmessaging.Options{
		Region: region, Endpoint: endpoint,
		Credentials: credentials.NewStaticCredentialsProvider(keyID, secret, ""),
		HTTPClient:  &http.Client{Transport: transport},
		Retryer:     aws.NopRetryer{}, // what fails is to be seen
	})
	return &callers{client, phone, transport.CloseIdleConnections}
}

// post uploads one object.
func (c *callers) post(ctx context.Context, key string) error {
	output, err := c.client.PostWhatsAppMessageMedia(ctx, &socialmessaging.PostWhatsAppMessageMediaInput{
		OriginationPhoneNumberID: &c.phone,
		SourceS3File:             &socialmessaging.S3File{BucketName: aws.String(bucket), Key: &key},
	})
	if err == nil && aws.ToString(output.MediaID) == "" {
		err = fmt.Errorf("an upload of %s gave no media id", key)
	}
	return err
}

// postAll uploads an object n times, so many at once.
func (c *callers) postAll(ctx context.Context, key string, n, concurrency int) ([]time.Duration, error) {
	return repeat(ctx, n, concurrency, func(ctx context.Context) error { return c.post(ctx, key) })
}

// repeat does something n times, so many at once, and gives how long each took,
// shortest first. The first failure ends it.
func repeat(ctx context.Context, n, concurrency int, do func(context.Context) error) (took []time.Duration, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	took = make([]time.Duration, n)
	var next atomic.Int64
	var running sync.WaitGroup
	for range concurrency {
		running.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && ctx.Err() == nil; i = next.Add(1) - 1 {
				started := time.Now()
				if err := do(ctx); err != nil {
					cancel(err)
				}
				took[i] = time.Since(started)
			}
		})
	}
	running.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	slices.Sort(took)
	return took, nil
}
