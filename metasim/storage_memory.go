package metasim

import (
	"bytes"
	"fmt"
	"io"
	"sort"
	"sync"
)

// memoryStorage keeps files as lists of the chunks in which they were written, so
// that a growing file is never copied.
type memoryStorage struct {
	mu     sync.Mutex
	limit  int64 // bytes
	used   int64 // bytes of committed files and of those being written
	files  map[string]*chunks
	closed bool
}

// NewMemoryStorage returns a Storage that keeps at most limit bytes in memory, all
// files together. A write beyond that returns ErrStorageFull.
func NewMemoryStorage(limit int64) Storage {
	return &memoryStorage{limit: limit, files: map[string]*chunks{}}
}

func (m *memoryStorage) Create(id string) (Blob, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrStorageClosed
	}
	return &memoryBlob{storage: m, id: id}, nil
}

func (m *memoryStorage) Open(id string) (io.ReadSeekCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrStorageClosed
	}
	file, ok := m.files[id]
	if !ok {
		return nil, ErrNotStored
	}
	return memoryReader{io.NewSectionReader(file, 0, file.size)}, nil
}

func (m *memoryStorage) Delete(id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrStorageClosed
	}
	if file, ok := m.files[id]; ok {
		m.used -= file.size
		delete(m.files, id)
	}
	return nil
}

func (m *memoryStorage) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.files = nil
	return nil
}

// reserve counts n bytes, or returns an error if they exceed the limit.
func (m *memoryStorage) reserve(n int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return ErrStorageClosed
	case m.used+n > m.limit:
		return fmt.Errorf("memory storage of %d bytes: %w", m.limit, ErrStorageFull)
	}
	m.used += n
	return nil
}

type memoryBlob struct {
	storage *memoryStorage
	id      string
	file    chunks
}

func (b *memoryBlob) Write(p []byte) (int, error) {
	if err := b.storage.reserve(int64(len(p))); err != nil {
		return 0, err
	}
	b.file.add(bytes.Clone(p))
	return len(p), nil
}

func (b *memoryBlob) Commit() error {
	b.storage.mu.Lock()
	defer b.storage.mu.Unlock()
	if b.storage.closed {
		return ErrStorageClosed
	}
	b.storage.files[b.id] = &b.file
	return nil
}

func (b *memoryBlob) Abort() error {
	b.storage.mu.Lock()
	defer b.storage.mu.Unlock()
	b.storage.used -= b.file.size
	b.file = chunks{}
	return nil
}

// chunks is the content of a file. It is immutable once committed.
type chunks struct {
	pieces [][]byte
	starts []int64 // offset of each piece
	size   int64
}

func (c *chunks) add(piece []byte) {
	c.pieces = append(c.pieces, piece)
	c.starts = append(c.starts, c.size)
	c.size += int64(len(piece))
}

// ReadAt implements io.ReaderAt.
func (c *chunks) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read at negative offset %d", off)
	}
	total := 0
	first := sort.Search(len(c.starts), func(i int) bool { return c.starts[i] > off }) - 1
	for i := max(first, 0); i < len(c.pieces) && total < len(p); i++ {
		if at := off + int64(total) - c.starts[i]; at < int64(len(c.pieces[i])) {
			total += copy(p[total:], c.pieces[i][at:])
		}
	}
	if total < len(p) {
		return total, io.EOF
	}
	return total, nil
}

type memoryReader struct{ *io.SectionReader }

func (memoryReader) Close() error { return nil }
