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
	"ferry/internal/store"
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
func (s *Service) uploadOrReuse(ctx context.Context, sender store.Sender, from source) (store.Media, error) {
	seen, err := s.stat(ctx, from)
	if err != nil {
		return store.Media{}, err
	}
	if seen.ETag == "" {
		return s.uploadAndRecord(ctx, sender, from)
	}
	version := store.SourceVersion{Name: from.String(), ETag: seen.ETag, DeclaredType: seen.ContentType}
	known, err := s.config.Store.ReusableBySource(ctx, sender.ID, version, s.config.Now().Add(refreshAhead))
	if err == nil {
		return s.reuse(ctx, sender, from, known, version, false)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return store.Media{}, err
	}
	name := "reuse " + sender.ID + " " + version.Name + " " + version.ETag + " " + version.DeclaredType
	isFirst := false
	shared, err := s.flights.share(ctx, name, func(ctx context.Context) (store.Media, error) {
		isFirst = true
		return s.uploadForReuse(ctx, sender, from, version, seen.Size)
	})
	if err != nil || isFirst {
		return shared, err
	}
	return s.reuse(ctx, sender, from, reusable(shared), version, false)
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

// reuse counts one more user of a file and gives its record; isNew says that
// this version of the source was not known to have it. Should the file have
// been deleted meanwhile, the bytes are uploaded after all.
func (s *Service) reuse(ctx context.Context, sender store.Sender, from source, known store.Reusable, version store.SourceVersion, isNew bool) (store.Media, error) {
	var learned *store.SourceVersion
	if isNew {
		learned = &version
	}
	err := s.config.Store.Reuse(ctx, callerOf(ctx).accountID, known, learned)
	if errors.Is(err, store.ErrNotFound) {
		return s.uploadAndRecord(ctx, sender, from)
	}
	if err != nil {
		return store.Media{}, err
	}
	record := store.Media{
		PhoneNumberID: sender.ID, ID: known.MediaID, MIMEType: known.MIMEType, Size: known.Size, SHA256: known.SHA256,
		Source: from.kind, SourceName: version.Name, SourceETag: version.ETag, AccessKeyID: callerOf(ctx).accessKeyID, ExpiresAt: known.ExpiresAt,
	}
	line := auditOf(ctx)
	line.media, line.reused = &record, true
	return record, nil
}

// uploadForReuse uploads a version that was not seen before, or finds that its
// bytes are at WhatsApp under another name.
func (s *Service) uploadForReuse(ctx context.Context, sender store.Sender, from source, version store.SourceVersion, size int64) (store.Media, error) {
	beyond := s.config.Now().Add(refreshAhead)
	maybe, err := s.config.Store.MayBeReusable(ctx, sender.ID, size, beyond)
	if err != nil {
		return store.Media{}, err
	}
	if maybe {
		digest, mimeType, err := s.digestOf(ctx, from, version.ETag)
		if err != nil {
			return store.Media{}, err
		}
		known, err := s.config.Store.ReusableByDigest(ctx, sender.ID, digest, mimeType, beyond)
		if err == nil {
			return s.reuse(ctx, sender, from, known, version, true)
		}
		if !errors.Is(err, store.ErrNotFound) {
			return store.Media{}, err
		}
	}
	uploaded, err := s.uploadAndRecord(ctx, sender, from)
	if err != nil {
		return store.Media{}, err
	}
	version.ETag = uploaded.SourceETag // should it have changed since
	return uploaded, s.config.Store.Offer(ctx, reusable(uploaded), version)
}

// reusable is what others may share of an upload.
func reusable(m store.Media) store.Reusable {
	return store.Reusable{PhoneNumberID: m.PhoneNumberID, SHA256: m.SHA256, MIMEType: m.MIMEType, MediaID: m.ID, Size: m.Size, ExpiresAt: m.ExpiresAt}
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
	if _, err := io.Copy(hash, io.MultiReader(head, opened.Body)); err != nil {
		return "", "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), found.Type.MIME, nil
}
