package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"slices"
	"strings"
	"testing"
)

// branded returns an MP4 file with another brand in place of all its brands.
func branded(data, brand string) string {
	end := int(binary.BigEndian.Uint32([]byte(data)))
	return data[:8] + brand + data[12:16] + strings.Repeat(brand, (end-16)/4) + data[end:]
}

// indexLast returns an MP4 file with its index (moov) behind everything else. Its offsets
// are wrong then, which nothing here reads.
func indexLast(data string) string {
	at := strings.Index(data, "moov") - 4
	end := at + int(binary.BigEndian.Uint32([]byte(data[at:])))
	return data[:at] + data[end:] + data[at:end]
}

// whole checks a file with HeadSize bytes of head, and ranges if it is longer.
func whole(t *testing.T, declared, name, data string) Result {
	t.Helper()
	r, err := Check(t.Context(), File{
		DeclaredType: declared, Name: name, Size: int64(len(data)), Head: []byte(data[:min(len(data), HeadSize)]),
		ReadAt: func(_ context.Context, p []byte, off int64) (int, error) {
			return bytes.NewReader([]byte(data)).ReadAt(p, off)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTracksDecideWhetherAnMP4IsAudio(t *testing.T) {
	sound, video, threeGP := goodSample(t, "sample.m4a"), goodSample(t, "sample.mp4"), goodSample(t, "sample.3gp")
	end := int(binary.BigEndian.Uint32([]byte(sound)))
	far := indexLast(branded(sound, "isom")[:end] + mp4Box("free", strings.Repeat("f", 2*HeadSize)) + sound[end:])
	for _, c := range []struct{ about, declared, name, data, mime, fileName, codes string }{
		{"a voice note without a type", "binary/octet-stream", "voice-note", branded(sound, "isom"), "audio/mp4", "voice-note.m4a", ""},
		{"a voice note with a misspelt type", "application/octect-stream", "voice-note", branded(sound, "mp42"), "audio/mp4", "voice-note.m4a", ""},
		{"a voice note that is called an MP4", "", "voice.mp4", branded(sound, "isom"), "audio/mp4", "voice.m4a", ""},
		{"a voice note in 3GP", "", "voice.3gp", branded(sound, "3gp4"), "audio/mp4", "voice.m4a", ""},
		{"a voice note as AAC", "audio/aac", "voice.aac", branded(sound, "isom"), "audio/mp4", "voice.m4a", ""},
		{"a voice note as MP3", "audio/mpeg", "voice.mp3", branded(sound, "isom"), "audio/mp4", "voice.m4a", ""},
		{"a voice note as audio/3gpp", "audio/3gpp", "voice.3gp", branded(sound, "3gp5"), "audio/mp4", "voice.m4a", ""},
		{"a voice note as WAV", "audio/wav", "voice.wav", branded(sound, "isom"), "audio/mp4", "voice.m4a", ""},
		{"a voice note as the container", "application/mp4", "voice", branded(sound, "isom"), "audio/mp4", "voice.m4a", ""},
		{"a voice note as video", "video/mp4", "voice.mp4", branded(sound, "isom"), "audio/mp4", "voice.m4a", CodeVideoMissing},
		{"a voice note of Apple as video", "video/mp4", "voice.mp4", branded(sound, "M4A "), "audio/mp4", "voice.m4a", CodeVideoMissing},
		{"a voice note as 3GP video", "video/3gpp", "voice.3gp", branded(sound, "3gp4"), "audio/mp4", "voice.m4a", CodeVideoMissing},
		{"a voice note as WebM", "video/webm", "voice.webm", branded(sound, "isom"), "audio/mp4", "voice.m4a", CodeVideoMissing},
		{"a voice note as QuickTime", "video/quicktime", "voice.mov", branded(sound, "isom"), "audio/mp4", "voice.m4a", CodeVideoMissing},
		{"a voice note whose index is behind the first bytes", "", "voice", far, "audio/mp4", "voice.m4a", ""},
		{"a voice note as a picture", "image/jpeg", "voice.jpg", branded(sound, "isom"), "", "", CodeTypeContradicts},
		{"a voice note as text", "text/plain", "voice.txt", branded(sound, "isom"), "", "", CodeTypeContradicts},
		{"sound with a brand for video", "video/mp4", "voice.mp4", branded(sound, "M4V "), "", "", CodeTypeNotAccepted},
		{"sound with a brand for video, without a type", "", "voice.mp4", branded(sound, "M4V "), "", "", CodeTypeNotAccepted},
		{"sound in QuickTime", "video/quicktime", "voice.mov", branded(sound, "qt  "), "", "", CodeTypeNotAccepted},

		{"a video without a type that is called audio", "", "clip.m4a", branded(video, "isom"), "video/mp4", "clip.mp4", ""},
		{"a video without a type", "image/*", "clip", branded(video, "isom"), "video/mp4", "clip.mp4", ""},
		{"a video in 3GP without a type", "", "clip.3gp", threeGP, "video/3gpp", "clip.3gp", ""},
		{"a video as audio", "audio/mp4", "clip.m4a", branded(video, "isom"), "audio/mp4", "clip.m4a", CodeAudioHasVideo},
		{"a video as AAC", "audio/aac", "clip.aac", branded(video, "isom"), "", "", CodeTypeContradicts},
		{"a video with a brand for audio, without a type", "", "clip", branded(video, "M4A "), "audio/mp4", "clip.m4a", CodeAudioHasVideo},
	} {
		got := whole(t, c.declared, c.name, c.data)
		if got.Type.MIME != c.mime || got.FileName != c.fileName || codes(got) != c.codes || len(got.Unchecked) > 0 {
			t.Errorf("%s: %s, %q, %q, %+v; want %s, %q, %q", c.about, got.Type.MIME, got.FileName, codes(got), got, c.mime, c.fileName, c.codes)
		}
	}
	unknown := whole(t, "", "voice", indexLast(branded(sound, "isom"))[:end+9])
	if unknown.Type.MIME != "video/mp4" || unknown.MaxSeverity() != WillFail {
		t.Errorf("without an index: %+v", unknown)
	}
}

// A failing read is not hidden by a type that is decided without it.
func TestReadOfTheIndexMayFail(t *testing.T) {
	data := indexLast(branded(goodSample(t, "sample.m4a"), "isom"))
	file := File{Name: "a", Size: int64(len(data)), Head: []byte(data[:200]), ReadAt: func(context.Context, []byte, int64) (int, error) { return 0, io.ErrClosedPipe }}
	if _, err := Check(t.Context(), file); err == nil {
		t.Error("no error")
	}
	file.ReadAt = nil
	if r, err := Check(t.Context(), file); err != nil || r.Type.MIME != "video/mp4" || len(r.Unchecked) == 0 {
		t.Errorf("without ranges: %+v, %v", r, err)
	}
	file.DeclaredType = "text/plain" // it is refused anyway
	file.ReadAt = func(context.Context, []byte, int64) (int, error) { return 0, io.ErrClosedPipe }
	if r, err := Check(t.Context(), file); err != nil || codes(r) != CodeTypeContradicts {
		t.Errorf("as text: %+v, %v", r, err)
	}
}

// element is an element of EBML. A negative size is an unknown one.
func element(id string, content ...string) string {
	body := strings.Join(content, "")
	return id + string(binary.BigEndian.AppendUint64(nil, 1<<56|uint64(len(body)))) + body
}

// wholeHeader is the header of a WebM file.
var wholeHeader = element("\x1a\x45\xdf\xa3", element("\x42\x82", "webm"))

// webm is the start of a WebM file with tracks of these types, as a browser records it: the
// length of the segment is unknown.
func webm(types ...byte) string {
	var entries []string
	for _, kind := range types {
		entries = append(entries, element("\xae", element("\xd7", "\x01"), element("\x83", string([]byte{kind})), element("\x86", "A_OPUS")))
	}
	return wholeHeader + "\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" +
		element("\x15\x49\xa9\x66", "info") + element("\x16\x54\xae\x6b", entries...) + "\x1f\x43\xb6\x75\x01\xff\xff\xff\xff\xff\xff\xff"
}

func TestAdviceForWebMFollowsItsTracks(t *testing.T) {
	const opus, mp4 = "libopus", "libx264"
	voice, clip, silent, many := webm(2), webm(1, 2), webm(1), webm(0x11, 2)
	late := wholeHeader + "\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" + element("\xec", strings.Repeat("\x00", HeadSize))
	for _, c := range []struct{ about, declared, data, code, command string }{
		{"a voice note as video", "video/webm", voice, CodeTypeNotAccepted, opus},
		{"a voice note as audio", "audio/webm", voice, CodeTypeNotAccepted, opus},
		{"a voice note with its codec", "audio/webm;codecs=opus", voice, CodeTypeNotAccepted, opus},
		{"a voice note without a type", "", voice, CodeTypeNotAccepted, opus},
		{"a voice note as Ogg", "audio/ogg", voice, CodeTypeContradicts, opus},
		{"a voice note as MP4", "video/mp4", voice, CodeTypeContradicts, opus},
		{"a voice note as a picture", "image/png", voice, CodeTypeContradicts, opus},
		{"a clip", "video/webm", clip, CodeTypeNotAccepted, mp4},
		{"a clip without a type", "binary/octet-stream", clip, CodeTypeNotAccepted, mp4},
		{"a clip as audio", "audio/webm", clip, CodeTypeNotAccepted, opus},
		{"a silent clip", "video/webm", silent, CodeTypeNotAccepted, mp4},
		{"a silent clip as audio", "audio/webm", silent, CodeTypeNotAccepted, mp4},
		{"subtitles and sound", "video/webm", many, CodeTypeNotAccepted, opus},
		{"unknown tracks as video", "video/webm", late, CodeTypeNotAccepted, mp4},
		{"unknown tracks as audio", "audio/webm", late, CodeTypeNotAccepted, opus},
	} {
		got := whole(t, c.declared, "a.webm", c.data)
		if code(t, got) != c.code || !strings.Contains(command(got.Findings[0].Fix), c.command) {
			t.Errorf("%s: %+v; want %s with %s", c.about, got.Findings, c.code, c.command)
		}
	}
}

// What is known of the tracks does not change when more of the file is there.
func FuzzEBML(f *testing.F) {
	for _, seed := range []string{webm(2), webm(1, 2), headWebM, "\x1a\x45\xdf\xa3\x80\x16\x54\xae\x6b\x81\x80", "\x1a\x45\xdf\xa3\x01"} {
		f.Add([]byte(seed), uint16(len(seed)))
		f.Add([]byte(seed), uint16(len(seed)/2))
	}
	f.Fuzz(func(t *testing.T, data []byte, cut uint16) {
		prefix := data[:min(len(data), int(cut))]
		if some, all := readEBMLTracks(prefix), readEBMLTracks(data); some.known && some != all || !all.known && all != (tracks{}) {
			t.Errorf("%+v of %d bytes, %+v of all %d", some, len(prefix), all, len(data))
		}
		seen, ok := sniffEBML(data)
		if ok != bytes.HasPrefix(data, []byte("\x1a\x45\xdf\xa3")) || len(seen.candidates) > 0 || ok && strings.HasPrefix(seen.mime, "audio/") != seen.tracks.soundOnly() {
			t.Errorf("%t, %+v", ok, seen)
		}
	})
}

func TestOggIsAVoiceNoteIfItIsOpus(t *testing.T) {
	voice := goodSample(t, "voice.ogg")
	for _, declared := range []string{
		"video/ogg", "video/x-ogg", "application/ogg", "application/x-ogg", "audio/ogg", "audio/x-ogg", "audio/opus", "audio/opus; codecs=opus",
		`audio/ogg;codecs="opus"`, "audio/vorbis", "audio/x-vorbis+ogg", "audio/x-opus+ogg", "audio/*", "",
	} {
		if r := whole(t, declared, "voice.opus", voice); len(r.Findings) > 0 || r.ContentType != "audio/ogg; codecs=opus" || r.FileName != "voice.ogg" {
			t.Errorf("%q: %+v", declared, r)
		}
	}
	const opus, mp4 = "libopus", "libx264"
	vorbis, theora := "\x01vorbis\x00", "\x80theora\x03"
	for _, c := range []struct{ about, declared, data, code, command string }{
		{"Vorbis as Ogg", "audio/ogg", oggOf(vorbis), CodeAudioNotOpus, opus},
		{"Vorbis as MP3", "audio/mpeg", oggOf(vorbis), CodeTypeContradicts, opus},
		{"Vorbis as a video", "video/mp4", oggOf(vorbis), CodeTypeContradicts, opus},
		{"Vorbis as a document", "application/pdf", oggOf(vorbis), CodeTypeContradicts, opus},
		{"Vorbis without a type", "", oggOf(vorbis), CodeAudioNotOpus, opus},
		{"FLAC as MP3", "audio/mpeg", oggOf("\x7fFLAC\x01"), CodeTypeContradicts, opus},
		{"Speex as AMR", "audio/amr", oggOf("Speex   1"), CodeTypeContradicts, opus},
		{"Theora as Ogg", "video/ogg", oggOf(theora), CodeAudioNotOpus, mp4},
		{"Theora with Vorbis as a video", "video/mp4", oggOf(theora, vorbis), CodeTypeContradicts, mp4},
		{"Theora with Vorbis as audio", "audio/ogg", oggOf(theora, vorbis), CodeAudioNotOpus, opus},
		{"an unknown codec", "audio/ogg", oggOf("BBCD\x00"), CodeAudioNotOpus, ""},
	} {
		got := whole(t, c.declared, "a.ogg", c.data)
		line := command(got.Findings[0].Fix)
		if code(t, got) != c.code || !strings.Contains(line, c.command) || (line == "") != (c.command == "") {
			t.Errorf("%s: %+v; want %s with %s", c.about, got.Findings, c.code, c.command)
		}
	}
}

func TestTypesThatSayNothingLeaveTheDecisionToTheBytes(t *testing.T) {
	for _, declared := range []string{
		"", "application/octet-stream", "binary/octet-stream", "application/octetstream", "application/octet", "application/x-octet-stream",
		"application/octect-stream", "application/octed-stream", "application/ocet-stream", "application/oct-stream", "application/octetet-stream",
		"octet/stream", "octet-stream", "x-octet-stream", "application/octet_stream", "Application/Octet-Stream; charset=utf-8", "image/octet-stream",
		"application", "image", "*/*", "*", "image/*", "image/unknown", "application/unknown", "unknown/unknown", "application/x-unknown", "image/undefined", "undefined",
		"application/force-download", "application/x-force-download", "application/download", "application/x-download", "application/x-forcedownload", "application/save",
		"application/binary", "application/x-binary", "application/data", "application/file", "application/x-file", "application/attachment", "application/null",
		"application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "image/jpeg, image/png", "jpeg",
		"application/zip", "application/x-zip-compressed", "application/CDFV2", "application/mp4",
	} {
		for head, mime := range map[string]string{headPNG: "image/png", headPDF: "application/pdf", zipOf("[Content_Types].xml", "word/document.xml"): docx, headMP3: "audio/mpeg"} {
			if got := identified(declared, "file", head); got.Type.MIME != mime {
				t.Errorf("%q with %s: %+v", declared, mime, got)
			}
		}
	}
	for _, declared := range []string{
		"application/CDFV2", "application/CDFV2-unknown", "application/CDFV2-corrupt", "application/vnd.ms-office", "application/msoffice",
		"application/x-ole-storage", "application/x-tika-msoffice", "application/x-tika-ooxml-protected", "application/x-cfb",
	} {
		for name, mime := range map[string]string{"letter.doc": doc, "table.xls": xls, "talk.ppt": ppt, "secret.docx": docx} {
			if got := identified(declared, name, headOLE); got.Type.MIME != mime || len(got.Findings) > 0 {
				t.Errorf("%q with %s: %+v", declared, name, got)
			}
		}
	}
	for _, declared := range []string{"application/x-tika-ooxml", "application/zip", "application/x-zip", "application/x-zip-compressed"} {
		if got := identified(declared, "table.xlsx", zipOf("_rels/.rels")); got.Type.MIME != xlsx {
			t.Errorf("%q: %+v", declared, got)
		}
		if got := identified(declared, "photos.zip", zipOf("a.jpg")); code(t, got) != CodeTypeNotAccepted {
			t.Errorf("%q with an archive: %+v", declared, got)
		}
	}
	for _, declared := range []string{"image/jpeg", "application/octopus", "application/vnd.octave", "image/gif", "video/webm", "application/json", "text/csv"} {
		if isUninformative(declared) {
			t.Errorf("%q says nothing", declared)
		}
	}
}

// The names of no types that WhatsApp accepts are taken to say nothing.
func TestAcceptedTypesSaySomething(t *testing.T) {
	for mime := range silent {
		if _, ok := lookup(mime); ok || slices.Contains(metaList, mime) {
			t.Errorf("%s", mime)
		}
	}
}
