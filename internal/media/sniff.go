package media

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// detection is what the first bytes show.
type detection struct {
	mime        string   // the type that they show: "image/gif"; empty if nothing is recognised
	description string   // a better description than mime: "Vorbis audio in Ogg"; may be empty
	candidates  []string // types of the table that such bytes may be declared as, the most likely first
	uncertain   bool     // does not decide the type without a declared type or an extension
	animated    bool     // an animated WebP or GIF
	code        bool     // text that is not for people to read (codeNames); text/plain only if the file is named so
	movie       bool     // an ISO base media file, whose tracks its index shows
	tracks      tracks   // of a container for audio and video
	oldOffice   string   // the Office type that a format before OLE2 belongs to
}

// tracks is which kinds of tracks a container has.
type tracks struct{ known, video, audio bool }

// soundOnly reports whether a container is known to have sound and no picture.
func (t tracks) soundOnly() bool { return t.known && t.audio && !t.video }

// describe returns what was detected, for a message.
func (f detection) describe() string {
	switch {
	case f.description != "":
		return f.description
	case f.mime != "":
		return f.mime
	}
	return "an unknown format"
}

// likely returns the row that the bytes belong to, if they decide it. Text decides
// nothing: any error message is text.
func (f detection) likely() (Type, bool) {
	if f.uncertain || len(f.candidates) == 0 || f.candidates[0] == "text/plain" {
		return Type{}, false
	}
	return lookup(f.candidates[0])
}

// sniff recognises a file by its first bytes. The functions of this package come first.
// They are for formats in which WhatsApp makes distinctions that the library does not:
// containers by their content, stickers by animation, audio frames by their layer.
func sniff(head []byte, declared string) detection {
	if f, ok := sniffEBML(head); ok { // its tracks may be described beyond sniffSize
		return f
	}
	head = head[:min(len(head), sniffSize)]
	for _, recognise := range []func([]byte) (detection, bool){
		sniffISOMedia, sniffOgg, sniffWebP, sniffOffice, sniffOldOffice, sniffAudio, sniffPDF,
	} {
		if f, ok := recognise(head); ok {
			return f
		}
	}
	if f, ok := sniffText(head, declared); ok {
		return f
	}
	f := detection{mime: detect(head), animated: isAnimatedGIF(head)}
	if t, ok := lookup(f.mime); ok {
		f.candidates = []string{t.MIME}
	}
	// The library finds MP3 frames anywhere in the bytes, as players do after leading junk.
	// sniffAudio has already checked the start; frames elsewhere do not decide the type.
	f.uncertain = f.mime == "audio/mpeg"
	return f
}

// isAnimatedGIF reports whether a GIF has a loop or a second picture in its first bytes.
func isAnimatedGIF(head []byte) bool {
	return bytes.HasPrefix(head, []byte("GIF8")) &&
		(bytes.Contains(head, []byte("NETSCAPE2.0")) || bytes.Count(head, []byte("\x21\xf9\x04")) > 1)
}

// detect returns the library's type, "" if it recognises nothing.
func detect(head []byte) string {
	m := mimetype.Detect(head)
	switch base := baseType(m.String()); base {
	case "application/octet-stream":
		return ""
	case "image/apng": // a PNG for readers that do not support animation
		return "image/png"
	default:
		return base
	}
}

// sniffPDF finds the header where readers look for it, in the first 1024 bytes. If text
// contains it after its start, the file may be either. An image that contains it is an image.
func sniffPDF(head []byte) (detection, bool) {
	marker := []byte("%PDF-")
	at := bytes.Index(head[:min(len(head), 1024)], marker)
	if at < 0 {
		return sniffOddPDF(head)
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

// oddPDF is a header that readers accept besides %PDF-, with a version that is not separated
// from it, or as PostScript writes it (docs/references.md#pdf, §H.3.4.1).
var oddPDF = regexp.MustCompile(`^(?:\xef\xbb\xbf)?\s*%(?:PDF\s?\d|!PS-Adobe-\d\.\d PDF-\d)`)

// sniffOddPDF recognises PDFs with an unusual header. Text may begin so, too.
func sniffOddPDF(head []byte) (detection, bool) {
	if !oddPDF.Match(head[:min(len(head), 64)]) {
		return detection{}, false
	}
	return detection{mime: "application/pdf", candidates: []string{"application/pdf", "text/plain"}}, true
}

// sniffText recognises text. Meta delivers CSV, JSON and XML that are declared as
// text/plain as documents (docs/references.md#media-failures), so every text format is
// accepted under that type, without a slow call of the library. A web page does not decide
// the type: stores send one instead of a file.
func sniffText(head []byte, declared string) (detection, bool) {
	switch {
	case !isText(head):
		return sniffStrays(head)
	case declared == "text/plain":
		return detection{mime: declared, candidates: []string{declared}}, true
	}
	if mime := codeType(bytes.TrimLeft(trimMarks(head), " \t\r\n")); mime != "" {
		return detection{mime: mime, candidates: []string{"text/plain"}, code: true}, true
	}
	f := detection{mime: detect(head), candidates: []string{"text/plain"}}
	if f.mime == "" {
		f.mime = "text/plain"
	}
	f.uncertain = strings.Contains(f.mime, "html")
	return f, true
}

// strays are bytes that text should not contain but sometimes does: NUL, from fields of
// fixed length and from UTF-16 without a byte order mark; bell, backspace and vertical tab,
// which file(1) accepts in text too; and the end mark of DOS.
const strays = "\x00\a\b\v\x1a"

// sniffStrays recognises text whose only invalid bytes are strays, if the library recognises
// nothing, so that the position of a stray does not change the type: examineText warns
// about NUL bytes in and after the head alike. The result is uncertain: the file is text
// only if it is declared or named as text. Zeros alone, as in a file that was created but
// never written, are not text.
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
		return detection{description: `NUL bytes without text (if text follows, remove them with tr -d '\000')`}, true
	case !letters:
		return detection{}, false
	}
	f := detection{mime: "text/plain", description: "text with control characters", candidates: []string{"text/plain"}, uncertain: true}
	if zeros {
		f.description = "text with NUL bytes"
	}
	return f, true
}

// isText reports whether bytes are text in some encoding: they begin with a byte order
// mark, or contain no "binary data byte" (docs/references.md#mime-sniffing, section 3).
func isText(head []byte) bool {
	for _, mark := range []string{"\xef\xbb\xbf", "\xfe\xff", "\xff\xfe"} {
		if bytes.HasPrefix(head, []byte(mark)) {
			return true
		}
	}
	for len(head) >= 8 { // most words have no control character at all
		if hasControl(binary.LittleEndian.Uint64(head)) && anyNotText(head[:8]) {
			return false
		}
		head = head[8:]
	}
	return !anyNotText(head)
}

// hasControl reports whether one of the eight bytes of a word is less than a space.
func hasControl(word uint64) bool {
	const ones = 0x0101010101010101
	return (word-' '*ones)&^word&(0x80*ones) != 0
}

func anyNotText(head []byte) bool {
	for _, b := range head {
		if notText[b] {
			return true
		}
	}
	return false
}

// notText marks the bytes that text does not contain.
var notText = func() (table [256]bool) {
	for b := range byte(' ') {
		table[b] = b != '\t' && b != '\n' && b != '\f' && b != '\r' && b != 0x1b
	}
	return table
}()
