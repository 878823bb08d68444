package metasim

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
)

// dataSuffix follows the id in the names of files with bytes.
const dataSuffix = ".media"

// directoryStorage keeps one file per id, and the records. The record of a file is
// written last and removed first, so that only a crash leaves bytes without one.
type directoryStorage struct {
	root    *os.Root
	records *directoryRecords

	mu      sync.Mutex
	writing map[string]bool // names of blobs that have been neither committed nor aborted
	closed  bool
}

// NewDirectoryStorage returns a PersistentStorage in dir, which it creates if it
// does not exist. A later storage on the same directory has what was committed.
// Files that a crash left unfinished are deleted. To remove everything, call
// Server.Reset or delete dir.
//
// Bytes are in {id}.media, and each record of the RecordStore is in
// records/{kind}/{name}.json, as {"id":…,"value":…}. The name is the id; or its
// SHA-256 in hex if the id is longer than 64 characters or has other ones than
// small letters, digits, - and _. The names of files that are being written end
// with .part. Files with other names are left alone. Directories of older
// versions, which kept the records of media in {id}.json, are converted.
//
// Only one storage may use a directory at a time: a second one would delete the
// unfinished files of the first. Nothing locks the directory.
func NewDirectoryStorage(dir string) (Storage, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("metasim: directory storage: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("metasim: directory storage: %w", err)
	}
	records, err := openDirectoryRecords(root)
	d := &directoryStorage{root: root, records: records, writing: map[string]bool{}}
	if err := errors.Join(err, d.convert()); err != nil {
		return nil, fmt.Errorf("metasim: directory storage: %w", errors.Join(err, root.Close()))
	}
	return d, nil
}

// RecordStore implements PersistentStorage.
func (d *directoryStorage) RecordStore() RecordStore { return d.records }

// convert deletes the files that were being written when a process ended, and
// moves the records of older versions to where they belong. A damaged one is
// moved as it is, and reported when it is read.
func (d *directoryStorage) convert() error {
	files, err := readDirectory(d.root, ".")
	problems := []error{err}
	for _, file := range files {
		whole, isPart := strings.CutSuffix(file.Name(), partSuffix)
		_, isData := cutID(whole, dataSuffix)
		id, isRecord := cutID(whole, recordSuffix)
		switch {
		case !file.Type().IsRegular():
		case isPart && (isData || isRecord):
			problems = append(problems, removeFile(d.root, file.Name()))
		case !isPart && isRecord:
			problems = append(problems, d.convertRecord(id))
		}
	}
	return errors.Join(problems...)
}

func (d *directoryStorage) convertRecord(id string) error {
	old := id + recordSuffix
	content, err := d.root.ReadFile(old)
	if err != nil {
		return err
	}
	err = d.records.Put(mediaKind, id, content)
	if err == nil {
		return removeFile(d.root, old)
	}
	if !errors.Is(err, ErrBadRecord) {
		return err
	}
	name := recordPath(mediaKind, id)
	return errors.Join(d.root.MkdirAll(path.Dir(name), 0o700), d.root.Rename(old, name))
}

// cutID returns the id in the name of a file of this storage.
func cutID(name, suffix string) (id string, ok bool) {
	id, ok = strings.CutSuffix(name, suffix)
	return id, ok && isObjectID(id)
}

// Retain implements PersistentStorage.
func (d *directoryStorage) Retain(keep func(id string) bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ErrStorageClosed
	}
	files, err := readDirectory(d.root, ".")
	problems := []error{err}
	for _, file := range files {
		if id, ok := cutID(file.Name(), dataSuffix); ok && file.Type().IsRegular() && !keep(id) {
			problems = append(problems, removeFile(d.root, file.Name()))
		}
	}
	return errors.Join(problems...)
}

func (d *directoryStorage) Create(id string) (Blob, error) {
	if !isObjectID(id) {
		return nil, fmt.Errorf("directory storage: %q is not an id of decimal digits", id)
	}
	part := id + dataSuffix + partSuffix
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, ErrStorageClosed
	}
	for _, name := range []string{id + dataSuffix, recordPath(mediaKind, id)} {
		if _, err := d.root.Lstat(name); err == nil {
			return nil, fmt.Errorf("directory storage: %s exists already: %w", name, fs.ErrExist)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	file, err := d.root.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	d.writing[part] = true
	return &directoryBlob{File: file, storage: d, id: id, part: part}, nil
}

func (d *directoryStorage) Open(id string) (io.ReadSeekCloser, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, ErrStorageClosed
	}
	file, err := d.root.Open(id + dataSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotStored
	}
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(cmp.Or(err, ErrNotStored), file.Close())
	}
	return file, nil
}

func (d *directoryStorage) Delete(id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ErrStorageClosed
	}
	return removeFile(d.root, id+dataSuffix)
}

// Close deletes what is still being written.
func (d *directoryStorage) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	var problems []error
	for part := range d.writing {
		problems = append(problems, removeFile(d.root, part))
	}
	return errors.Join(append(problems, d.records.Close(), d.root.Close())...)
}

type directoryBlob struct {
	*os.File
	storage  *directoryStorage
	id, part string
}

// Commit syncs the bytes before it renames the file, so that no record belongs to
// bytes that a power failure has lost.
func (b *directoryBlob) Commit() error {
	if err := errors.Join(b.Sync(), b.Close()); err != nil {
		return errors.Join(err, b.Abort())
	}
	d := b.storage
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ErrStorageClosed
	}
	delete(d.writing, b.part)
	if err := d.root.Rename(b.part, b.id+dataSuffix); err != nil {
		return errors.Join(err, removeFile(d.root, b.part))
	}
	return nil
}

func (b *directoryBlob) Abort() error {
	err := b.Close()
	if errors.Is(err, os.ErrClosed) {
		err = nil
	}
	d := b.storage
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return err
	}
	delete(d.writing, b.part)
	return errors.Join(err, removeFile(d.root, b.part))
}
