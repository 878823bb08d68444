package main

import (
	"reflect"
	"testing"
)

func TestInstanceProfileIsForTheDefaultStore(t *testing.T) {
	given := storeList{{Buckets: []string{"a"}}}
	for _, row := range []struct {
		command serveCommand
		want    storeList
	}{
		{serveCommand{}, storeList{{}}},
		{serveCommand{InstanceProfile: true}, storeList{{UseInstanceProfile: true}}},
		{serveCommand{Store: given}, given},
	} {
		if got := storeList(row.command.config().Objects.Stores); !reflect.DeepEqual(got, row.want) {
			t.Errorf("the stores are %+v, want %+v", got, row.want)
		}
	}
}

func TestStoreTakesTemporaryCredentials(t *testing.T) {
	got, err := parseStore(`{"access_key_id": "ASIAEXAMPLE", "secret_access_key": "a secret", "session_token": "a token"}`)
	if err != nil {
		t.Fatal(err)
	}
	if got.AccessKeyID != "ASIAEXAMPLE" || got.SecretAccessKey.Reveal() != "a secret" || got.SessionToken.Reveal() != "a token" {
		t.Errorf("the store is %+v, want it with the key, its secret and its token", got)
	}
}
