// Reuse of media, for jobs that ask for it: the same bytes for the same phone
// number get the same media id while it lives.

package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"time"

	"ferry/internal/activity"
	"ferry/internal/media"
	"ferry/internal/object"
	"ferry/internal/state"
)

// refreshAhead is how long before a file expires at WhatsApp it is uploaded
// again rather than reused: an id is worth something only if it can be sent.
const refreshAhead = 3 * 24 * time.Hour

// sharedUpload is the result that concurrent uploads of one version share.
type sharedUpload struct {
	media state.Media
	file  media.Result
}

// postOrReuse returns the media id of the same bytes, if the phone number has
// them at WhatsApp, and uploads them otherwise.
//
//   - A version of the source that was seen before is recognised by its ETag: no
//     byte of it is read.
//   - Otherwise, if a file of the same size is there, the source is read once for
//     its digest, which costs less than an upload.
//   - Concurrent uploads of one version share one upload.
//
// If the file is deleted before the new user is counted, the search is repeated
// once.
func (r *run) postOrReuse(ctx context.Context) (state.Media, error) {
	media, err := r.findOrPost(ctx)
	if errors.Is(err, state.ErrNotFound) {
		media, err = r.findOrPost(ctx)
	}
	if errors.Is(err, state.ErrNotFound) {
		return r.postAndRecord(ctx)
	}
	return media, err
}

// findOrPost is one try of postOrReuse. It returns state.ErrNotFound when the
// file that it found was deleted meanwhile.
func (r *run) findOrPost(ctx context.Context) (state.Media, error) {
	seen, err := r.stat(ctx)
	if err != nil {
		return state.Media{}, err
	}
	if seen.ETag == "" {
		return r.postAndRecord(ctx)
	}
	phoneNumberID := r.job.Sender.ID
	version := state.SourceVersion{Name: identity(r.job.Source), ETag: seen.ETag, DeclaredType: seen.ContentType}
	known, err := r.engine.config.State.ReusableBySource(ctx, phoneNumberID, version, r.reusableUntil())
	if err == nil {
		return r.reuse(ctx, known, version, nil)
	}
	if !errors.Is(err, state.ErrNotFound) {
		return state.Media{}, err
	}
	result, isShared, err := r.engine.sharing.Do(ctx, version.Key(phoneNumberID)+" "+r.job.MessageType, func(ctx context.Context) (sharedUpload, error) {
		ctx, cancel := context.WithTimeoutCause(ctx, r.engine.config.Timeout, ErrTimeout) // not the caller's, who may disconnect
		defer cancel()
		ctx, free := r.place.within(ctx)
		defer free()
		media, err := r.postForReuse(ctx, version, seen.Size)
		return sharedUpload{media, r.report.File}, withCause(ctx, err)
	})
	if err != nil || !isShared {
		return result.media, err
	}
	r.report.File = result.file
	return r.reuse(ctx, reusable(result.media), version, nil)
}

// identity returns the name by which a version of a source is recognised. The query of a
// link may say which file it is.
func identity(source object.Source) string {
	if link, ok := source.(interface{ Identity() string }); ok {
		return link.Identity()
	}
	return source.String()
}

// stat returns the headers of the source. Those of a file are requested once for
// all calls that need them; a call retries by itself if that request fails.
func (r *run) stat(ctx context.Context) (seen *object.Object, err error) {
	err = r.step(ctx, activity.Fetch, "stat", func(*activity.Entry) error {
		if _, isFile := r.source.(*object.File); isFile && r.budget.Take() {
			seen, err = r.engine.lookups.stat(ctx, r.source)
			if err == nil || !brokeOff(err) || ctx.Err() != nil || r.budget.Spent() || !r.mayRetry() {
				return err
			}
			r.report.Retried = append(r.report.Retried, err)
		}
		seen, err = r.source.Stat(ctx)
		return err
	})
	return seen, err
}

// reusableUntil is the time until which a file must live to be reused.
func (r *run) reusableUntil() time.Time { return r.engine.config.Now().Add(refreshAhead) }

