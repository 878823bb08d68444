package ferrytest_test

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"ferry/ferrytest"
	"ferry/internal/local"
)

var keptFile = regexp.MustCompile(`ferry dev --load (\S+/world\.ferry)`)

// failedSession is a test in which a picture was sent, and that fails.
func failedSession(t testing.TB) {
	w := ferrytest.Start(t)
	anna := w.Person("+4915112345678")
	post(t, w, w.Sample("sample.jpg"))
	send(t, w, anna, text)
	w.Await(ferrytest.Delivered(anna))
	t.Error("failed on purpose")
}

func TestWorldOfAFailedTestIsKept(t *testing.T) {
	t.Parallel()
	kept := keptFile.FindStringSubmatch(failing(t, failedSession))
	if kept == nil {
		t.Fatal("the failure does not name the file of the world")
	}
	defer func() { _ = os.RemoveAll(filepath.Dir(kept[1])) }()
	world, err := local.Start(t.Context(), local.Config{Load: kept[1]})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = world.Close() }()
	if messages := world.Simulator.Messages(); len(messages) != 1 || messages[0].WAID != "4915112345678" {
		t.Errorf("the world has the messages %+v", messages)
	}
	object, mime, err := world.Object(t.Context(), local.Bucket, "sample.jpg")
	if err != nil || mime != "image/jpeg" {
		t.Fatal(mime, err)
	}
	_ = object.Close()
}

func TestWorldOfAPassedTestIsNotKept(t *testing.T) {
	directory := t.TempDir()
	t.Setenv("TMPDIR", directory)
	if failed := failing(t, func(t testing.TB) { ferrytest.Start(t) }); failed != "" {
		t.Fatal(failed)
	}
	if left, err := os.ReadDir(directory); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// The console shows the failed world until Ctrl-C.
func TestConsoleShowsAFailedWorld(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	t.Setenv("FERRYTEST_CONSOLE", address)
	t.Setenv("TMPDIR", t.TempDir())
	done := make(chan string)
	go func() { done <- failing(t, failedSession) }()
	page := ""
	for deadline := time.Now().Add(time.Minute); !strings.Contains(page, "Person 5678"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the console does not show the message: %s", page)
		}
		if response, err := http.Get("http://" + address + "/messages"); err == nil {
			body, _ := io.ReadAll(response.Body)
			_ = response.Body.Close()
			page = string(body)
		}
	}
	select {
	case <-done:
		t.Fatal("the world did not stay open")
	default:
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	wants(t, <-done, "failed on purpose")
	http.DefaultClient.CloseIdleConnections()
}

func TestConsoleHasNoOtherAddressThanLoopback(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for address, want := range map[string]string{"0.0.0.0:0": "expected a loopback address", "4083": "expected HOST:PORT"} {
		t.Setenv("FERRYTEST_CONSOLE", address)
		wants(t, failing(t, failedSession), want)
	}
}
