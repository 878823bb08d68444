package media

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"ferry/internal/sample"
)

func FuzzIdentify(f *testing.F) {
	for _, s := range sample.Files() {
		f.Add(s.ContentType, s.Name, int64(len(s.Data)), s.Data[:min(len(s.Data), sniffSize)])
	}
	for _, c := range acceptCases {
		f.Add(c.declared, c.name, int64(len(c.head)), []byte(c.head))
	}
	for _, c := range refuseCases {
		f.Add(c.declared, c.name, int64(len(c.head)), []byte(c.head))
	}
	f.Fuzz(func(t *testing.T, declared, name string, size int64, head []byte) {
		result := identify(File{DeclaredType: declared, Name: name, Size: size, Head: head})
		if result.MaxSeverity() == Refused {
			checkRefusal(t, result)
			return
		}
		checkFindings(t, result)
		if !slices.Contains(types, result.Type) || size <= 0 || size > result.Type.maxSize {
			t.Errorf("%d bytes taken as %+v", size, result.Type)
		}
		if baseType(result.ContentType) != result.Type.MIME {
			t.Errorf("Content-Type %q for %s", result.ContentType, result.Type.MIME)
		}
		checkName(t, result)
	})
}

// checkRefusal checks for a code, and for a text of one line that can be logged.
func checkRefusal(t *testing.T, result Result) {
	text := result.Refusal(LooksBad)
	if code(t, result) == "" || len(text) > 2000 || !utf8.ValidString(text) {
		t.Errorf("%+v with %q", result, text)
	}
	if strings.ContainsFunc(text, unicode.IsControl) || formatError.MatchString(text) {
		t.Errorf("message %q", text)
	}
}

// checkName checks that no header and no file system interprets the name as something else.
func checkName(t *testing.T, result Result) {
	name := result.FileName
	dot := strings.LastIndexByte(name, '.')
	if dot <= 0 || !result.Type.fits(strings.ToLower(name[dot+1:])) {
		t.Errorf("%q does not fit %s", name, result.Type.MIME)
	}
	if len(name) > maxName || !utf8.ValidString(name) || strings.ContainsAny(name, `/\"'`+"`\r\n\x00") ||
		strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
		t.Errorf("file name %q", name)
	}
}

func FuzzWebP(f *testing.F) {
	for _, chunk := range []string{"VP8 ", "VP8L", "VP8X", "ALPH"} {
		f.Add([]byte(webpOf(chunk, 2)))
	}
	for _, s := range sample.Files() {
		if s.ContentType == "image/webp" {
			f.Add(s.Data[:64])
		}
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		seen, ok := sniffWebP(head)
		if ok != (len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP") {
			t.Fatalf("WebP: %t", ok)
		}
		if seen.animated && string(head[12:16]) != "VP8X" {
			t.Error("only the extended format moves")
		}
		if len(seen.candidates) > 0 && len(head) <= 20 {
			t.Error("taken without a byte of the image")
		}
	})
}

func FuzzOgg(f *testing.F) {
	for _, c := range refuseCases {
		f.Add([]byte(c.head))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		if seen, ok := sniffOgg(head); ok && len(seen.candidates) > 0 && !strings.Contains(string(head), "OpusHead") {
			t.Error("Opus without its header")
		}
	})
}
