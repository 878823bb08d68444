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

	// Close ends the use of the storage and frees what it holds. A RecordKeeper
	// keeps the files that have a record.
	Close() error
}

// A RecordKeeper is a Storage whose files outlive it: New serves them again.
// That of NewDirectoryStorage is one.
type RecordKeeper interface {
	Storage

	// Record keeps the description of a file that was committed. Without one a
	// file does not outlive the storage. Delete forgets both.
	Record(file Media) error

	// Records returns the descriptions of all files that can be opened, expired
	// or not, in no order, and why others that it has met are not among them.
	Records() (files []Media, problems []error)
}

// A Blob is a file that is being written. Until Commit nobody can open it.
type Blob interface {
	io.Writer
	Commit() error
	Abort() error
}
