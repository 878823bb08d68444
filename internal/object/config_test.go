package object

import (
	"strings"
	"testing"
	"time"

	"ferry/internal/secret"
)

var secretKey = secret.New("secret-access-key-canary")

func TestAllMistakesAtOnce(t *testing.T) {
	_, err := New(t.Context(), Config{
		Stores: []StoreConfig{
			{Region: "us-east-1", Buckets: []string{"Upper*"}, AccessKeyID: "k"},
			{Endpoint: "ftp://minio", UseInstanceProfile: true, AccessKeyID: "k", SecretAccessKey: secretKey},
			{},
			{Region: "us east", SessionToken: secretKey},
		},
		AllowedHosts: []string{"https://x.example.org", "localhost", "*.10.0.0.1", "10.0.0.1", "a b.example.org", "*.", ""},
		MaxSize:      -1,
		StallWindow:  -time.Second,
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, part := range []string{
		"store 1", `"Upper*"`, "belong together", "store 2", `"ftp://minio"`, "instance profile", "store 3", "no Region",
		"store 4", `"us east"`, "session token", `"https://x.example.org"`, `"localhost"`, `"*.10.0.0.1"`, `"10.0.0.1"`,
		`"a b.example.org"`, `"*."`, `""`, "MaxSize", "StallWindow",
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not mention %s:\n%v", part, err)
		}
	}
	if strings.Contains(err.Error(), secretKey.Reveal()) {
		t.Error("the error shows a secret")
	}
}

func TestEndpointSyntax(t *testing.T) {
	for endpoint, want := range map[string]bool{
		"http://minio:9000": true, "https://s3.example.org/": true, "https://10.0.0.5:9000": true, "http://[fd00::1]:9000": true,
		"https://S3.Example.org": true, "minio:9000": false, "http://minio:9000/path": false, "http://u:p@minio": false,
		"http://minio?x": false, "http://minio#x": false, "http://mi nio": false, "http://": false, "http://127.1": false,
		"http://minio:9000//": false, "http://minio.": false,
	} {
		_, err := New(t.Context(), Config{Stores: []StoreConfig{{Endpoint: endpoint, AccessKeyID: "k", SecretAccessKey: secretKey}}})
		if (err == nil) != want {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}

func TestDefaultStoreAndOrderOfStores(t *testing.T) {
	if _, err := New(t.Context(), Config{}); err == nil {
		t.Error("no store and no Region is accepted")
	}
	opener := newOpener(t, Config{DefaultRegion: "eu-west-1"})
	f, err := opener.File("any-bucket", "k")
	if err != nil || f.store.cfg.Region != "eu-west-1" || f.store.cfg.Endpoint != "" {
		t.Errorf("the default store: %v, %v", f, err)
	}
	key := StoreConfig{Endpoint: "http://minio:9000", AccessKeyID: "k", SecretAccessKey: secretKey}
	first, second, third := key, key, key
	first.Buckets, second.Buckets, third.Buckets = []string{"media-?", "exact"}, []string{"media-*", "*.dots"}, []string{"exact", "last"}
	opener = newOpener(t, Config{Stores: []StoreConfig{first, second, third}})
	for bucket, want := range map[string]int{"media-1": 0, "media-12": 1, "exact": 0, "last": 2, "a.b.dots": 1} {
		if f, err := opener.File(bucket, "k"); err != nil || f.store != opener.stores[want] {
			t.Errorf("%s: %v, want store %d", bucket, err, want)
		}
	}
	_, err = opener.File("other", "k")
	if e := wantKind(t, err, Denied); !strings.Contains(e.Message, `"other"`) {
		t.Errorf("message %q", e.Message)
	}
}

func TestNamesOfBucketsAndKeys(t *testing.T) {
	minio := StoreConfig{Endpoint: "http://minio:9000", Buckets: []string{"on-minio"}, AccessKeyID: "k", SecretAccessKey: secretKey}
	opener := newOpener(t, Config{Stores: []StoreConfig{minio, {Region: "us-east-1"}}})
	for _, bucket := range []string{
		"", "a", "ab", "..", "...", "a..b", strings.Repeat("a", 64), "Upper", "under_score", "127.0.0.1", "1.2.3.4", "xn--a",
		"a-s3alias", "a--ol-s3", "a.mrap", "a--use1-az4--x-s3", "a--table-s3", "sthree-a", "amzn-s3-demo-a", "-ab", "ab-", ".ab",
		"ab.", "a.-b", "a-.b", "a/b", "a b", "a\x00b", "bücket", "arn:aws:s3:::bucket", "a%2Fb", "a@b", "a:b", "a?b",
	} {
		if _, err := opener.File(bucket, "k"); err == nil {
			t.Errorf("the bucket %q is accepted", bucket)
		} else {
			wantKind(t, err, Invalid)
		}
	}
	for _, bucket := range []string{"abc", "a.b.c", "a--b", "0ab", strings.Repeat("a", 63), "127.0.0"} {
		if _, err := opener.File(bucket, "k"); err != nil {
			t.Errorf("the bucket %q: %v", bucket, err)
		}
	}
	never := []string{"", ".", "..", "./a", "../a", "a/.", "a/..", "a/./b", "a/../../b", `..\a`, `a\..\b`, "/..", "a\x00", "\xff", strings.Repeat("a", 1025)}
	awsOnly := []string{"/", "//", "/a", "a//b", "//a", "a//"}
	always := []string{"a", "a/", "a/b", "...", ".a", "a..b", "a/..b", "?versionId=1", "a#b", "a b+c%20", "%2e%2e/a", "ä", "\n", strings.Repeat("a", 1024)}
	for bucket, allowed := range map[string][]string{"on-minio": always, "on-aws": append(always, awsOnly...)} {
		for _, key := range allowed {
			if _, err := opener.File(bucket, key); err != nil {
				t.Errorf("%s, the key %q: %v", bucket, key, err)
			}
		}
		for _, key := range never {
			_, err := opener.File(bucket, key)
			wantKind(t, err, Invalid)
		}
	}
	for _, key := range awsOnly {
		_, err := opener.File("on-minio", key)
		wantKind(t, err, Invalid)
	}
}
