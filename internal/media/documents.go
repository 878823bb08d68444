package media

import (
	"bytes"
	"slices"
	"strings"
)

// Meta is not known to look at the bytes of documents, and programs open many that are
// damaged, old, or of another format than their name says. So a document is refused only if
// its bytes are certainly another file, such as an error page or a picture; everything else
// is sent with a finding.

// isDocument reports whether a type is PDF or one of Office.
func isDocument(mime string) bool {
	t, ok := lookup(mime)
	return ok && t.kind == kindDocument && t.MIME != "text/plain"
}

// documentAs decides how a file is sent that is declared or named as a document of the type t,
// whose bytes are not of this type. It returns false if it is to be refused.
func documentAs(f File, t Type, detected detection) (decision, bool) {
	if !isDocument(t.MIME) {
		return decision{}, false
	}
	if other, ok := sameProgram(t.MIME, detected); ok {
		return acceptWith(other, refuse(CodeOfficeFormat, "Store it with Content-Type "+other+".", t.extension, "that of "+other+", which it is sent as")), true
	}
	content := ""
	if t.MIME != "application/pdf" {
		content = officeContent(f, t, detected)
	} else if late := bytes.Index(f.Head, []byte("%PDF-")); late > 0 && (detected.mime == "" || slices.Contains(detected.candidates, "text/plain")) {
		return acceptWith(t.MIME, refuse(CodePDFHeader, "")), true
	}
	switch {
	case content == columns:
		return acceptWith(t.MIME, refuse(CodeOfficeFormat, plainAdvice, t.extension, content)), true
	case content != "":
		return acceptWith(t.MIME, refuse(CodeOfficeFormat, "Open it in the program that shows it, and save it there as ."+modern(t.MIME)+" or as PDF.", t.extension, content)), true
	case detected.mime == "":
		return acceptWith(t.MIME, refuse(CodeDocumentUnknown, "", detected.describe(), t.extension)), true
	}
	return decision{}, false
}

// officePrograms has the types of each program of Office: the old one, and the one of OOXML.
var officePrograms = [][2]string{{doc, docx}, {xls, xlsx}, {ppt, pptx}}

// sameProgram returns the other type of the same program of Office, if the bytes are of that.
func sameProgram(mime string, detected detection) (string, bool) {
	for _, p := range officePrograms {
		switch {
		case mime == p[0] && slices.Contains(detected.candidates, p[1]):
			return p[1], true
		case mime == p[1] && detected.mime == p[0]:
			return p[0], true
		}
	}
	return "", false
}

// modern is the extension of OOXML for the program of a type.
func modern(mime string) string {
	for _, p := range officePrograms {
		if mime == p[0] || mime == p[1] {
			return row(p[1], false).extension
		}
	}
	return "docx"
}

// oldFormats are the first bytes of formats that precede OLE2, which Office still opens.
var oldFormats = []struct{ magic, mime, name string }{
	{"\x09\x00\x04\x00", xls, "Excel 2"}, {"\x09\x00\x06\x00", xls, "Excel 2"},
	{"\x09\x02\x06\x00", xls, "Excel 3"}, {"\x09\x04\x06\x00", xls, "Excel 4"},
	{"\x09\x08\x06\x00", xls, "Excel 5"}, {"\x09\x08\x08\x00", xls, "Excel 5"},
	{"\x9b\xa5\x21\x00", doc, "Word 1"}, {"\xdb\xa5\x2d\x00", doc, "Word 2"},
	{"\x31\xbe\x00\x00", doc, "Word for DOS"}, {"\x32\xbe\x00\x00", doc, "Windows Write"},
	{"\xfe\x37\x00\x1c", doc, "Word for Mac 4"}, {"\xfe\x37\x00\x23", doc, "Word for Mac 5"},
}

// sniffOldOffice recognises Office formats that precede OLE2.
func sniffOldOffice(head []byte) (detection, bool) {
	for _, format := range oldFormats {
		if bytes.HasPrefix(head, []byte(format.magic)) {
			return detection{description: "a file of " + format.name, oldOffice: format.mime}, true
		}
	}
	return detection{}, false
}

// columns describes CSV in a file with the type or the name of Excel.
const columns = "text with columns (CSV)"

// officeContent describes a format other than OLE2 and OOXML that programs of Office open
// under their own names, or returns "".
func officeContent(f File, t Type, detected detection) string {
	switch {
	case detected.oldOffice != "":
		return detected.description
	case detected.mime == "text/rtf":
		return "rich text (RTF)"
	case !slices.Contains(detected.candidates, "text/plain"):
		return ""
	}
	text := bytes.ReplaceAll(f.Head, []byte{0}, nil) // of UTF-16
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return bytes.Contains(text, []byte(w)) })
	}
	switch office := has("schemas-microsoft-com:office", "schemas.microsoft.com/office", "mso-application"); {
	case office && has("<html", "<HTML", "<table", "<TABLE"), strings.Contains(detected.mime, "html") && has("<table", "<TABLE"):
		return "an HTML table or page"
	case office:
		return "XML of Office 2003"
	case has("MIME-Version:") && has("multipart/related"):
		return "a web archive (MHTML)"
	case t.MIME == xls && isTable(f, detected):
		return columns
	}
	return ""
}
