package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"sync"
	"testing"
)

// nodeSession is a running process with the AWS SDK for JavaScript,
// node/session.mjs. It reads one call per line and writes its outcome.
type nodeSession struct {
	t      testing.TB
	url    string // of the API
	key    accessKey
	mu     sync.Mutex
	input  io.Writer
	output *bufio.Scanner
}

// jsCall is a line for session.mjs.
type jsCall struct {
	Operation string `json:"operation"` // without "Command"; or "presign", "presignPut", "paginate", "operations"
	Input     any    `json:"input"`

	Endpoint    string `json:"endpoint"`
	Region      string `json:"region"`
	KeyID       string `json:"keyId"`
	Secret      string `json:"secret"`
	ClockOffset int    `json:"clockOffset,omitempty"` // milliseconds by which the caller's clock is ahead
	PathStyle   bool   `json:"pathStyle,omitempty"`   // of presign
	Seconds     int    `json:"seconds,omitempty"`     // for which a presigned URL is valid
}

// startNode starts a session that calls an API with a key.
func startNode(t testing.TB, url string, key accessKey) *nodeSession {
	t.Helper()
	cmd := exec.Command(nodeBinary(t), "node/session.mjs")
	cmd.Env = environment(t.TempDir(), "NODE_EXTRA_CA_CERTS="+trusted(t).certFile)
	stderr := newTranscript()
	cmd.Stderr = stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = input.Close() // which ends the process
		if err := cmd.Wait(); err != nil {
			t.Errorf("session.mjs: %v\n%s", err, stderr)
		}
	})
	n := &nodeSession{t: t, url: url, key: key, input: input, output: bufio.NewScanner(output)}
	n.output.Buffer(nil, 1<<20)
	return n
}

// members are the members of an input.
type members = map[string]any

// call makes a call and returns its outcome. adjust changes how it is made.
func (n *nodeSession) call(operation string, input any, adjust ...func(*jsCall)) outcome {
	n.t.Helper()
	call := jsCall{Operation: operation, Input: input, Endpoint: n.url, Region: region, KeyID: n.key.id, Secret: n.key.secret}
	for _, f := range adjust {
		f(&call)
	}
	line, err := json.Marshal(call)
	if err != nil {
		n.t.Fatal(err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, err := n.input.Write(append(line, '\n')); err != nil {
		n.t.Fatal(err)
	}
	if !n.output.Scan() {
		n.t.Fatalf("session.mjs ended: %v", n.output.Err())
	}
	var result outcome
	if err := json.Unmarshal(n.output.Bytes(), &result); err != nil {
		n.t.Fatalf("session.mjs wrote %q: %v", n.output.Text(), err)
	}
	return result
}

// post calls PostWhatsAppMessageMedia.
func (n *nodeSession) post(input any, adjust ...func(*jsCall)) outcome {
	n.t.Helper()
	return n.call("PostWhatsAppMessageMedia", input, adjust...)
}

// presign signs a GET request with @aws-sdk/s3-request-presigner.
func (n *nodeSession) presign(endpoint, bucket, key string, adjust ...func(*jsCall)) string {
	n.t.Helper()
	return n.sign("presign", endpoint, members{"Bucket": bucket, "Key": key}, adjust...)
}

// presignPut signs a PUT request with a content type.
func (n *nodeSession) presignPut(endpoint, bucket, key, contentType string) string {
	n.t.Helper()
	return n.sign("presignPut", endpoint, members{"Bucket": bucket, "Key": key, "ContentType": contentType})
}

func (n *nodeSession) sign(operation, endpoint string, input members, adjust ...func(*jsCall)) string {
	n.t.Helper()
	result := n.call(operation, input, append([]func(*jsCall){func(c *jsCall) {
		c.Endpoint, c.KeyID, c.Secret, c.PathStyle, c.Seconds = endpoint, s3AccessKey, s3SecretKey, true, 900
	}}, adjust...)...)
	if result.Error != nil {
		n.t.Fatalf("signing a URL: %s: %s", result.Error.Name, result.Error.Message)
	}
	var url string
	if err := json.Unmarshal(result.Output, &url); err != nil {
		n.t.Fatal(err)
	}
	return url
}

func jsFromBucket(phone, bucket, key string) members {
	return members{"originationPhoneNumberId": phone, "sourceS3File": members{"bucketName": bucket, "key": key}}
}

func jsFromURL(phone, url, contentType string) members {
	return members{"originationPhoneNumberId": phone, "sourceS3PresignedUrl": members{"url": url, "headers": members{"Content-Type": contentType}}}
}
