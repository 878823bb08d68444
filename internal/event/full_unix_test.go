//go:build unix

package event_test

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ferry/internal/event"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

// inOwnProcess runs the test that calls it in a process of its own, whose limits are not those
// of the other tests and of the files that the test binary itself writes. It reports whether
// it has, so that the caller returns.
func inOwnProcess(t *testing.T) bool {
	t.Helper()
	const variable = "FERRY_TEST_IN_OWN_PROCESS"
	if os.Getenv(variable) != "" {
		return false
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=2m")
	child.Env = append(os.Environ(), variable+"=1")
	out, err := child.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
	return true
}

// limitFiles lets no file of this process grow beyond a size until the returned function
// is called: what a write has for room, it writes.
func limitFiles(t *testing.T, size uint64) (restore func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	limit := was
	limit.Cur = size
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
			t.Error(err)
		}
	}
}

// Another process may have written to the file meanwhile, or truncated it.
func TestLineThatDoesNotFitOnTheDiskIsWrittenAgainAndCutsNothing(t *testing.T) {
	if inOwnProcess(t) {
		return
	}
	path := filepath.Join(t.TempDir(), "events.jsonl")
	to := event.NewLogFile(path)
	write := func(line string) error { return to.WriteLine([]byte(line + "\n")) }
	if err := write(`{"n":1}`); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 0); err != nil { // as copytruncate does
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("{\"n\":2222}\n"), 0o600); err != nil { // another process
		t.Fatal(err)
	}
	restore := limitFiles(t, 15)
	first, second := write(`{"n":3}`), write(`{"n":3}`)
	restore()
	if first == nil || second == nil {
		t.Errorf("without room: %v, %v", first, second)
	}
	if err := write(`{"n":3}`); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Split(string(text), "\n"), []string{`{"n":2222}`, `{"n"`, `{"n":3}`, ""}; !slices.Equal(got, want) {
		t.Errorf("the file has %q; expected %q", got, want)
	}
}

// SQLite cannot write a byte, as with a quota that is used up: the free space does not
// say so.
func TestWebhookIsNotAcknowledgedUntilItCanBeWritten(t *testing.T) {
	if inOwnProcess(t) {
		return
	}
	var elapsed atomic.Int64
	r := newReceiver(t, statetest.SQLite.Open(t, state.Config{
		Path: filepath.Join(t.TempDir(), "ferry.db"), Now: func() time.Time { return time.Now().Add(time.Duration(elapsed.Load())) },
	}))
	r.want(200, bodyWith(messages(text("wamid.1"))))
	restore := limitFiles(t, 1)
	for range 2 { // the first one fails to write, the second one is refused at once
		r.wantRefused("wamid.2")
	}
	elapsed.Add(int64(time.Second)) // another write is tried
	r.wantRefused("wamid.2")
	r.wantStored("wamid.1")
	restore()
	elapsed.Add(int64(time.Second))
	r.want(200, bodyWith(messages(text("wamid.2"))))
	r.wantStored("wamid.1", "wamid.2")
}
