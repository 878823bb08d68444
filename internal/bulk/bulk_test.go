package bulk

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPrefixesAreDirectories(t *testing.T) {
	got, err := ParsePrefixes([]string{"s3://b/in", "s3://b/out/", "s3://other"})
	if diff := cmp.Diff([]Prefix{{"b", "in/"}, {"b", "out/"}, {"other", ""}}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestPrefixesThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		about string
		texts []string
		words string
	}{
		{"a URL, whose query is secret", []string{"https://b.example/in/?X-Amz-Signature=canary"}, `"https://b.example/in/" is not a prefix`},
		{"no bucket", []string{"s3:///in/"}, "expected s3://BUCKET/PREFIX/"},
		{"a path", []string{"in/"}, "expected s3://BUCKET/PREFIX/"},
		{"the same twice", []string{"s3://b/in", "s3://b/in/"}, "contain the same objects"},
		{"one within another", []string{"s3://b/in/deep/", "s3://b/in/"}, "contain the same objects"},
		{"one within its bucket", []string{"s3://b", "s3://b/in/"}, "contain the same objects"},
	} {
		if got, err := ParsePrefixes(c.texts); err == nil || !strings.Contains(err.Error(), c.words) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v, %v", c.about, got, err)
		}
	}
	if _, err := ParsePrefixes([]string{"s3://b/in/", "s3://b/inner/"}); err != nil {
		t.Errorf("names that only begin alike: %v", err)
	}
}
