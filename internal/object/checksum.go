package object

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // one of S3's checksums
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"net/http"
)

// checksum verifies the bytes of an object against the checksum that the store keeps for
// it (docs/references.md#s3-checksums).
type checksum struct {
	name string // for messages
	hash.Hash
	want []byte
}

// checksumAlgorithms are those of S3, the cheapest first.
var checksumAlgorithms = []struct {
	name, header string
	new          func() hash.Hash
}{
	{"CRC-32C", "X-Amz-Checksum-Crc32c", func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }},
	{"CRC-32", "X-Amz-Checksum-Crc32", func() hash.Hash { return crc32.NewIEEE() }},
	{"CRC-64/NVME", "X-Amz-Checksum-Crc64nvme", func() hash.Hash { return crc64.New(crc64.MakeTable(0x9a6c9329ac4bc9b5)) }},
	{"SHA-256", "X-Amz-Checksum-Sha256", sha256.New},
	{"SHA-1", "X-Amz-Checksum-Sha1", sha1.New},
}

// newChecksum returns the checksum of the whole object in a response, nil if there is
// none. One that is made of those of parts ("COMPOSITE", with a dash and the number of
// parts) cannot be verified without knowing the parts.
func newChecksum(header http.Header) *checksum {
	if header.Get("X-Amz-Checksum-Type") == "COMPOSITE" {
		return nil
	}
	for _, algorithm := range checksumAlgorithms {
		want, err := base64.StdEncoding.DecodeString(header.Get(algorithm.header))
		if sum := algorithm.new(); err == nil && len(want) == sum.Size() {
			return &checksum{algorithm.name, sum, want}
		}
	}
	return nil
}

// matches reports whether the bytes that were written are those of the object.
func (c *checksum) matches() bool { return bytes.Equal(c.Sum(nil), c.want) }
