package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/metasim"
	"ferry/socialmessaging"
)

func TestUploadWhoseConnectionToMetaBreaksIsRetried(t *testing.T) {
	w := newWorld(t, worldOptions{})
	data := large()
	w.s3.put(t, w.bucket, "a.pdf", data, "application/pdf")
	for kind, input := range map[string]*socialmessaging.PostWhatsAppMessageMediaInput{
		"bucket": w.fromBucket("a.pdf"), "presigned URL": fromURL(w.phone, w.s3.presign(t, w.bucket, "a.pdf"), "application/pdf"),
	} {
		t.Run(kind, func(t *testing.T) {
			w.sim.reset()
			w.sim.fault(metasim.Fault{Operation: metasim.OperationUpload, CutAfterBytes: 64 << 10, Times: 1})
			id := w.post(input)
			w.wantOneFile(id, data, repeated{attempts: 2})
			sent := w.sim.uploads()
			if len(sent) != 2 || !sent[0].Cut || sent[1].MediaID != id {
				t.Errorf("Meta saw %+v, want one upload that was cut off and one that returned %s", sent, id)
			}
		})
	}
}

// repeated says how many transfers an upload needed, and how often it resumed
// reading.
type repeated struct{ attempts, resumes int }

// undisturbed means that nothing had to be repeated.
var undisturbed = repeated{attempts: 1}

// wantOneFile checks that Meta has one file, complete, and that the log says so.
func (w *world) wantOneFile(id string, data []byte, want repeated) {
	w.t.Helper()
	w.sim.wantStored(id, data)
	if files := w.sim.allMedia(); len(files) != 1 {
		w.t.Errorf("Meta has %d files, want 1", len(files))
	}
	w.wantUploadLogged(id, data, want)
}

func (w *world) wantUploadLogged(id string, data []byte, want repeated) {
	w.t.Helper()
	entry := w.ferry.waitUpload(id)
	if entry.Status != http.StatusOK || entry.Account != account || entry.Size != int64(len(data)) || entry.SHA256 != "" {
		w.t.Errorf("the upload of %d bytes is logged as %s", len(data), entry.line)
	}
	// A single attempt is not necessarily logged.
	if got := (repeated{max(entry.Attempts, 1), entry.Resumes}); got != want {
		w.t.Errorf("the upload is logged with %+v, want %+v: %s", got, want, entry.line)
	}
}

// wantNoFile checks that Meta has no file, not even half of one, of the uploads
// that were started.
func (w *world) wantNoFile() {
	w.t.Helper()
	if files := w.sim.allMedia(); len(files) != 0 {
		w.t.Errorf("Meta has %+v, want no file", files)
	}
	for _, sent := range w.sim.uploads() {
		if sent.MediaID != "" || sent.SHA256 != "" {
			w.t.Errorf("an upload arrived complete at Meta: %+v", sent)
		}
	}
}

func TestUploadWhoseConnectionToMetaKeepsBreakingFails(t *testing.T) {
	w := newWorld(t, worldOptions{})
	w.s3.put(t, w.bucket, "a.pdf", large(), "application/pdf")
	w.sim.fault(metasim.Fault{Operation: metasim.OperationUpload, CutAfterBytes: 64 << 10})
	_, err := w.client().PostWhatsAppMessageMedia(t.Context(), w.fromBucket("a.pdf"))
	wantGoException(t, err, "DependencyException", http.StatusBadGateway, "WhatsApp", "Meta")
	if sent := w.sim.uploads(); len(sent) != 3 {
		t.Errorf("the upload was started %d times, want 3", len(sent))
	}
	w.wantNoFile()
}

// Meta has the file but the response is lost: ferry cannot know, so it does not
// retry.
func TestUploadWhoseResponseIsLostIsNotRetried(t *testing.T) {
	w := newWorld(t, worldOptions{})
	data := pdf(1 << 20)
	w.s3.put(t, w.bucket, "a.pdf", data, "application/pdf")
	w.sim.fault(metasim.Fault{Operation: metasim.OperationUpload, LoseAnswer: true})
	_, err := w.client().PostWhatsAppMessageMedia(t.Context(), w.fromBucket("a.pdf"))
	wantGoException(t, err, "DependencyException", http.StatusBadGateway, "WhatsApp", "Meta")
	if sent := w.sim.uploads(); len(sent) != 1 {
		t.Errorf("the upload was sent %d times, want once", len(sent))
	}
	for _, file := range w.sim.allMedia() {
		w.sim.wantStored(file.ID, data)
	}
}

