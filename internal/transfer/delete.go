// Deletion at WhatsApp.

package transfer

import (
	"context"
	"errors"

	"ferry/internal/state"
)

// Delete removes one user of a file, and the file from WhatsApp when that was
// its last user. Of a file that several uploads share, an access key releases only
// what it received itself, or what a deleted key of its user did. The records of a
// file that WhatsApp does not have are deleted. It does not count as a transfer in
// progress.
//
// Errors: *Error of kind NotFound when the file has users, and the caller is not, or
// no longer, one of them; *graph.Error, *graph.UnreachableError; those of the state.
func (e *Engine) Delete(ctx context.Context, job Job) (report Report, err error) {
	r := e.start(ctx, job, &report)
	defer func() { err = r.finish(recover(), err) }()
	err = r.delete(ctx)
	return report, err
}

func (r *run) delete(ctx context.Context) error {
	if err := r.engine.config.State.Writable(ctx); err != nil {
		return unwritable(err)
	}
	othersLeft, err := r.engine.config.State.Release(ctx, r.job.Sender.ID, r.job.MediaID, r.job.holder())
	if errors.Is(err, state.ErrNotHeld) {
		return fail(NotFound, nil, "Other uploads share the media id %s, and none of this access key does: it did not receive the id, or has deleted it already. The others keep the file.", r.job.MediaID)
	}
	r.report.StillUsed = othersLeft
	if err != nil || othersLeft { // it was deleted for this user; the others still have the id
		return err
	}
	err = r.graph.DeleteMedia(ctx, r.job.MediaID, r.job.Sender.MetaID, r.job.Sender.Token)
	if err != nil && !isGone(err) {
		return err
	}
	return errors.Join(err, r.forget(ctx))
}

// forget drops what is known of a file that WhatsApp no longer has, so that its
// id is not returned again. It continues when the caller has disconnected.
func (r *run) forget(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	db := r.engine.config.State
	return errors.Join(
		db.DropReusable(ctx, r.job.Sender.ID, r.job.MediaID),
		db.ForgetMedia(ctx, r.job.Sender.ID, r.job.MediaID),
	)
}
