package media

import (
	"bytes"
	"unicode/utf8"
)

// examineText checks the encoding of the first bytes. Phones read text as UTF-8.
func examineText(x *examiner) {
	b := x.head
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xfe")), bytes.HasPrefix(b, []byte("\xfe\xff")):
		x.report(CodeTextUTF16)
		return
	case bytes.IndexByte(b, 0) >= 0:
		x.report(CodeTextNUL)
	}
	if int64(len(b)) < x.size { // the last character may be incomplete
		b = withoutPartialRune(b)
	}
	if !utf8.Valid(b) {
		x.report(CodeTextNotUTF8)
	}
}

// withoutPartialRune returns b without bytes at its end that may be the beginning of a
// character.
func withoutPartialRune(b []byte) []byte {
	for range utf8.UTFMax - 1 {
		if r, size := utf8.DecodeLastRune(b); r != utf8.RuneError || size != 1 {
			break
		}
		b = b[:len(b)-1]
	}
	return b
}
