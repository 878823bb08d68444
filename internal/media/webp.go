package media

// sniffWebP reads the RIFF header and the first chunk of a WebP (RFC 9649 §2.3):
// "RIFF", length u32, "WEBP", chunk name, chunk length u32, payload. Only the
// extended format, VP8X, can be animated: bit 1 of the payload's first byte says so.
func sniffWebP(head []byte) (found, bool) {
	const flagsAt, animation = 20, 0x02
	if len(head) < 12 || string(head[:4]) != "RIFF" || string(head[8:12]) != "WEBP" {
		return found{}, false
	}
	f := found{mime: "image/webp", note: "a WebP without an image in it"}
	if len(head) <= flagsAt {
		return f, true
	}
	switch string(head[12:16]) {
	case "VP8X":
		f.animated = head[flagsAt]&animation != 0
	case "VP8 ", "VP8L":
	default:
		return f, true
	}
	f.note, f.fits = "", []string{"image/webp"}
	return f, true
}
