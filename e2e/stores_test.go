package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/metasim"
)

// There are two stores, one over http and one over https.
func TestBucketNameSelectsTheStore(t *testing.T) {
	secure := ownS3(t, s3Options{tls: true})
	w := newWorld(t, worldOptions{stores: []store{secure.store("secure-*")}})
	// A bucket of the same name in both, with different contents.
	bucket := secure.bucket(t, "secure")
	if _, err := w.s3.client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	inSecure, inPlain := []byte("in the store over https"), []byte("in the store over http")
	secure.put(t, bucket, "a.txt", inSecure, "text/plain")
	w.s3.put(t, bucket, "a.txt", inPlain, "text/plain")
	w.s3.put(t, w.bucket, "a.txt", inPlain, "text/plain")

	w.sim.wantStored(w.post(fromBucket(w.phone, bucket, "a.txt")), inSecure)
	w.sim.wantStored(w.post(fromBucket(w.phone, w.bucket, "a.txt")), inPlain)
	// A presigned URL is fetched from its host, whatever the bucket's name.
	w.sim.wantStored(w.post(fromURL(w.phone, secure.presign(t, bucket, "a.txt"), "text/plain")), inSecure)
	w.sim.wantStored(w.post(fromURL(w.phone, w.s3.presign(t, bucket, "a.txt"), "text/plain")), inPlain)
}

// A presigned URL may name an old version of an object.
func TestPresignedURLNamesAVersion(t *testing.T) {
	secure := ownS3(t, s3Options{tls: true})
	w := newWorld(t, worldOptions{stores: []store{secure.store("versions-*")}})
	bucket, key := secure.bucket(t, "versions"), "a.txt"
	secure.keepVersions(t, bucket)
	older := secure.put(t, bucket, key, []byte("first"), "text/plain")
	secure.put(t, bucket, key, []byte("second"), "text/plain")

	w.sim.wantStored(w.post(fromBucket(w.phone, bucket, key)), []byte("second"))
	url := presignWith(t, secure.client, &s3.GetObjectInput{Bucket: &bucket, Key: &key, VersionId: &older}, time.Hour)
	w.sim.wantStored(w.post(fromURL(w.phone, url, "text/plain")), []byte("first"))
	if _, err := secure.client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &key}); err != nil {
		t.Fatal(err)
	}
	_, err := w.client().PostWhatsAppMessageMedia(t.Context(), fromBucket(w.phone, bucket, key))
	wantGoException(t, err, "ResourceNotFoundException", http.StatusNotFound)
	w.sim.wantStored(w.post(fromURL(w.phone, url, "text/plain")), []byte("first"))
}

// A presigned URL can have signed headers, and parameters that override headers of
// the response.
func TestSignedHeadersOfPresignedURLsAreSent(t *testing.T) {
	w := newWorld(t, worldOptions{})
	file := sampleFile(t, "sample.jpg")
	w.s3.put(t, w.bucket, "a.jpg", file.Data, file.ContentType)
	override := "application/octet-stream"
	url := presignWith(t, w.s3.client, &s3.GetObjectInput{Bucket: &w.bucket, Key: ptr("a.jpg"), ResponseContentType: &override}, time.Hour)
	// The caller's Content-Type decides, not the store's.
	media := w.sim.wantStored(w.post(fromURL(w.phone, url, file.ContentType)), file.Data)
	if media.MIMEType != file.ContentType {
		t.Errorf("the file was sent to Meta as %s, want %s", media.MIMEType, file.ContentType)
	}
}

