package transfer_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"ferry/internal/object"
	"ferry/internal/transfer"
	"ferry/metasim"
)

// pdf is a document that is inspected at its end.
func pdf(size int) []byte {
	data := append([]byte("%PDF-1.4\n"), make([]byte, size)...)
	return append(data, "\ntrailer\n<<>>\nstartxref\n0\n%%EOF\n"...)
}

// spendShare uses all the retries that the account has.
func (w *world) spendShare() {
	w.t.Helper()
	w.store.put("unreachable", "text/plain", text)
	w.store.failWith(func(http.ResponseWriter, *http.Request, stored) bool { panic(http.ErrAbortHandler) })
	for range 100 {
		if _, report, _ := w.engine.Post(w.t.Context(), w.job("unreachable")); report.Gets == 1 {
			w.store.failWith(nil)
			w.store.forget()
			return
		}
	}
	w.t.Fatal("the account has no end of retries")
}

// Each loop that could repeat a request asks for the account's share first: with
// none left, nothing is repeated.
func TestNothingIsRepeatedWithoutAShare(t *testing.T) {
	hangUp := func(http.ResponseWriter, *http.Request, stored) bool { panic(http.ErrAbortHandler) }
	cases := map[string]struct {
		store func(http.ResponseWriter, *http.Request, stored) bool
		fault *metasim.Fault
		run   func(w *world) (transfer.Report, error)
		gets  int // requests to the store
		posts int // requests to Meta that carry the file
	}{
		"opening a file": {store: hangUp, run: (*world).postNote, gets: 1},
		"opening a URL":  {store: hangUp, run: (*world).postLink, gets: 1},
		"resuming a file that breaks off": {store: func(w http.ResponseWriter, r *http.Request, o stored) bool {
			return closesRanges(w, r, o)
		}, run: (*world).postLarge, gets: 1, posts: 1},
		"the headers of a file for reuse": {store: hangUp, run: (*world).postForReuse, gets: 1},
		"an upload": {
			fault: &metasim.Fault{Operation: metasim.OperationUpload, CutAfterBytes: 1 << 20}, run: (*world).postLarge, gets: 1, posts: 1,
		},
		"an upload of template media": {
			fault: &metasim.Fault{Operation: metasim.OperationUploadBytes, CutAfterBytes: 1 << 20}, run: (*world).postTemplate, gets: 2, posts: 1,
		},
		"a verification": {
			fault: &metasim.Fault{Operation: metasim.OperationRetrieve, ErrorCode: 131000, Status: 500}, run: (*world).postVerified, gets: 1, posts: 1,
		},
		"writing an object": {store: func(_ http.ResponseWriter, r *http.Request, _ stored) bool {
			if r.Method == http.MethodPut {
				panic(http.ErrAbortHandler)
			}
			return false
		}, run: (*world).fetchNote, gets: 1, posts: 1}, // the POST made the file
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.spendShare()
			w.simulator.Reset()
			w.store.failWith(c.store)
			if c.fault != nil {
				_, err := w.simulator.AddFault(*c.fault)
				w.must(err)
			}
			report, err := c.run(w)
			if err == nil {
				t.Error("it succeeded")
			}
			posts := w.requests(metasim.OperationUpload) + w.requests(metasim.OperationUploadBytes)
			if sent := w.store.sent(); len(sent) != c.gets || posts != c.posts || len(report.Retried) != 0 {
				t.Errorf("the store saw %q, Meta %d; want %d and %d; retried %v", sent, posts, c.gets, c.posts, report.Retried)
			}
			if retrieved := w.requests(metasim.OperationRetrieve); name == "a verification" && retrieved != 1 {
				t.Errorf("the metadata was requested %d times", retrieved)
			}
		})
	}
}

func (w *world) postNote() (transfer.Report, error) {
	w.store.put("note.txt", "text/plain", text)
	_, report, err := w.engine.Post(w.t.Context(), w.job("note.txt"))
	return report, err
}

func (w *world) postLarge() (transfer.Report, error) {
	w.store.put("large.txt", "text/plain", bytes.Repeat(text, 6000))
	_, report, err := w.engine.Post(w.t.Context(), w.job("large.txt"))
	return report, err
}

