package transfer_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ferry/internal/media"
	"ferry/internal/object"
	"ferry/internal/transfer"
	"ferry/metasim"
)

var text = bytes.Repeat([]byte("All that is gold does not glitter.\n"), 40)

func sum(data []byte) string {
	digest := sha256.Sum256(data)
	return hex.EncodeToString(digest[:])
}

func TestFileIsPostedFetchedAndDeletedWithoutAnAPI(t *testing.T) {
	w := newWorld(t)
	w.store.put("note.txt", "text/plain", text)
	posted, report, err := w.engine.Post(t.Context(), w.job("note.txt"))
	w.must(err)
	if at, there := w.simulator.Media(posted.ID); !there || at.SHA256 != sum(text) {
		t.Errorf("WhatsApp has %+v", at)
	}
	if report.Attempts != 1 || report.Gets != 1 || report.Posts != 1 || report.Media.ID != posted.ID || len(report.MetaTraces) != 1 || report.Ambiguous || report.Reused {
		t.Errorf("%+v", report)
	}
	job := w.job("note.txt")
	job.MediaID = posted.ID
	job.Destination = func(mimeType string) (object.Sink, error) {
		if mimeType != "text/plain" {
			t.Errorf("fetched as %s", mimeType)
		}
		return w.objects.FileSink("media", "copy.txt")
	}
	fetched, report, err := w.engine.Fetch(t.Context(), job)
	w.must(err)
	if fetched.Size != int64(len(text)) || report.Destination != "s3://media/copy.txt" || !bytes.Equal(w.store.objects["copy.txt"].data, text) {
		t.Errorf("%+v, %+v", fetched, report)
	}
	_, err = w.engine.Delete(t.Context(), job)
	w.must(err)
	if _, there := w.simulator.Media(posted.ID); there {
		t.Error("WhatsApp still has the file")
	}
}

func TestTemplateMediaGetsAHandleWithoutAnAPI(t *testing.T) {
	w := newWorld(t)
	w.store.put("a.pdf", "application/pdf", []byte("%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\nstartxref\n0\n%%EOF\n"))
	handle, report, err := w.engine.PostTemplate(t.Context(), w.job("a.pdf"))
	w.must(err)
	if _, there := w.simulator.Handle(handle); !there || report.Posts != 1 || report.Attempts != 1 {
		t.Errorf("%q, %+v", handle, report)
	}
	w.store.put("note.txt", "text/plain", text)
	_, _, err = w.engine.PostTemplate(t.Context(), w.job("note.txt"))
	if refused, ok := errors.AsType[*transfer.Error](err); !ok || refused.Kind != transfer.Unsuitable {
		t.Errorf("%v", err)
	}
}

// closesRanges is a store that breaks off each file, and closes every range
// request after 1 KiB.
func closesRanges(w http.ResponseWriter, r *http.Request, object stored) bool {
	limit := len(object.data) * 3 / 4
	if r.Header.Get("Range") != "" {
		limit = 1 << 10
	}
	w.Header().Set("Content-Type", object.contentType)
	w.Header().Set("ETag", etag(object))
	http.ServeContent(&hangUp{w, limit}, r, "", time.Time{}, bytes.NewReader(object.data))
	return true
}

// hangsUpOnRanges is a store that closes the connection of every range request.
func hangsUpOnRanges(_ http.ResponseWriter, r *http.Request, _ stored) bool {
	if r.Header.Get("Range") != "" {
		panic(http.ErrAbortHandler)
	}
	return false
}

// hangUp closes the connection after some bytes of a body.
type hangUp struct {
	http.ResponseWriter
	left int
}

