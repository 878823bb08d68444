package event

import (
	"context"

	"ferry/internal/state"
)

type panicking struct{}

func (panicking) send(context.Context, *state.Event) error { panic("poison") }
func (panicking) close()                                   {}

// Panic makes every attempt for a destination of the configuration panic.
func (d *Deliverer) Panic() {
	for name, to := range d.configured {
		to.sender = panicking{}
		d.configured[name] = to
	}
}

// DetailOf returns the detail-type and the detail of an event on EventBridge.
func DetailOf(e *state.Event) (kind, text string, err error) {
	d, err := newDetail(e)
	return d.kind, d.text, err
}

// GroupID and RetryAfter are exported for tests.
var (
	GroupID    = groupID
	RetryAfter = retryAfter
)

// LogFile is the file of a destination.
type LogFile struct{ file *logFile }

// NewLogFile returns the file at a path.
func NewLogFile(path string) LogFile { return LogFile{&logFile{path: path}} }

// WriteLine writes a line as a destination does.
func (f LogFile) WriteLine(line []byte) error { return f.file.writeLine(line) }
