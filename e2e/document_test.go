package e2e

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"sync"
)

// document is a PDF document of any size that is generated while it is read.
type document struct{ size, at int64 }

func newDocument(size int64) *document { return &document{size: size} }

// The beginning and the end of a PDF document. Without the end it counts as truncated.
const (
	documentHead = "%PDF-1.7\n"
	documentEnd  = "\n%%EOF\n"
)

// word is a function of the position, so that no two blocks of the file are the
// same: a block that is lost, duplicated or moved changes the digest.
func word(i int64) uint64 { return uint64(i)*0x9e3779b97f4a7c15 ^ uint64(i)<<32 }

func (d *document) Read(p []byte) (int, error) {
	if d.at >= d.size {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), d.size-d.at)]
	start, done := d.at, 0
	var eight [8]byte
	for done < len(p) {
		i := start + int64(done)
		if i%8 == 0 && len(p)-done >= 8 {
			binary.LittleEndian.PutUint64(p[done:], word(i/8))
			done += 8
			continue
		}
		binary.LittleEndian.PutUint64(eight[:], word(i/8))
		done += copy(p[done:], eight[i%8:])
	}
	if start < int64(len(documentHead)) {
		copy(p, documentHead[start:])
	}
	if end := d.size - int64(len(documentEnd)); start+int64(done) > end && end >= 0 {
		copy(p[max(0, end-start):], documentEnd[max(0, start-end):])
	}
	d.at += int64(done)
	return done, nil
}

func (d *document) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += d.at
	case io.SeekEnd:
		offset += d.size
	}
	if offset < 0 {
		return 0, errors.New("before the beginning")
	}
	d.at = offset
	return offset, nil
}

// digest returns the SHA-256 of the whole document.
func (d *document) digest() string {
	hash := sha256.New()
	_, _ = io.Copy(hash, newDocument(d.size)) // neither side can fail
	return hex.EncodeToString(hash.Sum(nil))
}

// pdf returns a whole document in memory.
func pdf(size int64) []byte {
	data := make([]byte, size)
	_, _ = io.ReadFull(newDocument(size), data) // it has as many bytes
	return data
}

// large returns a document that does not fit into the kernel's buffers: when the
// connection to Meta breaks, ferry has not yet written the whole file to it.
var large = sync.OnceValue(func() []byte { return pdf(16 << 20) })
