package state_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ferry/internal/state"
)

func TestTagsAreReplacedByNameAndOfOneResourceOnly(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		ctx, account := t.Context(), "111122223333"
		linked, err := s.Link(ctx, businessAccount(account, "100", "1", "2"))
		if err != nil {
			t.Fatal(err)
		}
		waba := state.Tagged{BusinessAccountID: linked.ID}
		first, second := state.Tagged{PhoneNumberID: linked.PhoneNumbers[0].ID}, state.Tagged{PhoneNumberID: linked.PhoneNumbers[1].ID}
		check := func(of state.Tagged, want map[string]string) {
			t.Helper()
			got, err := s.Tags(ctx, account, of)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%+v: %v\n%s", of, err, diff)
			}
		}
		check(waba, map[string]string{})
		for _, step := range []error{
			s.PutTags(ctx, account, waba, map[string]string{"Env": "prod", "env": "lower case is another"}),
			s.PutTags(ctx, account, first, map[string]string{"Env": "test"}),
			s.PutTags(ctx, account, waba, map[string]string{"Env": "", "team": "é 😀"}),
			s.RemoveTags(ctx, account, waba, []string{"env", "absent"}),
		} {
			if step != nil {
				t.Fatal(step)
			}
		}
		check(waba, map[string]string{"Env": "", "team": "é 😀"})
		check(first, map[string]string{"Env": "test"})
		check(second, map[string]string{})

		full := make(map[string]string)
		for i := range state.MaxTags {
			full[fmt.Sprint(i)] = ""
		}
		if err := s.PutTags(ctx, account, second, full); err != nil {
			t.Fatal(err)
		}
		if err := s.PutTags(ctx, account, second, map[string]string{"0": "changed", "one more": ""}); !errors.Is(err, state.ErrTooManyTags) {
			t.Errorf("a tag beyond the limit: %v", err)
		}
		check(second, full)
	})
}

func TestTagsOfWhatIsNotLinkedAreNotFound(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		ctx := t.Context()
		theirs, err := s.Link(ctx, businessAccount("444455556666", "100", "1"))
		if err != nil {
			t.Fatal(err)
		}
		for _, of := range []state.Tagged{{}, {BusinessAccountID: "nobody"}, {PhoneNumberID: "nobody"}, {BusinessAccountID: theirs.ID}, {PhoneNumberID: theirs.PhoneNumbers[0].ID}} {
			_, err := s.Tags(ctx, "111122223333", of)
			for _, err := range []error{err, s.PutTags(ctx, "111122223333", of, map[string]string{"a": ""}), s.RemoveTags(ctx, "111122223333", of, []string{"a"})} {
				if !errors.Is(err, state.ErrNotFound) {
					t.Errorf("%+v: %v", of, err)
				}
			}
		}
	})
}
