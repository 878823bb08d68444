// The store: versitygw, a real S3 server, and the objects in it.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/bench/child"
)

const (
	region      = "us-east-1"
	bucket      = "bench"
	storeKey    = "testkey" // of the S3 server, which listens on this machine only
	storeSecret = "testsecret"
)

// store is the running S3 server.
type store struct {
	*child.Process
	url string
}

// startStore starts versitygw on the benchmark's objects, over https where
// there are certificates.
func startStore(ctx context.Context, root, dir, certificates string) (*store, error) {
	binary := os.Getenv("FERRY_VERSITYGW")
	if binary == "" {
		binary = filepath.Join(root, ".tools", "versitygw")
	}
	binary, err := filepath.Abs(binary) // children have another working directory
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(binary); err != nil {
		return nil, fmt.Errorf("the S3 server, versitygw v1.8.0, is missing; build it with 'make tools', or set FERRY_VERSITYGW to its path: %w", err)
	}
	files := filepath.Join(dir, "objects")
	if err := os.MkdirAll(files, 0o700); err != nil {
		return nil, err
	}
	address, err := child.FreeAddress()
	if err != nil {
		return nil, err
	}
	args, scheme := []string{"--port", address, "--quiet", "--keep-alive", "--health", "/health"}, "http"
	if certificates != "" {
		args, scheme = append(args, "--cert", filepath.Join(certificates, certificateFile), "--key", filepath.Join(certificates, keyFile)), "https"
	}
	p, err := child.Start(ctx, dir, "versitygw",
		child.Environment("ROOT_ACCESS_KEY="+storeKey, "ROOT_SECRET_KEY="+storeSecret),
		binary, append(args, "posix", files)...)
	if err != nil {
		return nil, err
	}
	s := &store{p, scheme + "://" + address}
	return s, s.WaitReady(ctx, s.url+"/health")
}

// put creates the bucket and stores an object of each size.
func (s *store) put(ctx context.Context, sizes []int64) error {
	client := s3.New(s3.Options{
		Region: region, BaseEndpoint: &s.url, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(storeKey, storeSecret, ""),
	})
	if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
		return err
	}
	for _, size := range sizes {
		_, err := client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: aws.String(bucket), Key: aws.String(objectKey(size)),
			Body: newFile(size), ContentLength: &size, ContentType: aws.String("text/plain"),
		})
		if err != nil {
			return fmt.Errorf("putting %s: %w", objectKey(size), err)
		}
	}
	return nil
}

// newFile returns the content of the object of a size: numbered lines of text,
// so that no two parts of it are the same.
func newFile(size int64) *io.SectionReader {
	return io.NewSectionReader(lines{}, 0, size)
}

// lines is a text without end, generated as it is read.
type lines struct{}

// line is one of them, with its number in place of the zeros.
const (
	line       = "line 0000000000 of a file that goes from a bucket to WhatsApp.\n"
	lineLength = int64(len(line))
)

// ReadAt fills p with the text at offset.
func (lines) ReadAt(p []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, errors.New("negative offset")
	}
	numbered := []byte(line)
	for n := 0; n < len(p); {
		number, start := (offset+int64(n))/lineLength, (offset+int64(n))%lineLength
		for i := len("line 000000000"); numbered[i] != ' '; i-- {
			numbered[i] = byte('0' + number%10)
			number /= 10
		}
		n += copy(p[n:], numbered[start:])
	}
	return len(p), nil
}
