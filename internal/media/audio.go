package media

import "bytes"

// amrMagic begins a file of AMR narrowband, the format that audio/amr names
// (docs/references.md#amr, section 5.1). Wideband begins with "#!AMR-WB\n", is
// audio/amr-wb, and is not in WhatsApp's table.
const amrMagic = "#!AMR\n"

// sniffAudio recognises AMR, ADTS and MPEG audio at the very start of a file, or after an
// ID3 tag, which both ADTS and MP3 may have.
func sniffAudio(head []byte) (detection, bool) {
	switch {
	case bytes.HasPrefix(head, []byte(amrMagic)):
		return detection{mime: "audio/amr", candidates: []string{"audio/amr"}}, true
	case bytes.HasPrefix(head, []byte("#!AMR")):
		return detection{mime: "audio/amr-wb", description: "AMR wideband or multichannel audio (audio/amr-wb)"}, true
	case isADTS(head):
		return detection{mime: "audio/aac", candidates: []string{"audio/aac"}}, true
	case isMPEGAudio(head):
		return detection{mime: "audio/mpeg", candidates: []string{"audio/mpeg"}}, true
	}
	end, ok := id3End(head)
	switch {
	case !ok:
		return detection{}, false
	case end >= len(head): // cover art fills the head: either is possible
		return detection{mime: "audio/mpeg", candidates: []string{"audio/mpeg", "audio/aac"}}, true
	case isADTS(head[end:]):
		return detection{mime: "audio/aac", candidates: []string{"audio/aac"}}, true
	case bytes.HasPrefix(head[end:], []byte("fLaC")):
		return detection{mime: "audio/flac"}, true
	}
	return detection{mime: "audio/mpeg", candidates: []string{"audio/mpeg"}}, true
}

// isADTS checks the fixed header of an AAC frame (docs/references.md#aac, §1.A.2.2): twelve
// bits set, version 1, layer 2 always 0, CRC 1, profile 2, sampling index 4 (15 is
// forbidden, 13 and 14 reserved).
func isADTS(b []byte) bool {
	return len(b) >= 7 && b[0] == 0xff && b[1]&0xf6 == 0xf0 && b[2]>>2&0x0f < 13
}

// isMPEGAudio checks the header of an MPEG audio frame (docs/references.md#mp3, §2.4.1.3):
// eleven bits set, version 2 (1 reserved), layer 2, CRC 1, bit rate 4 (15 forbidden),
// sampling rate 2 (3 reserved). Layer I is not accepted: it is obsolete, and a byte order
// mark looks like it.
func isMPEGAudio(b []byte) bool {
	if len(b) < 4 || b[0] != 0xff || b[1]&0xe0 != 0xe0 {
		return false
	}
	version, layer := b[1]>>3&3, b[1]>>1&3
	return version != 1 && (layer == 1 || layer == 2) && b[2]>>4 != 15 && b[2]>>2&3 != 3
}

// id3End returns where an ID3v2 tag at the start ends: "ID3", version u8 u8, flags u8,
// length in 4 bytes of 7 bits (docs/references.md#id3, section 3.1).
func id3End(head []byte) (int, bool) {
	const header = 10
	if len(head) < header || string(head[:3]) != "ID3" || head[3] < 2 || head[3] > 4 {
		return 0, false
	}
	length := 0
	for _, b := range head[6:header] {
		if b >= 0x80 {
			return 0, false
		}
		length = length<<7 | int(b)
	}
	return header + length, true
}
