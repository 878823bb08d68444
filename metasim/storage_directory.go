package metasim

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
)

// The names of a directory storage are a media id and one of these. A file
// that is being written has partSuffix behind them.
const (
	dataSuffix   = ".media"
	recordSuffix = ".json"
	partSuffix   = ".part"
)

// directoryStorage keeps two files per media id: its bytes, and beside them a
// record. The record is written last and removed first, so that bytes without
// one are what a crash left.
type directoryStorage struct {
	root *os.Root

	mu      sync.Mutex
	writing map[string]bool // parts of blobs that have been neither committed nor aborted
	closed  bool
}

// NewDirectoryStorage keeps files in dir, which it makes when it is missing.
// It is a RecordKeeper: dir belongs to the caller, Close leaves in it all that
// was committed, and a Server with a storage on the same directory serves it
// again. Opening removes what a crash left half written. Whoever wants the
// files gone calls Server.Reset or removes dir.
//
// The files are {id}.media with the bytes and {id}.json with the record, type
// Media; .part behind them marks unfinished ones. Files with other names are
// left alone.
//
// Only one storage may use a directory at a time: a second one would take the
// unfinished uploads of the first for leftovers. Nothing locks the directory.
func NewDirectoryStorage(dir string) (Storage, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("metasim: directory storage: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("metasim: directory storage: %w", err)
	}
	d := &directoryStorage{root: root, writing: map[string]bool{}}
	if err := d.removeLeftovers(); err != nil {
		return nil, fmt.Errorf("metasim: directory storage: %w", errors.Join(err, root.Close()))
	}
	return d, nil
}

func (d *directoryStorage) Create(id string) (Blob, error) {
	if !isObjectID(id) {
		return nil, fmt.Errorf("directory storage: %q is no media id", id)
	}
	part := id + dataSuffix + partSuffix
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, ErrStorageClosed
	}
	for _, name := range []string{id + dataSuffix, id + recordSuffix} {
		if _, err := d.root.Lstat(name); err == nil {
			return nil, fmt.Errorf("directory storage: %s is there already: %w", name, fs.ErrExist)
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
	return file, nil
}

func (d *directoryStorage) Delete(id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ErrStorageClosed
	}
	return d.removeBoth(id)
}

// Close removes what is still being written, and nothing else.
func (d *directoryStorage) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	var problems []error
	for part := range d.writing {
		problems = append(problems, d.remove(part))
	}
	return errors.Join(append(problems, d.root.Close())...)
}

// removeBoth deletes a file and its record; d.mu is held. Either of the two
// removals alone keeps the file from coming back.
func (d *directoryStorage) removeBoth(id string) error {
	return errors.Join(d.remove(id+recordSuffix), d.remove(id+dataSuffix))
}

// remove deletes what may not be there.
func (d *directoryStorage) remove(name string) error {
	if err := d.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

type directoryBlob struct {
	*os.File
	storage  *directoryStorage
	id, part string
}

// Commit makes the bytes safe before it gives them their name, so that not
// even a power failure leaves a record beside bytes that were never written.
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
		return errors.Join(err, d.remove(b.part))
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
	return errors.Join(err, d.remove(b.part))
}
