package media

import (
	"bytes"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// detection is what the first bytes say.
type detection struct {
	mime        string   // what they are: "image/gif"; "" if nothing is recognised
	description string   // words that say it better than mime: "Vorbis audio in Ogg"; may be ""
	candidates  []string // types of the table that such bytes may be declared as, likeliest first
	uncertain   bool     // not enough to decide the type alone
	animated    bool     // a WebP that moves
}

// describe says what was found, for a message.
func (f detection) describe() string {
	switch {
	case f.description != "":
		return f.description
	case f.mime != "":
		return f.mime
	}
	return "no format that ferry knows"
}

// likely is the row that the bytes point to, if they point to one firmly. Text
// points nowhere: any error message is text.
func (f detection) likely() (Type, bool) {
	if f.uncertain || len(f.candidates) == 0 || f.candidates[0] == "text/plain" {
		return Type{}, false
	}
	return lookup(f.candidates[0])
}

// sniff recognises a file by its first bytes. The recognisers here come first,
// for formats where WhatsApp draws a line that the library does not: containers
// by their content, stickers by their motion, audio frames by their layer.
func sniff(head []byte, declared string) detection {
	for _, recognise := range []func([]byte) (detection, bool){
		sniffISOMedia, sniffOgg, sniffWebP, sniffOffice, sniffAudio, sniffPDF,
	} {
		if f, ok := recognise(head); ok {
			return f
		}
	}
	if f, ok := sniffText(head, declared); ok {
		return f
	}
	f := detection{mime: detect(head)}
	if t, ok := lookup(f.mime); ok {
		f.candidates = []string{t.MIME}
	}
	// The library finds MP3 frames anywhere in the bytes, as players do after leading
	// junk. At the start they have been looked for already: elsewhere they only hint.
	f.uncertain = f.mime == "audio/mpeg"
	return f
}

// detect asks the library. "" means that it recognised nothing.
func detect(head []byte) string {
	m := mimetype.Detect(head)
	switch base := baseType(m.String()); base {
	case "application/octet-stream":
		return ""
	case "image/apng": // a PNG for every reader that does not animate
		return "image/png"
	default:
		return base
	}
}

// sniffPDF finds the header where readers look for it, in the first 1024 bytes.
// Text that merely mentions it further on is text as well; a picture that does is none.
func sniffPDF(head []byte) (detection, bool) {
	marker := []byte("%PDF-")
	at := bytes.Index(head[:min(len(head), 1024)], marker)
	if at < 0 {
		return detection{}, false
	}
	if t, ok := lookup(detect(head[:at])); ok && t.kind == kindImage {
		return detection{mime: t.MIME, candidates: []string{t.MIME}}, true
	}
	f := detection{mime: "application/pdf", candidates: []string{"application/pdf"}}
	if !bytes.HasPrefix(bytes.TrimLeft(head, "\xef\xbb\xbf \t\r\n"), marker) && isText(head) {
		f.candidates = append(f.candidates, "text/plain")
	}
	return f, true
}

// sniffText takes all that is text. Meta delivers CSV, JSON and XML that are
// declared text/plain as documents (meta-cloud-api.md §3.1), so every format of
// text fits there, and the library, which tries all that it knows before text, is not
// asked which it is. A web page only hints: it is what stores send in place of a file.
func sniffText(head []byte, declared string) (detection, bool) {
	switch {
	case !isText(head):
		return sniffStrays(head)
	case declared == "text/plain":
		return detection{mime: declared, candidates: []string{declared}}, true
	}
	f := detection{mime: detect(head), candidates: []string{"text/plain"}}
	if f.mime == "" {
		f.mime = "text/plain"
	}
	f.uncertain = strings.Contains(f.mime, "html")
	return f, true
}

// strays are bytes that text should not have and has all the same: 0 from fields of a
// fixed length and from UTF-16 without a mark; bell, backspace and vertical tab, which
// file(1) takes for text too; the end mark of DOS.
const strays = "\x00\a\b\v\x1a"

// sniffStrays takes text in which no other bytes than strays are wrong, and in which the
// library recognises nothing, so that a stray does not change the type by where it
// stands: examineText warns of bytes of 0 in and behind the head alike. It is text only
// for who declares or names it so. Zeros alone, as in a file that was made and never
// written, are nothing.
func sniffStrays(head []byte) (detection, bool) {
	for _, b := range head {
		if notText[b] && strings.IndexByte(strays, b) < 0 {
			return detection{}, false
		}
	}
	letters := bytes.ContainsFunc(head, func(r rune) bool { return r > ' ' })
	zeros := bytes.IndexByte(head, 0) >= 0
	switch {
	case detect(head) != "":
		return detection{}, false
	case !letters && zeros:
		return detection{description: `bytes of 0 without a letter (if text follows, tr -d '\000' removes them)`}, true
	case !letters:
		return detection{}, false
	}
	f := detection{mime: "text/plain", description: "text with control characters in it", candidates: []string{"text/plain"}, uncertain: true}
	if zeros {
		f.description = "text with bytes of 0 in it"
	}
	return f, true
}

// isText reports whether bytes are text of some encoding: a byte order mark, or
// none of the "binary data bytes" of the WHATWG MIME Sniffing Standard §3.
func isText(head []byte) bool {
	for _, mark := range []string{"\xef\xbb\xbf", "\xfe\xff", "\xff\xfe"} {
		if bytes.HasPrefix(head, []byte(mark)) {
			return true
		}
	}
	for _, b := range head {
		if notText[b] {
			return false
		}
	}
	return true
}

// notText are the bytes that no text has.
var notText = func() (table [256]bool) {
	for b := range byte(' ') {
		table[b] = b != '\t' && b != '\n' && b != '\f' && b != '\r' && b != 0x1b
	}
	return table
}()
