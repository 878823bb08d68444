package logqueue_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"ferry/internal/logqueue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func jsonLines(w io.Writer) slog.Handler {
	return slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug})
}

// line is one line of a log.
type line struct {
	Msg       string
	N         int
	Lines     int
	LastError string `json:"last_error"`
}

// parse returns the lines of a log, all of which must be whole.
func parse(t *testing.T, log string) []line {
	t.Helper()
	if log != "" && !strings.HasSuffix(log, "\n") {
		t.Errorf("the log ends within a line: %q", log[max(0, len(log)-80):])
	}
	var lines []line
	for text := range strings.Lines(log) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%v: %q", err, text)
		}
		lines = append(lines, l)
	}
	return lines
}

// gate is a writer that blocks until it is opened, like a pipe that nobody reads.
type gate struct {
	open chan struct{}
	text bytes.Buffer
}

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	return g.text.Write(p)
}

func TestNobodyWaitsForAReaderThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := newGate()
		queue := logqueue.New(out, jsonLines)
		log := slog.New(queue.Handler())
		const lines = 50_000 // several MiB
		for i := range lines {
			log.Info("request", "n", i)
		}
		close(out.open)
		synctest.Wait()
		log.Info("after")
		if err := queue.Close(); err != nil {
			t.Fatal(err)
		}
		written := parse(t, out.text.String())
		next, dropped := 0, 0
		for i, l := range written {
			switch {
			case l.Lines > 0:
				dropped += l.Lines
			case l.Msg == "after":
				if i != len(written)-1 {
					t.Errorf("line %d of %d is the last that was added", i, len(written))
				}
			case l.N != next:
				t.Fatalf("line %d follows line %d", l.N, next-1)
			default:
				next++
			}
		}
		if dropped == 0 || next+dropped != lines {
			t.Errorf("%d lines are written and %d reported as dropped, of %d", next, dropped, lines)
		}
		if size := out.text.Len(); size > 1<<20+1000 {
			t.Errorf("%d bytes were kept in memory", size)
		}
	})
}

func TestImportantLinesFindRoomWhenOthersDoNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := newGate()
		queue := logqueue.New(out, jsonLines)
		log := slog.New(queue.Handler()).With("a", 1).WithGroup("g")
		filler := strings.Repeat("x", 1000)
		for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn} {
			for range 2000 {
				log.Log(t.Context(), level, level.String(), "text", filler)
			}
		}
		close(out.open)
		if err := queue.Close(); err != nil {
			t.Fatal(err)
		}
		count := map[string]int{}
		for _, l := range parse(t, out.text.String()) {
			count[l.Msg]++
		}
		if count["DEBUG"] < 400 || count["INFO"] < 200 || count["WARN"] < 200 {
			t.Errorf("written by level: %v; want the first half of the memory for DEBUG, a quarter for INFO, the rest for WARN", count)
		}
	})
}

// failing is a writer that fails until it is mended.
type failing struct {
	mu    sync.Mutex
	err   error
	short bool // writes half of the bytes before it fails
	text  bytes.Buffer
	tries int
}

func (f *failing) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tries++
	if f.err == nil {
		return f.text.Write(p)
	}
	n := 0
	if f.short {
		n, _ = f.text.Write(p[:len(p)/2])
	}
	f.short = false
	return n, f.err
}

func (f *failing) mend() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = nil
}

func TestWriteErrorIsRetriedAndLosesNothing(t *testing.T) {
	for name, out := range map[string]*failing{
		"a full disk, after half a line": {err: syscall.ENOSPC, short: true},
		"a pipe without a reader":        {err: syscall.EPIPE},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				queue := logqueue.New(out, jsonLines)
				log := slog.New(queue.Handler())
				for i := range 100 {
					log.Info("request", "n", i)
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				if out.tries > 3601 {
					t.Errorf("%d tries in an hour", out.tries)
				}
				out.mend()
				time.Sleep(time.Second)
				synctest.Wait()
				written := parse(t, out.text.String())
				if len(written) != 100 {
					t.Fatalf("%d of 100 lines are written a second after the writer works again", len(written))
				}
				for i, l := range written {
					if l.N != i {
						t.Errorf("line %d is %+v", i, l)
					}
				}
				if err := queue.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestNoticeSaysWhyLinesWereDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &failing{err: syscall.ENOSPC}
		queue := logqueue.New(out, jsonLines)
		log := slog.New(queue.Handler())
		for i := range 50_000 {
			log.Info("request", "n", i)
		}
		time.Sleep(time.Minute)
		out.mend()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		written := parse(t, out.text.String())
		last := written[len(written)-1]
		if last.Lines != 50_000-len(written)+1 || last.LastError != syscall.ENOSPC.Error() {
			t.Errorf("the last of %d lines is %+v", len(written), last)
		}
		_ = queue.Close()
	})
}

func TestCloseIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		out   io.Writer
		limit time.Duration
	}{
		"by a reader that does not read": {newGate(), time.Second},
		"by a writer that fails":         {&failing{err: errors.New("broken")}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if g, ok := c.out.(*gate); ok {
					g.open = make(chan struct{}) // of this bubble
					defer close(g.open)
				}
				queue := logqueue.New(c.out, jsonLines)
				fmt.Fprintln(queue, "the last words")
				synctest.Wait()
				started := time.Now()
				err := queue.Close()
				if took := time.Since(started); err == nil || took > c.limit {
					t.Errorf("Close returns %v after %v", err, took)
				}
			})
		})
	}
}

func TestConcurrentLinesAreWhole(t *testing.T) {
	var out bytes.Buffer
	queue := logqueue.New(&out, jsonLines)
	log := slog.New(queue.Handler())
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for i := range 100 {
				log.Warn("request", "n", i)
			}
		})
	}
	group.Wait()
	if err := queue.Close(); err != nil {
		t.Fatal(err)
	}
	if written := parse(t, out.String()); len(written) != 800 {
		t.Errorf("%d of 800 lines are written", len(written))
	}
}

func TestLinesThatAreBeingWrittenDoNotChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := writer(func(p []byte) {
			before := bytes.Clone(p)
			time.Sleep(time.Second)
			if !bytes.Equal(before, p) {
				t.Errorf("%q became %q while it was written", before, p)
			}
		})
		queue := logqueue.New(out, jsonLines)
		for i := range 10 {
			fmt.Fprintln(queue, "first", i)
			synctest.Wait() // it is being written
			fmt.Fprintln(queue, "later", i)
			if i%2 == 0 {
				time.Sleep(time.Minute) // everything is written
			}
		}
		_ = queue.Close()
		time.Sleep(time.Minute)
	})
}

func TestLineAfterCloseIsDropped(t *testing.T) {
	var out bytes.Buffer
	queue := logqueue.New(&out, jsonLines)
	for range 2 {
		if err := queue.Close(); err != nil {
			t.Error(err)
		}
	}
	if n, err := queue.Write([]byte("late\n")); n != 5 || err != nil || out.Len() > 0 {
		t.Errorf("Write = %d, %v; written: %q", n, err, &out)
	}
}

func TestWritesEndWithLines(t *testing.T) {
	var sizes []int
	out := writer(func(p []byte) {
		if !bytes.HasSuffix(p, []byte("\n")) {
			t.Errorf("a write ends within a line")
		}
		sizes = append(sizes, len(p))
	})
	queue := logqueue.New(out, jsonLines)
	long := strings.Repeat("x", 10_000)
	for _, text := range []string{strings.Repeat("short\n", 2000), long + "\n", "short\n" + long + "\n"} {
		_, _ = queue.Write([]byte(text))
	}
	if err := queue.Close(); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, size := range sizes {
		if total += size; size > 4096 && size != len(long)+1 {
			t.Errorf("a write of %d bytes, of several lines", size)
		}
	}
	if total != 12_000+10_001+6+10_001 {
		t.Errorf("%d bytes are written", total)
	}
}

type writer func(p []byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

// twoSteps is a writer that takes a line in two steps, so that what changes a line
// while it is written shows.
type twoSteps struct {
	steps   chan struct{}
	text    bytes.Buffer
	written chan struct{}
}

func (w *twoSteps) Write(line []byte) (int, error) {
	half := len(line) / 2
	w.text.Write(line[:half])
	w.steps <- struct{}{}
	<-w.steps
	w.text.Write(line[half:])
	w.written <- struct{}{}
	return len(line), nil
}

// A line that is added while another one is written does not change it, however
// often the queue was empty before.
func TestLinesThatAreAddedDuringAWriteDoNotChangeIt(t *testing.T) {
	w := &twoSteps{steps: make(chan struct{}), written: make(chan struct{})}
	q := logqueue.New(w, jsonLines)
	log := slog.New(q.Handler())
	step := func() { <-w.steps; w.steps <- struct{}{}; <-w.written }
	log.Info("alone", "n", 0)
	step()
	for n := 1; n < 7; n += 2 {
		log.Info("first", "n", n)
		<-w.steps
		log.Info("second", "n", n+1)
		w.steps <- struct{}{}
		<-w.written
		step()
	}
	if err := q.Close(); err != nil {
		t.Error(err)
	}
	for n, l := range parse(t, w.text.String()) {
		if l.N != n {
			t.Errorf("line %d has the number %d", n, l.N)
		}
	}
}