// reuse counts one more user of a file and returns its record. newSource is the
// version of the source if it was not known to have the file. Returns
// state.ErrNotFound when the file has been deleted meanwhile.
func (r *run) reuse(ctx context.Context, known state.Reusable, version state.SourceVersion, newSource *state.SourceVersion) (state.Media, error) {
	if err := r.engine.config.State.Reuse(ctx, r.job.AccountID, r.job.holder(), known, newSource); err != nil {
		return state.Media{}, err
	}
	media := state.Media{
		PhoneNumberID: known.PhoneNumberID, ID: known.MediaID, MIMEType: known.MIMEType, Size: known.Size, SHA256: known.SHA256,
		Source: sourceKind(r.job.Source), SourceName: r.job.Source.String(), SourceETag: version.ETag, AccessKeyID: r.job.AccessKeyID, ExpiresAt: known.ExpiresAt,
	}
	r.report.Media, r.report.Reused = media, true
	return media, nil
}

// postForReuse uploads a version that was not seen before, or finds that its
// bytes are at WhatsApp under another name.
func (r *run) postForReuse(ctx context.Context, version state.SourceVersion, size int64) (state.Media, error) {
	db, until := r.engine.config.State, r.reusableUntil()
	maybe, err := db.MayBeReusable(ctx, r.job.Sender.ID, size, until)
	if err != nil {
		return state.Media{}, err
	}
	if maybe {
		known, err := r.findByDigest(ctx, version.ETag, until)
		if err == nil {
			return r.reuse(ctx, known, version, &version)
		}
		if !errors.Is(err, state.ErrNotFound) {
			if !brokeOff(err) || !r.mayRetry() {
				return state.Media{}, err
			}
			r.report.Retried = append(r.report.Retried, err) // the upload reads the source again
		}
	}
	uploaded, err := r.postAndRecord(ctx)
	if err != nil {
		return state.Media{}, err
	}
	version.ETag = uploaded.SourceETag // in case it has changed since
	if err := db.Offer(context.WithoutCancel(ctx), reusable(uploaded), r.job.holder(), version, until); err != nil {
		// The upload is done and on record; other calls will upload the file again.
		r.engine.config.Logger.WarnContext(ctx, "an upload cannot be offered for reuse", "request_id", r.job.Trace, "media_id", uploaded.ID, "cause", err)
	}
	return uploaded, nil
}

// findByDigest reads a version of the source, and finds the file of its content.
func (r *run) findByDigest(ctx context.Context, etag string, until time.Time) (state.Reusable, error) {
	digest, mimeType, err := r.digest(ctx, etag)
	if err != nil {
		return state.Reusable{}, err
	}
	return r.engine.config.State.ReusableByDigest(ctx, r.job.Sender.ID, digest, mimeType, until)
}

// reusable is what others may share of an upload.
func reusable(m state.Media) state.Reusable {
	return state.Reusable{PhoneNumberID: m.PhoneNumberID, SHA256: m.SHA256, MIMEType: m.MIMEType, MediaID: m.ID, Size: m.Size, ExpiresAt: m.ExpiresAt}
}

// digest reads a version of the source for its SHA-256 and type. A file that
// WhatsApp would not accept is refused here as it is by an upload.
//
// It saves an upload, so that it leaves the last request to the upload.
func (r *run) digest(ctx context.Context, etag string) (digest, mimeType string, err error) {
	source := r.source
	r.source = r.job.Source.WithBudget(r.budget.Leaving(1))
	defer func() { r.source = source }()
	opened, err := r.open(ctx, etag)
	if err != nil {
		return "", "", err
	}
	defer opened.Body.Close()
	head, err := peek(opened.Body, opened.Size)
	if err != nil {
		return "", "", err
	}
	file, err := r.inspect(ctx, opened, head.bytes)
	if err != nil {
		head.free()
		return "", "", err
	}
	hash := sha256.New()
	_, err = io.Copy(hash, r.place.reader(io.MultiReader(head, opened.Body), opened.Size))
	r.report.Resumes += opened.Resumes()
	if err != nil {
		return "", "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), file.Type.MIME, nil
}
