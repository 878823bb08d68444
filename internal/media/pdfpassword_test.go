package media

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// encryptedBy are the kinds of encryption that qpdf writes.
var encryptedBy = []struct{ about, arguments string }{
	{"RC4 with 40 bits", "40 --"},
	{"RC4 with 128 bits", "128 --use-aes=n --"},
	{"RC4 with 128 bits and crypt filters", "128 --use-aes=n --force-V4 --"},
	{"AES with 128 bits", "128 --use-aes=y --"},
	{"AES with 128 bits and readable metadata", "128 --use-aes=y --cleartext-metadata --"},
	{"AES with 256 bits as in Acrobat 9", "256 --force-R5 --"},
	{"AES with 256 bits", "256 --"},
	{"AES with 256 bits and readable metadata", "256 --cleartext-metadata --"},
}

// Every viewer opens a PDF that has an owner password only, so nothing is wrong with it.
func TestOnlyAPDFThatNeedsAPasswordToOpenHasAWarning(t *testing.T) {
	for _, kind := range encryptedBy {
		for _, layout := range []string{"", "--object-streams=generate", "--linearize", "--linearize --object-streams=generate", "--qdf"} {
			t.Run(kind.about+" "+layout, func(t *testing.T) {
				t.Parallel()
				for _, c := range []struct{ about, user, want string }{
					{"with an owner password only", "''", ""},
					{"with a user password", "reader", CodePDFEncrypted},
				} {
					data := encryptPDF(t, layout+" --encrypt "+c.user+" owner "+kind.arguments)
					for _, head := range heads {
						if r := examined(t, "application/pdf", "a.pdf", data, head); codes(r) != c.want || len(r.Unchecked) > 0 {
							t.Errorf("%s, %d bytes: %+v; want %q", c.about, head, r, c.want)
						}
					}
				}
			})
		}
	}
}

