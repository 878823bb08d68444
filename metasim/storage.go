package metasim

import (
	"errors"
	"io"
)

var (
	// ErrStorageFull is what a Blob's Write returns when the storage has no
	// room. The upload is answered with 500, code 131000.
	ErrStorageFull = errors.New("storage is full")

	// ErrNotKept is what Open returns when the storage keeps no bytes. The
	// download is answered with 500, code 131000.
	ErrNotKept = errors.New("storage keeps no bytes")

	// ErrNotStored is what Open returns when the storage has no such file.
	ErrNotStored = errors.New("no such file in storage")

	// ErrStorageClosed is what every method returns after Close.
	ErrStorageClosed = errors.New("storage is closed")
)

// Storage keeps the bytes of uploaded media by media id (decimal digits). It
// must be safe for concurrent use. The three of this package are
// NewMemoryStorage, NewDirectoryStorage and NewDiscardStorage.
type Storage interface {
	// Create begins a file. The caller ends it with exactly one of Commit and
	// Abort. A storage that knows of an older file by that id answers with
	// fs.ErrExist, and is asked again with another id.
	Create(id string) (Blob, error)

	// Open returns a committed file from its beginning.
	Open(id string) (io.ReadSeekCloser, error)

	// Delete forgets a committed file. Deleting what is not there is no error.
	Delete(id string) error

	// Close ends the use of the storage and frees what it holds. A
	// PersistentStorage keeps the committed files.
	Close() error
}

// A PersistentStorage is a Storage whose files outlive it: New serves them
// again. That of NewDirectoryStorage is one.
type PersistentStorage interface {
	Storage

	// RecordStore returns the store of the records beside the files. It is
	// closed with the storage.
	RecordStore() RecordStore

	// Retain deletes the committed files that keep does not want. New calls it
	// with the files that records name: others were stored by a process that
	// ended before it wrote the record.
	Retain(keep func(id string) bool) error
}

// A Blob is a file that is being written. Until Commit nobody can open it.
type Blob interface {
	io.Writer
	Commit() error
	Abort() error
}