// proxied returns a world with a second store behind a proxy.
func proxied(t *testing.T, options worldOptions) (w *world, toStore *proxy, bucket string) {
	gateway := sharedS3(t)
	toStore = startProxy(t, gateway.endpoint)
	through := gateway.store("proxied-*")
	through.Endpoint = toStore.url
	options.stores = append(options.stores, through)
	return newWorld(t, options), toStore, gateway.bucket(t, "proxied")
}

// sourcesThrough returns sources of both kinds behind the proxy. The URL is signed
// for the proxy's host.
func sourcesThrough(t testing.TB, w *world, toStore *proxy, bucket, key string) map[string]*socialmessaging.PostWhatsAppMessageMediaInput {
	url := presignWith(t, w.s3.clientAt(toStore.url), &s3.GetObjectInput{Bucket: &bucket, Key: &key}, time.Hour)
	return map[string]*socialmessaging.PostWhatsAppMessageMediaInput{
		"bucket": fromBucket(w.phone, bucket, key), "presigned URL": fromURL(w.phone, url, "application/pdf"),
	}
}

// posted is the result of an upload.
type posted struct {
	mediaID string
	err     error
}

// postAll makes uploads at the same time.
func (w *world) postAll(inputs map[string]*socialmessaging.PostWhatsAppMessageMediaInput) map[string]posted {
	var (
		uploads sync.WaitGroup
		mu      sync.Mutex
		all     = map[string]posted{}
	)
	for kind, input := range inputs {
		uploads.Go(func() {
			output, err := w.client().PostWhatsAppMessageMedia(w.t.Context(), input)
			mu.Lock()
			defer mu.Unlock()
			if all[kind] = (posted{err: err}); err == nil {
				all[kind] = posted{mediaID: *output.MediaId}
			}
		})
	}
	uploads.Wait()
	return all
}

func TestUploadWhoseConnectionToTheStoreBreaksResumes(t *testing.T) {
	versitygwBinary(t)
	for _, after := range []int64{100, 8 << 20} { // in the header of the response; in its body
		for _, kind := range []string{"bucket", "presigned URL"} {
			t.Run(fmt.Sprintf("%s after %d bytes", kind, after), func(t *testing.T) {
				w, toStore, bucket := proxied(t, worldOptions{})
				data := large()
				w.s3.put(t, bucket, "a.pdf", data, "application/pdf")
				broken := toStore.disturb(toFerry, &disturbance{After: after, Times: 1})
				id := w.post(sourcesThrough(t, w, toStore, bucket, "a.pdf")[kind])
				if broken.left() != 0 {
					t.Fatal("no connection broke")
				}
				want := undisturbed // a GET without a response is repeated, which is no resume
				if after > 100 {
					want.resumes = 1
				}
				w.wantOneFile(id, data, want)
			})
		}
	}
}

// The connection to the store breaks after 60 % of the object, then that to Meta
// after 90 % of the upload. From 89 % on the object arrives slowly: the rest fits
// into the kernel's buffers, and once ferry has written it, Meta may have the file.
func TestLargeFileArrivesOnceAlthoughBothConnectionsBreak(t *testing.T) {
	versitygwBinary(t)
	const size = 100 << 20
	w, toStore, bucket := proxied(t, worldOptions{metaProxy: true})
	data := pdf(size)
	w.s3.put(t, bucket, "a.pdf", data, "application/pdf")
	storeBroken := toStore.disturb(toFerry, &disturbance{After: size * 60 / 100, Times: 1})
	storeSlow := toStore.disturb(toFerry, &disturbance{After: size * 29 / 100, Skip: 1, Times: 1, Rate: 2000})
	metaBroken := w.toMeta.disturb(fromFerry, &disturbance{After: size * 90 / 100, Times: 1})
	id := w.post(fromBucket(w.phone, bucket, "a.pdf"))
	if storeBroken.left() != 0 || storeSlow.left() != 0 || metaBroken.left() != 0 {
		t.Error("not all connections were disturbed")
	}
	w.wantOneFile(id, data, repeated{attempts: 2, resumes: 1})
	sent := w.sim.uploads()
	if len(sent) != 2 || sent[0].MediaID != "" || sent[0].SHA256 != "" || sent[1].MediaID != id {
		t.Fatalf("Meta saw %+v, want one upload that broke off and one that returned %s", sent, id)
	}
	if got := sent[0].BytesRead; got < size*8/10 || got >= size {
		t.Errorf("Meta received %d bytes of the upload that broke off, want nearly nine tenths of %d", got, size)
	}
}

