package object

import (
	"strings"
	"testing"

	"ferry/internal/secret"
)

// outcomes returns "name: text" or "name: code" of each step.
func outcomes(t *testing.T, opener *Opener, bucket, key string) string {
	t.Helper()
	steps, err := opener.Try(t.Context(), bucket, key)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, s := range steps {
		text := s.Text
		if s.Err != nil {
			text = s.Err.(*Error).Code
		}
		lines = append(lines, s.Name+": "+text)
	}
	return strings.Join(lines, "\n")
}

func TestTrialReportsEachStep(t *testing.T) {
	_, sc := fakeS3(t)
	sc.RequestPayer, sc.ExpectedBucketOwner = true, "111122223333"
	opener := newOpener(t, Config{Stores: []StoreConfig{sc}})
	put(t, opener.stores[0].client, "empty.png", "")
	put(t, opener.stores[0].client, "long.png", strings.Repeat("x", 3000))
	for key, want := range map[string]string{
		"a+b.jpg":       "HEAD: 7 bytes, type image/png, ETag \"\nrange GET: the first 7 bytes\npresigned URL: 7 bytes through the rules for presigned URLs",
		"long.png":      "range GET: the first 1024 bytes\npresigned URL: 3000 bytes",
		"empty.png":     "HEAD: 0 bytes",
		"nowhere.jpg":   "HEAD: object-not-found\nrange GET: object-not-found\npresigned URL: object-not-found",
		"q?x=y&z#f.jpg": "presigned URL: 13 bytes",
	} {
		got := outcomes(t, opener, "media", key)
		if !strings.HasPrefix(got, "credentials: access key AKIDFERRY, from StaticCredentials\n") {
			t.Errorf("%s: %s", key, got)
		}
		for line := range strings.SplitSeq(want, "\n") {
			if !strings.Contains(got, line) {
				t.Errorf("%s: %q is not in %s", key, line, got)
			}
		}
	}
}

func TestTrialSaysWhichStepTheStoreRefuses(t *testing.T) {
	_, sc := fakeS3(t)
	sc.SecretAccessKey = secret.New("not the secret-access-key")
	opener := newOpener(t, Config{Stores: []StoreConfig{sc}})
	if got := outcomes(t, opener, "media", "plain.jpg"); !strings.Contains(got, "credentials: access key") || !strings.Contains(got, "HEAD: store-denied") || !strings.Contains(got, "range GET: store-signature") || !strings.Contains(got, "presigned URL: url-refused") {
		t.Error(got)
	}
	for _, name := range [][2]string{{"Media", "k"}, {"media", ""}, {"media", "a/../b"}} {
		if steps, err := opener.Try(t.Context(), name[0], name[1]); err == nil {
			t.Errorf("%v: %v", name, steps)
		}
	}
}

func TestListOfStoresHasNoSecrets(t *testing.T) {
	_, sc := fakeS3(t)
	sc.SessionToken = secret.New("a session token")
	stores := newOpener(t, Config{Stores: []StoreConfig{sc}}).Stores()
	if len(stores) != 1 || !stores[0].SecretAccessKey.IsZero() || !stores[0].SessionToken.IsZero() || stores[0].AccessKeyID != sc.AccessKeyID || stores[0].Region != "us-east-1" {
		t.Errorf("%+v", stores)
	}
}
