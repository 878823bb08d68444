package media

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Files in the coding br. The PDF and the JPEG hold what cannot be compressed, so that their
// bytes stand in the file as they are.
var (
	brotliText  = unbase64("G0YBoKwOeHOnIm/HTkRWhUX5tVsYUdamaSp7kyByeaVwUywxDUIW5tIpB+xVmGjE39FOzncnPn+1cjugq3aUYEQydg1eH28/jumL8BcnSVFAjFZ4Kcb1xws=")
	brotliPDF   = unbase64("C0CAJVBERi0xLjcKxn7fuHHsHtGc5s6dUqqCfphBl7V+Ac9B/Q4jVRPJNtwvzHmVXZQJhImCyAr0hX+Wp0twMRT1euz7xpgvwNQtcIkq6Tj2ezhUKoFFBe10eweUk3wLFoR6RNr5m0d3y+wPva4OC/V0KEQAmzuWmxMoKMDB+3XRsWHPAw==")
	brotliJPEG  = unbase64("i0WA/9j/4AAQSkZJRgABAQEASABIAADGft+4cewe0Zzmzp1SqoJ+mEGXtX4Bz0H9DiNVE8k23C/MeZVdlAmEiYLICvSFf5anS3AxFPV67PvGmC/A1C1wiSrpOPZ7OFQqgUUF7XR7B5STfAsWhHpE2vmbR3fL7A+9rg4L9XQoRACbO5abEygowMH7ddGxYc8D")
	brotliHello = unbase64("CwKAaGVsbG8D")
)

func unbase64(text string) string {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// coded returns data as a compressor writes it.
func coded(data string, compressor func(w io.Writer) io.WriteCloser) string {
	var buffer bytes.Buffer
	w := compressor(&buffer)
	_, _ = io.WriteString(w, data)
	_ = w.Close()
	return buffer.String()
}

func gzipped(data string) string {
	return coded(data, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
}

func zlibbed(data string) string {
	return coded(data, func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) })
}

// deflated has the bytes as they are, since that is how deflate stores what it cannot compress.
func deflated(data string) string {
	return coded(data, func(w io.Writer) io.WriteCloser {
		f, _ := flate.NewWriter(w, flate.NoCompression)
		return f
	})
}

func TestContentEncodingIsBelievedOnlyIfTheBytesBearItOut(t *testing.T) {
	mp3 := strings.Repeat(headMP3+strings.Repeat("\x00", 417-len(headMP3)), 8)
	for _, c := range []struct {
		about, encoding, declared, data string
		refused                         bool
	}{
		{"base64 on a decoded JPEG", "base64", "image/jpeg", headJPEG, false},
		{"utf-8 on text", "utf-8", "text/plain", headCSV, false},
		{"binary on a PDF", "binary", "application/pdf", headPDF, false},
		{"none", "none", "image/png", headPNG, false},
		{"identity", "identity", "image/png", headPNG, false},
		{"aws-chunked, which some stores keep", "aws-chunked", "image/png", headPNG, false},
		{"aws-chunked and base64", "aws-chunked,base64", "image/png", headPNG, false},
		{"only commas", " , ", "image/png", headPNG, false},
		{"a word that nobody registered", "7bit", "image/png", headPNG, false},
		{"a MIME type", "image/jpeg", "image/jpeg", headJPEG, false},
		{"gzip on a plain JPEG", "gzip", "image/jpeg", headJPEG, false},
		{"gzip on plain text", "gzip", "text/plain", headCSV, false},
		{"zstd on a plain PDF", "zstd", "application/pdf", headPDF, false},
		{"compress on a plain PDF", "compress", "application/pdf", headPDF, false},
		{"br on a plain JPEG", "br", "image/jpeg", headJPEG, false},
		{"br on a plain PDF", "br", "application/pdf", headPDF, false},
		{"br on a plain PDF behind a byte order mark", "br", "application/pdf", "\xef\xbb\xbf" + headPDF, false},
		{"br on plain text", "br", "text/plain", "Grüße\n", false},
		{"br on plain Opus", "br", "audio/ogg", oggOf(opusHead), false},
		{"deflate on text that looks like zlib", "deflate", "text/plain", "x^2 + y^2", false},

		{"gzip", "gzip", "image/jpeg", gzipped(headJPEG), true},
		{"gzip of undeclared bytes", "gzip", "", gzipped(headJPEG), true},
		{"gzip in capitals", "GZip", "text/plain", gzipped(headCSV), true},
		{"x-gzip", "x-gzip", "text/plain", gzipped(headCSV), true},
		{"gzip behind aws-chunked", "aws-chunked, gzip", "text/plain", gzipped(headCSV), true},
		{"gzip in front of a word that means nothing", "gzip,base64", "text/plain", gzipped(headCSV), true},
		{"compress", "compress", "text/plain", "\x1f\x9d\x90" + headCSV, true},
		{"zstd", "zstd", "text/plain", "\x28\xb5\x2f\xfd\x04\x00" + headCSV, true},
		{"zstd with a dictionary", "dcz", "text/plain", "\x5e\x2a\x4d\x18\x20\x00\x00\x00" + headCSV, true},
		{"deflate with zlib's header", "deflate", "text/plain", zlibbed(headCSV), true},
		{"deflate without it, which stores a PDF", "deflate", "application/pdf", deflated(headPDF), true},
		{"deflate without it, which stores MP3", "deflate", "audio/mpeg", deflated(mp3), true},
		{"br", "br", "text/plain", brotliText, true},
		{"br of a few bytes", "br", "text/plain", brotliHello, true},
		{"br that stores a PDF", "br", "application/pdf", brotliPDF, true},
		{"br that stores a JPEG", "br", "image/jpeg", brotliJPEG, true},
		{"br of gzip", "gzip, br", "text/plain", brotliJPEG, true},
		{"br on what is only gzip", "br", "text/plain", gzipped(headCSV), true},
		{"an encryption", "aes128gcm", "image/jpeg", headJunk, true},
	} {
		t.Run(c.about, func(t *testing.T) {
			r := identify(File{DeclaredType: c.declared, ContentEncoding: c.encoding, Name: "a", Size: int64(len(c.data)), Head: []byte(c.data)})
			if got := code(t, r); (got == CodeEncoded) != c.refused || got != "" && got != CodeEncoded {
				t.Errorf("code %q; %+v", got, r.Findings)
			}
		})
	}
}

