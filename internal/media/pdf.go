package media

import (
	"bytes"
	"strconv"
)

// examinePDF looks for the end mark in the last bytes, and for encryption. Viewers expect the
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
		x.reportOther(CodePDFEnd, "the end mark (%%EOF) is missing, as in a file that is cut short")
	} else if behind := bytes.Trim(tail[end+5:], "\x00\t\n\f\r \x1a"); len(behind) > around {
		x.report(CodePDFEnd, "more than 4 KiB of other bytes follow its end mark (%%EOF)")
	}
	start := lastXref(tail)
	if isEncrypted(tail) {
		x.report(CodePDFEncrypted)
		return
	}
	// A file without a trailer at its end has a cross-reference stream, with the same entries
	// in plain text before it, or has them at its beginning ("fast web view").
	if b := x.at(start, int(max(1, min(around, x.size-start))), around); b == nil && x.reason != "" {
		x.unchecked("whether the PDF is encrypted")
	} else if isEncrypted(b) {
		x.report(CodePDFEncrypted)
	}
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

// isEncrypted reports whether a trailer has an encryption dictionary or a reference to one:
// "/Encrypt<<", "/Encrypt 5 0 R".
func isEncrypted(b []byte) bool {
	word := []byte("/Encrypt")
	for {
		at := bytes.Index(b, word)
		if at < 0 {
			return false
		}
		b = b[at+len(word):]
		if len(b) > 0 && bytes.IndexByte([]byte(" \t\r\n<"), b[0]) >= 0 {
			return true
		}
	}
}
