package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

const region = "us-east-1"

// The root key of the S3 servers. The secret is a canary, with characters that are
// different in a URL and in base64.
const (
	s3AccessKey = "e2eroot"
	s3SecretKey = "canarySecretOfTheStore/+8d1e=="
)

// s3Server is a running versitygw.
type s3Server struct {
	endpoint string
	client   *s3.Client
	cmd      *exec.Cmd
	root     string // directory with the buckets
}

// s3Options are the options of a versitygw.
type s3Options struct {
	tls           bool
	virtualDomain string // whose subdomains are buckets; the port is added
}

// shared is the S3 server of all tests that need no server of their own.
var shared struct {
	once   sync.Once
	server *s3Server
	err    error
}

// sharedS3 returns a versitygw over http that tests share. Each has its own buckets.
func sharedS3(t testing.TB) *s3Server {
	t.Helper()
	program := versitygwBinary(t)
	shared.once.Do(func() {
		directory := filepath.Join(runDirectory, "s3")
		if shared.err = os.Mkdir(directory, 0o700); shared.err == nil {
			shared.server, shared.err = startS3(program, directory, s3Options{})
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server
}

func stopSharedS3() {
	if shared.server != nil {
		shared.server.stop()
	}
}

// ownS3 runs a versitygw for one test.
func ownS3(t testing.TB, options s3Options) *s3Server {
	t.Helper()
	if options.tls {
		trusted(t)
	}
	server, err := startS3(versitygwBinary(t), t.TempDir(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.stop)
	return server
}

// startS3 tries several ports, in case another process uses a port that was free.
func startS3(program, directory string, options s3Options) (*s3Server, error) {
	var lastErr error
	for range 3 {
		server, err := tryS3(program, directory, options)
		if err == nil {
			return server, nil
		}
		lastErr = err
	}
	return nil, lastErr
}

func tryS3(program, directory string, options s3Options) (*s3Server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	server := &s3Server{endpoint: "http://" + address, root: filepath.Join(directory, "root")}
	args := []string{"--port", address, "--quiet", "--keep-alive", "--health", "/health"}
	if options.tls {
		c, err := ownCertificate()
		if err != nil {
			return nil, err
		}
		args = append(args, "--cert", c.certFile, "--key", c.keyFile)
		server.endpoint = "https://" + address
	}
	if options.virtualDomain != "" {
		args = append(args, "--virtual-domain", fmt.Sprintf("%s:%d", options.virtualDomain, port))
	}
	folders := map[string]string{}
	for _, name := range []string{"root", "iam", "versions"} {
		folders[name] = filepath.Join(directory, name)
		if err := os.MkdirAll(folders[name], 0o700); err != nil {
			return nil, err
		}
	}
	args = append(args, "--iam-dir", folders["iam"], "posix", "--versioning-dir", folders["versions"], folders["root"])
	var output bytes.Buffer
	server.cmd = exec.Command(program, args...)
	server.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + directory, "ROOT_ACCESS_KEY=" + s3AccessKey, "ROOT_SECRET_KEY=" + s3SecretKey}
	server.cmd.Stdout, server.cmd.Stderr = &output, &output
	if err := server.cmd.Start(); err != nil {
		return nil, err
	}
	exited := make(chan struct{})
	go func() { _ = server.cmd.Wait(); close(exited) }()
	for limit := time.Now().Add(startLimit); !answers(server.endpoint+"/health", http.StatusOK); {
		select {
		case <-exited:
			return nil, fmt.Errorf("versitygw ended when it started: %s", output.String())
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(limit) {
			server.stop()
			return nil, fmt.Errorf("versitygw has not answered within %v", startLimit)
		}
	}
	server.client = server.clientAt(server.endpoint)
	return server, nil
}

func (s *s3Server) stop() { _ = s.cmd.Process.Kill() }

// clientAt returns a client of the server at another address, such as a proxy's.
func (s *s3Server) clientAt(endpoint string, adjust ...func(*s3.Options)) *s3.Client {
	options := s3.Options{
		Region: region, BaseEndpoint: &endpoint, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(s3AccessKey, s3SecretKey, ""),
		HTTPClient:  &http.Client{Transport: trustingTransport()},
	}
	for _, f := range adjust {
		f(&options)
	}
	return s3.New(options)
}

// bucket creates a bucket for a test. Its name begins with prefix.
func (s *s3Server) bucket(t testing.TB, prefix string) string {
	t.Helper()
	name := prefix + "-" + strings.ToLower(rand.Text()[:10])
	if _, err := s.client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	return name
}

// put stores an object. Without a content type the store uses its default.
func (s *s3Server) put(t testing.TB, bucket, key string, data []byte, contentType string) (versionID string) {
	t.Helper()
	return s.putStream(t, bucket, key, bytes.NewReader(data), int64(len(data)), contentType)
}

func (s *s3Server) putStream(t testing.TB, bucket, key string, data io.ReadSeeker, size int64, contentType string) (versionID string) {
	t.Helper()
	input := &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: data, ContentLength: &size}
	if contentType != "" {
		input.ContentType = &contentType
	}
	output, err := s.client.PutObject(t.Context(), input)
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(output.VersionId)
}

// keepVersions turns versioning on.
func (s *s3Server) keepVersions(t testing.TB, bucket string) {
	t.Helper()
	_, err := s.client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: &bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// presign signs a GET request that is valid for an hour.
func (s *s3Server) presign(t testing.TB, bucket, key string) string {
	t.Helper()
	return presignWith(t, s.client, &s3.GetObjectInput{Bucket: &bucket, Key: &key}, time.Hour)
}

func presignWith(t testing.TB, client *s3.Client, input *s3.GetObjectInput, life time.Duration) string {
	t.Helper()
	signed, err := s3.NewPresignClient(client).PresignGetObject(context.WithoutCancel(t.Context()), input, s3.WithPresignExpires(life))
	if err != nil {
		t.Fatal(err)
	}
	return signed.URL
}

// createUser creates an S3 user without permissions for any bucket.
func (s *s3Server) createUser(t testing.TB, access, secret string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), versitygwBinary(t), "admin", "--access", s3AccessKey, "--secret", s3SecretKey,
		"--endpoint-url", s.endpoint, "create-user", "--access", access, "--secret", secret, "--role", "user")
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("creating an S3 user: %v: %s", err, output)
	}
}

// store is a value of ferry's --store.
type store struct {
	Buckets         []string `json:"buckets,omitempty"`
	Endpoint        string   `json:"endpoint"`
	Region          string   `json:"region,omitempty"`
	PathStyle       bool     `json:"path_style"`
	AccessKeyID     string   `json:"access_key_id"`
	SecretAccessKey string   `json:"secret_access_key"`
	RequestPayer    bool     `json:"request_payer,omitempty"`
	VerifyChecksums bool     `json:"verify_checksums,omitempty"`
}

func (s store) flag() string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings only
	}
	return "--store=" + string(text)
}

// store returns the server as a store in ferry's configuration.
func (s *s3Server) store(buckets ...string) store {
	return store{Buckets: buckets, Endpoint: s.endpoint, PathStyle: true, AccessKeyID: s3AccessKey, SecretAccessKey: s3SecretKey}
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
