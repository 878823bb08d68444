package media

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// substitute is what was stored instead of the file itself.
type substitute struct {
	code, what, fix string
	inside          Type // the file itself, if that is known
}

// findSubstitute recognises what programs store instead of a file: the form that should have
// carried it, its bytes written as text, a pointer to it, an error message, or a compressed
// file. Text that is sent as text is left to examineText.
func findSubstitute(head []byte, f File, declared string) (substitute, bool) {
	text := bytes.TrimLeft(trimMarks(head), " \t\r\n")
	if bytes.HasPrefix(text, []byte("--")) {
		if s, ok := storedForm(text[:min(len(text), sniffSize)]); ok {
			return s, true
		}
	}
	if isText(text[:min(len(text), sniffSize)]) {
		if sentAsText(f.Name, declared) {
			return substitute{}, false
		}
		return textSubstitute(text)
	}
	return compressed(head, f.Name, declared)
}

// sentAsText reports whether text is what the caller wants to send.
func sentAsText(name, declared string) bool {
	if isUninformative(declared) {
		mime, _ := mimeOfExtension(extension(name))
		return mime == "text/plain"
	}
	return declared == "text/plain"
}

// formHeader is the beginning of a form (docs/references.md#multipart): a boundary, then the
// header of a part, one line of which says that the part belongs to a form.
var formHeader = regexp.MustCompile(`(?i)^--[0-9A-Za-z'()+_,./:=? -]{1,70}\r?\n(?:[a-z-]{1,40}:[^\r\n]*\r?\n){0,5}?content-disposition:\s*form-data;[^\r\n]*\r?\n`)

// filePart is the beginning of a part that is a file.
var filePart = regexp.MustCompile(`(?i)content-disposition:\s*form-data;[^\r\n]*filename[^\r\n]*\r?\n(?:[a-z-]{1,40}:[^\r\n]*\r?\n){0,5}?\r?\n`)

// storedForm recognises a form that was stored with its frame.
func storedForm(text []byte) (substitute, bool) {
	if !formHeader.Match(text) {
		return substitute{}, false
	}
	s := substitute{code: CodeStoredForm, what: "a file"}
	if at := filePart.FindIndex(text); at != nil {
		if d := sniff(text[at[1]:], ""); d.mime != "" {
			s.what = nameOf(d.mime)
		}
	}
	return s, true
}

// textSubstitute recognises text that stands for a binary file.
func textSubstitute(text []byte) (substitute, bool) {
	for _, recognise := range []func([]byte) (substitute, bool){pointer, storeError, listedBytes, hexText, base64Text} {
		if s, ok := recognise(text); ok {
			return s, true
		}
	}
	return substitute{}, false
}

// pointer recognises what Git LFS keeps in a repository instead of a large file.
func pointer(text []byte) (substitute, bool) {
	return substitute{code: CodeStoredPointer, what: "a pointer of Git LFS"},
		bytes.HasPrefix(text, []byte("version https://git-lfs.github.com/spec/"))
}

// errorDocument is the beginning of an error document of S3 and of stores like it.
var errorDocument = regexp.MustCompile(`^(?:<\?xml[^>]*\?>)?\s*<Error(?: xmlns="[^"]*")?>\s*<Code>([A-Za-z.]{1,50})</Code>`)

func storeError(text []byte) (substitute, bool) {
	found := errorDocument.FindSubmatch(text[:min(len(text), kib)])
	if found == nil {
		return substitute{}, false
	}
	return substitute{code: CodeErrorDocument, what: string(found[1])}, true
}

// listedBytes recognises the JSON of a buffer: Node.js writes {"type":"Buffer","data":[255,216]},
// other programs [255,216] or {"0":255,"1":216}.
func listedBytes(text []byte) (substitute, bool) {
	if !bytes.HasPrefix(text, []byte("[")) && !bytes.HasPrefix(text, []byte("{")) {
		return substitute{}, false
	}
	squeezed := strings.Join(strings.Fields(string(text[:min(len(text), kib)])), "")
	list, ok := strings.CutPrefix(squeezed, `{"type":"Buffer","data":[`)
	if !ok {
		list, ok = strings.CutPrefix(squeezed, "[")
	}
	indexed := strings.HasPrefix(squeezed, `{"0":`)
	if indexed {
		list, ok = strings.TrimPrefix(squeezed, "{"), true
	}
	if !ok {
		return substitute{}, false
	}
	var data []byte
	for item := range strings.SplitSeq(list, ",") {
		if indexed {
			_, item, _ = strings.Cut(item, ":")
		}
		n, err := strconv.ParseUint(item, 10, 8)
		if err != nil {
			break
		}
		data = append(data, byte(n))
	}
	return encodedAs(data, "a list of numbers in JSON", "")
}

// hexPrefix is what may stand before hexadecimal digits; PostgreSQL writes \x.
var hexPrefix = regexp.MustCompile(`^"?(?:\\x|(0x))?`)

