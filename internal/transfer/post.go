// Uploads for messages.

package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"log/slog"
	"time"

	"ferry/internal/activity"
	"ferry/internal/graph"
	"ferry/internal/object"
	"ferry/internal/state"
)

// mediaLife is how long WhatsApp keeps an uploaded file (docs/references.md#graph-media).
const mediaLife = 30 * 24 * time.Hour

// Post streams a file from its source to WhatsApp and returns the record of it,
// which is durable by then. The file is never buffered as a whole, in memory or
// on disk, and is checked before a byte of it is sent.
//
// Errors: *Error, *object.Error, *graph.Error, *graph.UnreachableError; the
// cause of ctx, or ErrTimeout, wrapped with what was interrupted.
func (e *Engine) Post(ctx context.Context, job Job) (media state.Media, report Report, err error) {
	err = e.transfer(ctx, job, &report, func(ctx context.Context, r *run) (err error) {
		if job.Reuse {
			media, err = r.postOrReuse(ctx)
		} else {
			media, err = r.postAndRecord(ctx)
		}
		if err == nil { // it may be one that was posted for another message
			err = job.suits(media.MIMEType)
		}
		return err
	})
	return media, report, err
}

// postAndRecord uploads the file, and records it.
func (r *run) postAndRecord(ctx context.Context) (state.Media, error) {
	media, err := r.post(ctx)
	if err != nil {
		return state.Media{}, err
	}
	r.report.MediaID = media.ID
	if r.job.Verify {
		if err := r.verify(ctx, media); err != nil {
			return state.Media{}, err
		}
	}
	if err := r.engine.config.State.RecordMedia(ctx, media); err != nil {
		return state.Media{}, r.unrecorded(ctx, media, err)
	}
	r.report.Media = media
	return media, nil
}

// unrecorded deletes an upload that could not be recorded, so that retries of the
// call leave no copies at WhatsApp, and returns the error of the call.
func (r *run) unrecorded(ctx context.Context, media state.Media, cause error) error {
	kind := Internal
	if errors.Is(cause, state.ErrUnwritable) {
		kind = Unavailable
	}
	if err := r.withdraw(ctx, media); err != nil {
		return fail(kind, errors.Join(cause, err), "The server could not record the upload, and could not delete the file at WhatsApp again; it expires there by itself. Retry later.")
	}
	return fail(kind, cause, "The server could not record the upload, so it deleted the file at WhatsApp again. Retry later.")
}

// post uploads the file and returns the record of it. An attempt that breaks
// off before WhatsApp has the whole file is retried with a fresh GET for the
// same ETag, within the budget of the job and the deadline of ctx.
func (r *run) post(ctx context.Context) (state.Media, error) {
	etag := ""
	for {
		r.report.Attempts++
		media, err := r.recordedAttempt(ctx, etag)
		if err == nil {
			return media, nil
		}
		if media.SourceETag != "" {
			etag = media.SourceETag
		}
		if ctx.Err() != nil || etag == "" || !brokeOff(err) || !r.retry(ctx, err) {
			return state.Media{}, err
		}
	}
}

// recordedAttempt makes an attempt, and records it.
func (r *run) recordedAttempt(ctx context.Context, etag string) (media state.Media, err error) {
	err = r.step(ctx, activity.Upload, "upload", func(e *activity.Entry) error {
		media, err = r.attempt(ctx, etag)
		e.Bytes, e.MediaID = media.Size, media.ID
		e.Details = append(e.Details, slog.Int("attempt", r.report.Attempts))
		switch {
		case graph.IsAmbiguous(err):
			e.Outcome, e.Text = activity.Ambiguous, err.Error()
		case isRefusal(err):
			e.Outcome, e.Text = activity.Refused, err.Error()
		}
		return err
	})
	return media, err
}

// isRefusal reports whether the caller has to change something, or was too fast.
func isRefusal(err error) bool {
	if own, ok := errors.AsType[*Error](err); ok {
		return own.Kind == Unsuitable
	}
	if source, ok := errors.AsType[*object.Error](err); ok {
		return source.Kind != object.Unavailable
	}
	refused, ok := errors.AsType[*graph.Error](err)
	return ok && refused.Status >= 400 && refused.Status < 500
}

// attempt opens the source, inspects its first bytes and streams it. On an
// error after the source was opened, the record still has its ETag.
func (r *run) attempt(ctx context.Context, etag string) (state.Media, error) {
	if err := r.engine.config.State.Writable(ctx); err != nil {
		return state.Media{}, unwritable(err)
	}
	opened, err := r.open(ctx, etag)
	if err != nil {
		return state.Media{}, err
	}
	defer opened.Body.Close()
	media := state.Media{
		PhoneNumberID: r.job.Sender.ID, Size: opened.Size,
		Source: sourceKind(r.job.Source), SourceName: r.job.Source.String(), SourceETag: opened.ETag, AccessKeyID: r.job.AccessKeyID,
	}
	head, err := peek(opened.Body, opened.Size)
	if err != nil {
		return media, err
	}
	file, err := r.inspect(ctx, opened, head.bytes)
	if err != nil {
		head.free()
		return media, err
	}
	media.MIMEType = file.Type.MIME

	body := r.place.reader(io.MultiReader(head, opened.Body), opened.Size)
	var digest hash.Hash
	if r.job.Reuse || r.job.Verify { // else nothing uses it
		digest = sha256.New()
		body = io.TeeReader(body, digest)
	}
	media.ID, err = r.graph.UploadMedia(ctx, graph.Upload{
		PhoneNumberID: r.job.Sender.MetaID, Token: r.job.Sender.Token,
		FileName: file.FileName, ContentType: file.ContentType,
		Size: opened.Size, Body: body,
		Stop: func() { _ = opened.Body.Close() },
	})
	r.report.Resumes += opened.Resumes()
	if err != nil {
		return media, err
	}
	if digest != nil {
		media.SHA256 = hex.EncodeToString(digest.Sum(nil))
	}
	media.CreatedAt = r.engine.config.Now()
	media.ExpiresAt = media.CreatedAt.Add(mediaLife)
	return media, nil
}

// open opens the source, and records that.
func (r *run) open(ctx context.Context, etag string) (opened *object.Object, err error) {
	err = r.step(ctx, activity.Fetch, "open", func(e *activity.Entry) error {
		if opened, err = r.source.Open(ctx, etag); err == nil {
			e.Bytes, e.ETag = opened.Size, opened.ETag
		}
		return err
	})
	return opened, err
}

// sourceKind names the kind of a source for the record.
func sourceKind(source object.Source) string {
	switch source.(type) {
	case *object.File:
		return "s3"
	case *object.Link:
		return "link"
	}
	return "presigned-url"
}
