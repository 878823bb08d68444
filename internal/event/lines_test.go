package event_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ferry/internal/event"
	"ferry/internal/outbox"
)

// linesOf returns the lines of a file.
func linesOf(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func file(path string) event.Destination {
	return event.Destination{Name: "file", Type: event.File, Path: path, Accounts: []string{account}}
}

func TestFileHasOneLinePerEventAndIsOpenedAgainWhenItWasRenamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	w := newWorld(t, event.DelivererConfig{}, file(path))
	send := func(body string) {
		t.Helper()
		if err := w.attempt("status.sent", []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	send("{\"a\": \"\\u00e4\\ud83d\",\n\t\"b\":1}")
	send(`{"n":2}`)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	send(`{"n":3}`)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	send(`{"n":4}`)
	first, second := linesOf(t, path+".1"), linesOf(t, path)
	if len(first) != 2 || len(second) != 1 || !strings.HasSuffix(first[0], `,"name":"status.sent","event":{"a":"\u00e4\ud83d","b":1}}`) || !strings.HasSuffix(second[0], `{"n":4}}`) {
		t.Errorf("%q, then %q", first, second)
	}
	var line struct{ ID string }
	if err := json.Unmarshal([]byte(first[1]), &line); err != nil || len(line.ID) != 36 {
		t.Errorf("%s: %v", first[1], err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestLineThatACrashCutOffDoesNotSpoilTheNextOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	if err := os.WriteFile(path, []byte(`{"id":"1","na`), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, event.DelivererConfig{}, file(path))
	if err := w.attempt("status.sent", nil); err != nil {
		t.Fatal(err)
	}
	if got := linesOf(t, path); len(got) != 2 || !json.Valid([]byte(got[1])) {
		t.Errorf("%q", got)
	}
}

// It is what copytruncate of logrotate does.
func TestFileThatWasCopiedAndTruncatedContinuesAtItsBeginning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	w := newWorld(t, event.DelivererConfig{}, file(path))
	for n := range 3 {
		if err := w.attempt("status.sent", fmt.Appendf(nil, `{"n":%d}`, n)); err != nil {
			t.Fatal(err)
		}
		if n == 1 {
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := linesOf(t, path); len(got) != 1 || !strings.HasPrefix(got[0], `{"id":`) || !strings.HasSuffix(got[0], `{"n":2}}`) {
		t.Errorf("%q", got)
	}
}

// A program that rotates a file may compress it at once, and then remove it.
func TestNoLineIsLostInAFileThatIsRenamedAndReadAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	to := event.NewLogFile(path)
	const count = 30
	var rotated []byte
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if os.Rename(path, path+".1") == nil {
				text, err := os.ReadFile(path + ".1")
				if err != nil {
					t.Error(err)
				}
				rotated = append(rotated, text...)
				time.Sleep(time.Millisecond) // a writer whose file is renamed each time reports each line as not written
			}
		}
	}()
	written := 0
	for n := 0; written < count && n < 100*count; n++ {
		if to.WriteLine(fmt.Appendf(nil, "{\"n\":%d}\n", n)) == nil {
			written++
		}
	}
	close(stop)
	<-stopped
	rest, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	found := make(map[string]bool)
	for line := range strings.Lines(string(append(rotated, rest...))) {
		found[line] = true
	}
	if len(found) < written || written == 0 {
		t.Errorf("%d of %d lines that were written are there", len(found), written)
	}
}

func TestFileOfSomethingElseIsNotWrittenTo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ferry.db")
	const text = "SQLite format 3"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, event.DelivererConfig{}, file(path))
	err := w.attempt("status.sent", nil)
	if _, isRetried := retryIn(err); !isRetried || !strings.Contains(err.Error(), "does not begin with a line of JSON") {
		t.Error(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != text {
		t.Errorf("the file has %q, %v", got, err)
	}
}

func TestTwoDestinationsCannotHaveTheSameFile(t *testing.T) {
	directory := t.TempDir()
	in := func(name string) string { return filepath.Join(directory, name) }
	for _, err := range []error{
		os.Mkdir(in("real"), 0o700), os.WriteFile(in("real/there"), nil, 0o600),
		os.Symlink(in("real"), in("folder")), os.Symlink("real/there", in("link")), os.Symlink("real/new", in("dangling")), os.Symlink("loop", in("loop")),
		os.Link(in("real/there"), in("hard")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{in("new"), in("new"), true},
		{in("new"), directory + "//x/.././new", true},
		{in("real/there"), in("link"), true},
		{in("real/there"), in("hard"), true},
		{in("real/new"), in("folder/new"), true},
		{in("real/new"), in("dangling"), true},
		{in("real/none/new"), in("folder/none/new"), true},
		{in("new"), in("real/new"), false},
		{in("link"), in("dangling"), false},
		{in("loop"), in("loop/x"), false},
	} {
		a, b := file(test.a), file(test.b)
		a.Name, b.Name = "one", "two"
		err := event.CheckDestinations([]event.Destination{a, b})
		if is := err != nil && strings.Contains(err.Error(), `"one" and "two" have the same file`); is != test.want || err != nil && !is {
			t.Errorf("%s and %s: %v; expected a refusal: %v", test.a, test.b, err, test.want)
		}
	}
}

func TestFileThatCannotBeWrittenIsRetriedWithTheCause(t *testing.T) {
	directory := t.TempDir()
	for path, want := range map[string]string{
		filepath.Join(directory, "missing", "events.jsonl"): "no such file or directory",
		directory: "not a file",
	} {
		w := newWorld(t, event.DelivererConfig{}, file(path))
		err := w.attempt("status.sent", nil)
		if _, isRetried := retryIn(err); !isRetried || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	w := newWorld(t, event.DelivererConfig{}, file("/dev/full"))
	if err := w.attempt("status.sent", nil); err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Errorf("a device: %v", err)
	}
	w = newWorld(t, event.DelivererConfig{}, file(filepath.Join(directory, "events.jsonl")))
	if err := w.attempt("status.sent", []byte(`{"not":`)); !errors.Is(err, outbox.ErrNever) {
		t.Errorf("an event that is no JSON: %v", err)
	}
}

func TestStandardOutputThatNobodyReadsHoldsUpOnlyItself(t *testing.T) {
	var out bytes.Buffer
	isRead := make(chan struct{})
	d := stdout("out", account)
	d.Timeout = 1e9
	w := newWorld(t, event.DelivererConfig{Stdout: func(line []byte) error {
		<-isRead
		out.Write(line)
		return nil
	}}, d)
	for range 2 {
		if _, isRetried := retryIn(w.attempt("status.sent", nil)); !isRetried {
			t.Error("a line that nobody reads was delivered")
		}
	}
	close(isRead)
	if err := w.attempt("status.read", nil); err != nil {
		t.Error(err)
	}
	if got := strings.Count(out.String(), "\n"); got != 2 { // the one that hung, and the last
		t.Errorf("%d lines", got)
	}
}

// A panic while an event is written holds up no other event.
func TestEventThatPanicsIsADeadLetter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	w := newWorld(t, event.DelivererConfig{}, file(path))
	e := w.newEvent("status.sent", "1", nil)
	w.add(e)
	w.deliverer.Panic()
	err := w.deliverer.Deliver(context.Background(), outbox.Delivery{EventID: e.ID, Destination: e.Destinations[0]})
	if !errors.Is(err, outbox.ErrNever) || !strings.Contains(err.Error(), "Its log has the cause") {
		t.Error(err)
	}
}
