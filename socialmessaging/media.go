// Shapes of the media operations.

package socialmessaging

// PostWhatsAppMessageMediaInput names a file and the phone number to upload it for.
// Exactly one of the two sources must be given.
type PostWhatsAppMessageMediaInput struct {
	// The phone number that will send the file: "phone-number-id-…" or its ARN. Required.
	OriginationPhoneNumberId *string `json:"originationPhoneNumberId,omitzero" required:"true" is:"WhatsAppPhoneNumberId"`
	// A file behind a presigned URL. Its headers must hold Content-Type.
	SourceS3PresignedUrl *S3PresignedUrl `json:"sourceS3PresignedUrl,omitzero"`
	// A file in a bucket.
	SourceS3File *S3File `json:"sourceS3File,omitzero"`
}

// PostWhatsAppMessageMediaOutput is the answer to an upload.
type PostWhatsAppMessageMediaOutput struct {
	// WhatsApp's id of the file, to be sent by the phone number that uploaded it. Valid for 30 days.
	MediaId *string `json:"mediaId,omitzero" is:"WhatsAppMediaId"`
}

// GetWhatsAppMessageMediaInput names a file at WhatsApp and where to put it.
// Both destinations together are refused; MetadataOnly needs none.
type GetWhatsAppMessageMediaInput struct {
	// WhatsApp's id of the file, uploaded or received. Required.
	MediaId *string `json:"mediaId,omitzero" required:"true" is:"WhatsAppMediaId"`
	// The phone number that the file belongs to: "phone-number-id-…" or its ARN. Required.
	OriginationPhoneNumberId *string `json:"originationPhoneNumberId,omitzero" required:"true" is:"WhatsAppPhoneNumberId"`
	// Answer type and size, and write nothing.
	MetadataOnly *bool `json:"metadataOnly,omitzero"`
	// A presigned URL to PUT the file to, and the headers to send.
	DestinationS3PresignedUrl *S3PresignedUrl `json:"destinationS3PresignedUrl,omitzero"`
	// A bucket and the beginning of a key: the object's key is this, the media
	// id, a dot and the subtype of the MIME type, without separators between.
	DestinationS3File *S3File `json:"destinationS3File,omitzero"`
}

// GetWhatsAppMessageMediaOutput is what WhatsApp says of the file.
type GetWhatsAppMessageMediaOutput struct {
	MimeType *string `json:"mimeType,omitzero"` // without parameters: "audio/ogg"
	FileSize *int64  `json:"fileSize,omitzero"` // bytes
}

// DeleteWhatsAppMessageMediaInput names a file at WhatsApp.
type DeleteWhatsAppMessageMediaInput struct {
	MediaId                  *string `query:"mediaId" required:"true" is:"WhatsAppMediaId"`                        // Required.
	OriginationPhoneNumberId *string `query:"originationPhoneNumberId" required:"true" is:"WhatsAppPhoneNumberId"` // Required.
}

// DeleteWhatsAppMessageMediaOutput is the answer to a deletion.
type DeleteWhatsAppMessageMediaOutput struct {
	Success *bool `json:"success,omitzero"`
}

// CreateWhatsAppMessageTemplateMediaInput names a file to be the example of a
// template's header.
type CreateWhatsAppMessageTemplateMediaInput struct {
	Id           *string `json:"id,omitzero" required:"true" is:"LinkedWhatsAppBusinessAccountId"` // "waba-…" or its ARN. Required.
	SourceS3File *S3File `json:"sourceS3File,omitzero"`
}

// CreateWhatsAppMessageTemplateMediaOutput is the answer to such an upload.
type CreateWhatsAppMessageTemplateMediaOutput struct {
	MetaHeaderHandle *string `json:"metaHeaderHandle,omitzero"` // for example.header_handle of a template; verbatim, may hold line breaks
}

// S3File names an object in a bucket. Validation messages do not show its members.
type S3File struct {
	_ struct{} `sensitive:"true"`

	BucketName *string `json:"bucketName,omitzero" required:"true" is:"S3FileBucketNameString"` // Required.
	Key        *string `json:"key,omitzero" required:"true" is:"S3FileKeyString"`               // Required.
}

// S3PresignedUrl is a presigned URL and the headers to send with it.
// Validation messages do not show its members.
type S3PresignedUrl struct {
	_ struct{} `sensitive:"true"`

	Url     *string           `json:"url,omitzero" required:"true" is:"S3PresignedUrlUrlString"` // Required.
	Headers map[string]string `json:"headers,omitzero" required:"true"`                          // Required; may be empty.
}
