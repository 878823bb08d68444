package state_test

import (
	"errors"
	"testing"
	"time"

	"ferry/internal/state"
)

func TestReleaseIsOfOnesOwnIDs(t *testing.T) {
	var (
		first   = state.Holder{AccessKeyID: "AKIA1", UserName: "app"}
		second  = state.Holder{AccessKeyID: "AKIA2", UserName: "app"}
		another = state.Holder{AccessKeyID: "AKIA3", UserName: "cleaner"}
	)
	type step struct {
		by   state.Holder
		left bool
		err  error
	}
	for name, test := range map[string]struct {
		holders []state.Holder // the first uploads; the others receive the same id
		deleted []string       // access keys
		steps   []step
	}{
		"a key cannot release the id of another key": {
			[]state.Holder{first, another}, nil,
			[]step{{another, true, nil}, {another, false, state.ErrNotHeld}, {first, false, nil}},
		},
		"a key that never received the id cannot release it": {
			[]state.Holder{first, first}, nil,
			[]step{{another, false, state.ErrNotHeld}, {first, true, nil}, {first, false, nil}},
		},
		"a key cannot release what a living key of the same user received": {
			[]state.Holder{first, second}, nil,
			[]step{{second, true, nil}, {second, false, state.ErrNotHeld}},
		},
		"a key releases what a deleted key of the same user received, after its own": {
			[]state.Holder{first, second}, []string{first.AccessKeyID},
			[]step{{second, true, nil}, {second, false, nil}},
		},
		"a key of another user does not": {
			[]state.Holder{first, second}, []string{first.AccessKeyID},
			[]step{{another, false, state.ErrNotHeld}},
		},
		"whoever releases an id of an unknown user": {
			[]state.Holder{{}, first}, nil,
			[]step{{first, true, nil}, {another, false, nil}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachKind(t, func(t *testing.T, s *state.DB) {
				ctx := t.Context()
				for _, h := range []state.Holder{first, second, another} {
					if err := s.CreateAccessKey(ctx, state.AccessKey{ID: h.AccessKeyID, AccountID: "111122223333", Name: h.UserName}); err != nil {
						t.Fatal(err)
					}
				}
				linked, err := s.Link(ctx, businessAccount("111122223333", "100", "1"))
				if err != nil {
					t.Fatal(err)
				}
				file := state.Reusable{PhoneNumberID: linked.PhoneNumbers[0].ID, SHA256: "ab", MIMEType: "image/png", MediaID: "7", Size: 10, ExpiresAt: now.Add(time.Hour)}
				if err := s.Offer(ctx, file, test.holders[0], state.SourceVersion{Name: "s3://b/k"}, now); err != nil {
					t.Fatal(err)
				}
				for _, h := range test.holders[1:] {
					if err := s.Reuse(ctx, "111122223333", h, file, nil); err != nil {
						t.Fatal(err)
					}
				}
				for _, id := range test.deleted {
					if err := s.DeleteAccessKey(ctx, id); err != nil {
						t.Fatal(err)
					}
				}
				for i, step := range test.steps {
					if left, err := s.Release(ctx, file.PhoneNumberID, file.MediaID, step.by); left != step.left || !errors.Is(err, step.err) {
						t.Errorf("release %d: left %v, %v", i+1, left, err)
					}
				}
			})
		})
	}
}

func TestReleaseOfAFileThatNobodySharesLeavesNobody(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		if left, err := s.Release(t.Context(), "phone", "media", holder); left || err != nil {
			t.Errorf("left %v, %v", left, err)
		}
	})
}
