package media

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"ferry/internal/sample"
)

// These tests compare what the parsers read with what other programs report.

// probedStream is the output of ffprobe for one stream.
type probedStream struct {
	Type     string `json:"codec_type"`
	Codec    string `json:"codec_name"`
	Tag      string `json:"codec_tag_string"`
	Profile  string `json:"profile"`
	Channels int    `json:"channels"`
	Width    int    `json:"width"`
	Height   int    `json:"height"`
	Pixels   string `json:"pix_fmt"`
	BFrames  int    `json:"has_b_frames"`
}

// everySample returns an examiner for each good and bad sample of these types.
func everySample(mimes string) map[string]*examiner {
	all := map[string]*examiner{}
	for _, f := range append(goodAsBad(), sample.BadFiles()...) {
		if strings.Contains(mimes, f.ContentType) {
			all[f.Name] = &examiner{kind: row(f.ContentType, false), size: int64(len(f.Data)), head: f.Data, result: &Result{}}
		}
	}
	return all
}

// ask runs a program on a file with this content and returns its output.
func ask(t *testing.T, name string, data []byte, program ...string) []byte {
	t.Helper()
	if !installed(program[0]) {
		t.Skipf("%s is not installed (Debian: apt install ffmpeg webp poppler-utils)", program[0])
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	out, _ := exec.CommandContext(t.Context(), program[0], append(program[1:], path)...).Output() // some fail on bad files, which their output shows
	return out
}

func probe(t *testing.T, name string, data []byte) []probedStream {
	t.Helper()
	var probed struct{ Streams []probedStream }
	out := ask(t, name, data, "ffprobe", "-v", "quiet", "-show_streams", "-of", "json")
	if err := json.Unmarshal(out, &probed); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return probed.Streams
}

// profiles are ffprobe's names of profiles.
var profiles = map[string]int{
	"Constrained Baseline": h264Baseline, "Baseline": h264Baseline, "Main": h264Main, "High": h264High,
	"High 4:4:4 Predictive": 244, "LC": 2,
}

func TestFFprobeAgreesAboutTracks(t *testing.T) {
	seen := 0
	for name, x := range everySample("video/mp4 video/3gpp audio/mp4") {
		m := readMovie(x)
		probed := probe(t, name, x.head)
		if len(probed) != len(m.tracks) {
			if !strings.HasPrefix(name, "truncated") && !strings.HasPrefix(name, "damaged") {
				t.Errorf("%s: %d tracks, ffprobe has %d", name, len(m.tracks), len(probed))
			}
			continue
		}
		for i, p := range probed {
			seen++
			if err := sameTrack(m.tracks[i], p); err != nil {
				t.Errorf("%s: track %d: %v", name, i, err)
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d tracks compared", seen)
	}
}

func sameTrack(got track, p probedStream) error {
	if want := map[string]string{"video": "vide", "audio": "soun"}[p.Type]; got.handler != want {
		return fmt.Errorf("handler %q, want %q", got.handler, want)
	}
	encrypted := got.codec == "encv" || got.codec == "enca"
	if got.codec != p.Tag && !encrypted {
		return fmt.Errorf("codec %q, want %q", got.codec, p.Tag)
	}
	if encrypted {
		return nil
	}
	if (p.Codec == "aac") != isAAC(got) {
		return fmt.Errorf("AAC: %t, want %s", isAAC(got), p.Codec)
	}
	if p.Profile != "" && (p.Codec == "h264" || p.Codec == "aac") && got.profile != profiles[p.Profile] {
		return fmt.Errorf("profile %d, want %s", got.profile, p.Profile)
	}
	if p.Codec == "h264" && got.bframes != (p.BFrames > 0) {
		return fmt.Errorf("B-frames: %t, want %d", got.bframes, p.BFrames)
	}
	return nil
}

func TestFFprobeAgreesAboutPictures(t *testing.T) {
	for name, x := range everySample("image/jpeg image/png") {
		read := readPNG
		if x.kind.MIME == "image/jpeg" {
			read = func(x *examiner) (picture, bool) { p, _, ok := readJPEG(x); return p, ok }
		}
		got, ok := read(x)
		probed := probe(t, name, x.head)
		if strings.HasPrefix(name, "truncated") || strings.HasPrefix(name, "damaged") {
			continue
		}
		if !ok || len(probed) != 1 {
			t.Errorf("%s: %t, ffprobe has %d streams", name, ok, len(probed))
			continue
		}
		p := probed[0]
		if p.Width > 0 && (got.width != p.Width || got.height != p.Height) {
			t.Errorf("%s: %d x %d, want %d x %d", name, got.width, got.height, p.Width, p.Height)
		}
		if grey := strings.HasPrefix(p.Pixels, "gray"); grey != (got.channels == 1) && x.kind.MIME == "image/jpeg" {
			t.Errorf("%s: %d channels, want %s", name, got.channels, p.Pixels)
		}
		if deep := strings.Contains(p.Pixels, "48"); deep != (got.depth > 8) && x.kind.MIME == "image/png" {
			t.Errorf("%s: %d bits, want %s", name, got.depth, p.Pixels)
		}
	}
}

func TestFFprobeAgreesAboutSound(t *testing.T) {
	for name, x := range everySample("audio/ogg audio/mpeg audio/aac") {
		probed := probe(t, name, x.head)
		if len(probed) == 0 || strings.HasPrefix(name, "truncated") || strings.HasPrefix(name, "damaged") {
			continue // among them MP3 in free format, which FFmpeg does not read
		}
		switch x.kind.MIME {
		case "audio/ogg":
			first, _ := readPage(x.head)
			if got, ok := opusChannels(first); !ok || got != probed[0].Channels {
				t.Errorf("%s: %d channels, want %d", name, got, probed[0].Channels)
			}
		case "audio/mpeg":
			b, _, _ := audioFrames(x)
			if got, ok := readMPEGFrame(b); !ok || fmt.Sprintf("mp%d", got.layer) != probed[0].Codec {
				t.Errorf("%s: layer %d, want %s", name, got.layer, probed[0].Codec)
			}
		case "audio/aac":
			examineAAC(x)
			if bad := codes(*x.result) == CodeAACProfile; bad != (probed[0].Profile != "LC") {
				t.Errorf("%s: %+v, want %s", name, x.result, probed[0].Profile)
			}
		}
	}
}

func TestWebPInfoAgrees(t *testing.T) {
	sides := regexp.MustCompile(`(?:Width|Canvas size)[: ]*(\d+)(?:\s*Height[: ]*| x )(\d+)`)
	for name, x := range everySample("image/webp") {
		width, height, ok := webpDimensions(x.head)
		want := sides.FindSubmatch(ask(t, name, x.head, "webpinfo"))
		if len(want) == 0 && !strings.HasPrefix(name, "truncated") {
			t.Errorf("%s: webpinfo names no sides", name)
		} else if len(want) > 0 && (!ok || strconv.Itoa(width) != string(want[1]) || strconv.Itoa(height) != string(want[2])) {
			t.Errorf("%s: %d x %d, want %s x %s", name, width, height, want[1], want[2])
		}
	}
}

func TestPDFInfoAgrees(t *testing.T) {
	for name, x := range everySample("application/pdf") {
		out := string(ask(t, name, x.head, "sh", "-c", `pdfinfo "$0" 2>&1`)) // a PDF with a password has its message among the errors
		examinePDF(x)
		got := codes(*x.result)
		if encrypted := strings.Contains(out, "Incorrect password"); encrypted != (got == CodePDFEncrypted) {
			t.Errorf("%s: %q, want %s", name, got, out)
		}
	}
}
