package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/socialmessaging"
)

func TestUploadThatMetaBreaksOffIsSentAgain(t *testing.T) {
	w := newWorld(t, worldOptions{})
	data := large()
	w.s3.put(t, w.bucket, "a.pdf", data, "application/pdf")
	for kind, input := range map[string]*socialmessaging.PostWhatsAppMessageMediaInput{
		"bucket": w.fromBucket("a.pdf"), "presigned URL": fromURL(w.phone, w.s3.presign(t, w.bucket, "a.pdf"), "application/pdf"),
	} {
		t.Run(kind, func(t *testing.T) {
			w.sim.reset()
			w.sim.fault(`{"operation":"upload","cut_after_bytes":65536,"times":1}`)
			id := w.post(input)
			w.wantOneFileInTwoAttempts(id, data)
			sent := w.sim.uploads()
			if len(sent) != 2 || !sent[0].Cut || sent[1].MediaID != id {
				t.Errorf("Meta saw %+v, want one upload that was cut and one that gave %s", sent, id)
			}
		})
	}
}

// wantOneFileInTwoAttempts checks that Meta has one file, whole, and that the log tells of the retry.
func (w *world) wantOneFileInTwoAttempts(id string, data []byte) {
	w.t.Helper()
	w.sim.wantStored(id, data)
	if found := w.sim.allMedia(); len(found) != 1 {
		w.t.Errorf("Meta has %d files, want 1", len(found))
	}
	line := w.ferry.lastRequestLine("PostWhatsAppMessageMedia")
	for _, part := range []string{" attempts=2 ", " media_id=" + id + " ", " sha256=" + digestOf(data) + " ", " status=200"} {
		if !strings.Contains(line, part) {
			w.t.Errorf("the log line has no %q: %s", part, line)
		}
	}
}

func TestUploadThatMetaKeepsBreakingOffFails(t *testing.T) {
	w := newWorld(t, worldOptions{})
	w.s3.put(t, w.bucket, "a.pdf", large(), "application/pdf")
	w.sim.fault(`{"operation":"upload","cut_after_bytes":65536}`)
	_, err := w.client().PostWhatsAppMessageMedia(t.Context(), w.fromBucket("a.pdf"))
	wantGoException(t, err, "DependencyException", http.StatusBadGateway, "WhatsApp", "Meta")
	if sent := w.sim.uploads(); len(sent) != 3 {
		t.Errorf("the upload was begun %d times, want 3", len(sent))
	}
	if found := w.sim.allMedia(); len(found) != 0 {
		t.Errorf("Meta has %d files, want none", len(found))
	}
}

// Meta has the file and the answer is lost: ferry cannot know, and does not
// send it twice by itself.
func TestUploadWhoseAnswerIsLostIsNotRepeated(t *testing.T) {
	w := newWorld(t, worldOptions{})
	data := pdf(1 << 20)
	w.s3.put(t, w.bucket, "a.pdf", data, "application/pdf")
	w.sim.fault(`{"operation":"upload","cut_after_bytes":1099511627776}`)
	_, err := w.client().PostWhatsAppMessageMedia(t.Context(), w.fromBucket("a.pdf"))
	wantGoException(t, err, "DependencyException", http.StatusBadGateway, "WhatsApp", "Meta")
	if sent := w.sim.uploads(); len(sent) != 1 {
		t.Errorf("the upload was sent %d times, want once", len(sent))
	}
	for _, found := range w.sim.allMedia() {
		w.sim.wantStored(found.ID, data)
	}
}

// proxied is a world whose second store is reached through a proxy that breaks connections.
func proxied(t *testing.T, cuts int, after int64) (w *world, proxy *cuttingProxy, bucket string) {
	gateway := sharedS3(t)
	proxy = startCuttingProxy(t, strings.TrimPrefix(gateway.endpoint, "http://"), cuts, after)
	through := gateway.store("proxied-*")
	through.Endpoint = proxy.endpoint
	return newWorld(t, worldOptions{stores: []store{through}}), proxy, gateway.bucket(t, "proxied")
}

// sourcesThrough are both kinds of source, through the proxy. A URL must be signed for the proxy's host.
func sourcesThrough(t testing.TB, w *world, proxy *cuttingProxy, bucket, key string) map[string]*socialmessaging.PostWhatsAppMessageMediaInput {
	url := presignWith(t, w.s3.clientAt(proxy.endpoint), &s3.GetObjectInput{Bucket: &bucket, Key: &key}, time.Hour)
	return map[string]*socialmessaging.PostWhatsAppMessageMediaInput{
		"bucket": fromBucket(w.phone, bucket, key), "presigned URL": fromURL(w.phone, url, "application/pdf"),
	}
}

