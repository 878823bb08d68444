// What the conditions of policies may ask about a call.

package social

import (
	"context"
	"errors"

	"ferry/internal/state"
	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

// conditionValues returns the values of condition keys (docs/references.md#aws-tags) for
// a call with an input on a resource:
//
//	aws:ResourceTag/KEY  the value of a tag that the resource has
//	aws:RequestTag/KEY   the value of a tag that the input sets; of several, all
//	aws:TagKeys          the keys of the tags that the input sets or removes
//
// A resource that is not linked has no tags.
func (c *call) conditionValues(ctx context.Context, input any, resource string) (map[string][]string, error) {
	values := make(map[string][]string)
	if resource != "*" {
		tags, err := c.config.State.Tags(ctx, c.caller.accountID, c.tagged(resource))
		if err != nil && !errors.Is(err, state.ErrNotFound) {
			return nil, err
		}
		for key, value := range tags {
			values["aws:ResourceTag/"+key] = []string{value}
		}
	}
	tags, keys := tagsOf(input)
	for _, tag := range tags {
		value := ""
		if tag.Value != nil {
			value = *tag.Value
		}
		name := "aws:RequestTag/" + *tag.Key
		values[name] = append(values[name], value)
		keys = append(keys, *tag.Key)
	}
	if len(keys) > 0 {
		values["aws:TagKeys"] = keys
	}
	return values, nil
}

// tagsOf returns the tags that an input sets, and the keys of those that it removes.
func tagsOf(input any) (tags []types.Tag, removed []string) {
	switch in := input.(type) {
	case *socialmessaging.TagResourceInput:
		return in.Tags, nil
	case *socialmessaging.UntagResourceInput:
		return nil, append([]string(nil), in.TagKeys...)
	case *socialmessaging.AssociateWhatsAppBusinessAccountInput:
		if in.SetupFinalization == nil {
			return nil, nil
		}
		if in.SetupFinalization.Waba != nil {
			tags = append(tags, in.SetupFinalization.Waba.Tags...)
		}
		for _, number := range in.SetupFinalization.PhoneNumbers {
			tags = append(tags, number.Tags...)
		}
	}
	return tags, nil
}
