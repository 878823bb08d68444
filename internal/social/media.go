// The media operations.

package social

import (
	"context"

	"ferry/internal/policy"
	"ferry/internal/state"
	"ferry/socialmessaging"
)

// postMediaNeeds asks for the operation on the phone number and, for a file in
// a bucket, for the right to read the object: ferry reads it with credentials
// of its own, which must not give a caller more than the caller's policy does.
func postMediaNeeds(s *Service, c *caller, in *socialmessaging.PostWhatsAppMessageMediaInput) []policy.Request {
	_, arn := s.resolve(kindPhoneNumber, c.accountID, *in.OriginationPhoneNumberId)
	needs := []policy.Request{{Action: socialmessaging.PostWhatsAppMessageMedia.Action(), Resource: arn}}
	return append(needs, readNeed(in.SourceS3File)...)
}

// readNeed is the right to read an object, if there is one to read.
func readNeed(file *socialmessaging.S3File) []policy.Request {
	if file == nil {
		return nil
	}
	return []policy.Request{{Action: "s3:GetObject", Resource: "arn:aws:s3:::" + *file.BucketName + "/" + *file.Key}}
}

// PostWhatsAppMessageMedia streams a file from a bucket, or from behind a
// presigned URL, to WhatsApp and gives its media id. The file is never held
// whole, in memory or on disk; its type and size are checked against
// WhatsApp's limits before a byte of it is sent. The upload is on record
// before the caller has the answer.
//
// Errors: InvalidParameters when not exactly one source is given, or when
// WhatsApp does not take such a file; ResourceNotFound for the phone number,
// bucket or object; AccessDenied by the store; AccessDeniedByMeta;
// ThrottledRequest by ferry's quota or by Meta; Dependency when the store or
// Meta fails.
func (s *Service) PostWhatsAppMessageMedia(ctx context.Context, in *socialmessaging.PostWhatsAppMessageMediaInput) (*socialmessaging.PostWhatsAppMessageMediaOutput, error) {
	source, err := s.source(in)
	if err != nil {
		return nil, err
	}
	sender, err := s.sender(ctx, *in.OriginationPhoneNumberId)
	if err != nil {
		return nil, err
	}
	media, err := s.flights.share(ctx, callerOf(ctx).call, func(ctx context.Context) (state.Media, error) {
		end, err := s.beginUpload(ctx) // held by the upload, which may outlive its caller
		if err != nil {
			return state.Media{}, err
		}
		defer end()
		ctx, cancel := context.WithTimeoutCause(ctx, s.config.UploadTimeout, errUploadTimeout)
		defer cancel()
		if callerOf(ctx).reuse {
			return s.uploadOrReuse(ctx, sender, source)
		}
		return s.uploadAndRecord(ctx, sender, source)
	})
	if err != nil {
		return nil, err
	}
	return &socialmessaging.PostWhatsAppMessageMediaOutput{MediaId: &media.ID}, nil
}
