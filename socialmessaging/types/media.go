// Where files come from and go to.

package types

// S3File names an object in a bucket. Validation messages do not show its
// members.
type S3File struct {
	_ struct{} `sensitive:"true"`

	BucketName *string `json:"bucketName,omitzero" required:"true" is:"S3FileBucketNameString"`
	Key        *string `json:"key,omitzero" required:"true" is:"S3FileKeyString"`
}

// S3PresignedUrl is a presigned URL and the headers to send with it. Validation
// messages do not show its members.
type S3PresignedUrl struct {
	_ struct{} `sensitive:"true"`

	Url     *string           `json:"url,omitzero" required:"true" is:"S3PresignedUrlUrlString"`
	Headers map[string]string `json:"headers,omitzero" required:"true"`
}
