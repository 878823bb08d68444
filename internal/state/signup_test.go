package state_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

const account = "111122223333"

func newSignup(accounts ...state.BusinessAccount) *state.Signup {
	for i := range accounts {
		accounts[i].Token = secret.Secret{}
	}
	return &state.Signup{AppID: "500", Token: secret.New(canary), Accounts: accounts}
}

func TestSignupIsOfOneAccountAndKeepsTheIdsOfWhatIsLinked(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		ctx := t.Context()
		linked := link(t, s, "1")
		signup := newSignup(businessAccount("", "100", "1", "2"), businessAccount("", "200"))
		token, err := s.AddSignup(ctx, account, signup)
		if err != nil || len(token) > 50 {
			t.Fatal(token, err)
		}
		got, err := s.Signup(ctx, account, token)
		if err != nil || got.Token.Reveal() != canary || got.AppID != "500" {
			t.Fatalf("%+v, %v", got, err)
		}
		if diff := cmp.Diff(signup.Accounts, got.Accounts, cmp.Comparer(func(a, b secret.Secret) bool { return a.IsZero() == b.IsZero() })); diff != "" {
			t.Error(diff)
		}
		first, numbers := got.Accounts[0], got.Accounts[0].PhoneNumbers
		if first.ID != linked.ID || numbers[0].ID != linked.PhoneNumbers[0].ID || len(numbers[1].ID) != 32 || numbers[1].BusinessAccountID != linked.ID || len(got.Accounts[1].ID) != 32 {
			t.Errorf("the ids are %+v", got.Accounts)
		}
		for _, other := range []struct{ account, token string }{{"444455556666", token}, {account, token + "A"}, {account, ""}} {
			if _, err := s.Signup(ctx, other.account, other.token); !errors.Is(err, state.ErrNotFound) {
				t.Errorf("%v: %v", other, err)
			}
		}
	})
}

func TestSetupLinksTagsAndChoosesDestinationsTogetherOrNotAtAll(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		ctx := t.Context()
		setup := state.Setup{
			BusinessAccount: businessAccount(account, "100", "1", "2"), Tags: map[string]string{"a": "b"},
			NumberTags: map[string]map[string]string{"2": {"c": "d"}, "none": {}}, Destinations: []state.EventDestination{topic},
		}
		setup.ID = "0123456789abcdef0123456789abcdef"
		setup.PhoneNumbers[1].IsUnregistered, setup.PhoneNumbers[1].Region = true, "DE"
		if _, err := s.LinkSetup(ctx, setup); err == nil {
			t.Fatal("tags of a number that the account does not have were set")
		}
		if list, err := s.LinkedAccounts(ctx, ""); err != nil || len(list) != 0 {
			t.Errorf("linked %+v, %v", list, err)
		}
		delete(setup.NumberTags, "none")
		linked, err := s.LinkSetup(ctx, setup)
		if err != nil || linked.ID != setup.ID || !linked.IsIncomplete || !linked.PhoneNumbers[1].IsUnregistered || linked.PhoneNumbers[1].Region != "DE" {
			t.Fatalf("%+v, %v", linked, err)
		}
		// Once more, as a retry does: registered now, with the region as it was, and the destinations too.
		setup.PhoneNumbers[1].IsUnregistered, setup.PhoneNumbers[1].Region, setup.Destinations = false, "", nil
		again, err := s.LinkSetup(ctx, setup)
		if err != nil || again.IsIncomplete || again.PhoneNumbers[1].ID != linked.PhoneNumbers[1].ID || again.PhoneNumbers[1].Region != "DE" {
			t.Errorf("%+v, %v", again, err)
		}
		tags, err := s.Tags(ctx, account, state.Tagged{PhoneNumberID: linked.PhoneNumbers[1].ID})
		destinations, destinationsErr := s.EventDestinations(ctx, linked.ID)
		if len(tags) != 1 || tags["c"] != "d" || err != nil || len(destinations) != 1 || destinationsErr != nil {
			t.Errorf("tags %v, %v; destinations %v, %v", tags, err, destinations, destinationsErr)
		}
	})
}

func TestSignupExpiresAndTheirNumberIsBounded(t *testing.T) {
	clock := now
	s, err := state.Open(t.Context(), state.Config{Path: filepath.Join(t.TempDir(), "ferry.db"), Sealer: statetest.Sealer(t), Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	link(t, s)
	var token string
	for range state.MaxSignups {
		if token, err = s.AddSignup(t.Context(), account, newSignup()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.AddSignup(t.Context(), account, newSignup()); !errors.Is(err, state.ErrTooManySignups) {
		t.Errorf("one more: %v", err)
	}
	clock = clock.Add(state.SignupLife)
	if _, err := s.Signup(t.Context(), account, token); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("an expired one: %v", err)
	}
	if _, err := s.AddSignup(t.Context(), account, newSignup()); err != nil {
		t.Errorf("after the others have expired: %v", err)
	}
	if removed, err := s.Purge(t.Context()); removed != state.MaxSignups || err != nil {
		t.Errorf("purged %d, %v", removed, err)
	}
}
