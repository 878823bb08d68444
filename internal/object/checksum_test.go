package object

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestChecksumOfTheStoreIsVerified(t *testing.T) {
	const content = "123456789"
	sum1, sum256 := sha1.Sum([]byte(content)), sha256.Sum256([]byte(content))
	encode := func(sum ...byte) string { return base64.StdEncoding.EncodeToString(sum) }
	crc32c := encode(0xe3, 0x06, 0x92, 0x83) // the published check values of "123456789"
	for _, c := range []struct {
		about, headers, body string
		broken               bool
	}{
		{"CRC-32", "x-amz-checksum-crc32: " + encode(0xcb, 0xf4, 0x39, 0x26), content, false},
		{"CRC-32C", "x-amz-checksum-crc32c: " + crc32c, content, false},
		{"CRC-64/NVME", "x-amz-checksum-crc64nvme: " + encode(0xae, 0x8b, 0x14, 0x86, 0x0a, 0x79, 0x98, 0x88), content, false},
		{"SHA-1", "x-amz-checksum-sha1: " + encode(sum1[:]...), content, false},
		{"SHA-256", "x-amz-checksum-sha256: " + encode(sum256[:]...), content, false},
		{"of the whole object, said so", "x-amz-checksum-type: FULL_OBJECT\r\nx-amz-checksum-crc32c: " + crc32c, content, false},
		{"none", "X: y", content, false},
		{"of parts", "x-amz-checksum-crc32c: AAAAAA==-2", content, false},
		{"of parts, said so", "x-amz-checksum-type: COMPOSITE\r\nx-amz-checksum-crc32c: AAAAAA==", content, false},
		{"no base64", "x-amz-checksum-crc32c: ????", content, false},
		{"of another length", "x-amz-checksum-crc32c: AAAA", content, false},
		{"one bit of the body changed", "x-amz-checksum-crc32c: " + crc32c, "123456788", true},
		{"another checksum", "x-amz-checksum-crc64nvme: AAAAAAAAAAA=", content, true},
	} {
		t.Run(c.about, func(t *testing.T) {
			endpoint := says(t, okHead+c.headers+"\r\nContent-Length: 9\r\n\r\n"+c.body)
			for _, verify := range []bool{true, false} {
				cfg := impatient(endpoint)
				cfg.Stores[0].VerifyChecksums = verify
				f, err := newOpener(t, cfg).File("media", "k")
				if err != nil {
					t.Fatal(err)
				}
				_, got, err := read(t.Context(), f, "")
				if !c.broken || !verify {
					if err != nil || got != c.body {
						t.Errorf("%q, %v", got, err)
					}
					continue
				}
				if e := wantKind(t, err, Unavailable); e.Code != "checksum-mismatch" || len(got) == len(c.body) {
					t.Errorf("%q, %v", got, e)
				}
			}
		})
	}
}

func TestChecksumSpansResumes(t *testing.T) {
	content := string(randomBytes(100_000))
	sum := crc32.Checksum([]byte(content), crc32.MakeTable(crc32.Castagnoli))
	encoded := base64.StdEncoding.EncodeToString([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
	endpoint := rawStore(t, func(conn net.Conn, request *http.Request, _ <-chan struct{}) {
		first := 0
		if _, err := fmt.Sscanf(request.Header.Get("Range"), "bytes=%d-", &first); err != nil {
			_, _ = io.WriteString(conn, okHead+"x-amz-checksum-crc32c: "+encoded+"\r\nContent-Length: 100000\r\n\r\n"+content[:40_000])
			return
		}
		rest := content[first:]
		if strings.HasPrefix(request.URL.Path, "/media/changed") {
			rest = strings.Repeat("x", len(rest))
		}
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 206 Partial\r\nETag: \"e1\"\r\nContent-Range: bytes %d-99999/100000\r\nContent-Length: %d\r\n\r\n%s", first, len(rest), rest)
	})
	cfg := impatient(endpoint)
	cfg.Stores[0].VerifyChecksums = true
	opener := newOpener(t, cfg)
	for key, broken := range map[string]bool{"same": false, "changed": true} {
		f, err := opener.File("media", key)
		if err != nil {
			t.Fatal(err)
		}
		obj, got, err := read(t.Context(), f, "")
		if obj.Resumes() != 1 || (err != nil) != broken || !broken && got != content {
			t.Errorf("%s: %d resumes, %d bytes, %v", key, obj.Resumes(), len(got), err)
		}
	}
}