// A URL may be signed together with a Content-Type. The store then checks the
// header of the request.
func TestPresignedURLWithSignedContentType(t *testing.T) {
	w := newWorld(t, worldOptions{})
	file := sampleFile(t, "sample.jpg")
	w.s3.put(t, w.bucket, "a.jpg", file.Data, file.ContentType)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.s3.endpoint+"/"+w.bucket+"/a.jpg?X-Amz-Expires=600", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", file.ContentType)
	key := aws.Credentials{AccessKeyID: s3AccessKey, SecretAccessKey: s3SecretKey}
	url, _, err := v4.NewSigner().PresignHTTP(t.Context(), key, request, "UNSIGNED-PAYLOAD", "s3", region, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(url, "X-Amz-SignedHeaders=content-type%3Bhost") {
		t.Fatalf("the Content-Type is not signed: %s", url)
	}
	w.sim.wantStored(w.post(fromURL(w.phone, url, file.ContentType)), file.Data)
	_, err = w.client().PostWhatsAppMessageMedia(t.Context(), fromURL(w.phone, url, "image/png"))
	wantGoException(t, err, "InvalidParametersException", http.StatusBadRequest, "presigned URL", "signed")
}

func ptr[T any](value T) *T { return &value }

// Keys become file names that are safe and have the extension of their type.
func TestKeysBecomeFileNames(t *testing.T) {
	w := newWorld(t, worldOptions{})
	text, picture := sampleFile(t, "sample.txt"), sampleFile(t, "sample.jpg")
	for key, want := range map[string]string{
		"plain.jpg":                    "plain.jpg",
		"a/b/c/deep.jpg":               "deep.jpg",
		"with space + plus & more.jpg": "with space + plus & more.jpg",
		"per%20cent.jpg":               "per%20cent.jpg",
		"grüße-日本語.jpg":                "grüße-日本語.jpg",
		`quote".jpg`:                   "quote”.jpg",
		"semi;colon=equals?.jpg":       "semi;colon=equals?.jpg",
		"no-extension":                 "no-extension.jpg",
		"WRONG.gif":                    "WRONG.jpg",
		"photo.JPEG":                   "photo.JPEG",
		"line\nbreak.jpg":              "linebreak.jpg",
	} {
		t.Run(key, func(t *testing.T) {
			w.s3.put(t, w.bucket, key, picture.Data, picture.ContentType)
			for kind, input := range map[string]string{
				"bucket": w.post(w.fromBucket(key)), "presigned URL": w.post(fromURL(w.phone, w.s3.presign(t, w.bucket, key), picture.ContentType)),
			} {
				media := w.sim.wantStored(input, picture.Data)
				if media.FileName != want || media.MIMEType != picture.ContentType {
					t.Errorf("from a %s, %q was sent to Meta as %q of type %s, want %q of type %s", kind, key, media.FileName, media.MIMEType, want, picture.ContentType)
				}
			}
		})
	}
	w.s3.put(t, w.bucket, "table.csv", text.Data, "text/plain; charset=utf-8")
	if media := w.sim.wantStored(w.post(w.fromBucket("table.csv")), text.Data); media.FileName != "table.csv" || media.MIMEType != "text/plain" {
		t.Errorf("table.csv was sent to Meta as %q of type %s", media.FileName, media.MIMEType)
	}
}

// The form has an exact length, its file part has a content type, and the token is
// in a header and nowhere else.
func TestUploadHasTheFormThatMetaRequires(t *testing.T) {
	w := newWorld(t, worldOptions{})
	file := sampleFile(t, "voice.ogg")
	w.s3.put(t, w.bucket, "voice.ogg", file.Data, "audio/ogg; codecs=opus")
	w.sim.wantStored(w.post(w.fromBucket("voice.ogg")), file.Data)
	sent := w.sim.uploads()
	if len(sent) != 1 {
		t.Fatalf("Meta received %d uploads, want 1", len(sent))
	}
	got := sent[0]
	if got.Path != "/v25.0/"+metaPhone+"/media" || got.Query != "" {
		t.Errorf("the upload was sent to %s?%s", got.Path, got.Query)
	}
	if got.ContentLength <= int64(len(file.Data)) || got.BytesRead != got.ContentLength {
		t.Errorf("the upload announced %d bytes and had %d, want the exact length of the form", got.ContentLength, got.BytesRead)
	}
	if got.FileName != "voice.ogg" || got.FileType != "audio/ogg; codecs=opus" || got.Fields["messaging_product"] != "whatsapp" {
		t.Errorf("the form's file is %q of type %q, its fields are %v", got.FileName, got.FileType, got.Fields)
	}
	if strings.Contains(w.sim.history(), metaToken) {
		t.Error("the token is in the simulator's history")
	}
}

// The account has more phone numbers than Meta lists on one page.
func TestLinkingReadsAllPagesOfPhoneNumbers(t *testing.T) {
	var numbers []metasim.PhoneNumber
	for _, digit := range "1234567" {
		numbers = append(numbers, metasim.PhoneNumber{ID: "40654035224292" + string(digit)})
	}
	sim := startSimulator(t, metasim.Config{PageSize: 3, BusinessAccounts: []metasim.BusinessAccount{{ID: "402290129340398", Token: metaToken, PhoneNumbers: numbers}}})
	in := install(t, raceBuild, sim)
	linked := in.link(account, "402290129340398", metaToken)
	if len(linked.PhoneNumbers) != len(numbers) {
		t.Errorf("%d phone numbers are linked, want %d", len(linked.PhoneNumbers), len(numbers))
	}
	// An account that is linked a second time keeps its ids.
	if relinked := in.link(account, "402290129340398", metaToken); relinked.ID != linked.ID || relinked.PhoneNumbers[0] != linked.PhoneNumbers[0] {
		t.Errorf("the account that was linked a second time is %s with %s, want %s with %s", relinked.ID, relinked.PhoneNumbers[0], linked.ID, linked.PhoneNumbers[0])
	}
	_, stderr, status := run(t, append(in.env, "FERRY_META_TOKEN=EAAnotTheToken"), "", in.program, "account", "link", "--account", account, "--waba-id", "402290129340398")
	if status != 1 || !strings.Contains(stderr, "code 190") || strings.Contains(stderr, "EAAnotTheToken") {
		t.Errorf("linking with a bad token ended with status %d and %q, want 1 and Meta's code 190", status, stderr)
	}
}

// The bucket's name is part of the host name: bucket.s3.test. No resolver knows that
// name, so ferry runs with a hosts file of its own.
func TestVirtualHostedBuckets(t *testing.T) {
	gateway := ownS3(t, s3Options{virtualDomain: "s3.test"})
	_, port, _ := strings.Cut(strings.TrimPrefix(gateway.endpoint, "http://"), ":")
	sim := startSimulator(t, noAccounts)
	in := install(t, raceBuild, sim)
	key := in.createKey(account)
	phone := in.link(account, metaAccount, metaToken).PhoneNumbers[0].PhoneNumberID
	bucket := gateway.bucket(t, "media")
	file := sampleFile(t, "sample.txt")
	gateway.put(t, bucket, "a.txt", file.Data, file.ContentType)

	in.useHosts("127.0.0.1 localhost s3.test "+bucket+".s3.test", "127.0.0.1 files.example.com")
	virtual := gateway.store()
	virtual.Endpoint, virtual.PathStyle = "http://s3.test:"+port, false
	ferry := in.serve(virtual.flag(), "--allow-host", "files.example.com", "--allow-host", "nowhere.example.com")
	client := goClient(ferry.url, key)
	signer := gateway.clientAt(virtual.Endpoint, func(o *s3.Options) { o.UsePathStyle = false })
	url := presignWith(t, signer, &s3.GetObjectInput{Bucket: &bucket, Key: ptr("a.txt")}, time.Hour)
	if !strings.HasPrefix(url, "http://"+bucket+".s3.test:"+port+"/a.txt?") {
		t.Fatalf("the URL is not virtual-hosted: %s", url)
	}
	for _, input := range []string{"bucket", "URL"} {
		post := fromBucket(phone, bucket, "a.txt")
		if input == "URL" {
			post = fromURL(phone, url, file.ContentType)
		}
		output, err := client.PostWhatsAppMessageMedia(t.Context(), post)
		if err != nil {
			t.Fatal(err)
		}
		sim.wantStored(*output.MediaId, file.Data)
	}

	// A name that the configuration allows but that resolves to this machine is
	// not fetched, and is reported like a name that does not exist.
	_, err := client.PostWhatsAppMessageMedia(t.Context(), fromURL(phone, "https://files.example.com/a.txt", file.ContentType))
	wantGoException(t, err, "DependencyException", http.StatusBadGateway, "presigned URL")
	_, unknown := client.PostWhatsAppMessageMedia(t.Context(), fromURL(phone, "https://nowhere.example.com/a.txt", file.ContentType))
	wantGoException(t, unknown, "DependencyException", http.StatusBadGateway, "presigned URL")
	if a, b := messageOf(err), messageOf(unknown); a != b {
		t.Errorf("the message about a private address differs from that about a name that does not exist: %q, %q", a, b)
	}
}
