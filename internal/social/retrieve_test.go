package social_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"ferry/internal/sample"
	"ferry/internal/secret"
	"ferry/metasim"
	"ferry/socialmessaging"
)

// read returns an object of the bucket with its type, or what the store says instead.
func (w *world) read(key string) (data []byte, contentType string, err error) {
	out, err := w.s3.GetObject(w.t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: &key})
	if err != nil {
		return nil, "", err
	}
	defer out.Body.Close()
	data, err = io.ReadAll(out.Body)
	return data, aws.ToString(out.ContentType), err
}

// uploaded uploads a sample file to WhatsApp and returns its media id.
func (w *world) uploaded(name string) (id string, data []byte) {
	w.t.Helper()
	for _, file := range sample.Files() {
		if file.Name == name {
			w.put(name, file.ContentType, file.Data)
			id, err := w.post(name)
			w.must(err)
			return id, file.Data
		}
	}
	w.t.Fatalf("no sample %s", name)
	return "", nil
}

func (w *world) get(in *socialmessaging.GetWhatsAppMessageMediaInput) (*socialmessaging.GetWhatsAppMessageMediaOutput, error) {
	in.OriginationPhoneNumberId = &w.phone
	return w.client(w.key).GetWhatsAppMessageMedia(w.t.Context(), in)
}

func toFile(key string) *socialmessaging.S3File {
	return &socialmessaging.S3File{BucketName: aws.String(bucket), Key: &key}
}

func TestMediaIsWrittenUnderPrefixIDAndSubtype(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]struct{ mimeType, suffix string }{
		"sample.jpg": {"image/jpeg", ".jpeg"}, "voice.ogg": {"audio/ogg", ".ogg"}, "sample.pdf": {"application/pdf", ".pdf"}, "sample.txt": {"text/plain", ".plain"},
	} {
		for _, prefix := range []string{"inbound/", "inbound_", "audio/example.ogg", ""} {
			id, data := w.uploaded(name)
			out, err := w.get(&socialmessaging.GetWhatsAppMessageMediaInput{MediaId: &id, DestinationS3File: toFile(prefix)})
			if err != nil || *out.MimeType != test.mimeType || *out.FileSize != int64(len(data)) {
				t.Fatalf("%s: %+v, %v", name, out, err)
			}
			got, contentType, err := w.read(prefix + id + test.suffix)
			if err != nil || !bytes.Equal(got, data) || contentType != test.mimeType {
				t.Errorf("%s at %q: %d bytes of %s, %v", name, prefix, len(got), contentType, err)
			}
		}
	}
}

func TestMediaIsWrittenToAPresignedURL(t *testing.T) {
	w := newWorld(t)
	id, data := w.uploaded("sample.png")
	signed, err := s3.NewPresignClient(w.s3).PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("out.png"), ContentType: aws.String("image/png")})
	w.must(err)
	_, err = w.get(&socialmessaging.GetWhatsAppMessageMediaInput{MediaId: &id,
		DestinationS3PresignedUrl: &socialmessaging.S3PresignedUrl{Url: &signed.URL, Headers: map[string]string{"Content-Type": "image/png"}}})
	w.must(err)
	if got, contentType, err := w.read("out.png"); err != nil || !bytes.Equal(got, data) || contentType != "image/png" {
		t.Errorf("%d bytes of %s, %v", len(got), contentType, err)
	}
}

func TestMetadataOnlyWritesNothing(t *testing.T) {
	w := newWorld(t)
	id, data := w.uploaded("sample.jpg")
	out, err := w.get(&socialmessaging.GetWhatsAppMessageMediaInput{MediaId: &id, MetadataOnly: new(true), DestinationS3File: toFile("x/")})
	if err != nil || *out.MimeType != "image/jpeg" || *out.FileSize != int64(len(data)) {
		t.Errorf("%+v, %v", out, err)
	}
	list, err := w.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: aws.String("x/")})
	if err != nil || len(list.Contents) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestDestinationIsExactlyOne(t *testing.T) {
	w := newWorld(t)
	id, _ := w.uploaded("sample.jpg")
	link := &socialmessaging.S3PresignedUrl{Url: aws.String("https://b.s3.amazonaws.com/k?X-Amz-Signature=0"), Headers: map[string]string{}}
	for says, in := range map[string]*socialmessaging.GetWhatsAppMessageMediaInput{
		"Neither destinationS3File nor": {MediaId: &id},
		"Both destinationS3File and":    {MediaId: &id, DestinationS3File: toFile(""), DestinationS3PresignedUrl: link},
	} {
		_, err := w.get(in)
		if exception, ok := errors.AsType[*socialmessaging.InvalidParametersException](err); !ok || !strings.Contains(exception.ErrorMessage(), says) {
			t.Errorf("%v; want %q", err, says)
		}
	}
}