func TestTheAdviceForAnEncodedFileDecodesIt(t *testing.T) {
	for _, c := range []struct{ encoding, name, declared, data, want string }{
		{"gzip", "a.csv", "text/plain", gzipped(headCSV), headCSV},
		{"x-gzip", "a", "image/jpeg", gzipped(headJPEG), headJPEG},
		{"gzip", "a", "", gzipped(headJPEG), headJPEG},
		{"deflate", "a.txt", "text/plain", zlibbed(headCSV), headCSV},
		{"deflate", "a.pdf", "application/pdf", deflated(headPDF), headPDF},
		{"zstd", "a.pdf", "application/pdf", "", headPDF},
		{"br", "a.pdf", "application/pdf", brotliPDF, ""},
	} {
		t.Run(c.encoding+" "+c.declared, func(t *testing.T) {
			directory := t.TempDir()
			data := c.data
			if c.encoding == "zstd" {
				if err := os.WriteFile(filepath.Join(directory, "plain"), []byte(c.want), 0o600); err != nil {
					t.Fatal(err)
				}
				run(t, "zstd -q plain -o coded", directory)
				coded, err := os.ReadFile(filepath.Join(directory, "coded"))
				if err != nil {
					t.Fatal(err)
				}
				data = string(coded)
			}
			r := identify(File{DeclaredType: c.declared, ContentEncoding: c.encoding, Name: c.name, Size: int64(len(data)), Head: []byte(data)})
			if code(t, r) != CodeEncoded {
				t.Fatalf("%+v", r)
			}
			line := command(r.Findings[0].Fix)
			if err := os.WriteFile(filepath.Join(directory, "file"), []byte(data), 0o600); err != nil {
				t.Fatal(err)
			}
			run(t, regexp.MustCompile(`\bIN\b`).ReplaceAllString(line, "file"), directory)
			got, err := os.ReadFile(filepath.Join(directory, outFile.FindString(line)))
			if err != nil || c.want != "" && string(got) != c.want {
				t.Errorf("%s: %q, %v", line, got, err)
			}
			after := identified(c.declared, outFile.FindString(line), string(got))
			if len(after.Findings) > 0 && c.declared != "" {
				t.Errorf("after %q: %+v", line, after.Findings)
			}
		})
	}
}
