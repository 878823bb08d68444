package media

import (
	"context"
	"strings"
	"testing"
	"unicode/utf16"
)

// utf16Of is a text in UTF-16 with a byte order mark.
func utf16Of(text string) string {
	out := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(text)) {
		out = append(out, byte(unit), byte(unit>>8))
	}
	return string(out)
}

// Documents that are damaged, old or of an unusual program are sent, with a finding that says
// what may go wrong. Only what is certainly another file is refused.
func TestDocumentsAreRefusedOnlyIfTheyAreCertainlyAnotherFile(t *testing.T) {
	pdf, word := goodSample(t, "sample.pdf"), goodSample(t, "sample.docx")
	const (
		office      = "urn:schemas-microsoft-com:office:"
		tableHTML   = `<html xmlns:x="` + office + `excel"><table><tr><td>1</table></html>`
		spreadsheet = "<?xml version=\"1.0\"?>\n<?mso-application progid=\"Excel.Sheet\"?>\n<Workbook xmlns=\"" + office + "spreadsheet\"></Workbook>"
		wordXML     = "<?xml version=\"1.0\"?>\n<w:wordDocument xmlns:w=\"http://schemas.microsoft.com/office/word/2003/wordml\"></w:wordDocument>"
		archive     = "Date: Mon, 1 Jan 2024 00:00:00 +0000\nSubject: Exported From Confluence\nMIME-Version: 1.0\nContent-Type: multipart/related; boundary=x\n\n--x\n"
		late        = CodePDFHeader
	)
	junk := strings.Repeat(headJunk, 2000)
	for _, c := range []struct{ about, declared, name, data, mime, codes string }{
		{"a PDF", "application/pdf", "a.pdf", pdf, "application/pdf", ""},
		{"a PDF padded with 18,000 NUL bytes", "application/pdf", "a.pdf", pdf + strings.Repeat("\x00", 18000), "application/pdf", ""},
		{"a PDF padded with 200,000 NUL bytes", "application/pdf", "a.pdf", pdf + strings.Repeat("\x00", 200000), "application/pdf", ""},
		{"a PDF padded with spaces", "application/pdf", "a.pdf", pdf + strings.Repeat(" \r\n", 2000), "application/pdf", ""},
		{"a PDF with a signature behind it", "application/pdf", "a.pdf", pdf + strings.Repeat("s", 2000), "application/pdf", ""},
		{"a PDF with rubbish behind it", "application/pdf", "a.pdf", pdf + junk, "application/pdf", CodePDFEnd},
		{"a PDF cut short", "application/pdf", "a.pdf", pdf[:300], "application/pdf", CodePDFEnd},
		{"a PDF cut short and padded", "application/pdf", "a.pdf", pdf[:300] + strings.Repeat("\x00", 300000), "application/pdf", CodePDFEnd},
		{"a PDF without a hyphen in its header", "application/pdf", "a.pdf", "%PDF1.4" + pdf[8:], "application/pdf", ""},
		{"a PDF without a hyphen, without a type", "", "download", "%PDF 1.4" + pdf[8:], "application/pdf", ""},
		{"a PDF with the header of PostScript", "application/pdf", "a.pdf", "%!PS-Adobe-3.0 PDF-1.4\n" + pdf[9:], "application/pdf", ""},
		{"a PDF behind the header of HTTP", "application/pdf", "a.pdf", "HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n\r\n" + pdf, "application/pdf", ""},
		{"a PDF behind a long text", "application/pdf", "a.pdf", strings.Repeat("warning\n", 300) + pdf, "application/pdf", late},
		{"a PDF behind a page of PHP", "application/pdf", "a.pdf", "<html><br /><b>Warning</b>" + strings.Repeat("trace\n", 300) + pdf, "application/pdf", late},
		{"a PDF behind unknown bytes", "", "a.pdf", junk[:3000] + pdf, "application/pdf", late},
		{"unknown bytes as PDF", "application/pdf", "a.pdf", junk, "application/pdf", CodeDocumentUnknown},
		{"unknown bytes that are called PDF", "", "a.pdf", junk, "application/pdf", CodeDocumentUnknown},
		{"zeros as docx", docx, "a.docx", strings.Repeat("\x00", 9000), docx, CodeDocumentUnknown},
		{"a docx cut short", docx, "a.docx", word[:len(word)-30], docx, CodeTruncated},

		{"rich text as Word", doc, "a.doc", headRTF, doc, CodeOfficeFormat},
		{"rich text as docx", docx, "a.docx", headRTF, docx, CodeOfficeFormat},
		{"rich text that is called Word", "", "a.doc", headRTF, doc, CodeOfficeFormat},
		{"a table of HTML as Excel", xls, "report.xls", tableHTML, xls, CodeOfficeFormat},
		{"a table of HTML as xlsx", xlsx, "report.xlsx", "<table><tr><td>1</table>", xlsx, CodeOfficeFormat},
		{"a table of HTML without namespaces", xls, "report.xls", "<html><body><TABLE><tr><td>1</table>", xls, CodeOfficeFormat},
		{"a table of HTML that is called Excel", "binary/octet-stream", "report.xls", tableHTML, xls, CodeOfficeFormat},
		{"a table of HTML in UTF-16", xls, "report.xls", utf16Of(tableHTML), xls, CodeOfficeFormat},
		{"a page of Word", doc, "a.doc", `<html xmlns:w="` + office + `word"><body>Hello</body></html>`, doc, CodeOfficeFormat},
		{"XML of Excel 2003", xls, "a.xls", spreadsheet, xls, CodeOfficeFormat},
		{"XML of Word 2003", doc, "a.doc", wordXML, doc, CodeOfficeFormat},
		{"XML of Word 2003 that is called Word", "application/octetstream", "a.doc", wordXML, doc, CodeOfficeFormat},
		{"a web archive of Word", doc, "a.doc", archive, doc, CodeOfficeFormat},
		{"CSV as Excel", xls, "a.xls", headCSV, xls, CodeOfficeFormat},
		{"CSV with semicolons as Excel", "application/msexcel", "a.xls", "name;amount\r\nAda;1\r\n", xls, CodeOfficeFormat},
		{"CSV that is called Excel", "", "a.xls", headCSV, xls, CodeOfficeFormat},
		{"Excel 2", xls, "a.xls", "\x09\x00\x04\x00\x07\x00\x10\x00", xls, CodeOfficeFormat},
		{"Excel 3", xls, "a.xls", "\x09\x02\x06\x00\x00\x00\x10\x00\x00\x00", xls, CodeOfficeFormat},
		{"Excel 4 that is called Excel", "", "a.xls", "\x09\x04\x06\x00\x00\x00\x10\x00\x00\x00", xls, CodeOfficeFormat},
		{"Excel 5", xls, "a.xls", "\x09\x08\x08\x00\x00\x05\x05\x00\xad\x0d\xcc\x07", xls, CodeOfficeFormat},
		{"Word 2", doc, "a.doc", "\xdb\xa5\x2d\x00\x00\x00\x09\x04", doc, CodeOfficeFormat},
		{"a program of which nothing is known, as Word", doc, "a.doc", junk, doc, CodeDocumentUnknown},
		{"docx as Word", doc, "a.doc", word, docx, CodeOfficeFormat},
		{"docx that is called doc", "", "a.doc", word, docx, ""},
		{"docx with the name of a docx as Word", doc, "a.docx", word, docx, CodeOfficeFormat},

		{"a page as PDF", "application/pdf", "a.pdf", headHTML, "", CodeTypeContradicts},
		{"a page as Excel", xls, "a.xls", headHTML, "", CodeTypeContradicts},
		{"a page that is called Word", "", "a.doc", headHTML, "", CodeTypeUnknown},
		{"a message of JSON as docx", docx, "a.docx", headJSON, "", CodeTypeContradicts},
		{"XML of another kind as Excel", xls, "a.xls", headXML, "", CodeTypeContradicts},
		{"a message of XML as Excel", xls, "a.xls", "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "", CodeErrorDocument},
		{"a text as PDF", "application/pdf", "a.pdf", "Not found", "", CodeTypeContradicts},
		{"a picture as PDF", "application/pdf", "a.pdf", headJPEG + pdf, "", CodeTypeContradicts},
		{"a picture as Word", doc, "a.doc", headPNG, "", CodeTypeContradicts},
		{"a picture that is called Word", "", "a.doc", headGIF, "", CodeTypeNotAccepted},
		{"sound as Word", doc, "a.doc", headMP3, "", CodeTypeContradicts},
		{"an archive as docx", docx, "a.docx", zipOf("photos/a.jpg"), "", CodeTypeContradicts},
		{"a program as Excel", xls, "a.xls", headEXE, "", CodeTypeContradicts},
		{"rich text without a type", "", "a.rtf", headRTF, "", CodeTypeNotAccepted},
		{"rich text without a name", "binary/octet-stream", "letter", headRTF, "", CodeTypeNotAccepted},
		{"rich text as itself", "application/rtf", "a.rtf", headRTF, "", CodeTypeNotAccepted},
	} {
		got := whole(t, c.declared, c.name, c.data)
		if got.Type.MIME != c.mime || codes(got) != c.codes || len(got.Unchecked) > 0 || c.mime != "" && got.MaxSeverity() > LooksBad {
			t.Errorf("%s: %s with %q; want %s with %q; %+v", c.about, got.Type.MIME, codes(got), c.mime, c.codes, got)
		}
		for _, f := range got.Findings {
			checkLine(t, f.Why)
			checkLine(t, f.Fix)
		}
	}
}

// Nothing of a document of 100 MiB but its first bytes needs to be right.
func TestLongDocumentOfAnyBytesIsSent(t *testing.T) {
	const size = 100 * mib
	head := "%PDF-" + strings.Repeat("\x8e\x01\xff\x7f\x03random", HeadSize/11)
	source := &ranges{data: []byte(head[5:]), size: size}
	r, err := Check(t.Context(), File{DeclaredType: "application/pdf", Name: "a.pdf", Size: size, Head: []byte(head), ReadAt: source.readAt})
	if err != nil || source.broken != "" || codes(r) != CodePDFEnd || r.MaxSeverity() != LooksBad {
		t.Errorf("%+v, %v, %s", r, err, source.broken)
	}
	r, err = Check(t.Context(), File{
		DeclaredType: "application/pdf", Name: "a.pdf", Size: size, Head: []byte(head),
		ReadAt: func(context.Context, []byte, int64) (int, error) { return 0, ErrNoRanges },
	})
	if err != nil || len(r.Findings) > 0 || len(r.Unchecked) != 1 {
		t.Errorf("without ranges: %+v, %v", r, err)
	}
}
