package e2e

import (
	"bytes"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/internal/sample"
)

// object returns the content of an object.
func (s *s3Server) object(t testing.TB, bucket, key string) []byte {
	t.Helper()
	out, err := s.clientAt(s.endpoint).GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	data, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// etag returns the ETag of an object. After a dash it has the number of parts in
// which the object was written.
func (s *s3Server) etag(t testing.TB, bucket, key string) string {
	t.Helper()
	out, err := s.client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Trim(aws.ToString(out.ETag), `"`)
}

func TestJavaScriptSDKUsesAllMediaOperations(t *testing.T) {
	nodeBinary(t)
	secure := ownS3(t, s3Options{tls: true})
	w := newWorld(t, worldOptions{stores: []store{secure.store("secure-*")}})
	node := startNode(t, w.ferry.url, w.key)
	for _, file := range sample.Files() {
		w.useAllMediaOperations(node, w.s3, w.bucket, file)
	}
	bucket := secure.bucket(t, "secure")
	w.useAllMediaOperations(node, secure, bucket, sampleFile(t, "sample.mp4"))

	// Files larger than 64 MiB are written in parts.
	file := newDocument(64<<20 + 1)
	secure.putStream(t, bucket, "large.pdf", file, file.size, "application/pdf")
	id := node.post(jsFromBucket(w.phone, bucket, "large.pdf")).mediaID(t)
	destination := members{"bucketName": bucket, "key": "back/"}
	wantMembers(t, node.call("GetWhatsAppMessageMedia", members{"mediaId": id, "originationPhoneNumberId": w.phone, "destinationS3File": destination}), `"fileSize":67108865`)
	back := "back/" + id + ".pdf"
	if digestOf(secure.object(t, bucket, back)) != file.digest() {
		t.Error("the large file differs after it was read back")
	}
	if got := secure.etag(t, bucket, back); !regexp.MustCompile(`-[0-9]{2}$`).MatchString(got) {
		t.Errorf("the ETag of the large file is %s, want that of an object that was written in parts", got)
	}
}

// useAllMediaOperations uploads a file from a bucket, reads it back into the bucket
// and to a presigned URL, uploads it as the media of a template, and deletes it.
func (w *world) useAllMediaOperations(node *nodeSession, at *s3Server, bucket string, file sample.File) {
	t := w.t
	t.Helper()
	at.put(t, bucket, file.Name, file.Data, file.ContentType)
	id := node.post(jsFromBucket(w.phone, bucket, file.Name)).mediaID(t)
	call := func(operation string, more members) outcome {
		more["mediaId"], more["originationPhoneNumberId"] = id, w.phone
		return node.call(operation, more)
	}
	var metadata struct {
		MimeType string
		FileSize int
	}
	decode(t, string(call("GetWhatsAppMessageMedia", members{"metadataOnly": true}).Output), &metadata)
	if metadata.FileSize != len(file.Data) || strings.Contains(metadata.MimeType, ";") {
		t.Errorf("%s: %+v", file.Name, metadata)
	}
	_, subtype, _ := strings.Cut(metadata.MimeType, "/")
	key := "back/" + id + "." + subtype
	signed := node.presignPut(at.endpoint, bucket, "signed/"+file.Name, metadata.MimeType)
	for key, destination := range map[string]members{
		key:                   {"destinationS3File": members{"bucketName": bucket, "key": "back/"}},
		"signed/" + file.Name: {"destinationS3PresignedUrl": members{"url": signed, "headers": members{"Content-Type": metadata.MimeType}}},
	} {
		wantMembers(t, call("GetWhatsAppMessageMedia", destination), `"mimeType":"`+metadata.MimeType+`"`)
		if !bytes.Equal(at.object(t, bucket, key), file.Data) {
			t.Errorf("%s differs after it was read back", key)
		}
	}
	template := node.call("CreateWhatsAppMessageTemplateMedia", members{"id": w.linked.ID, "sourceS3File": members{"bucketName": bucket, "key": file.Name}})
	if slices.Contains([]string{"application/pdf", "image/jpeg", "image/png", "video/mp4"}, metadata.MimeType) {
		var made struct{ MetaHeaderHandle string }
		decode(t, string(template.Output), &made)
		if handle := w.sim.handle(made.MetaHeaderHandle); handle.SHA256 != digestOf(file.Data) {
			t.Errorf("%s differs as the media of a template, where it has %d bytes", file.Name, handle.Size)
		}
	} else {
		template.wantException(t, "InvalidParametersException", http.StatusBadRequest, "template media must be one of")
	}
	wantMembers(t, call("DeleteWhatsAppMessageMedia", members{}), `"success":true`)
	call("GetWhatsAppMessageMedia", members{"metadataOnly": true}).wantException(t, "ResourceNotFoundException", http.StatusNotFound)
}

func TestBoto3UsesAllMediaOperations(t *testing.T) {
	python := pythonBinary(t)
	file, err := filepath.Abs("../internal/sample/files/sample.jpg")
	if err != nil {
		t.Fatal(err)
	}
	for name, env := range map[string]func(*testing.T) []string{
		"ferry dev": func(t *testing.T) []string { return startDev(t, raceBuild).env() },
		"versitygw": func(t *testing.T) []string { return newWorld(t, worldOptions{}).mediaEnv(sharedS3(t)) },
		"versitygw over https": func(t *testing.T) []string {
			secure := ownS3(t, s3Options{tls: true})
			return newWorld(t, worldOptions{stores: []store{secure.store("secure-*")}}).mediaEnv(secure)
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.TrimSpace(mustRun(t, append(env(t), "FILE="+file), python, "python/media.py"))
			want := `{"mimeType": "image/jpeg", "fileSize": true, "handle": "4::", "deleted": true, "after": "gone", "back": true, "signed": true}`
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// mediaEnv returns the environment of media.py with a bucket of a store.
func (w *world) mediaEnv(at *s3Server) []string {
	return append(w.pythonEnv(w.ferry.url),
		"AWS_ENDPOINT_URL_S3="+at.endpoint, "AWS_CA_BUNDLE="+trusted(w.t).certFile, "S3_SIGNATURE=s3v4",
		"S3_ACCESS_KEY_ID="+s3AccessKey, "S3_SECRET_ACCESS_KEY="+s3SecretKey,
		"FERRY_BUCKET="+at.bucket(w.t, "secure"), "FERRY_PHONE_NUMBER_ID="+w.phone, "FERRY_WABA_ID="+w.linked.ID)
}
