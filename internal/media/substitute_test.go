package media

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"ferry/internal/sample"
)

// form is a multipart form with one file, whose lines end so.
func form(boundary, eol, headers, file string) string {
	return "--" + boundary + eol + headers + eol + eol + file + eol + "--" + boundary + "--" + eol
}

func numbers(s string) string {
	list, _ := json.Marshal(json.RawMessage("[" + strings.Trim(strings.ReplaceAll(fmt.Sprint([]byte(s)), " ", ","), "[]") + "]"))
	return string(list)
}

const storedError = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"

func TestWhatIsStoredInsteadOfAFileIsRefusedAndNamed(t *testing.T) {
	jpeg, png, pdf, ogg := goodSample(t, "sample.jpg"), goodSample(t, "sample.png"), compressedPDF(), goodSample(t, "voice.ogg")
	docxFile, mp4 := goodSample(t, "sample.docx"), goodSample(t, "sample.mp4")
	std, url := base64.StdEncoding.EncodeToString, base64.URLEncoding.EncodeToString
	lines := func(s, eol string) string {
		var b strings.Builder
		for ; len(s) > 76; s = s[76:] {
			b.WriteString(s[:76] + eol)
		}
		return b.String() + s
	}
	const webkit, photo = "----WebKitFormBoundary7MA4YWxkTrZu0gW", `Content-Disposition: form-data; name="file"; filename="a.jpg"`
	for _, c := range []struct{ about, declared, name, data, code, words string }{
		{"a form of Chrome's", "image/jpeg", "a.jpg", form(webkit, "\r\n", photo+"\r\nContent-Type: image/jpeg", jpeg), CodeStoredForm, "with a JPEG inside|FormData"},
		{"a form under its own type", "multipart/form-data; boundary=" + webkit, "a", form(webkit, "\r\n", photo, jpeg), CodeStoredForm, "a JPEG"},
		{"a form without a type", "", "a", form(webkit, "\r\n", photo, pdf), CodeStoredForm, "a PDF"},
		{"a form as PDF", "application/pdf", "a.pdf", form(webkit, "\r\n", photo, pdf), CodeStoredForm, "a PDF"},
		{"a form as text", "text/plain", "a.txt", form(webkit, "\r\n", photo, "Hello"), CodeStoredForm, "inside"},
		{"a form as a Word file", docx, "a.docx", form(webkit, "\r\n", photo, docxFile), CodeStoredForm, "a Word file"},
		{"a form with plain line feeds", "image/png", "a.png", form(webkit, "\n", photo, png), CodeStoredForm, "a PNG"},
		{"a form of curl", "image/png", "a.png", form("------------------------d74496d66958873e", "\r\n", photo, png), CodeStoredForm, "a PNG"},
		{"a form of Python", "image/png", "a.png", form("4c8e6f0e2a7b4e0d9f3a", "\r\n", photo, png), CodeStoredForm, "a PNG"},
		{"a form of .NET", "image/png", "a.png", form("f7a1e6d8-4f1e-4f55-9b52-1f7c4f8c8a11", "\r\n", "Content-Type: image/png\r\n"+photo, png), CodeStoredForm, "a PNG"},
		{"a form of a phone", "image/jpeg", "a.jpg", form("Boundary+E0A1B2C3", "\r\n", strings.ToLower(photo), jpeg), CodeStoredForm, "a JPEG"},
		{"a form whose first part is a field", "image/jpeg", "a.jpg", form(webkit, "\r\n", `Content-Disposition: form-data; name="key"`, "a.jpg\r\n"+form(webkit, "\r\n", photo, jpeg)), CodeStoredForm, "a JPEG"},
		{"a form after a line break", "image/jpeg", "a.jpg", "\r\n" + form(webkit, "\r\n", photo, jpeg), CodeStoredForm, "a JPEG"},

		{"base64", "image/jpeg", "a.jpg", std([]byte(jpeg)), CodeEncodedText, "a JPEG as base64|base64 -di IN > out.jpg"},
		{"base64 in lines", "application/pdf", "a.pdf", lines(std([]byte(pdf)), "\r\n"), CodeEncodedText, "a PDF as base64|out.pdf"},
		{"base64 without a type", "", "noext", std([]byte(ogg)), CodeEncodedText, "an Ogg file as base64|out.ogg"},
		{"base64 of a Word file", docx, "a.docx", std([]byte(docxFile)), CodeEncodedText, "a Word file as base64"},
		{"base64 for URLs", "image/png", "a.png", url(append([]byte(png), "\xfb\xff\xfe"...)), CodeEncodedText, "a PNG as base64"},
		{"base64 as a JSON string", "image/png", "a.png", `"` + std([]byte(png)) + `"`, CodeEncodedText, "a PNG as base64"},
		{"a data URI", "image/png", "a.png", "data:image/png;base64," + std([]byte(png)), CodeEncodedText, "a PNG as a data URI|sed"},
		{"a data URI of a browser's recording", "audio/ogg", "a.ogg", "data:audio/ogg; codecs=opus;base64," + std([]byte(ogg)), CodeEncodedText, ""},
		{"a data URI without a type, after a byte order mark", "", "a", "\ufeffdata:;base64," + std([]byte(mp4)), CodeEncodedText, "an MP4 as a data URI"},
		{"hexadecimal digits", "image/png", "a.png", hex.EncodeToString([]byte(png)), CodeEncodedText, "a PNG as hexadecimal digits|basenc"},
		{"hexadecimal digits of PostgreSQL", "image/png", "a.png", `\x` + hex.EncodeToString([]byte(png)), CodeEncodedText, "a PNG as hexadecimal digits"},
		{"hexadecimal digits with 0x", "", "a", "0x" + strings.ToUpper(hex.EncodeToString([]byte(pdf))), CodeEncodedText, "a PDF as hexadecimal digits"},
		{"a buffer of Node.js in JSON", "image/jpeg", "a.jpg", `{"type":"Buffer","data":` + numbers(jpeg) + `}`, CodeEncodedText, "a JPEG as a list of numbers in JSON"},
		{"a buffer in JSON, indented", "application/json", "a.json", "{\n  \"type\": \"Buffer\",\n  \"data\": " + strings.ReplaceAll(numbers(png), ",", ",\n") + "}", CodeEncodedText, "a PNG"},
		{"a list of bytes", "image/jpeg", "a.jpg", numbers(jpeg), CodeEncodedText, "a JPEG"},
		{"a Uint8Array in JSON", "image/jpeg", "a.jpg", `{"0":255,"1":216,"2":255,"3":224,"4":0,"5":16,"6":74}`, CodeEncodedText, "a JPEG"},

		{"a pointer of Git LFS", "image/png", "a.png", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", CodeStoredPointer, "git lfs pull"},
		{"a pointer of Git LFS without a type", "", "a.png", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", CodeStoredPointer, ""},
		{"an error document of S3", "application/pdf", "a.pdf", storedError, CodeErrorDocument, "NoSuchKey"},
		{"an error document of S3 without a type", "", "a", storedError, CodeErrorDocument, "NoSuchKey"},
		{"an error document with a namespace", "image/jpeg", "a.jpg", `<Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Code>AccessDenied</Code></Error>`, CodeErrorDocument, "AccessDenied"},

		{"gzip", "image/jpeg", "a.jpg", gzipped(jpeg), CodeCompressed, "it is gzip|Content-Type image/jpeg|gzip -dc < IN > out.jpg"},
		{"gzip of a PDF", "application/pdf", "a.pdf", gzipped(pdf), CodeCompressed, "out.pdf"},
		{"gzip of text", "text/plain", "a.txt", gzipped("Hello, hello"), CodeCompressed, "out.txt"},
		{"gzip named as a picture", "", "a.png", gzipped(png), CodeCompressed, "out.png"},
		{"a ZIP with the file in it", "application/pdf", "a.pdf", zipOf("report.pdf"), CodeCompressed, "unzip"},
	} {
		for _, size := range []int{HeadSize, len(c.data)} {
			r := identify(File{DeclaredType: c.declared, Name: c.name, Size: int64(len(c.data)), Head: []byte(c.data)[:min(len(c.data), size)]})
			if code(t, r) != c.code {
				t.Errorf("%s: %+v; want %s", c.about, r, c.code)
				break
			}
			for word := range strings.SplitSeq(c.words, "|") {
				if !strings.Contains(r.Findings[0].text(), word) {
					t.Errorf("%s: %q does not say %q", c.about, r.Findings[0].text(), word)
				}
			}
		}
	}
}

// Text that only resembles a substitute passes or is refused as before.
func TestTextThatIsNoSubstituteIsNotTakenForOne(t *testing.T) {
	random := base64.StdEncoding.EncodeToString([]byte(compressedPDF()[100:3000]))
	for _, c := range []struct{ about, declared, name, data string }{
		{"a certificate", "", "cert.pem", "-----BEGIN CERTIFICATE-----\n" + random + "\n-----END CERTIFICATE-----\n"},
		{"a key without a type", "", "key", "-----BEGIN PRIVATE KEY-----\n" + random + "\n-----END PRIVATE KEY-----\n"},
		{"a token", "", "token", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"},
		{"base64 of unknown bytes", "", "blob", random},
		{"a long word", "", "a", strings.Repeat("UEsDBA", 3)},
		{"a short text that begins like a JPEG in base64", "", "a", "/9j/4AAQ"},
		{"prose that begins like base64", "", "a", "/9j/4AAQSkZJRgABAQEASABIAAD" + strings.Repeat("A", 60) + " is how a JPEG begins, in base64."},
		{"a digest", "", "sum", "ffd8ff0123456789ffd8ff0123456789ffd8ff0123456789ffd8ff0123456789  a.jpg\n"},
		{"hexadecimal digits", "", "a", strings.Repeat("deadbeef", 100)},
		{"JSON numbers", "", "a.json", "[1,2,3,255,216]"},
		{"JSON", "", "a", `{"type":"Point","data":[1,2]}`},
		{"Markdown", "", "a", "--\nContent\n"},
		{"a signature of an e-mail", "", "a", "-- \r\nAda Lovelace\r\n"},
		{"text about forms", "text/plain", "a.txt", "A form begins with\n--boundary\nContent-Disposition: form-data; name=\"a\"\n"},
		{"YAML", "", "a.yaml", "---\na: 1\n"},
		{"an XML document", "", "a.xml", "<?xml version=\"1.0\"?><Errors><Code>1</Code></Errors>"},
		{"a text about a pointer", "", "a", "The first line is \"version https://git-lfs.github.com/spec/v1\"."},
		{"an archive", "text/plain", "a.txt", "gzip begins with 1f 8b"},
	} {
		if r := identified(c.declared, c.name, c.data); len(r.Findings) > 0 || r.Type.MIME != "text/plain" {
			t.Errorf("%s: %+v", c.about, r)
		}
	}
	for _, f := range append(goodAsBad(), sample.BadFiles()...) {
		file := File{DeclaredType: f.ContentType, Name: f.Name, Size: int64(len(f.Data)), Head: f.Data}
		if s, ok := findSubstitute(f.Data, file, baseType(f.ContentType)); ok {
			t.Errorf("%s: %+v", f.Name, s)
		}
	}
}

func TestBytesInFrontOfABinaryFileAreCounted(t *testing.T) {
	const mark, two = "\xef\xbb\xbf", "\xef\xbb\xbf\xef\xbb\xbf"
	for _, f := range sample.Files() {
		if f.ContentType == "text/plain" || f.ContentType == "application/pdf" {
			continue
		}
		for _, c := range []struct{ about, before, words string }{
			{"a mark", mark, "3 bytes too many (a byte order mark)"},
			{"two marks", two, "6 bytes too many (a byte order mark)"},
			{"a mark and a line break", mark + "\r\n", "5 bytes too many (a byte order mark)"},
			{"a mark of UTF-16", "\xff\xfe", "2 bytes too many (a byte order mark)"},
			{"the other mark of UTF-16", "\xfe\xff", "2 bytes too many (a byte order mark)"},
			{"a line break", "\n", "1 byte too many (line breaks)"},
		} {
			data := []byte(c.before + string(f.Data))
			for _, declared := range []string{f.ContentType, "", "binary/octet-stream"} {
				r := identify(File{DeclaredType: declared, Name: f.Name, Size: int64(len(data)), Head: data[:min(len(data), HeadSize)]})
				if f.ContentType == "audio/mpeg" && c.before == "\n" || f.ContentType == "audio/aac" && !strings.HasPrefix(c.before, mark) {
					continue // players look for MP3 further on; a frame of AAC is no mark
				}
				if codes(r) != CodeLeadingBytes || r.Type.MIME != f.ContentType || !strings.Contains(r.Findings[0].Why, c.words) ||
					!strings.HasSuffix(r.Findings[0].Fix, fmt.Sprintf(": tail -c +%d IN > out.%s", len(c.before)+1, r.Type.extension)) {
					t.Errorf("%s after %s, declared %q: %+v", f.Name, c.about, declared, r)
				}
			}
		}
	}
	for _, c := range []struct{ about, declared, name, data, want string }{
		{"a PDF after a mark", "application/pdf", "a.pdf", mark + headPDF, ""},
		{"text after a mark", "", "a.txt", mark + headCSV, ""},
		{"control characters after a mark", "text/plain", "a.txt", mark + "\x01\x02", ""},
		{"UTF-16", "text/plain", "a.txt", "\xff\xfeh\x00i\x00", ""},
		{"UTF-16 that begins like a frame of MP3", "text/plain", "a.txt", "\xff\xfe\xff\xfb\x90\x00h\x00i\x00", ""},
		{"a GIF after a mark", "", "a", mark + headGIF, CodeTypeNotAccepted},
		{"a picture after a mark as text", "text/plain", "a.txt", mark + headPNG, CodeLeadingBytes},
	} {
		if r := identified(c.declared, c.name, c.data); codes(r) != c.want {
			t.Errorf("%s: %+v; want %q", c.about, r, c.want)
		}
	}
}

func FuzzSubstitute(f *testing.F) {
	for _, s := range []string{headJPEG, headHTML, storedError, form("b", "\r\n", `Content-Disposition: form-data; name="a"; filename="b"`, headPNG),
		base64.StdEncoding.EncodeToString([]byte(headPNG)), hex.EncodeToString([]byte(headPNG)), numbers(headPNG), gzipped(headPNG)} {
		f.Add("image/png", "a.png", []byte(s))
	}
	f.Fuzz(func(t *testing.T, declared, name string, head []byte) {
		if len(head) == 0 {
			return
		}
		file := File{DeclaredType: declared, Name: name, Size: int64(len(head)), Head: head}
		s, ok := findSubstitute(head, file, baseType(declared))
		if ok && (rules[s.code].severity != Refused || s.what == "" || sentAsText(name, baseType(declared)) && s.code != CodeStoredForm && s.code != CodeCompressed) {
			t.Errorf("%+v", s)
		}
		if r, ok := unusable(file, baseType(declared)); ok {
			checkFindings(t, r)
		}
	})
}
