package media

import "bytes"

// audioStart is how many bytes at the beginning of the audio are searched for frames.
const audioStart = 16 * kib

// audioFrames returns the bytes at which the frames of an audio file begin, after its ID3
// tags, and how many bytes the file has from there.
func audioFrames(x *examiner) (frames []byte, rest int64, ok bool) {
	const id3Header, maxTags = 10, 3
	const shortest, twoFrames = 7, 4 * kib // of AAC; of MP3
	off := int64(0)
	for range maxTags {
		end, ok := id3End(x.at(off, id3Header, audioStart))
		if !ok {
			break
		}
		off += int64(end)
	}
	frames = x.at(off, int(max(shortest, min(x.size-off, twoFrames))), audioStart)
	if frames == nil {
		x.reportMissing("the first audio frame")
	}
	return frames, x.size - off, frames != nil
}

// mpegFrame is the header of an MPEG audio frame (docs/references.md#mp3, §2.4.1.3).
type mpegFrame struct {
	layer  int // 2 or 3
	length int // bytes including the header; 0 in free format
}

// Bit rates in kbit/s for the indexes 1 to 14. MPEG-2 has the same for both layers.
var (
	rates1Layer3 = [...]int{32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}
	rates1Layer2 = [...]int{32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384}
	rates2       = [...]int{8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}
	samplings1   = [...]int{44100, 48000, 32000}
)

// readMPEGFrame reads a frame's header: eleven bits set, version 2 (3: MPEG-1, 2:
// MPEG-2, 0: MPEG-2.5), layer 2 (1: III, 2: II), CRC 1, bit rate 4, sampling rate 2,
// padding 1.
func readMPEGFrame(b []byte) (mpegFrame, bool) {
	if !isMPEGAudio(b) {
		return mpegFrame{}, false
	}
	version, rate, padding := b[1]>>3&3, int(b[2]>>4), int(b[2]>>1&1)
	frame := mpegFrame{layer: 4 - int(b[1]>>1&3)}
	rates, sampling, samples := &rates1Layer3, samplings1[b[2]>>2&3], 1152
	if frame.layer == 2 {
		rates = &rates1Layer2
	}
	if version != 3 {
		rates, sampling = &rates2, sampling/2
		if version == 0 {
			sampling /= 2
		}
		if frame.layer == 3 {
			samples /= 2
		}
	}
	if rate > 0 {
		frame.length = samples/8*rates[rate-1]*1000/sampling + padding
	}
	return frame, true
}

// examineMP3 looks for the first frame that is followed by another one, as players do. Junk
// before it, and bytes that look like a header, are harmless.
func examineMP3(x *examiner) {
	b, rest, ok := audioFrames(x)
	if !ok {
		return
	}
	for i := range b {
		frame, ok := readMPEGFrame(b[i:])
		switch {
		case !ok:
		case i == 0 && frame.length == 0:
			x.report(CodeMP3FreeFormat)
			return
		case i == 0 && int64(frame.length) > rest:
			x.report(CodeTruncated, "it ends within its first frame")
			return
		case frame.length > 0 && endsMPEGFrame(b[min(i+frame.length, len(b)):], i == 0):
			if frame.layer == 2 {
				x.report(CodeMP3Layer)
			}
			return
		}
	}
	x.report(CodeDamaged, "there are no two consecutive MP3 frames where the audio should begin")
}

// endsMPEGFrame reports whether bytes may follow a frame: another frame or a tag, or nothing
// if the frame is at the start of the audio.
func endsMPEGFrame(b []byte, inPlace bool) bool {
	return isMPEGAudio(b) || len(b) < 4 && inPlace ||
		bytes.HasPrefix(b, []byte("TAG")) || bytes.HasPrefix(b, []byte("APETAGEX")) || bytes.HasPrefix(b, []byte("LYRICS"))
}

// examineAAC reads the first ADTS frame and requires another one after it. The header has,
// besides what isADTS checks, the profile in 2 bits at bit 16 and the length of the frame
// in 13 bits at bit 30 (docs/references.md#aac, §1.A.2.2).
func examineAAC(x *examiner) {
	b, rest, ok := audioFrames(x)
	if !ok {
		return
	}
	if !isADTS(b) {
		x.report(CodeDamaged, "there is no AAC frame where the audio should begin")
		return
	}
	x.examineAACProfile(1 + int(b[2]>>6)) // ADTS counts from 0, MPEG-4 from 1
	const header = 7
	length := int64(b[3]&3)<<11 | int64(b[4])<<3 | int64(b[5])>>5
	switch {
	case length < header:
		x.report(CodeDamaged, "the first AAC frame is shorter than its header")
		return
	case length > rest:
		x.report(CodeTruncated, "it ends within its first frame")
		return
	case length > rest-header:
		return
	}
	if next := x.at(x.size-rest+length, header, header); next == nil {
		x.reportMissing("the second audio frame")
	} else if !isADTS(next) && !bytes.HasPrefix(next, []byte("TAG")) {
		x.report(CodeDamaged, "the first AAC frame is not followed by a second one")
	}
}

// aacProfiles are the audio object types of MPEG-4 that phones need not decode
// (docs/references.md#aac, §1.5.1.1). Phones decode 2 (LC), 5 and 29 (HE), 23 and 39 (low delay).
var aacProfiles = map[int]string{1: "Main", 3: "SSR", 4: "LTP", 6: "Scalable", 42: "xHE-AAC"}

// examineAACProfile checks the audio object type of AAC in any container.
func (x *examiner) examineAACProfile(objectType int) {
	if name, ok := aacProfiles[objectType]; ok {
		x.report(CodeAACProfile, name)
	}
}

// amrFrames are the lengths of AMR frames by mode, including the header
// (docs/references.md#amr, section 5.3): eight rates, comfort noise, and no data at 15. The
// other modes do not occur in files.
var amrFrames = [16]int{13, 14, 16, 18, 20, 21, 27, 32, 6, 0, 0, 0, 0, 0, 0, 1}

// examineAMR checks the frames in the head. An incomplete last frame is not a finding: it is
// only 20 ms.
func examineAMR(x *examiner) {
	if x.size == int64(len(amrMagic)) {
		x.report(CodeTruncated, "it ends before the first audio frame")
		return
	}
	for off := len(amrMagic); off < len(x.head); {
		length := amrFrames[x.head[off]>>3&15]
		switch {
		case length == 0:
			x.report(CodeDamaged, "an AMR frame has a mode that does not exist")
			return
		case off == len(amrMagic) && int64(off+length) > x.size:
			x.report(CodeTruncated, "it ends within its first frame")
			return
		}
		off += length
	}
}
