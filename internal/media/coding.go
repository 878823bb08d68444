package media

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// coding is a content coding (docs/references.md#http-codings): a name in Content-Encoding
// that says how the bytes of the file were changed.
type coding struct {
	names   []string
	magic   string // with which all encoded bytes begin; empty if they have no such mark
	command string // decodes IN to out.EXT; empty if none is common
}

// codings are the registered codings that change the bytes. Any other word says nothing about
// them: many programs store "base64", "utf-8" or "binary" with the plain bytes of a file, and
// "aws-chunked" is how an object was uploaded.
var codings = []coding{
	{[]string{"gzip", "x-gzip", "pack200-gzip"}, "\x1f\x8b", "gzip -dc < IN > out.EXT"},
	{[]string{"compress", "x-compress"}, "\x1f\x9d", "gzip -dc < IN > out.EXT"},
	{[]string{"zstd"}, "\x28\xb5\x2f\xfd", "zstd -dc < IN > out.EXT"},
	{[]string{"dcz"}, "\x5e\x2a\x4d\x18\x20\x00\x00\x00", ""},
	{[]string{"dcb"}, "\xffDCB", ""},
	{[]string{"deflate"}, "", inflate},
	{[]string{"br"}, "", "brotli -dc < IN > out.EXT"},
	{[]string{"aes128gcm", "exi"}, "", ""},
}

// inflate decodes deflate as RFC 9110 means it, in the zlib format. Many programs send it
// without zlib's header, for which the 15 is replaced by -15.
const inflate = "python3 -c 'import sys,zlib;sys.stdout.buffer.write(zlib.decompress(sys.stdin.buffer.read(),15))' < IN > out.EXT"

// checkCoding refuses a file whose bytes are encoded as its Content-Encoding says. A coding
// is believed only if the bytes bear it out: if they begin with its mark or, where it has
// none, if they are not those of a file that ferry knows.
func checkCoding(f File, head []byte, detected detection) *refusal {
	if f.ContentEncoding == "" {
		return nil
	}
	names := strings.Split(strings.ToLower(f.ContentEncoding), ",")
	for _, name := range slices.Backward(names) { // the last one was applied last
		name = strings.TrimSpace(name)
		i := slices.IndexFunc(codings, func(c coding) bool { return slices.Contains(c.names, name) })
		if i < 0 || !codings[i].isBorneOut(head, detected) {
			continue
		}
		return refuse(CodeEncoded, codings[i].advice(f, head), name)
	}
	return nil
}

// isBorneOut reports whether the first bytes may be encoded with c.
func (c coding) isBorneOut(head []byte, detected detection) bool {
	if c.magic != "" {
		return strings.HasPrefix(string(head[:min(len(head), len(c.magic))]), c.magic)
	}
	return !isUnencoded(head, detected)
}

// isUnencoded reports whether the first bytes are certainly those of a file that is not encoded.
// A coding without a mark stores what it cannot compress as it is, behind a few bytes of its
// own. So what may stand behind other bytes does not count: MP3 frames, and the header of a
// PDF.
func isUnencoded(head []byte, detected detection) bool {
	switch detected.mime {
	case "", "application/gzip", "application/zlib", "application/zstd", "application/x-bzip2", "application/x-xz", "application/x-compress":
		return false
	case "application/pdf":
		return bytes.HasPrefix(bytes.TrimLeft(head, "\xef\xbb\xbf \t\r\n\x00"), []byte("%PDF-"))
	}
	if slices.Contains(detected.candidates, "text/plain") {
		return isText(head) && utf8.Valid(withoutPartialRune(head))
	}
	return !detected.uncertain
}

// decodedExtension are the extensions that a command may have as they are.
var decodedExtension = regexp.MustCompile(`^[a-z0-9]{1,10}$`)

// advice says how to decode the file.
func (c coding) advice(f File, head []byte) string {
	const sentence = "Store the file itself, and no Content-Encoding with it"
	if c.command == "" || strings.Contains(f.ContentEncoding, ",") {
		return sentence + "."
	}
	command := c.command
	if command == inflate && !(len(head) > 1 && head[0]&0x0f == 8 && binary.BigEndian.Uint16(head)%31 == 0) {
		command = strings.Replace(command, "15", "-15", 1)
	}
	ext := extension(f.Name)
	if t, ok := lookup(f.DeclaredType); ok {
		ext = t.extension
	}
	if !decodedExtension.MatchString(ext) {
		ext = "decoded"
	}
	return sentence + ". Decode it: " + strings.Replace(command, "out.EXT", "out."+ext, 1)
}
