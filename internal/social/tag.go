// Tags of linked accounts and phone numbers.

package social

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"sort"
	"strings"

	"ferry/internal/state"
	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

// TagResource sets tags of a linked account or a phone number, and leaves others as they
// are. Either all tags of the request are set or none.
//
// Errors: InvalidParameters for a resource that is not linked, a key that occurs twice
// or is reserved, characters that tags may not have, and more tags than a resource may
// have.
func (c *call) TagResource(ctx context.Context, in *socialmessaging.TagResourceInput) (*socialmessaging.TagResourceOutput, error) {
	tags, err := checkTags("tags", in.Tags)
	if err != nil {
		return nil, err
	}
	if err := c.config.State.PutTags(ctx, c.caller.accountID, c.tagged(*in.ResourceArn), tags); err != nil {
		return nil, c.tagFault(err, *in.ResourceArn)
	}
	return &socialmessaging.TagResourceOutput{StatusCode: new(int32(http.StatusOK))}, nil
}

// UntagResource removes tags of a linked account or a phone number. Keys that it does
// not have are ignored.
//
// Errors: InvalidParameters for a resource that is not linked, and for reserved keys.
func (c *call) UntagResource(ctx context.Context, in *socialmessaging.UntagResourceInput) (*socialmessaging.UntagResourceOutput, error) {
	for _, key := range in.TagKeys {
		if isReservedTag(key) {
			return nil, reservedTag("tagKeys", key)
		}
	}
	if err := c.config.State.RemoveTags(ctx, c.caller.accountID, c.tagged(*in.ResourceArn), in.TagKeys); err != nil {
		return nil, c.tagFault(err, *in.ResourceArn)
	}
	return &socialmessaging.UntagResourceOutput{StatusCode: new(int32(http.StatusOK))}, nil
}

// ListTagsForResource returns the tags of a linked account or a phone number, sorted by
// key.
//
// Errors: InvalidParameters for a resource that is not linked.
func (c *call) ListTagsForResource(ctx context.Context, in *socialmessaging.ListTagsForResourceInput) (*socialmessaging.ListTagsForResourceOutput, error) {
	tags, err := c.config.State.Tags(ctx, c.caller.accountID, c.tagged(*in.ResourceArn))
	if err != nil {
		return nil, c.tagFault(err, *in.ResourceArn)
	}
	out := &socialmessaging.ListTagsForResourceOutput{StatusCode: new(int32(http.StatusOK)), Tags: []types.Tag{}}
	for key, value := range tags {
		out.Tags = append(out.Tags, types.Tag{Key: &key, Value: &value})
	}
	sort.Slice(out.Tags, func(i, j int) bool { return *out.Tags[i].Key < *out.Tags[j].Key })
	return out, nil
}

// tagged returns what an ARN names. The zero Tagged is nothing.
func (c *call) tagged(arn string) state.Tagged {
	if id, _ := c.resolve(kindPhoneNumber, arn); id != "" {
		return state.Tagged{PhoneNumberID: id}
	}
	id, _ := c.resolve(kindBusinessAccount, arn)
	return state.Tagged{BusinessAccountID: id}
}

// tagFault explains an error of the state. The tag operations declare no
// ResourceNotFoundException and no LimitExceededException.
func (c *call) tagFault(err error, arn string) error {
	switch {
	case errors.Is(err, state.ErrNotFound):
		return fail(socialmessaging.KindInvalidParameters, nil,
			"No WhatsApp Business Account or phone number '%s' is linked to account %s in region %s. ListLinkedWhatsAppBusinessAccounts and GetLinkedWhatsAppBusinessAccount return the ARNs of those that are.",
			arn, c.caller.accountID, c.caller.region)
	case errors.Is(err, state.ErrTooManyTags):
		return fail(socialmessaging.KindInvalidParameters, nil, "'%s' would have more than %d tags. Remove some with UntagResource first.", arn, state.MaxTags)
	}
	return err
}

// tagText is what keys and values of tags consist of (docs/references.md#aws-tags).
var tagText = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// checkTags returns tags by key. member is their name in the API. A tag without a value
// has an empty one.
func checkTags(member string, list []types.Tag) (map[string]string, error) {
	tags := make(map[string]string, len(list))
	for _, tag := range list {
		key, value := *tag.Key, ""
		if tag.Value != nil {
			value = *tag.Value
		}
		if isReservedTag(key) {
			return nil, reservedTag(member, key)
		}
		for _, text := range []string{key, value} {
			if !tagText.MatchString(text) {
				return nil, fail(socialmessaging.KindInvalidParameters, nil,
					"%s: %q in the tag with key %q has a character that tags may not have; expected letters, digits, spaces and _ . : / = + - @.", member, text, key)
			}
		}
		if _, twice := tags[key]; twice {
			return nil, fail(socialmessaging.KindInvalidParameters, nil, "%s has the key %q twice; expected each key once.", member, key)
		}
		tags[key] = value
	}
	if len(tags) > state.MaxTags {
		return nil, fail(socialmessaging.KindInvalidParameters, nil, "%s has %d tags; expected at most %d.", member, len(tags), state.MaxTags)
	}
	return tags, nil
}

// isReservedTag reports whether only AWS's services may set a key.
func isReservedTag(key string) bool {
	return len(key) >= len("aws:") && strings.EqualFold(key[:len("aws:")], "aws:")
}

func reservedTag(member, key string) error {
	return fail(socialmessaging.KindInvalidParameters, nil, "%s has the key %q; keys that begin with aws: are reserved, in upper and lower case.", member, key)
}
