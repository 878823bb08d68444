// Shapes of the media operations.

package socialmessaging

import (
	"github.com/aws/smithy-go/middleware"

	"ferry/socialmessaging/types"
)

// PostWhatsAppMessageMediaInput names a file and the phone number to upload it
// for. Exactly one of the two sources is required.
type PostWhatsAppMessageMediaInput struct {
	// The phone number that will send the file: "phone-number-id-…" or its ARN. Required.
	OriginationPhoneNumberId *string `json:"originationPhoneNumberId,omitzero" required:"true" is:"WhatsAppPhoneNumberId"`
	// A file behind a presigned URL. Its headers must include Content-Type.
	SourceS3PresignedUrl *types.S3PresignedUrl `json:"sourceS3PresignedUrl,omitzero"`
	// A file in a bucket.
	SourceS3File *types.S3File `json:"sourceS3File,omitzero"`
}

// PostWhatsAppMessageMediaOutput returns the id of the uploaded file.
type PostWhatsAppMessageMediaOutput struct {
	// WhatsApp's id of the file. Only the phone number that uploaded the file can send it. Valid
	// for 30 days.
	MediaId *string `json:"mediaId,omitzero" is:"WhatsAppMediaId"`

	ResultMetadata middleware.Metadata `json:"-"`
}

// GetWhatsAppMessageMediaInput names a file at WhatsApp and where to put it.
// Exactly one destination is required, or none with MetadataOnly.
type GetWhatsAppMessageMediaInput struct {
	// WhatsApp's id of the file, uploaded or received. Required.
	MediaId *string `json:"mediaId,omitzero" required:"true" is:"WhatsAppMediaId"`
	// The phone number that the file belongs to: "phone-number-id-…" or its ARN. Required.
	OriginationPhoneNumberId *string `json:"originationPhoneNumberId,omitzero" required:"true" is:"WhatsAppPhoneNumberId"`
	// True returns type and size and writes nothing.
	MetadataOnly *bool `json:"metadataOnly,omitzero"`
	// A presigned URL to PUT the file to, and the headers to send.
	DestinationS3PresignedUrl *types.S3PresignedUrl `json:"destinationS3PresignedUrl,omitzero"`
	// A bucket and the beginning of a key. The object's key is this + media id + "." + MIME
	// subtype, without separators.
	DestinationS3File *types.S3File `json:"destinationS3File,omitzero"`
}

// GetWhatsAppMessageMediaOutput describes the file.
type GetWhatsAppMessageMediaOutput struct {
	MimeType *string `json:"mimeType,omitzero"` // Without parameters: "audio/ogg".
	FileSize *int64  `json:"fileSize,omitzero"` // In bytes.

	ResultMetadata middleware.Metadata `json:"-"`
}

// DeleteWhatsAppMessageMediaInput names a file at WhatsApp.
type DeleteWhatsAppMessageMediaInput struct {
	MediaId                  *string `query:"mediaId" json:"-" required:"true" is:"WhatsAppMediaId"`                        // Required.
	OriginationPhoneNumberId *string `query:"originationPhoneNumberId" json:"-" required:"true" is:"WhatsAppPhoneNumberId"` // The phone number that uploaded the file. Required.
}

// DeleteWhatsAppMessageMediaOutput reports the result of a deletion.
type DeleteWhatsAppMessageMediaOutput struct {
	Success *bool `json:"success,omitzero"`

	ResultMetadata middleware.Metadata `json:"-"`
}

// CreateWhatsAppMessageTemplateMediaInput names a file to be the example of a
// template's header.
type CreateWhatsAppMessageTemplateMediaInput struct {
	Id           *string       `json:"id,omitzero" required:"true" is:"LinkedWhatsAppBusinessAccountId"` // "waba-…" or its ARN. Required.
	SourceS3File *types.S3File `json:"sourceS3File,omitzero"`
}

// CreateWhatsAppMessageTemplateMediaOutput returns the handle of the uploaded
// file.
type CreateWhatsAppMessageTemplateMediaOutput struct {
	// For example.header_handle of a template, verbatim. It may contain line breaks.
	MetaHeaderHandle *string `json:"metaHeaderHandle,omitzero"`

	ResultMetadata middleware.Metadata `json:"-"`
}
