package e2e

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"ferry/metasim"
)

// slowUpload returns a server with an upload in progress, over a slow connection to Meta.
func slowUpload(t *testing.T, args ...string) (w *world, data []byte, done <-chan slowResult) {
	w = newWorld(t, worldOptions{args: args})
	data = pdf(4 << 20)
	w.s3.put(t, w.bucket, "a.pdf", data, "application/pdf")
	w.sim.fault(metasim.Fault{Operation: metasim.OperationUpload, BandwidthBytesPerSecond: 1 << 20}) // four seconds
	results := make(chan slowResult, 1)
	go func() {
		output, err := w.client().PostWhatsAppMessageMedia(t.Context(), w.fromBucket("a.pdf"))
		result := slowResult{err: err}
		if err == nil {
			result.id = *output.MediaId
		}
		results <- result
	}()
	eventually(t, "the upload is at Meta", func() bool { return len(w.sim.uploads()) == 1 })
	return w, data, results
}

type slowResult struct {
	id  string
	err error
}

func TestStopWaitsForUploadsInProgress(t *testing.T) {
	w, data, done := slowUpload(t)
	w.ferry.signal()
	w.ferry.waitMessage("stopping")
	if answers(w.ferry.url+"/readyz", http.StatusOK) {
		t.Error("/readyz answers 200 while the server drains")
	}
	eventually(t, "new connections are refused", func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(w.ferry.url, "http://"))
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	select {
	case result := <-done:
		t.Fatalf("the upload ended before the checks: %+v", result)
	default:
	}
	select {
	case result := <-done:
		if result.err != nil {
			t.Fatal(result.err)
		}
		w.sim.wantStored(result.id, data)
	case <-time.After(stopLimit):
		t.Fatal("the upload has not ended")
	}
	w.ferry.wantExit(0)
	w.wantLastLine("INFO")
}

// wantLastLine checks that the log of a server that has ended says so in its last line.
func (w *world) wantLastLine(level string) {
	w.t.Helper()
	entries := w.ferry.log()
	if last := entries[len(entries)-1]; last.Msg != "stopped" || !strings.Contains(last.line, `"level":"`+level+`"`) {
		w.t.Errorf("the last line of the log is %swant the message stopped at level %s", last.line, level)
	}
}

func TestSecondSignalStopsAtOnce(t *testing.T) {
	w, _, done := slowUpload(t)
	w.ferry.signal()
	w.ferry.signalAgain()
	w.ferry.wantExit(1)
	w.wantCutOff(done)
}

func TestStopCutsOffAfterDrainTimeout(t *testing.T) {
	w, _, done := slowUpload(t, "--drain-timeout", "100ms")
	w.ferry.signal()
	w.ferry.wantExit(1)
	w.wantCutOff(done)
}

// wantCutOff checks that an upload ended with the server, and that Meta has no file of it.
func (w *world) wantCutOff(done <-chan slowResult) {
	w.t.Helper()
	select {
	case result := <-done:
		if result.err == nil {
			w.t.Errorf("the upload returned %s although the server stopped at once", result.id)
		}
	case <-time.After(stopLimit):
		w.t.Error("the call has not ended with the server")
	}
	if !strings.Contains(w.ferry.stderr.String(), "stopped before all requests in progress were done") {
		w.t.Error("standard error does not say that uploads were cut off")
	}
	w.wantLastLine("ERROR")
	if files := w.sim.allMedia(); len(files) != 0 {
		w.t.Errorf("Meta has %+v of an upload that was cut off", files)
	}
}

func TestDevStopsWithStatus0AndRemovesItsEnvFile(t *testing.T) {
	dev := startDev(t, raceBuild)
	dev.stop()
	if answers(dev.values["AWS_ENDPOINT_URL_SOCIALMESSAGING"]+"/livez", http.StatusOK) {
		t.Error("ferry dev has ended but still answers")
	}
	if exists(dev.envFile) {
		t.Error("the env file still exists")
	}
}

func TestServerIsNotReadyBeforeItStops(t *testing.T) {
	w := newWorld(t, worldOptions{args: []string{"--drain-delay", "1h"}})
	w.s3.put(t, w.bucket, "a.pdf", pdf(1<<10), "application/pdf")
	w.ferry.signal()
	eventually(t, "/readyz says 503", func() bool { return answers(w.ferry.url+"/readyz", http.StatusServiceUnavailable) })
	if _, err := w.client().PostWhatsAppMessageMedia(t.Context(), w.fromBucket("a.pdf")); err != nil {
		t.Errorf("a call during the drain delay failed: %v", err)
	}
	w.ferry.signal() // the second signal ends the drain delay
	w.ferry.wantExit(0)
}
