// Lines of JSON, in a file or on standard output.

package event

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

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
