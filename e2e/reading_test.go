package e2e

import (
	"bytes"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/internal/sample"
)

// object reads an object of versitygw.
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

func TestJavaScriptSDKReadsMediaBackAndDeletesThem(t *testing.T) {
	nodeBinary(t)
	w := newWorld(t, worldOptions{})
	node := startNode(t, w.ferry.url, w.key)
	for _, file := range sample.Files() {
		w.s3.put(t, w.bucket, file.Name, file.Data, file.ContentType)
		posted := node.post(jsFromBucket(w.phone, w.bucket, file.Name))
		var media struct{ MediaID string }
		decode(t, string(posted.Output), &media)
		names := func(more members) members {
			more["mediaId"], more["originationPhoneNumberId"] = media.MediaID, w.phone
			return more
		}
		var told struct {
			MimeType string
			FileSize int
		}
		decode(t, string(node.call("GetWhatsAppMessageMedia", names(members{"metadataOnly": true})).Output), &told)
		if told.FileSize != len(file.Data) || strings.Contains(told.MimeType, ";") {
			t.Errorf("%s: %+v", file.Name, told)
		}
		got := node.call("GetWhatsAppMessageMedia", names(members{"destinationS3File": members{"bucketName": w.bucket, "key": "back/"}}))
		if got.Error != nil {
			t.Fatalf("%s: %+v", file.Name, got.Error)
		}
		_, subtype, _ := strings.Cut(told.MimeType, "/")
		if !bytes.Equal(w.s3.object(t, w.bucket, "back/"+media.MediaID+"."+subtype), file.Data) {
			t.Errorf("%s came back as other bytes", file.Name)
		}
		wantMembers(t, node.call("DeleteWhatsAppMessageMedia", names(members{})), `"success":true`)
		node.call("GetWhatsAppMessageMedia", names(members{"metadataOnly": true})).wantException(t, "ResourceNotFoundException", http.StatusNotFound)
	}
}

func TestBoto3DoesTheWholeLifeOfAFile(t *testing.T) {
	python := pythonBinary(t)
	dev := startDev(t, raceBuild)
	file, err := filepath.Abs("../internal/sample/files/sample.jpg")
	if err != nil {
		t.Fatal(err)
	}
	got := strings.TrimSpace(mustRun(t, append(dev.env(), "FILE="+file), python, "python/media.py"))
	want := `{"mimeType": "image/jpeg", "fileSize": true, "handle": "4::", "deleted": true, "after": "gone", "back": true, "signed": true}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
