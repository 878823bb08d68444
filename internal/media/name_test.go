package media

import (
	"strings"
	"testing"
)

func TestFileName(t *testing.T) {
	long := strings.Repeat("é", 200)
	for _, c := range []struct{ name, mime, want string }{
		{"photo.jpg", "image/jpeg", "photo.jpg"},
		{"photo.JPEG", "image/jpeg", "photo.JPEG"},
		{"photo.png", "image/jpeg", "photo.jpg"},
		{"photo", "image/jpeg", "photo.jpg"},
		{"photo.", "image/jpeg", "photo.jpg"},
		{"report v1.2", "application/pdf", "report v1.2.pdf"},
		{"voice.opus", "audio/ogg", "voice.ogg"},
		{"voice.mp4", "audio/mp4", "voice.m4a"},
		{"clip.mov", "video/mp4", "clip.mp4"},
		{"data.csv", "text/plain", "data.csv"},
		{"main.go", "text/plain", "main.go.txt"},
		{"a/b\\c.pdf", "application/pdf", "c.pdf"},
		{"a/b/", "application/pdf", "file.pdf"},
		{"", "application/pdf", "file.pdf"},
		{"..", "application/pdf", "file.pdf"},
		{".pdf", "application/pdf", "file.pdf"},
		{" .hidden . pdf", "application/pdf", "hidden . pdf.pdf"},
		{"東京 🚢.pdf", "application/pdf", "東京 🚢.pdf"},
		{"a\r\nX: y\x00\u202efdp.exe.pdf", "application/pdf", "aX: yfdp.exe.pdf"},
		{`"Bob's" bill.pdf`, "application/pdf", "”Bob’s” bill.pdf"},
		{"a\xff\xfeb.pdf", "application/pdf", "a_b.pdf"},
		{long + ".pdf", "application/pdf", strings.Repeat("é", 118) + ".pdf"},
		{long, "image/jpeg", strings.Repeat("é", 118) + ".jpg"},
	} {
		if got := fileName(c.name, row(c.mime, false)); got != c.want || len(got) > maxName {
			t.Errorf("%q as %s: %q, want %q", c.name, c.mime, got, c.want)
		}
	}
}
