package media

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// unusable recognises files that are not what anybody wanted to store, by the first bytes:
// something else was stored instead of them (substitute.go), bytes were put in front of
// them, or they were changed (mangled.go). Its result has a single finding.
func unusable(f File, declared string) (Result, bool) {
	head := f.Head[:min(len(f.Head), HeadSize)]
	first := head[:min(len(head), sniffSize)]
	if s, ok := findSubstitute(head, f, declared); ok {
		var r Result
		r.add(s.inside, s.code, s.fix, s.what)
		return r, true
	}
	if isText(trimMarks(first)) && !bytes.HasPrefix(trimMarks(first), []byte("%PDF-")) {
		return Result{}, false
	}
	if how, ok := findMangling(head, int64(len(head)) >= f.Size); ok {
		if t, ok := intendedType(declared, f.Name, how.mime); ok {
			inside := t
			if former, ok := lookup(how.mime); ok {
				inside = former
			}
			return sendable(f, t, inside, CodeMangled, how.fix, how.why), true
		}
	}
	return withLeadingBytes(f, declared, first)
}

// trimMarks removes byte order marks.
func trimMarks(head []byte) []byte {
	for _, mark := range []string{utf8Mark, utf8Mark, "\xff\xfe", "\xfe\xff"} {
		head = bytes.TrimPrefix(head, []byte(mark))
	}
	return head
}

// intendedType is the type of a damaged file: the declared one, that which its remains show,
// or that which its name says. The kinds of Office files leave the same remains.
func intendedType(declared, name, remains string) (Type, bool) {
	if !isUninformative(declared) {
		return lookup(declared)
	}
	mime, _ := mimeOfExtension(extension(name))
	office := []string{doc, xls, ppt, docx, xlsx, pptx}
	if t, ok := lookup(remains); ok && !(slices.Contains(office, remains) && slices.Contains(office, mime)) {
		return t, true
	}
	return lookup(mime)
}

// sendable is the result for a damaged file that WhatsApp would accept as t, and that is
// of the type inside once it has been repaired. One that is too large as well is refused.
func sendable(f File, t, inside Type, code, fix string, args ...any) Result {
	r := Result{Type: t, ContentType: contentType(t), FileName: fileName(f.Name, t)}
	if f.Size <= t.maxSize {
		r.add(inside, code, fix, args...)
		return r
	}
	r = Result{}
	r.add(inside, code, fix, args...)
	large := tooLarge(t, f.Size)
	r.add(t, large.code, large.fix, large.args...)
	return r
}

// withLeadingBytes recognises a binary file behind byte order marks or line breaks, which a
// script writes before its output. Readers look for a PDF further on, and players for MP3.
func withLeadingBytes(f File, declared string, head []byte) (Result, bool) {
	marked := len(trimMarks(head)) < len(head)
	rest := bytes.TrimLeft(trimMarks(head), "\r\n")
	n := len(head) - len(rest)
	inside, ok := sniffMarked(rest)
	if !ok && bytes.HasPrefix(head, []byte(utf8Mark)) {
		inside, ok = sniffAudio(rest)
	}
	if !ok || n == 0 || inside.mime == "application/pdf" || inside.mime == "audio/mpeg" && !marked {
		return Result{}, false
	}
	decided := undeclared(f, inside)
	if decided.problem != nil {
		return refused(decided.problem), true
	}
	mime := decided.mime
	t, known := lookup(declared)
	if !known {
		t = row(mime, inside.animated)
	}
	what := "line breaks"
	if marked {
		what = "a byte order mark"
	}
	fix := fmt.Sprintf("Write nothing before the file, or remove that, and store the file with Content-Type %s: tail -c +%d IN > out.EXT", mime, n+1)
	return sendable(f, t, row(mime, inside.animated), CodeLeadingBytes, fix, bytesText(int64(n)), what, nameOf(mime)), true
}

// sniffMarked recognises a binary file by a mark of at least three bytes at its start, which
// neither text nor decoded text has by chance.
func sniffMarked(data []byte) (detection, bool) {
	marks := []string{
		"\xff\xd8\xff", "\x89PNG\r\n\x1a\n", "GIF87a", "GIF89a", "OggS\x00", "PK\x03\x04", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
		"%PDF-", "ID3\x02", "ID3\x03", "ID3\x04", "#!AMR\n",
	}
	marked := slices.ContainsFunc(marks, func(m string) bool { return bytes.HasPrefix(data, []byte(m)) }) ||
		len(data) > 12 && (data[0] == 0 && string(data[4:8]) == "ftyp" || string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP")
	if !marked {
		return detection{}, false
	}
	d := sniff(data[:min(len(data), sniffSize)], "")
	return d, d.mime != ""
}

// names are what people call the types of the table.
var names = map[string]string{
	"image/jpeg": "a JPEG", "image/png": "a PNG", "image/webp": "a WebP", "image/gif": "a GIF", "application/pdf": "a PDF",
	"audio/ogg": "an Ogg file", "audio/mpeg": "an MP3", "audio/aac": "an AAC file", "audio/amr": "an AMR file", "audio/mp4": "an M4A file",
	"video/mp4": "an MP4", "video/3gpp": "a 3GP file", doc: "a Word file", docx: "a Word file", xls: "an Excel file", xlsx: "an Excel file",
	ppt: "a PowerPoint file", pptx: "a PowerPoint file",
}

// nameOf is what people call a type.
func nameOf(mime string) string { return cmp.Or(names[mime], mime) }
