package media

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"unicode/utf8"
)

// Programs that handle a binary file as text change its bytes from 128 on: a decoder replaces
// those that are not UTF-8 by U+FFFD (EF BF BD), an encoder writes each as two bytes, and an
// encoder for ASCII replaces them by question marks. What remains is valid text, which a
// binary file of this length never is.

const (
	// asBinary is the fix where bytes are lost.
	asBinary = "Upload it again as binary: handle it as bytes and never as a string. " +
		"API Gateway needs its type in binaryMediaTypes, axios needs responseType \"arraybuffer\", and Node.js a Buffer without toString()."
	// Commands that undo a conversion. Windows-1252 has five bytes without a character, which most
	// programs decode as U+0081 and the like, and iconv does not encode.
	fromLatin1  = "iconv -f UTF-8 -t LATIN1"
	fromWindows = `perl -0777 -MEncode -ne 'print encode("cp1252", decode("UTF-8", $_), sub { chr shift })'`
)

// mangling is how a binary file was changed.
type mangling struct {
	why  string // for CodeMangled
	fix  string
	mime string // type of the table that the file had, empty if that is not known
}

// characters is a binary file read as text.
type characters struct {
	start    []byte // the first of them: ASCII as it is, otherFolded for any other
	count    int
	controls int // control characters that text does not contain, without NUL
	marks    int // question marks
	replaced int // U+FFFD
	latin    int // U+0080 to U+00FF
	windows  int // those of Windows-1252 that are not in Latin-1
	other    int // the rest above ASCII

	seen [256]bool // bytes for which latin and windows would stand
}

// otherFolded stands for a character above ASCII.
const otherFolded = 0xff

// utf8Mark is the byte order mark in UTF-8.
const utf8Mark = "\xef\xbb\xbf"

// textKinds is more than the letters and signs above ASCII that a text uses.
const textKinds = 64

// startSize is how many characters show which format a file had.
const startSize = kib

// replacedZlib is the beginning of a compressed stream of a PDF (docs/references.md#pdf) whose
// second byte, mostly 9C or DA, was replaced.
var replacedZlib = regexp.MustCompile(`stream\r?\nx\x{fffd}`)

// findMangling recognises a binary file that was handled as text. whole is false if the
// file is longer than the head.
func findMangling(head []byte, whole bool) (mangling, bool) {
	utf16 := bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff"))
	var c characters
	switch {
	case utf16:
		c = readUTF16(head)
	default:
		var ok bool
		if c, ok = readUTF8(bytes.TrimPrefix(head, []byte(utf8Mark)), whole); !ok {
			return mangling{}, false
		}
	}
	mime := formerType(c.start)
	// Text has no control characters. Compressed data consist of them to a tenth, a PDF of
	// plain text not at all. A short PDF has few, but the beginning of a stream shows it.
	if !utf16 && (c.controls == 0 || mime == "application/pdf" && c.controls < 8) && !replacedZlib.Match(head) {
		return mangling{}, false
	}
	switch high := c.replaced + c.latin + c.windows + c.other; {
	case utf16 && mime != "": // no text begins so
		return mangling{"it was converted to UTF-16 while it was handled as text, as > in PowerShell does", asBinary, mime}, true
	case utf16:
		return mangling{}, false
	case c.replaced >= 4 && c.replaced >= high*3/4 && (mime != "" || c.controls*50 > c.count):
		return mangling{"bytes were replaced by the mark of invalid characters (EF BF BD) while it was handled as text", asBinary, mime}, true
	case high == 0:
		return questionMarks(c)
	case c.replaced+c.other == 0:
		return widened(head, c)
	}
	return mangling{}, false
}

// questionMarks recognises a file in which each byte from 128 on became a question mark.
func questionMarks(c characters) (mangling, bool) {
	folded := bytes.ReplaceAll(c.start, []byte("?"), []byte{otherFolded})
	mime := formerType(folded)
	if mime == "" || c.controls < 8 || c.marks < 2*c.controls || c.marks*20 < c.count {
		return mangling{}, false
	}
	return mangling{"bytes were replaced by question marks while it was handled as text", asBinary, mime}, true
}

// widened recognises a file in which each byte from 128 on became a character of Latin-1
// or Windows-1252 in UTF-8, by undoing that. A tag or a PDF may contain real text, in which
// fewer kinds of these characters occur.
func widened(head []byte, c characters) (mangling, bool) {
	former := sniff(narrow(head, sniffSize), "")
	marked := c.start[0] == otherFolded
	if len(former.candidates) == 0 || former.uncertain && !marked || former.candidates[0] == "text/plain" {
		return mangling{}, false
	}
	kinds := 0
	for _, seen := range c.seen {
		if seen {
			kinds++
		}
	}
	if kinds < textKinds && !marked {
		return mangling{}, false
	}
	if c.windows > 0 {
		return mangling{"bytes above 127 were converted from Windows-1252 to UTF-8 while it was handled as text", undo(fromWindows, head), former.candidates[0]}, true
	}
	return mangling{"bytes above 127 were converted from Latin-1 to UTF-8 while it was handled as text", undo(fromLatin1, head), former.candidates[0]}, true
}

