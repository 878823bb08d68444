// Package logqueue writes a log without ever making its callers wait for whoever
// reads it. A [Queue] keeps lines in memory, up to a bound, while the reader of
// the log is slow or the disk of the log is full, and drops and counts what does
// not fit.
package logqueue

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	// maxBytes bounds the lines in memory.
	maxBytes = 1 << 20
	// pieceSize is the size of one write, unless a single line is longer: writes of
	// this size to a pipe that several processes share are not mixed
	// (docs/references.md#pipe).
	pieceSize = 4 << 10
	// retryInterval is the time between two tries to write after an error.
	retryInterval = time.Second
	// flushTimeout is how long Close waits for lines to be written.
	flushTimeout = time.Second
)

// shares are the parts of maxBytes that lines may fill, by their level, so that
// a lot of lines of a low level leaves room for the more important ones.
var shares = [...]struct {
	level slog.Level // lowest
	limit int        // bytes
}{
	{slog.LevelWarn, maxBytes},
	{slog.LevelInfo, maxBytes / 4 * 3},
	{slog.LevelDebug, maxBytes / 2},
}

// Queue is a log. It writes whole lines, in the order in which they were added. If
// lines were dropped, it says how many as soon as it can write again.
//
// An error of the writer is not the end: the Queue retries, and keeps
// lines as it does for a slow reader. It is safe for concurrent use.
type Queue struct {
	out    io.Writer
	format func(io.Writer) slog.Handler

	mu        sync.Mutex
	pending   []byte // lines that are not being written yet
	inWriting int    // bytes of the lines that are being written
	dropped   int    // lines, since the last one that says so
	total     int64  // lines that were dropped
	lastError error  // of out, since the last line that says that lines were dropped
	closed    bool

	wake    chan struct{} // has room for one: pending is not empty, or lines were dropped
	closing chan struct{} // closed by Close
	done    chan struct{} // closed when nothing will be written any more
}

// New returns a Queue that writes to out. format returns a handler that writes
// each record as one line, with one call of Write. Close ends the Queue.
func New(out io.Writer, format func(io.Writer) slog.Handler) *Queue {
	q := &Queue{out: out, format: format, wake: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{})}
	go q.run()
	return q
}

// Handler returns a handler that adds records to the queue.
func (q *Queue) Handler() slog.Handler {
	h := handler{}
	for i, share := range shares {
		h[i] = q.format(writerFunc(func(line []byte) { q.add(line, share.limit) }))
	}
	return h
}

// Write adds whole lines, all or none. It never fails and never blocks.
func (q *Queue) Write(lines []byte) (int, error) {
	q.add(lines, maxBytes)
	return len(lines), nil
}

// add adds lines, unless there are more than limit bytes with them.
func (q *Queue) add(lines []byte, limit int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.inWriting+len(q.pending)+len(lines) > limit {
		lost := bytes.Count(lines, []byte("\n"))
		q.dropped += lost
		q.total += int64(lost)
	} else {
		q.pending = append(q.pending, lines...)
	}
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Dropped returns how many lines were dropped.
func (q *Queue) Dropped() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.total
}

// errNotWritten is returned by Close.
var errNotWritten = errors.New("the end of the log could not be written")

// Close writes what is in memory, for at most flushTimeout, and ends the
// Queue. Lines that are added later are dropped.
func (q *Queue) Close() error {
	q.mu.Lock()
	isFirst := !q.closed
	q.closed = true
	q.mu.Unlock()
	if isFirst {
		close(q.closing)
	}
	select {
	case <-q.done:
	case <-time.After(flushTimeout): // a write that blocks ends with the process
		return errNotWritten
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.inWriting > 0 {
		return errNotWritten
	}
	return nil
}

// run writes lines until Close.
func (q *Queue) run() {
	defer close(q.done)
	var buffer []byte
	for isOpen := true; isOpen; {
		select {
		case <-q.wake:
		case <-q.closing:
			isOpen = false
		}
		for {
			lines := q.take(buffer)
			if len(lines) == 0 {
				break
			}
			if !q.write(lines) {
				return
			}
			if buffer = lines[:0]; cap(buffer) > maxBytes/16 {
				buffer = nil // the burst is over
			}
		}
	}
}

// take returns the lines to write, with one that says how many were dropped. If there
// are any, the memory of buffer is for the lines that are added meanwhile.
func (q *Queue) take(buffer []byte) []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.pending) == 0 && q.dropped == 0 {
		return nil
	}
	lines := q.pending
	if q.dropped > 0 {
		lines = append(lines, q.notice()...)
		q.dropped, q.lastError = 0, nil
	}
	q.pending, q.inWriting = buffer, len(lines)
	return lines
}

// notice returns the line that says how many lines were dropped.
func (q *Queue) notice() []byte {
	record := slog.NewRecord(time.Now(), slog.LevelWarn, "lines of this log were dropped here, because they could not be written fast enough", 0)
	record.AddAttrs(slog.Int("lines", q.dropped))
	if q.lastError != nil {
		record.AddAttrs(slog.String("last_error", q.lastError.Error()))
	}
	var line bytes.Buffer
	_ = q.format(&line).Handle(context.Background(), record) // a buffer takes everything
	return line.Bytes()
}

// write writes lines, in pieces, and retries after errors until Close. It
// reports whether all were written.
func (q *Queue) write(lines []byte) bool {
	for len(lines) > 0 {
		n, err := q.out.Write(firstPiece(lines))
		lines = lines[n:]
		q.mu.Lock()
		q.inWriting = len(lines)
		if err != nil {
			q.lastError = err
		}
		isLastTry := q.closed
		q.mu.Unlock()
		if err == nil {
			continue
		}
		if isLastTry {
			return false
		}
		select {
		case <-time.After(retryInterval):
		case <-q.closing:
		}
	}
	return true
}

// firstPiece returns the lines that fit into a write, at least one.
func firstPiece(lines []byte) []byte {
	if len(lines) <= pieceSize {
		return lines
	}
	end := bytes.LastIndexByte(lines[:pieceSize], '\n')
	if end < 0 {
		end = bytes.IndexByte(lines, '\n')
	}
	if end < 0 {
		return lines
	}
	return lines[:end+1]
}

// handler sends each record to the handler of its level, in the order of shares.
type handler [len(shares)]slog.Handler

// of returns the handler for a level.
func (h handler) of(level slog.Level) slog.Handler {
	for i, share := range shares {
		if level >= share.level {
			return h[i]
		}
	}
	return h[len(h)-1]
}

func (h handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.of(level).Enabled(ctx, level)
}

func (h handler) Handle(ctx context.Context, record slog.Record) error {
	return h.of(record.Level).Handle(ctx, record)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	for i := range h {
		h[i] = h[i].WithAttrs(attrs)
	}
	return h
}

func (h handler) WithGroup(name string) slog.Handler {
	for i := range h {
		h[i] = h[i].WithGroup(name)
	}
	return h
}

// writerFunc is a function as an io.Writer that takes everything.
type writerFunc func(line []byte)

func (f writerFunc) Write(line []byte) (int, error) {
	f(line)
	return len(line), nil
}
