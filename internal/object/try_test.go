package object

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"

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

// What a store ignores, or keeps, is found out by an object.
func TestTrialFindsWhatAStoreIgnores(t *testing.T) {
	_, sc := fakeS3(t)
	if got := outcomes(t, newOpener(t, Config{Stores: []StoreConfig{sc}}), "media", "plain.jpg"); !strings.Contains(got, "If-Match: another version is refused") || !strings.Contains(got, "checksum: "+NoChecksum) {
		t.Error(got)
	}
	// The fake S3 server without keys does not notice that headers are missing.
	backend := s3mem.New()
	if err := backend.CreateBucket(t.Context(), "media"); err != nil {
		t.Fatal(err)
	}
	if _, err := backend.PutObject(t.Context(), "media", "a.jpg", map[string]string{"Content-Type": "image/jpeg", "X-Amz-Checksum-Crc32c": "yZRlqg=="}, strings.NewReader("hello world"), 11); err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]string{"If-Match": "If-Match: no-if-match", "Range": "range GET: no-ranges"} {
		next := gofakes3.New(backend).Server()
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del(header)
			next.ServeHTTP(w, r)
		}))
		defer server.Close()
		sc.Endpoint = server.URL
		if got := outcomes(t, newOpener(t, Config{Stores: []StoreConfig{sc}}), "media", "a.jpg"); !strings.Contains(got, want) || !strings.Contains(got, "checksum: the store keeps the CRC-32C of the object") {
			t.Errorf("without %s: %s", header, got)
		}
	}
}
