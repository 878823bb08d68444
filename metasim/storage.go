package metasim

import (
	"errors"
	"io"
)

var (
	// ErrStorageFull is returned by a Blob's Write if the storage is full. The
	// response to the upload is 500, code 131000.
	ErrStorageFull = errors.New("storage is full")

	// ErrNotKept is returned by Open if the storage keeps no bytes. The
	// response to the download is 500, code 131000.
	ErrNotKept = errors.New("storage keeps no bytes")

	// ErrNotStored is returned by Open if the storage has no such file.
	ErrNotStored = errors.New("no such file in storage")

	// ErrStorageClosed is returned by every method after Close.
	ErrStorageClosed = errors.New("storage is closed")
)

// Storage keeps the bytes of files by id (decimal digits). It must be safe for
// concurrent use. The three of this package are NewMemoryStorage,
// NewDirectoryStorage and NewDiscardStorage.
type Storage interface {
	// Create starts a file. The caller ends it with exactly one of Commit and
	// Abort. If the id is in use, Create returns fs.ErrExist, and the Server
	// tries another id.
	Create(id string) (Blob, error)

	// Open opens a committed file.
	Open(id string) (io.ReadSeekCloser, error)

	// Delete deletes a committed file. Deleting one that does not exist is no
	// error.
	Delete(id string) error

	// Close closes the storage and deletes the files, except the committed
	// files of a PersistentStorage.
	Close() error
}

// A PersistentStorage is a Storage whose files stay after Close, so that a later
// Server has them. NewDirectoryStorage returns one.
type PersistentStorage interface {
	Storage

	// RecordStore returns the store of the records that belong to the files. It
	// is closed with the storage.
	RecordStore() RecordStore

	// Retain deletes the committed files for which keep returns false. New keeps
	// the files that a record names: a process that ended between the file and
	// its record has left others.
	Retain(keep func(id string) bool) error
}

// A Blob is a file that is being written. It can be opened after Commit.
type Blob interface {
	io.Writer
	Commit() error
	Abort() error
}
