package media

import (
	"fmt"
	"slices"
)

// movie is what is checked of an MP4 or 3GP file.
type movie struct {
	indexLast  bool // moov is after mdat
	fragmented bool
	complete   bool // all tracks have been read
	tracks     []track
}

// tracksOf returns the tracks with a handler.
func (m movie) tracksOf(handler string) []track {
	var some []track
	for _, t := range m.tracks {
		if t.handler == handler {
			some = append(some, t)
		}
	}
	return some
}

// examineMP4 checks MP4 video, MP4 audio and 3GP. If reading stopped early, it checks what
// was read, and reports nothing as missing that may be in the rest.
func examineMP4(x *examiner) {
	m := x.readMovie()
	if x.result.MaxSeverity() > 0 {
		return
	}
	whole := len(x.result.Unchecked) == 0
	videos, audios := m.tracksOf("vide"), m.tracksOf("soun")
	noVideo, noAudio := len(videos) == 0 && whole, len(audios) == 0 && whole
	if m.indexLast && x.kind.kind == kindVideo {
		x.report(CodeMP4IndexLast)
	}
	if m.fragmented {
		x.report(CodeMP4Fragmented)
	}
	switch isVideo := x.kind.kind == kindVideo; {
	case noVideo && noAudio:
		x.report(CodeMP4Empty, "it has no video or audio track")
	case !isVideo && noAudio:
		x.reportOther(CodeAudioHasVideo)
		videos = nil
	case !isVideo && len(videos) > 0:
		x.reportPicture()
		videos = nil
	}
	if len(audios) > 1 {
		x.report(CodeAudioTracks, len(audios))
	}
	if len(videos) > 0 && x.examineTrack(videos[0], "video", m.fragmented) {
		x.examineVideo(videos[0])
	}
	if len(audios) > 0 && x.examineTrack(audios[0], "audio", m.fragmented) {
		x.examineAudio(audios[0])
	}
}

// reportPicture reports a picture in a file that is declared as audio. One with a brand that
// is for audio only cannot be stored as video.
func (x *examiner) reportPicture() {
	fix := ""
	if brand, ok := sniffBrands(x.head); ok && !slices.Contains(brand.candidates, "video/mp4") {
		fix = "Keep only the audio: " + toM4A
	}
	x.result.add(x.kind, CodeAudioHasVideo, fix)
}

// readTracks returns which kinds of tracks a file has. Its type need not be decided.
func (x *examiner) readTracks() tracks {
	m := x.readMovie()
	return tracks{known: m.complete, video: len(m.tracksOf("vide")) > 0, audio: len(m.tracksOf("soun")) > 0}
}

// readMovie returns what readMovie reads, once.
func (x *examiner) readMovie() movie {
	if x.movie == nil {
		m := readMovie(x)
		x.movie = &m
	}
	return *x.movie
}

// readMovie reads the top-level boxes up to the second of moov, mdat and moof, and the tracks
// in moov. Boxes after moov are less important: they are ignored if they cannot be read.
func readMovie(x *examiner) movie {
	var m movie
	media := false
	for b := range x.boxes(0, x.size) {
		switch b.name {
		case "moov":
			x.index, m.indexLast = b, media
			x.readIndex(&m)
		case "mdat":
			media = true
		case "moof":
			m.fragmented = true
		}
		if m.fragmented || x.index.end > 0 && (media || x.isStopped() || x.at(b.end, 8, x.step(b.end)) == nil && x.reason != "") {
			break
		}
	}
	switch {
	case x.index.end > 0:
	case len(x.result.Unchecked) > 0:
		m.indexLast = media // moov was not before it
	case x.result.MaxSeverity() == 0:
		x.report(CodeMP4NoIndex)
	}
	return m
}

// readIndex reads moov. Files have a few tracks; those after the first maxTracks are ignored.
func (x *examiner) readIndex(m *movie) {
	const maxTracks = 32
	for b := range x.boxes(x.index.body, x.index.end) {
		switch b.name {
		case "mvex":
			m.fragmented = true
		case "trak":
			if len(m.tracks) < maxTracks {
				var t track
				x.readTrack(&t, b, 0)
				m.tracks = append(m.tracks, t)
			}
		}
	}
	m.complete = !x.isStopped()
}

