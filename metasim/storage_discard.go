package metasim

import "io"

// NewDiscardStorage returns a Storage for benchmarks, which keeps no bytes: only
// size and SHA-256 of a file are known. Open always returns ErrNotKept.
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
