package media

import (
	"bytes"
	"encoding/binary"
)

// tailSize is how many of a picture's last bytes are searched for its end. Phones and cameras
// write more behind the end mark: padding, a preview, the video of a motion photo.
const tailSize = 64 * kib

// examineEnd looks for the end of a picture in the last bytes before the offset end, which
// is that of the file or of the picture in it. first is an offset within or behind the picture
// data: where they begin or, in a PNG, where a chunk begins. cut receives the bytes from there
// on or, if there are more than tailSize, the last ones, for which whole is false. It returns
// what is wrong with them, empty if nothing is. A picture that has a more serious finding is
// not examined.
func (x *examiner) examineEnd(first, end int64, cut func(data []byte, whole bool) string) {
	if x.result.MaxSeverity() >= WillFail {
		return
	}
	off := max(first, end-tailSize)
	if off >= end {
		x.report(CodePictureIncomplete, "it ends before the end of the picture data")
		return
	}
	data := x.at(off, int(end-off), int(end-off))
	if data == nil {
		x.unchecked("whether the picture is complete")
		return
	}
	data = data[:end-off]
	problem := cut(data, off == first)
	if problem == "" {
		return
	}
	if zeros := len(data) - len(bytes.TrimRight(data, "\x00")); zeros >= minZeros {
		problem = "its last " + bytesText(int64(zeros)) + " are zero"
	}
	x.report(CodePictureIncomplete, problem)
}

// minZeros is more zeros than picture data end with by chance.
const minZeros = 64

const noEndMark = "its end mark is missing"

// cutJPEG looks for the end marker. Without one, the last bytes of a file are either picture
// data or something that was appended. In picture data, 0xff is not rare, and is followed by 0, by
// a restart marker or, between the scans of a progressive picture, by the marker of a table
// or a scan (docs/references.md#jpeg, §B.1.1.5).
func cutJPEG(data []byte, whole bool) string {
	const usual = 4 * kib // per 0xff
	if bytes.Contains(data, []byte("\xff\xd9")) {
		return ""
	}
	if whole {
		return noEndMark
	}
	filled := bytes.TrimRight(data, "\x00")
	for rest := filled; ; {
		at := bytes.IndexByte(rest, 0xff)
		if at < 0 || at == len(rest)-1 {
			break
		}
		if !inJPEGData(rest[at+1]) {
			return ""
		}
		rest = rest[at+1:]
	}
	if bytes.Count(filled, []byte{0xff}) < len(filled)/usual {
		return ""
	}
	return noEndMark
}

// inJPEGData reports whether 0xff and this byte may be within picture data: a stuffed zero, a
// fill byte, RST0 to RST7, DHT, SOS, DQT, DNL or DRI.
func inJPEGData(b byte) bool {
	return b == 0 || b == 0xff || b >= 0xd0 && b <= 0xd7 || b == 0xc4 || b >= 0xda && b <= 0xdd
}

// cutPNG follows the chunks to the last one, IEND (docs/references.md#png, section 5.3).
func cutPNG(data []byte, whole bool) string {
	if bytes.Contains(data, []byte("IEND\xaeB`\x82")) {
		return ""
	}
	at := 0
	if !whole { // it begins anywhere in a chunk
		if at = bytes.Index(data, []byte("IDAT")) - 4; at < 0 {
			at = len(bytes.TrimRight(data, "\x00"))
			if at > 0 {
				return "" // something was appended to the picture
			}
		}
	}
	for at+8 <= len(data) {
		if !isChunkName(data[at+4 : at+8]) {
			if len(bytes.Trim(data[at:], "\x00")) > 0 {
				return ""
			}
			break
		}
		at += 12 + int(binary.BigEndian.Uint32(data[at:])) // length, name, payload, CRC
	}
	return noEndMark
}

// cutWebP looks for more zeros at the end than compressed pictures and small frames of an
// animation have.
func cutWebP(data []byte, _ bool) string {
	if len(data)-len(bytes.TrimRight(data, "\x00")) < kib {
		return ""
	}
	return noEndMark
}

// isChunkName reports whether these are four ASCII letters.
func isChunkName(name []byte) bool {
	for _, b := range name {
		if b |= 0x20; b < 'a' || b > 'z' {
			return false
		}
	}
	return true
}