// examineTrack reports whether the codec of a track can be checked.
func (x *examiner) examineTrack(t track, what string, fragmented bool) bool {
	switch {
	case t.codec == "encv", t.codec == "enca":
		x.report(CodeMP4Encrypted, what)
	case t.codec == "" && len(x.result.Unchecked) > 0: // reading stopped before it
	case !fragmented && (t.samples == 0 || t.duration == 0) && len(x.result.Unchecked) == 0:
		x.report(CodeMP4Empty, fmt.Sprintf("the duration of its %s track is 0", what))
	default:
		return true
	}
	return false
}

// Values of profile_idc (docs/references.md#h264, §A.2).
const (
	h264Baseline, h264Main, h264Extended, h264High = 66, 77, 88, 100
)

// h264Profiles are profiles that the decoders of phones do not support.
var h264Profiles = map[int]string{
	h264Extended: "Extended", 110: "High 10", 122: "High 4:2:2", 244: "High 4:4:4", 44: "CAVLC 4:4:4",
}

func (x *examiner) examineVideo(t track) {
	if t.codec != "avc1" && t.codec != "avc3" {
		x.report(CodeVideoCodec, codecText(t))
		return
	}
	name, beyond := h264Profiles[t.profile]
	switch high := t.profile == h264High; {
	case beyond:
		x.report(CodeH264Profile, name)
	case high && t.bframes:
		x.report(CodeH264HighBFrames)
	case high:
		x.report(CodeH264High)
	case t.bframes:
		x.report(CodeH264BFrames)
	}
}

func (x *examiner) examineAudio(t track) {
	switch {
	case isAAC(t):
		x.examineAACProfile(t.profile)
	case x.kind.kind == kindVideo:
		x.report(CodeVideoAudioCodec, codecText(t))
	default:
		x.report(CodeAudioCodec, codecText(t))
	}
}

// isAAC accepts AAC of MPEG-4 (0x40), and of MPEG-2 in its three profiles. mp4a without a
// decoder configuration is assumed to be AAC, as it nearly always is.
func isAAC(t track) bool {
	return t.codec == "mp4a" && (t.object == 0 || t.object == 0x40 || t.object >= 0x66 && t.object <= 0x68)
}

// Names of codecs: by sample entry, and by object type for mp4a.
var (
	codecNames = map[string]string{
		"hvc1": "H.265 (HEVC)", "hev1": "H.265 (HEVC)", "dvh1": "Dolby Vision", "dvhe": "Dolby Vision",
		"av01": "AV1", "vp08": "VP8", "vp09": "VP9", "mp4v": "MPEG-4 Part 2", "s263": "H.263", "h263": "H.263",
		"vvc1": "H.266 (VVC)", "jpeg": "Motion JPEG", "mjpg": "Motion JPEG", "apch": "ProRes", "apcn": "ProRes",
		"alac": "Apple Lossless (ALAC)", "fLaC": "FLAC", "Opus": "Opus", "ac-3": "Dolby AC-3", "ec-3": "Dolby E-AC-3",
		"samr": "AMR narrowband", "sawb": "AMR wideband", ".mp3": "MP3", "sowt": "PCM", "twos": "PCM", "lpcm": "PCM", "ipcm": "PCM",
	}
	objectNames = map[int]string{0x69: "MP3", 0x6b: "MP3", 0xa5: "Dolby AC-3", 0xa6: "Dolby E-AC-3", 0xa9: "DTS", 0xad: "Opus", 0xdd: "Vorbis", 0xe1: "QCELP"}
)

// codecText returns the name of a track's codec.
func codecText(t track) string {
	if t.codec == "mp4a" {
		if name, ok := objectNames[t.object]; ok {
			return name
		}
		return fmt.Sprintf("object type %#x", t.object)
	}
	if name, ok := codecNames[t.codec]; ok {
		return name
	}
	return fmt.Sprintf("%q", t.codec)
}
