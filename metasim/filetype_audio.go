package metasim

import (
	"bytes"
	"encoding/binary"
)

// audioType returns the type of an audio file by its first bytes, or "" if they
// are not audio. AAC and MP3 may follow an ID3 tag; a tag that fills the first
// bytes counts as MP3.
func audioType(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("OggS\x00")):
		if isOpus(head) {
			return "audio/ogg"
		}
		return "application/ogg"
	case bytes.HasPrefix(head, []byte("#!AMR\n")):
		return "audio/amr"
	case isADTS(head):
		return "audio/aac"
	case isMPEGFrame(head):
		return "audio/mpeg"
	}
	if end := tagEnd(head); end > 0 {
		sound := head[min(end, len(head)):]
		switch {
		case isADTS(sound):
			return "audio/aac"
		case bytes.HasPrefix(sound, []byte("fLaC")):
			return "audio/flac"
		}
		return "audio/mpeg"
	}
	return ""
}

// isOpus reports whether an Ogg file has Opus and nothing else: WhatsApp supports
// no other codec in Ogg (docs/references.md#media-types). Each stream begins
// with a page that has bit 1 of byte 5 set, and these pages come first
// (docs/references.md#ogg, sections 4 and 6).
func isOpus(head []byte) bool {
	opus := false
	for len(head) >= 27 && string(head[:5]) == "OggS\x00" && head[5]&2 != 0 {
		payload := 27 + int(head[26]) // one length byte per segment
		if len(head) < payload {      // the payload is beyond the first bytes
			break
		}
		if opus = bytes.HasPrefix(head[payload:], []byte("OpusHead")); !opus {
			return false
		}
		end := payload
		for _, n := range head[27:payload] {
			end += int(n)
		}
		head = head[min(end, len(head)):]
	}
	return opus
}

// tagEnd returns the offset after the ID3 tag that the file begins with, or 0 if
// there is none (docs/references.md#id3, section 3.1): "ID3", version 2 to 4,
// revision, flags, length in 4 bytes of 7 bits.
func tagEnd(head []byte) int {
	if len(head) < 10 || string(head[:3]) != "ID3" || head[3] < 2 || head[3] > 4 ||
		binary.BigEndian.Uint32(head[6:])&0x80808080 != 0 {
		return 0
	}
	return 10 + int(head[6])<<21 + int(head[7])<<14 + int(head[8])<<7 + int(head[9])
}

// headIsAllTag reports whether an ID3 tag fills the first bytes.
func headIsAllTag(head []byte) bool { return tagEnd(head) >= max(1, len(head)) }

// isADTS reports whether a frame of raw AAC begins here: a sync word of twelve
// ones, layer 0, and a sampling rate that exists (docs/references.md#aac).
func isADTS(head []byte) bool {
	return len(head) >= 7 && head[0] == 0xFF && head[1]&0xF6 == 0xF0 && head[2]>>2&0xF < 13
}

// isMPEGFrame reports whether a frame of MPEG audio, layer II or III, begins here
// (docs/references.md#mp3).
func isMPEGFrame(head []byte) bool {
	if len(head) < 4 || head[0] != 0xFF || head[1]&0xE0 != 0xE0 {
		return false
	}
	version, layer := head[1]>>3&3, head[1]>>1&3
	bitrate, rate := head[2]>>4, head[2]>>2&3
	return version != 1 && (layer == 1 || layer == 2) && bitrate != 15 && rate != 3
}

// hasMP3 reports whether three frames of MP3 follow each other in the first bytes,
// as players search for them: a recording of a stream begins within a frame.
func hasMP3(head []byte) bool {
	const searched, wanted = 2 << 10, 3
	for at := range min(len(head), searched) {
		rest, frames := head[at:], 0
		for ; frames < wanted; frames++ {
			length := mp3Length(rest)
			if length == 0 {
				break
			}
			rest = rest[min(length, len(rest)):]
		}
		if frames == wanted {
			return true
		}
	}
	return false
}

// Bit rates in kbit/s by index, and sampling rates in Hz, of layer III
// (docs/references.md#mp3, section 2.4.2.3 of both standards).
var (
	mpeg1Bitrates = [...]int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}
	mpeg2Bitrates = [...]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}
	mpeg1Rates    = [...]int{44100, 48000, 32000}
)

// mp3Length returns the length in bytes of the frame of layer III that begins
// here, or 0 if there is none or its header does not say.
func mp3Length(head []byte) int {
	const layer3, mpeg1, mpeg25 = 1, 3, 0
	if !isMPEGFrame(head) || head[1]>>1&3 != layer3 {
		return 0
	}
	bitrate, rate, padding := head[2]>>4, mpeg1Rates[head[2]>>2&3], int(head[2]>>1&1)
	if bitrate == 0 { // free format
		return 0
	}
	switch head[1] >> 3 & 3 {
	case mpeg1:
		return 144000*mpeg1Bitrates[bitrate]/rate + padding
	case mpeg25:
		rate /= 2
	}
	return 72000*mpeg2Bitrates[bitrate]/(rate/2) + padding
}
