package media

import (
	"strings"
	"testing"
)

// Text with a NUL byte anywhere in the first 64 KiB is text, with a warning.
func TestTextWithNULBytesAnywhereHasAWarning(t *testing.T) {
	text := strings.Repeat("name;amount\n", 2000)
	for _, at := range []int{0, 1, 100, sniffSize - 1, sniffSize, 20000} {
		data := []byte(text[:at] + "\x00" + text[at:])
		for declared, name := range map[string]string{"text/plain": "a", "": "a.txt", "binary/octet-stream": "a.csv"} {
			result := identify(File{DeclaredType: declared, Name: name, Size: int64(len(data)), Head: data})
			if result.Type.MIME != "text/plain" {
				t.Errorf("0 at %d of %q, declared %q: %+v", at, name, declared, result)
			}
		}
		if r := examined(t, "text/plain", "a.txt", data, HeadSize); codes(r) != CodeTextNUL || !strings.Contains(r.Findings[0].Fix, `tr -d '\000'`) {
			t.Errorf("0 at %d: %+v", at, r)
		}
	}
}

func TestStrayControlCharactersDoNotMakeTextBinary(t *testing.T) {
	for _, head := range []string{"a\vb", "\va", "end\x1a", "bell\a and back\b", "h\x00i\x00", "\x00a", "Gr\xfc\xdfe\v"} {
		if got := identified("text/plain", "a.txt", head); got.Type.MIME != "text/plain" {
			t.Errorf("%q: %+v", head, got)
		}
	}
	const zeros, text = `NUL bytes without text (if text follows, remove them with tr -d '\000'`, "text with NUL bytes"
	for _, c := range []struct{ about, declared, name, head, code, words string }{
		{"zeros alone", "text/plain", "a.txt", strings.Repeat("\x00", sniffSize), CodeTypeContradicts, zeros},
		{"zeros and space alone", "text/plain", "a.txt", "\x00 \n\x00", CodeTypeContradicts, zeros},
		{"zeros undeclared", "", "a.txt", "\x00\x00", CodeTypeUnknown, zeros},
		{"zeros as a picture", "image/jpeg", "a.jpg", strings.Repeat("\x00", sniffSize), CodeTypeContradicts, zeros},
		{"bells alone", "text/plain", "a.txt", "\a\a", CodeTypeContradicts, "an unknown format"},
		{"another control character", "text/plain", "a.txt", "a\x00\x01", CodeTypeContradicts, "an unknown format"},
		{"a picture of letters and zeros", "text/plain", "a.txt", "GIF89a\x00", CodeTypeContradicts, "image/gif"},
		{"not named as text", "", "download", "a\x00b", CodeTypeUnknown, text},
		{"declared as another type", "application/pdf", "a.pdf", "a\x00b", CodeTypeContradicts, text},
		{"a vertical tab", "application/pdf", "a.pdf", "a\vb", CodeTypeContradicts, "text with control characters"},
	} {
		got := identified(c.declared, c.name, c.head)
		if code(t, got) != c.code || !strings.Contains(got.Findings[0].Why, c.words) {
			t.Errorf("%s: %+v; want %s with %q", c.about, got, c.code, c.words)
		}
	}
}

// A picture may contain a PDF header in its first bytes, for example in a scanner's comment.
func TestPictureThatContainsAPDFHeaderIsAPicture(t *testing.T) {
	const mention = "made from %PDF-1.4"
	for mime, head := range map[string]string{"image/jpeg": headJPEG + mention, "image/png": headPNG + mention} {
		for _, declared := range []string{mime, ""} {
			if got := identified(declared, "a", head); got.Type.MIME != mime {
				t.Errorf("%s declared %q: %+v", mime, declared, got)
			}
		}
		if got := identified("application/pdf", "a.pdf", head); code(t, got) != CodeTypeContradicts {
			t.Errorf("%s as PDF: %+v", mime, got)
		}
	}
}
