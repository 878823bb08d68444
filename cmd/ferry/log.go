// The log, and what happens when nobody reads it.

package main

import (
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"ferry/internal/logqueue"
	"ferry/internal/tty"
)

// openLog opens the log on w, in a format that the flags name. Lines that cannot be
// written at once are queued.
func openLog(w io.Writer, level, format string) *logqueue.Queue {
	var lowest slog.Level
	_ = lowest.UnmarshalText([]byte(level)) // kong has checked it
	options := &slog.HandlerOptions{Level: lowest}
	return logqueue.New(w, func(w io.Writer) slog.Handler {
		if format == "json" {
			return slog.NewJSONHandler(jsonLog{w}, options)
		}
		return slog.NewTextHandler(tty.NewOutput(w), options)
	})
}

// jsonLog writes lines of JSON that are safe to show on a terminal.
type jsonLog struct{ w io.Writer }

func (l jsonLog) Write(line []byte) (int, error) {
	_, err := l.w.Write(tty.EscapeJSON(line))
	return len(line), err
}

// outliveReaders is called by commands that serve others: they continue when
// whoever reads their output stops reading, ends, or has a full disk. Standard
// error becomes part of the log.
//
// All other commands end, by SIGPIPE, with the program that reads their output,
// as in `ferry media post … | head -1`.
func (t *terminal) outliveReaders() {
	// Not signal.Ignore, which the programs that ferry starts would inherit. A full
	// channel drops signals: a write to a pipe without a reader then only fails.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	t.err = tty.NewOutput(t.queue)
	// What libraries print with the standard logger, which would block.
	slog.SetDefault(t.log)
	slog.SetLogLoggerLevel(slog.LevelWarn)
}
