// Reuse of media, for accounts that turn it on: the same bytes for the same
// phone number give the same media id while it lives.

package social

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"time"

	"ferry/internal/object"
	"ferry/internal/state"
)

// refreshAhead is how long before a file expires at WhatsApp it is uploaded
// anew rather than given out: an id is worth something only if it can be sent.
const refreshAhead = 3 * 24 * time.Hour

// uploadOrReuse gives the media id of the same bytes, if this phone number has
// them at WhatsApp, and uploads them otherwise.
//
//   - A version of the source that was seen before is known by its ETag: no byte
//     of it is read.
//   - Otherwise, if a file of the same size is there, the source is read once for
//     its digest, which costs less than an upload.
//   - Uploads of one version that come together share one transfer.
//
// A file that is deleted between being found and being counted is looked for
// once more, which finds what took its place or uploads it.
func (s *Service) uploadOrReuse(ctx context.Context, sender state.Sender, from source) (state.Media, error) {
	found, err := s.findOrUpload(ctx, sender, from)
	if errors.Is(err, state.ErrNotFound) {
		found, err = s.findOrUpload(ctx, sender, from)
	}
	if errors.Is(err, state.ErrNotFound) {
		return s.uploadAndRecord(ctx, sender, from)
	}
	return found, err
}

// findOrUpload is one try of uploadOrReuse. It gives ErrNotFound when the file
// that it found was deleted meanwhile.
func (s *Service) findOrUpload(ctx context.Context, sender state.Sender, from source) (state.Media, error) {
	seen, err := s.stat(ctx, from)
	if err != nil {
		return state.Media{}, err
	}
	if seen.ETag == "" {
		return s.uploadAndRecord(ctx, sender, from)
	}
	version := state.SourceVersion{Name: from.String(), ETag: seen.ETag, DeclaredType: seen.ContentType}
	known, err := s.config.State.ReusableBySource(ctx, sender.ID, version, s.config.Now().Add(refreshAhead))
	if err == nil {
		return s.reuse(ctx, from, known, version, nil)
	}
	if !errors.Is(err, state.ErrNotFound) {
		return state.Media{}, err
	}
	name := sender.ID + " " + version.Name + " " + version.ETag + " " + version.DeclaredType
	isFirst := false
	shared, err := s.sharing.share(ctx, name, func(ctx context.Context) (state.Media, error) {
		isFirst = true
		return s.uploadForReuse(ctx, sender, from, version, seen.Size)
	})
	if err != nil || isFirst {
		return shared, err
	}
	return s.reuse(ctx, from, reusable(shared), version, nil)
}

// stat gives the headers of a source. Only a GET may be sent to a presigned
// URL; its body is closed unread.
func (s *Service) stat(ctx context.Context, from source) (*object.Object, error) {
	if file, ok := from.Source.(*object.File); ok {
		return s.lookups.of(ctx, file)
	}
	opened, err := from.Open(ctx, "")
	if err != nil {
		return nil, err
	}
	return opened, opened.Body.Close()
}

// reuse counts one more user of a file and gives its record. learned is the
// version of the source if it was not known to have the file. Returns
// ErrNotFound when the file has been deleted meanwhile.
func (s *Service) reuse(ctx context.Context, from source, known state.Reusable, version state.SourceVersion, learned *state.SourceVersion) (state.Media, error) {
	if err := s.config.State.Reuse(ctx, callerOf(ctx).accountID, known, learned); err != nil {
		return state.Media{}, err
	}
	record := state.Media{
		PhoneNumberID: known.PhoneNumberID, ID: known.MediaID, MIMEType: known.MIMEType, Size: known.Size, SHA256: known.SHA256,
		Source: from.kind, SourceName: version.Name, SourceETag: version.ETag, AccessKeyID: callerOf(ctx).accessKeyID, ExpiresAt: known.ExpiresAt,
	}
	line := auditOf(ctx)
	line.media, line.reused = &record, true
	return record, nil
}

// uploadForReuse uploads a version that was not seen before, or finds that its
// bytes are at WhatsApp under another name.
func (s *Service) uploadForReuse(ctx context.Context, sender state.Sender, from source, version state.SourceVersion, size int64) (state.Media, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.config.UploadTimeout, errUploadTimeout)
	defer cancel()
	beyond := s.config.Now().Add(refreshAhead)
	maybe, err := s.config.State.MayBeReusable(ctx, sender.ID, size, beyond)
	if err != nil {
		return state.Media{}, err
	}
	if maybe {
		known, err := s.findByDigest(ctx, sender, from, version.ETag, beyond)
		if err == nil {
			return s.reuse(ctx, from, known, version, &version)
		}
		if !errors.Is(err, state.ErrNotFound) && !brokeOff(err) { // a source that broke off is read again by the upload
			return state.Media{}, err
		}
	}
	uploaded, err := s.uploadAndRecord(ctx, sender, from)
	if err != nil {
		return state.Media{}, err
	}
	version.ETag = uploaded.SourceETag // should it have changed since
	if err := s.config.State.Offer(context.WithoutCancel(ctx), reusable(uploaded), version, beyond); err != nil {
		// The upload is done and on record: others will upload the file for themselves.
		s.config.Logger.WarnContext(ctx, "an upload cannot be offered for reuse", "request_id", auditOf(ctx).requestID, "media_id", uploaded.ID, "cause", err)
	}
	return uploaded, nil
}

// findByDigest reads a version of a source, and finds the file of its content.
func (s *Service) findByDigest(ctx context.Context, sender state.Sender, from source, etag string, beyond time.Time) (state.Reusable, error) {
	digest, mimeType, err := s.digestOf(ctx, from, etag)
	if err != nil {
		return state.Reusable{}, err
	}
	return s.config.State.ReusableByDigest(ctx, sender.ID, digest, mimeType, beyond)
}

// reusable is what others may share of an upload.
func reusable(m state.Media) state.Reusable {
	return state.Reusable{PhoneNumberID: m.PhoneNumberID, SHA256: m.SHA256, MIMEType: m.MIMEType, MediaID: m.ID, Size: m.Size, ExpiresAt: m.ExpiresAt}
}

// digestOf reads a version of a source for its SHA-256 and type. What WhatsApp
// would not take is refused here as it is by an upload.
func (s *Service) digestOf(ctx context.Context, from source, etag string) (digest, mimeType string, err error) {
	opened, err := from.Open(ctx, etag)
	if err != nil {
		return "", "", err
	}
	defer opened.Body.Close()
	head, err := peek(opened.Body, opened.Size)
	if err != nil {
		return "", "", err
	}
	found, err := s.inspect(ctx, from, opened, head.bytes)
	if err != nil {
		head.free()
		return "", "", err
	}
	hash := sha256.New()
	_, err = io.Copy(hash, io.MultiReader(head, opened.Body))
	auditOf(ctx).resumes += opened.Resumes()
	if err != nil {
		return "", "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), found.Type.MIME, nil
}