func (w *world) postLink() (transfer.Report, error) {
	w.store.put("note.txt", "text/plain", text)
	link, err := w.objects.URL(w.presign("note.txt"), map[string]string{"Content-Type": "text/plain"})
	w.must(err)
	job := w.job("note.txt")
	job.Source = link
	_, report, err := w.engine.Post(w.t.Context(), job)
	return report, err
}

func (w *world) postForReuse() (transfer.Report, error) {
	w.store.put("note.txt", "text/plain", text)
	job := w.job("note.txt")
	job.Reuse = true
	_, report, err := w.engine.Post(w.t.Context(), job)
	return report, err
}

func (w *world) postVerified() (transfer.Report, error) {
	w.store.put("note.txt", "text/plain", text)
	job := w.job("note.txt")
	job.Verify = true
	_, report, err := w.engine.Post(w.t.Context(), job)
	return report, err
}

func (w *world) postTemplate() (transfer.Report, error) {
	w.store.put("large.pdf", "application/pdf", pdf(8<<20))
	_, report, err := w.engine.PostTemplate(w.t.Context(), w.job("large.pdf"))
	return report, err
}

func (w *world) fetchNote() (transfer.Report, error) {
	w.store.put("note.txt", "text/plain", text)
	posted, _, err := w.engine.Post(w.t.Context(), w.job("note.txt"))
	w.must(err)
	w.store.forget()
	job := w.job("note.txt")
	job.MediaID = posted.ID
	job.Destination = func(string) (object.Sink, error) { return w.objects.FileSink("media", "copy.txt") }
	_, report, err := w.engine.Fetch(w.t.Context(), job)
	return report, err
}

