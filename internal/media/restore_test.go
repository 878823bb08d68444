package media

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ferry/internal/sample"
)

// wrapped are the ways in which a file becomes another one that still has all of its bytes.
var wrapped = []struct {
	about, code string
	wrap        func(t *testing.T, f sample.File) string
}{
	{"after a byte order mark", CodeLeadingBytes, before("\ufeff")},
	{"after two byte order marks and a line break", CodeLeadingBytes, before("\ufeff\ufeff\r\n")},
	{"after a mark of UTF-16", CodeLeadingBytes, before("\xff\xfe")},
	{"after line breaks", CodeLeadingBytes, before("\n\r\n")},
	{"converted from Latin-1 to UTF-8", CodeMangled, handledAs("decoded as Latin-1 and encoded as UTF-8", "")},
	{"converted from Latin-1 to UTF-8 with a byte order mark", CodeMangled, handledAs("decoded as Latin-1 and encoded as UTF-8", "\ufeff")},
	{"converted from Windows-1252 to UTF-8", CodeMangled, handledAs("decoded as Windows-1252 and encoded as UTF-8", "")},
	{"converted from Windows-1252 to UTF-8 with a byte order mark", CodeMangled, handledAs("decoded as Windows-1252 and encoded as UTF-8", "\ufeff")},
	{"as base64", CodeEncodedText, func(_ *testing.T, f sample.File) string { return base64.StdEncoding.EncodeToString(f.Data) }},
	{"as base64 in lines, after a byte order mark", CodeEncodedText, func(_ *testing.T, f sample.File) string { return "\ufeff" + inLines(f.Data) }},
	{"as base64 without padding, in quotation marks", CodeEncodedText, func(_ *testing.T, f sample.File) string {
		return `"` + base64.RawStdEncoding.EncodeToString(f.Data) + `"`
	}},
	{"as base64 for URLs", CodeEncodedText, func(_ *testing.T, f sample.File) string { return base64.URLEncoding.EncodeToString(f.Data) }},
	{"as a data URI", CodeEncodedText, func(_ *testing.T, f sample.File) string {
		return "data:" + f.ContentType + ";base64," + base64.StdEncoding.EncodeToString(f.Data)
	}},
	{"as a data URI in quotation marks, with parameters", CodeEncodedText, func(_ *testing.T, f sample.File) string {
		return `"data:` + f.ContentType + `;name=a.bin;base64,` + base64.StdEncoding.EncodeToString(f.Data) + "\"\n"
	}},
	{"as hexadecimal digits", CodeEncodedText, func(_ *testing.T, f sample.File) string { return hex.EncodeToString(f.Data) }},
	{"as hexadecimal digits of PostgreSQL", CodeEncodedText, func(_ *testing.T, f sample.File) string { return `\x` + hex.EncodeToString(f.Data) }},
	{"as hexadecimal digits with 0x", CodeEncodedText, func(_ *testing.T, f sample.File) string { return "0x" + strings.ToUpper(hex.EncodeToString(f.Data)) }},
	{"as hexadecimal digits with colons", CodeEncodedText, func(_ *testing.T, f sample.File) string {
		return regexp.MustCompile(`..`).ReplaceAllString(hex.EncodeToString(f.Data), "$0:")
	}},
	{"in gzip", CodeCompressed, func(_ *testing.T, f sample.File) string { return gzipped(string(f.Data)) }},
	{"in a ZIP", CodeCompressed, inArchive},
}

func before(text string) func(*testing.T, sample.File) string {
	return func(_ *testing.T, f sample.File) string { return text + string(f.Data) }
}

func handledAs(how, mark string) func(*testing.T, sample.File) string {
	return func(_ *testing.T, f sample.File) string { return mark + handled[how](string(f.Data)) }
}

func inLines(data []byte) string {
	return regexp.MustCompile(`.{1,76}`).ReplaceAllString(base64.StdEncoding.EncodeToString(data), "$0\r\n")
}

