// The manifest of a bulk upload: a JSON object a line, one for each object
// that was posted or failed. It is the output, and what a later run goes on from.

package main

import (
	"bufio"
	"bytes"
	"cmp"
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
	manifestLine = 64 << 10            // bytes of the longest line that is read; what is written is far shorter
	longestError = 4 << 10             // bytes of an error's text that a line keeps
	syncEvery    = time.Second         // so much of the manifest a crash of the machine may cost
	mediaLife    = 30 * 24 * time.Hour // after it WhatsApp has forgotten a file
)

// posted is what became of one source; its JSON is one line of output and of
// a manifest, whose lines begin with the source.
type posted struct {
	Source        string     `json:"source"` // never with a URL's query
	ETag          string     `json:"etag,omitempty"`
	Size          *int64     `json:"size,omitempty"` // bytes, of an object that was listed
	MediaID       string     `json:"mediaId,omitempty"`
	Error         string     `json:"error,omitempty"`
	Code          string     `json:"code,omitempty"`          // the exception's name
	Finding       string     `json:"finding,omitempty"`       // what is wrong with the file, as in `ferry media lint`
	PhoneNumberID string     `json:"phoneNumberId,omitempty"` // the only one that can send the file
	Millis        int64      `json:"milliseconds"`
	Time          *time.Time `json:"time,omitempty"` // when it ended
}

func (p posted) failed() bool { return p.Error != "" }

// cause names why a file failed: the exception, and what is wrong with the file if that is known.
func (p posted) cause() string {
	text := cmp.Or(p.Code, "no answer")
	if p.Finding != "" {
		text += " [" + p.Finding + "]"
	}
	return text
}

// line is the whole line, in one piece so that one write can write it.
func (p posted) line() []byte {
	if len(p.Error) > longestError {
		p.Error = strings.ToValidUTF8(p.Error[:longestError], "") + "…"
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(p) // such a value always has a JSON
	return text.Bytes()
}

// digest stands for an object in memory: a million of them take tens of
// megabytes, where their keys would take hundreds.
type digest [16]byte

func digestOf(phoneNumberID, source, etag string) digest {
	sum := sha256.Sum256([]byte(phoneNumberID + "\x00" + source + "\x00" + etag))
	return digest(sum[:])
}

// A manifest is open for appending, by one process at a time.
type manifest struct {
	file    *os.File
	stop    chan struct{} // closed to end the syncing
	stopped chan struct{} // closed when it has ended

	mu     sync.Mutex
	done   map[digest]struct{} // objects with a media id that is alive
	dirty  bool                // written since the last sync
	broken error               // a line may be half there: nothing may follow it
}

// openManifest opens a manifest, or makes one, and reads what is done. What a
// crash left of a last line is cut off.
func openManifest(path string, now time.Time) (*manifest, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("the manifest: %w", err)
	}
	m := &manifest{file: file, stop: make(chan struct{}), stopped: make(chan struct{}), done: make(map[digest]struct{})}
	if err := m.load(now); err != nil {
		file.Close()
		return nil, fmt.Errorf("the manifest %s: %w", path, err)
	}
	if err := syncDirectory(filepath.Dir(path)); err != nil {
		file.Close()
		return nil, err
	}
	go m.syncNowAndThen()
	return m, nil
}

func (m *manifest) load(now time.Time) error {
	if info, err := m.file.Stat(); err != nil {
		return err
	} else if !info.Mode().IsRegular() {
		return errors.New("it is not a regular file")
	}
	if err := lockFile(m.file); err != nil {
		return fmt.Errorf("another ferry is writing it: %w", err)
	}
	end, ended, err := readManifest(m.file, func(p posted) { m.remember(p, now) })
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

// remember notes an object as done unless WhatsApp has forgotten it by now.
func (m *manifest) remember(p posted, now time.Time) {
	if p.MediaID == "" || p.Time == nil || now.Sub(*p.Time) >= mediaLife {
		return
	}
	m.done[digestOf(p.PhoneNumberID, p.Source, p.ETag)] = struct{}{}
}

func (m *manifest) has(phoneNumberID, source, etag string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, done := m.done[digestOf(phoneNumberID, source, etag)]
	return done
}

// add appends a line with one write. After an error nothing is ever written
// again: the line may be half there.
func (m *manifest) add(p posted) error {
	line := p.line()
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
	m.remember(p, time.Now())
	return nil
}

func (m *manifest) syncNowAndThen() {
	defer close(m.stopped)
	ticker := time.NewTicker(syncEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			_ = m.sync() // the next add reports it
		case <-m.stop:
			return
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

// close puts everything onto the disk.
func (m *manifest) close() error {
	close(m.stop)
	<-m.stopped
	return errors.Join(m.sync(), m.file.Close())
}

// readManifest gives every line to each. It reports where the whole lines end,
// and whether the last of them has its line break. A last line that is not
// whole is passed over; any other that is not a manifest's is an error, so
// that no other file is taken for a manifest and cut.
func readManifest(r io.Reader, each func(posted)) (end int64, ended bool, err error) {
	reader := bufio.NewReaderSize(r, manifestLine)
	for number := 1; ; number++ {
		line, err := reader.ReadSlice('\n')
		atEnd := errors.Is(err, io.EOF)
		if err != nil && !atEnd {
			return 0, false, fmt.Errorf("line %d: %w", number, err)
		}
		var p posted
		switch problem := json.Unmarshal(line, &p); {
		case len(bytes.TrimSpace(line)) == 0 && !atEnd: // an editor's
		case problem == nil && p.Source != "":
			each(p)
		case atEnd && torn(line):
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

// torn reports whether bytes without a line break can be what a crash left of
// a line: its beginning, perhaps with zeros for what did not reach the disk.
func torn(line []byte) bool {
	const start = `{"source":"`
	line = bytes.TrimRight(line, "\x00")
	return len(line) == 0 || strings.HasPrefix(start, string(line)) || bytes.HasPrefix(line, []byte(start))
}

// syncDirectory makes a new file's name last.
func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	defer directory.Close()
	_ = directory.Sync() // not every file system knows how
	return nil
}
