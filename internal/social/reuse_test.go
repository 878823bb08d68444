package social_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ferry/internal/admin"
	"ferry/internal/state"
	"ferry/metasim"
	"ferry/socialmessaging"
)

// newReusingWorld is a world whose account has reuse on.
func newReusingWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.must(w.state.Set(t.Context(), account, state.Reuse, true))
	return w
}

func (w *world) mustPost(key string) string {
	w.t.Helper()
	id, err := w.post(key)
	w.must(err)
	return id
}

func TestSameBytesGiveTheSameMediaID(t *testing.T) {
	w := newReusingWorld(t)
	w.put("a.txt", "text/plain", text)
	w.put("b.txt", "text/plain", text)
	w.put("c.txt", "text/plain", append([]byte("X"), text[1:]...)) // as long
	first := w.mustPost("a.txt")
	if again := w.mustPost("a.txt"); again != first {
		t.Errorf("the same object: %s after %s", again, first)
	}
	if line := lastLine(t, w.log); line["reused"] != true || line["media_id"] != first {
		t.Errorf("logged %v", line)
	}
	if other := w.mustPost("b.txt"); other != first {
		t.Errorf("the same bytes under another key: %s after %s", other, first)
	}
	link := w.presign("a.txt")
	signed, err := w.postAs(t.Context(), w.key, &socialmessaging.PostWhatsAppMessageMediaInput{OriginationPhoneNumberId: &w.phone,
		SourceS3PresignedUrl: &socialmessaging.S3PresignedUrl{Url: &link, Headers: map[string]string{"Content-Type": "text/plain"}}})
	if err != nil || signed != first {
		t.Errorf("the same bytes behind a URL: %s, %v after %s", signed, err, first)
	}
	if different := w.mustPost("c.txt"); different == first {
		t.Error("other bytes of the same length have the same id")
	}
	if got := uploads(w); got != 2 {
		t.Errorf("%d uploads", got)
	}
	usages, err := w.state.Usages(t.Context())
	w.must(err)
	if len(usages) != 1 || usages[0].UploadsAvoided != 3 || usages[0].BytesAvoided != 3*int64(len(text)) || usages[0].Uploads != 2 {
		t.Errorf("%+v", usages)
	}
}

func TestChangedObjectIsUploaded(t *testing.T) {
	w := newReusingWorld(t)
	w.put("a.txt", "text/plain", text)
	first := w.mustPost("a.txt")
	w.put("a.txt", "text/plain", text[1:])
	if w.mustPost("a.txt") == first {
		t.Error("another version of the object has the same id")
	}
}

func TestReuseIsOffByDefault(t *testing.T) {
	w := newWorld(t)
	w.put("a.txt", "text/plain", text)
	first := w.mustPost("a.txt")
	if w.mustPost("a.txt") == first {
		t.Error("reused though the account did not turn it on")
	}
}

func TestFileIsUploadedAnewBeforeItExpires(t *testing.T) {
	w := newReusingWorld(t)
	w.put("a.txt", "text/plain", text)
	first := w.mustPost("a.txt")
	number := strings.TrimPrefix(w.phone, "phone-number-id-")
	record, err := w.state.Media(t.Context(), number, first)
	w.must(err)
	w.must(w.state.DropReusable(t.Context(), number, first))
	entry := state.Reusable{PhoneNumberID: number, SHA256: record.SHA256, MIMEType: record.MIMEType, MediaID: first, Size: record.Size}
	version := state.SourceVersion{Name: record.SourceName, ETag: record.SourceETag, DeclaredType: "text/plain"}
	for days, reused := range map[int]bool{4: true, 2: false} {
		entry.ExpiresAt = time.Now().Add(time.Duration(days) * 24 * time.Hour)
		w.must(w.state.Offer(t.Context(), entry, state.Holder{AccessKeyID: w.key.ID}, version, time.Now()))
		got := w.mustPost("a.txt")
		if (got == first) != reused {
			t.Errorf("with %d days to go: %s, the first was %s", days, got, first)
		}
		w.must(w.state.DropReusable(t.Context(), number, first))
		w.must(w.state.DropReusable(t.Context(), number, got))
	}
}

