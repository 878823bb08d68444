package media

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"ferry/internal/sample"
)

// compressedPDF is a PDF with a stream of bytes that look compressed.
func compressedPDF() string {
	random := rand.New(rand.NewPCG(1, 2))
	stream := make([]byte, 4000)
	for i := range stream {
		stream[i] = byte(random.Uint32())
	}
	return fmt.Sprintf("%%PDF-1.7\n%%\xe2\xe3\xcf\xd3\n1 0 obj\n<</Filter/FlateDecode/Length %d>>\nstream\n%s\nendstream\nendobj\ntrailer<<>>\nstartxref\n0\n%%%%EOF\n", len(stream), stream)
}

// handled are the ways in which programs change a file that they handle as text.
var handled = map[string]func(string) string{
	"decoded as UTF-8 with replacement": func(s string) string { return string([]rune(s)) },
	"decoded as UTF-8 with replacement, and written with a byte order mark": func(s string) string {
		return "\ufeff" + string([]rune(s))
	},
	"decoded as Latin-1 and encoded as UTF-8": func(s string) string {
		return string(widen(s, func(b byte) rune { return rune(b) }))
	},
	"decoded as Windows-1252 and encoded as UTF-8": func(s string) string {
		return string(widen(s, func(b byte) rune {
			if b >= 0x80 && b < 0xa0 && windows1252[b-0x80] != 0 {
				return windows1252[b-0x80]
			}
			return rune(b)
		}))
	},
	"decoded as Latin-1 and encoded as UTF-16": func(s string) string {
		var b bytes.Buffer
		for _, unit := range utf16.Encode(widen("\xff"+s, func(b byte) rune { return rune(b) })) {
			b.Write([]byte{byte(unit), byte(unit >> 8)})
		}
		return "\xff\xfe" + b.String()[2:]
	},
	"encoded as ASCII with replacement": func(s string) string {
		return string(widen(s, func(b byte) rune {
			if b >= 0x80 {
				return '?'
			}
			return rune(b)
		}))
	},
}

func widen(s string, f func(byte) rune) []rune {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = f(s[i])
	}
	return runes
}

// binaries are good files that are not text and have bytes above 127.
func binaries(t *testing.T) []sample.File {
	var all []sample.File
	for _, f := range sample.Files() {
		switch f.ContentType {
		case "text/plain", "audio/amr": // silence is ASCII
		case "application/pdf":
			all = append(all, sample.File{Name: f.Name, ContentType: f.ContentType, Data: []byte(compressedPDF())})
		default:
			all = append(all, f)
		}
	}
	if len(all) < 12 {
		t.Fatalf("only %d files", len(all))
	}
	return all
}

func TestFileThatWasHandledAsTextIsDamaged(t *testing.T) {
	for how, handle := range handled {
		for _, f := range binaries(t) {
			if f.ContentType == "audio/aac" && (strings.HasSuffix(how, "UTF-16") || strings.Contains(how, "ASCII")) {
				continue // no mark remains of raw frames
			}
			data := []byte(handle(string(f.Data)))
			for _, c := range []struct{ declared, name string }{
				{f.ContentType, f.Name}, {f.ContentType, "noext"}, {"", f.Name}, {"binary/octet-stream", f.Name},
			} {
				r, err := Check(t.Context(), File{DeclaredType: c.declared, Name: c.name, Size: int64(len(data)), Head: data[:min(len(data), HeadSize)]})
				if err != nil || codes(r) != CodeMangled || r.Type.MIME != f.ContentType || !strings.Contains(r.Findings[0].Why, "handled as text") {
					t.Errorf("%s, declared %q, %s: %+v, %v", f.Name, c.declared, how, r, err)
				}
			}
		}
	}
}

func TestDamagedFileWithoutTypeAndNameIsRecognisedByItsRemains(t *testing.T) {
	for how, handle := range handled {
		for _, f := range binaries(t) {
			data := handle(string(f.Data))
			if f.ContentType == "audio/aac" || f.ContentType == "audio/mpeg" || f.ContentType == "video/3gpp" || strings.HasPrefix(f.Name, "sample.m4a") {
				continue // without an extension, raw frames are not recognised, and the kinds of MP4 look alike
			}
			if r := identified("", "noext", data[:min(len(data), HeadSize)]); codes(r) != CodeMangled || r.Type.MIME != f.ContentType {
				t.Errorf("%s %s: %+v", f.Name, how, r)
			}
		}
	}
}

