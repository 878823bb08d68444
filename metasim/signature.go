package metasim

import (
	"bytes"
	"mime"
	"net/http"
	"strings"
)

// contentType names what the first bytes of a file are, as far as that is
// cheap to know: application/octet-stream for what it does not recognise.
func contentType(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("\xFF\xD8\xFF")):
		return "image/jpeg"
	case bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1A\n")):
		return "image/png"
	case isWebP(head):
		return "image/webp"
	case bytes.HasPrefix(head, []byte("%PDF-")):
		return "application/pdf"
	case isOggOpus(head):
		return "audio/ogg"
	case isISOMedia(head):
		return isoMediaType(head)
	case bytes.HasPrefix(head, []byte("#!AMR\n")):
		return "audio/amr"
	case isADTS(head):
		return "audio/aac"
	case isMP3(head):
		return "audio/mpeg"
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return "application/zip"
	case bytes.HasPrefix(head, []byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")):
		return "application/x-ole-storage"
	}
	base, _, err := mime.ParseMediaType(http.DetectContentType(head))
	if err != nil {
		return receivedWithoutType
	}
	return base
}

// agrees reports whether bytes may be of the declared base type, and what they
// are instead. One zip signature stands for all three Office Open XML types
// and one OLE2 signature for all three old ones: to tell them apart takes more
// than the first bytes.
func agrees(declared string, head []byte) (actual string, ok bool) {
	actual = contentType(head)
	switch declared {
	case "text/plain":
		return actual, looksLikeText(head) && actual != "application/pdf"
	case "audio/opus":
		return actual, actual == "audio/ogg"
	case "audio/mp4":
		return actual, actual == "audio/mp4" || actual == "video/mp4"
	case "video/mp4":
		return actual, actual == "video/mp4" || actual == "audio/mp4"
	case "video/3gpp":
		return actual, isISOMedia(head) && hasBrand(head, "3g")
	case "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint":
		return actual, actual == "application/x-ole-storage"
	}
	if strings.HasPrefix(declared, openXML) {
		return actual, actual == "application/zip"
	}
	return actual, actual == declared
}

// looksLikeText reports whether there is no byte that plain text cannot have.
// UTF-16 is recognised by its byte order mark.
func looksLikeText(head []byte) bool {
	if bytes.HasPrefix(head, []byte("\xFF\xFE")) || bytes.HasPrefix(head, []byte("\xFE\xFF")) {
		return true
	}
	return !bytes.ContainsFunc(head, func(r rune) bool {
		return r < ' ' && !strings.ContainsRune("\t\n\v\f\r\x1B", r)
	})
}

func isWebP(head []byte) bool {
	return len(head) >= 16 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP"
}

// isAnimatedWebP reads the animation bit of the extended header (VP8X); the
// simple formats have no animation.
func isAnimatedWebP(head []byte) bool {
	return isWebP(head) && len(head) > 20 && string(head[12:16]) == "VP8X" && head[20]&0x02 != 0
}

// isOggOpus reports whether the first page of an Ogg file begins an Opus
// stream: WhatsApp plays no other codec in Ogg (§3.6).
func isOggOpus(head []byte) bool {
	if len(head) < 27 || string(head[:4]) != "OggS" {
		return false
	}
	payload := 27 + int(head[26]) // one length byte per segment
	return len(head) > payload && bytes.HasPrefix(head[payload:], []byte("OpusHead"))
}

// isISOMedia reports whether a file begins with the ftyp box of MP4 and 3GP.
func isISOMedia(head []byte) bool {
	return len(head) >= 12 && string(head[4:8]) == "ftyp"
}

// hasBrand reports whether the major brand or a compatible one has a prefix.
func hasBrand(head []byte, prefix string) bool {
	size := int(head[0])<<24 | int(head[1])<<16 | int(head[2])<<8 | int(head[3])
	end := min(size, len(head))
	for at := 8; at+4 <= end; at += 4 {
		if at != 12 && strings.HasPrefix(string(head[at:at+4]), prefix) { // 12: the minor version
			return true
		}
	}
	return false
}

// isoMediaType tells the families of ISO media apart by the major brand.
func isoMediaType(head []byte) string {
	switch brand := string(head[8:12]); {
	case strings.HasPrefix(brand, "3g"):
		return "video/3gpp"
	case brand == "qt  ":
		return "video/quicktime"
	case brand == "M4A " || brand == "M4B ":
		return "audio/mp4"
	case brand == "avif" || brand == "avis":
		return "image/avif"
	case strings.HasPrefix(brand, "hei") || strings.HasPrefix(brand, "hev") || brand == "mif1" || brand == "msf1":
		return "image/heic"
	}
	return "video/mp4"
}

// isADTS recognises raw AAC: a sync word of twelve ones and layer 0.
func isADTS(head []byte) bool {
	return len(head) >= 7 && head[0] == 0xFF && head[1]&0xF6 == 0xF0
}

// isMP3 recognises an ID3 tag or the header of an MPEG audio frame.
func isMP3(head []byte) bool {
	if bytes.HasPrefix(head, []byte("ID3")) {
		return true
	}
	if len(head) < 4 || head[0] != 0xFF || head[1]&0xE0 != 0xE0 {
		return false
	}
	version, layer := head[1]>>3&3, head[1]>>1&3
	bitrate, rate := head[2]>>4, head[2]>>2&3
	return version != 1 && (layer == 1 || layer == 2) && bitrate != 15 && rate != 3 // layers III and II
}
