package metasim

import (
	"bytes"
	"mime"
	"net/http"
	"strings"
)

const (
	zipType = "application/zip"
	oleType = "application/x-ole-storage"
)

// detectType names what the first bytes of a file are, as far as that is
// cheap to know: application/octet-stream for what it does not recognise.
func detectType(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("\xFF\xD8\xFF")):
		return "image/jpeg"
	case bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1A\n")):
		return "image/png"
	case isWebP(head):
		return "image/webp"
	case isISOMedia(head):
		return isoMediaType(head)
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return zipType
	case bytes.HasPrefix(head, []byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")):
		return oleType
	case len(head) > 262 && string(head[257:262]) == "ustar":
		return "application/x-tar"
	}
	if actual := audioType(head); actual != "" {
		return actual
	}
	switch {
	case hasPDF(head):
		return "application/pdf"
	case hasMP3(head):
		return "audio/mpeg"
	}
	base, _, err := mime.ParseMediaType(http.DetectContentType(head))
	if _, taken := findMediaType(base); err != nil || taken && base != "text/plain" { // it asks for less than the above
		return receivedWithoutType
	}
	return base
}

// matchesType reports whether bytes may be of the declared base type, and what they
// are instead. The zip signature stands for all three Office Open XML types
// and the OLE2 signature for the three old ones, and for the new ones with a
// password ([MS-OFFCRYPTO] §2.3): to tell them apart takes more than the first
// bytes.
func matchesType(declared string, head []byte) (actual string, ok bool) {
	actual = detectType(head)
	switch declared {
	case "text/plain":
		return actual, mayBeText(head, actual)
	case "audio/opus":
		return actual, actual == "audio/ogg"
	case "audio/aac":
		return actual, actual == declared || headIsAllTag(head)
	case "audio/mp4", "video/mp4", "video/3gpp":
		return actual, isISOMedia(head) && isoMediaFits(head, declared)
	case "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint":
		return actual, actual == oleType
	}
	if strings.HasPrefix(declared, openXML) {
		return actual, actual == zipType || actual == oleType
	}
	return actual, actual == declared
}

// toleratedControls are bytes that text has in spite of the rules: 0 from fields of a
// fixed length and from UTF-16 without a mark, bell, backspace and vertical
// tab, and the end mark of DOS.
const toleratedControls = "\x00\a\b\v\x1A"

// mayBeText reports whether bytes may be plain text. Meta delivers documents
// of any type (meta-cloud-api.md §3.1), so text in a bad state passes: any
// bytes behind a byte order mark, and stray controls between letters, where nothing
// else is recognised. Other control characters make a binary file.
func mayBeText(head []byte, actual string) bool {
	for _, mark := range []string{"\xEF\xBB\xBF", "\xFF\xFE", "\xFE\xFF"} {
		if bytes.HasPrefix(head, []byte(mark)) {
			return !beginsPDF(head)
		}
	}
	clean, letters := true, false
	for _, b := range head {
		switch {
		case b > ' ':
			letters = true
		case b == ' ' || strings.IndexByte("\t\n\f\r\x1B", b) >= 0:
		case strings.IndexByte(toleratedControls, b) >= 0:
			clean = false
		default:
			return false
		}
	}
	if clean {
		return !beginsPDF(head)
	}
	return letters && (actual == receivedWithoutType || strings.HasPrefix(actual, "text/"))
}

const pdfMark = "%PDF-"

// hasPDF looks for the mark of PDF where its readers do, in the first 1024
// bytes (ISO 32000-1 §H.3.13).
func hasPDF(head []byte) bool {
	return bytes.Contains(head[:min(len(head), 1024)], []byte(pdfMark))
}

// beginsPDF reports whether only space is before the mark: text about PDF has
// it further on.
func beginsPDF(head []byte) bool {
	return hasPDF(head) && bytes.HasPrefix(bytes.TrimLeft(head, "\uFEFF \t\r\n"), []byte(pdfMark))
}

// isWebP recognises a WebP with a picture: its first chunk is one of three,
// and something is in it (RFC 9649 §2.5 to §2.7).
func isWebP(head []byte) bool {
	if len(head) <= 20 || string(head[:4]) != "RIFF" || string(head[8:12]) != "WEBP" {
		return false
	}
	chunk := string(head[12:16])
	return chunk == "VP8 " || chunk == "VP8L" || chunk == "VP8X"
}

// isAnimatedWebP reads the animation bit of the extended header (VP8X); the
// simple formats have no animation.
func isAnimatedWebP(head []byte) bool {
	return isWebP(head) && string(head[12:16]) == "VP8X" && head[20]&0x02 != 0
}
