package object

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"

	"ferry/internal/secret"

	"ferry/internal/guard"
	"ferry/internal/guard/guardtest"
)

// awkwardKeys are keys that are easily encoded twice, or not at all.
var awkwardKeys = []string{
	"plain.jpg", "dir/key.jpg", "a b.jpg", "a+b.jpg", "100%.jpg", "a%2Fb.jpg", "a%25b.jpg", "ä/ö/日本.jpg", "q?x=y&z#f.jpg",
	"(a)!'*~;:@=,$.jpg", "trailing/",
}

// fakeS3 returns an S3 server in this process that verifies signatures. It has the
// bucket "media" with an object for each awkward key, whose content is the key.
func fakeS3(t *testing.T) (*httptest.Server, StoreConfig) {
	t.Helper()
	const id = "AKIDFERRY"
	fake := gofakes3.New(s3mem.New(), gofakes3.WithV4Auth(map[string]string{id: secretKey.Reveal()}))
	server := httptest.NewServer(fake.Server())
	t.Cleanup(server.Close)
	sc := StoreConfig{Endpoint: server.URL, PathStyle: true, AccessKeyID: id, SecretAccessKey: secretKey}
	opener := newOpener(t, Config{Stores: []StoreConfig{sc}})
	client := opener.stores[0].client
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("media")}); err != nil {
		t.Fatal(err)
	}
	for _, key := range awkwardKeys {
		put(t, client, key, key)
	}
	return server, sc
}

func put(t *testing.T, client *s3.Client, key, content string) {
	t.Helper()
	_, err := client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String("media"), Key: &key, Body: bytes.NewReader([]byte(content)), ContentType: aws.String("image/png"),
	})
	if err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
}

// read opens a source and reads it to the end.
func read(ctx context.Context, s Source, ifMatch string) (*Object, string, error) {
	obj, err := s.Open(ctx, ifMatch)
	if err != nil {
		return nil, "", err
	}
	defer obj.Body.Close()
	content, err := io.ReadAll(obj.Body)
	return obj, string(content), err
}

func TestFileReadsEveryKey(t *testing.T) {
	_, sc := fakeS3(t)
	opener := newOpener(t, Config{Stores: []StoreConfig{sc}})
	for _, key := range awkwardKeys {
		f, err := opener.File("media", key)
		if err != nil {
			t.Fatal(err)
		}
		obj, content, err := read(t.Context(), f, "")
		if err != nil {
			t.Errorf("%q: %v (%v)", key, err, errors.Unwrap(err))
			continue
		}
		if content != key || obj.Size != int64(len(key)) || obj.ContentType != "image/png" || obj.ETag == "" || !strings.HasSuffix(key, obj.Name) {
			t.Errorf("%q: %q, %+v", key, content, obj)
		}
	}
}

func TestFileErrors(t *testing.T) {
	_, sc := fakeS3(t)
	wrong, unknown := sc, sc
	wrong.Buckets, wrong.SecretAccessKey = []string{"wrong-secret"}, secret.New("not the secret-access-key")
	unknown.Buckets, unknown.AccessKeyID = []string{"unknown-key"}, "AKIDNOBODY"
	sc.Buckets = []string{"media", "missing-*"}
	opener := newOpener(t, Config{Stores: []StoreConfig{wrong, unknown, sc}})
	for _, row := range []struct {
		bucket, key string
		kind        Kind
		says        string
	}{
		{"media", "nowhere.jpg", NotFound, "nowhere.jpg"},
		{"missing-bucket", "k", NotFound, "missing-bucket"},
		{"wrong-secret", "k", Denied, "SignatureDoesNotMatch"},
		{"unknown-key", "k", Denied, "InvalidAccessKeyId"},
	} {
		f, err := opener.File(row.bucket, row.key)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Open(t.Context(), "")
		e := wantKind(t, err, row.kind)
		if !strings.Contains(e.Message, row.says) || e.Cause == nil {
			t.Errorf("%v: %q, cause %v", row, e.Message, e.Cause)
		}
		noCanary(t, e)
	}
}

