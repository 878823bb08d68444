package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The advice of a refusal, as a caller reads it: a type to store the file with, or a command
// that writes out.EXT.
var (
	advisedType    = regexp.MustCompile(`tore (?:it|the result|that) with Content-Type ([a-z]+/[a-z0-9.+-]*[a-z0-9])`)
	advisedCommand = regexp.MustCompile(`: ((?:ffmpeg|vipsthumbnail) [^\[]*\bIN\b.*\bout\.([a-z0-9]+).*) \[[a-z0-9-]+\]`)
)

// Files that people store, with the types that stores and libraries give them.
var misstored = []struct{ about, name, contentType, command string }{
	{"Chrome's voice note", "voice.webm", "video/webm", "ffmpeg -f lavfi -i sine=duration=1 -ac 1 -c:a libopus voice.webm"},
	{"a video of a browser", "clip.webm", "video/webm", "ffmpeg -f lavfi -i testsrc=size=96x64:rate=12:duration=1 -f lavfi -i sine=duration=1 -c:v libvpx -c:a libopus clip.webm"},
	{"a photo of a CDN", "photo.jpg", "image/jpeg", "ffmpeg -f lavfi -i testsrc=size=96x64:duration=1 -frames:v 1 -c:v libwebp -f webp photo.jpg"},
	{"an iPhone's photo", "photo.heic", "image/heic", "ffmpeg -f lavfi -i testsrc=size=96x64:duration=1 -frames:v 1 photo.png && vips heifsave photo.png photo.heic"},
	{"a drawing", "drawing.svg", "image/svg+xml", `echo '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 6"><rect width="5" height="4"/></svg>' > drawing.svg`},
	{"an animation", "moving.gif", "image/gif", "ffmpeg -f lavfi -i testsrc=size=96x64:rate=12:duration=1 moving.gif"},
	{"Vorbis under the name of MP3", "voice.mp3", "audio/mpeg", "ffmpeg -f lavfi -i sine=duration=1 -c:a libvorbis -f ogg voice.mp3"},
	{"a stereo voice note", "voice.ogg", "audio/ogg", "ffmpeg -f lavfi -i sine=duration=1 -ac 2 -c:a libopus voice.ogg"},
	{"a Mac's recording", "clip.mov", "video/quicktime", "ffmpeg -f lavfi -i testsrc=size=96x64:rate=12:duration=1 -pix_fmt yuv420p -c:v libx264 clip.mov"},
	{"the defaults of FFmpeg", "clip.mp4", "video/mp4", "ffmpeg -f lavfi -i testsrc=size=96x64:rate=12:duration=1 -pix_fmt yuv420p -c:v libx264 clip.mp4"},
	{"a PNG under the name of a JPEG", "photo.jpg", "image/jpeg", "ffmpeg -f lavfi -i testsrc=size=96x64:duration=1 -frames:v 1 -c:v png -f image2 photo.jpg"},
	{"a table", "table.csv", "text/csv", `printf 'name,amount\nAda,1\n' > table.csv`},
}

// What a refusal advises, carried out once, makes a file that ferry sends and that the
// simulator accepts.
func TestAdviceOfARefusalLeadsToAnUpload(t *testing.T) {
	for _, program := range []string{"ffmpeg", "vips", "vipsthumbnail"} {
		if _, err := exec.LookPath(program); err != nil && installsPackages() {
			missingTool(t, program, "'make system' installs it")
		} else if err != nil {
			missingOnMachine(t, program, "install ffmpeg and libvips-tools")
		}
	}
	w := startDev(t, raceBuild)
	for _, f := range misstored {
		directory := t.TempDir()
		shell := func(line string) {
			cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(line, "ffmpeg ", "ffmpeg -nostdin -loglevel error "))
			cmd.Dir = directory
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%s: %s: %v\n%s", f.about, line, err, out)
			}
		}
		read := func(name string) []byte {
			data, err := os.ReadFile(filepath.Join(directory, name))
			if err != nil {
				t.Fatalf("%s: %v", f.about, err)
			}
			return data
		}
		shell(f.command)
		name, contentType := f.name, f.contentType
		accepted, err := w.gatewayAccepts(name, contentType, read(name))
		if accepted || err == nil {
			t.Errorf("%s was not refused", f.about)
			continue
		}
		if match := advisedType.FindStringSubmatch(err.Error()); match != nil {
			contentType = match[1]
		}
		if match := advisedCommand.FindStringSubmatch(err.Error()); match != nil {
			shell(regexp.MustCompile(`\bIN\b`).ReplaceAllString(match[1], name))
			name = "out." + match[2]
		}
		refusal := err
		if _, err := w.gatewayAccepts(name, contentType, read(name)); err != nil {
			t.Errorf("%s: %v\nand then as %s: %v", f.about, refusal, contentType, err)
		}
	}
}
