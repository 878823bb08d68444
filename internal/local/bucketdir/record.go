package bucketdir

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/rclone/gofakes3"
)

// record says what an object is. It stands behind the object's bytes, because
// only then are their number and their hash known:
//
//	the bytes | the record, JSON | its length, 4 bytes, big endian | mark
type record struct {
	Key      keyText   `json:"key"`
	Size     int64     `json:"size"` // of the bytes
	MD5      []byte    `json:"md5"`
	Modified time.Time `json:"modified"` // when the object was put
	Metadata metadata  `json:"metadata"` // as gofakes3 gave it: Content-Type, X-Amz-Meta-…, Last-Modified
}

const (
	extension = ".object"
	trailer   = "ferry/1\n" // the end of a whole file
	footer    = 4 + len(trailer)

	// maxRecord is the longest record in bytes. S3 allows 1 kB of key and 2 kB
	// of metadata; net/http takes 1 MiB of headers.
	maxRecord = 4 << 20
)

// fileName gives the name of the file of a key.
func fileName(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:]) + extension
}

// etag gives the ETag, with its quotation marks.
func (r *record) etag() string { return `"` + hex.EncodeToString(r.MD5) + `"` }

// object gives what gofakes3 wants to know of an object, without contents.
func (r *record) object() *gofakes3.Object {
	return &gofakes3.Object{Name: string(r.Key), Metadata: r.Metadata, Size: r.Size, Hash: r.MD5}
}

// write writes the record as the end of a file. It fails with
// ErrMetadataTooLarge.
func (r *record) write(w io.Writer) error {
	encoded, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if len(encoded) > maxRecord {
		return gofakes3.ErrMetadataTooLarge
	}
	encoded = binary.BigEndian.AppendUint32(encoded, uint32(len(encoded)))
	_, err = w.Write(append(encoded, trailer...))
	return err
}

// readRecord reads the record of an object's file. It fails for every file that
// is not whole or does not belong under its name.
func readRecord(file *os.File) (r record, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("bucketdir: %s is not a whole object: %w", file.Name(), err)
		}
	}()
	info, err := file.Stat()
	if err != nil {
		return r, err
	}
	end := make([]byte, footer)
	if err := readAt(file, end, info.Size()-int64(footer)); err != nil {
		return r, err
	}
	if !bytes.HasSuffix(end, []byte(trailer)) {
		return r, errors.New("it has another end")
	}
	length := binary.BigEndian.Uint32(end)
	if length > maxRecord {
		return r, fmt.Errorf("its record has %d bytes", length)
	}
	encoded := make([]byte, length)
	size := info.Size() - int64(footer) - int64(length)
	if err := readAt(file, encoded, size); err != nil {
		return r, err
	}
	if err := json.Unmarshal(encoded, &r); err != nil {
		return r, err
	}
	if r.Size != size {
		return r, fmt.Errorf("it has %d bytes, its record says %d", size, r.Size)
	}
	if filepath.Base(file.Name()) != fileName(string(r.Key)) {
		return r, fmt.Errorf("it is the object of the key %q", string(r.Key))
	}
	return r, nil
}

// readAt fills a buffer from an offset, which may lie before the file's start.
func readAt(file *os.File, buffer []byte, offset int64) error {
	if offset < 0 {
		return io.ErrUnexpectedEOF
	}
	_, err := file.ReadAt(buffer, offset)
	return err
}

// text is a string of any bytes, percent-encoded in JSON, which keeps UTF-8
// only.
type keyText string

func (t keyText) MarshalText() ([]byte, error) { return []byte(url.QueryEscape(string(t))), nil }

func (t *keyText) UnmarshalText(encoded []byte) error {
	decoded, err := url.QueryUnescape(string(encoded))
	*t = keyText(decoded)
	return err
}

// metadata is a map of strings of any bytes, in JSON a string in the form of a
// query.
type metadata map[string]string

func (m metadata) MarshalText() ([]byte, error) {
	values := make(url.Values, len(m))
	for name, value := range m {
		values.Set(name, value)
	}
	return []byte(values.Encode()), nil
}

func (m *metadata) UnmarshalText(encoded []byte) error {
	values, err := url.ParseQuery(string(encoded))
	*m = make(metadata, len(values))
	for name := range values {
		(*m)[name] = values.Get(name)
	}
	return err
}
