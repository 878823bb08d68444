package ferrytest

import (
	"bytes"
	"sync"
	"testing"
)

// maxLine bounds a line of a program's output, in bytes. Longer ones are broken.
const maxLine = 64 << 10

// lines writes what a program prints to the log of a test, line by line.
type lines struct {
	t    testing.TB
	name string

	mu    sync.Mutex
	rest  []byte
	ended bool
}

func newLines(t testing.TB, name string) *lines { return &lines{t: t, name: name} }

// Write implements [io.Writer].
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return len(p), nil
	}
	l.rest = append(l.rest, p...)
	for {
		line, rest, found := bytes.Cut(l.rest, []byte("\n"))
		if !found && len(l.rest) < maxLine {
			return len(p), nil
		}
		l.t.Logf("%s: %s", l.name, line)
		l.rest = rest
	}
}

// end writes what has no end of line, and drops what comes later, since the test is over.
func (l *lines) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.rest) > 0 && !l.ended {
		l.t.Logf("%s: %s", l.name, l.rest)
	}
	l.ended = true
}
