package media

import (
	"bytes"
	"slices"
	"strings"
)

// Meta accepts no text format but text/plain, and delivers CSV, JSON and XML that are
// declared so under their own names (docs/references.md#media-failures).

// plainTypes are text formats whose types are not named after text, with the usual extension.
// The types text/*, */*+json and */*+xml are text formats, too.
var plainTypes = map[string]string{
	"csv": "csv", "x-csv": "csv", "json": "json", "x-json": "json", "x-ndjson": "ndjson", "jsonl": "jsonl", "xml": "xml",
	"yaml": "yaml", "x-yaml": "yaml", "toml": "toml", "sql": "sql", "javascript": "js", "x-javascript": "js",
	"vcard": "vcf", "x-vcard": "vcf", "ics": "ics", "x-subrip": "srt",
}

// plainExtensions are the usual extensions of types text/*.
var plainExtensions = map[string]string{
	"tab-separated-values": "tsv", "comma-separated-values": "csv", "x-comma-separated-values": "csv",
	"markdown": "md", "x-markdown": "md", "x-web-markdown": "md", "html": "html", "calendar": "ics", "x-vcalendar": "ics",
	"directory": "vcf", "vtt": "vtt", "x-log": "log",
}

// isTextType reports whether files of a type that is not in the table contain text.
func isTextType(base string) bool {
	major, minor, _ := strings.Cut(base, "/")
	_, known := plainTypes[minor]
	return major == "text" && minor != "rtf" && minor != "richtext" ||
		known || strings.HasSuffix(minor, "+json") || major == "application" && strings.HasSuffix(minor, "+xml")
}

// isPlain reports whether a file is sent as text/plain because [File.TextAsPlain] is set: it
// is declared as a text format, or as Excel's type, which Windows gives to CSV, and its
// bytes are text. A web page is one only where it is declared as one: stores send error
// pages instead of files.
func isPlain(f File, declared string, detected detection) bool {
	if !f.TextAsPlain || !slices.Contains(detected.candidates, "text/plain") {
		return false
	}
	if t, ok := lookup(declared); ok {
		return t.MIME == xls && isTable(f, detected)
	}
	page := strings.Contains(detected.mime, "html")
	return isTextType(declared) && (!page || strings.Contains(declared, "html"))
}

// isTable reports whether text is CSV or the like, by its bytes or by its name.
func isTable(f File, detected detection) bool {
	switch detected.mime {
	case "text/csv", "text/tab-separated-values":
		return true
	case "text/plain":
		return slices.Contains([]string{"csv", "tsv", "tab", "txt"}, extension(f.Name)) || hasColumns(f.Head)
	}
	return false
}

// hasColumns reports whether the first two lines have the same number of separators. Most of
// Europe separates by semicolons, which the library does not recognise.
func hasColumns(head []byte) bool {
	first, rest, _ := bytes.Cut(bytes.ReplaceAll(head[:min(len(head), sniffSize)], []byte{0}, nil), []byte("\n"))
	second, _, _ := bytes.Cut(rest, []byte("\n"))
	return slices.ContainsFunc([]string{";", "\t", ",", "|"}, func(separator string) bool {
		n := bytes.Count(first, []byte(separator))
		return n > 0 && n == bytes.Count(second, []byte(separator))
	})
}

// plainExtension is the extension for a file of a text format whose name has none.
func plainExtension(declared string, detected detection) string {
	if t, ok := lookup(declared); ok && t.MIME == xls {
		if declared = detected.mime; declared == "text/plain" {
			declared = "text/csv"
		}
	}
	_, minor, _ := strings.Cut(declared, "/")
	for _, names := range []map[string]string{plainTypes, plainExtensions} {
		if ext, ok := names[minor]; ok {
			return ext
		}
	}
	switch {
	case strings.HasSuffix(minor, "+json"):
		return "json"
	case strings.HasSuffix(minor, "+xml"):
		return "xml"
	}
	return "txt"
}
