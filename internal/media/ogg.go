package media

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// oggCodecs are the first bytes of a stream's first packet, by codec.
var oggCodecs = []struct{ magic, name string }{
	{"OpusHead", "Opus audio"}, // RFC 7845 §5.1
	{"\x01vorbis", "Vorbis audio"},
	{"\x7fFLAC", "FLAC audio"},
	{"Speex   ", "Speex audio"},
	{"\x80theora", "Theora video"},
	{"fishead\x00", "a Skeleton index"},
}

const opusInOgg = "Opus audio"

// sniffOgg names the streams of an Ogg file. WhatsApp takes Ogg with Opus only
// (meta-cloud-api.md §3.6). That it also wants one channel is not decided here:
// stereo is accepted and then does not play (§3.7), which examineOgg finds.
func sniffOgg(head []byte) (detection, bool) {
	if !bytes.HasPrefix(head, []byte("OggS\x00")) {
		return detection{}, false
	}
	streams := oggStreams(head)
	if slices.Equal(streams, []string{opusInOgg}) {
		return detection{mime: "audio/ogg", description: "Opus audio in Ogg", candidates: []string{"audio/ogg"}}, true
	}
	note := "Ogg without a stream that ferry knows"
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
	return detection{mime: "application/ogg", description: note}, true
}

// oggStreams names the codec of every stream that begins in the head, each once.
// All first pages stand before any other page (RFC 3533 §4).
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
	return "an unknown codec"
}

// maxVoice is where WhatsApp stops to show a voice message with a play button.
const maxVoice = 512 * kib

// maxOggPage is the longest page: header, 255 lengths, 255 segments of 255 bytes.
const maxOggPage = 27 + 255 + 255*255

// examineOgg wants one stream of Opus with one channel, from the first page to the last.
func examineOgg(x *examiner) {
	head := x.at(0, int(min(x.size, HeadSize)), maxOggPage)
	if head == nil {
		x.reportMissing("the first page")
		return
	}
	first, ok := readPage(head)
	if !ok {
		x.report(CodeTruncated, "it ends before the end of its first page's header")
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

// examineOggEnd looks at the last page: whether it is whole, and whether it belongs to
// the stream that the file begins with.
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
		x.report(CodeTruncated, "its last page is not whole")
	case last.serial != serial && len(x.result.Findings) == 0: // side by side, streams end in any order
		x.report(CodeOggChained)
	}
}

// page is one page of Ogg (RFC 3533 §6).
type page struct {
	serial uint32
	first  bool   // of its stream
	length int    // header and segments
	packet []byte // as much of the segments as is there
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

// countStreams counts the first pages, which stand before all others.
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

// opusChannels reads "OpusHead", version u8, channels u8 (RFC 7845 §5.1).
func opusChannels(p page) (int, bool) {
	if !bytes.HasPrefix(p.packet, []byte("OpusHead")) || len(p.packet) < 10 {
		return 0, false
	}
	return int(p.packet[9]), true
}
