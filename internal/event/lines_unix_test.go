//go:build unix

package event_test

import (
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"ferry/internal/event"
)

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
