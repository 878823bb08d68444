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

// detectType returns the type of a file by its first bytes, or
// application/octet-stream for what it does not recognise.
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
	if _, taken := findMediaType(base); err != nil || taken && base != "text/plain" { // net/http requires less than the checks above
		return receivedWithoutType
	}
	return base
}

// matchesType reports whether the first bytes may be of the declared base type,
// and the type that they have.
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
	}
	if declared == "application/pdf" || isOffice(declared) {
		return actual, actual == declared || mayBeDocument(declared, head, actual)
	}
	return actual, actual == declared
}

// isOffice reports whether a base type is one of Office.
func isOffice(base string) bool {
	return base == "application/msword" || base == "application/vnd.ms-excel" || base == "application/vnd.ms-powerpoint" ||
		strings.HasPrefix(base, openXML)
}

// mayBeDocument reports whether bytes may be a document that is damaged, old or of an
// unusual program. Meta is not known to look at the bytes of documents
// (docs/references.md#media-failures), so only what is certainly another file is refused:
// pictures, audio, video, archives, programs, web pages and text that no program of
// Office opens.
func mayBeDocument(declared string, head []byte, actual string) bool {
	switch {
	case actual == receivedWithoutType:
		return true
	case declared == "application/pdf":
		return bytes.Contains(head, []byte(pdfMark)) && strings.HasPrefix(actual, "text/") || bytes.HasPrefix(bytes.TrimLeft(head, "\uFEFF \t\r\n"), []byte("%PDF")) ||
			actual == "application/postscript" && bytes.Contains(head[:min(len(head), 64)], []byte(" PDF-"))
	case actual == zipType, actual == oleType:
		return true
	case !strings.HasPrefix(actual, "text/"):
		return false
	case declared == "application/vnd.ms-excel" && actual == "text/plain":
		return true // CSV
	}
	head = bytes.ReplaceAll(head, []byte{0}, nil) // UTF-16
	for _, mark := range []string{"schemas-microsoft-com:office", "schemas.microsoft.com/office", "mso-application", "<table", "<TABLE", "multipart/related"} {
		if bytes.Contains(head, []byte(mark)) {
			return true
		}
	}
	return bytes.HasPrefix(head, []byte(`{\rtf`))
}

// toleratedControls are control characters that occur in text: 0 in fields of a
// fixed length and in UTF-16 without a byte order mark, bell, backspace,
// vertical tab, and the end of file of DOS.
const toleratedControls = "\x00\a\b\v\x1A"

// mayBeText reports whether bytes may be plain text. Meta delivers documents of
// any type, so damaged text passes: any bytes after a byte order mark, and
// toleratedControls among letters if no other type is recognised. Other control
// characters make the file binary.
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

// hasPDF reports whether the header of a PDF is in the first 1024 bytes, where
// readers accept it (docs/references.md#pdf, ISO 32000-1 annex H).
func hasPDF(head []byte) bool {
	return bytes.Contains(head[:min(len(head), 1024)], []byte(pdfMark))
}

// beginsPDF reports whether nothing but space precedes the header of a PDF. Text
// about PDF mentions it further on.
func beginsPDF(head []byte) bool {
	return hasPDF(head) && bytes.HasPrefix(bytes.TrimLeft(head, "\uFEFF \t\r\n"), []byte(pdfMark))
}

// isWebP reports whether a file is a WebP with a picture: its first chunk is one
// of three, and not empty (docs/references.md#webp, sections 2.5 to 2.7).
func isWebP(head []byte) bool {
	if len(head) <= 20 || string(head[:4]) != "RIFF" || string(head[8:12]) != "WEBP" {
		return false
	}
	chunk := string(head[12:16])
	return chunk == "VP8 " || chunk == "VP8L" || chunk == "VP8X"
}

// isAnimatedWebP reports whether the animation bit of the extended header (VP8X)
// is set. The simple formats have no animation.
func isAnimatedWebP(head []byte) bool {
	return isWebP(head) && string(head[12:16]) == "VP8X" && head[20]&0x02 != 0
}
