// Downloads.

package transfer

import (
	"context"
	"errors"
	"strings"

	"ferry/internal/activity"
	"ferry/internal/graph"
	"ferry/internal/object"
)

// Fetch streams a file of WhatsApp's to the job's Destination, and returns what
// Meta says about it; its MIMEType is without parameters. The object is created
// only if all bytes arrived and their SHA-256 is the one that Meta reports.
// Without a Destination nothing is written.
//
// A download that breaks off is retried with a fresh URL, within the budget of the job.
//
// Errors: those of Post, and those of Destination.
func (e *Engine) Fetch(ctx context.Context, job Job) (media graph.Media, report Report, err error) {
	err = e.transfer(ctx, job, &report, func(ctx context.Context, r *run) (err error) {
		if media, err = r.metadata(ctx); err != nil || job.Destination == nil {
			return err
		}
		return r.fetch(ctx, media)
	})
	return media, report, err
}

// metadata asks Meta about the file. A file that Meta does not have is forgotten.
func (r *run) metadata(ctx context.Context) (graph.Media, error) {
	media, err := r.graph.Media(ctx, r.job.MediaID, r.job.Sender.MetaID, r.job.Sender.Token)
	if isGone(err) {
		if failed := r.forget(ctx); failed != nil { // a later call forgets it; for this one, the file does not exist
			r.engine.config.Logger.WarnContext(ctx, "the record of a file that WhatsApp does not have cannot be deleted", "request_id", r.job.Trace, "media_id", r.job.MediaID, "cause", failed)
		}
	}
	media.MIMEType, _, _ = strings.Cut(media.MIMEType, ";")
	media.MIMEType = strings.TrimSpace(media.MIMEType)
	return media, err
}

func (r *run) fetch(ctx context.Context, media graph.Media) error {
	to, err := r.job.Destination(media.MIMEType)
	if err != nil {
		return err
	}
	r.report.Destination = to.String()
	to = to.WithBudget(r.budget)
	for {
		r.report.Attempts++
		err := r.download(ctx, to, media)
		if _, broke := errors.AsType[*graph.UnreachableError](err); !broke || ctx.Err() != nil || !r.retry(ctx, err) {
			return err
		}
		if media, err = r.metadata(ctx); err != nil {
			return err
		}
	}
}

func (r *run) download(ctx context.Context, to object.Sink, media graph.Media) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	opened, err := r.graph.Download(ctx, media, r.job.Sender.Token)
	if err != nil {
		return err
	}
	body := r.engine.config.Objects.WithMinRate(ctx, cancel, opened)
	defer body.Close()
	return r.step(ctx, activity.Fetch, "write", func(e *activity.Entry) error {
		e.Destination, e.Bytes = to.String(), media.Size
		return to.Put(ctx, object.Content{Body: r.place.reader(body, media.Size), Size: media.Size, ContentType: media.MIMEType, SHA256: media.SHA256})
	})
}