func TestIfMatchBindsToTheSameBytes(t *testing.T) {
	_, sc := fakeS3(t)
	opener := newOpener(t, Config{Stores: []StoreConfig{sc}})
	client := opener.stores[0].client
	f, err := opener.File("media", "plain.jpg")
	if err != nil {
		t.Fatal(err)
	}
	u, err := opener.URL(presign(t, sc, client, "plain.jpg", nil, 0), jpeg())
	if err != nil {
		t.Fatal(err)
	}
	first, _, err := read(t.Context(), f, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range []Source{f, u} {
		if second, content, err := read(t.Context(), source, first.ETag); err != nil || content != "plain.jpg" || second.ETag != first.ETag {
			t.Errorf("%v again: %q, %v", source, content, err)
		}
	}
	put(t, client, "plain.jpg", "other bytes")
	for _, source := range []Source{f, u} {
		_, _, err := read(t.Context(), source, first.ETag)
		wantKind(t, err, Changed)
	}
}

// A store that ignores If-Match returns 200 with another object.
func TestIfMatchIsNotLeftToTheStore(t *testing.T) {
	for name, tag := range map[string]string{"another": "ETag: \"other\"\r\n", "none": ""} {
		endpoint := says(t, "HTTP/1.1 200 OK\r\n"+tag+"Content-Length: 4\r\n\r\nbody")
		for way, source := range sources(t, impatient(endpoint)) {
			if obj, err := source.Open(t.Context(), `"e1"`); err == nil {
				obj.Body.Close()
				t.Errorf("%s, %s tag: opened", way, name)
			} else {
				wantKind(t, err, Changed)
			}
		}
	}
}

// presign returns a URL for a GET of the key, signed with the headers at the time age ago.
func presign(t *testing.T, sc StoreConfig, client *s3.Client, key string, headers map[string]string, age time.Duration) string {
	t.Helper()
	if age == 0 && headers == nil {
		signed, err := s3.NewPresignClient(client).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("media"), Key: &key})
		if err != nil {
			t.Fatal(err)
		}
		return signed.URL
	}
	request, err := http.NewRequest(http.MethodGet, sc.Endpoint+"/media/"+key+"?X-Amz-Expires=60", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	credentials := aws.Credentials{AccessKeyID: sc.AccessKeyID, SecretAccessKey: sc.SecretAccessKey.Reveal()}
	signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), credentials, request, "UNSIGNED-PAYLOAD", "s3", "us-east-1", time.Now().Add(-age))
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestURLReadsEveryKey(t *testing.T) {
	_, sc := fakeS3(t)
	opener := newOpener(t, Config{Stores: []StoreConfig{sc}})
	for _, key := range awkwardKeys {
		u, err := opener.URL(presign(t, sc, opener.stores[0].client, key, nil, 0), jpeg())
		if err != nil {
			t.Errorf("%q: %v", key, err)
			continue
		}
		obj, content, err := read(t.Context(), u, "")
		if err != nil {
			t.Errorf("%q: %v (%v)", key, err, errors.Unwrap(err))
			continue
		}
		if content != key || obj.Size != int64(len(key)) || obj.ContentType != "image/jpeg" || obj.ETag == "" || !strings.HasSuffix(key, obj.Name) {
			t.Errorf("%q: %q, %+v", key, content, obj)
		}
	}
}

func TestURLRefusedByItsStore(t *testing.T) {
	_, sc := fakeS3(t)
	opener := newOpener(t, Config{Stores: []StoreConfig{sc}})
	client := opener.stores[0].client
	valid := presign(t, sc, client, "plain.jpg", nil, 0)
	asPNG := map[string]string{"Content-Type": "image/png"}
	for _, row := range []struct {
		name, url string
		headers   map[string]string
		kind      Kind
		says      string
	}{
		{"expired", presign(t, sc, client, "plain.jpg", nil, time.Hour), jpeg(), Invalid, "has expired"},
		{"tampered", valid[:len(valid)-4] + "0000", jpeg(), Invalid, "its signature is wrong"},
		{"other type than signed", presign(t, sc, client, "plain.jpg", asPNG, time.Second), jpeg(), Invalid, "especially Content-Type"},
		{"signed header not sent", presign(t, sc, client, "plain.jpg", map[string]string{"Accept": "x"}, time.Second), jpeg(), Invalid, "header Accept"},
		{"signed header not sendable", presign(t, sc, client, "plain.jpg", map[string]string{"X-Canary": "x"}, time.Second), jpeg(), Invalid, "cannot be sent"},
		{"missing key", presign(t, sc, client, "nowhere", nil, 0), jpeg(), NotFound, "404"},
	} {
		u, err := opener.URL(row.url, row.headers)
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		_, _, err = read(t.Context(), u, "")
		e := wantKind(t, err, row.kind)
		if !strings.Contains(e.Error(), row.says) || strings.Contains(strings.ToLower(e.Error()), "canary") {
			t.Errorf("%s: %q", row.name, e)
		}
		noCanary(t, e)
	}
	u, err := opener.URL(presign(t, sc, client, "plain.jpg", asPNG, time.Second), asPNG)
	if err != nil {
		t.Fatal(err)
	}
	if obj, content, err := read(t.Context(), u, ""); err != nil || content != "plain.jpg" || obj.ContentType != "image/png" {
		t.Errorf("with the signed type: %q, %v", content, err)
	}
}

