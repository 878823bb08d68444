package media

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is the longest file name that is sent to Meta, in bytes of UTF-8. File systems
// allow 255; the rest is left for what a receiver appends.
const maxName = 240

// extensions are those that a file of a type may have besides its usual one, in lower case
// and without the dot. Those of text/plain let CSV, JSON and XML keep their names, which the
// recipient sees (docs/references.md#media-failures).
var extensions = map[string][]string{
	"image/jpeg": {"jpeg"},
	"text/plain": {"text", "csv", "tsv", "tab", "json", "jsonl", "ndjson", "geojson", "xml", "gpx", "kml", "xhtml", "html", "htm", "md", "markdown",
		"log", "yaml", "yml", "toml", "ini", "sql", "js", "ics", "ical", "vcf", "vcard", "srt", "vtt"},
}

// replacedExtensions name a type but are replaced by its usual extension: Meta classifies
// by extension too, and a file with an unusual one fails after the upload
// (docs/references.md#media-failures).
var replacedExtensions = map[string]string{
	"jpe": "image/jpeg", "jfif": "image/jpeg", "oga": "audio/ogg", "opus": "audio/ogg",
	"m4b": "audio/mp4", "m4v": "video/mp4", "3gpp": "video/3gpp", "adts": "audio/aac",
}

// otherExtensions belong to types that are not in the table. They are replaced by the
// right extension; anything else after a dot is treated as part of the name ("report v1.2").
var otherExtensions = []string{"bin", "dat", "tmp", "gif", "heic", "mov", "wav", "webm"}

// extension is the part of a name after its last dot, in lower case.
func extension(name string) string {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		return strings.ToLower(name[i+1:])
	}
	return ""
}

// fits reports whether a file of the type may carry the extension.
func (t Type) fits(ext string) bool {
	return ext == t.extension || slices.Contains(extensions[t.MIME], ext)
}

// mimeOfExtension returns the type of the table that an extension names.
func mimeOfExtension(ext string) (string, bool) {
	for _, t := range types {
		if t.fits(ext) {
			return t.MIME, true
		}
	}
	mime, ok := replacedExtensions[ext]
	return mime, ok
}

// fileName returns a file name for a part's header: the last element of the path, without
// anything that could end a quoted string or imitate another name, and with an extension
// that fits the type.
func fileName(name string, t Type) string {
	name = cleanName(name[strings.LastIndexAny(name, `/\`)+1:])
	stem, ext := name, "."+t.extension
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		old := extension(name)
		_, known := mimeOfExtension(old)
		switch {
		case t.fits(old):
			stem, ext = name[:i], name[i:]
		case known, slices.Contains(otherExtensions, old):
			stem = name[:i]
		}
	}
	for len(stem) > maxName-len(ext) {
		_, size := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-size]
	}
	if stem = strings.Trim(stem, " ."); stem == "" {
		stem = "file"
	}
	return stem + ext
}

// quotes replaces quotation marks by typographic ones, which have no meaning in a header.
var quotes = strings.NewReplacer(`"`, "”", "'", "’", "`", "’")

// cleanName removes control characters, line separators and marks that change the
// direction of writing, and makes the rest valid UTF-8.
func cleanName(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) || r == '\ufeff' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	return strings.Trim(quotes.Replace(name), " ")
}
