// Media that are at WhatsApp already: reading them back and deleting them.

package social

import (
	"context"
	"errors"
	"strings"

	"ferry/internal/graph"
	"ferry/internal/object"
	"ferry/internal/policy"
	"ferry/internal/state"
	"ferry/socialmessaging"
)

// getMediaNeeds asks for the operation only: which object will be written is
// known when Meta has said the type, and asked for then.
func getMediaNeeds(s *Service, c *caller, in *socialmessaging.GetWhatsAppMessageMediaInput) []policy.Request {
	_, arn := s.resolve(kindPhoneNumber, c.accountID, *in.OriginationPhoneNumberId)
	return []policy.Request{{Action: socialmessaging.GetWhatsAppMessageMedia.Action(), Resource: arn}}
}

// GetWhatsAppMessageMedia streams a file from WhatsApp into a bucket or to a
// presigned URL. An object of it is there only if all bytes arrived and their
// SHA-256 is Meta's. With metadataOnly nothing is written.
//
// Errors: InvalidParameters for both destinations, or none without
// metadataOnly; ResourceNotFound for the phone number, the file, the bucket;
// AccessDenied by the policy (s3:PutObject) or by the store;
// AccessDeniedByMeta; ThrottledRequest; Dependency when Meta or the store fails.
func (s *Service) GetWhatsAppMessageMedia(ctx context.Context, in *socialmessaging.GetWhatsAppMessageMediaInput) (*socialmessaging.GetWhatsAppMessageMediaOutput, error) {
	metadataOnly := in.MetadataOnly != nil && *in.MetadataOnly
	if err := checkDestination(in, metadataOnly); err != nil {
		return nil, err
	}
	sender, err := s.sender(ctx, *in.OriginationPhoneNumberId)
	if err != nil {
		return nil, err
	}
	end, err := s.beginUpload(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	ctx, cancel := context.WithTimeoutCause(ctx, s.config.UploadTimeout, errUploadTimeout)
	defer cancel()

	auditOf(ctx).mediaID = *in.MediaId
	media, err := s.metadata(ctx, sender, *in.MediaId)
	if err != nil {
		return nil, err
	}
	baseType, _, _ := strings.Cut(media.MIMEType, ";")
	baseType = strings.TrimSpace(baseType)
	if !metadataOnly {
		if err := s.retrieve(ctx, in, sender, media, baseType); err != nil {
			return nil, err
		}
	}
	return &socialmessaging.GetWhatsAppMessageMediaOutput{MimeType: &baseType, FileSize: &media.Size}, nil
}

// metadata asks Meta for a file. One that Meta does not have is forgotten.
func (s *Service) metadata(ctx context.Context, sender state.Sender, mediaID string) (graph.Media, error) {
	media, err := s.config.Graph.Media(ctx, mediaID, sender.MetaID, sender.Token)
	if isGone(err) {
		err = errors.Join(err, s.forget(ctx, sender, mediaID))
	}
	return media, err
}

// isGone reports whether Meta says that it does not have a file.
func isGone(err error) bool {
	answer, ok := errors.AsType[*graph.Error](err)
	return ok && answer.Code == 100 && answer.Subcode == 33
}

// forget drops what is known of a file that WhatsApp does not have any more, so
// that nobody is given its id again, even if the caller has gone meanwhile.
func (s *Service) forget(ctx context.Context, sender state.Sender, mediaID string) error {
	ctx = context.WithoutCancel(ctx)
	return errors.Join(s.config.State.DropReusable(ctx, sender.ID, mediaID), s.config.State.ForgetMedia(ctx, sender.ID, mediaID))
}

// checkDestination wants one destination, or none for metadata only.
func checkDestination(in *socialmessaging.GetWhatsAppMessageMediaInput, metadataOnly bool) error {
	toFile, toURL := in.DestinationS3File != nil, in.DestinationS3PresignedUrl != nil
	switch {
	case toFile && toURL:
		return fail(socialmessaging.KindInvalidParameters, nil, "Both destinationS3File and destinationS3PresignedUrl are given. Give one of them.")
	case !toFile && !toURL && !metadataOnly:
		return fail(socialmessaging.KindInvalidParameters, nil,
			"Neither destinationS3File nor destinationS3PresignedUrl is given. Give one of them, or metadataOnly.")
	}
	return nil
}

// A sink is where a file goes to. Put leaves an object only if it is whole.
type sink interface {
	Put(ctx context.Context, content object.Content) error
	String() string // for the record
}

// retrieve streams a file of WhatsApp's to its destination. A download that
// breaks off is begun again, with a fresh URL, a bounded number of times.
func (s *Service) retrieve(ctx context.Context, in *socialmessaging.GetWhatsAppMessageMediaInput, sender state.Sender, media graph.Media, baseType string) error {
	to, err := s.sink(ctx, in, baseType)
	if err != nil {
		return err
	}
	line := auditOf(ctx)
	line.destination = to.String()
	s.quota.began(callerOf(ctx).accountID)
	for attempt := 1; ; attempt++ {
		line.attempts = attempt
		err := s.download(ctx, to, sender, media, baseType)
		if ctx.Err() != nil && err != nil {
			return errors.Join(context.Cause(ctx), err)
		}
		if _, broke := errors.AsType[*graph.UnreachableError](err); !broke || !s.again(ctx, attempt, err) {
			return err
		}
		if media, err = s.metadata(ctx, sender, *in.MediaId); err != nil {
			return err
		}
	}
}

func (s *Service) download(ctx context.Context, to sink, sender state.Sender, media graph.Media, baseType string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	opened, err := s.config.Graph.Download(ctx, media, sender.Token)
	if err != nil {
		return err
	}
	body := s.config.Objects.WithMinRate(ctx, cancel, opened)
	defer body.Close()
	return to.Put(ctx, object.Content{Body: body, Size: media.Size, ContentType: baseType, SHA256: media.SHA256})
}

// sink opens the destination of a file. The key of an object is the given one,
// the media id, a dot and the MIME subtype, without separators (aws-service.md
// §3.3); the caller must be allowed to write that object.
func (s *Service) sink(ctx context.Context, in *socialmessaging.GetWhatsAppMessageMediaInput, baseType string) (sink, error) {
	if link := in.DestinationS3PresignedUrl; link != nil {
		return s.config.Objects.URLSink(*link.Url, link.Headers)
	}
	file := in.DestinationS3File
	_, subtype, _ := strings.Cut(baseType, "/")
	key := *file.Key + *in.MediaId + "." + subtype
	need := policy.Request{Action: "s3:PutObject", Resource: "arn:aws:s3:::" + *file.BucketName + "/" + key}
	if err := authorise(callerOf(ctx), []policy.Request{need}); err != nil {
		return nil, err
	}
	return s.config.Objects.FileSink(*file.BucketName, key)
}

func deleteMediaNeeds(s *Service, c *caller, in *socialmessaging.DeleteWhatsAppMessageMediaInput) []policy.Request {
	_, arn := s.resolve(kindPhoneNumber, c.accountID, *in.OriginationPhoneNumberId)
	return []policy.Request{{Action: socialmessaging.DeleteWhatsAppMessageMedia.Action(), Resource: arn}}
}

// DeleteWhatsAppMessageMedia removes a file from WhatsApp, never from a bucket.
// An id that several uploads share is removed with the last of them.
// Errors: ResourceNotFound for the phone number and for the file; those of Meta.
func (s *Service) DeleteWhatsAppMessageMedia(ctx context.Context, in *socialmessaging.DeleteWhatsAppMessageMediaInput) (*socialmessaging.DeleteWhatsAppMessageMediaOutput, error) {
	sender, err := s.sender(ctx, *in.OriginationPhoneNumberId)
	if err != nil {
		return nil, err
	}
	if err := s.takeMediaCall(ctx); err != nil {
		return nil, err
	}
	_, err = s.flights.share(ctx, callerOf(ctx).call, func(ctx context.Context) (state.Media, error) {
		return state.Media{}, s.deleteMedia(ctx, sender, *in.MediaId)
	})
	if err != nil {
		return nil, err
	}
	return &socialmessaging.DeleteWhatsAppMessageMediaOutput{Success: new(true)}, nil
}

// deleteMedia counts one user of a file less, and removes it from WhatsApp when
// that was the last one. A file that WhatsApp does not have is forgotten.
func (s *Service) deleteMedia(ctx context.Context, sender state.Sender, mediaID string) error {
	line := auditOf(ctx)
	line.mediaID = mediaID
	othersLeft, err := s.config.State.Release(ctx, sender.ID, mediaID)
	line.stillUsed = othersLeft
	if err != nil || othersLeft { // it was deleted for this user; others still have the id
		return err
	}
	err = s.config.Graph.DeleteMedia(ctx, mediaID, sender.MetaID, sender.Token)
	if err != nil && !isGone(err) {
		return err
	}
	return errors.Join(err, s.forget(ctx, sender, mediaID))
}
