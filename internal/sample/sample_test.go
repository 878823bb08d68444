package sample_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ferry/internal/media"
	"ferry/internal/sample"
)

// check returns what media says about the sample, stored as contentType under name.
func check(t *testing.T, f sample.File, contentType, name string) media.Result {
	t.Helper()
	result, err := media.Check(t.Context(), media.File{DeclaredType: contentType, Name: name, Size: int64(len(f.Data)), Head: f.Data})
	if err != nil || len(result.Findings) > 0 {
		t.Fatalf("%s as %q under %q: %+v, %v", f.Name, contentType, name, result.Findings, err)
	}
	return result
}

func TestEverySampleIsAcceptedDeclaredOrNot(t *testing.T) {
	for _, f := range sample.Files() {
		t.Run(f.Name, func(t *testing.T) {
			declared := check(t, f, f.ContentType, f.Name)
			if declared.Type.MIME != f.ContentType || declared.FileName != f.Name {
				t.Errorf("declared: %s under %q", declared.Type.MIME, declared.FileName)
			}
			if want := strings.Contains(f.Name, "animated"); declared.Type.Animated != want {
				t.Errorf("Animated = %t", declared.Type.Animated)
			}
			for _, placeholder := range []string{"", "binary/octet-stream", "application/x-www-form-urlencoded"} {
				if found := check(t, f, placeholder, "neutral"); found.Type != declared.Type {
					t.Errorf("found by its bytes: %+v, want %+v", found.Type, declared.Type)
				}
			}
		})
	}
}

func TestSamplesAreSmallAndDistinct(t *testing.T) {
	total, names := 0, map[string]bool{}
	for _, f := range sample.Files() {
		if len(f.Data) == 0 || len(f.Data) > 60<<10 || names[f.Name] {
			t.Errorf("%s: %d bytes, or there twice", f.Name, len(f.Data))
		}
		total += len(f.Data)
		names[f.Name] = true
	}
	if total > 400<<10 {
		t.Errorf("together %d bytes", total)
	}
	embedded, err := filepath.Glob("files/*.*")
	if err != nil || len(embedded) != len(names)+1 { // and generate.sh
		t.Errorf("%d files in the folder for %d samples, %v", len(embedded), len(names), err)
	}
}

func TestEveryCallReturnsItsOwnCopy(t *testing.T) {
	first := sample.Files()
	clear(first[0].Data)
	if bytes.Equal(first[0].Data, sample.Files()[0].Data) {
		t.Error("a caller's change is seen by the next")
	}
}

func TestOfficeFilesAreWellFormedXML(t *testing.T) {
	for _, f := range sample.Files() {
		if ext := filepath.Ext(f.Name); ext != ".docx" && ext != ".xlsx" {
			continue
		}
		archive, err := zip.NewReader(bytes.NewReader(f.Data), int64(len(f.Data)))
		if err != nil || archive.File[0].Name != "[Content_Types].xml" {
			t.Fatalf("%s: %v, or the first member is another", f.Name, err)
		}
		for _, member := range archive.File {
			r, err := member.Open()
			if err != nil {
				t.Fatal(err)
			}
			for decoder := xml.NewDecoder(r); err == nil; {
				_, err = decoder.Token()
			}
			if !errors.Is(err, io.EOF) {
				t.Errorf("%s: %s: %v", f.Name, member.Name, err)
			}
			r.Close()
		}
	}
}

// stream is the output of ffprobe for one track.
type stream struct {
	Codec    string `json:"codec_name"`
	Profile  string `json:"profile"`
	Channels int    `json:"channels"`
	BFrames  int    `json:"has_b_frames"`
}

func TestFFprobeAgrees(t *testing.T) {
	if _, err := exec.LookPath("ffprobe"); err != nil {
		t.Skip("ffprobe is not installed (Debian: apt install ffmpeg)")
	}
	want := map[string][]stream{
		"sample.jpg": {{Codec: "mjpeg", Profile: "Baseline"}},
		"sample.png": {{Codec: "png"}},
		"sample.mp4": {{Codec: "h264", Profile: "Main"}, {Codec: "aac", Profile: "LC", Channels: 1}},
		"sample.3gp": {{Codec: "h264", Profile: "Constrained Baseline"}, {Codec: "aac", Profile: "LC", Channels: 1}},
		"voice.ogg":  {{Codec: "opus", Channels: 1}},
		"sample.mp3": {{Codec: "mp3", Channels: 1}},
		"sample.m4a": {{Codec: "aac", Profile: "LC", Channels: 1}},
		"sample.aac": {{Codec: "aac", Profile: "LC", Channels: 1}},
		"sample.amr": {{Codec: "amr_nb", Channels: 1}},
		// FFmpeg 5 cannot read the animated sticker; TestWebPInfoAgrees does.
		"sticker-static.webp": {{Codec: "webp"}},
	}
	for _, f := range sample.Files() {
		expected, ok := want[f.Name]
		if !ok {
			continue
		}
		out, err := exec.Command("ffprobe", "-v", "error", "-show_streams", "-of", "json", filepath.Join("files", f.Name)).Output()
		var probed struct{ Streams []stream }
		if err != nil || json.Unmarshal(out, &probed) != nil || len(probed.Streams) != len(expected) {
			t.Errorf("%s: %v, %s", f.Name, err, out)
			continue
		}
		for i, got := range probed.Streams {
			if expected[i].Profile == "" { // older releases say "unknown"
				got.Profile = ""
			}
			if got != expected[i] {
				t.Errorf("%s: stream %d is %+v, want %+v", f.Name, i, got, expected[i])
			}
		}
	}
}

func TestPDFInfoAgrees(t *testing.T) {
	if _, err := exec.LookPath("pdfinfo"); err != nil {
		t.Skip("pdfinfo is not installed (Debian: apt install poppler-utils)")
	}
	out, err := exec.Command("pdfinfo", "files/sample.pdf").CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("Pages:           1")) || bytes.Contains(out, []byte("Error")) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestWebPInfoAgrees(t *testing.T) {
	if _, err := exec.LookPath("webpinfo"); err != nil {
		t.Skip("webpinfo is not installed (Debian: apt install webp)")
	}
	for name, animated := range map[string]bool{"sticker-static.webp": false, "sticker-animated.webp": true} {
		out, err := exec.Command("webpinfo", filepath.Join("files", name)).CombinedOutput()
		if err != nil || bytes.Contains(out, []byte("Animation: 1")) != animated || !bytes.Contains(out, []byte("No error detected")) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// TestGenerateMakesTheSame checks that the script generates the same files, on a machine with
// the tools that made them. Set FERRY_SAMPLE_GENERATE=1 to run it.
func TestGenerateMakesTheSame(t *testing.T) {
	if os.Getenv("FERRY_SAMPLE_GENERATE") == "" {
		t.Skip("FERRY_SAMPLE_GENERATE is not set; another release of ffmpeg makes other bytes")
	}
	dir := t.TempDir()
	if out, err := exec.Command("files/generate.sh", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, f := range sample.Files() {
		if made, err := os.ReadFile(filepath.Join(dir, f.Name)); err != nil || !bytes.Equal(made, f.Data) {
			t.Errorf("%s differs: %v", f.Name, err)
		}
	}
}