func TestUploadWhoseConnectionToTheStoreKeepsBreakingFails(t *testing.T) {
	t.Parallel() // ferry waits between its attempts
	w, toStore, bucket := proxied(t, worldOptions{})
	w.s3.put(t, bucket, "a.pdf", pdf(8<<20), "application/pdf")
	toStore.add(toFerry, `"type":"limit_data","attributes":{"bytes":1048576}`)
	results := w.postAll(sourcesThrough(t, w, toStore, bucket, "a.pdf"))
	for kind, text := range map[string]string{"bucket": "store", "presigned URL": "presigned URL"} {
		wantGoException(t, results[kind].err, "DependencyException", http.StatusBadGateway, text, "broke off after")
	}
	w.wantNoFile()
	// Of the requests that the budget allows, one in each attempt opens the source,
	// and one reads the end of the document, which a presigned URL does not allow.
	for kind, want := range map[string]repeated{"bucket": {2, maxGets - 3}, "presigned URL": {2, maxGets - 2}} {
		entry := w.ferry.waitRequest(requestIDOf(t, results[kind].err))
		if got := (repeated{entry.Attempts, entry.Resumes}); got != want || entry.Gets != maxGets || entry.Status != http.StatusBadGateway || entry.MediaID != "" {
			t.Errorf("%s: want %+v, %d GETs, status 502 and no media id in the log: %s", kind, want, maxGets, entry.line)
		}
	}
}

// A reset discards bytes that were not delivered yet, so how many arrive is not
// certain.
func TestUploadWhoseConnectionToTheStoreKeepsBeingResetFails(t *testing.T) {
	t.Parallel() // ferry waits between its attempts
	w, toStore, bucket := proxied(t, worldOptions{})
	w.s3.put(t, bucket, "a.pdf", pdf(8<<20), "application/pdf")
	toStore.add(toFerry, `"type":"limit_data","attributes":{"bytes":1048576}`)
	// Without toxicity it does nothing, except that all connections end with a reset.
	toStore.add(toFerry, `"type":"reset_peer","toxicity":0,"attributes":{}`)
	_, err := w.client().PostWhatsAppMessageMedia(t.Context(), sourcesThrough(t, w, toStore, bucket, "a.pdf")["presigned URL"])
	wantGoException(t, err, "DependencyException", http.StatusBadGateway, "presigned URL")
	if entry := w.ferry.waitRequest(requestIDOf(t, err)); !strings.Contains(entry.Cause, "connection reset") {
		t.Errorf("the logged cause does not name the reset: %s", entry.line)
	}
	w.wantNoFile()
}

func TestUploadWhoseStoreStallsResumes(t *testing.T) {
	t.Parallel() // ferry waits before it assumes a stall
	w, toStore, bucket := proxied(t, worldOptions{args: []string{"--upload-timeout=1m"}})
	data := pdf(4 << 20)
	w.s3.put(t, bucket, "a.pdf", data, "application/pdf")
	sources := sourcesThrough(t, w, toStore, bucket, "a.pdf")
	stalled := toStore.disturb(toFerry, &disturbance{After: 1 << 20, Times: len(sources), Stall: true})
	for kind, got := range w.postAll(sources) {
		if got.err != nil {
			t.Errorf("the upload from a %s failed: %v", kind, got.err)
			continue
		}
		w.sim.wantStored(got.mediaID, data)
		w.wantUploadLogged(got.mediaID, data, repeated{attempts: 1, resumes: 1})
	}
	if stalled.left() != 0 {
		t.Errorf("%d connections were not stalled", stalled.left())
	}
	if files := w.sim.allMedia(); len(files) != len(sources) {
		t.Errorf("Meta has %d files, want %d", len(files), len(sources))
	}
}

