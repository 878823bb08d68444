package metasim

import "io"

// NewDiscardStorage keeps no bytes: size and SHA-256, which the server takes
// on the way, are all that remains of a file. For benchmarks. Open always
// fails with ErrNotKept.
func NewDiscardStorage() Storage { return discardStorage{} }

type discardStorage struct{}

func (discardStorage) Create(string) (Blob, error)            { return discardBlob{}, nil }
func (discardStorage) Open(string) (io.ReadSeekCloser, error) { return nil, ErrNotKept }
func (discardStorage) Delete(string) error                    { return nil }
func (discardStorage) Close() error                           { return nil }

type discardBlob struct{}

func (discardBlob) Write(p []byte) (int, error) { return len(p), nil }
func (discardBlob) Commit() error               { return nil }
func (discardBlob) Abort() error                { return nil }
