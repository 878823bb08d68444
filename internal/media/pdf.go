package media

import (
	"bytes"
	"cmp"
	"regexp"
	"strconv"
)

// examinePDF looks for the end mark in the last bytes, and for a password. Viewers expect the
// mark in the last 1024 bytes (docs/references.md#pdf, §H.3.18), and repair most files in
// which it is elsewhere or missing.
func examinePDF(x *examiner) {
	const around = 4 * kib
	tail := x.lastBytes()
	if tail == nil {
		x.reportMissing("the end mark of the PDF")
		return
	}
	if end := bytes.LastIndex(tail, []byte("%%EOF")); end < 0 {
		x.reportOther(CodePDFEnd, "the end mark (%%EOF) is missing or far from the end, as in a file that is cut short")
	} else if behind := bytes.Trim(tail[end+5:], "\x00\t\n\f\r \x1a"); len(behind) > around {
		x.report(CodePDFEnd, "more than 4 KiB of other bytes follow its end mark (%%EOF)")
	}
	x.examinePDFPassword(tail)
}

// examinePDFPassword reports a PDF that does not open without a password. A file without a
// trailer at its end has a cross-reference stream, with the same entries in plain text before
// it, or has them at its beginning ("fast web view").
func (x *examiner) examinePDFPassword(tail []byte) {
	const about, least, most = "whether the PDF needs a password", 4 * kib, 16 * kib
	trailer := trailerIn(tail)
	if trailer["Encrypt"] == "" {
		start := lastXref(tail)
		b := x.at(start, int(max(1, min(least, x.size-start))), most)
		if b == nil && x.reason != "" {
			x.unchecked(about)
		}
		trailer = trailerIn(b)
	}
	if trailer["Encrypt"] == "" {
		return
	}
	encrypt := x.pdfDictionary(trailer["Encrypt"])
	opens, ok := opensWithoutPassword(encrypt, trailer)
	switch {
	case encrypt == nil:
		x.reason = cmp.Or(x.reason, "its encryption dictionary is not in the first or the last 256 KiB")
		x.unchecked(about)
	case encrypt["Filter"] != standardHandler:
		x.reportOther(CodePDFEncrypted, "the program or the certificate that it is protected with")
	case !ok:
		x.reason = "its encryption dictionary is incomplete, or of a version that is not known"
		x.unchecked(about)
	case !opens:
		x.report(CodePDFEncrypted, "its password")
	}
}

// trailerIn returns the entries of a cross-reference stream with which b begins, of the trailer
// behind a table with which it begins, or else of the last trailer in b.
func trailerIn(b []byte) map[string]string {
	if found := xrefStream.FindIndex(b); found != nil {
		return pdfDict(string(b[found[1]:]))
	}
	word, find := []byte("trailer"), bytes.LastIndex
	if bytes.HasPrefix(bytes.TrimLeft(b, pdfBlanks), []byte("xref")) {
		find = bytes.Index
	}
	if at := find(b, word); at >= 0 {
		return pdfDict(string(b[at+len(word):]))
	}
	return nil
}

// xrefStream is how an object begins.
var xrefStream = regexp.MustCompile(`^\s*\d+ +\d+ +obj`)

// pdfDictionary returns a dictionary or, for a reference, the object that it refers to. That is
// looked for in the first bytes of the file, those that were read last, and the last 256 KiB:
// programs write it among the last objects, or the first ones for "fast web view". It returns
// nil if it is not there.
func (x *examiner) pdfDictionary(value string) map[string]string {
	if found := pdfDict(value); found != nil {
		return found
	}
	for _, part := range [][]byte{x.head, x.window} {
		if found := pdfDict(pdfObject(part, value)); found != nil {
			return found
		}
	}
	return pdfDict(pdfObject(x.at(max(0, x.size-maxReadSize), int(min(x.size, maxReadSize)), maxReadSize), value))
}

// lastBytes returns the end of the file, with at least 4 KiB that are more than padding: some
// programs fill the last block of a PDF, of up to some hundred KiB, with NUL bytes.
func (x *examiner) lastBytes() []byte {
	const usual = 4 * kib
	tail := x.at(max(0, x.size-usual), int(min(x.size, usual)), usual)
	if tail == nil || len(bytes.Trim(tail, "\x00 \r\n")) > 0 || x.size <= usual {
		return tail
	}
	if longer := x.at(max(0, x.size-maxReadSize), int(min(x.size, maxReadSize)), maxReadSize); longer != nil {
		return longer
	}
	return tail
}

// lastXref returns the offset after the last "startxref", or one beyond any file if there
// is none.
func lastXref(tail []byte) int64 {
	const nowhere = 1<<63 - 1
	word := []byte("startxref")
	at := bytes.LastIndex(tail, word)
	if at < 0 {
		return nowhere
	}
	digits := bytes.TrimLeft(tail[at+len(word):], " \t\r\n")
	for i, c := range digits {
		if c < '0' || c > '9' {
			digits = digits[:i]
			break
		}
	}
	offset, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil {
		return nowhere
	}
	return offset
}