func TestWritingNeedsTheRightToWriteThatObject(t *testing.T) {
	w := newWorld(t)
	id, _ := w.uploaded("sample.jpg")
	key := w.newKey(account, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"social-messaging:*","Resource":"*"},
		{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::media/mine/*"}]}`)
	for prefix, allowed := range map[string]bool{"mine/": true, "theirs/": false, "mine": false} {
		_, err := w.client(key).GetWhatsAppMessageMedia(t.Context(), &socialmessaging.GetWhatsAppMessageMediaInput{MediaId: &id, OriginationPhoneNumberId: &w.phone, DestinationS3File: toFile(prefix)})
		denied, isDenied := errors.AsType[*socialmessaging.AccessDeniedException](err)
		if allowed && err != nil || !allowed && (!isDenied || !strings.Contains(denied.ErrorMessage(), "s3:PutObject on resource: arn:aws:s3:::media/"+prefix+id+".jpeg")) {
			t.Errorf("%s: %v", prefix, err)
		}
	}
}

func TestDownloadThatBreaksOffIsBegunAgain(t *testing.T) {
	w := newWorld(t)
	large := bytes.Repeat(text, 8000)
	w.put("large.txt", "text/plain", large)
	id, err := w.post("large.txt")
	w.must(err)
	_, err = w.simulator.AddFault(metasim.Fault{Operation: metasim.OperationDownload, CutAfterBytes: 1 << 20, Times: 2})
	w.must(err)
	_, err = w.get(&socialmessaging.GetWhatsAppMessageMediaInput{MediaId: &id, DestinationS3File: toFile("back/")})
	w.must(err)
	if got, _, err := w.read("back/" + id + ".plain"); err != nil || !bytes.Equal(got, large) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestMediaThatIsNotWholeLeavesNoObject(t *testing.T) {
	w := newWorld(t)
	large := bytes.Repeat(text, 8000)
	w.put("large.txt", "text/plain", large)
	id, err := w.post("large.txt")
	w.must(err)
	sum := sha256.Sum256([]byte("another file"))
	for name, fault := range map[string]metasim.Fault{
		"always cut":          {Operation: metasim.OperationDownload, CutAfterBytes: 1 << 20},
		"another file's hash": {Operation: metasim.OperationRetrieve, Body: `{"id":"` + id + `","url":"` + w.downloadURL(id) + `","mime_type":"text/plain","sha256":"` + hex.EncodeToString(sum[:]) + `","file_size":` + "11200000" + `}`},
	} {
		t.Run(name, func(t *testing.T) {
			added, err := w.simulator.AddFault(fault)
			w.must(err)
			defer w.simulator.RemoveFault(added.ID)
			_, err = w.get(&socialmessaging.GetWhatsAppMessageMediaInput{MediaId: &id, DestinationS3File: toFile("back/")})
			if _, ok := errors.AsType[*socialmessaging.DependencyException](err); !ok {
				t.Errorf("%v", err)
			}
			if _, _, err := w.read("back/" + id + ".plain"); !isNoSuchKey(err) {
				t.Errorf("an object is there: %v", err)
			}
		})
	}
}

func isNoSuchKey(err error) bool {
	_, is := errors.AsType[*types.NoSuchKey](err)
	return is
}

// downloadURL asks the simulator for a file's URL, as ferry does.
func (w *world) downloadURL(id string) string {
	w.t.Helper()
	media, err := w.graph.Media(w.t.Context(), id, "1", secret.New(metaToken))
	w.must(err)
	return media.URL
}

func TestDeletedMediaIsGone(t *testing.T) {
	w := newWorld(t)
	id, _ := w.uploaded("sample.jpg")
	in := &socialmessaging.DeleteWhatsAppMessageMediaInput{MediaId: &id, OriginationPhoneNumberId: &w.phone}
	out, err := w.client(w.key).DeleteWhatsAppMessageMedia(t.Context(), in)
	if err != nil || !*out.Success {
		t.Fatalf("%+v, %v", out, err)
	}
	if _, there := w.simulator.Media(id); there {
		t.Error("the simulator still has it")
	}
	if _, err := w.state.Media(t.Context(), strings.TrimPrefix(w.phone, "phone-number-id-"), id); err == nil {
		t.Error("the record is still there")
	}
	if _, _, err := w.read("sample.jpg"); err != nil {
		t.Errorf("the object is gone too: %v", err)
	}
	_, again := w.client(w.key).DeleteWhatsAppMessageMedia(t.Context(), in)
	_, get := w.get(&socialmessaging.GetWhatsAppMessageMediaInput{MediaId: &id, MetadataOnly: new(true)})
	for _, err := range []error{again, get} {
		if exception, ok := socialmessaging.AsException(err); !ok || exception.Code != "ResourceNotFoundException" || exception.Status != http.StatusNotFound {
			t.Errorf("%v", err)
		}
	}
}
