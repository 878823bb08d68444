package main

import (
	"reflect"
	"strings"
	"testing"

	"ferry/internal/object"
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

func TestStoreTakesWhatItsRequestsAndKeysNeed(t *testing.T) {
	got, err := parseStore(`{"literal_keys": true, "request_payer": true, "expected_bucket_owner": "111122223333", "verify_checksums": true}`)
	want := object.StoreConfig{LiteralKeys: true, RequestPayer: true, ExpectedBucketOwner: "111122223333", VerifyChecksums: true}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the store is %+v (%v), want %+v", got, err, want)
	}
	if _, err := object.New(t.Context(), object.Config{DefaultRegion: "us-east-1", Stores: []object.StoreConfig{{ExpectedBucketOwner: "me"}}}); err == nil || !strings.Contains(err.Error(), "12 digits") {
		t.Errorf("an owner that is no account: %v", err)
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
