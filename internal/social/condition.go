// What the conditions of policies may ask about a call.

package social

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"ferry/internal/policy"
	"ferry/internal/state"
	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

// servicePrincipal is the service that roles are passed to.
const servicePrincipal = "social-messaging.amazonaws.com"

// conditionValues are the values of condition keys for one action of a call (docs/references.md#iam-conditions).
// Nothing is computed before a condition asks for it, and the database is read only for aws:ResourceTag.
type conditionValues struct {
	call   *call
	action string
	// input is that of the call if the action is the operation itself; nil for other rights that the call needs.
	// Only the operation has tags.
	input    any
	resource string

	areTagsRead bool
	tags        map[string][]string // of the resource, by the names that policy.TagKey returns
}

// context returns the values for a need of a call. The need is about the operation itself if input is not nil.
func (c *call) context(ctx context.Context, input any, need policy.Request) policy.Context {
	v := &conditionValues{call: c, action: need.Action, input: input, resource: need.Resource}
	return func(name string) ([]string, error) { return v.of(ctx, name) }
}

// of returns the values of a key:
//
//	aws:CurrentTime       when the call began, to the second, such as 2026-01-31T08:00:00Z
//	aws:EpochTime         the same in seconds since 1970
//	aws:PrincipalAccount  the account of the access key, 12 digits
//	aws:PrincipalArn      arn:aws:iam::ACCOUNT:user/NAME
//	aws:username          NAME: the name of the user that the access key was created for, not the key's id
//	aws:TokenIssueTime    when the temporary access key was created; long-term keys have no value
//	aws:RequestedRegion   the region that the request was signed for
//	aws:SecureTransport   true if the connection of the client is encrypted
//	aws:SourceIp          the address of the client
//	iam:PassedToService   of iam:PassRole
//	aws:ResourceTag/KEY   the value of a tag that the resource of the operation has
//	aws:RequestTag/KEY    the value of a tag that the input sets; the different ones if it sets several
//	aws:TagKeys           the keys of the tags that the input sets or removes
//
// A resource that is not linked has no tags. Tags whose keys differ in case only are one key with several values.
func (v *conditionValues) of(ctx context.Context, name string) ([]string, error) {
	c := v.call
	switch name {
	case "aws:CurrentTime":
		return []string{c.entry.Time.UTC().Format(time.RFC3339)}, nil
	case "aws:EpochTime":
		return []string{strconv.FormatInt(c.entry.Time.Unix(), 10)}, nil
	case "aws:PrincipalAccount":
		return []string{c.caller.accountID}, nil
	case "aws:PrincipalArn":
		return []string{c.caller.arn}, nil
	case "aws:username":
		return []string{c.caller.userName}, nil
	case "aws:TokenIssueTime":
		if c.caller.issuedAt.IsZero() {
			return nil, nil
		}
		return []string{c.caller.issuedAt.UTC().Format(time.RFC3339)}, nil
	case "aws:RequestedRegion":
		return []string{c.caller.region}, nil
	case "aws:SecureTransport":
		_, isSecure := origin(c.request, c.config.Proxies)
		return []string{strconv.FormatBool(isSecure)}, nil
	case "aws:SourceIp":
		if address, _ := origin(c.request, c.config.Proxies); address.IsValid() {
			return []string{address.String()}, nil
		}
		return nil, nil
	case "iam:PassedToService":
		if v.action == "iam:PassRole" {
			return []string{servicePrincipal}, nil
		}
		return nil, nil
	case "aws:TagKeys":
		tags, keys := tagsOf(v.input)
		for _, tag := range tags {
			keys = append(keys, *tag.Key)
		}
		return keys, nil
	}
	if strings.HasPrefix(name, policy.RequestTag) {
		return v.requestTag(name), nil
	}
	if err := v.readTags(ctx); err != nil {
		return nil, err
	}
	return v.tags[name], nil
}

// requestTag returns the different values that the input sets for a tag.
func (v *conditionValues) requestTag(name string) (values []string) {
	tags, _ := tagsOf(v.input)
	for _, tag := range tags {
		if policy.TagKey(policy.RequestTag, *tag.Key) != name {
			continue
		}
		value := ""
		if tag.Value != nil {
			value = *tag.Value
		}
		if !slices.Contains(values, value) {
			values = append(values, value)
		}
	}
	return values
}

// readTags reads the tags of the resource once.
func (v *conditionValues) readTags(ctx context.Context) error {
	if v.areTagsRead || v.input == nil || v.resource == "*" {
		return nil
	}
	tags, err := v.call.config.State.Tags(ctx, v.call.caller.accountID, v.call.tagged(v.resource))
	if err != nil && !errors.Is(err, state.ErrNotFound) {
		return err
	}
	v.areTagsRead, v.tags = true, make(map[string][]string, len(tags))
	for key, value := range tags {
		name := policy.TagKey(policy.ResourceTag, key)
		v.tags[name] = append(v.tags[name], value)
	}
	return nil
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
