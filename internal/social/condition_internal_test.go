package social

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ferry/internal/policy"
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
		{PhoneNumberID: linked.PhoneNumbers[0].ID}: {"team": "blue", "Env": "", "env": "test"},
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
			map[string][]string{"aws:ResourceTag/team": {"blue"}, "aws:ResourceTag/env": {"", "test"}}},
		{c.arn(kindBusinessAccount, linked.ID), &socialmessaging.TagResourceInput{Tags: []types.Tag{tag("team", "green")}},
			map[string][]string{"aws:ResourceTag/team": {"red"}, "aws:RequestTag/team": {"green"}, "aws:TagKeys": {"team"}}},
		{c.arn(kindBusinessAccount, linked.ID), &socialmessaging.UntagResourceInput{TagKeys: []string{"x", "y"}},
			map[string][]string{"aws:ResourceTag/team": {"red"}, "aws:TagKeys": {"x", "y"}}},
		{c.arn(kindBusinessAccount, "nobody"), &socialmessaging.GetLinkedWhatsAppBusinessAccountInput{}, map[string][]string{}},
	} {
		got, values := map[string][]string{}, c.context(t.Context(), test.input, policy.Request{Resource: test.resource})
		for _, name := range []string{"aws:ResourceTag/team", "aws:ResourceTag/env", "aws:ResourceTag/absent", "aws:RequestTag/a", "aws:RequestTag/b", "aws:RequestTag/team", "aws:TagKeys"} {
			list, err := values(name)
			if err != nil {
				t.Errorf("%T on %s: %s: %v", test.input, test.resource, name, err)
			}
			if len(list) > 0 {
				slices.Sort(list)
				got[name] = list
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%T on %s: %s", test.input, test.resource, diff)
		}
	}
}

// The tags of a resource are read for the conditions that ask about them only, and nothing that depends on them is
// allowed when they cannot be read.
func TestTagsAreReadWhenAConditionAsksForThem(t *testing.T) {
	db, err := state.Open(t.Context(), state.Config{Path: statetest.OncePath(t), Sealer: statetest.Sealer(t)})
	if err != nil {
		t.Fatal(err)
	}
	_ = db.Close()
	for condition, isRead := range map[string]bool{
		`{"StringNotEquals":{"aws:ResourceTag/team":"red"}}`: true,
		`{"StringEquals":{"aws:username":"app"}}`:            false,
		`{"Null":{"aws:RequestTag/team":"true"}}`:            false,
	} {
		document, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":` + condition + `}}`))
		if err != nil {
			t.Fatal(err)
		}
		c := &call{Service: &Service{config: Config{State: db}}, caller: caller{accountID: "111122223333", region: "us-east-1", userName: "app", policies: []*policy.Document{document}}}
		need := policy.Request{Action: "social-messaging:SendWhatsAppMessage", Resource: c.arn(kindPhoneNumber, "1")}
		if err := c.authorise(t.Context(), &socialmessaging.SendWhatsAppMessageInput{}, need); (err != nil) != isRead {
			t.Errorf("%s: %v", condition, err)
		}
	}
}
