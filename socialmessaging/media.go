// Shapes of the media operations.

package socialmessaging

// PostWhatsAppMessageMediaInput names a file and the phone number to upload it for.
// Exactly one of the two sources must be given.
type PostWhatsAppMessageMediaInput struct {
	// The phone number that will send the file: "phone-number-id-…" or its ARN. Required.
	OriginationPhoneNumberID *string `json:"originationPhoneNumberId,omitzero" required:"true" is:"WhatsAppPhoneNumberId"`
	// A file behind a presigned URL. Its headers must hold Content-Type.
	SourceS3PresignedURL *S3PresignedURL `json:"sourceS3PresignedUrl,omitzero"`
	// A file in a bucket.
	SourceS3File *S3File `json:"sourceS3File,omitzero"`
}

// PostWhatsAppMessageMediaOutput is the answer to an upload.
type PostWhatsAppMessageMediaOutput struct {
	// WhatsApp's id of the file, to be sent by the phone number that uploaded it. Valid for 30 days.
	MediaID *string `json:"mediaId,omitzero" is:"WhatsAppMediaId"`
}

// S3File names an object in a bucket. Validation messages do not show its members.
type S3File struct {
	_ struct{} `sensitive:"true"`

	BucketName *string `json:"bucketName,omitzero" required:"true" is:"S3FileBucketNameString"` // Required.
	Key        *string `json:"key,omitzero" required:"true" is:"S3FileKeyString"`               // Required.
}

// S3PresignedURL is a presigned URL and the headers to send with it.
// Validation messages do not show its members.
type S3PresignedURL struct {
	_ struct{} `sensitive:"true"`

	URL     *string           `json:"url,omitzero" required:"true" is:"S3PresignedUrlUrlString"` // Required.
	Headers map[string]string `json:"headers,omitzero" required:"true"`                          // Required; may be empty.
}
