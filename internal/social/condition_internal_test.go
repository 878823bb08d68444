package social

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

func TestConditionsOfPoliciesSeeTheTagsOfTheResourceAndOfTheRequest(t *testing.T) {
	db, err := state.Open(t.Context(), state.Config{Path: statetest.OncePath(t), Sealer: statetest.Sealer(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	linked, err := db.Link(t.Context(), state.BusinessAccount{AccountID: "111122223333", MetaID: "100", Token: secret.New("t"), PhoneNumbers: []state.PhoneNumber{{MetaID: "1"}}})
	if err != nil {
		t.Fatal(err)
	}
	for of, tags := range map[state.Tagged]map[string]string{
		{BusinessAccountID: linked.ID}:             {"team": "red"},
		{PhoneNumberID: linked.PhoneNumbers[0].ID}: {"team": "blue", "Env": ""},
	} {
		if err := db.PutTags(t.Context(), "111122223333", of, tags); err != nil {
			t.Fatal(err)
		}
	}
	c := &call{Service: &Service{config: Config{State: db}}, caller: caller{accountID: "111122223333", region: "us-east-1"}}
	tag := func(key, value string) types.Tag { return types.Tag{Key: &key, Value: &value} }
	setup := &types.WhatsAppSetupFinalization{
		Waba:         &types.WabaSetupFinalization{Tags: []types.Tag{tag("a", "1")}},
		PhoneNumbers: []types.WabaPhoneNumberSetupFinalization{{Tags: []types.Tag{tag("a", "2"), {Key: new("b")}}}},
	}
	for _, test := range []struct {
		resource string
		input    any
		want     map[string][]string
	}{
		{"*", &socialmessaging.ListLinkedWhatsAppBusinessAccountsInput{}, map[string][]string{}},
		{"*", &socialmessaging.AssociateWhatsAppBusinessAccountInput{}, map[string][]string{}},
		{"*", &socialmessaging.AssociateWhatsAppBusinessAccountInput{SetupFinalization: setup},
			map[string][]string{"aws:RequestTag/a": {"1", "2"}, "aws:RequestTag/b": {""}, "aws:TagKeys": {"a", "a", "b"}}},
		{c.arn(kindPhoneNumber, linked.PhoneNumbers[0].ID), &socialmessaging.SendWhatsAppMessageInput{},
			map[string][]string{"aws:ResourceTag/team": {"blue"}, "aws:ResourceTag/Env": {""}}},
		{c.arn(kindBusinessAccount, linked.ID), &socialmessaging.TagResourceInput{Tags: []types.Tag{tag("team", "green")}},
			map[string][]string{"aws:ResourceTag/team": {"red"}, "aws:RequestTag/team": {"green"}, "aws:TagKeys": {"team"}}},
		{c.arn(kindBusinessAccount, linked.ID), &socialmessaging.UntagResourceInput{TagKeys: []string{"x", "y"}},
			map[string][]string{"aws:ResourceTag/team": {"red"}, "aws:TagKeys": {"x", "y"}}},
		{c.arn(kindBusinessAccount, "nobody"), &socialmessaging.GetLinkedWhatsAppBusinessAccountInput{}, map[string][]string{}},
	} {
		got, err := c.conditionValues(t.Context(), test.input, test.resource)
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%T on %s: %v\n%s", test.input, test.resource, err, diff)
		}
	}
}