func (h *hangUp) Write(p []byte) (int, error) {
	if len(p) < h.left {
		h.left -= len(p)
		return h.ResponseWriter.Write(p)
	}
	_, _ = h.ResponseWriter.Write(p[:h.left])
	_ = http.NewResponseController(h.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

func TestStoreThatHangsUpOnRangesCostsOneBudget(t *testing.T) {
	pdf := append([]byte("%PDF-1.4\n"), make([]byte, 300<<10)...)
	pdf = append(pdf, "\ntrailer\n<<>>\nstartxref\n0\n%%EOF\n"...)
	cases := map[string]struct {
		file   stored
		fail   func(http.ResponseWriter, *http.Request, stored) bool
		posted bool
	}{
		"while the body is read":                 {stored{"text/plain", bytes.Repeat(text, 200)}, closesRanges, false},
		"while the file is inspected at its end": {stored{"application/pdf", pdf}, closesRanges, false},
		// It is not looked into when no request is left for that, and the whole of it can be read.
		"before the response to a range begins": {stored{"application/pdf", pdf}, hangsUpOnRanges, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.store.put("file", c.file.contentType, c.file.data)
			w.store.failWith(c.fail)
			_, report, err := w.engine.Post(t.Context(), w.job("file"))
			if broke, ok := errors.AsType[*object.Error](err); c.posted != (err == nil) || !c.posted && (!ok || broke.Kind != object.Unavailable) {
				t.Errorf("%v", err)
			}
			if sent := len(w.store.sent()); sent > transfer.MaxGets || sent != report.Gets || w.requests(metasim.OperationUpload) > transfer.MaxPosts {
				t.Errorf("%d GETs (%q), %d POSTs; the report says %d and %d", sent, w.store.sent(), w.requests(metasim.OperationUpload), report.Gets, report.Posts)
			}
		})
	}
}

func TestRetriesOfAllLoopsComeOutOfTheAccountsShare(t *testing.T) {
	w := newWorld(t)
	w.store.put("note.txt", "text/plain", text)
	w.store.failWith(func(rw http.ResponseWriter, _ *http.Request, _ stored) bool {
		rw.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	const calls = 30
	for range calls {
		if _, _, err := w.engine.Post(t.Context(), w.job("note.txt")); err == nil {
			t.Fatal("it was posted")
		}
	}
	// Each call sends one request; the account has ten retries, and a tenth of one more for each call.
	if most := calls + 10 + calls/10; len(w.store.sent()) > most {
		t.Errorf("%d requests for %d calls, want at most %d", len(w.store.sent()), calls, most)
	}
}

func TestDigestIsTakenOnlyWhereSomethingUsesIt(t *testing.T) {
	cases := map[string]struct {
		adjust func(*transfer.Job)
		want   string
	}{
		"neither":      {func(*transfer.Job) {}, ""},
		"reuse":        {func(j *transfer.Job) { j.Reuse = true }, sum(text)},
		"verification": {func(j *transfer.Job) { j.Verify = true }, sum(text)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.store.put("note.txt", "text/plain", text)
			job := w.job("note.txt")
			c.adjust(&job)
			posted, report, err := w.engine.Post(t.Context(), job)
			w.must(err)
			record, err := w.state.Media(t.Context(), w.sender.ID, posted.ID)
			w.must(err)
			if record.SHA256 != c.want || report.Verified != job.Verify {
				t.Errorf("on record is %q, verified %t", record.SHA256, report.Verified)
			}
		})
	}
}

func TestUploadThatCannotBeVerifiedIsDeletedAgain(t *testing.T) {
	cases := map[string]struct {
		fault   metasim.Fault
		message string
	}{
		"another SHA-256": {
			metasim.Fault{Body: `{"id":"1","url":"http://127.0.0.1/","mime_type":"text/plain","file_size":1400,"sha256":"` + strings.Repeat("ab", 32) + `"}`},
			"reports another SHA-256 for the uploaded file (" + strings.Repeat("ab", 32) + ") than ferry sent (" + sum(text) + "). The upload was deleted again.",
		},
		"no SHA-256":   {metasim.Fault{Body: `{"id":"1","url":"http://127.0.0.1/","mime_type":"text/plain","file_size":1400}`}, "did not report the SHA-256"},
		"no response":  {metasim.Fault{CutAfterBytes: -1}, "did not report the SHA-256"},
		"a failure":    {metasim.Fault{ErrorCode: 131000}, "could not be verified. The upload was deleted again."},
		"no deletion":  {metasim.Fault{ErrorCode: 131000}, "The upload could not be deleted again"},
		"a 404 of URL": {metasim.Fault{ErrorCode: 100, Subcode: 33}, "could not be verified"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.store.put("note.txt", "text/plain", text)
			c.fault.Operation = metasim.OperationRetrieve
			_, err := w.simulator.AddFault(c.fault)
			w.must(err)
			if name == "no deletion" {
				_, err := w.simulator.AddFault(metasim.Fault{Operation: metasim.OperationDelete, ErrorCode: 131000})
				w.must(err)
			}
			job := w.job("note.txt")
			job.Verify = true
			_, report, err := w.engine.Post(t.Context(), job)
			failed, ok := errors.AsType[*transfer.Error](err)
			if !ok || failed.Kind != transfer.Dependency || !strings.Contains(failed.Message, c.message) || report.Verified || report.Media.ID != "" {
				t.Errorf("%v, %+v", err, report)
			}
			if w.requests(metasim.OperationDelete) != 1 {
				t.Errorf("%d deletions", w.requests(metasim.OperationDelete))
			}
		})
	}
}

func TestRetryOfTheSameVersionIsNotInspectedAgain(t *testing.T) {
	w := newWorld(t)
	pdf := append([]byte("%PDF-1.4\n"), make([]byte, 8<<20)...)
	w.store.put("a.pdf", "application/pdf", append(pdf, "\ntrailer\n<<>>\nstartxref\n0\n%%EOF\n"...))
	_, err := w.simulator.AddFault(metasim.Fault{Operation: metasim.OperationUpload, CutAfterBytes: 100 << 10, Times: 1})
	w.must(err)
	_, report, err := w.engine.Post(t.Context(), w.job("a.pdf"))
	w.must(err)
	if sent := w.store.sent(); len(sent) != 3 || report.Attempts != 2 || report.Posts != 2 {
		t.Errorf("%q, %+v; want two GETs of the file and one look at its end", sent, report)
	}
}

func TestFindingsAreInTheReportOfARefusal(t *testing.T) {
	w := newWorld(t)
	w.store.put("page.jpg", "image/jpeg", []byte("<html><body>404 Not Found</body></html>"))
	_, report, err := w.engine.Post(t.Context(), w.job("page.jpg"))
	refused, ok := errors.AsType[*transfer.Error](err)
	if !ok || refused.Kind != transfer.Unsuitable || report.File.MaxSeverity() != media.Refused || !strings.Contains(refused.Message, "["+report.File.Findings[0].Code+"]") {
		t.Errorf("%v, %+v", err, report.File)
	}
	if report.Posts != 0 || w.requests(metasim.OperationUpload) != 0 {
		t.Error("something was sent")
	}
}

func TestPlacesForTransfersAreBounded(t *testing.T) {
	w := newWorld(t)
	w.store.put("note.txt", "text/plain", text)
	small, err := transfer.New(transfer.Config{State: w.state, Graph: w.graph, Objects: w.objects, MaxTransfers: 1})
	w.must(err)
	reached, release := make(chan struct{}), make(chan struct{})
	w.store.failWith(func(http.ResponseWriter, *http.Request, stored) bool {
		close(reached)
		<-release
		return false
	})
	done := make(chan error)
	go func() {
		_, _, err := small.Post(t.Context(), w.job("note.txt"))
		done <- err
	}()
	<-reached
	_, _, err = small.Post(t.Context(), w.job("note.txt"))
	if busy, ok := errors.AsType[*transfer.Error](err); !ok || busy.Kind != transfer.Busy || !strings.Contains(busy.Message, "the limit per account") {
		t.Errorf("%v", err)
	}
	w.store.failWith(nil)
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, _, err := small.Post(t.Context(), w.job("note.txt")); err != nil {
		t.Errorf("after the place was free again: %v", err)
	}
}

func TestSlowUploadThatGivesWayLeavesNothingAtWhatsApp(t *testing.T) {
	w := newWorld(t)
	w.store.put("slow.txt", "text/plain", bytes.Repeat(text, 100<<10/len(text)))
	w.store.put("note.txt", "text/plain", text)
	small, err := transfer.New(transfer.Config{State: w.state, Graph: w.graph, Objects: w.objects, MaxTransfers: 4})
	w.must(err)
	var later atomic.Int64
	start := time.Now()
	small.SetQuotaClock(func() time.Time { return start.Add(time.Duration(later.Load())) })

	// The store sends the first part of each file, and the rest never.
	begun := make(chan struct{}, 3)
	w.store.failWith(func(rw http.ResponseWriter, r *http.Request, object stored) bool {
		if object.contentType == "" || len(object.data) < media.HeadSize {
			return false
		}
		rw.Header().Set("Content-Type", object.contentType)
		rw.Header().Set("Content-Length", strconv.Itoa(len(object.data)))
		_, _ = rw.Write(object.data[:media.HeadSize+100])
		_ = http.NewResponseController(rw).Flush()
		begun <- struct{}{}
		<-r.Context().Done()
		return true
	})
	ctx, cancel := context.WithCancel(t.Context())
	slow, job := make(chan error, 3), w.job("slow.txt")
	for range 3 { // all that one account may have
		go func() {
			_, _, err := small.Post(ctx, job)
			slow <- err
		}()
	}
	for range 3 {
		<-begun
	}
	other := w.job("note.txt")
	other.AccountID = "444455556666"
	holding := w.job("slow.txt")
	holding.AccountID = other.AccountID
	held := make(chan error, 1)
	go func() {
		_, _, err := small.Post(ctx, holding)
		held <- err
	}()
	<-begun // all places are taken
	for slices.Max(small.Moved())-slices.Min(small.Moved()) != 0 || small.Moved()[0] < media.HeadSize+100 {
		runtime.Gosched() // until each transfer waits for its store
	}

	if _, _, err := small.Post(t.Context(), other); err == nil {
		t.Error("the second transfer of the other account had a place although none was slow")
	}
	later.Store(int64(10 * time.Second))
	if _, _, err := small.Post(t.Context(), other); err != nil {
		t.Errorf("the second transfer of the other account: %v", err)
	}
	if busy, ok := errors.AsType[*transfer.Error](<-slow); !ok || busy.Kind != transfer.Busy || !strings.Contains(busy.Message, "slowest") {
		t.Errorf("the slow upload: %v", busy)
	}
	cancel()
	for _, ended := range []<-chan error{slow, slow, held} {
		<-ended
	}
	stored := 0
	for _, request := range w.simulator.Requests() {
		if request.Operation == metasim.OperationUpload && request.Status == http.StatusOK {
			stored++
		}
	}
	if stored != 1 {
		t.Errorf("%d files are at WhatsApp", stored)
	}
}

func TestDownloadsCountWhatTheyPassOn(t *testing.T) {
	w := newWorld(t)
	w.store.put("note.txt", "text/plain", text)
	posted, _, err := w.engine.Post(t.Context(), w.job("note.txt"))
	w.must(err)
	var moved []int64
	w.store.failWith(func(_ http.ResponseWriter, r *http.Request, _ stored) bool {
		_, _ = io.ReadFull(r.Body, make([]byte, 1))
		moved = w.engine.Moved()
		return false
	})
	job := w.job("note.txt")
	job.MediaID = posted.ID
	job.Destination = func(string) (object.Sink, error) { return w.objects.FileSink("media", "copy.txt") }
	_, _, err = w.engine.Fetch(t.Context(), job)
	w.must(err)
	if len(moved) != 1 || moved[0] == 0 {
		t.Errorf("a download in progress has passed on %v bytes", moved)
	}
}
