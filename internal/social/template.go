// Media of templates, which WhatsApp keeps apart from media of messages.

package social

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"ferry/internal/graph"
	"ferry/internal/object"
	"ferry/internal/policy"
	"ferry/internal/state"
	"ferry/socialmessaging"
)

// handleTypes are the types that Resumable Upload takes (meta-cloud-api.md §8).
var handleTypes = []string{"application/pdf", "image/jpeg", "image/png", "video/mp4"}

func templateMediaNeeds(s *Service, c *caller, in *socialmessaging.CreateWhatsAppMessageTemplateMediaInput) []policy.Request {
	_, arn := s.resolve(kindBusinessAccount, c.accountID, *in.Id)
	needs := []policy.Request{{Action: socialmessaging.CreateWhatsAppMessageTemplateMedia.Action(), Resource: arn}}
	return append(needs, readNeed(in.SourceS3File)...)
}

// CreateWhatsAppMessageTemplateMedia uploads a file from a bucket to Meta's
// Resumable Upload, and gives the handle for the example of a template's
// header. A connection that breaks is taken up where Meta says.
//
// Errors: InvalidParameters without a source, for a type that templates do not
// take, and when the account was linked without an app; else those of
// PostWhatsAppMessageMedia.
func (s *Service) CreateWhatsAppMessageTemplateMedia(ctx context.Context, in *socialmessaging.CreateWhatsAppMessageTemplateMediaInput) (*socialmessaging.CreateWhatsAppMessageTemplateMediaOutput, error) {
	if in.SourceS3File == nil {
		return nil, fail(socialmessaging.KindInvalidParameters, nil, "sourceS3File is not given. Name the file to upload.")
	}
	owner, err := s.owner(ctx, *in.Id)
	if err != nil {
		return nil, err
	}
	if owner.AppID == "" {
		return nil, fail(socialmessaging.KindInvalidParameters, nil,
			"WhatsApp Business Account '%s' was linked without Meta's app id, which template media need. Link it again with 'ferry account link --app-id'.", *in.Id)
	}
	file, err := s.config.Objects.File(*in.SourceS3File.BucketName, *in.SourceS3File.Key)
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
	handle, err := s.uploadHandle(ctx, owner, file)
	if err != nil {
		if ctx.Err() != nil {
			err = errors.Join(context.Cause(ctx), err)
		}
		return nil, err
	}
	return &socialmessaging.CreateWhatsAppMessageTemplateMediaOutput{MetaHeaderHandle: &handle}, nil
}

func (s *Service) uploadHandle(ctx context.Context, owner state.BusinessAccount, file *object.File) (string, error) {
	opened, err := file.Open(ctx, "")
	if err != nil {
		return "", err
	}
	defer opened.Body.Close()
	head, err := peek(opened.Body, opened.Size)
	if err != nil {
		return "", err
	}
	found, err := s.inspect(ctx, source{file, "s3"}, opened, head.bytes)
	if err == nil && !slices.Contains(handleTypes, found.Type.MIME) {
		err = fail(socialmessaging.KindInvalidParameters, nil, "The file is of type %s; templates take %s.", found.Type.MIME, strings.Join(handleTypes, ", "))
	}
	if err != nil {
		head.free()
		return "", err
	}
	readers := []*object.Object{opened} // the first one's head has been read
	handle, retried, err := s.config.Graph.UploadHandle(ctx, graph.HandleUpload{
		AppID: owner.AppID, Token: owner.Token, FileName: found.FileName, ContentType: found.Type.MIME, Size: opened.Size,
		Open: func(ctx context.Context, offset int64) (io.ReadCloser, error) {
			if head != nil {
				first := io.MultiReader(head, opened.Body)
				head = nil
				return struct {
					io.Reader
					io.Closer
				}{first, opened.Body}, nil
			}
			rest, err := openRest(ctx, file, opened, offset)
			if err != nil {
				return nil, err
			}
			readers = append(readers, rest)
			return rest.Body, nil
		},
	})
	line := auditOf(ctx)
	line.attempts, line.retried = len(retried)+1, retried
	for _, reader := range readers {
		line.resumes += reader.Resumes()
	}
	return handle, err
}

// openRest opens the same bytes again, from an offset on.
func openRest(ctx context.Context, file *object.File, opened *object.Object, offset int64) (*object.Object, error) {
	if opened.ETag == "" {
		return nil, fail(socialmessaging.KindDependency, nil, "The store gives no ETag, without which a broken upload cannot be taken up again. Send again.")
	}
	return file.OpenAt(ctx, opened, offset)
}

// owner finds a linked account of the caller's, with its token, by id or ARN.
func (s *Service) owner(ctx context.Context, given string) (state.BusinessAccount, error) {
	accountID := callerOf(ctx).accountID
	id, _ := s.resolve(kindBusinessAccount, accountID, given)
	owner, err := s.config.State.Owner(ctx, accountID, id)
	if errors.Is(err, state.ErrNotFound) {
		return state.BusinessAccount{}, s.noSuchAccount(given, accountID)
	}
	return owner, err
}
