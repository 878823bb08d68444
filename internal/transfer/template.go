// Media of templates, which WhatsApp keeps apart from media of messages.

package transfer

import (
	"context"
	"io"
	"slices"
	"strings"

	"ferry/internal/activity"
	"ferry/internal/graph"
	"ferry/internal/object"
)

// handleTypes are the types that Resumable Upload accepts (docs/references.md#graph-upload).
var handleTypes = []string{"application/pdf", "image/jpeg", "image/png", "video/mp4"}

// PostTemplate uploads a file from a store to Meta's Resumable Upload, and
// returns Meta's handle of it, verbatim: the example of a template's header. A
// connection that breaks is resumed where Meta says. The job's Owner must have
// the id of Meta's app.
//
// Errors: those of Post.
func (e *Engine) PostTemplate(ctx context.Context, job Job) (handle string, report Report, err error) {
	err = e.transfer(ctx, job, &report, func(ctx context.Context, r *run) (err error) {
		handle, err = r.postTemplate(ctx)
		return err
	})
	return handle, report, err
}

func (r *run) postTemplate(ctx context.Context) (string, error) {
	opened, err := r.open(ctx, "")
	if err != nil {
		return "", err
	}
	defer opened.Body.Close()
	head, err := peek(opened.Body, opened.Size)
	if err != nil {
		return "", err
	}
	file, err := r.inspect(ctx, opened, head.bytes)
	if err == nil && !slices.Contains(handleTypes, file.Type.MIME) {
		err = fail(Unsuitable, nil, "The file is of type %s; template media must be one of %s.", file.Type.MIME, strings.Join(handleTypes, ", "))
	}
	if err != nil {
		head.free()
		return "", err
	}
	owner := r.job.Owner
	readers := []*object.Object{opened}
	handle, retried, err := r.graph.UploadHandle(ctx, graph.HandleUpload{
		AppID: owner.AppID, Token: owner.Token, FileName: file.FileName, ContentType: file.Type.MIME, Size: opened.Size,
		Open: func(ctx context.Context, offset int64) (io.ReadCloser, error) {
			if head != nil { // the first time, from the beginning
				first := r.place.reader(io.MultiReader(head, opened.Body), opened.Size)
				head = nil
				return struct {
					io.Reader
					io.Closer
				}{first, opened.Body}, nil
			}
			rest, err := r.openRest(ctx, opened, offset)
			if err != nil {
				return nil, err
			}
			readers = append(readers, rest)
			return struct {
				io.Reader
				io.Closer
			}{r.place.reader(rest.Body, opened.Size-offset), rest.Body}, nil
		},
		MayRetry: func() bool { return r.report.Posts < r.job.MaxPosts && r.mayRetry() },
	})
	r.report.Attempts, r.report.Retried = len(retried)+1, retried
	for _, reader := range readers {
		r.report.Resumes += reader.Resumes()
	}
	return handle, err
}

// openRest opens the same bytes again, from an offset on.
func (r *run) openRest(ctx context.Context, opened *object.Object, offset int64) (*object.Object, error) {
	if opened.ETag == "" {
		return nil, fail(Dependency, nil, "The store returned no ETag, without which a broken upload cannot be resumed. Retry.")
	}
	file, ok := r.source.(*object.File)
	if !ok {
		return nil, fail(Internal, nil, "Only a file of a store can be resumed.")
	}
	var rest *object.Object
	err := r.step(ctx, activity.Fetch, "open", func(e *activity.Entry) (err error) {
		if rest, err = file.OpenAt(ctx, opened, offset); err == nil {
			e.Bytes = rest.Size
		}
		return err
	})
	return rest, err
}
