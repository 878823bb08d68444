// Whether WhatsApp has the bytes that were sent, for jobs that ask for it.

package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ferry/internal/graph"
	"ferry/internal/state"
)

// deleteTimeout bounds the deletion of an upload that could not be verified or
// recorded. It continues after the caller's context has ended: nobody else would delete the file.
const deleteTimeout = 10 * time.Second

// isTransient reports whether another request for the metadata may succeed.
func isTransient(err error) bool {
	if _, lost := errors.AsType[*graph.UnreachableError](err); lost {
		return true
	}
	failed, ok := errors.AsType[*graph.Error](err)
	return ok && failed.Status >= 500
}

// verify compares the SHA-256 that WhatsApp reports for an upload with that of
// the bytes that were sent. If they differ, or WhatsApp reports none, the upload
// is deleted again and verify returns an Error of kind Dependency.
func (r *run) verify(ctx context.Context, media state.Media) error {
	sender := r.job.Sender
	reported, err := r.graph.Media(ctx, media.ID, sender.MetaID, sender.Token)
	if isTransient(err) && ctx.Err() == nil && r.mayRetry() {
		r.report.Retried = append(r.report.Retried, err)
		reported, err = r.graph.Media(ctx, media.ID, sender.MetaID, sender.Token)
	}
	if err == nil && reported.SHA256 == media.SHA256 {
		r.report.Verified = true
		return nil
	}
	outcome := "The upload was deleted again. Retry later."
	if failed := r.withdraw(ctx, media); failed != nil {
		err = errors.Join(err, failed)
		outcome = "The upload could not be deleted again; it expires by itself. Retry later."
	}
	switch {
	case ctx.Err() != nil: // the caller or the server ended it, not Meta
		return fmt.Errorf("verifying the upload: %w", err)
	case reported.SHA256 != "":
		return fail(Dependency, err, "WhatsApp (Meta) reports another SHA-256 for the uploaded file (%s) than ferry sent (%s). %s", reported.SHA256, media.SHA256, outcome)
	default:
		return fail(Dependency, err, "WhatsApp (Meta) did not report the SHA-256 of the uploaded file, so the upload could not be verified. %s", outcome)
	}
}

// withdraw deletes an upload at WhatsApp whose media id nobody will get.
func (r *run) withdraw(ctx context.Context, media state.Media) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deleteTimeout)
	defer cancel()
	err := r.graph.DeleteMedia(ctx, media.ID, r.job.Sender.MetaID, r.job.Sender.Token)
	if isGone(err) {
		return nil
	}
	return err
}
