package media

import (
	"bytes"
	"strconv"
)

// examinePDF looks for the end mark in the last bytes, and for encryption. Viewers look for
// the mark in the last 1024 bytes (ISO 32000-1 §H.3.18); what servers append is given more room.
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
	// Where the trailer is not at the end, a file has its cross-reference in a stream,
	// with the same entries in plain text before it, or at its front ("fast web view").
	if b := x.at(start, int(max(1, min(around, x.size-start))), around); b == nil && x.reason != "" {
		x.unchecked("whether the PDF is encrypted")
	} else if isEncrypted(b) {
		x.report(CodePDFEncrypted)
	}
}

// lastXref is the offset behind the last "startxref"; beyond any file if there is none.
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

// isEncrypted reports whether a trailer names an encryption dictionary, by reference or
// by itself: "/Encrypt 5 0 R", "/Encrypt<<".
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
