package media

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is the longest file name given to Meta, in bytes of UTF-8. File systems
// stop at 255; the rest is room for what a receiver appends.
const maxName = 240

// extensions are those that fit a type besides its own, lower case, without the
// dot. Those of text/plain keep CSV, JSON and XML what they are for the recipient,
// who sees them under their own name (meta-cloud-api.md §3.1).
var extensions = map[string][]string{
	"image/jpeg": {"jpeg"},
	"text/plain": {"text", "csv", "tsv", "json", "xml", "html", "htm", "md", "log", "yaml", "yml", "ics", "vcf", "srt"},
}

// replacedExtensions are extensions that name a type but are replaced by its usual one: Meta
// classifies by extension too, and an odd one fails later (meta-cloud-api.md §3.1).
var replacedExtensions = map[string]string{
	"jpe": "image/jpeg", "jfif": "image/jpeg", "oga": "audio/ogg", "opus": "audio/ogg",
	"m4b": "audio/mp4", "m4v": "video/mp4", "3gpp": "video/3gpp", "adts": "audio/aac",
}

// otherExtensions are extensions of files that are no type of the table. They give way to the
// right one; any other is taken for a part of the name ("report v1.2").
var otherExtensions = []string{"bin", "dat", "tmp", "gif", "heic", "mov", "wav", "webm"}

// extension is what follows the last dot of a name, in lower case.
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

// mimeOfExtension is the type of the table that an extension stands for.
func mimeOfExtension(ext string) (string, bool) {
	for _, t := range types {
		if t.fits(ext) {
			return t.MIME, true
		}
	}
	mime, ok := replacedExtensions[ext]
	return mime, ok
}

// fileName makes a file name for a part's header: last element of a path, nothing
// that could end a quoted string or fake another name, an extension that fits.
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

// quotes become typographic ones, which mean nothing in a header.
var quotes = strings.NewReplacer(`"`, "”", "'", "’", "`", "’")

// cleanName drops control characters, line separators and the marks that reverse
// the direction of writing, and makes the rest valid UTF-8.
func cleanName(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) || r == '\ufeff' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	return strings.Trim(quotes.Replace(name), " ")
}
