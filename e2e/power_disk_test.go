package e2e

import (
	"bufio"
	"encoding/hex"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sector is what a disk writes as a whole, in bytes.
const sector = 512

// A diskEvent is the beginning or the end of a system call that changes files.
type diskEvent struct {
	at     time.Time
	thread string
	call   string
	file   string // name in the directory of the test; "" is the directory itself
	ended  bool
	change change
}

// A change of a file: bytes at an offset, or a new length.
type change struct {
	offset int64
	data   []byte // nil: the file has the length offset afterwards
}

// A disk has files as they are after all syncs, and the changes since.
type disk struct {
	directory string
	files     map[string]*diskFile
	syncing   map[string]*syncCall // by thread
}

type syncCall struct {
	file    string
	changes []*pendingChange // those that had ended when the sync began
	created []string         // of a directory
}

type diskFile struct {
	synced  []byte
	exists  bool // in the synced directory
	created bool // in the directory, which may not be synced
	pending []*pendingChange
}

type pendingChange struct {
	change
	thread string
	ended  bool
}

// newDisk reads files of a directory. Those that do not exist may be created later.
func newDisk(t testing.TB, directory string, names ...string) *disk {
	t.Helper()
	d := &disk{directory: directory, files: map[string]*diskFile{}, syncing: map[string]*syncCall{}}
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(directory, name))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		d.files[name] = &diskFile{synced: content, exists: err == nil, created: err == nil}
	}
	return d
}

func (d *disk) clone() *disk {
	c := &disk{directory: d.directory, files: map[string]*diskFile{}, syncing: map[string]*syncCall{}}
	for name, f := range d.files {
		c.files[name] = &diskFile{synced: slices.Clone(f.synced), exists: f.exists, created: f.created}
	}
	return c
}

// apply applies an event. Without syncs the disk ignores them.
func (d *disk) apply(e diskEvent, syncs bool) {
	switch e.call {
	case "unlink", "unlinkat": // the directory may still have the file
		if f := d.files[e.file]; f != nil && e.ended {
			f.created = false
		}
	case "pwrite64", "ftruncate":
		f := d.files[e.file]
		f.created = true
		if !e.ended {
			f.pending = append(f.pending, &pendingChange{e.change, e.thread, false})
			return
		}
		for _, p := range f.pending {
			if p.thread == e.thread {
				p.ended = true
			}
		}
	case "fsync", "fdatasync":
		if syncs {
			d.sync(e)
		}
	}
}

// sync begins or ends a sync: what had ended when it began is on the disk when it ends.
func (d *disk) sync(e diskEvent) {
	if !e.ended {
		s := &syncCall{file: e.file}
		if f := d.files[e.file]; f != nil {
			for _, p := range f.pending {
				if p.ended {
					s.changes = append(s.changes, p)
				}
			}
		}
		for name, f := range d.files {
			if f.created != f.exists {
				s.created = append(s.created, name)
			}
		}
		d.syncing[e.thread] = s
		return
	}
	s := d.syncing[e.thread]
	delete(d.syncing, e.thread)
	if s == nil {
		return
	}
	if s.file == "" {
		for _, name := range s.created {
			f := d.files[name]
			if f.exists = f.created; !f.exists {
				f.synced, f.pending = nil, nil
			}
		}
		return
	}
	f := d.files[s.file]
	for _, p := range s.changes {
		f.synced = p.apply(f.synced)
	}
	f.pending = slices.DeleteFunc(f.pending, func(p *pendingChange) bool { return slices.Contains(s.changes, p) })
}

// apply returns the content after a change.
func (c change) apply(content []byte) []byte {
	end := c.offset + int64(len(c.data))
	if c.data == nil {
		if c.offset < int64(len(content)) {
			return content[:c.offset]
		}
	}
	if missing := end - int64(len(content)); missing > 0 {
		content = append(content, make([]byte, missing)...)
	}
	copy(content[c.offset:], c.data)
	return content
}

