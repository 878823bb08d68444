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
	"ferry/internal/store"
	"ferry/socialmessaging"
)

// handleTypes are the types that Resumable Upload takes (meta-cloud-api.md §8).
var handleTypes = []string{"application/pdf", "image/jpeg", "image/png", "video/mp4"}

func templateMediaNeeds(s *Service, c *caller, in *socialmessaging.CreateWhatsAppMessageTemplateMediaInput) []policy.Request {
	_, arn := s.resolve(kindBusinessAccount, c.accountID, *in.ID)
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
	owner, err := s.owner(ctx, *in.ID)
	if err != nil {
		return nil, err
	}
	if owner.AppID == "" {
		return nil, fail(socialmessaging.KindInvalidParameters, nil,
			"WhatsApp Business Account '%s' was linked without Meta's app id, which template media need. Link it again with 'ferry account link --app-id'.", *in.ID)
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

func (s *Service) uploadHandle(ctx context.Context, owner store.BusinessAccount, file object.Source) (string, error) {
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
	if err != nil {
		head.free()
		return "", err
	}
	first := opened.Body // for the first reader; later ones open anew
	if !slices.Contains(handleTypes, found.Type.MIME) {
		return "", fail(socialmessaging.KindInvalidParameters, nil, "The file is of type %s; templates take %s.", found.Type.MIME, strings.Join(handleTypes, ", "))
	}
	handle, resumes, err := s.config.Graph.UploadHandle(ctx, graph.HandleUpload{
		AppID: owner.AppID, Token: owner.Token, FileName: found.FileName, ContentType: found.Type.MIME, Size: opened.Size,
		Open: func(ctx context.Context, offset int64) (io.ReadCloser, error) {
			if offset == 0 && first != nil {
				body := first
				first = nil
				return struct {
					io.Reader
					io.Closer
				}{io.MultiReader(head, body), body}, nil
			}
			return openAt(ctx, file, opened.ETag, offset)
		},
	})
	auditOf(ctx).attempts = resumes + 1
	return handle, err
}

// openAt opens the same bytes again, from an offset on.
func openAt(ctx context.Context, file object.Source, etag string, offset int64) (io.ReadCloser, error) {
	if etag == "" {
		return nil, fail(socialmessaging.KindDependency, nil, "The store gives no ETag, without which a broken upload cannot be taken up again. Send again.")
	}
	opened, err := file.Open(ctx, etag)
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, opened.Body, offset); err != nil {
		_ = opened.Body.Close()
		return nil, err
	}
	return opened.Body, nil
}

// owner finds a linked account of the caller's, with its token, by id or ARN.
func (s *Service) owner(ctx context.Context, given string) (store.BusinessAccount, error) {
	accountID := callerOf(ctx).accountID
	id, _ := s.resolve(kindBusinessAccount, accountID, given)
	owner, err := s.config.Store.Owner(ctx, accountID, id)
	if errors.Is(err, store.ErrNotFound) {
		return store.BusinessAccount{}, s.noSuchAccount(given, accountID)
	}
	return owner, err
}
