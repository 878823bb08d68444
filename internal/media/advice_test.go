package media

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ferry/internal/sample"
)

// realFiles are files of the formats that people store, each with the command that makes it.
// Every good sample is one, too.
var realFiles = []struct{ name, command string }{
	{"voice.webm", "ffmpeg" + tone + " -ac 1 -c:a libopus voice.webm"},
	{"clip.webm", "ffmpeg" + moving + tone + " -c:v libvpx -c:a libopus clip.webm"},
	{"silent.webm", "ffmpeg" + moving + " -c:v libvpx-vp9 silent.webm"},
	{"clip.mkv", "ffmpeg" + moving + tone + main + " -c:a aac clip.mkv"},
	{"tone.mka", "ffmpeg" + tone + " -c:a libvorbis tone.mka"},
	{"voice.mp4", "ffmpeg" + tone + " -c:a aac voice.mp4"},
	{"voice.3gp", "ffmpeg" + tone + " -c:a aac voice.3gp"},
	{"voice.mov", "ffmpeg" + tone + " -c:a aac voice.mov"},
	{"clip.mov", "ffmpeg" + moving + tone + main + " -c:a aac clip.mov"},
	{"brand.m4v", "ffmpeg" + tone + " -c:a aac -f mp4 -brand 'M4V ' brand.m4v"},
	{"picture.m4a", "ffmpeg" + moving + tone + main + " -c:a aac -movflags +faststart -f mp4 -brand 'M4A ' picture.m4a"},
	{"clip.avi", "ffmpeg" + moving + tone + " clip.avi"},
	{"clip.flv", "ffmpeg" + moving + tone + " -ar 44100 clip.flv"},
	{"clip.wmv", "ffmpeg" + moving + tone + " clip.wmv"},
	{"tone.wma", "ffmpeg" + tone + " tone.wma"},
	{"vorbis.ogg", "ffmpeg" + tone + " -c:a libvorbis vorbis.ogg"},
	{"flac.ogg", "ffmpeg" + tone + " -c:a flac flac.ogg"},
	{"tone.spx", "ffmpeg" + tone + " -ar 16000 -c:a libspeex tone.spx"},
	{"clip.ogv", "ffmpeg" + moving + tone + " -c:v libtheora -c:a libvorbis clip.ogv"},
	{"silent.ogv", "ffmpeg" + moving + " -c:v libtheora silent.ogv"},
	{"stereo.ogg", "ffmpeg" + tone + " -ac 2 -c:a libopus stereo.ogg"},
	{"tone.wav", "ffmpeg" + tone + " tone.wav"},
	{"tone.flac", "ffmpeg" + tone + " tone.flac"},
	{"tone.aiff", "ffmpeg" + tone + " tone.aiff"},
	{"photo.webp", "ffmpeg" + still + " -c:v libwebp photo.webp"},
	{"moving.webp", "ffmpeg" + moving + " -c:v libwebp_anim moving.webp"},
	{"moving.gif", "ffmpeg" + moving + " moving.gif"},
	{"still.gif", "ffmpeg" + still + " still.gif"},
	{"photo.bmp", "ffmpeg" + still + " photo.bmp"},
	{"photo.tiff", "ffmpeg" + still + " photo.tiff"},
	{"photo.heic", "ffmpeg" + still + " photo.png && vips heifsave photo.png photo.heic"},
	{"photo.avif", "ffmpeg" + still + " photo.png && vips heifsave photo.png photo.avif --compression av1"},
	{"photo.jp2", "ffmpeg" + still + " photo.png && vips jp2ksave photo.png photo.jp2"},
	{"drawing.svg", `echo '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 6"><rect width="5" height="4" fill="red"/></svg>' > drawing.svg`},
	{"high.mp4", "ffmpeg" + moving + tone + " -c:v libx264 -profile:v high -bf 2 -pix_fmt yuv420p -c:a aac -movflags +faststart high.mp4"},
	{"table.csv", `printf 'name,amount\nAda,1\nBob,2\n' > table.csv`},
	{"order.json", `printf '{"id": 1}' > order.json`},
	{"letter.rtf", `printf '{\\rtf1\\ansi Hello}' > letter.rtf`},
	{"photo.jpg.gz", "ffmpeg" + still + " photo.jpg && gzip -c photo.jpg > photo.jpg.gz"},
	{"padded.pdf", "qpdf --empty empty.pdf && { cat empty.pdf; head -c 9000 /dev/zero | tr '\\0' x; } > padded.pdf"},
}

const still = " -f lavfi -i testsrc=size=96x64:rate=1:duration=1 -frames:v 1"