// write writes what a power failure may leave: the files as they were synced, and some of the
// sectors that were written since, in any order of their writes.
func (d *disk) write(t testing.TB, folder string, random *rand.Rand) {
	t.Helper()
	kept := []float64{0, 0.1, 0.5, 0.9, 1}[random.IntN(5)] // of the sectors
	for _, name := range slices.Sorted(maps.Keys(d.files)) {
		f := d.files[name]
		if exists := f.exists; !exists && !f.created || exists != f.created && random.IntN(2) == 0 {
			continue
		}
		content := slices.Clone(f.synced)
		for _, p := range f.pending {
			if p.data == nil {
				if random.Float64() < kept {
					content = p.apply(content)
				}
				continue
			}
			for start := 0; start < len(p.data); start += sector {
				if random.Float64() < kept {
					content = change{p.offset + int64(start), p.data[start:min(start+sector, len(p.data))]}.apply(content)
				}
			}
		}
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// The lines of strace: a call as a whole, its beginning, and its end.
var (
	recordLine    = regexp.MustCompile(`^(\d+) +(\d+)\.(\d{6}) (.*)$`)
	resumedCall   = regexp.MustCompile(`^<\.\.\. (\w+) resumed>`)
	begunCall     = regexp.MustCompile(`^(\w+)\((.*)$`)
	descriptor    = regexp.MustCompile(`^\d+<([^>]*)>`)
	failedCall    = regexp.MustCompile(`= -1 E[A-Z]+ `)
	writeEnd      = regexp.MustCompile(`^, (\d+), (\d+)`)
	truncateLimit = regexp.MustCompile(`^, (\d+)`)
)

// readRecord reads the record of strace.
func readRecord(t testing.TB, path string, d *disk) (events []diskEvent) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewReaderSize(file, 1<<20)
	open := make(map[string]diskEvent) // by thread
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return events
		}
		parts := recordLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if parts == nil {
			continue
		}
		seconds, _ := strconv.ParseInt(parts[2], 10, 64)
		micros, _ := strconv.ParseInt(parts[3], 10, 64)
		at, thread, text := time.Unix(seconds, micros*1000), parts[1], parts[4]
		if resumedCall.MatchString(text) {
			e, ok := open[thread]
			delete(open, thread)
			if ok && !failedCall.MatchString(text) {
				e.at, e.ended = at, true
				events = append(events, e)
			}
			continue
		}
		e, ok := parseCall(t, text, d)
		if !ok || failedCall.MatchString(text) {
			continue
		}
		e.at, e.thread = at, thread
		events = append(events, e)
		if strings.HasSuffix(strings.TrimSpace(text), "<unfinished ...>") {
			open[thread] = e
			continue
		}
		e.ended = true
		events = append(events, e)
	}
}

// parseCall reads a call that concerns the files of the disk.
func parseCall(t testing.TB, text string, d *disk) (e diskEvent, ok bool) {
	t.Helper()
	parts := begunCall.FindStringSubmatch(text)
	if parts == nil {
		return e, false
	}
	e.call = parts[1]
	arguments := parts[2]
	switch e.call {
	case "unlink", "unlinkat":
		e.file = d.name(unhex(quotedText(arguments)))
		return e, d.files[e.file] != nil
	case "pwrite64", "ftruncate", "fsync", "fdatasync":
		named := descriptor.FindStringSubmatch(arguments)
		if named == nil {
			return e, false
		}
		e.file = d.name(strings.TrimSuffix(unhexPath(named[1]), " (deleted)"))
		if e.file != "" && d.files[e.file] == nil {
			return e, false
		}
		arguments = arguments[len(named[0]):]
	default:
		t.Fatalf("the server changes its files by a call that the test does not know: %.300s", text)
	}
	switch e.call {
	case "pwrite64":
		quoted := quotedText(arguments)
		after := arguments[strings.Index(arguments, quoted)+len(quoted):]
		numbers := writeEnd.FindStringSubmatch(after)
		if numbers == nil {
			t.Fatalf("a write was not recorded as a whole: %.200s", after)
		}
		e.change.data = []byte(unhex(quoted))
		e.change.offset, _ = strconv.ParseInt(numbers[2], 10, 64)
		if numbers[1] != strconv.Itoa(len(e.change.data)) {
			t.Fatalf("%d bytes of a write of %s were recorded", len(e.change.data), numbers[1])
		}
	case "ftruncate":
		numbers := truncateLimit.FindStringSubmatch(arguments)
		if numbers == nil {
			t.Fatalf("a new length was not recorded: %.200s", arguments)
		}
		e.change.offset, _ = strconv.ParseInt(numbers[1], 10, 64)
	}
	return e, true
}

// name returns the name of a file in the directory of the disk.
func (d *disk) name(path string) string {
	if path == d.directory {
		return ""
	}
	return strings.TrimPrefix(path, d.directory+"/")
}

// quotedText returns the first text in quotation marks, with them. strace -xx prints no
// quotation mark within one.
func quotedText(arguments string) string {
	_, after, _ := strings.Cut(arguments, `"`)
	text, _, _ := strings.Cut(after, `"`)
	return `"` + text + `"`
}

// unhex returns the bytes of a text in quotation marks, as strace -xx prints it.
func unhex(quoted string) string {
	return unhexPath(strings.Trim(quoted, `"`))
}

// unhexPath returns a text of which each byte may be printed as \x7f.
func unhexPath(text string) string {
	if !strings.HasPrefix(text, `\x`) {
		return text
	}
	decoded, err := hex.DecodeString(strings.ReplaceAll(text, `\x`, ""))
	if err != nil {
		return ""
	}
	return string(decoded)
}

func countSyncs(events []diskEvent) (n int) {
	for _, e := range events {
		if e.ended && (e.call == "fsync" || e.call == "fdatasync") {
			n++
		}
	}
	return n
}
