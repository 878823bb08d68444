package e2e

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ferry/socialmessaging"
)

const (
	leakTime    = 10 * time.Second // FERRY_LEAK_TIME sets another time
	leakWorkers = 8
	leakPause   = 20 * time.Millisecond // of a worker, between two of its steps; longer in a run of more than six minutes
)

// A server that is called for some time, correctly, wrongly and by clients that disconnect, has as many goroutines and
// open files at the end as at the beginning.
func TestGoroutinesAndOpenFilesStayAsManyAsTheyWere(t *testing.T) {
	lasts := leakTime
	if text := os.Getenv("FERRY_LEAK_TIME"); text != "" {
		var err error
		if lasts, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	metrics, s3 := address(t), sharedS3(t)
	r := newCrashRig(t, plainBuild, "")
	server := r.serve("--metrics-listen", metrics, "--media-rate", "0", s3.store().flag())
	l := &leakRig{
		crashRig: r, server: server.url, bucket: s3.bucket(t, "leak"),
		api: r.client(server.url), wrong: goClient(server.url, accessKey{r.key.id, "wrong"}),
	}
	s3.put(t, l.bucket, "note.txt", []byte("a note"), "text/plain")

	ctx, stop := context.WithCancel(t.Context())
	var workers sync.WaitGroup
	for range leakWorkers {
		workers.Go(func() { l.work(ctx, max(leakPause, lasts/18_000)) })
	}
	var goroutines, files []int
	for tick := time.NewTicker(lasts / 100); len(goroutines) < 100; {
		<-tick.C
		g, f := usage(t, metrics)
		goroutines, files = append(goroutines, g), append(files, f)
	}
	stop()
	workers.Wait()
	// The first ten samples are those of a server that still opens its connections.
	compare := func(what string, samples []int) {
		first, last := median(samples[10:25]), median(samples[85:])
		t.Logf("%s: %d at first, %d at last", what, first, last)
		if last > first+first/10+2*leakWorkers {
			t.Errorf("the server had %d %s at first, and has %d: %v", first, what, last, samples)
		}
	}
	compare("goroutines", goroutines)
	compare("open files", files)
	for i, step := range leakSteps {
		t.Logf("%s: %d times", step.name, l.done[i].Load())
		if l.done[i].Load() == 0 {
			t.Errorf("nobody did this: %s", step.name)
		}
	}
}

// leakRig is a server with everything that can be done to it.
type leakRig struct {
	*crashRig
	server string
	bucket string
	api    *socialmessaging.Client // which has the right secret
	wrong  *socialmessaging.Client
	number atomic.Int64
	done   [9]atomic.Int64 // by leakSteps
}

// leakSteps are what the workers do. A step that does not end as it should is an error of the test.
var leakSteps = [9]struct {
	name string
	do   func(l *leakRig, ctx context.Context) error
}{
	{"a file that is uploaded, stored again and deleted", (*leakRig).moveFile},
	{"an object that does not exist", func(l *leakRig, ctx context.Context) error {
		_, err := l.api.PostWhatsAppMessageMedia(ctx, fromBucket(l.phone, l.bucket, "missing.txt"))
		return wantError(err)
	}},
	{"a URL whose host is not allowed", func(l *leakRig, ctx context.Context) error {
		_, err := l.api.PostWhatsAppMessageMedia(ctx, fromURL(l.phone, "https://example.com/a?X-Amz-Signature=0", "text/plain"))
		return wantError(err)
	}},
	{"a wrong signature", func(l *leakRig, ctx context.Context) error {
		_, err := l.wrong.PostWhatsAppMessageMedia(ctx, fromBucket(l.phone, l.bucket, "note.txt"))
		return wantError(err)
	}},
	{"a message", func(l *leakRig, ctx context.Context) error {
		version, to := "v25.0", l.number.Add(1)
		_, err := l.api.SendWhatsAppMessage(ctx, &socialmessaging.SendWhatsAppMessageInput{
			OriginationPhoneNumberId: &l.phone, MetaApiVersion: &version,
			Message: fmt.Appendf(nil, `{"messaging_product":"whatsapp","to":"+1650556%04d","type":"template","template":{"name":"hello_world","language":{"code":"en_US"}}}`, to%10_000),
		})
		return err
	}},
	{"a webhook", func(l *leakRig, ctx context.Context) error {
		if !l.post(ctx, http.DefaultClient, l.server, webhookOf(fmt.Sprintf("wamid.%d", l.number.Add(1)))) {
			return fmt.Errorf("a webhook was not acknowledged")
		}
		return nil
	}},
	{"a client that disconnects during its call", func(l *leakRig, ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, rand.N(5*time.Millisecond))
		defer cancel()
		_, _ = l.api.PostWhatsAppMessageMedia(ctx, fromBucket(l.phone, l.bucket, "note.txt"))
		return nil
	}},
	{"a client that disconnects in the head of its request", (*leakRig).sendPart},
	{"a webhook without a signature", func(l *leakRig, ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.server+"/webhooks/whatsapp", strings.NewReader("{}"))
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusUnauthorized {
			return fmt.Errorf("it was answered with %s", response.Status)
		}
		return nil
	}},
}

func wantError(err error) error {
	if err == nil {
		return fmt.Errorf("the call succeeded")
	}
	return nil
}

// work does one step after the other until ctx ends.
func (l *leakRig) work(ctx context.Context, pause time.Duration) {
	for ctx.Err() == nil {
		i := rand.N(len(leakSteps))
		if err := leakSteps[i].do(l, context.WithoutCancel(ctx)); err != nil {
			l.t.Errorf("%s: %v", leakSteps[i].name, err)
			return
		}
		l.done[i].Add(1)
		time.Sleep(pause)
	}
}

func (l *leakRig) moveFile(ctx context.Context) error {
	posted, err := l.api.PostWhatsAppMessageMedia(ctx, fromBucket(l.phone, l.bucket, "note.txt"))
	if err != nil {
		return err
	}
	key := "copy.txt"
	_, err = l.api.GetWhatsAppMessageMedia(ctx, &socialmessaging.GetWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: &l.phone, MediaId: posted.MediaId, DestinationS3File: &socialmessaging.S3File{BucketName: &l.bucket, Key: &key},
	})
	if err != nil {
		return err
	}
	_, err = l.api.DeleteWhatsAppMessageMedia(ctx, &socialmessaging.DeleteWhatsAppMessageMediaInput{OriginationPhoneNumberId: &l.phone, MediaId: posted.MediaId})
	return err
}

func (l *leakRig) sendPart(ctx context.Context) error {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(l.server, "http://"))
	if err != nil {
		return err
	}
	defer connection.Close()
	_, err = io.WriteString(connection, "POST /v1/whatsapp/media HTTP/1.1\r\nHost: loc")
	return err
}

// usage returns the numbers of goroutines and open files of a server.
func usage(t *testing.T, metrics string) (goroutines, files int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+metrics+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	value := func(name string) int {
		for line := range strings.Lines(string(text)) {
			if number, ok := strings.CutPrefix(strings.TrimSpace(line), name+" "); ok {
				n, err := strconv.Atoi(number)
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
		}
		t.Fatalf("there is no metric %s", name)
		return 0
	}
	return value("go_goroutines"), value("process_open_fds")
}

func median(samples []int) int {
	sorted := slices.Sorted(slices.Values(samples))
	return sorted[len(sorted)/2]
}