// net/http repeats a GET by itself when an idle connection turns out to be closed,
// once for each of them.
func TestRequestsThatNetHTTPRepeatsCountToo(t *testing.T) {
	for name, onlyRanges := range map[string]bool{"all requests": false, "requests for ranges": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.store.put("a.pdf", "application/pdf", pdf(300<<10))
			const idle = 20
			var together sync.WaitGroup
			together.Add(idle)
			w.store.failWith(func(http.ResponseWriter, *http.Request, stored) bool {
				together.Done()
				together.Wait()
				return false
			})
			var group sync.WaitGroup
			for range idle {
				group.Go(func() { _, _ = w.job("a.pdf").Source.Stat(t.Context()) })
			}
			group.Wait()
			w.store.forget()
			w.store.failWith(func(_ http.ResponseWriter, r *http.Request, _ stored) bool {
				if !onlyRanges || r.Header.Get("Range") != "" {
					panic(http.ErrAbortHandler)
				}
				return false
			})
			_, report, err := w.engine.Post(t.Context(), w.job("a.pdf"))
			if sent := len(w.store.sent()); sent > transfer.MaxGets || report.Gets != sent {
				t.Errorf("the store saw %d requests, the report says %d", sent, report.Gets)
			}
			if onlyRanges != (err == nil) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestDigestReadLeavesARequestForTheUpload(t *testing.T) {
	w := newWorld(t)
	data := bytes.Repeat(text, 200)
	w.store.put("known.txt", "text/plain", data)
	job := w.job("known.txt")
	job.Reuse = true
	_, _, err := w.engine.Post(t.Context(), job)
	w.must(err)
	other := bytes.Clone(data) // of the same size, so that it is read for its digest
	other[100] = 'x'
	w.store.put("new.txt", "text/plain", other)
	gets := 0
	w.store.failWith(func(rw http.ResponseWriter, r *http.Request, o stored) bool {
		if gets++; r.Method != http.MethodGet || gets > 5 { // HEAD, GET, and three range requests
			return false
		}
		return closesRanges(rw, r, o)
	})
	w.store.forget()
	job = w.job("new.txt")
	job.Reuse = true
	_, report, err := w.engine.Post(t.Context(), job)
	if err != nil || report.Posts != 1 || len(report.Retried) != 1 || report.Gets != transfer.MaxGets {
		t.Errorf("%v, %+v, %q", err, report, w.store.sent())
	}
}

func TestInspectionSaysThatTheLimitOfRequestsStoppedIt(t *testing.T) {
	w := newWorld(t)
	w.store.put("a.pdf", "application/pdf", pdf(300<<10))
	job := w.job("a.pdf")
	job.MaxGets = 1
	_, report, err := w.engine.Post(t.Context(), job)
	if err != nil || len(report.File.Unchecked) == 0 || !strings.Contains(report.File.Unchecked[0], "limit of requests") {
		t.Errorf("%v, %q", err, report.File.Unchecked)
	}
}

func TestSharedHeadRequestIsRetriedWithEachCallersOwnBudget(t *testing.T) {
	w := newWorld(t)
	w.store.put("note.txt", "text/plain", text)
	failed := false
	w.store.failWith(func(rw http.ResponseWriter, r *http.Request, _ stored) bool {
		if r.Method == http.MethodHead && !failed {
			failed = true
			rw.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	})
	job := w.job("note.txt")
	job.Reuse = true
	_, report, err := w.engine.Post(t.Context(), job)
	if err != nil || len(report.Retried) != 1 {
		t.Errorf("%v, %+v", err, report)
	}
}

func TestPanicEndsATransferWithAReport(t *testing.T) {
	w := newWorld(t)
	w.store.put("note.txt", "text/plain", text)
	posted, _, err := w.engine.Post(t.Context(), w.job("note.txt"))
	w.must(err)
	job := w.job("note.txt")
	job.MediaID = posted.ID
	job.Destination = func(string) (object.Sink, error) { panic("a mistake") }
	_, report, err := w.engine.Fetch(t.Context(), job)
	failed, ok := errors.AsType[*transfer.Error](err)
	if !ok || failed.Kind != transfer.Internal || !strings.Contains(failed.Cause.Error(), "a mistake") || report.MediaID != posted.ID || len(report.MetaTraces) != 1 {
		t.Errorf("%v, %+v", err, report)
	}
}

var errStopped = errors.New("the server was stopped")

func TestVerificationThatIsInterruptedIsNotBlamedOnMeta(t *testing.T) {
	w := newWorld(t)
	w.store.put("note.txt", "text/plain", text)
	ctx, stop := context.WithCancelCause(t.Context())
	w.observeMeta(func(operation string) {
		if operation == "upload" {
			stop(errStopped)
		}
	})
	job := w.job("note.txt")
	job.Verify = true
	_, report, err := w.engine.Post(ctx, job)
	if _, blamed := errors.AsType[*transfer.Error](err); blamed || !errors.Is(err, errStopped) || report.MediaID == "" {
		t.Errorf("%v, %+v", err, report)
	}
	if w.requests(metasim.OperationDelete) != 1 {
		t.Error("the upload was not deleted after the interruption")
	}
}

func TestUploadsThatShareOneAlsoShareItsFindings(t *testing.T) {
	w := newWorld(t)
	w.store.put("a.pdf", "application/pdf", pdf(300<<10))
	reached, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.store.failWith(func(_ http.ResponseWriter, r *http.Request, _ stored) bool {
		if r.Method == http.MethodGet && r.Header.Get("Range") != "" {
			once.Do(func() { close(reached); <-release })
			panic(http.ErrAbortHandler) // what is at the end cannot be read
		}
		return false
	})
	job := w.job("a.pdf")
	job.Reuse = true
	job.MaxGets = 4
	reports := make([]transfer.Report, 2)
	var group sync.WaitGroup
	post := func(i int) {
		var err error
		if _, reports[i], err = w.engine.Post(t.Context(), job); err != nil {
			t.Error(err)
		}
	}
	group.Go(func() { post(0) })
	<-reached
	group.Go(func() { post(1) })
	for len(w.store.sent()) < 4 { // the second call's HEAD request, after HEAD, GET and the range of the first
		select {
		case <-t.Context().Done():
			t.Fatal("the second call did not ask for the headers")
		default:
		}
	}
	close(release)
	group.Wait()
	for i, report := range reports {
		if len(report.File.Unchecked) == 0 {
			t.Errorf("call %d: %+v", i, report)
		}
	}
	if w.requests(metasim.OperationUpload) != 1 || reports[0].Reused == reports[1].Reused {
		t.Errorf("%d uploads, reused %t and %t", w.requests(metasim.OperationUpload), reports[0].Reused, reports[1].Reused)
	}
}
