package media

import (
	"encoding/base64"
	"strings"
	"testing"
)

const (
	headSVG  = "<?xml version=\"1.0\"?>\n<!-- Drawn by hand. -->\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\"><path/></svg>\n"
	headEPS  = "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EOF\n"
	headMail = "Return-Path: <a@example.com>\r\nReceived: from a by b;\r\n\tMon, 2 Nov 2026 10:00:00 +0000\r\nFrom: Ada <a@example.com>\r\n" +
		"To: bob@example.com\r\nSubject: Hello\r\nMIME-Version: 1.0\r\n\r\nHello Bob\r\n"
)

// Without a type, these are refused as under their own type. As text they are sent, with a
// warning: Meta delivers any text.
func TestTextForProgramsIsNoTextForPeople(t *testing.T) {
	for _, c := range []struct{ about, name, data, mime, words string }{
		{"RTF", "letter.rtf", headRTF, "text/rtf", "Convert it to PDF: soffice"},
		{"RTF without a name", "noext", headRTF, "text/rtf", "soffice"},
		{"RTF after a byte order mark", "letter", "\ufeff" + headRTF, "text/rtf", "soffice"},
		{"SVG", "a.svg", headSVG, "image/svg+xml", "out.png"},
		{"SVG without a declaration", "a", "<svg width=\"1\"></svg>", "image/svg+xml", "out.png"},
		{"SVG with a document type", "a", "<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"svg11.dtd\">\n<svg>", "image/svg+xml", "out.png"},
		{"SVG with a prefix", "a", "<svg:svg xmlns:svg=\"http://www.w3.org/2000/svg\"/>", "image/svg+xml", "out.png"},
		{"EPS", "a.eps", headEPS, "application/postscript", "ps2pdf IN out.pdf"},
		{"PostScript", "a.ps", "%!PS\nshowpage\n", "application/postscript", "ps2pdf"},
		{"an e-mail", "a.eml", headMail, "message/rfc822", "mail program"},
		{"an e-mail that a store received", "inbox/1u7fchg3", headMail, "message/rfc822", "mail program"},
		{"a mailbox", "a.mbox", "From a@example.com Mon Nov  2 10:00:00 2026\n" + headMail, "message/rfc822", "mail program"},
	} {
		for _, declared := range []string{"", "binary/octet-stream"} {
			r := identified(declared, c.name, c.data)
			if code(t, r) != CodeTypeNotAccepted || !strings.Contains(r.Findings[0].Why, c.mime) || !strings.Contains(r.Findings[0].Fix, c.words) {
				t.Errorf("%s, declared %q: %+v", c.about, declared, r)
			}
		}
		for declared, name := range map[string]string{"text/plain": c.name, "": "a.txt"} {
			r := examined(t, declared, name, []byte(c.data), HeadSize)
			if codes(r) != CodeTextIsCode || r.MaxSeverity() != LooksBad || !strings.Contains(r.Findings[0].Fix, c.words) {
				t.Errorf("%s as text: %+v", c.about, r)
			}
		}
	}
	if r := examined(t, "text/plain", "a.txt", []byte(base64.StdEncoding.EncodeToString([]byte(headJPEG+headJPEG+headJPEG+headJPEG))), HeadSize); codes(r) != CodeTextIsCode ||
		!strings.Contains(r.Findings[0].Why, "a JPEG as base64") || !strings.Contains(r.Findings[0].Fix, "out.jpg") {
		t.Errorf("base64 as text: %+v", r)
	}
}

func TestTextForPeopleStaysText(t *testing.T) {
	for _, c := range []struct{ about, data string }{
		{"a text about RTF", "RTF begins with {\\rtf1."},
		{"a text about SVG", "An <svg> element draws."},
		{"XML with a picture in it", "<?xml version=\"1.0\"?><page><svg></svg></page>"},
		{"a list of fields", "From: Ada\nTo: Bob\nSubject: Shopping\nDate: tomorrow\n\nBread and milk\n"},
		{"a letter", "To: Bob\n\nHello\n"},
		{"notes about a meeting", "Date: 2 November\nFrom: Ada\nMessage-ID: none\nAgenda\n\nText\n"},
		{"the header of a response", "HTTP/1.1 200 OK\nDate: Mon\nContent-Type: text/plain\nMIME-Version: 1.0\n\nHello\n"},
		{"Markdown with front matter", "---\ntitle: From: to\ndate: 2026-11-02\n---\n"},
		{"a log", "Received: 10\nReceived: 11\nReceived: 12\nReceived: 13\nReceived: 14\n"},
		{"a script", "%!TEX program = xelatex\n"},
	} {
		for _, declared := range []string{"text/plain", ""} {
			if r := examined(t, declared, "a", []byte(c.data), HeadSize); len(r.Findings) > 0 || r.Type.MIME != "text/plain" {
				t.Errorf("%s, declared %q: %+v", c.about, declared, r)
			}
		}
	}
}
