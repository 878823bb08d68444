package media

import (
	"bytes"
	"strconv"
)

// examinePDF looks for the end mark in the last bytes, and for encryption. Viewers expect the
// mark in the last 1024 bytes (docs/references.md#pdf, §H.3.18); more are searched, because
// servers append data.
func examinePDF(x *examiner) {
	const end, around = 4 * kib, 4 * kib
	tail := x.at(max(0, x.size-end), int(min(x.size, end)), end)
	if tail == nil {
		x.reportMissing("the end mark of the PDF")
		return
	}
	if !bytes.Contains(tail, []byte("%%EOF")) {
		x.report(CodeTruncated, "the end mark of the PDF (%%EOF) is missing")
		return
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
