package media

import (
	"bytes"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// found is what the first bytes say.
type found struct {
	mime     string   // what they are: "image/gif"; "" if nothing is recognised
	note     string   // words that say it better than mime: "Vorbis audio in Ogg"; may be ""
	fits     []string // types of the table that such bytes may be declared as, likeliest first
	weak     bool     // not enough to decide the type alone
	animated bool     // a WebP that moves
}

// text says what was found, for a message.
func (f found) text() string {
	switch {
	case f.note != "":
		return f.note
	case f.mime != "":
		return f.mime
	}
	return "no format that ferry knows"
}

// likely is the row that the bytes point to, if they point to one firmly. Text
// points nowhere: any error message is text.
func (f found) likely() (Type, bool) {
	if f.weak || len(f.fits) == 0 || f.fits[0] == "text/plain" {
		return Type{}, false
	}
	return Lookup(f.fits[0])
}

// sniff recognises a file by its first bytes. The recognisers here come first,
// for formats where WhatsApp draws a line that the library does not: containers
// by their content, stickers by their motion, audio frames by their layer.
func sniff(head []byte) found {
	for _, recognise := range []func([]byte) (found, bool){
		sniffISOMedia, sniffOgg, sniffWebP, sniffOffice, sniffAudio, sniffPDF, sniffText,
	} {
		if f, ok := recognise(head); ok {
			return f
		}
	}
	f := found{mime: detect(head)}
	if t, ok := Lookup(f.mime); ok {
		f.fits = []string{t.MIME}
	}
	// The library finds MP3 frames anywhere in the bytes, as players do after leading
	// junk. At the start they have been looked for already: elsewhere they only hint.
	f.weak = f.mime == "audio/mpeg"
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
// Text that merely mentions it further on is text as well.
func sniffPDF(head []byte) (found, bool) {
	marker := []byte("%PDF-")
	f := found{mime: "application/pdf", fits: []string{"application/pdf"}}
	if !bytes.HasPrefix(bytes.TrimLeft(head, "\xef\xbb\xbf \t\r\n"), marker) && isText(head) {
		f.fits = append(f.fits, "text/plain")
	}
	return f, bytes.Contains(head[:min(len(head), 1024)], marker)
}

// sniffText takes all that is text. Meta delivers CSV, JSON and XML that are
// declared text/plain as documents (meta-cloud-api.md §3.1), so every format of
// text fits there. A web page only hints: it is what stores send in place of a file.
func sniffText(head []byte) (found, bool) {
	if !isText(head) {
		return found{}, false
	}
	f := found{mime: detect(head), fits: []string{"text/plain"}}
	if f.mime == "" {
		f.mime = "text/plain"
	}
	f.weak = strings.Contains(f.mime, "html")
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
