// The callers of ferry.

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"ferry/socialmessaging"
)

// callers call PostWhatsAppMessageMedia with signed requests. They share the
// machine with the server, so they do as little as possible: a request is signed
// once and sent many times, each time as another call (amz-sdk-invocation-id),
// on kept connections.
type callers struct {
	address, phone string
	credentials    aws.Credentials

	calls    atomic.Int64
	mu       sync.Mutex
	requests map[string][]byte // by object key: a request up to the invocation id
	idle     []*callerConn
}

// callerConn is a kept connection.
type callerConn struct {
	net.Conn
	reader  *bufio.Reader
	request bytes.Buffer
}

// callEnd follows the invocation id, which is in the last header.
const callEnd = "\r\n\r\n"

func newCallers(endpoint, keyID, secret, phone string) *callers {
	return &callers{
		address: strings.TrimPrefix(endpoint, "http://"), phone: phone,
		credentials: aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret},
		requests:    make(map[string][]byte),
	}
}

// signed returns the request for an object up to the invocation id, and its
// body. Both are the same for each call: a run takes less than the 15 minutes
// for which a signature is valid.
func (c *callers) signed(ctx context.Context, key string) (head []byte, body string, err error) {
	operation := socialmessaging.PostWhatsAppMessageMedia
	input, err := json.Marshal(map[string]any{
		"originationPhoneNumberId": c.phone, "sourceS3File": map[string]string{"bucketName": bucket, "key": key},
	})
	if err != nil {
		return nil, "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if head = c.requests[key]; head != nil {
		return head, string(input), nil
	}
	request, err := http.NewRequestWithContext(ctx, operation.Method, "http://"+c.address+operation.Path, bytes.NewReader(input))
	if err != nil {
		return nil, "", err
	}
	request.Header.Set("Content-Type", "application/json")
	sum := sha256.Sum256(input)
	if err := v4.NewSigner().SignHTTP(ctx, c.credentials, request, hex.EncodeToString(sum[:]), socialmessaging.SigningName, region, time.Now()); err != nil {
		return nil, "", err
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", operation.Method, operation.Path, c.address, len(input))
	if err := request.Header.Write(&text); err != nil {
		return nil, "", err
	}
	text.WriteString("Amz-Sdk-Invocation-Id: ")
	c.requests[key] = text.Bytes()
	return text.Bytes(), string(input), nil
}

// post uploads one object.
func (c *callers) post(ctx context.Context, key string) error {
	head, body, err := c.signed(ctx, key)
	if err != nil {
		return err
	}
	conn, err := c.connection(ctx)
	if err != nil {
		return err
	}
	response, err := conn.call(ctx, head, fmt.Sprintf("call-%d", c.calls.Add(1)), body)
	if err != nil {
		_ = conn.Close()
		return fmt.Errorf("an upload of %s: %w", key, err)
	}
	c.mu.Lock()
	c.idle = append(c.idle, conn)
	c.mu.Unlock()
	if !bytes.Contains(response, []byte(`"mediaId":"`)) {
		return fmt.Errorf("the response to an upload of %s is %s", key, response)
	}
	return nil
}

func (c *callers) connection(ctx context.Context) (*callerConn, error) {
	c.mu.Lock()
	if n := len(c.idle); n > 0 {
		conn := c.idle[n-1]
		c.idle = c.idle[:n-1]
		c.mu.Unlock()
		return conn, nil
	}
	c.mu.Unlock()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", c.address)
	if err != nil {
		return nil, err
	}
	return &callerConn{Conn: conn, reader: bufio.NewReader(conn)}, nil
}

// call sends a request and returns the body of the response, whatever its status.
func (c *callerConn) call(ctx context.Context, head []byte, invocation, body string) ([]byte, error) {
	deadline, _ := ctx.Deadline()
	if err := c.SetDeadline(deadline); err != nil {
		return nil, err
	}
	c.request.Reset()
	c.request.Write(head)
	c.request.WriteString(invocation + callEnd + body)
	if _, err := c.Write(c.request.Bytes()); err != nil {
		return nil, err
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body)
}

func (c *callers) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.idle {
		_ = conn.Close()
	}
}

// postAll uploads an object n times, concurrency at once.
func (c *callers) postAll(ctx context.Context, key string, n, concurrency int) ([]time.Duration, error) {
	return repeat(ctx, n, concurrency, func(ctx context.Context) error { return c.post(ctx, key) })
}

// repeat calls do n times, concurrency at once, and returns how long each call
// took, in ascending order. The first error ends it.
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