func TestUndamagedFilesAreNotTakenForDamagedOnes(t *testing.T) {
	umlauts := strings.Repeat("Grüße, naïve café, „Größe“ – 東京.\n", 500)
	lost := strings.Repeat("Gr\ufffd\ufffde, na\ufffdve caf\ufffd\n", 500)
	tag := func(text string) string {
		n := len(text)
		return "ID3\x04\x00\x00" + string([]byte{byte(n >> 21), byte(n >> 14 & 0x7f), byte(n >> 7 & 0x7f), byte(n & 0x7f)}) + text
	}
	pdf := func(text string) string {
		return "%PDF-1.4\n%\ufffd\ufffd\ufffd\ufffd\n1 0 obj\n(" + text + ")\nendobj\ntrailer<<>>\nstartxref\n0\n%%EOF\n"
	}
	for _, c := range []struct{ about, declared, name, data string }{
		{"text", "text/plain", "a.txt", umlauts},
		{"text with lost characters", "text/plain", "a.txt", lost},
		{"text with lost characters and control characters", "text/plain", "a.txt", lost + "\a\b\v"},
		{"a table with lost characters", "", "a.csv", lost},
		{"text that was converted twice", "text/plain", "a.txt", handled["decoded as Windows-1252 and encoded as UTF-8"](umlauts)},
		{"a log of a terminal", "text/plain", "a.log", strings.Repeat("\x1b[1m✓\x1b[0m ok?\n", 500)},
		{"many questions", "text/plain", "a.txt", strings.Repeat("????????\x1a", 500)},
		{"a PDF of plain text whose comment was replaced", "application/pdf", "a.pdf", pdf("Hello")},
		{"a PDF of plain text with UTF-8", "application/pdf", "a.pdf", pdf(umlauts)},
		{"a PDF of questions", "application/pdf", "a.pdf", strings.ReplaceAll(pdf(strings.Repeat("? ", 9000)), "\ufffd", "?")},
		{"a long tag in UTF-8", "audio/mpeg", "a.mp3", tag(strings.Repeat("TXXX\x00\x00\x01\x00\x00\x00\x03Grüße „Größe“", 3000)) + headMP3},
		{"a long tag in UTF-8 without quotation marks", "audio/mpeg", "a.mp3", tag(strings.Repeat("TXXX\x00\x00\x01\x00\x00\x00\x03Grüße", 4000)) + headMP3},
	} {
		r := identified(c.declared, c.name, c.data[:min(len(c.data), HeadSize)])
		if len(r.Findings) > 0 {
			t.Errorf("%s: %+v", c.about, r.Findings)
		}
	}
	for _, f := range sample.Files() {
		if how, ok := findMangling(f.Data, true); ok {
			t.Errorf("%s: %+v", f.Name, how)
		}
	}
}

// Old Office files have no sample.
func TestOldOfficeFileThatWasHandledAsTextIsDamaged(t *testing.T) {
	old := headOLE + compressedPDF()[20:]
	for how, handle := range handled {
		if r := identified("", "a.doc", handle(old)); codes(r) != CodeMangled || r.Type.MIME != doc {
			t.Errorf("%s: %+v", how, r)
		}
	}
	if r := identified("", "a.pdf", handled["decoded as Latin-1 and encoded as UTF-16"](headPDF)); codes(r) != CodeMangled {
		t.Errorf("a PDF of plain text in UTF-16: %+v", r)
	}
}

// Text is never taken for a damaged binary file, and neither are bytes that nobody decoded.
func FuzzMangling(f *testing.F) {
	for _, s := range sample.Files() {
		f.Add(s.Data[:min(len(s.Data), kib)])
	}
	f.Add([]byte("ID3\x04" + strings.Repeat("\xc3\xbc\x01", 40)))
	f.Add([]byte(strings.Repeat("%PDF-\ufffd?\x00", 40)))
	f.Fuzz(func(t *testing.T, data []byte) {
		data = data[:min(len(data), 4*kib)]
		if how, ok := findMangling(data, true); ok {
			if strings.HasPrefix(how.why, "bytes were replaced by the mark") && !bytes.Contains(data, []byte("\ufffd")) {
				t.Errorf("%+v without U+FFFD", how)
			}
			if _, known := lookup(how.mime); how.mime != "" && !known {
				t.Errorf("%+v", how)
			}
		}
		// Invalid UTF-8 shows that nobody decoded the bytes.
		if i := slices.Index(data, 0xc0); i >= 0 && !bytes.HasPrefix(data, []byte("\xff\xfe")) && !bytes.HasPrefix(data, []byte("\xfe\xff")) {
			if how, ok := findMangling(data, true); ok {
				t.Errorf("%+v in bytes that are not UTF-8", how)
			}
		}
		// Text is what the bytes say without control characters, read as UTF-8 or as Latin-1, and
		// perhaps converted twice.
		text := strings.Map(func(r rune) rune {
			if r < 0x80 && notText[r] && r != 0 {
				return -1
			}
			return r
		}, string([]rune(string(data))))
		latin1 := handled["decoded as Latin-1 and encoded as UTF-8"]
		for _, s := range []string{text, latin1(text), "\ufeff" + latin1(latin1(text))} {
			for _, end := range []int{len(s), len(s) / 2} {
				if how, ok := findMangling([]byte(s[:end]), end == len(s)); ok {
					t.Errorf("%+v in the text %q", how, s[:end])
				}
			}
		}
	})
}

