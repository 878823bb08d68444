package media

import (
	"encoding/binary"
	"fmt"
)

// sniffWebP reads the RIFF header and the first chunk of a WebP (docs/references.md#webp, section 2.3):
// "RIFF", length u32, "WEBP", chunk name, chunk length u32, payload. Only the
// extended format, VP8X, can be animated: bit 1 of the payload's first byte says so.
func sniffWebP(head []byte) (detection, bool) {
	const flagsAt, animation = 20, 0x02
	if len(head) < 12 || string(head[:4]) != "RIFF" || string(head[8:12]) != "WEBP" {
		return detection{}, false
	}
	f := detection{mime: "image/webp", description: "a WebP file without an image"}
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
	f.description, f.candidates = "", []string{"image/webp"}
	return f, true
}

// examineWebP checks that a sticker has 512 x 512 pixels, as WhatsApp's stickers have, that
// its length is the one in its header, and that its end has been written.
func examineWebP(x *examiner) {
	const header = 8
	const longest, shortest = 30, 25 // the shortest is for a lossless picture
	read := x.at(0, int(max(shortest, min(x.size, longest))), longest)
	if read == nil {
		x.reportMissing("the end of the WebP's header")
		return
	}
	b := make([]byte, longest)
	copy(b, read)
	// Some writers count the padding of the last chunk but do not write it.
	whole := header + int64(binary.LittleEndian.Uint32(b[4:]))
	if whole > x.size+1 {
		x.report(CodeTruncated, fmt.Sprintf("it has %s and should have %s", bytesText(x.size), bytesText(whole)))
		return
	}
	width, height, ok := webpDimensions(b)
	switch {
	case !ok:
		x.report(CodeDamaged, "the WebP's first chunk has no picture header")
	case (width != 512 || height != 512) && x.kind.Animated:
		x.reportOther(CodeStickerDimensions, width, height)
	case width != 512 || height != 512:
		x.report(CodeStickerDimensions, width, height)
	}
	if ok && whole > longest {
		x.examineEnd(longest, min(whole, x.size), cutWebP)
	}
}

// webpDimensions reads the dimensions from the first 30 bytes (docs/references.md#webp,
// sections 2.5 to 2.7). DecodeConfig of golang.org/x/image/webp does not read animated files.
func webpDimensions(b []byte) (width, height int, ok bool) {
	const mask = 1<<14 - 1
	switch string(b[12:16]) {
	case "VP8X": // at 24: width-1 u24, height-1 u24
		return 1 + int(uint24(b[24:])), 1 + int(uint24(b[27:])), true
	case "VP8 ": // at 20: frame tag u24, 9d 01 2a, width u14 and scale, height u14 and scale
		return int(binary.LittleEndian.Uint16(b[26:])) & mask, int(binary.LittleEndian.Uint16(b[28:])) & mask,
			string(b[23:26]) == "\x9d\x01\x2a"
	case "VP8L": // at 20: 2f, width-1 u14, height-1 u14
		bits := int(binary.LittleEndian.Uint32(b[21:]))
		return 1 + bits&mask, 1 + bits>>14&mask, b[20] == 0x2f
	}
	return 0, 0, false
}

func uint24(b []byte) uint32 { return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 }