func TestVirtualHosts(t *testing.T) {
	var hosts []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hosts = append(hosts, r.Host+r.URL.Path)
		fmt.Fprint(w, "body")
	}))
	defer server.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	opener := newOpener(t, Config{
		Stores: []StoreConfig{{Endpoint: "http://s3.corp.example:" + port, AccessKeyID: "k", SecretAccessKey: secretKey}},
		Guard:  guard.New(guard.Config{Resolver: guardtest.Always("127.0.0.1")}),
	})
	f, err := opener.File("media", "k")
	if err != nil {
		t.Fatal(err)
	}
	u, err := opener.URL("http://media.s3.corp.example:"+port+"/k?X-Amz-Credential=a&X-Amz-Signature=00", jpeg())
	if err != nil {
		t.Fatal(err)
	}
	want := "media.s3.corp.example:" + port + "/k"
	for i, source := range []Source{f, u} {
		if _, content, err := read(t.Context(), source, ""); err != nil || content != "body" || hosts[i] != want {
			t.Errorf("%v: %q at %v, %v (%v)", source, content, hosts, err, errors.Unwrap(err))
		}
	}
}

func TestStoreKeepsItsConnections(t *testing.T) {
	var opened atomic.Int64
	content := strings.Repeat("a", 300_000)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		_, _ = io.WriteString(w, content)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	for way, want := range map[string]int64{"file": 1, "url": 5} {
		source := sources(t, Config{Stores: impatient(server.URL).Stores})[way]
		opened.Store(0)
		for range 5 {
			if _, got, err := read(t.Context(), source, ""); err != nil || got != content {
				t.Fatalf("%s: %d bytes, %v", way, len(got), err)
			}
		}
		if opened.Load() != want {
			t.Errorf("%s: %d connections for 5 reads, want %d", way, opened.Load(), want)
		}
	}
}

func TestIMDSIsOffUnlessAskedFor(t *testing.T) {
	var asked atomic.Int64
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusNotFound)
	}))
	defer metadata.Close()
	dir := t.TempDir()
	for name, value := range map[string]string{
		"AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.URL,
		// Endpoints come only from the configuration.
		"AWS_ENDPOINT_URL": metadata.URL, "AWS_ENDPOINT_URL_S3": metadata.URL,
		"AWS_CONFIG_FILE": dir + "/config", "AWS_SHARED_CREDENTIALS_FILE": dir + "/credentials",
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "", "AWS_WEB_IDENTITY_TOKEN_FILE": "",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "", "AWS_EC2_METADATA_DISABLED": "",
	} {
		t.Setenv(name, value)
	}
	for _, use := range []bool{false, true} {
		opener := newOpener(t, Config{
			Stores:       []StoreConfig{{Region: "us-east-1", UseInstanceProfile: use}},
			RetryBackoff: time.Millisecond, OpenTimeout: time.Second, Guard: guard.New(guard.Config{Resolver: guardtest.Always("127.0.0.1")}),
		})
		f, err := opener.File("media", "k")
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Open(t.Context(), "")
		wantKind(t, err, Unavailable)
		if got := asked.Load() > 0; got != use {
			t.Errorf("UseInstanceProfile %v: the metadata service was asked %d times", use, asked.Load())
		}
	}
}

func TestErrorDocumentsAreBounded(t *testing.T) {
	endless := rawStore(t, func(conn net.Conn, _ *http.Request, _ <-chan struct{}) {
		_, _ = io.WriteString(conn, "HTTP/1.1 500 No\r\n\r\n<Error>")
		for line := []byte(strings.Repeat("<a>", 10_000)); ; {
			if _, err := conn.Write(line); err != nil {
				return
			}
		}
	})
	for _, source := range sources(t, impatient(endless)) {
		_, err := source.Open(t.Context(), "")
		noCanary(t, wantKind(t, err, Unavailable))
	}
}
