// Text from elsewhere: what a terminal would obey, and what makes text look like
// another one, is shown and not sent.

package tty

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean returns text from elsewhere (a name, a key, a message) for a line of output.
// What is not printable is escaped as in a Go string: control characters and line
// breaks (\x1b, \n), marks of direction and invisible characters (\u202e), and
// bytes that are not UTF-8 (\xff). Letters, symbols and emoji of all scripts stay
// as they are, with the joiners that belong to them.
func Clean(text string) string {
	if isPlain(text) {
		return text
	}
	var clean strings.Builder
	last := rune(0)
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		next := first(text[i+size:])
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&clean, `\x%02x`, text[i])
			last = 0
		} else if isShown(r, last, next) {
			clean.WriteRune(r)
			last = r
		} else {
			clean.WriteString(escape(r))
			last = 0
		}
	}
	return clean.String()
}

// first returns the first character of text, 0 if there is none.
func first(text string) rune {
	r, size := utf8.DecodeRuneInString(text)
	if r == utf8.RuneError && size <= 1 {
		return 0
	}
	return r
}

// escape returns a character as it is written in a Go string.
func escape(r rune) string {
	if quoted := strconv.QuoteRuneToASCII(r); r != '\'' && quoted[1] == '\\' {
		return quoted[1 : len(quoted)-1]
	}
	return string(r)
}

// isPlain reports whether text is printable ASCII.
func isPlain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] >= 0x7f {
			return false
		}
	}
	return true
}

// isShown reports whether a character is shown as it is, between the one that is shown
// before it, 0 if there is none, and the next one.
func isShown(r, last, next rune) bool {
	switch {
	case r == '\u200c' || r == '\u200d': // joiners, in words of some scripts and in emoji
		return last > unicode.MaxASCII && next > unicode.MaxASCII && isVisible(last) && isVisible(next)
	case 0xe0020 <= r && r <= 0xe007f: // tags, in the flags of England, Scotland and Wales
		return last == 0x1f3f4 || 0xe0020 <= last && last < 0xe007f
	}
	return isVisible(r)
}

// isVisible reports whether a character is a letter, mark, number, symbol,
// punctuation or space.
func isVisible(r rune) bool {
	return unicode.IsPrint(r) && r != '\u034f' && r != '\u115f' && r != '\u1160' && r != '\u3164' && r != '\uffa0' || // which look like nothing
		unicode.Is(unicode.Zs, r)
}

// cleanLines cleans text that consists of lines.
func cleanLines(text []byte) []byte {
	if isPlain(string(bytes.ReplaceAll(text, []byte("\n"), nil))) {
		return text
	}
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		lines[i] = Clean(line)
	}
	return []byte(strings.Join(lines, "\n"))
}

// EscapeJSON escapes, in JSON, the characters that [Clean] escapes. The values of the
// JSON stay the same.
func EscapeJSON(text []byte) []byte {
	if !bytes.ContainsFunc(text, func(r rune) bool { return r >= 0x7f }) {
		return text
	}
	var escaped []byte
	last := rune(0)
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		next := first(string(text[i+size : min(i+size+utf8.UTFMax, len(text))]))
		switch {
		case r < 0x7f || isShown(r, last, next) && !(r == utf8.RuneError && size == 1):
			escaped = append(escaped, text[i:i+size]...)
			last = r
			i += size
			continue
		case r > 0xffff:
			escaped = fmt.Appendf(escaped, `\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		default: // also a byte that is not UTF-8, which JSON does not have
			escaped = fmt.Appendf(escaped, `\u%04x`, r)
		}
		i, last = i+size, 0
	}
	return escaped
}
