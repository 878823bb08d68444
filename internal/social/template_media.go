// Media of templates, which WhatsApp keeps apart from media of messages.

package social

import (
	"context"

	"ferry/internal/policy"
	"ferry/internal/transfer"
	"ferry/socialmessaging"
)

func templateMediaNeeds(in *socialmessaging.CreateWhatsAppMessageTemplateMediaInput) []policy.Request {
	return readNeed(in.SourceS3File)
}

// CreateWhatsAppMessageTemplateMedia uploads a file from a bucket to Meta's
// Resumable Upload, and returns the handle for the example of a template's
// header. A connection that breaks is resumed where Meta says.
//
// Errors: InvalidParameters without a source, for a type that template media
// cannot have, and when the account was linked without an app; else those of
// PostWhatsAppMessageMedia.
func (c *call) CreateWhatsAppMessageTemplateMedia(ctx context.Context, in *socialmessaging.CreateWhatsAppMessageTemplateMediaInput) (*socialmessaging.CreateWhatsAppMessageTemplateMediaOutput, error) {
	if in.SourceS3File == nil {
		return nil, fail(socialmessaging.KindInvalidParameters, nil, "sourceS3File is not set. It names the file to upload.")
	}
	owner, err := c.owner(ctx, *in.Id)
	if err != nil {
		return nil, err
	}
	if owner.AppID == "" {
		return nil, fail(socialmessaging.KindInvalidParameters, nil,
			"WhatsApp Business Account '%s' was linked without Meta's app id, which template media need. Link it again with 'ferry account link --app-id'.", *in.Id)
	}
	file, err := c.config.Objects.File(*in.SourceS3File.BucketName, *in.SourceS3File.Key)
	if err != nil {
		return nil, err
	}
	if err := c.countMediaCall(); err != nil {
		return nil, err
	}
	job := transfer.Job{
		Trace: c.entry.Trace, Span: c.entry.Span, AccountID: c.caller.accountID, AccessKeyID: c.caller.accessKeyID,
		Owner: owner, Source: file, WillFail: c.config.WillFail,
	}
	handle, report, err := c.config.Transfers.PostTemplate(ctx, job)
	c.report = report
	if err != nil {
		return nil, err
	}
	return &socialmessaging.CreateWhatsAppMessageTemplateMediaOutput{MetaHeaderHandle: &handle}, nil
}
