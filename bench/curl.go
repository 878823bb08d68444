// The curl pipe as a mover.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/bench/child"
)

// curlWatchInterval is the time between two measurements of the memory of the
// running curl processes.
const curlWatchInterval = 20 * time.Millisecond

// measureCurl does the job with pairs of curl: curl URL | curl -F file=@- SINK.
// CPU time is that of all curl processes, peak memory that of those that ran at
// the same time.
func (j job) measureCurl(ctx context.Context) error {
	urls := make(map[string]string)
	signer := s3.NewPresignClient(j.client(nil))
	for _, key := range []string{objectKey(warmUpSize), j.key} {
		signed, err := signer.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: &key})
		if err != nil {
			return err
		}
		urls[key] = signed.URL
	}
	target := j.sink + "/v25.0/" + sinkPhone + "/media"
	var watch curlWatch
	if err := watch.pipe(ctx, urls[objectKey(warmUpSize)], target); err != nil {
		return fmt.Errorf("the first upload: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go watch.run(ctx)
	return j.report(ctx, syscall.RUSAGE_CHILDREN,
		func(ctx context.Context) error { return watch.pipe(ctx, urls[j.key], target) },
		func() (int64, error) {
			watch.measure()
			return watch.peak, nil
		})
}

// curlWatch knows which curl processes are running.
type curlWatch struct {
	mu      sync.Mutex
	running map[int]bool
	peak    int64
}

// pipe is one upload.
func (c *curlWatch) pipe(ctx context.Context, from, to string) error {
	get := exec.CommandContext(ctx, "curl", "-sSf", from)
	post := exec.CommandContext(ctx, "curl", "-sSf", "-F", "messaging_product=whatsapp", "-F", "file=@-;filename=x.txt;type=text/plain", to)
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	var answer bytes.Buffer
	get.Stdout, post.Stdin, post.Stdout = writer, reader, &answer
	get.Stderr, post.Stderr = os.Stderr, os.Stderr
	getErr := c.start(get)
	postErr := c.start(post)
	reader.Close()
	writer.Close()
	if getErr == nil {
		getErr = c.wait(get)
	}
	if postErr == nil {
		postErr = c.wait(post)
	}
	var accepted struct {
		ID string `json:"id"`
	}
	err = errors.Join(getErr, postErr, json.Unmarshal(answer.Bytes(), &accepted))
	if err == nil && accepted.ID == "" {
		err = errors.New("no media id")
	}
	if err != nil {
		return fmt.Errorf("curl: the sink answered %q: %w", answer.String(), err)
	}
	return nil
}

func (c *curlWatch) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = child.EndsWithParent()
	if err := cmd.Start(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == nil {
		c.running = make(map[int]bool)
	}
	c.running[cmd.Process.Pid] = true
	return nil
}

func (c *curlWatch) wait(cmd *exec.Cmd) error {
	err := cmd.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.running, cmd.Process.Pid)
	return err
}

func (c *curlWatch) run(ctx context.Context) {
	for {
		select {
		case <-time.After(curlWatchInterval):
			c.measure()
		case <-ctx.Done():
			return
		}
	}
}

// measure adds up the memory of the running curl processes.
func (c *curlWatch) measure() {
	c.mu.Lock()
	defer c.mu.Unlock()
	var sum int64
	for pid := range c.running {
		if resident, err := residentOf(pid, "VmRSS"); err == nil {
			sum += resident
		}
	}
	c.peak = max(c.peak, sum)
}
