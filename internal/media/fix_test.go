package media

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ferry/internal/sample"
)

// outFile is the file that a command of a Fix writes.
var outFile = regexp.MustCompile(`\bout\.[a-z0-9]+`)

// command returns the command of a Fix, "" if it has none.
func command(fix string) string {
	if at := strings.LastIndex(fix, ": "); at >= 0 && outFile.MatchString(fix[at:]) && !strings.HasSuffix(fix, ".") {
		return fix[at+2:]
	}
	return ""
}

// made are bad files that are large or have several problems, each with the command that
// makes it.
var made = []struct{ name, contentType, code, command string }{
	{"animated.png", "image/png", CodeImageNotRGB, "ffmpeg -f lavfi -i testsrc=size=96x64:rate=2:duration=1 -pix_fmt pal8 -f apng animated.png"},
	{"large.jpg", "image/jpeg", CodeImageDimensions, "vips black large.jpg 17000 17000 --bands 3"}, // FFmpeg does not open it
	{"long.ogg", "audio/ogg", CodeVoiceTooLarge, "ffmpeg -f lavfi -i anoisesrc=duration=50:sample_rate=48000 -ac 1 -c:a libopus -b:a 128k long.ogg"},
	{"main.mp4", "video/mp4", CodeAACProfile, "ffmpeg" + moving + tone + main + " -c:a aac -profile:a aac_main -movflags +faststart main.mp4"},
	{"main.3gp", "video/3gpp", CodeAACProfile, "ffmpeg" + moving + tone + main + " -c:a aac -profile:a aac_main -movflags +faststart main.3gp"},
	{"main.m4a", "audio/mp4", CodeAACProfile, "ffmpeg" + tone + " -c:a aac -profile:a aac_main main.m4a"},
	{"cover.m4a", "audio/mp4", CodeAudioCodec, "ffmpeg -f lavfi -i testsrc=size=96x64:rate=1:duration=1" + tone + " -map 0 -map 1 -c:v png -disposition:v attached_pic -c:a alac cover.m4a"},
	{"last.3gp", "video/3gpp", CodeMP4IndexLast, "ffmpeg" + moving + tone + main + " -c:a aac last.3gp"},
	{"fragmented.3gp", "video/3gpp", CodeMP4Fragmented, "ffmpeg" + moving + tone + main + " -c:a aac -movflags +frag_keyframe+empty_moov fragmented.3gp"},
	{"encrypted.m4a", "audio/mp4", CodeMP4Encrypted, "ffmpeg" + tone + " -c:a aac -encryption_scheme cenc-aes-ctr" +
		" -encryption_key KEY -encryption_kid KEY -f mp4 encrypted.m4a"},
	{"tracks.m4a", "audio/mp4", CodeAudioTracks, "ffmpeg" + tone + tone + " -map 0 -map 1 -c:a aac tracks.m4a"},
	{"tracks.3gp", "video/3gpp", CodeAudioTracks, "ffmpeg" + moving + tone + tone + main + " -map 0 -map 1 -map 2 -c:a aac -movflags +faststart tracks.3gp"},
	{"mp3.m4a", "audio/mp4", CodeAudioHasVideo, "ffmpeg" + moving + tone + main + " -c:a libmp3lame -f mp4 mp3.m4a"},
	{"hevc.m4a", "audio/mp4", CodeAudioHasVideo, "ffmpeg" + moving + " -c:v libx265 -x265-params log-level=error -f mp4 hevc.m4a"},
	{"mp3.mp4", "video/mp4", CodeAudioCodec, "ffmpeg" + tone + " -c:a libmp3lame mp3.mp4"},
	{"vorbis.ogg", "audio/ogg", CodeAudioNotOpus, "ffmpeg" + tone + " -c:a libvorbis vorbis.ogg"},
	{"moving.gif", "image/gif", CodeTypeNotAccepted, "ffmpeg" + moving + " moving.gif"},
	{"tone.wav", "audio/wav", CodeTypeNotAccepted, "ffmpeg" + tone + " tone.wav"},
	{"moving.mov", "video/quicktime", CodeTypeNotAccepted, "ffmpeg" + moving + tone + main + " -f mov moving.mov"},
	{"moving.mp4", "video/mp4", CodeTypeContradicts, "ffmpeg" + moving + tone + main + " -f mov moving.mp4"},
	{"large.mp4", "video/mp4", CodeTooLarge, "ffmpeg -f lavfi -i 'nullsrc=size=640x360:rate=25,geq=random(1)*255:128:128' -f lavfi -i sine -t 10 -c:v libx264 -profile:v main -bf 0 -pix_fmt yuv420p -preset ultrafast -qp 18 -c:a aac -movflags +faststart large.mp4"},
	{"large.png", "image/png", CodeTooLarge, "ffmpeg -f lavfi -i 'nullsrc=size=1600x1600,geq=random(1)*255:random(2)*255:random(3)*255' -frames:v 1 -pix_fmt rgb24 large.png"},
	{"late.pdf", "application/pdf", CodePDFHeader, "qpdf --empty empty.pdf && { head -c 2000 /dev/zero | tr '\\0' '\\001'; cat empty.pdf; } > late.pdf"},
	{"followed.pdf", "application/pdf", CodePDFEnd, "qpdf --empty empty.pdf && { cat empty.pdf; head -c 9000 /dev/zero | tr '\\0' x; } > followed.pdf"},
	{"high.3gp", "video/3gpp", CodeH264High, "ffmpeg" + moving + " -c:v libx264 -profile:v high -bf 0 -pix_fmt yuv420p -movflags +faststart high.3gp"},
}

