package admin

import (
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"ferry/internal/graph"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
	"ferry/metasim"
)

const account, metaToken = "111122223333", "EAAtoken"

func newState(t *testing.T) *state.DB {
	t.Helper()
	keyset, err := secret.GenerateKeyset()
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := secret.NewSealer(keyset)
	if err != nil {
		t.Fatal(err)
	}
	db, err := state.Open(t.Context(), state.Config{Path: statetest.OncePath(t), Sealer: sealer})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// newMeta starts a simulator with one WhatsApp Business Account and two numbers.
func newMeta(t *testing.T) *graph.Client {
	t.Helper()
	simulator := metasim.New(metasim.Config{Strict: true, BusinessAccounts: []metasim.BusinessAccount{{
		ID: "100", Name: "Lucky Shrub", Token: metaToken, PhoneNumbers: []metasim.PhoneNumber{
			{ID: "1", DisplayPhoneNumber: "+1 555-078-3881", VerifiedName: "Shrub"},
			{ID: "2", DisplayPhoneNumber: "+1 555-078-3882", VerifiedName: "Shrub support"},
		},
	}}})
	server := httptest.NewServer(simulator)
	t.Cleanup(func() {
		_ = simulator.Close()
		server.Close()
	})
	client, err := graph.New(graph.Config{BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func TestAccessKeyIsMadeShownOnceAndDeleted(t *testing.T) {
	db := newState(t)
	key, err := CreateAccessKey(t.Context(), db, account, "bot", FullAccessPolicy)
	if err != nil || !regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`).MatchString(key.ID) || len(key.Secret.Reveal()) != 40 {
		t.Fatalf("%+v, %v", key, err)
	}
	keys, err := AccessKeys(t.Context(), db, account)
	if err != nil || len(keys) != 1 || keys[0].ID != key.ID || keys[0].Name != "bot" || !keys[0].Secret.IsZero() {
		t.Errorf("listed %+v, %v", keys, err)
	}
	for _, disabled := range []bool{true, true, false} {
		if err := SetAccessKeyDisabled(t.Context(), db, key.ID, disabled); err != nil {
			t.Fatal(err)
		}
		if got, err := db.AccessKey(t.Context(), key.ID); err != nil || got.IsDisabled() != disabled {
			t.Errorf("disabled: %v, want %v; %v", got.IsDisabled(), disabled, err)
		}
	}
	if err := DeleteAccessKey(t.Context(), db, key.ID); err != nil {
		t.Fatal(err)
	}
	if err := SetAccessKeyDisabled(t.Context(), db, key.ID, true); err == nil || !strings.Contains(err.Error(), "there is no access key") {
		t.Errorf("disabled after it was deleted: %v", err)
	}
	if err := DeleteAccessKey(t.Context(), db, key.ID); err == nil || !strings.Contains(err.Error(), "there is no access key") {
		t.Errorf("deleted twice: %v", err)
	}
}

func TestWhatIsTypedWrongIsRefusedBeforeAnythingIsStored(t *testing.T) {
	db, client := newState(t), newMeta(t)
	create := func(accountID, name, policy string) error {
		_, err := CreateAccessKey(t.Context(), db, accountID, name, policy)
		return err
	}
	link := func(l Link) error {
		_, err := LinkAccount(t.Context(), client, db, l)
		return err
	}
	token := secret.New(metaToken)
	for _, c := range []struct {
		about string
		err   error
		words string
	}{
		{"a short account id", create("1234", "bot", FullAccessPolicy), "expected 12 digits"},
		{"a name with a space", create(account, "my bot", FullAccessPolicy), "not a user name"},
		{"a policy that is no JSON", create(account, "bot", "{"), "policy 1: "},
		{"keys of a short account id", func() error { _, err := AccessKeys(t.Context(), db, "1"); return err }(), "expected 12 digits"},
		{"links of a short account id", func() error { _, err := LinkedAccounts(t.Context(), db, "1"); return err }(), "expected 12 digits"},
		{"a link to a short account id", link(Link{AccountID: "1", MetaID: "100", Token: token}), "expected 12 digits"},
		{"an id of Meta's with letters", link(Link{AccountID: account, MetaID: "waba-100", Token: token}), "expected digits"},
		{"a phone number in place of its id", link(Link{AccountID: account, MetaID: "100", PhoneNumberIDs: []string{"+1 555"}, Token: token}), "expected digits"},
		{"no token", link(Link{AccountID: account, MetaID: "100"}), "there is no token"},
		{"a wrong token", link(Link{AccountID: account, MetaID: "100", Token: secret.New("no")}), "reading WhatsApp Business Account 100"},
		{"a number of another account", link(Link{AccountID: account, MetaID: "100", PhoneNumberIDs: []string{"7"}, Token: token}), "whose numbers are: 1, 2"},
		{"reuse for an account that does not exist", Set(t.Context(), db, account, state.Reuse, true), "there is no account"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.words) || strings.Contains(c.err.Error(), metaToken) {
			t.Errorf("%s: %v, want %q", c.about, c.err, c.words)
		}
	}
	keys, err := AccessKeys(t.Context(), db, "")
	linked, errLinked := LinkedAccounts(t.Context(), db, "")
	if len(keys)+len(linked) > 0 || err != nil || errLinked != nil {
		t.Errorf("stored %+v and %+v; %v, %v", keys, linked, err, errLinked)
	}
}

func TestLinkingAgainRenewsTheNumbers(t *testing.T) {
	db, client := newState(t), newMeta(t)
	first, err := LinkAccount(t.Context(), client, db, Link{AccountID: account, MetaID: "100", PhoneNumberIDs: []string{"2"}, Token: secret.New(metaToken)})
	if err != nil || len(first.PhoneNumbers) != 1 || first.PhoneNumbers[0].MetaID != "2" {
		t.Fatalf("%+v, %v", first, err)
	}
	second, err := LinkAccount(t.Context(), client, db, Link{AccountID: account, MetaID: "100", Token: secret.New(metaToken)})
	if err != nil || second.ID != first.ID || len(second.PhoneNumbers) != 2 {
		t.Fatalf("%+v, %v; first %+v", second, err, first)
	}
	linked, err := LinkedAccounts(t.Context(), db, account)
	if err != nil || len(linked) != 1 || linked[0].Name != "Lucky Shrub" || len(linked[0].PhoneNumbers) != 2 {
		t.Errorf("listed %+v, %v", linked, err)
	}
	if err := Set(t.Context(), db, account, state.Reuse, true); err != nil {
		t.Error(err)
	}
}
