package media

import "encoding/binary"

// pngColours are the colour types other than RGB and RGBA (docs/references.md#png, section 11.2.1).
var pngColours = map[byte]string{0: "greyscale", 3: "palette colours", 4: "greyscale with transparency"}

// examinePNG checks a PNG's header and its end, and looks for the chunk that makes it an
// animated PNG, which is before the picture data.
func examinePNG(x *examiner) {
	p, ok := readPNG(x)
	if !ok {
		return
	}
	x.examineDimensions(p)
	if p.depth > 8 {
		x.report(CodePNGBitDepth, p.depth)
	}
	if colour, ok := pngColours[p.mode]; ok {
		x.report(CodeImageNotRGB, colour)
	}
	const firstChunk = 33
	for off := int64(firstChunk); ; {
		b := x.at(off, 8, 16*kib<<x.reads)
		if b == nil {
			x.reportMissing("the picture's data")
			return
		}
		switch string(b[4:8]) {
		case "acTL":
			x.report(CodePNGAnimated)
		case "IDAT":
			x.examineEnd(lastChunk(x, off), x.size, cutPNG)
			return
		case "IEND":
			x.report(CodeDamaged, "the PNG contains no picture")
			return
		}
		off += 12 + int64(binary.BigEndian.Uint32(b)) // length, name, payload, CRC
	}
}

// lastChunk follows the chunks from one at this offset on, as far as they are in memory, and
// returns the offset of the next one.
func lastChunk(x *examiner, off int64) int64 {
	for {
		b := within(x.head, off, 8, 8)
		if b == nil {
			b = within(x.window, off-x.start, 8, 8)
		}
		if b == nil || string(b[4:8]) == "IEND" {
			return off
		}
		off += 12 + int64(binary.BigEndian.Uint32(b))
	}
}

// readPNG reads the first chunk, IHDR, which is at 8: length u32, name, width u32, height
// u32, depth u8, colour type u8 (docs/references.md#png, section 11.2.1).
func readPNG(x *examiner) (picture, bool) {
	b := x.at(8, 25, 25)
	if b == nil {
		x.reportMissing("the end of the PNG's header")
		return picture{}, false
	}
	if string(b[4:8]) != "IHDR" {
		x.report(CodeDamaged, "the PNG does not begin with its header")
		return picture{}, false
	}
	width, height := binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[12:])
	return picture{width: int(width), height: int(height), depth: int(b[16]), mode: b[17]}, true
}
