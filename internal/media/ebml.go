package media

import (
	"bytes"
	"math/bits"
)

// WhatsApp accepts no WebM and no Matroska. Their tracks are read to advise how to convert
// them: browsers record voice notes as WebM without a picture.

// Elements of EBML and Matroska (docs/references.md#matroska, section 5.1), with the marker
// bits of their ids.
const (
	ebmlSegment    = 0x18538067
	ebmlCluster    = 0x1f43b675
	ebmlTracks     = 0x1654ae6b
	ebmlTrackEntry = 0xae
	ebmlTrackType  = 0x83
	ebmlTypeVideo  = 1
	ebmlTypeAudio  = 2
)

// sniffEBML recognises WebM and Matroska, with sound only or with a picture.
func sniffEBML(head []byte) (detection, bool) {
	if !bytes.HasPrefix(head, []byte("\x1a\x45\xdf\xa3")) {
		return detection{}, false
	}
	name, label := "matroska", "Matroska"
	if bytes.Contains(head[:min(len(head), 64)], []byte("webm")) { // DocType, in the header
		name, label = "webm", "WebM"
	}
	f := detection{mime: "video/" + name, tracks: readEBMLTracks(head)}
	if f.tracks.soundOnly() {
		f.mime, f.description = "audio/"+name, "a "+label+" recording with sound only (audio/"+name+")"
	}
	return f, true
}

// readEBMLTracks reads which kinds of tracks a file has. They are known once the element
// Tracks has been read completely, which is near the beginning.
func readEBMLTracks(head []byte) tracks {
	for len(head) > 0 {
		id, body, rest, whole := readElement(head)
		switch {
		case id == ebmlSegment:
			head = body // its length may be unknown or go beyond the head
			continue
		case id == ebmlTracks && whole:
			return readTrackEntries(body)
		case !whole, id == ebmlCluster:
			return tracks{}
		}
		head = rest
	}
	return tracks{}
}

// readTrackEntries reads the types of the entries in the element Tracks.
func readTrackEntries(entries []byte) tracks {
	found := tracks{known: true}
	for len(entries) > 0 {
		id, entry, rest, whole := readElement(entries)
		if !whole {
			return tracks{}
		}
		for id == ebmlTrackEntry && len(entry) > 0 {
			field, value, next, whole := readElement(entry)
			if !whole {
				return tracks{}
			}
			if field == ebmlTrackType && len(value) > 0 {
				found.video = found.video || value[len(value)-1] == ebmlTypeVideo
				found.audio = found.audio || value[len(value)-1] == ebmlTypeAudio
			}
			entry = next
		}
		entries = rest
	}
	return found
}

// readElement reads the element at the start of b: its id, its content and what follows it.
// whole is false if its content goes beyond b or has an unknown length; the content is then
// what there is of it.
func readElement(b []byte) (id uint64, body, rest []byte, whole bool) {
	id, n := readVint(b, 4)
	if n == 0 {
		return 0, nil, nil, false
	}
	size, m := readVint(b[n:], 8)
	if m == 0 {
		return 0, nil, nil, false
	}
	body = b[n+m:]
	size &^= 1 << (7 * m) // the marker
	if size == 1<<(7*m)-1 || size > uint64(len(body)) {
		return id, body, nil, false
	}
	return id, body[:size], body[size:], true
}

// readVint reads an integer of at most longest bytes, with its marker, and returns how many
// bytes it has, 0 if there is none. The number of zero bits before the first one is the
// number of bytes that follow.
func readVint(b []byte, longest int) (value uint64, length int) {
	if len(b) == 0 || b[0] == 0 {
		return 0, 0
	}
	length = bits.LeadingZeros8(b[0]) + 1
	if length > longest || length > len(b) {
		return 0, 0
	}
	for _, c := range b[:length] {
		value = value<<8 | uint64(c)
	}
	return value, length
}