func encryptPDF(t *testing.T, arguments string) []byte {
	t.Helper()
	directory := t.TempDir()
	if err := os.WriteFile(filepath.Join(directory, "in.pdf"), []byte(goodSample(t, "sample.pdf")), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "qpdf --allow-weak-crypto in.pdf "+arguments+" out.pdf", directory)
	data, err := os.ReadFile(filepath.Join(directory, "out.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// asPDF is a PDF with this encryption dictionary, and with this trailer.
func asPDF(encrypt, trailer string) string {
	return "%PDF-1.4\n%\xe2\xe3\xcf\xd3\n7 0 obj\n" + encrypt + "\nendobj\ntrailer\n" + trailer + "\nstartxref\n9\n%%EOF\n"
}

func TestPDFWhoseEncryptionIsNotByPassword(t *testing.T) {
	const trailer = "<< /Size 8 /Root 1 0 R /Encrypt 7 0 R /ID [<00> <00>] >>"
	sample := badSample(t, "pdf-encrypted.pdf")
	dictionary := sample[strings.Index(sample, "<< /Filter /Standard"):]
	dictionary = dictionary[:strings.Index(dictionary, "\nendobj")]
	ownTrailer := sample[strings.Index(sample, "<< /Size"):]
	ownTrailer = strings.ReplaceAll(ownTrailer[:strings.Index(ownTrailer, "\nstartxref")], "6 0 R", "7 0 R")
	for _, c := range []struct{ about, data, want, unchecked, fix string }{
		{"by certificates", asPDF("<< /Filter /Adobe.PubSec /V 4 /SubFilter /adbe.pkcs7.s5 /Recipients [(a\\)b)] >>", trailer), CodePDFEncrypted, "", "the program that protected it"},
		{"by a program for protected books", asPDF("<</Filter/EBX_HANDLER/V 4>>", trailer), CodePDFEncrypted, "", "the program that protected it"},
		{"in the trailer itself", asPDF("null", "<</Encrypt<</Filter/FOPN_foweb/V 1>>/Size 8>>"), CodePDFEncrypted, "", ""},
		{"by a password, in a second revision", asPDF("<< /Filter /EBX_HANDLER >>", trailer) + asPDF(dictionary, ownTrailer), CodePDFEncrypted, "", "qpdf"},
		{"of a revision to come", asPDF(strings.Replace(dictionary, "/R 2", "/R 7", 1), ownTrailer), "", "of a version that is not known", ""},
		{"without its keys", asPDF("<< /Filter /Standard /V 1 /R 2 >>", trailer), "", "is incomplete", ""},
		{"without its dictionary", asPDF("null", trailer), "", "encryption dictionary is not in", ""},
		{"with the dictionary of another number", strings.Replace(asPDF(dictionary, ownTrailer), "\n7 0 obj", "\n17 0 obj", 1), "", "encryption dictionary is not in", ""},
		{"only in a comment", asPDF("null", "<< /Size 8 % /Encrypt 7 0 R\n>>"), "", "", ""},
		{"only in a string", asPDF("null", `<< /Size 8 /Info (\(/Encrypt 7 0 R\) \\) >>`), "", "", ""},
		{"only in a nested dictionary", asPDF("null", "<< /Size 8 /Info << /Encrypt 7 0 R >> >>"), "", "", ""},
	} {
		r := examined(t, "application/pdf", "a.pdf", []byte(c.data), HeadSize)
		if codes(r) != c.want || len(r.Findings) > 0 && !strings.Contains(r.Findings[0].Fix, c.fix) ||
			(c.unchecked != "") != (len(r.Unchecked) > 0) || !strings.Contains(strings.Join(r.Unchecked, ""), c.unchecked) {
			t.Errorf("%s: %+v; want %q, %q", c.about, r, c.want, c.unchecked)
		}
	}
}

func TestPDFSyntaxIsRead(t *testing.T) {
	for _, c := range []struct{ text, key, value string }{
		{"<</A 1/B 2>>", "B", "2"},
		{"<< /A 5 0 R /B [1 2 [<</C 1>>]] /D true >>", "B", "[1 2 [<</C 1>>]]"},
		{"<</A 5 0 R/B(x)>>", "A", "5 0 R"},
		{"<</A[5 0 R 6 0 R]/B/C>>", "B", "/C"},
		{`<</A(>> \) (/B 1))/B(2)>>`, "B", "(2)"},
		{"<</A<3e 3E>\r%/B 1\r/B<</A 1>>>>", "B", "<</A 1>>"},
		{"<</A -4/B 1>>", "A", "-4"},
		{"<</A 1", "A", ""},
		{"<</A>>", "A", ""},
		{"<</A (b >>", "A", ""},
		{"[/A 1]", "A", ""},
		{"<<1 2>>", "1", ""},
	} {
		if got := pdfDict(c.text)[c.key]; got != c.value {
			t.Errorf("%s: %s is %q, want %q", c.text, c.key, got, c.value)
		}
	}
	for value, want := range map[string]string{
		"(a(b)c)": "a(b)c", `(\050\0530\53\t\\\)\q)`: "(+0+\t\\)q", "<41 4\n2>": "AB", "<4>": "@", "<>": "", "()": "",
	} {
		if got, ok := pdfString(value); !ok || string(got) != want {
			t.Errorf("%s is %q, want %q", value, got, want)
		}
	}
	for _, value := range []string{"", "(a", "<<>>", "<4x>", "/A", "5 0 R", `(\`} {
		if got, ok := pdfString(value); ok {
			t.Errorf("%q is %q", value, got)
		}
	}
}

// A dictionary is read as it was written, whatever bytes its strings have, and never beyond its end.
func FuzzPDFDict(f *testing.F) {
	f.Add("/O <41> /U (a\\)b)", []byte("key)"))
	f.Add("", []byte("\\(((\r\n"))
	f.Add("/A [1 2", []byte{})
	f.Fuzz(func(t *testing.T, rest string, secret []byte) {
		escaped := bytes.NewBufferString("(")
		for _, b := range secret {
			if slices.Contains([]byte("()\\"), b) {
				escaped.WriteByte('\\')
			}
			escaped.WriteByte(b)
		}
		escaped.WriteString(")")
		entries := pdfDict("<</Secret " + escaped.String() + "/Last 5 0 R>>" + rest)
		if got, ok := pdfString(entries["Secret"]); !ok || !bytes.Equal(got, secret) || len(entries) != 2 || entries["Last"] != "5 0 R" {
			t.Errorf("%q of %+v, want %q", got, entries, secret)
		}
		for name, value := range pdfDict("<<" + rest) {
			if len(name)+len(value) > len(rest) {
				t.Errorf("%q has %q beyond its end", name, value)
			}
		}
		encrypt := pdfDict("<</O" + escaped.String() + "/U" + escaped.String() + rest)
		if opens, ok := opensWithoutPassword(encrypt, encrypt); opens && !ok {
			t.Errorf("%+v opens and was not decided", encrypt)
		}
	})
}
