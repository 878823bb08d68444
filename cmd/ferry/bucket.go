// Local files that the API reads from a bucket.

package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/gabriel-vasile/mimetype"
)

// bucketFlags say where local files are put for the API.
type bucketFlags struct {
	Bucket    string `help:"Bucket of the API's store that local files are put into, with the AWS SDK's settings for S3." placeholder:"BUCKET" group:"Local files"`
	S3Profile string `name:"s3-profile" env:"FERRY_S3_PROFILE" help:"Profile in the AWS SDK's files whose credentials write the bucket. Default: the credentials for the API." placeholder:"NAME" group:"Local files"`
	S3Region  string `name:"s3-region" env:"FERRY_S3_REGION" help:"AWS region of the bucket. Default: the region of the API." placeholder:"REGION" group:"Local files"`
}

// putFile puts a local file into the bucket and returns its s3:// name. The key has the
// prefix and a digest of the content, so that the same file is one object.
func (b bucketFlags) putFile(ctx context.Context, api clientFlags, prefix, path string) (string, error) {
	if b.Bucket == "" {
		return "", errors.New("the API reads files from S3; set --bucket BUCKET to put the file there, or name an object s3://BUCKET/KEY")
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	digest := sha256.New()
	if _, err := io.Copy(digest, file); err != nil {
		return "", err
	}
	contentType, err := fileType(file, path)
	if err != nil {
		return "", err
	}
	client, err := (&mediaPostCommand{clientFlags: api, S3Profile: b.S3Profile, S3Region: b.S3Region}).bucketClient(ctx)
	if err != nil {
		return "", err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	key := prefix + hex.EncodeToString(digest.Sum(nil)[:16]) + "/" + filepath.Base(path)
	if _, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &b.Bucket, Key: &key, Body: file, ContentType: &contentType}); err != nil {
		return "", fmt.Errorf("putting it into the bucket %s: %w", b.Bucket, err)
	}
	return "s3://" + b.Bucket + "/" + key, nil
}

// fileType returns the Content-Type of a file: by its extension, or else by its bytes.
func fileType(file *os.File, path string) (string, error) {
	if known := mime.TypeByExtension(filepath.Ext(path)); known != "" {
		return known, nil
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	detected, err := mimetype.DetectReader(file)
	if err != nil {
		return "", err
	}
	return cmp.Or(detected.String(), "application/octet-stream"), nil
}