func TestDeleteOfOneUserLeavesTheFileToOthers(t *testing.T) {
	w := newReusingWorld(t)
	w.put("a.txt", "text/plain", text)
	id := w.mustPost("a.txt")
	w.mustPost("a.txt")
	remove := func() error {
		_, err := w.client(w.key).DeleteWhatsAppMessageMedia(t.Context(), &socialmessaging.DeleteWhatsAppMessageMediaInput{MediaId: &id, OriginationPhoneNumberId: &w.phone})
		return err
	}
	w.must(remove())
	if _, there := w.simulator.Media(id); !there {
		t.Error("the first delete took it from the other user")
	}
	w.must(remove())
	if _, there := w.simulator.Media(id); there {
		t.Error("it is still there after the last delete")
	}
	if w.mustPost("a.txt") == id {
		t.Error("a deleted id is given out")
	}
}

func TestAccessKeyReleasesOnlyTheIDsThatItReceived(t *testing.T) {
	w := newReusingWorld(t)
	w.put("a.txt", "text/plain", text)
	other := w.newKey(account, admin.FullAccessPolicy)
	id := w.mustPost("a.txt")
	again, err := w.postAs(t.Context(), other, &socialmessaging.PostWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: &w.phone, SourceS3File: &socialmessaging.S3File{BucketName: aws.String(bucket), Key: aws.String("a.txt")},
	})
	w.must(err)
	if again != id {
		t.Fatalf("the other key received %s, not %s", again, id)
	}
	remove := func(key state.AccessKey) error {
		_, err := w.client(key).DeleteWhatsAppMessageMedia(t.Context(), &socialmessaging.DeleteWhatsAppMessageMediaInput{MediaId: &id, OriginationPhoneNumberId: &w.phone})
		return err
	}
	w.must(remove(other))
	var notFound *socialmessaging.ResourceNotFoundException
	if err := remove(other); !errors.As(err, &notFound) || !strings.Contains(err.Error(), "The others keep the file") {
		t.Errorf("the second delete with the same key: %v", err)
	}
	if _, there := w.simulator.Media(id); !there {
		t.Fatal("one key has released the id of the other")
	}
	w.must(remove(w.key))
	if _, there := w.simulator.Media(id); there {
		t.Error("the file is still at WhatsApp after the last user has released it")
	}
}

func TestIDThatMetaNoLongerHasIsNotGivenOutAgain(t *testing.T) {
	w := newReusingWorld(t)
	w.put("a.txt", "text/plain", text)
	id := w.mustPost("a.txt")
	_, err := w.simulator.AddFault(metasim.Fault{Operation: metasim.OperationRetrieve, Status: http.StatusBadRequest, ErrorCode: 100, Subcode: 33, Times: 1})
	w.must(err)
	if _, err := w.get(&socialmessaging.GetWhatsAppMessageMediaInput{MediaId: &id, MetadataOnly: new(true)}); err == nil {
		t.Fatal("the fault did nothing")
	}
	if w.mustPost("a.txt") == id {
		t.Error("an id that is gone is given out")
	}
}

func TestIdenticalUploadsInFlightShareOneTransfer(t *testing.T) {
	w := newReusingWorld(t)
	w.put("a.txt", "text/plain", text)
	_, err := w.simulator.AddFault(metasim.Fault{Operation: metasim.OperationUpload, Latency: 200 * time.Millisecond})
	w.must(err)
	var group sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		group.Go(func() { ids[i], _ = w.post("a.txt") })
	}
	group.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Errorf("ids %v", ids)
			break
		}
	}
	if got := uploads(w); got != 1 {
		t.Errorf("%d uploads", got)
	}
	if left, err := w.state.Release(t.Context(), strings.TrimPrefix(w.phone, "phone-number-id-"), ids[0], state.Holder{AccessKeyID: w.key.ID}); err != nil || !left {
		t.Errorf("after one of eight users left: others %v, %v", left, err)
	}
}
