package media

import (
	"strings"
	"testing"
)

// identified returns the result for a file that consists of its head.
func identified(declared, name, head string) Result {
	return identify(File{DeclaredType: declared, Name: name, Size: int64(len(head)), Head: []byte(head)})
}

// code returns the code with which a file is refused, "" if it is not. It fails the test if
// the refusal is not a single complete finding.
func code(t *testing.T, r Result) string {
	t.Helper()
	if len(r.Findings) == 0 {
		return ""
	}
	f := r.Findings[0]
	if len(r.Findings) > 1 || f.Severity != Refused || f.Why == "" || f.Fix == "" || strings.ContainsAny(f.text(), "\r\n") ||
		r.Type != (Type{}) || r.ContentType != "" || r.FileName != "" {
		t.Fatalf("not a proper refusal: %#v", r)
	}
	return f.Code
}

// acceptCases are files by declared type, name and head, with their type of the table.
var acceptCases = []struct{ about, declared, name, head, mime string }{
	{"the declared type decides", "image/png", "a", headPNG, "image/png"},
	{"case and parameters do not count", "IMAGE/JPEG; q=1", "a.jpg", headJPEG, "image/jpeg"},
	{"alias image/jpg", "image/jpg", "a.jpg", headJPEG, "image/jpeg"},
	{"AWS's name of 3gp", "video/3gp", "a.3gp", ftyp("3gp4", "isom"), "video/3gpp"},
	{"audio with Apple's brand", "audio/x-m4a", "a.m4a", ftyp("M4A ", "isom"), "audio/mp4"},
	{"audio with the general brand", "audio/mp4", "a.m4a", ftyp("isom", "iso2", "mp41"), "audio/mp4"},
	{"audio with the brand of MPEG-4 v2", "audio/mp4", "a", ftyp("mp42", "isom"), "audio/mp4"},
	{"video in a file that Android brands 3gp4", "video/mp4", "a.mp4", ftyp("3gp4", "isom"), "video/mp4"},
	{"a general brand declared 3gpp", "video/3gpp", "a.3gp", ftyp("isom", "3gp4"), "video/3gpp"},
	{"Sony's brand", "video/mp4", "a.mp4", ftyp("MSNV", "mp42"), "video/mp4"},
	{"iTunes video", "video/x-m4v", "a.m4v", ftyp("M4V ", "mp42"), "video/mp4"},
	{"Opus", "audio/ogg; codecs=opus", "a.ogg", oggOf(opusHead), "audio/ogg"},
	{"Opus declared audio/opus", "audio/opus", "a.opus", oggOf(opusHead), "audio/ogg"},
	{"Opus declared application/ogg", "application/ogg", "a.ogg", oggOf(opusHead), "audio/ogg"},
	{"ADTS", "audio/aac", "a.aac", headADTS, "audio/aac"},
	{"ADTS behind ID3", "audio/aac", "a.aac", headID3 + headADTS, "audio/aac"},
	{"MP3", "audio/mp3", "a.mp3", headMP3, "audio/mpeg"},
	{"MP3 behind ID3", "audio/mpeg", "a.mp3", headID3 + headMP3, "audio/mpeg"},
	{"AMR", "audio/amr", "a.amr", headAMR, "audio/amr"},
	{"CSV as text", "text/plain; charset=utf-8", "a.csv", headCSV, "text/plain"},
	{"HTML as text", "text/plain", "a.html", headHTML, "text/plain"},
	{"UTF-16 with its mark", "text/plain", "a.txt", "\xff\xfeh\x00i\x00", "text/plain"},
	{"Latin-1", "text/plain", "a.txt", "Gr\xfc\xdfe", "text/plain"},
	{"text that starts like a program", "text/plain", "a.txt", "MZ is the mark of a DOS program.", "text/plain"},
	{"text about PDF", "text/plain", "a.txt", "A file starts with %PDF-1.7 then.", "text/plain"},
	{"text about ID3", "text/plain", "a.txt", "ID3 tags explained", "text/plain"},
	{"PDF behind a mark", "application/pdf", "a.pdf", "\xef\xbb\xbf" + headPDF, "application/pdf"},
	{"docx", docx, "a.docx", zipOf("[Content_Types].xml", "word/document.xml"), docx},
	{"pptx that the head does not show", pptx, "a.pptx", zipOf("[Content_Types].xml", "_rels/.rels"), pptx},
	{"xls, any OLE2", xls, "a.xls", headOLE, xls},
	{"docx with a password", docx, "a.docx", headOLE, docx},
	{"nothing declared", "", "a", headPNG, "image/png"},
	{"S3's default", "binary/octet-stream", "wrong.jpg", headPNG, "image/png"},
	{"curl's default", "application/x-www-form-urlencoded", "a", headPDF, "application/pdf"},
	{"not a type", "jpeg", "a", headJPEG, "image/jpeg"},
	{"two types", "image/jpeg, image/png", "a", headPNG, "image/png"},
	{"the extension decides in the family", "", "a.m4a", ftyp("isom"), "audio/mp4"},
	{"video without an extension", "", "a", ftyp("isom"), "video/mp4"},
	{"audio by a compatible brand", "", "a", ftyp("mp42", "M4A ", "isom"), "audio/mp4"},
	{"the extension decides for OLE2", "", "a.ppt", headOLE, ppt},
	{"the extension decides for OOXML", "", "a.xlsx", zipOf("_rels/.rels"), xlsx},
	{"art fills the head", "", "a", "ID3\x03\x00\x00\x00\x00\x7f\x7f\x00\x00", "audio/mpeg"},
	{"art fills the head of an AAC", "", "a.aac", "ID3\x03\x00\x00\x00\x00\x7f\x7f\x00\x00", "audio/aac"},
	{"MP3 behind junk, by its extension", "", "a.mp3", headJunk + strings.Repeat(headMP3+strings.Repeat("\x00", 409), 3), "audio/mpeg"},
	{"CSV undeclared", "", "a.csv", headCSV, "text/plain"},
	{"JSON without a name", "", "", headJSON, "text/plain"},
	{"docx called ZIP", "application/zip", "a.docx", zipOf("[Content_Types].xml", "word/a"), docx},
}

