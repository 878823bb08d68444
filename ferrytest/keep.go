// The world of a failed test as a file.

package ferrytest

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"time"
)

const (
	maxKept  = 256 << 20        // bytes of the file of a world
	keepTime = 10 * time.Second // for writing it
)

// keep writes the world of a failed test to a file and says where, and how to begin in it.
func (w *World) keep() {
	w.t.Helper()
	path, err := w.keepFile()
	if err != nil {
		w.t.Logf("ferrytest: the world cannot be kept: %v", err)
		return
	}
	w.t.Logf("ferrytest: the world as it was is in this file; begin in it with\n  ferry dev --load %s", path)
}

func (w *World) keepFile() (path string, err error) {
	dir, err := w.keepDirectory()
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "world.ferry")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) { // of another world of the test
		if dir, err = os.MkdirTemp(dir, "world-*"); err != nil {
			return "", err
		}
		path = filepath.Join(dir, "world.ferry")
		file, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	}
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), keepTime)
	defer cancel()
	err = errors.Join(w.local.Save(ctx, &limitedWriter{to: file, left: maxKept}), file.Close())
	if err != nil {
		return "", errors.Join(err, os.Remove(path))
	}
	return path, nil
}

// keepDirectory returns the directory of the test's artifacts, if `go test -artifacts` keeps it, or
// else one that nobody removes.
func (w *World) keepDirectory() (string, error) {
	if kept := flag.Lookup("test.artifacts"); kept != nil && kept.Value.String() == "true" {
		return w.t.ArtifactDir(), nil
	}
	return os.MkdirTemp("", "ferrytest-*")
}

// limitedWriter fails when too much is written.
type limitedWriter struct {
	to   io.Writer
	left int
}

func (l *limitedWriter) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, errors.New("it has more than 256 MiB")
	}
	return l.to.Write(p)
}
