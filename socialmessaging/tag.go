// Shapes of the tags.

package socialmessaging

import (
	"github.com/aws/smithy-go/middleware"

	"ferry/socialmessaging/types"
)

// TagResourceInput sets tags.
type TagResourceInput struct {
	ResourceArn *string     `json:"resourceArn,omitzero" required:"true" is:"Arn"` // Of a linked account or phone number. Required.
	Tags        []types.Tag `json:"tags,omitzero" required:"true"`                 // Required.
}

// TagResourceOutput reports the result.
type TagResourceOutput struct {
	StatusCode *int32 `json:"statusCode,omitzero"` // HTTP status of the result.

	ResultMetadata middleware.Metadata `json:"-"`
}

// UntagResourceInput removes tags.
type UntagResourceInput struct {
	ResourceArn *string  `json:"resourceArn,omitzero" required:"true" is:"Arn"` // Of a linked account or phone number. Required.
	TagKeys     []string `json:"tagKeys,omitzero" required:"true"`              // Required.
}

// UntagResourceOutput reports the result.
type UntagResourceOutput struct {
	StatusCode *int32 `json:"statusCode,omitzero"` // HTTP status of the result.

	ResultMetadata middleware.Metadata `json:"-"`
}

// ListTagsForResourceInput names a resource.
type ListTagsForResourceInput struct {
	ResourceArn *string `query:"resourceArn" json:"-" required:"true" is:"Arn"` // Of a linked account or phone number. Required.
}

// ListTagsForResourceOutput is the tags of the resource.
type ListTagsForResourceOutput struct {
	StatusCode *int32      `json:"statusCode,omitzero"` // HTTP status of the result.
	Tags       []types.Tag `json:"tags,omitzero"`

	ResultMetadata middleware.Metadata `json:"-"`
}