func TestAcceptedTypes(t *testing.T) {
	for _, c := range acceptCases {
		t.Run(c.about, func(t *testing.T) {
			if got := identified(c.declared, c.name, c.head); len(got.Findings) > 0 || got.Type.MIME != c.mime {
				t.Errorf("%q, want %q; %+v", got.Type.MIME, c.mime, got.Findings)
			}
		})
	}
}

// refuseCases are refused files, with the code and with words of the text.
var refuseCases = []struct{ about, declared, name, head, code, words string }{
	{"CSV", "text/csv", "a.csv", headCSV, CodeTypeNotAccepted, `"text/csv"|Content-Type text/plain|text-as-plain`},
	{"HTML", "text/html", "a.html", headHTML, CodeTypeNotAccepted, "text/plain"},
	{"SVG", "image/svg+xml", "a.svg", `<svg xmlns="http://www.w3.org/2000/svg"></svg>`, CodeTypeNotAccepted, "image/png|vipsthumbnail"},
	{"GIF", "image/gif", "a.gif", headGIF, CodeTypeNotAccepted, "image/jpeg|vipsthumbnail"},
	{"WAV", "audio/wav", "a.wav", headWAV, CodeTypeNotAccepted, "audio/ogg|libopus"},
	{"WebM", "audio/webm", "a.webm", headWebM, CodeTypeNotAccepted, "libopus"},
	{"audio/3gpp", "audio/3gpp", "a.3gp", ftyp("3gp4"), CodeTypeNotAccepted, "Content-Type audio/mp4"},
	{"MOV", "video/quicktime", "a.mov", ftyp("qt  "), CodeTypeNotAccepted, "video/quicktime|libx264"},
	{"an MP4 called MOV", "video/quicktime", "a.mov", ftyp("mp42"), CodeTypeNotAccepted, "store it with Content-Type video/mp4"},
	{"ZIP", "application/zip", "a.zip", zipOf("a.txt"), CodeTypeNotAccepted, "by link"},
	{"OpenDocument", "application/vnd.oasis.opendocument.text", "a.odt", zipOf("mimetype"), CodeTypeNotAccepted, "soffice"},
	{"a long type", "x/" + strings.Repeat("y", 999), "a", headPNG, CodeTypeNotAccepted, "image/png"},

	{"PNG as JPEG", "image/jpeg", "a.jpg", headPNG, CodeTypeContradicts, "image/jpeg|image/png"},
	{"HTML as MP4", "video/mp4", "a.mp4", headHTML, CodeTypeContradicts, "text/html|error page"},
	{"JSON as JPEG", "image/jpeg", "a.jpg", headJSON, CodeTypeContradicts, "application/json|error page"},
	{"MOV as MP4", "video/mp4", "a.mp4", ftyp("qt  "), CodeTypeContradicts, "QuickTime|libx264"},
	{"HEIC as JPEG", "image/jpeg", "a.jpg", ftyp("heic", "mif1"), CodeTypeContradicts, "image/heic|vipsthumbnail"},
	{"Apple audio as video", "video/mp4", "a.mp4", ftyp("M4A "), CodeTypeContradicts, "Content-Type audio/mp4"},
	{"3GPP2", "video/3gpp", "a.3gp", ftyp("3g2a"), CodeTypeContradicts, "video/3gpp2"},
	{"M4A as AAC", "audio/aac", "a.aac", ftyp("M4A "), CodeTypeContradicts, "Content-Type audio/mp4"},
	{"AAC as MP3", "audio/mpeg", "a.mp3", headADTS, CodeTypeContradicts, "audio/aac"},
	{"MP3 as AAC", "audio/aac", "a.aac", headMP3, CodeTypeContradicts, "audio/mpeg"},
	{"AMR wideband", "audio/amr", "a.amr", "#!AMR-WB\n\x04\x00", CodeTypeContradicts, "wideband"},
	{"FLAC behind ID3", "audio/mpeg", "a.mp3", headID3 + "fLaC\x00\x00", CodeTypeContradicts, "audio/flac|libopus"},
	{"WebM as audio/mp4", "audio/mp4", "a.m4a", headWebM, CodeTypeContradicts, "libopus"},
	{"audio/opus that is no Ogg", "audio/opus", "a.opus", headJunk, CodeTypeContradicts, "audio/opus"},
	{"binary as text", "text/plain", "a.txt", headEXE, CodeTypeContradicts, "portable-executable"},
	{"PDF as text", "text/plain", "a.txt", headPDF, CodeTypeContradicts, "application/pdf"},
	{"JSON as Excel", xls, "a.xls", headJSON, CodeTypeContradicts, "application/json|Content-Type text/plain"},
	{"a page as Word", doc, "a.doc", headHTML, CodeTypeContradicts, "text/html|error page"},
	{"plain ZIP as docx", docx, "a.docx", zipOf("photos/a.jpg"), CodeTypeContradicts, "application/zip"},
	{"xlsx as docx", docx, "a.docx", zipOf("[Content_Types].xml", "xl/workbook.xml"), CodeTypeContradicts, "spreadsheetml"},
	{"a JAR as docx", docx, "a.docx", zipOf("META-INF/MANIFEST.MF"), CodeTypeContradicts, "java-archive"},
	{"a WebP without an image", "image/webp", "a.webp", webpOf("ALPH", 0), CodeTypeContradicts, "without an image"},
	{"a WebP cut short", "image/webp", "a.webp", webpOf("VP8X", 2)[:20], CodeTypeContradicts, "without an image"},
	{"WAV as WebP", "image/webp", "a.webp", headWAV, CodeTypeContradicts, "audio/wav"},

	{"Vorbis", "audio/ogg", "a.ogg", oggOf("\x01vorbis\x00"), CodeAudioNotOpus, "Vorbis audio in Ogg|libopus"},
	{"FLAC in Ogg", "audio/ogg; codecs=opus", "a.ogg", oggOf("\x7fFLAC\x01"), CodeAudioNotOpus, "FLAC"},
	{"Theora with Opus", "audio/ogg", "a.ogv", oggOf("\x80theora\x03", opusHead), CodeAudioNotOpus, "Theora video and Opus audio in Ogg"},
	{"Ogg cut short", "audio/ogg", "a.ogg", oggOf(opusHead)[:27], CodeAudioNotOpus, "Ogg"},
	{"Vorbis undeclared", "", "a.ogg", oggOf("\x01vorbis\x00"), CodeAudioNotOpus, "Vorbis"},

	{"GIF undeclared", "", "a.gif", headGIF, CodeTypeNotAccepted, `image/gif|vipsthumbnail`},
	{"ZIP undeclared", "", "a.docx", zipOf("photos/a.jpg"), CodeTypeNotAccepted, "application/zip"},
	{"junk", "", "a.jpg", headJunk, CodeTypeUnknown, `an unknown format|"jpg"`},
	{"JSON with the name of a picture", "", "a.jpg", headJSON, CodeTypeUnknown, "application/json"},
	{"a page without a name", "", "download", headHTML, CodeTypeUnknown, "text/html|no extension"},
	{"OLE2 without a name", "", "download", headOLE, CodeTypeUnknown, "OLE2"},
}