// marked are the beginnings of binary files, behind which anything may follow.
var marked = []struct{ head, mime string }{
	{headJPEG, "image/jpeg"}, {headPNG, "image/png"}, {"RIFF\x00\x10\x00\x00WEBPVP8 ", "image/webp"},
	{oggOf(opusHead), "audio/ogg"}, {"ID3\x04\x00\x00\x00\x00\x0f\x00", "audio/mpeg"},
	{"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<</Filter/FlateDecode>>\nstream\n", "application/pdf"},
	{ftyp("isom"), "video/mp4"}, {oleSignature + strings.Repeat("\x00", 16) + "\x3e\x00\x03\x00\xfe\xff\x09\x00", doc},
}

// A binary file of any size from 4 KiB on whose content is compressed is found after every
// kind of damage, wherever its head ends.
func FuzzMangledBinary(f *testing.F) {
	ways := slices.Sorted(maps.Keys(handled))
	for way := range ways {
		for kind := range marked {
			f.Add(uint64(way*kind), uint16(0), uint16(0), uint8(way), uint8(kind))
		}
	}
	const least = 4 * kib
	f.Fuzz(func(t *testing.T, seed uint64, size, end uint16, way, kind uint8) {
		how, file := ways[int(way)%len(ways)], marked[int(kind)%len(marked)]
		random := rand.New(rand.NewPCG(seed, seed))
		data := []byte(file.head)
		for range least + int(size) {
			data = append(data, byte(random.Uint32()))
		}
		damaged := handled[how](string(data))
		head := damaged[:min(len(damaged), max(least, int(end)))]
		r := identify(File{DeclaredType: file.mime, Name: "a", Size: int64(len(damaged)), Head: []byte(head)})
		if codes(r) != CodeMangled || r.Type.MIME != file.mime {
			t.Errorf("%d of %d bytes, %s, %s: %+v", len(head), len(damaged), file.mime, how, r)
		}
		if r := identify(File{DeclaredType: file.mime, Name: "a", Size: int64(len(data)), Head: data[:min(len(data), max(least, int(end)))]}); strings.Contains(codes(r), CodeMangled) {
			t.Errorf("%s of %d bytes, undamaged: %+v", file.mime, len(data), r)
		}
	})
}

// A short compressed stream has few control characters; its first bytes show what happened.
func TestPDFWithAShortCompressedStreamThatWasHandledAsTextIsDamaged(t *testing.T) {
	for _, level := range []int{zlib.BestCompression, zlib.DefaultCompression} {
		for _, end := range []string{"\n", "\r\n"} {
			var stream bytes.Buffer
			w, err := zlib.NewWriterLevel(&stream, level)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = w.Write([]byte(strings.Repeat("BT /F1 24 Tf 72 700 Td (Hello) Tj ET\n", 20)))
			_ = w.Close()
			pdf := fmt.Sprintf("%%PDF-1.4\n%%\xe2\xe3\xcf\xd3\n1 0 obj\n<</Filter/FlateDecode/Length %d>>\nstream%s%s\nendstream\nendobj\ntrailer<<>>\nstartxref\n0\n%%%%EOF\n", stream.Len(), end, stream.Bytes())
			if r := whole(t, "application/pdf", "a.pdf", pdf); codes(r) != "" {
				t.Errorf("level %d: %+v", level, r)
			}
			if r := whole(t, "application/pdf", "a.pdf", string([]rune(pdf))); codes(r) != CodeMangled {
				t.Errorf("level %d, handled as text: %+v", level, r)
			}
		}
	}
}