// Parts of the commands in made.
const (
	moving = " -f lavfi -i testsrc=size=96x64:rate=12:duration=1"
	tone   = " -f lavfi -i sine=duration=1"
	main   = " -c:v libx264 -profile:v main -bf 0 -pix_fmt yuv420p"
)

func TestFixRepairsTheFile(t *testing.T) {
	if testing.Short() {
		t.Skip("runs encoders")
	}
	tried := map[string]bool{}
	for _, f := range sample.BadFiles() {
		if f.WantCode != CodeImageDimensions { // a header without a picture
			tried[f.WantCode] = true
			t.Run(f.Name, func(t *testing.T) {
				t.Parallel()
				checkFix(t, f)
			})
		}
	}
	for _, m := range made {
		tried[m.code] = true
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(filepath.Join(run(t, m.command, t.TempDir()), m.name))
			if err != nil {
				t.Fatal(err)
			}
			checkFix(t, sample.BadFile{Name: m.name, ContentType: m.contentType, Data: data, WantCode: m.code})
		})
	}
	for code, rule := range rules {
		if strings.Contains(rule.fix, " IN ") && !tried[code] {
			t.Errorf("no file to try the fix of %s on", code)
		}
	}
}

// checkFix runs the command of a bad file's fix, if it has one, and checks that nothing is wrong
// with the result.
func checkFix(t *testing.T, f sample.BadFile) {
	checked, err := Check(t.Context(), File{DeclaredType: f.ContentType, Name: f.Name, Size: int64(len(f.Data)), Head: f.Data})
	if err != nil {
		t.Fatal(err)
	}
	findings := checked.Findings
	at := slices.IndexFunc(findings, func(found Finding) bool { return found.Code == f.WantCode })
	if at < 0 {
		t.Fatalf("no %s: %+v", f.WantCode, findings)
	}
	line := command(findings[at].Fix)
	if line == "" {
		return
	}
	directory := t.TempDir()
	if err := os.WriteFile(filepath.Join(directory, f.Name), f.Data, 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(run(t, regexp.MustCompile(`\bIN\b`).ReplaceAllString(line, f.Name), directory), outFile.FindString(line))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	mime, ok := mimeOfExtension(extension(path))
	if !ok {
		t.Fatalf("%s has no type of the table", path)
	}
	after := examined(t, mime, filepath.Base(path), data, sniffSize)
	if len(after.Findings)+len(after.Unchecked) > 0 {
		t.Errorf("after %q: %+v", line, after)
	}
}

// FFmpeg and libjpeg do not open these, so no command is advised.
func TestFilesThatCommonProgramsDoNotOpenHaveNoCommandAsFix(t *testing.T) {
	lossless, arithmetic, png := badSample(t, "jpeg-lossless.jpg"), badSample(t, "jpeg-arithmetic.jpg"), badSample(t, "damaged.png")
	frame := func(jpeg string, from, to byte) string {
		return strings.Replace(jpeg, string([]byte{0xff, from, 0}), string([]byte{0xff, to, 0}), 1)
	}
	for _, c := range []struct {
		about, mime, data, code string
		want                    bool
	}{
		{"lossless JPEG", "image/jpeg", lossless, CodeJPEGLossless, true},
		{"lossless JPEG with arithmetic coding", "image/jpeg", frame(lossless, 0xc3, 0xcb), CodeJPEGLossless, false},
		{"hierarchical JPEG", "image/jpeg", frame(lossless, 0xc3, 0xc5), CodeJPEGLossless, false},
		{"hierarchical JPEG with arithmetic coding", "image/jpeg", frame(arithmetic, 0xc9, 0xcd), CodeJPEGLossless, false},
		{"progressive JPEG with arithmetic coding", "image/jpeg", frame(arithmetic, 0xc9, 0xca), CodeJPEGArithmetic, true},
		{"PNG without width", "image/png", png[:16] + "\x00\x00\x00\x00" + png[20:], CodeImageDimensions, false},
	} {
		found := examined(t, c.mime, "a", []byte(c.data), HeadSize).Findings
		if len(found) == 0 || found[0].Code != c.code || (command(found[0].Fix) != "") != c.want {
			t.Errorf("%s: %+v", c.about, found)
		}
	}
}

// run runs a command in a directory, which it returns.
func run(t *testing.T, line, directory string) string {
	if strings.HasPrefix(line, "magick ") && !installed("magick") {
		line = imageMagick6() + " " + strings.TrimPrefix(line, "magick ")
	}
	for program := range strings.SplitSeq(line, " | ") {
		if name, _, _ := strings.Cut(program, " "); !installed(name) {
			t.Skipf("%s is not installed; it is to be run as: %s", name, line)
		}
	}
	line = strings.NewReplacer("KEY", "00112233445566778899aabbccddeeff", "PASSWORD", "owner",
		"ffmpeg ", "ffmpeg -nostdin -loglevel error ").Replace(line)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	cmd.Dir = directory
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return directory
}

func installed(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// imageMagick6 returns the name of magick in ImageMagick 6, if that is installed.
func imageMagick6() string {
	for _, name := range []string{"convert", "convert-im6.q16"} {
		if version, _ := exec.Command(name, "-version").Output(); strings.Contains(string(version), "Version: ImageMagick 6") {
			return name
		}
	}
	return "magick"
}

func TestFixesNameCommandsThatWriteTheRightType(t *testing.T) {
	for _, kind := range types {
		var r, other Result
		for code, rule := range rules {
			if rule.fix != "" {
				r.add(kind, code, "")
			}
		}
		for code, fix := range otherFixes {
			other.add(kind, code, fix)
		}
		for _, f := range append(r.Findings, other.Findings...) {
			line := command(f.Fix)
			if (line != "") != strings.Contains(f.Fix, " IN ") && !strings.Contains(f.Fix, "soffice") || strings.Contains(f.Fix, "EXT") {
				t.Errorf("%s: %s", f.Code, f.Fix)
			}
			if line != "" && !slices.ContainsFunc(types, func(t Type) bool { return strings.HasSuffix(line, "."+t.extension) }) {
				t.Errorf("%s: %s", f.Code, f.Fix)
			}
		}
	}
}
