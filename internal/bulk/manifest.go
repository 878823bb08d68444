// The manifest of a bulk upload, or of a bulk of messages: one line of JSON for each
// object or message that was posted or failed. It is both the output and the state from
// which a later run continues.

package bulk

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	maxManifestLine = 64 << 10            // bytes of a line that is read; those that are written are far shorter
	syncInterval    = time.Second         // a crash of the machine may lose the lines of this time
	mediaLife       = 30 * 24 * time.Hour // how long WhatsApp keeps a file
)

// digest stands for an object or a message in memory: a million digests take tens of
// megabytes, where their texts would take hundreds.
type digest [16]byte

func digestOf(parts ...string) digest {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return digest(sum[:])
}

// A manifestLine is one line of a manifest.
type manifestLine interface {
	// key returns the first member of the line, which is never empty.
	key() (name, value string)
	line() []byte
	// done returns what need not be done again, at a time.
	done(now time.Time) (what digest, is bool)
}

// A manifest of lines of type L is open for appending, by one process at a time.
type manifest[L manifestLine] struct {
	file *os.File

	mu     sync.Mutex
	done   map[digest]struct{}
	dirty  bool  // written since the last sync
	broken error // why nothing more is written: the last line may be incomplete
}

// openManifest opens or creates a manifest, reads what is done, and calls each for every
// line. An incomplete last line, which a crash leaves, is removed.
func openManifest[L manifestLine](path string, now time.Time, each func(L)) (*manifest[L], error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600) // it has keys, which may be private
	if err != nil {
		return nil, fmt.Errorf("opening the manifest: %w", err)
	}
	m := &manifest[L]{file: file, done: make(map[digest]struct{})}
	if err := m.load(now, each); err != nil {
		file.Close()
		return nil, fmt.Errorf("manifest %s: %w", path, err)
	}
	if err := syncDirectory(filepath.Dir(path)); err != nil {
		file.Close()
		return nil, err
	}
	return m, nil
}

func (m *manifest[L]) load(now time.Time, each func(L)) error {
	if info, err := m.file.Stat(); err != nil {
		return err
	} else if !info.Mode().IsRegular() {
		return errors.New("it is not a regular file")
	}
	if err := lockFile(m.file); err != nil {
		return fmt.Errorf("another process is writing it: %w", err)
	}
	end, ended, err := readManifest(m.file, func(l L) {
		m.remember(l, now)
		each(l)
	})
	if err != nil {
		return err
	}
	if err := m.file.Truncate(end); err != nil {
		return err
	}
	if !ended {
		_, err = m.file.WriteString("\n")
	}
	return err
}

// remember marks what a line says as done.
func (m *manifest[L]) remember(l L, now time.Time) {
	if what, done := l.done(now); done {
		m.done[what] = struct{}{}
	}
}

// has reports whether something is done.
func (m *manifest[L]) has(what digest) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, done := m.done[what]
	return done
}

// add appends a line with one write. After an error nothing more is written, because the
// line may be incomplete.
func (m *manifest[L]) add(l L) error {
	line := l.line()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return m.broken
	}
	if _, err := m.file.Write(line); err != nil {
		m.broken = fmt.Errorf("writing the manifest: %w", err)
		return m.broken
	}
	m.dirty = true
	m.remember(l, time.Now())
	return nil
}

// run syncs the manifest to the disk regularly until ctx ends.
func (m *manifest[L]) run(ctx context.Context) error {
	ticker := time.NewTicker(syncInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			_ = m.sync() // the next add returns the error
		case <-ctx.Done():
			return nil
		}
	}
}

func (m *manifest[L]) sync() error {
	m.mu.Lock()
	dirty, broken := m.dirty, m.broken
	m.dirty = false
	m.mu.Unlock()
	if !dirty || broken != nil {
		return broken
	}
	err := m.file.Sync() // without the lock: lines need not wait for the disk
	if err != nil {
		err = fmt.Errorf("writing the manifest: %w", err)
		m.mu.Lock()
		m.broken = err
		m.mu.Unlock()
	}
	return err
}

// whileSyncing calls wait and, until it returns, writes the manifest, if there is one, to
// the disk regularly.
func whileSyncing[L manifestLine](m *manifest[L], wait func() error) error {
	if m == nil {
		return wait()
	}
	ctx, stop := context.WithCancel(context.Background())
	var loop errgroup.Group
	loop.Go(func() error { return m.run(ctx) })
	err := wait()
	stop()
	return errors.Join(err, loop.Wait())
}

// close syncs the manifest and closes it.
func (m *manifest[L]) close() error {
	return errors.Join(m.sync(), m.file.Close())
}

// readManifest calls each for every line. It returns where the last complete line ends,
// and whether that line has its line break. An incomplete last line is ignored. Any other
// line that is not a manifest's is an error, so that no other file is truncated.
func readManifest[L manifestLine](r io.Reader, each func(L)) (end int64, ended bool, err error) {
	reader := bufio.NewReaderSize(r, maxManifestLine)
	for number := 1; ; number++ {
		line, err := reader.ReadSlice('\n')
		atEnd := errors.Is(err, io.EOF)
		if err != nil && !atEnd {
			return 0, false, fmt.Errorf("line %d: %w", number, err)
		}
		var parsed L
		err = json.Unmarshal(line, &parsed)
		name, value := parsed.key()
		switch {
		case len(bytes.TrimSpace(line)) == 0 && !atEnd: // an editor left it
		case err == nil && value != "":
			each(parsed)
		case atEnd && isIncomplete(line, name):
			return end, true, nil
		default:
			return 0, false, fmt.Errorf("line %d is not a line of a manifest", number)
		}
		end += int64(len(line))
		if atEnd {
			return end, false, nil
		}
	}
}

// isIncomplete reports whether bytes without a line break may be what a crash left of a
// line: its beginning, perhaps with zeros in place of what did not reach the disk.
func isIncomplete(line []byte, firstMember string) bool {
	start := `{"` + firstMember + `":"`
	line = bytes.TrimRight(line, "\x00")
	return len(line) == 0 || strings.HasPrefix(start, string(line)) || bytes.HasPrefix(line, []byte(start))
}

// syncDirectory makes the name of a new file durable.
func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	defer directory.Close()
	_ = directory.Sync() // not every file system supports it
	return nil
}
