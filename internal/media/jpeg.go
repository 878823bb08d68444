package media

import "encoding/binary"

// maxPixels is more than the cameras of phones produce.
const maxPixels = 200_000_000

// picture is the content of an image header.
type picture struct {
	width, height int
	depth         int  // bits per channel
	channels      int  // JPEG only: 1 greyscale, 3 colour, 4 print
	mode          byte // JPEG: the marker of the frame; PNG: the colour type
}

// examineDimensions checks the dimensions of a JPEG or PNG.
func (x *examiner) examineDimensions(p picture) {
	switch {
	case p.width == 0 || p.height == 0:
		x.reportOther(CodeImageDimensions, p.width, p.height)
	case p.width > maxPixels/p.height:
		x.report(CodeImageDimensions, p.width, p.height)
	}
}

// examineJPEG checks a JPEG's frame header and its end. Baseline, extended and progressive
// JPEGs are all accepted.
func examineJPEG(x *examiner) {
	p, off, ok := readJPEG(x)
	if !ok {
		return
	}
	x.examineDimensions(p)
	x.examineColours(p)
	if off, ok = scanOffset(x, off); ok {
		x.examineEnd(off, x.size, cutJPEG)
	}
}

// examineColours checks the coding and the colours of a JPEG.
func (x *examiner) examineColours(p picture) {
	switch p.mode {
	case 0xc0, 0xc1, 0xc2:
	case 0xc3:
		x.report(CodeJPEGLossless, "lossless")
	case 0xcb:
		x.reportOther(CodeJPEGLossless, "lossless arithmetic")
	case 0xc9, 0xca:
		x.report(CodeJPEGArithmetic)
	default:
		x.reportOther(CodeJPEGLossless, "hierarchical")
	}
	if p.depth != 8 {
		x.report(CodeJPEGBitDepth, p.depth)
	}
	switch p.channels {
	case 1:
		x.report(CodeImageNotRGB, "greyscale")
	case 3:
	case 4:
		x.report(CodeJPEGCMYK)
	default:
		x.report(CodeDamaged, "it does not have one, three or four channels")
	}
}

// readJPEG reads the segments up to the frame header, and returns the offset of the segment
// after it (docs/references.md#jpeg, §B.1): 0xff, marker, length u16 including itself, payload. Bytes between segments are skipped, as
// decoders do. The reads become longer, so that they suffice for the colour profiles of
// print, which have half a megabyte in segments of 64 KiB. image.DecodeConfig neither names
// what it cannot decode nor skips a segment without reading it.
func readJPEG(x *examiner) (p picture, next int64, ok bool) {
	const what = "the picture's frame header"
	for off := int64(2); ; {
		b := x.at(off, 4, 16*kib<<x.reads)
		if b == nil {
			x.reportMissing(what)
			return picture{}, 0, false
		}
		length := int64(binary.BigEndian.Uint16(b[2:]))
		switch marker := b[1]; {
		case b[0] != 0xff || marker == 0xff: // between segments, or a fill byte
			off++
		case marker == 0 || marker == 1 || marker >= 0xd0 && marker <= 0xd8: // without payload
			off += 2
		case marker == 0xd9 || marker == 0xda:
			x.report(CodeDamaged, "the picture data of the JPEG come before its frame header")
			return picture{}, 0, false
		case isFrame(marker):
			if b = x.at(off, 10, 10); b == nil {
				x.reportMissing(what)
				return picture{}, 0, false
			}
			return picture{
				height: int(binary.BigEndian.Uint16(b[5:])), width: int(binary.BigEndian.Uint16(b[7:])),
				depth: int(b[4]), channels: int(b[9]), mode: marker,
			}, off + 2 + length, true
		default:
			off += 2 + max(length, 2)
		}
	}
}

// scanOffset returns the offset of the first scan, from that of a segment before it. A scan
// that is so far behind that the last bytes of the file cannot include what precedes it is
// not looked for: then it returns 0. It returns false after a finding.
func scanOffset(x *examiner, off int64) (int64, bool) {
	const sos = 0xda
	for off < tailSize || off > x.size-4 {
		b := x.at(off, 4, tailSize)
		if b == nil && x.reason == "" {
			x.report(CodeTruncated, "it ends before the picture data")
			return 0, false
		}
		switch {
		case b == nil:
			x.unchecked("whether the picture is complete")
			return 0, false
		case b[0] != 0xff || b[1] == 0xff: // as in readJPEG
			off++
		case b[1] == sos:
			return off, true
		default:
			off += 2 + max(int64(binary.BigEndian.Uint16(b[2:])), 2)
		}
	}
	return 0, true
}

// isFrame reports whether a marker is one of SOF0 to SOF15. DHT, JPG and DAC are in the
// same range.
func isFrame(marker byte) bool {
	return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc
}
