package social_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ferry/internal/admin"
	"ferry/internal/state"
	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

const (
	wabaARN  = "arn:aws:social-messaging:us-east-1:111122223333:waba/"
	phoneARN = "arn:aws:social-messaging:us-east-1:111122223333:phone-number-id/"
)

// tag sets tags, given as keys and values in turn.
func (w *world) tag(key state.AccessKey, arn string, keysAndValues ...string) error {
	w.t.Helper()
	tags := []types.Tag{}
	for i := 0; i < len(keysAndValues); i += 2 {
		tags = append(tags, types.Tag{Key: &keysAndValues[i], Value: &keysAndValues[i+1]})
	}
	out, err := w.client(key).TagResource(w.t.Context(), &socialmessaging.TagResourceInput{ResourceArn: &arn, Tags: tags})
	if err == nil && *out.StatusCode != 200 {
		w.t.Errorf("the status code is %d", *out.StatusCode)
	}
	return err
}

// tags returns the tags of a resource in the order of the response: "key=value".
func (w *world) tags(arn string) (list []string) {
	w.t.Helper()
	out, err := w.client(w.key).ListTagsForResource(w.t.Context(), &socialmessaging.ListTagsForResourceInput{ResourceArn: &arn})
	w.must(err)
	if *out.StatusCode != 200 {
		w.t.Errorf("the status code is %d", *out.StatusCode)
	}
	for _, tag := range out.Tags {
		list = append(list, *tag.Key+"="+*tag.Value)
	}
	return list
}

func (w *world) untag(arn string, keys ...string) error {
	out, err := w.client(w.key).UntagResource(w.t.Context(), &socialmessaging.UntagResourceInput{ResourceArn: &arn, TagKeys: keys})
	if err == nil && *out.StatusCode != 200 {
		w.t.Errorf("the status code is %d", *out.StatusCode)
	}
	return err
}

func TestTagsAreSetReplacedAndRemoved(t *testing.T) {
	w := newWorld(t)
	for _, arn := range []string{wabaARN + strings.TrimPrefix(w.waba, "waba-"), phoneARN + strings.TrimPrefix(w.phone, "phone-number-id-")} {
		if got := w.tags(arn); len(got) != 0 {
			t.Errorf("%s has tags at first: %v", arn, got)
		}
		w.must(w.tag(w.key, arn, "team", "köln / a+b=c@d", "Env", "prod"))
		w.must(w.tag(w.key, arn, "Env", "", "env", "test"))
		if diff := cmp.Diff([]string{"Env=", "env=test", "team=köln / a+b=c@d"}, w.tags(arn)); diff != "" {
			t.Error(diff)
		}
		w.must(w.untag(arn, "team", "absent", "Env"))
		if diff := cmp.Diff([]string{"env=test"}, w.tags(arn)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestTagsBeyondAWSsRulesAreRefusedAndNoneIsSet(t *testing.T) {
	w := newWorld(t)
	arn := wabaARN + strings.TrimPrefix(w.waba, "waba-")
	longest := []string{strings.Repeat("é", 128), strings.Repeat("é", 256)}
	var full []string
	for i := range 49 {
		full = append(full, fmt.Sprint("key", i), "")
	}
	w.must(w.tag(w.key, arn, append(full, longest...)...)) // 50, at all limits
	before := w.tags(arn)
	for name, test := range map[string]struct {
		tags       []string
		validation bool
		want       string
	}{
		"a 51st tag":               {[]string{"key0", "changed", "one more", ""}, false, "more than 50 tags"},
		"51 tags in a request":     {append([]string{"a", "", "b", ""}, full...), false, "51 tags"},
		"a key twice":              {[]string{"key0", "changed", "key0", "again"}, false, `"key0" twice`},
		"a reserved key":           {[]string{"AwS:createdBy", ""}, false, "aws:"},
		"a character in a key":     {[]string{"key0", "changed", "a*b", ""}, false, `"a*b"`},
		"a character in a value":   {[]string{"key0", "a\nb"}, false, `"a\nb"`},
		"a key that is too long":   {[]string{strings.Repeat("é", 129), ""}, true, "tags.1.member.key"},
		"a key that is empty":      {[]string{"", ""}, true, "key"},
		"a value that is too long": {[]string{"key0", strings.Repeat("é", 257)}, true, "value"},
	} {
		err := w.tag(w.key, arn, test.tags...)
		_, isInvalid := errors.AsType[*socialmessaging.InvalidParametersException](err)
		_, isViolation := errors.AsType[*socialmessaging.ValidationException](err)
		if isViolation != test.validation || isInvalid == test.validation || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if err := w.untag(arn, "key0", "aws:key"); err == nil || !strings.Contains(err.Error(), "aws:") {
		t.Errorf("a reserved key is removed: %v", err)
	}
	if diff := cmp.Diff(before, w.tags(arn)); diff != "" {
		t.Error(diff)
	}
}

func TestTagsOfWhatIsNotLinkedAreInvalidParameters(t *testing.T) {
	w := newWorld(t)
	for _, arn := range []string{
		wabaARN + "0123456789abcdef0123456789abcdef",
		phoneARN + strings.TrimPrefix(w.waba, "waba-"), // of another kind
		strings.Replace(wabaARN, account, stranger, 1) + strings.TrimPrefix(w.waba, "waba-"),
		strings.Replace(wabaARN, "us-east-1", "eu-west-1", 1) + strings.TrimPrefix(w.waba, "waba-"),
		"arn:aws:s3:::bucket",
	} {
		_, listErr := w.client(w.key).ListTagsForResource(t.Context(), &socialmessaging.ListTagsForResourceInput{ResourceArn: &arn})
		for _, err := range []error{w.tag(w.key, arn, "a", "b"), w.untag(arn, "a"), listErr} {
			if exception, ok := errors.AsType[*socialmessaging.InvalidParametersException](err); !ok || !strings.Contains(exception.ErrorMessage(), arn) {
				t.Errorf("%s: %v", arn, err)
			}
		}
	}
	other := w.newKey(stranger, admin.FullAccessPolicy)
	if err := w.tag(other, wabaARN+strings.TrimPrefix(w.waba, "waba-"), "a", "b"); err == nil {
		t.Error("a stranger has tagged the account")
	}
	only := w.newKey(account, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"social-messaging:TagResource","Resource":"`+wabaARN+`*"}]}`)
	w.must(w.tag(only, wabaARN+strings.TrimPrefix(w.waba, "waba-"), "a", "b"))
	err := w.tag(only, phoneARN+strings.TrimPrefix(w.phone, "phone-number-id-"), "a", "b")
	if _, ok := errors.AsType[*socialmessaging.AccessDeniedException](err); !ok {
		t.Errorf("a tag on a resource that the policy does not name: %v", err)
	}
}