func TestRefusedTypes(t *testing.T) {
	for _, c := range refuseCases {
		t.Run(c.about, func(t *testing.T) {
			got := identified(c.declared, c.name, c.head)
			if code(t, got) != c.code {
				t.Fatalf("%+v; want %s", got, c.code)
			}
			text := got.Findings[0].text()
			if len(text) > 1000 {
				t.Errorf("%d characters long", len(text))
			}
			for word := range strings.SplitSeq(c.words, "|") {
				if !strings.Contains(text, word) {
					t.Errorf("%q does not say %q", text, word)
				}
			}
		})
	}
}

func TestLengthIsChecked(t *testing.T) {
	for _, c := range []struct {
		about string
		size  int64
		head  string
		code  string
	}{
		{"empty", 0, "", CodeEmpty},
		{"announced and not sent", 5, "", CodeEmpty},
		{"not announced", -1, headPNG, CodeSizeUnknown},
		{"announced too short", 4, headPNG, CodeSizeUnknown},
		{"at the limit", 5 << 20, headPNG, ""},
		{"one above", 5<<20 + 1, headPNG, CodeTooLarge},
		{"absurd", 1<<63 - 1, headPNG, CodeTooLarge},
		{"sticker at the limit", 100 << 10, webpOf("VP8 ", 0), ""},
		{"sticker above", 100<<10 + 1, webpOf("VP8L", 0), CodeTooLarge},
		{"extended sticker that does not move", 100<<10 + 1, webpOf("VP8X", 0xfd), CodeTooLarge},
		{"animated at the limit", 500 << 10, webpOf("VP8X", 2), ""},
		{"animated above", 500<<10 + 1, webpOf("VP8X", 2), CodeTooLarge},
		{"a head of more than sniffSize", 5000, headPNG + strings.Repeat("\x00", 5000-len(headPNG)), ""},
	} {
		result := identify(File{Size: c.size, Head: []byte(c.head)})
		if got := code(t, result); got != c.code {
			t.Errorf("%s: %q, want %q; %+v", c.about, got, c.code, result)
		}
	}
}

