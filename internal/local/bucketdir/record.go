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

// record describes an object. It follows the object's bytes in the file, because
// their number and hash are not known earlier:
//
//	bytes of the object | record as JSON | length of the record, 4 bytes, big endian | trailer
type record struct {
	Key      keyText   `json:"key"`
	Size     int64     `json:"size"` // of the object, in bytes
	MD5      []byte    `json:"md5"`
	Modified time.Time `json:"modified"` // when the object was put
	Metadata metadata  `json:"metadata"` // as received from gofakes3: Content-Type, X-Amz-Meta-…, Last-Modified
}

const (
	extension = ".object"
	trailer   = "ferry/1\n" // the end of every complete file
	footer    = 4 + len(trailer)

	// maxRecord is the maximum length of a record in bytes. S3 allows 1 kB for the
	// key and 2 kB for metadata; net/http accepts 1 MiB of headers.
	maxRecord = 4 << 20
)

// fileName returns the name of a key's file.
func fileName(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:]) + extension
}

// etag returns the ETag, including its quotation marks.
func (r *record) etag() string { return `"` + hex.EncodeToString(r.MD5) + `"` }

// object returns the object in gofakes3's form, without contents.
func (r *record) object() *gofakes3.Object {
	return &gofakes3.Object{Name: string(r.Key), Metadata: r.Metadata, Size: r.Size, Hash: r.MD5}
}

// write writes the record, its length and the trailer. It returns
// ErrMetadataTooLarge if the record is too long.
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

// readRecord reads the record of an object's file. It returns an error if the
// file is damaged or has another object's name.
func readRecord(file *os.File) (r record, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("bucketdir: %s is damaged: %w", file.Name(), err)
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
		return r, errors.New("the trailer is missing")
	}
	length := binary.BigEndian.Uint32(end)
	if length > maxRecord {
		return r, fmt.Errorf("the record has %d bytes", length)
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
		return r, fmt.Errorf("it has %d bytes, but its record says %d", size, r.Size)
	}
	if filepath.Base(file.Name()) != fileName(string(r.Key)) {
		return r, fmt.Errorf("it belongs to the key %q", string(r.Key))
	}
	return r, nil
}

// readAt reads len(buffer) bytes at an offset. A negative offset is an error.
func readAt(file *os.File, buffer []byte, offset int64) error {
	if offset < 0 {
		return io.ErrUnexpectedEOF
	}
	_, err := file.ReadAt(buffer, offset)
	return err
}

// keyText is an arbitrary string, percent-encoded in JSON, which supports only
// UTF-8.
type keyText string

func (t keyText) MarshalText() ([]byte, error) { return []byte(url.QueryEscape(string(t))), nil }

func (t *keyText) UnmarshalText(encoded []byte) error {
	decoded, err := url.QueryUnescape(string(encoded))
	*t = keyText(decoded)
	return err
}

// metadata is a map of arbitrary strings. In JSON it is a URL query.
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
