package media

import "encoding/binary"

// track is what is checked of one track.
type track struct {
	handler  string // "vide", "soun" or another
	codec    string // name of the first sample entry: "avc1", "mp4a"; "encv" and "enca" if encrypted
	object   int    // mp4a: object type indication of MPEG-4; 0x40 is AAC
	profile  int    // avc1: profile_idc; AAC: audio object type
	bframes  bool   // frames are shown in another order than they are coded in
	samples  uint32
	duration uint64 // in units of the track's own
}

// readTrack reads a trak box. depth is the number of containers around b; the deepest nesting
// is trak > mdia > minf > stbl.
func (x *examiner) readTrack(t *track, b box, depth int) {
	for c := range x.boxes(b.body, b.end) {
		switch c.name {
		case "mdia", "minf", "stbl":
			if depth < 3 {
				x.readTrack(t, c, depth+1)
			}
		case "hdlr": // of mdia; minf has one too
			if p := x.payload(c, 12, 0); p != nil && depth == 1 {
				t.handler = string(p[8:12])
			}
		case "mdhd":
			t.duration = x.readDuration(c)
		case "stsd":
			x.readSampleEntry(t, c)
		case "stsz", "stz2": // version and flags u32, size u32, count u32
			if p := x.payload(c, 12, 0); p != nil {
				t.samples = binary.BigEndian.Uint32(p[8:])
			}
		case "ctts":
			t.bframes = x.readReordering(c)
		}
	}
}

// readDuration reads mdhd: version u8, flags u24, two dates, time scale u32, duration;
// dates and duration have 4 bytes in version 0 and 8 in version 1.
func (x *examiner) readDuration(b box) uint64 {
	p := x.payload(b, 20, 32)
	switch {
	case p == nil:
		return 0
	case p[0] == 1 && len(p) >= 32:
		return binary.BigEndian.Uint64(p[24:])
	}
	return uint64(binary.BigEndian.Uint32(p[16:]))
}

// readReordering reads the first entries of ctts: version and flags u32, count u32, then
// count u32 and offset u32 each. Different offsets mean that frames are reordered, as with
// B-frames. An encoder that uses B-frames does so from the first seconds on.
func (x *examiner) readReordering(b box) bool {
	const header, entry, entries = 8, 8, 1024
	p := x.payload(b, header, header+entries*entry)
	if p == nil {
		return false
	}
	count := int64(binary.BigEndian.Uint32(p[4:]))
	p = p[header:]
	for i := int64(1); i < count && len(p) >= 2*entry; i++ {
		if string(p[4:8]) != string(p[entry+4:entry+8]) {
			return true
		}
		p = p[entry:]
	}
	return false
}

// readSampleEntry reads stsd: version and flags u32, count u32, then the entries, of which
// the first is used. An entry is a box with fixed fields and further boxes.
func (x *examiner) readSampleEntry(t *track, b box) {
	const header = 8
	p := x.payload(b, header, 0)
	if p == nil || binary.BigEndian.Uint32(p[4:]) == 0 {
		return
	}
	version := p[0]
	entry, ok := x.box(b.body+header, b.end)
	if !ok {
		return
	}
	t.codec = entry.name
	switch t.codec {
	case "avc1", "avc3":
		const video = 78
		entry.body += video
		x.readConfig(t, entry, 1)
	case "mp4a":
		fields := x.payload(entry, 10, 0)
		if fields == nil {
			return
		}
		entry.body += audioFields(version, binary.BigEndian.Uint16(fields[8:]))
		x.readConfig(t, entry, 1)
	}
}

// audioFields returns the length of an audio entry's fixed fields. Versions 1 and 2 of the
// entry, from QuickTime, have more of them and occur in MP4 too.
func audioFields(stsd byte, entry uint16) int64 {
	switch {
	case stsd == 0 && entry == 1:
		return 28 + 16
	case stsd == 0 && entry == 2:
		return 28 + 36
	}
	return 28
}

// readConfig finds the decoder configuration among the boxes of a sample entry. QuickTime
// nests it one box deeper.
func (x *examiner) readConfig(t *track, entry box, deeper int) {
	for c := range x.boxes(entry.body, entry.end) {
		switch c.name {
		case "avcC": // version u8, profile_idc u8 (docs/references.md#h264, ISO/IEC 14496-15 §5.3.3.1)
			if p := x.payload(c, 2, 0); p != nil {
				t.profile = int(p[1])
			}
		case "esds":
			if p := x.payload(c, 4, 256); p != nil {
				t.object, t.profile = parseESDS(p[4:])
			}
		case "wave":
			if deeper > 0 {
				x.readConfig(t, c, deeper-1)
			}
		}
	}
}

// parseESDS returns the object type indication and, for AAC, the audio object type from an
// ES descriptor (docs/references.md#aac, ISO/IEC 14496-1 §7.2.6): descriptor 3 contains 4,
// which contains 5.
func parseESDS(b []byte) (object, profile int) {
	const stream, config, specific = 3, 4, 5
	b, ok := descriptor(b, stream)
	if !ok || len(b) < 3 {
		return 0, 0
	}
	flags := b[2] // after the id u16
	skip := 3
	if flags&0x80 != 0 { // depends on another stream
		skip += 2
	}
	if flags&0x40 != 0 && len(b) > skip { // a URL
		skip += 1 + int(b[skip])
	}
	if flags&0x20 != 0 { // a clock of another stream
		skip += 2
	}
	b, ok = descriptor(b[min(skip, len(b)):], config)
	if !ok || len(b) < 13 {
		return 0, 0
	}
	object = int(b[0])
	if b, ok = descriptor(b[13:], specific); !ok || len(b) < 2 {
		return object, 0
	}
	if profile = int(b[0] >> 3); profile == 31 { // escape: 32 and the next 6 bits
		profile = 32 + int(b[0]&7)<<3 + int(b[1]>>5)
	}
	return object, profile
}

// descriptor returns the content of the descriptor with this tag at the start of b, or as
// much of it as b contains. Its length has 7 bits in each of up to 4 bytes.
func descriptor(b []byte, tag byte) ([]byte, bool) {
	if len(b) < 2 || b[0] != tag {
		return nil, false
	}
	length := 0
	for i, c := range b[1:min(len(b), 5)] {
		length = length<<7 | int(c&0x7f)
		if c < 0x80 {
			b = b[i+2:]
			return b[:min(length, len(b))], true
		}
	}
	return nil, false
}