// hexText recognises hexadecimal digits.
func hexText(text []byte) (substitute, bool) {
	prefix := hexPrefix.FindSubmatchIndex(text)
	var digits []byte
	for _, b := range text[prefix[1]:min(len(text), prefix[1]+sniffSize)] {
		switch {
		case b >= '0' && b <= '9', b >= 'a' && b <= 'f', b >= 'A' && b <= 'F':
			digits = append(digits, b)
		case b != ' ' && b != '\r' && b != '\n' && b != ':' && b != '"':
			return substitute{}, false
		}
	}
	data := make([]byte, len(digits)/2)
	if _, err := hex.Decode(data, digits[:len(data)*2]); err != nil {
		return substitute{}, false
	}
	command := "tr a-f A-F < IN | basenc --base16 -di > out.EXT"
	if prefix[2] >= 0 {
		command = "sed '1s/0x//' IN | tr a-f A-F | basenc --base16 -di > out.EXT"
	}
	return encodedAs(data, "hexadecimal digits", command)
}

// base64Prefix is what may stand before base64: a quotation mark, and the beginning of a data URI.
var base64Prefix = regexp.MustCompile(`(?i)^"?(data:[a-z0-9.+/-]*(?:; ?[a-z0-9.+="_-]+)*;base64,)?`)

// base64Text recognises base64 in both alphabets. All of the head must consist of it, so that
// a text that happens to begin with such characters is none.
func base64Text(text []byte) (substitute, bool) {
	const sample, shortest = 2 * kib, 64
	prefix := base64Prefix.FindSubmatchIndex(text[:min(len(text), kib)])
	text = text[prefix[1]:]
	if len(text) < shortest {
		return substitute{}, false
	}
	var digits []byte
	urlSafe, count := false, 0
	for _, b := range text {
		switch {
		case b == '-':
			urlSafe, b = true, '+'
		case b == '_':
			urlSafe, b = true, '/'
		case b >= '0' && b <= '9', b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b == '+', b == '/':
		case b == '=':
			count++
			continue
		case b == '\r' || b == '\n' || b == ' ' || b == '"':
			continue
		default:
			return substitute{}, false
		}
		count++
		if len(digits) < sample {
			digits = append(digits, b)
		}
	}
	data, _ := base64.RawStdEncoding.DecodeString(string(digits[:len(digits)/4*4]))
	how, command := "base64", "base64 -di IN > out.EXT"
	if prefix[2] >= 0 {
		how, command = "a data URI", "sed '1s/^.*;base64,//' IN | base64 -di > out.EXT"
	}
	if unpadded := count%4 != 0 && len(text) < HeadSize-kib; urlSafe || unpadded { // which base64 refuses
		command = "perl -MMIME::Base64 -0777 -ne 's/^.*;base64,//; tr{-_}{+/}; print decode_base64($_)' IN > out.EXT"
	}
	return encodedAs(data, how, command)
}

// encodedAs is the substitute for a file that was written as text, if data are its first bytes.
func encodedAs(data []byte, how, command string) (substitute, bool) {
	d, ok := sniffMarked(data)
	if !ok {
		return substitute{}, false
	}
	s := substitute{code: CodeEncodedText, what: nameOf(d.mime) + " as " + how}
	if len(d.candidates) > 0 && !d.uncertain {
		s.inside, _ = lookup(d.candidates[0])
		if command != "" {
			s.fix = "Store its bytes and not their text form, or decode it: " + command
		}
	}
	return s, true
}

// compressed recognises a file in gzip, or as the only file of a ZIP, that should be a file
// of the table by its declared type or its name.
func compressed(head []byte, name, declared string) (substitute, bool) {
	wanted, ok := lookup(declared)
	if isUninformative(declared) {
		mime, _ := mimeOfExtension(extension(name))
		wanted, ok = lookup(mime)
	}
	switch {
	case !ok:
		return substitute{}, false
	case bytes.HasPrefix(head, []byte("\x1f\x8b\x08")):
		return inGzip(head, wanted)
	}
	return inZip(head, wanted)
}

func inGzip(head []byte, wanted Type) (substitute, bool) {
	s := substitute{code: CodeCompressed, what: "gzip"}
	r, err := gzip.NewReader(bytes.NewReader(head))
	if err != nil {
		return s, true
	}
	data := make([]byte, sniffSize)
	n, _ := io.ReadFull(r, data)
	if d := sniff(data[:n], wanted.MIME); len(d.candidates) > 0 {
		s.inside, _ = lookup(d.candidates[0])
		s.fix = "Store it uncompressed, with Content-Type " + s.inside.MIME + ": gzip -dc < IN > out.EXT"
	}
	return s, true
}

// inZip looks at the name of the first file of an archive: its length, u16 little endian, is
// at 26, and the name at 30 (docs/references.md#zip, §4.3.7).
func inZip(head []byte, wanted Type) (substitute, bool) {
	const lengthAt, nameAt = 26, 30
	if !bytes.HasPrefix(head, []byte("PK\x03\x04")) || len(head) < nameAt {
		return substitute{}, false
	}
	length := int(head[lengthAt]) | int(head[lengthAt+1])<<8
	first := string(head[nameAt:min(len(head), nameAt+length)])
	if !wanted.fits(extension(first)) || startsLikeOOXML(head) || strings.Contains(first, "/") {
		return substitute{}, false
	}
	return substitute{code: CodeCompressed, what: "a ZIP archive", fix: "Extract it (unzip IN), and store the file that is inside."}, true
}
