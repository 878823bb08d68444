package state_test

import (
	"testing"

	"ferry/internal/state"
)

func TestDifferentVersionsOfSourcesHaveDifferentKeys(t *testing.T) {
	versions := []state.SourceVersion{
		{Name: "s3://b/k", ETag: "e t", DeclaredType: ""},
		{Name: "s3://b/k e", ETag: "t", DeclaredType: ""},
		{Name: "s3://b/k e t", ETag: "", DeclaredType: ""},
		{Name: "s3://b/k", ETag: "e", DeclaredType: "t "},
		{Name: `s3://b/k" "e`, ETag: "t", DeclaredType: ""},
		{Name: `s3://b/k`, ETag: `e" "t`, DeclaredType: ""},
		{Name: "s3://b/k\ne", ETag: "t", DeclaredType: ""},
		{Name: "s3://b/k", ETag: "e\nt", DeclaredType: ""},
	}
	seen := make(map[string]state.SourceVersion)
	for _, version := range versions {
		key := version.Key("1")
		if other, taken := seen[key]; taken {
			t.Errorf("%+v and %+v have the key %s", version, other, key)
		}
		seen[key] = version
	}
}