func inArchive(t *testing.T, f sample.File) string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	part, err := w.Create(f.Name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(f.Data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What is advised for a file that still has all of its bytes restores each of them, under a
// name with which the file passes.
func TestFixRestoresEveryByte(t *testing.T) {
	for _, w := range wrapped {
		t.Run(w.about, func(t *testing.T) {
			t.Parallel()
			restored := 0
			for _, f := range binaries(t) {
				data := w.wrap(t, f)
				if f.ContentType == "application/pdf" && w.code == CodeLeadingBytes {
					continue // which viewers open as it is
				}
				for _, declared := range []string{f.ContentType, ""} {
					r := whole(t, declared, f.Name, data)
					if codes(r) != w.code {
						continue // raw frames, which other tests list, have no mark
					}
					line := command(r.Findings[0].Fix)
					if strings.Contains(r.Findings[0].Fix, "(unzip IN)") {
						line = "unzip -q IN -d out.d && mv out.d/* out." + f.Name[strings.LastIndexByte(f.Name, '.')+1:]
					}
					if line == "" {
						t.Errorf("%s, declared %q: no command in %q", f.Name, declared, r.Findings[0].Fix)
						continue
					}
					name, got := carryOut(t, line, f.Name, []byte(data))
					if !bytes.Equal(got, f.Data) {
						t.Errorf("%s, declared %q: %s writes %d bytes that are not the %d of the file", f.Name, declared, line, len(got), len(f.Data))
					}
					if after := whole(t, "", name, string(got)); len(after.Findings) > 0 || after.Type.MIME != f.ContentType {
						t.Errorf("%s, declared %q, after %s: %+v", f.Name, declared, line, after)
					}
					restored++
				}
			}
			if restored < 20 {
				t.Errorf("only %d files restored", restored)
			}
		})
	}
}

// carryOut runs the command of a fix on a file, and returns the name and the content of what it
// writes.
func carryOut(t *testing.T, line, name string, data []byte) (string, []byte) {
	t.Helper()
	directory := t.TempDir()
	if err := os.WriteFile(filepath.Join(directory, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, regexp.MustCompile(`\bIN\b`).ReplaceAllString(line, name), directory)
	written := outFile.FindAllString(line, -1)
	out := written[len(written)-1]
	got, err := os.ReadFile(filepath.Join(directory, out))
	if err != nil {
		t.Fatal(err)
	}
	return out, got
}

// Text for programs is sent as text with a warning, and refused otherwise. In either case the
// advice makes a file that passes.
func TestFixOfTextForProgramsMakesAFileForPeople(t *testing.T) {
	eps := "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 90 60\n10 10 50 40 rectfill\nshowpage\n%%EOF\n"
	for _, c := range []struct{ about, name, data, writes string }{
		{"SVG", "drawing.svg", `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 6"><rect width="5" height="4" fill="red"/></svg>`, "image/png"},
		{"EPS", "drawing.eps", eps, "application/pdf"},
		{"PostScript", "page.ps", strings.Replace(eps, " EPSF-3.0", "", 1), "application/pdf"},
		{"RTF", "letter.rtf", `{\rtf1\ansi Hello}`, "application/pdf"},
		{"a picture in base64", "picture.txt", inLines([]byte(goodSample(t, "sample.png"))), "image/png"},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			for _, declared := range []string{"text/plain", "", "image/jpeg"} {
				r := whole(t, declared, c.name, c.data)
				if len(r.Findings) != 1 {
					t.Fatalf("declared %q: %+v", declared, r)
				}
				line := command(r.Findings[0].Fix)
				if strings.HasSuffix(r.Findings[0].Fix, toPDF) { // which names its result after the file
					line = toPDF + " >&2 && mv " + strings.TrimSuffix(c.name, ".rtf") + ".pdf out.pdf"
				}
				if line == "" {
					t.Fatalf("declared %q: no command in %q", declared, r.Findings[0].Fix)
				}
				name, got := carryOut(t, line, c.name, []byte(c.data))
				if after := whole(t, "", name, string(got)); len(after.Findings) > 0 || after.Type.MIME != c.writes {
					t.Errorf("declared %q, after %s: %+v", declared, line, after)
				}
			}
		})
	}
}
