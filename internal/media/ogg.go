package media

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
)

// oggCodecs are the first bytes of a stream's first packet, by codec.
var oggCodecs = []struct{ magic, name string }{
	{"OpusHead", "Opus audio"}, // docs/references.md#ogg-opus, section 5.1
	{"\x01vorbis", "Vorbis audio"},
	{"\x7fFLAC", "FLAC audio"},
	{"Speex   ", "Speex audio"},
	{"\x80theora", "Theora video"},
	{"fishead\x00", "a Skeleton index"},
}

const (
	opusInOgg    = "Opus audio"
	unknownInOgg = "an unknown codec"
)

// sniffOgg recognises the streams of an Ogg file. WhatsApp accepts Ogg only with Opus
// (docs/references.md#media-types). The number of channels is checked by examineOgg: stereo
// is accepted at upload and then does not play (docs/references.md#media-failures).
func sniffOgg(head []byte) (detection, bool) {
	if !bytes.HasPrefix(head, []byte("OggS\x00")) {
		return detection{}, false
	}
	streams := oggStreams(head)
	found := oggTracks(streams)
	if slices.Equal(streams, []string{opusInOgg}) {
		return detection{mime: "audio/ogg", description: "Opus audio in Ogg", candidates: []string{"audio/ogg"}, tracks: found}, true
	}
	note := "Ogg without a known stream"
	for i, name := range streams {
		if i == 0 {
			note = name
		} else {
			note += " and " + name
		}
	}
	if len(streams) > 0 {
		note += " in Ogg"
	}
	return detection{mime: "application/ogg", description: note, tracks: found}, true
}

// oggTracks returns the kinds of streams. They are not known if a codec is not.
func oggTracks(streams []string) tracks {
	found := tracks{known: len(streams) > 0 && !slices.Contains(streams, unknownInOgg)}
	for _, name := range streams {
		found.audio = found.audio || strings.HasSuffix(name, " audio")
		found.video = found.video || strings.HasSuffix(name, " video")
	}
	return found
}

// oggStreams returns the codecs of the streams that begin in the head, each once. All first
// pages are before any other page (docs/references.md#ogg, section 4).
func oggStreams(head []byte) []string {
	var names []string
	for {
		p, ok := readPage(head)
		if !ok || !p.first {
			return names
		}
		if name := oggCodec(p.packet); !slices.Contains(names, name) {
			names = append(names, name)
		}
		head = head[min(p.length, len(head)):]
	}
}

func oggCodec(packet []byte) string {
	for _, c := range oggCodecs {
		if bytes.HasPrefix(packet, []byte(c.magic)) {
			return c.name
		}
	}
	return unknownInOgg
}

// maxVoice is the size above which WhatsApp shows a voice message without a play button.
const maxVoice = 512 * kib

// maxOggPage is the length of the longest page: header, 255 lengths, 255 segments of 255 bytes.
const maxOggPage = 27 + 255 + 255*255

// examineOgg requires a single Opus stream with one channel, from the first page to the last.
func examineOgg(x *examiner) {
	head := x.at(0, int(min(x.size, HeadSize)), maxOggPage)
	if head == nil {
		x.reportMissing("the first page")
		return
	}
	first, ok := readPage(head)
	if !ok {
		x.report(CodeTruncated, "it ends within the header of its first page")
		return
	}
	if n := countStreams(head); n > 1 {
		x.report(CodeOggMultiplexed, n)
	}
	if channels, ok := opusChannels(first); ok && channels != 1 {
		x.report(CodeOpusNotMono, channels)
	}
	if x.size > maxVoice {
		x.report(CodeVoiceTooLarge, bytesText(x.size))
	}
	examineOggEnd(x, first.serial)
}

// examineOggEnd checks that the last page is complete and belongs to the stream that the
// file begins with.
func examineOggEnd(x *examiner, serial uint32) {
	tail := x.at(max(0, x.size-maxOggPage), int(min(x.size, maxOggPage)), maxOggPage)
	if tail == nil {
		x.reportMissing("the last page")
		return
	}
	at := bytes.LastIndex(tail, []byte("OggS\x00"))
	last, ok := page{}, false
	if at >= 0 {
		last, ok = readPage(tail[at:])
	}
	switch {
	case !ok, last.length > len(tail)-at:
		x.report(CodeTruncated, "its last page is incomplete")
	case last.serial != serial && len(x.result.Findings) == 0: // parallel streams end in any order
		x.report(CodeOggChained)
	}
}

// page is one page of Ogg (docs/references.md#ogg, section 6).
type page struct {
	serial uint32
	first  bool   // the first page of its stream
	length int    // header and segments
	packet []byte // the segments, or as many bytes of them as there are
}

// readPage reads the page at the start of b: "OggS", version u8, flags u8,
// position u64, serial u32, number u32, CRC u32, count of segments u8, lengths u8.
func readPage(b []byte) (page, bool) {
	const header, first = 27, 2
	if len(b) < header || string(b[:4]) != "OggS" || len(b) < header+int(b[header-1]) {
		return page{}, false
	}
	segments := int(b[header-1])
	p := page{serial: binary.LittleEndian.Uint32(b[14:]), first: b[5]&first != 0, length: header + segments}
	for _, n := range b[header : header+segments] {
		p.length += int(n)
	}
	p.packet = b[header+segments : min(p.length, len(b))]
	return p, true
}

// countStreams counts the first pages of streams, which are before all other pages.
func countStreams(b []byte) int {
	n := 0
	for {
		p, ok := readPage(b)
		if !ok || !p.first {
			return n
		}
		n++
		b = b[min(p.length, len(b)):]
	}
}

// opusChannels reads "OpusHead", version u8, channels u8 (docs/references.md#ogg-opus, section 5.1).
func opusChannels(p page) (int, bool) {
	if !bytes.HasPrefix(p.packet, []byte("OpusHead")) || len(p.packet) < 10 {
		return 0, false
	}
	return int(p.packet[9]), true
}
