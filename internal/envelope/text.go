package envelope

import (
	"unicode/utf16"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendString appends a JSON string. Only what JSON requires is escaped. Invalid
// UTF-8 becomes U+FFFD.
func appendString[T string | []byte](b []byte, text T) []byte {
	b = append(b, '"')
	start := 0 // of what is not yet appended
	for i := 0; i < len(text); {
		c := text[i]
		if c >= utf8.RuneSelf {
			r, size := decodeRune(text[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(append(b, text[start:i]...), "\uFFFD"...)
				start = i + 1
			}
			i += size
			continue
		}
		if c == '"' || c == '\\' || c < ' ' {
			b = appendEscaped(append(b, text[start:i]...), c)
			start = i + 1
		}
		i++
	}
	b = append(b, text[start:]...)
	return append(b, '"')
}

func decodeRune[T string | []byte](text T) (rune, int) {
	var head [utf8.UTFMax]byte
	return utf8.DecodeRune(head[:copy(head[:], text)])
}

func appendEscaped(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// appendASCII appends a JSON string as Meta writes it: characters outside ASCII are
// escaped as UTF-16, with digits in lower case.
func appendASCII(b []byte, text string) []byte {
	b = append(b, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\' || r < ' ':
			b = appendEscaped(b, byte(r))
		case r < utf8.RuneSelf:
			b = append(b, byte(r))
		case r <= 0xffff:
			b = appendUnit(b, r)
		default:
			high, low := utf16.EncodeRune(r)
			b = appendUnit(appendUnit(b, high), low)
		}
	}
	return append(b, '"')
}

func appendUnit(b []byte, unit rune) []byte {
	return append(b, '\\', 'u', hexDigits[unit>>12&15], hexDigits[unit>>8&15], hexDigits[unit>>4&15], hexDigits[unit&15])
}
