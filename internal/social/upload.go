// One file on its way from its source to WhatsApp.

package social

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"ferry/internal/graph"
	"ferry/internal/object"
	"ferry/internal/state"
	"ferry/socialmessaging"
)

const (
	// mediaLife is how long WhatsApp keeps an uploaded file (meta-cloud-api.md §3.5).
	mediaLife = 30 * 24 * time.Hour
	// maxAttempts bounds how often the transfer of one file is begun.
	maxAttempts = 3
	// retryDelay is the longest wait before the second attempt; it doubles for the third.
	retryDelay = 200 * time.Millisecond
)

// errUploadTimeout is the cause of a context that ran out of UploadTimeout.
var errUploadTimeout = errors.New("the call took longer than the server allows")

// A source is where a file comes from. It can be opened more than once; with
// the ETag of an earlier opening it gives the same bytes or fails.
type source struct {
	object.Source
	kind string // "s3" or "presigned-url", for the record
}

// source reads which file an input names.
func (s *Service) source(in *socialmessaging.PostWhatsAppMessageMediaInput) (source, error) {
	file, link := in.SourceS3File, in.SourceS3PresignedUrl
	switch {
	case file != nil && link != nil:
		return source{}, fail(socialmessaging.KindInvalidParameters, nil,
			"Both sourceS3File and sourceS3PresignedUrl are given. Give one of them.")
	case file != nil:
		opened, err := s.config.Objects.File(*file.BucketName, *file.Key)
		return source{opened, "s3"}, err
	case link != nil:
		opened, err := s.config.Objects.URL(*link.Url, link.Headers)
		return source{opened, "presigned-url"}, err
	default:
		return source{}, fail(socialmessaging.KindInvalidParameters, nil,
			"Neither sourceS3File nor sourceS3PresignedUrl is given. Give one of them.")
	}
}

// uploadAndRecord uploads a file; its record is durable when it returns.
func (s *Service) uploadAndRecord(ctx context.Context, sender state.Sender, from source) (state.Media, error) {
	media, err := s.upload(ctx, sender, from)
	if err != nil {
		return state.Media{}, err
	}
	if err := s.config.State.RecordMedia(ctx, media); err != nil {
		return state.Media{}, fail(socialmessaging.KindInternalService, err,
			"WhatsApp has the file, but the server could not record it, so its media id is not given out. Sending again uploads it once more.")
	}
	return media, nil
}

// upload transfers a file and gives the record of it. A transfer that breaks
// off before WhatsApp has the whole file is begun again, from a fresh GET that
// is bound to the same ETag, at most maxAttempts times, within the deadline of
// ctx and the account's budget of retries.
func (s *Service) upload(ctx context.Context, sender state.Sender, from source) (state.Media, error) {
	line, etag := auditOf(ctx), ""
	s.quota.began(callerOf(ctx).accountID)
	for attempt := 1; ; attempt++ {
		record, err := s.transfer(ctx, sender, from, etag)
		line.attempts = attempt
		if err == nil {
			line.media = &record
			return record, nil
		}
		if ctx.Err() != nil {
			return state.Media{}, fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
		etag = cmp.Or(record.SourceETag, etag)
		if etag == "" || !brokeOff(err) || !s.again(ctx, attempt, err) {
			return state.Media{}, err
		}
	}
}

// again says whether a transfer that failed is begun again, waits before it
// is, and notes it.
func (s *Service) again(ctx context.Context, attempt int, err error) bool {
	if attempt == maxAttempts || !s.quota.mayRetry(callerOf(ctx).accountID) {
		return false
	}
	line := auditOf(ctx)
	line.retried = append(line.retried, err)
	select {
	case <-time.After(rand.N(retryDelay << (attempt - 1))):
		return true
	case <-ctx.Done():
		return false
	}
}

// transfer opens the source, inspects its first bytes and streams it. On an
// error after the source was opened, the record still has its ETag.
func (s *Service) transfer(ctx context.Context, sender state.Sender, from source, etag string) (state.Media, error) {
	opened, err := from.Open(ctx, etag)
	if err != nil {
		return state.Media{}, err
	}
	defer opened.Body.Close()
	record := state.Media{
		PhoneNumberID: sender.ID, Size: opened.Size,
		Source: from.kind, SourceName: from.String(), SourceETag: opened.ETag, AccessKeyID: callerOf(ctx).accessKeyID,
	}
	head, err := peek(opened.Body, opened.Size)
	if err != nil {
		return record, err
	}
	found, err := s.inspect(ctx, from, opened, head.bytes)
	if err != nil {
		head.free()
		return record, err
	}
	record.MIMEType = found.Type.MIME

	digest := sha256.New()
	record.ID, err = s.config.Graph.UploadMedia(ctx, graph.Upload{
		PhoneNumberID: sender.MetaID, Token: sender.Token,
		FileName: found.FileName, ContentType: found.ContentType,
		Size: opened.Size, Body: io.TeeReader(io.MultiReader(head, opened.Body), digest),
		Stop: func() { _ = opened.Body.Close() },
	})
	auditOf(ctx).resumes += opened.Resumes()
	if err != nil {
		return record, err
	}
	record.SHA256 = hex.EncodeToString(digest.Sum(nil))
	record.CreatedAt = s.config.Now()
	record.ExpiresAt = record.CreatedAt.Add(mediaLife)
	return record, nil
}

// brokeOff reports whether a transfer failed in a way that a second attempt
// can mend and that cannot have left the file at WhatsApp.
func brokeOff(err error) bool {
	if lost, ok := errors.AsType[*graph.UnreachableError](err); ok {
		return !lost.BodySent
	}
	broken, ok := errors.AsType[*object.Error](err)
	return ok && broken.Kind == object.Unavailable
}