// undo is the fix with a command that undoes a conversion. A byte order mark in front of the
// text was no byte of the file.
func undo(command string, head []byte) string {
	if bytes.HasPrefix(head, []byte(utf8Mark)) {
		command = fmt.Sprintf("tail -c +%d IN | %s", len(utf8Mark)+1, command)
	} else {
		command += " IN"
	}
	return "Upload it again as binary, or undo the conversion, without loss: " + command + " > out.EXT"
}

// readUTF8 counts the characters. It returns false if the bytes are not UTF-8; the last
// character of a head may be incomplete.
func readUTF8(head []byte, whole bool) (c characters, ok bool) {
	c.start = make([]byte, 0, startSize)
	for len(head) > 0 {
		r, size := rune(head[0]), 1
		if r >= utf8.RuneSelf {
			if r, size = utf8.DecodeRune(head); size == 1 {
				return c, !whole && !utf8.FullRune(head)
			}
		}
		c.add(r)
		head = head[size:]
	}
	return c, c.count > 0
}

// readUTF16 counts the characters of UTF-16 after its byte order mark.
func readUTF16(head []byte) characters {
	c := characters{start: make([]byte, 0, startSize)}
	var order binary.ByteOrder = binary.LittleEndian
	if head[0] == 0xfe {
		order = binary.BigEndian
	}
	for head = head[2:]; len(head) >= 2; head = head[2:] {
		c.add(rune(order.Uint16(head)))
	}
	return c
}

func (c *characters) add(r rune) {
	c.count++
	folded := byte(otherFolded)
	switch {
	case r < utf8.RuneSelf:
		folded = byte(r)
		if notText[folded] && r != 0 {
			c.controls++
		}
		if r == '?' {
			c.marks++
		}
	case r == utf8.RuneError:
		c.replaced++
	case r <= 0xff:
		c.latin++
		c.seen[r] = true
	default:
		if i := slices.Index(windows1252[:], r); i >= 0 {
			c.windows++
			c.seen[0x80+i] = true
		} else {
			c.other++
		}
	}
	if len(c.start) < startSize {
		c.start = append(c.start, folded)
	}
}

// windows1252 are the characters for the bytes 0x80 to 0x9f; 0 where there is none.
var windows1252 = [32]rune{
	'€', 0, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0, 'Ž', 0,
	0, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0, 'ž', 'Ÿ',
}

// narrow undoes a conversion from Latin-1 or Windows-1252 to UTF-8, up to so many bytes.
func narrow(head []byte, size int) []byte {
	head = bytes.TrimPrefix(head, []byte(utf8Mark))
	out := make([]byte, 0, size)
	for len(head) > 0 && len(out) < size {
		r, n := utf8.DecodeRune(head)
		if i := slices.Index(windows1252[:], r); i >= 0 && r > 0xff {
			r = rune(0x80 + i)
		}
		out, head = append(out, byte(r)), head[n:]
	}
	return out
}

// formerType recognises a type of the table by its first characters, in which every one
// above ASCII is otherFolded. Several bytes may have become one character.
func formerType(start []byte) string {
	high := len(start) - len(bytes.TrimLeft(start, "\xff"))
	rest := start[high:]
	has := func(s string) bool { return bytes.Contains(start[:min(len(start), 64)], []byte(s)) }
	switch {
	case high == 4 && (has("JFIF\x00") || has("Exif\x00") || has("ICC_PROFILE") || has("Adobe\x00") || bytes.HasPrefix(rest, []byte("\x00C\x00"))):
		return "image/jpeg"
	case high <= 1 && isPNGStart(rest):
		return "image/png"
	case bytes.HasPrefix(start, []byte("%PDF-")):
		return "application/pdf"
	case bytes.HasPrefix(start, []byte("OggS\x00")):
		return "audio/ogg"
	case bytes.HasPrefix(start, []byte("RIFF")) && has("WEBPVP8"):
		return "image/webp"
	case bytes.HasPrefix(start, []byte("#!AMR\n")):
		return "audio/amr"
	case bytes.HasPrefix(start, []byte("ID3")) && len(start) > 3 && start[3] <= 4:
		return "audio/mpeg"
	case len(start) > 12 && start[0] == 0 && bytes.Contains(start[:9], []byte("ftyp")):
		if d, ok := sniffISOMedia(start); ok && len(d.candidates) > 0 {
			return d.candidates[0]
		}
	case bytes.HasPrefix(start, []byte("PK\x03\x04")):
		for _, part := range officeParts {
			if bytes.Contains(start, []byte(part.folder)) {
				return part.mime
			}
		}
		if has("[Content_Types].xml") || has("_rels/.rels") {
			return docx
		}
	case high == 2 && bytes.HasPrefix(rest, []byte("\x11\xff")) && bytes.HasPrefix(bytes.TrimLeft(rest[1:], "\xff"), []byte("\x1a\xff")):
		return doc
	}
	return ""
}

// isPNGStart reports whether these bytes are the rest of a PNG's mark, in which line breaks
// may have been converted.
func isPNGStart(rest []byte) bool {
	const name = "PNG"
	if !bytes.HasPrefix(rest, []byte(name)) {
		return false
	}
	rest = bytes.TrimLeft(rest[len(name):], "\r\n")
	return len(rest) > 1 && rest[0] == 0x1a && rest[1] <= '\r'
}
