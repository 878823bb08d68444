// The manifest of a bulk upload: one line of JSON for each object that was posted or
// failed. It is both the output and the state from which a later run continues.

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
)

const (
	maxManifestLine = 64 << 10            // bytes of a line that is read; those that are written are far shorter
	syncInterval    = time.Second         // a crash of the machine may lose the lines of this time
	mediaLife       = 30 * 24 * time.Hour // how long WhatsApp keeps a file
)

// digest stands for an object in memory: a million digests take tens of megabytes, where
// their keys would take hundreds.
type digest [16]byte

func digestOf(phoneNumberID, source, etag string) digest {
	sum := sha256.Sum256([]byte(phoneNumberID + "\x00" + source + "\x00" + etag))
	return digest(sum[:])
}

// A manifest is open for appending, by one process at a time.
type manifest struct {
	file *os.File

	mu     sync.Mutex
	done   map[digest]struct{} // objects with a media id that has not expired
	dirty  bool                // written since the last sync
	broken error               // why nothing more is written: the last line may be incomplete
}

// openManifest opens or creates a manifest and reads which objects are done. An
// incomplete last line, which a crash leaves, is removed.
func openManifest(path string, now time.Time) (*manifest, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600) // it has keys, which may be private
	if err != nil {
		return nil, fmt.Errorf("opening the manifest: %w", err)
	}
	m := &manifest{file: file, done: make(map[digest]struct{})}
	if err := m.load(now); err != nil {
		file.Close()
		return nil, fmt.Errorf("manifest %s: %w", path, err)
	}
	if err := syncDirectory(filepath.Dir(path)); err != nil {
		file.Close()
		return nil, err
	}
	return m, nil
}

func (m *manifest) load(now time.Time) error {
	if info, err := m.file.Stat(); err != nil {
		return err
	} else if !info.Mode().IsRegular() {
		return errors.New("it is not a regular file")
	}
	if err := lockFile(m.file); err != nil {
		return fmt.Errorf("another process is writing it: %w", err)
	}
	end, ended, err := readManifest(m.file, func(r Result) { m.remember(r, now) })
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

// remember marks an object as done unless its media id has expired.
func (m *manifest) remember(r Result, now time.Time) {
	if r.MediaID == "" || r.Time == nil || now.Sub(*r.Time) >= mediaLife {
		return
	}
	m.done[digestOf(r.PhoneNumberID, r.Source, r.ETag)] = struct{}{}
}

// has reports whether an object has a media id that has not expired.
func (m *manifest) has(phoneNumberID, source, etag string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, done := m.done[digestOf(phoneNumberID, source, etag)]
	return done
}

// add appends a line with one write. After an error nothing more is written, because the
// line may be incomplete.
func (m *manifest) add(r Result) error {
	line := r.line()
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
	m.remember(r, time.Now())
	return nil
}

// run syncs the manifest to the disk regularly until ctx ends.
func (m *manifest) run(ctx context.Context) error {
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

func (m *manifest) sync() error {
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

// close syncs the manifest and closes it.
func (m *manifest) close() error {
	return errors.Join(m.sync(), m.file.Close())
}

// readManifest calls each for every line. It returns where the last complete line ends,
// and whether that line has its line break. An incomplete last line is ignored. Any other
// line that is not a manifest's is an error, so that no other file is truncated.
func readManifest(r io.Reader, each func(Result)) (end int64, ended bool, err error) {
	reader := bufio.NewReaderSize(r, maxManifestLine)
	for number := 1; ; number++ {
		line, err := reader.ReadSlice('\n')
		atEnd := errors.Is(err, io.EOF)
		if err != nil && !atEnd {
			return 0, false, fmt.Errorf("line %d: %w", number, err)
		}
		var result Result
		switch err := json.Unmarshal(line, &result); {
		case len(bytes.TrimSpace(line)) == 0 && !atEnd: // an editor left it
		case err == nil && result.Source != "":
			each(result)
		case atEnd && isIncomplete(line):
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
func isIncomplete(line []byte) bool {
	const start = `{"source":"`
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
