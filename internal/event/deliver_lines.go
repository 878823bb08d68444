// Lines of JSON, in a file or on standard output.

package event

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/go-json-experiment/json/jsontext"

	"ferry/internal/state"
)

// lines writes events as lines, one at a time.
type lines struct {
	to lineWriter
	// turn has one element while nobody writes.
	turn chan struct{}
}

// A lineWriter writes whole lines to one place.
type lineWriter interface {
	// writeLine returns when the line is where it is to be kept, or nothing of it is.
	writeLine(line []byte) error
	close()
	fmt.Stringer // for texts
}

func newLines(to lineWriter) *lines {
	l := &lines{to: to, turn: make(chan struct{}, 1)}
	l.turn <- struct{}{}
	return l
}

// close leaves the destination open if a write hangs.
func (l *lines) close() {
	select {
	case <-l.turn:
		l.to.close()
	default:
	}
}

// send writes {"id": …, "name": …, "event": the envelope}. A write that hangs, such as
// to a pipe that nobody reads, continues after the deadline; the next attempt waits for
// it.
func (l *lines) send(ctx context.Context, e *state.Event) error {
	line, err := newLine(e)
	if err != nil {
		f := final("The event is not JSON, so that it cannot be written as a line.")
		f.cause = err
		return f
	}
	select {
	case <-l.turn:
	case <-ctx.Done():
		return retryLater(ctx.Err(), "%s accepts no more lines. Check that somebody reads it, and its disk.", l.to)
	}
	written := make(chan error, 1)
	go func() {
		defer func() { l.turn <- struct{}{} }()
		written <- l.to.writeLine(line)
	}()
	select {
	case err = <-written:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		if path, ok := errors.AsType[*fs.PathError](err); ok {
			err = path.Err
		}
		return retryLater(err, "The event could not be written to %s: %v.", l.to, err)
	}
	return nil
}

// newLine returns an event as a line.
func newLine(e *state.Event) ([]byte, error) {
	envelope := jsontext.Value(bytes.Clone(e.Body))
	if err := envelope.Compact(lenient); err != nil { // it then has no line breaks
		return nil, err
	}
	line := append([]byte(nil), `{"id":`...)
	line, err := jsontext.AppendQuote(line, e.ID)
	if err != nil {
		return nil, err
	}
	line = append(line, `,"name":`...)
	if line, err = jsontext.AppendQuote(line, e.Name); err != nil {
		return nil, err
	}
	line = append(line, `,"event":`...)
	return append(append(line, envelope...), "}\n"...), nil
}

// stdout is standard output.
type stdout struct{ write func(line []byte) error }

func (s stdout) writeLine(line []byte) error { return s.write(line) }
func (s stdout) close()                      {}
func (s stdout) String() string              { return "standard output" }

// logFile appends lines to a file, which it opens again when it was renamed or removed,
// as programs that rotate logs do. Lines are on the disk when writeLine returns.
type logFile struct {
	path string
	file *os.File // nil until the first line
	size int64
}

func (f *logFile) String() string { return f.path }

func (f *logFile) close() {
	if f.file != nil {
		_ = f.file.Close() // every line is on the disk
		f.file = nil
	}
}

func (f *logFile) writeLine(line []byte) error {
	if err := f.reopen(); err != nil {
		return err
	}
	n, err := f.file.Write(line)
	if err == nil {
		err = f.file.Sync()
	}
	if err != nil {
		// A part of a line would make the next one unreadable, too. After a failed sync
		// the line may or may not be there: the next attempt writes it again.
		if n > 0 && n < len(line) {
			_ = f.file.Truncate(f.size)
		}
		f.close()
		return err
	}
	f.size += int64(n)
	return nil
}

// reopen opens the file unless the open one is still at the path.
func (f *logFile) reopen() error {
	there, err := os.Stat(f.path)
	if f.file != nil {
		if opened, openedErr := f.file.Stat(); err == nil && openedErr == nil && os.SameFile(there, opened) {
			return nil
		}
		f.close()
	}
	if err == nil && !there.Mode().IsRegular() {
		return &fs.PathError{Op: "open", Path: f.path, Err: errors.New("it is not a file")}
	}
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil {
		err = endLastLine(file, info.Size())
	}
	if err == nil {
		info, err = file.Stat()
	}
	if err != nil {
		return errors.Join(err, file.Close())
	}
	f.file, f.size = file, info.Size()
	return nil
}

// endLastLine adds a line break to a file that ends in the middle of a line, as after
// a crash.
func endLastLine(file *os.File, size int64) error {
	if size == 0 {
		return nil
	}
	var last [1]byte
	if _, err := file.ReadAt(last[:], size-1); err != nil {
		return err
	}
	if last[0] == '\n' {
		return nil
	}
	_, err := file.Write([]byte("\n"))
	return err
}