// declaredTypes are the types that files are stored with, rightly or not.
var declaredTypes = []string{
	"", "application/octetstream", "image/*", "image/jpeg", "image/png", "image/webp", "image/gif", "image/heic", "image/avif", "image/svg+xml", "image/bmp", "image/tiff",
	"audio/ogg", "audio/opus", "audio/mpeg", "audio/aac", "audio/mp4", "audio/amr", "audio/webm", "audio/wav", "audio/3gpp", "audio/flac", "audio/x-ms-wma",
	"video/mp4", "video/3gpp", "video/webm", "video/quicktime", "video/ogg", "video/x-msvideo", "video/x-matroska",
	"text/plain", "text/csv", "application/json", "application/pdf", doc, xls, docx, "application/zip", "application/gzip", "application/rtf", "application/x-sh",
}

// storeIt finds a type under which the file itself is to be stored, and resultType that of
// what a command makes.
var (
	storeIt    = regexp.MustCompile(`(?i)\bstore (?:it|such a document) with (?:its )?(?:own )?Content-Type,?(?: one of:| such as)? ([a-z0-9.+/, -]+?)(?:[.:;]?(?: |$)|, (?:and|or) )`)
	resultType = regexp.MustCompile(`store (?:the result|that) with Content-Type ([a-z0-9.+/-]+)`)
)

// TestEveryAdviceLeadsToAFileThatPasses carries out what is advised for every pair of a
// declared type and a real file: commands, and other types. The result must not be refused,
// and WhatsApp must be expected to deliver it. Only what is wrong inside a file, besides its
// type, may need a second command.
func TestEveryAdviceLeadsToAFileThatPasses(t *testing.T) {
	if testing.Short() {
		t.Skip("runs encoders")
	}
	for _, f := range sample.Files() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			tryAdvice(t, f.Name, f.Data)
		})
	}
	for _, f := range realFiles {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(filepath.Join(run(t, f.command, t.TempDir()), f.name))
			if err != nil {
				t.Fatal(err)
			}
			tryAdvice(t, f.name, data)
		})
	}
}

// tryAdvice declares a file as every type.
func tryAdvice(t *testing.T, name string, data []byte) {
	a := &advised{t: t, name: name, data: data, made: map[string]string{}}
	for _, declared := range declaredTypes {
		r := whole(t, declared, name, string(data))
		for _, f := range r.Findings {
			a.follow(fmt.Sprintf("declared as %q", declared), f, true)
		}
		if r.MaxSeverity() < Refused && r.MaxSeverity() >= WillFail && command(r.Findings[0].Fix) == "" {
			t.Errorf("declared as %q: will fail, and no command helps: %+v", declared, r.Findings)
		}
	}
}

// advised is a file whose advice is followed.
type advised struct {
	t    *testing.T
	name string
	data []byte
	made map[string]string // by command: the file that it wrote
}

// follow carries out what a finding advises. again says that the result may have one more
// finding that will fail.
func (a *advised) follow(about string, f Finding, again bool) {
	about += ": " + f.Code + ", " + f.Fix
	for _, match := range storeIt.FindAllStringSubmatch(f.Fix, -1) {
		for mime := range strings.SplitSeq(match[1], ", ") {
			r := whole(a.t, mime, a.name, string(a.data))
			switch {
			case r.MaxSeverity() < WillFail:
			case r.MaxSeverity() == WillFail && again:
				for _, next := range r.Findings {
					a.follow(about, next, false)
				}
			default:
				a.t.Errorf("%s\nas %s: %+v", about, mime, r.Findings)
			}
		}
	}
	line := command(f.Fix)
	if line == "" {
		return
	}
	path, ok := a.made[line]
	if !ok {
		directory := a.t.TempDir()
		if err := os.WriteFile(filepath.Join(directory, a.name), a.data, 0o600); err != nil {
			a.t.Fatal(err)
		}
		path = filepath.Join(run(a.t, regexp.MustCompile(`\bIN\b`).ReplaceAllString(line, a.name), directory), outFile.FindString(line))
		a.made[line] = path
	}
	data, err := os.ReadFile(path)
	if err != nil {
		a.t.Fatalf("%s: %v", about, err)
	}
	mime, ok := mimeOfExtension(extension(path))
	if wanted := resultType.FindStringSubmatch(f.Fix); !ok || wanted != nil && wanted[1] != mime {
		a.t.Errorf("%s\nwrites %s, %s", about, path, mime)
	}
	if r := whole(a.t, mime, filepath.Base(path), string(data)); r.MaxSeverity() >= WillFail || codes(r) != "" && codes(r) != CodeVideoMissing && codes(r) != CodeStickerDimensions {
		a.t.Errorf("%s\nmakes %s with %+v", about, mime, r.Findings)
	}
}

// Wherever a cure is given, the list of the types that WhatsApp accepts is not.
func TestRefusalsNameTheCureAndNoListOfTypes(t *testing.T) {
	for _, c := range refuseCases {
		text := identified(c.declared, c.name, c.head).Refusal(Refused)
		if n := strings.Count(text, "application/") + strings.Count(text, "audio/") + strings.Count(text, "video/") + strings.Count(text, "image/"); n > 6 || len(text) > 540 {
			t.Errorf("%s: %d types in %d bytes: %s", c.about, n, len(text), text)
		}
	}
}