func TestTooLargeNamesSizeLimitAndFix(t *testing.T) {
	text := identify(File{DeclaredType: "video/mp4", Size: 16<<20 + 1, Head: []byte(ftyp("isom"))}).Refusal(Refused)
	for _, words := range []string{"16,777,217 bytes (16.0 MiB)", "16,777,216 bytes (16.0 MiB)", "video/mp4 (video)", "bit rate", "ffmpeg"} {
		if !strings.Contains(text, words) {
			t.Errorf("%q does not say %q", text, words)
		}
	}
}

func TestEveryTypeTooLargeHasAdvice(t *testing.T) {
	for _, row := range types {
		found := refused(tooLarge(row, row.maxSize+1)).Findings[0]
		if formatError.MatchString(found.Why) || !strings.Contains(found.Why, row.MIME) || found.Fix != shrinkAdvice(row) {
			t.Errorf("%s: %+v", row.MIME, found)
		}
	}
}

func TestContentTypeForMeta(t *testing.T) {
	for _, c := range []struct{ declared, head, want string }{
		{"audio/ogg", oggOf(opusHead), "audio/ogg; codecs=opus"},
		{"audio/opus", oggOf(opusHead), "audio/ogg; codecs=opus"},
		{"audio/ogg; codecs=vorbis", oggOf(opusHead), "audio/ogg; codecs=opus"}, // the bytes decide
		{"", oggOf(opusHead), "audio/ogg; codecs=opus"},
		{"text/plain; charset=utf-8", headCSV, "text/plain"},
		{"video/3gp", ftyp("3gp6"), "video/3gpp"},
	} {
		if got := identified(c.declared, "a", c.head); got.ContentType != c.want {
			t.Errorf("%q: %q, %+v", c.declared, got.ContentType, got.Findings)
		}
	}
}
