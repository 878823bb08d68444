package social_test

import (
	"database/sql"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/socialmessaging"
)

// errorsOf makes every call that writes, and returns the responses.
func (w *world) writingCalls() map[string]error {
	_, posted := w.post("a.txt")
	_, deleted := w.client(w.key).DeleteWhatsAppMessageMedia(w.t.Context(), &socialmessaging.DeleteWhatsAppMessageMediaInput{MediaId: aws.String("99"), OriginationPhoneNumberId: &w.phone})
	_, sent := w.client(w.key).SendWhatsAppMessage(w.t.Context(), w.sendInput(textMessage))
	return map[string]error{"PostWhatsAppMessageMedia": posted, "DeleteWhatsAppMessageMedia": deleted, "SendWhatsAppMessage": sent}
}

// isUnavailable reports whether an error is a 503 that says when to retry.
func isUnavailable(err error) bool {
	response, ok := errors.AsType[*awshttp.ResponseError](err)
	exception, named := socialmessaging.AsException(err)
	return ok && named && response.HTTPStatusCode() == http.StatusServiceUnavailable &&
		exception.Code == "ServiceUnavailable" && response.Response.Header.Get("Retry-After") == "5"
}

// uploads returns the number of files that were uploaded to WhatsApp, and of those
// that were deleted again.
func (w *world) uploads() (posted, deleted int) {
	for _, request := range w.simulator.Requests() {
		switch {
		case request.Method == http.MethodPost && strings.HasSuffix(request.Path, "/media"):
			posted++
		case request.Method == http.MethodDelete:
			deleted++
		}
	}
	return posted, deleted
}

// A test without root: the file system says that it is full.
func TestFullDiskIsRefusedBeforeTheUpload(t *testing.T) {
	var free, elapsed atomic.Int64
	free.Store(1 << 30)
	w := newWorld(t, func(s *settings) {
		s.database.Path = filepath.Join(t.TempDir(), "ferry.db")
		s.database.Filesystem = func(string) (state.Filesystem, error) { return state.Filesystem{Free: uint64(free.Load())}, nil }
		s.database.Now = func() time.Time { return time.Now().Add(time.Duration(elapsed.Load())) }
	})
	w.put("a.txt", "text/plain", []byte("hello"))
	free.Store(1 << 20)
	elapsed.Add(int64(time.Second))
	for operation, err := range w.writingCalls() {
		if !isUnavailable(err) {
			t.Errorf("%s on a full disk: %v", operation, err)
		}
	}
	if posted, deleted := w.uploads(); posted+deleted > 0 {
		t.Errorf("%d uploads and %d deletions on a full disk", posted, deleted)
	}
	if _, err := w.client(w.key).ListLinkedWhatsAppBusinessAccounts(t.Context(), &socialmessaging.ListLinkedWhatsAppBusinessAccountsInput{}); err != nil {
		t.Errorf("reading on a full disk: %v", err)
	}
	if log := w.log.String(); !strings.Contains(log, "Free some space") {
		t.Errorf("the log does not say what to do: %s", log)
	}
	free.Store(1 << 30)
	elapsed.Add(int64(time.Second))
	if _, err := w.post("a.txt"); err != nil {
		t.Errorf("a second after there is space again: %v", err)
	}
}

// A real file system of 8 MiB: SQLite cannot write the record of an upload.
func TestUploadThatCannotBeRecordedIsDeletedAtWhatsApp(t *testing.T) {
	directory := smallDisk(t)
	w := newWorld(t, func(s *settings) {
		s.database.Path = filepath.Join(directory, "ferry.db")
		s.database.Filesystem = func(string) (state.Filesystem, error) { return state.Filesystem{Free: 1 << 30}, nil } // as with a quota
	})
	w.put("a.txt", "text/plain", []byte("hello"))
	gone, err := w.post("a.txt")
	if err != nil {
		t.Fatal(err)
	}
	w.must(w.graph.DeleteMedia(t.Context(), gone, "1", secret.New(metaToken))) // not through the API
	_, before := w.uploads()
	freeSpace := fillDisk(t, directory)
	var failed error
	for i := 0; failed == nil && i < 1000; i++ { // what SQLite's log has room for is still recorded
		_, failed = w.post("a.txt")
	}
	if !isUnavailable(failed) {
		t.Fatalf("an upload on a full disk: %v", failed)
	}
	posted, deleted := w.uploads()
	if deleted-before != 1 {
		t.Errorf("%d files were deleted again at WhatsApp after one could not be recorded", deleted-before)
	}
	_, err = w.get(&socialmessaging.GetWhatsAppMessageMediaInput{MediaId: &gone, OriginationPhoneNumberId: &w.phone, MetadataOnly: aws.Bool(true)})
	if exception, ok := socialmessaging.AsException(err); !ok || exception.Code != "ResourceNotFoundException" {
		t.Errorf("reading a file that WhatsApp does not have on a full disk: %v", err)
	}
	for operation, err := range w.writingCalls() {
		if !isUnavailable(err) {
			t.Errorf("%s on a full disk: %v", operation, err)
		}
	}
	if now, _ := w.uploads(); now != posted {
		t.Errorf("retries uploaded the file %d more times", now-posted)
	}
	if _, err := w.client(w.key).ListLinkedWhatsAppBusinessAccounts(t.Context(), &socialmessaging.ListLinkedWhatsAppBusinessAccountsInput{}); err != nil {
		t.Errorf("reading on a full disk: %v", err)
	}
	freeSpace()
	freed := time.Now()
	for {
		_, err := w.post("a.txt")
		if err == nil {
			break
		}
		if time.Since(freed) > 5*time.Second {
			t.Fatalf("five seconds after there is space again: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// smallDisk mounts a file system of 8 MiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("a small file system can be mounted only by root on Linux")
	}
	directory := t.TempDir()
	if err := syscall.Mount("tmpfs", directory, "tmpfs", 0, "size=8m"); err != nil {
		t.Skip("this machine does not allow root to mount a file system: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(directory, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return directory
}

// fillDisk fills a file system. The returned function frees it again.
func fillDisk(t *testing.T, directory string) (freeSpace func()) {
	t.Helper()
	file, err := os.Create(filepath.Join(directory, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	piece := make([]byte, 4096)
	for err == nil {
		_, err = file.Write(piece)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(file.Close(), os.Remove(file.Name())); err != nil {
			t.Error(err)
		}
	}
}

// The number of an upload in progress is removed by another process.
func TestUploadWhoseRecordIsRefusedIsDeletedAtWhatsApp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ferry.db")
	w := newWorld(t, func(s *settings) { s.database.Path = path })
	w.put("a.txt", "text/plain", []byte("hello"))
	if _, err := w.post("a.txt"); err != nil { // the number is remembered for a second
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, query := range []string{`DELETE FROM media`, `DELETE FROM phone_number`} {
		if _, err := db.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	_, err = w.post("a.txt")
	exception, ok := socialmessaging.AsException(err)
	if !ok || exception.Code != "InternalServiceException" || !strings.Contains(exception.Message, "deleted the file at WhatsApp again") {
		t.Errorf("the upload: %v", err)
	}
	if posted, deleted := w.uploads(); posted != 2 || deleted != 1 {
		t.Errorf("%d uploads and %d deletions", posted, deleted)
	}
}
