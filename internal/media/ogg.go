package media

import (
	"bytes"
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
// stereo is accepted and then does not play (§3.7), which is a finding.
func sniffOgg(head []byte) (found, bool) {
	if !bytes.HasPrefix(head, []byte("OggS\x00")) {
		return found{}, false
	}
	streams := oggStreams(head)
	if slices.Equal(streams, []string{opusInOgg}) {
		return found{mime: "audio/ogg", note: "Opus audio in Ogg", fits: []string{"audio/ogg"}}, true
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
	return found{mime: "application/ogg", note: note}, true
}

// oggStreams names the codec of every stream that begins in the head, each once.
// All first pages stand before any other page (RFC 3533 §4). A page is "OggS",
// version u8, flags u8 (2: first of its stream), 20 bytes more, count of segments
// u8, their lengths u8 each, the segments (RFC 3533 §6).
func oggStreams(head []byte) []string {
	const header, first = 27, 2
	var names []string
	for len(head) >= header && string(head[:4]) == "OggS" && head[5]&first != 0 {
		segments := int(head[header-1])
		if len(head) < header+segments {
			break
		}
		length := 0
		for _, n := range head[header : header+segments] {
			length += int(n)
		}
		packet := head[header+segments:]
		if name := oggCodec(packet); !slices.Contains(names, name) {
			names = append(names, name)
		}
		head = packet[min(length, len(packet)):]
	}
	return names
}

func oggCodec(packet []byte) string {
	for _, c := range oggCodecs {
		if bytes.HasPrefix(packet, []byte(c.magic)) {
			return c.name
		}
	}
	return "an unknown codec"
}