// Meta stops reading in the middle of the file: the upload ends when its time is
// up, and does not affect the next one.
func TestUploadThatMetaStallsEndsInTime(t *testing.T) {
	t.Parallel() // it waits for the upload's timeout
	w := newWorld(t, worldOptions{metaProxy: true, args: []string{"--upload-timeout=5s"}})
	data := pdf(4 << 20)
	w.s3.put(t, w.bucket, "a.pdf", data, "application/pdf")
	stalled := w.toMeta.disturb(fromFerry, &disturbance{After: 1 << 20, Times: 1, Stall: true})
	_, err := w.client().PostWhatsAppMessageMedia(t.Context(), w.fromBucket("a.pdf"))
	wantGoException(t, err, "DependencyException", http.StatusBadGateway, "longer than the server allows")
	if stalled.left() != 0 {
		t.Error("no connection was stalled")
	}
	eventually(t, "Meta has seen the upload end", func() bool {
		sent := w.sim.uploads()
		return len(sent) == 1 && sent[0].Reason != ""
	})
	w.wantNoFile()
	w.wantOneFile(w.post(w.fromBucket("a.pdf")), data, undisturbed)
}

func TestFileArrivesCompleteOverSlowConnections(t *testing.T) {
	t.Parallel() // the connections are slow

	const size, rate = 2 << 20, 2_000 // bytes, kB/s
	w, toStore, bucket := proxied(t, worldOptions{metaProxy: true})
	data := pdf(size)
	w.s3.put(t, bucket, "a.pdf", data, "application/pdf")
	slow := fmt.Sprintf(`"type":"bandwidth","attributes":{"rate":%d}`, rate)
	toStore.add(toFerry, slow)
	w.toMeta.add(fromFerry, slow)
	w.toMeta.add(toFerry, `"type":"latency","attributes":{"latency":50,"jitter":25}`)
	for kind, input := range sourcesThrough(t, w, toStore, bucket, "a.pdf") {
		w.sim.reset()
		started := time.Now()
		w.wantOneFile(w.post(input), data, undisturbed)
		if took, least := time.Since(started), size/rate*time.Millisecond; took < least {
			t.Errorf("the upload from a %s took %v, less than the %v of its connections", kind, took, least)
		}
	}
}

// The object is replaced by another one of the same length while it is read. The
// upload must not consist of parts of both.
func TestObjectReplacedBetweenAttemptsIsNotMixed(t *testing.T) {
	versitygwBinary(t)
	for _, kind := range []string{"bucket", "presigned URL"} {
		t.Run(kind, func(t *testing.T) {
			w, toStore, bucket := proxied(t, worldOptions{})
			first := large()
			second := bytes.Clone(first)
			second[len(second)-1] ^= 1
			w.s3.put(t, bucket, "a.pdf", first, "application/pdf")
			replaced := make(chan error, 1)
			toStore.disturb(toFerry, &disturbance{After: 8 << 20, Times: 1}).beforeEach(func() {
				_, err := w.s3.client.PutObject(context.Background(), &s3.PutObjectInput{Bucket: &bucket, Key: ptr("a.pdf"), Body: bytes.NewReader(second), ContentType: ptr("application/pdf")})
				replaced <- err
			})
			_, err := w.client().PostWhatsAppMessageMedia(t.Context(), sourcesThrough(t, w, toStore, bucket, "a.pdf")[kind])
			wantGoException(t, err, "DependencyException", http.StatusBadGateway)
			if err := <-replaced; err != nil {
				t.Fatal(err)
			}
			w.wantNoFile()
			// The next call uploads the new object.
			output, err := w.client().PostWhatsAppMessageMedia(t.Context(), sourcesThrough(t, w, toStore, bucket, "a.pdf")[kind])
			if err != nil {
				t.Fatal(err)
			}
			w.sim.wantStored(*output.MediaId, second)
		})
	}
}

func TestUploadEndsAfterItsCallerHasDisconnected(t *testing.T) {
	w := newWorld(t, worldOptions{})
	w.s3.put(t, w.bucket, "a.pdf", large(), "application/pdf")
	w.sim.fault(metasim.Fault{Operation: metasim.OperationUpload, BandwidthBytesPerSecond: 1 << 20})
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := w.client().PostWhatsAppMessageMedia(ctx, w.fromBucket("a.pdf"))
		left <- err
	}()
	eventually(t, "the upload is at Meta", func() bool { return len(w.sim.uploads()) == 1 })
	leave()
	if err := <-left; err == nil {
		t.Fatal("the call succeeded although its caller had disconnected")
	}
	w.ferry.waitLog("the upload that failed", func(entry logEntry) bool {
		return entry.Operation == "PostWhatsAppMessageMedia" && entry.Exception != ""
	})
	w.wantNoFile()
}
