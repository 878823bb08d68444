// The media operations: upload, download and delete.

package social

import (
	"context"
	"strings"

	"ferry/internal/object"
	"ferry/internal/policy"
	"ferry/socialmessaging"
)

// postMediaNeeds requires, for a file in a bucket, the right to read the object:
// ferry reads it with credentials of its own, which must not show a caller more
// than the caller's policy does.
func postMediaNeeds(in *socialmessaging.PostWhatsAppMessageMediaInput) []policy.Request {
	return readNeed(in.SourceS3File)
}

// readNeed is the right to read an object, if there is one to read.
func readNeed(file *socialmessaging.S3File) []policy.Request {
	if file == nil {
		return nil
	}
	return []policy.Request{{Action: "s3:GetObject", Resource: "arn:aws:s3:::" + *file.BucketName + "/" + *file.Key}}
}

// PostWhatsAppMessageMedia streams a file from a bucket, or from a presigned
// URL, to WhatsApp and returns its media id. The file is never buffered as a whole,
// in memory or on disk; its type and size are checked against WhatsApp's limits
// before a byte of it is sent. The upload is on record before the caller has
// the response.
//
// Errors: InvalidParameters when not exactly one source is named, or when
// WhatsApp does not accept such a file; ResourceNotFound for the phone number,
// bucket or object; AccessDenied by the store; AccessDeniedByMeta;
// ThrottledRequest by ferry's quota or by Meta; Dependency when the store or
// Meta fails; ServiceUnavailable when the upload cannot be recorded.
func (c *call) PostWhatsAppMessageMedia(ctx context.Context, in *socialmessaging.PostWhatsAppMessageMediaInput) (*socialmessaging.PostWhatsAppMessageMediaOutput, error) {
	source, err := c.source(in)
	if err != nil {
		return nil, err
	}
	sender, err := c.sender(ctx, *in.OriginationPhoneNumberId)
	if err != nil {
		return nil, err
	}
	job := c.job(sender)
	job.Source = source
	media, err := c.once(ctx, func(ctx context.Context) (done outcome, err error) {
		if err := c.countMediaCall(); err != nil {
			return done, err
		}
		done.media, done.report, err = c.config.Transfers.Post(ctx, job)
		return done, err
	})
	if err != nil {
		return nil, err
	}
	return &socialmessaging.PostWhatsAppMessageMediaOutput{MediaId: &media.ID}, nil
}

// source returns the file that an input names.
func (c *call) source(in *socialmessaging.PostWhatsAppMessageMediaInput) (object.Source, error) {
	file, link := in.SourceS3File, in.SourceS3PresignedUrl
	switch {
	case file != nil && link != nil:
		return nil, fail(socialmessaging.KindInvalidParameters, nil,
			"Both sourceS3File and sourceS3PresignedUrl are set. Set exactly one of them.")
	case file != nil:
		return c.config.Objects.File(*file.BucketName, *file.Key)
	case link != nil:
		return c.config.Objects.URL(*link.Url, link.Headers)
	default:
		return nil, fail(socialmessaging.KindInvalidParameters, nil,
			"Neither sourceS3File nor sourceS3PresignedUrl is set. Set exactly one of them.")
	}
}

// GetWhatsAppMessageMedia streams a file from WhatsApp into a bucket or to a
// presigned URL. The object is created only if all bytes arrived and their
// SHA-256 is the one that Meta reports. With metadataOnly nothing is written.
//
// Errors: InvalidParameters for both destinations, or none without
// metadataOnly; ResourceNotFound for the phone number, the file, the bucket;
// AccessDenied by the policy (s3:PutObject) or by the store;
// AccessDeniedByMeta; ThrottledRequest; Dependency when Meta or the store fails.
func (c *call) GetWhatsAppMessageMedia(ctx context.Context, in *socialmessaging.GetWhatsAppMessageMediaInput) (*socialmessaging.GetWhatsAppMessageMediaOutput, error) {
	metadataOnly := in.MetadataOnly != nil && *in.MetadataOnly
	if err := checkDestination(in, metadataOnly); err != nil {
		return nil, err
	}
	sender, err := c.sender(ctx, *in.OriginationPhoneNumberId)
	if err != nil {
		return nil, err
	}
	if err := c.countMediaCall(); err != nil {
		return nil, err
	}
	job := c.job(sender)
	job.MediaID = *in.MediaId
	if !metadataOnly {
		job.Destination = func(mimeType string) (object.Sink, error) { return c.destination(ctx, in, mimeType) }
	}
	media, report, err := c.config.Transfers.Fetch(ctx, job)
	c.report = report
	if err != nil {
		return nil, err
	}
	return &socialmessaging.GetWhatsAppMessageMediaOutput{MimeType: &media.MIMEType, FileSize: &media.Size}, nil
}

// checkDestination requires one destination, or none for metadata only.
func checkDestination(in *socialmessaging.GetWhatsAppMessageMediaInput, metadataOnly bool) error {
	toFile, toURL := in.DestinationS3File != nil, in.DestinationS3PresignedUrl != nil
	switch {
	case toFile && toURL:
		return fail(socialmessaging.KindInvalidParameters, nil,
			"Both destinationS3File and destinationS3PresignedUrl are set. Set one of them only.")
	case !toFile && !toURL && !metadataOnly:
		return fail(socialmessaging.KindInvalidParameters, nil,
			"Neither destinationS3File nor destinationS3PresignedUrl is set. Set one of them, or metadataOnly.")
	}
	return nil
}

// destination opens the destination of a file. The key of an object is the
// given one, the media id, a dot and the MIME subtype, without separators
// (docs/references.md#aws-service); the caller must be allowed to write that object.
func (c *call) destination(ctx context.Context, in *socialmessaging.GetWhatsAppMessageMediaInput, mimeType string) (object.Sink, error) {
	if link := in.DestinationS3PresignedUrl; link != nil {
		return c.config.Objects.URLSink(*link.Url, link.Headers)
	}
	file := in.DestinationS3File
	_, subtype, _ := strings.Cut(mimeType, "/")
	key := *file.Key + *in.MediaId + "." + subtype
	if err := c.authorise(ctx, nil, policy.Request{Action: "s3:PutObject", Resource: "arn:aws:s3:::" + *file.BucketName + "/" + key}); err != nil {
		return nil, err
	}
	return c.config.Objects.FileSink(*file.BucketName, key)
}

// DeleteWhatsAppMessageMedia removes a file from WhatsApp, never from a bucket.
// An id that several uploads share is removed with the last of them.
//
// Errors: ResourceNotFound for the phone number and for the file; those of Meta;
// ServiceUnavailable when the deletion cannot be recorded.
func (c *call) DeleteWhatsAppMessageMedia(ctx context.Context, in *socialmessaging.DeleteWhatsAppMessageMediaInput) (*socialmessaging.DeleteWhatsAppMessageMediaOutput, error) {
	sender, err := c.sender(ctx, *in.OriginationPhoneNumberId)
	if err != nil {
		return nil, err
	}
	if err := c.countMediaCall(); err != nil {
		return nil, err
	}
	job := c.job(sender)
	job.MediaID = *in.MediaId
	_, err = c.once(ctx, func(ctx context.Context) (done outcome, err error) {
		done.report, err = c.config.Transfers.Delete(ctx, job)
		return done, err
	})
	if err != nil {
		return nil, err
	}
	return &socialmessaging.DeleteWhatsAppMessageMediaOutput{Success: new(true)}, nil
}
