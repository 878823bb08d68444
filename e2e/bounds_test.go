package e2e

import (
	"fmt"
	"math"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ferry/metasim"
	"ferry/socialmessaging"
)

// The limits of what ferry may use.
const (
	maxIdle       = 20 << 20   // bytes of memory of its own without uploads; the pages of the binary, of which the kernel keeps more or fewer in memory, are not counted
	maxGrowth     = 64 << 20   // bytes resident above that, whatever the uploads
	maxBinary     = 50_000_000 // as 'make build' builds it
	maxUnstripped = 70_000_000 // with symbols, as 'go build' does
	maxDevStart   = time.Second

	manySize  = 100 << 20
	manyCount = 8
)

// resident returns the resident memory of a process in bytes, and its peak.
func resident(t testing.TB, pid int) (now, peak int64) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		missingOnMachine(t, "/proc/PID/status", "run this test on Linux")
	}
	if now, peak = statusValue(text, "VmRSS"), statusValue(text, "VmHWM"); now == 0 {
		t.Fatalf("/proc/PID/status has no VmRSS:\n%s", text)
	}
	return now, peak
}

// anonymous returns the resident memory of a process that is not pages of files, in bytes.
func anonymous(t testing.TB, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	return statusValue(text, "RssAnon")
}

// statusValue returns a line of /proc/PID/status in bytes, or 0 if there is none.
func statusValue(status []byte, name string) int64 {
	match := regexp.MustCompile(name + `:\s+([0-9]+) kB`).FindSubmatch(status)
	if match == nil {
		return 0
	}
	kilobytes, err := strconv.ParseInt(string(match[1]), 10, 64)
	if err != nil {
		return 0
	}
	return kilobytes << 10
}

const mib = 1 << 20

// Eight documents of 100 MiB at once, from a bucket and from presigned URLs:
// every byte arrives, and ferry's memory stays flat.
func TestMemoryStaysFlatUnderLargeUploads(t *testing.T) {
	w := newWorld(t, worldOptions{binary: plainBuild, simulator: metasim.Config{Storage: metasim.NewDiscardStorage()}})
	pid := w.ferry.cmd.Process.Pid
	idle, _ := resident(t, pid)
	own := anonymous(t, pid)
	t.Logf("idle: %.1f MiB resident, of which %.1f MiB are not files", float64(idle)/mib, float64(own)/mib)
	if own > maxIdle {
		t.Errorf("ferry has %.1f MiB of its own without uploads, want at most %d", float64(own)/mib, maxIdle/mib)
	}
	document := newDocument(manySize)
	w.s3.putStream(t, w.bucket, "large.pdf", document, manySize, "application/pdf")
	want := document.digest()
	url := w.s3.presign(t, w.bucket, "large.pdf")

	for _, kind := range []string{"bucket", "presigned URL"} {
		highest, stopSampling := sampleMemory(pid)
		started := time.Now()
		ids := make([]string, manyCount)
		var uploads sync.WaitGroup
		for i := range ids {
			input := w.fromBucket("large.pdf")
			if kind == "presigned URL" {
				input = fromURL(w.phone, url, "application/pdf")
			}
			uploads.Go(func() { ids[i] = w.tryPost(input) })
		}
		uploads.Wait()
		took := time.Since(started)
		stopSampling()
		for _, id := range ids {
			if id == "" {
				continue // tryPost has reported why
			}
			if media := w.sim.media(id); media.SHA256 != want || media.Size != manySize {
				t.Errorf("media %s has %d bytes with SHA-256 %s at Meta, want %d with %s", id, media.Size, media.SHA256, int64(manySize), want)
			}
		}
		_, peak := resident(t, pid)
		peak = max(peak, highest())
		t.Logf("%d × 100 MiB from a %s in %v: peak %.1f MiB resident, %.1f MiB over idle", manyCount, kind, took.Round(10*time.Millisecond), float64(peak)/mib, float64(peak-idle)/mib)
		if peak-idle > maxGrowth {
			t.Errorf("uploads from a %s needed %.1f MiB over idle, want at most %d", kind, float64(peak-idle)/mib, maxGrowth/mib)
		}
	}
}

func (w *world) tryPost(input *socialmessaging.PostWhatsAppMessageMediaInput) (mediaID string) {
	output, err := w.client().PostWhatsAppMessageMedia(w.t.Context(), input)
	if err != nil {
		w.t.Errorf("an upload failed: %v", err)
		return ""
	}
	return *output.MediaId
}

// sampleMemory samples a process's memory, for kernels whose peak value is not
// reliable.
func sampleMemory(pid int) (highest func() int64, stop func()) {
	var peak atomic.Int64
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)); err == nil {
				peak.Store(max(peak.Load(), statusValue(text, "VmRSS")))
			}
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return peak.Load, func() { close(done); <-stopped }
}

func TestBinaryIsSmall(t *testing.T) {
	for b, most := range map[*build]int64{plainBuild: maxUnstripped, strippedBuild: maxBinary} {
		info, err := os.Stat(b.path(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %.1f MB", b.name, float64(info.Size())/1e6)
		if info.Size() > most {
			t.Errorf("%s has %d bytes, want at most %d", b.name, info.Size(), most)
		}
	}
}

// The load of the machine is not ferry's fault, so the fastest of a few starts counts.
func TestDevIsReadySoon(t *testing.T) {
	plainBuild.path(t)
	best := time.Duration(math.MaxInt64)
	for range 5 {
		started := time.Now()
		dev := startDev(t, plainBuild)
		took := time.Since(started)
		best = min(best, took)
		t.Logf("ferry dev was ready after %v", took.Round(time.Millisecond))
		// Ready means that every server answers.
		for _, url := range []string{
			dev.values["AWS_ENDPOINT_URL_SOCIALMESSAGING"] + "/readyz", dev.values["FERRY_SIMULATOR_CONTROL_URL"] + "/health",
		} {
			if !answers(url, http.StatusOK) {
				t.Errorf("%s does not answer 200 although the env file exists", url)
			}
		}
		now, _ := resident(t, dev.cmd.Process.Pid)
		t.Logf("ferry dev idle: %.1f MiB resident", float64(now)/mib)
		dev.stop()
		if best <= maxDevStart {
			return
		}
	}
	t.Errorf("the fastest start of ferry dev took %v, want at most %v", best, maxDevStart)
}
