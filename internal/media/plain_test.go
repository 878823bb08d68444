package media

import (
	"strings"
	"testing"
)

const (
	headVCard    = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ada\r\nEND:VCARD\r\n"
	headCalendar = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"
	headXML      = "<?xml version=\"1.0\"?>\n<order><id>1</id></order>\n"
)

func TestTextFormatsAreSentAsPlainTextUnderTheirOwnNamesIfThatIsWanted(t *testing.T) {
	for _, c := range []struct{ about, declared, name, head, want string }{
		{"CSV", "text/csv", "report.csv", headCSV, "report.csv"},
		{"CSV with a charset", "text/csv; charset=utf-8", "report.csv", headCSV, "report.csv"},
		{"CSV as application", "application/csv", "report.CSV", headCSV, "report.CSV"},
		{"CSV without an extension", "text/csv", "report", headCSV, "report.csv"},
		{"CSV with a dot in its name", "text/csv", "report v1.2", headCSV, "report v1.2.csv"},
		{"CSV with the type that Windows gives it", xls, "report.csv", headCSV, "report.csv"},
		{"CSV that is named as Excel's", xls, "report.xls", headCSV, "report.csv"},
		{"CSV with semicolons and Excel's type", xls, "report", "name;amount\nAda;1\n", "report.csv"},
		{"CSV of one column with Excel's type", "application/msexcel", "report.csv", "name\nAda\n", "report.csv"},
		{"tabs with Excel's type", xls, "report", "a\tb\n1\t2\n3\t4\n", "report.tsv"},
		{"JSON", "application/json", "order.json", headJSON, "order.json"},
		{"JSON of an API", "application/vnd.api+json", "order", headJSON, "order.json"},
		{"XML", "application/xml", "order.xml", headXML, "order.xml"},
		{"XML as text", "text/xml", "order", headXML, "order.xml"},
		{"a track", "application/gpx+xml", "walk.gpx", headXML, "walk.gpx"},
		{"Markdown", "text/markdown", "README.md", "# Title\n\nText.\n", "README.md"},
		{"Markdown without an extension", "text/x-markdown", "README", "# Title\n", "README.md"},
		{"vCard", "text/vcard", "ada.vcf", headVCard, "ada.vcf"},
		{"vCard under its old type", "text/x-vcard", "ada", headVCard, "ada.vcf"},
		{"iCalendar", "text/calendar", "meeting.ics", headCalendar, "meeting.ics"},
		{"YAML", "application/x-yaml", "config.yaml", "a: 1\nb: 2\n", "config.yaml"},
		{"a web page", "text/html", "page.html", headHTML, "page.html"},
		{"an unknown text format", "text/x-adr", "notes", "Hello\n", "notes.txt"},
	} {
		file := File{DeclaredType: c.declared, Name: c.name, Size: int64(len(c.head)), Head: []byte(c.head)}
		without := identify(file)
		file.TextAsPlain = true
		got := identify(file)
		if len(got.Findings) > 0 || got.Type.MIME != "text/plain" || got.ContentType != "text/plain" || got.FileName != c.want {
			t.Errorf("%s: %s under %q, want %q; %+v", c.about, got.ContentType, got.FileName, c.want, got.Findings)
		}
		if len(without.Findings) == 0 || !strings.Contains(without.Findings[0].Fix, "text/plain") || !strings.Contains(without.Findings[0].Fix, "text-as-plain") {
			t.Errorf("%s without the option: %+v", c.about, without)
		}
	}
}

func TestOnlyTextIsSentAsPlainText(t *testing.T) {
	for _, c := range []struct{ about, declared, name, head string }{
		{"a picture as CSV", "text/csv", "a.csv", headPNG},
		{"a program as JSON", "application/json", "a.json", headEXE},
		{"an error page as CSV", "text/csv", "a.csv", headHTML},
		{"an error page as Excel's", xls, "a.csv", headHTML},
		{"an error message as Excel's", xls, "a.xls", headJSON},
		{"an error message as a picture", "image/jpeg", "a.jpg", headJSON},
		{"an error message as PDF", "application/pdf", "a.pdf", headJSON},
		{"a vector graphic", "image/svg+xml", "a.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>"},
		{"rich text", "text/rtf", "a.rtf", headRTF},
	} {
		got := identify(File{DeclaredType: c.declared, Name: c.name, Size: int64(len(c.head)), Head: []byte(c.head), TextAsPlain: true})
		if code(t, got) == "" {
			t.Errorf("%s: %+v", c.about, got)
		}
	}
	got := identify(File{DeclaredType: "text/csv", Name: "a.csv", Size: 100*mib + 1, Head: []byte(headCSV), TextAsPlain: true})
	if code(t, got) != CodeTooLarge {
		t.Errorf("too large: %+v", got)
	}
}