func TestUploadWhoseStoreBreaksOffIsReadAgain(t *testing.T) {
	versitygwBinary(t)
	for _, after := range []int64{100, 8 << 20} { // within the header, when nothing of the object is known yet; within the body
		for _, kind := range []string{"bucket", "presigned URL"} {
			t.Run(fmt.Sprintf("%s after %d bytes", kind, after), func(t *testing.T) {
				w, proxy, bucket := proxied(t, 1, after)
				data := large()
				w.s3.put(t, bucket, "a.pdf", data, "application/pdf")
				input := sourcesThrough(t, w, proxy, bucket, "a.pdf")[kind]
				output, err := w.client().PostWhatsAppMessageMedia(t.Context(), input)
				if proxy.left() != 0 {
					t.Fatal("the proxy has broken no connection")
				}
				if err != nil {
					t.Fatal(err)
				}
				w.sim.wantStored(*output.MediaID, data)
				if found := w.sim.allMedia(); len(found) != 1 {
					t.Errorf("Meta has %d files, want 1", len(found))
				}
				if after > 100 { // it went on where it stopped
					w.ferry.wantLog(" resumes=1 ")
				}
			})
		}
	}
}

func TestLargeFileArrivesOnceThoughBothSidesBreakOff(t *testing.T) {
	versitygwBinary(t)
	const size = 100 << 20
	w, proxy, bucket := proxied(t, 1, size*6/10)
	data := pdf(size)
	w.s3.put(t, bucket, "a.pdf", data, "application/pdf")
	w.sim.fault(fmt.Sprintf(`{"operation":"upload","cut_after_bytes":%d,"times":1}`, size*9/10))
	output, err := w.client().PostWhatsAppMessageMedia(t.Context(), fromBucket(w.phone, bucket, "a.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	if proxy.left() != 0 {
		t.Error("the proxy has broken no connection")
	}
	w.sim.wantStored(*output.MediaID, data)
	if found := w.sim.allMedia(); len(found) != 1 {
		t.Errorf("Meta has %d files, want 1", len(found))
	}
	w.ferry.wantLog(" attempts=2 ")
	w.ferry.wantLog(" resumes=1 ")
}

func TestStoreThatKeepsBreakingOffFails(t *testing.T) {
	w, proxy, bucket := proxied(t, -1, 1<<20)
	w.s3.put(t, bucket, "a.pdf", pdf(8<<20), "application/pdf")
	for kind, input := range sourcesThrough(t, w, proxy, bucket, "a.pdf") {
		_, err := w.client().PostWhatsAppMessageMedia(t.Context(), input)
		wantGoException(t, err, "DependencyException", http.StatusBadGateway, map[string]string{"bucket": "store", "presigned URL": "presigned URL"}[kind])
	}
	if found := w.sim.allMedia(); len(found) != 0 {
		t.Errorf("Meta has %d files of an object that never came whole", len(found))
	}
}

// The object is replaced by another of the same length while it is read: what
// is read again is not the same file, and half of each would be neither.
func TestObjectReplacedBetweenAttemptsIsNotMixed(t *testing.T) {
	versitygwBinary(t)
	for _, kind := range []string{"bucket", "presigned URL"} {
		t.Run(kind, func(t *testing.T) {
			w, proxy, bucket := proxied(t, 1, 8<<20)
			first := large()
			second := bytes.Clone(first)
			second[len(second)-1] ^= 1
			w.s3.put(t, bucket, "a.pdf", first, "application/pdf")
			replaced := make(chan error, 1)
			proxy.beforeCut(func() {
				_, err := w.s3.client.PutObject(context.Background(), &s3.PutObjectInput{Bucket: &bucket, Key: ptr("a.pdf"), Body: bytes.NewReader(second), ContentType: ptr("application/pdf")})
				replaced <- err
			})
			_, err := w.client().PostWhatsAppMessageMedia(t.Context(), sourcesThrough(t, w, proxy, bucket, "a.pdf")[kind])
			wantGoException(t, err, "DependencyException", http.StatusBadGateway)
			if err := <-replaced; err != nil {
				t.Fatal(err)
			}
			if found := w.sim.allMedia(); len(found) != 0 {
				t.Errorf("Meta has %+v, want no file", found)
			}
			// Called again, it is the new object.
			output, err := w.client().PostWhatsAppMessageMedia(t.Context(), sourcesThrough(t, w, proxy, bucket, "a.pdf")[kind])
			if err != nil {
				t.Fatal(err)
			}
			w.sim.wantStored(*output.MediaID, second)
		})
	}
}

// A caller that goes away takes its upload along.
func TestCallerThatLeavesEndsItsUpload(t *testing.T) {
	w := newWorld(t, worldOptions{})
	w.s3.put(t, w.bucket, "a.pdf", large(), "application/pdf")
	w.sim.fault(`{"operation":"upload","bandwidth_bytes_per_second":1048576}`)
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := w.client().PostWhatsAppMessageMedia(ctx, w.fromBucket("a.pdf"))
		left <- err
	}()
	eventually(t, "the upload is at Meta", func() bool { return len(w.sim.uploads()) == 1 })
	leave()
	if err := <-left; err == nil {
		t.Fatal("the call succeeded though its caller had left")
	}
	w.ferry.wantLog(`msg=request .*operation=PostWhatsAppMessageMedia .*exception=`)
	if found := w.sim.allMedia(); len(found) != 0 {
		t.Errorf("Meta has %d files, want none", len(found))
	}
}
