package policy

import (
	"strings"
	"unicode/utf8"
)

// The wildcards of a compiled text. These bytes occur in no UTF-8 text, so that a "*" of a variable's value, or of
// the escape ${*}, is a literal one.
const (
	anyText = 0xff // "*": any number of characters
	anyChar = 0xfe // "?": one character
)

// wildcards compiles the "*" and "?" of a text. A run of "*" is the same as one.
func wildcards(text string) string {
	for strings.Contains(text, "**") {
		text = strings.ReplaceAll(text, "**", "*")
	}
	compiled := []byte(text)
	for i, c := range compiled {
		switch c {
		case '*':
			compiled[i] = anyText
		case '?':
			compiled[i] = anyChar
		}
	}
	return string(compiled)
}

// pattern is a text in which "*" matches any number of characters, including ":" and "/", and "?" matches
// one character.
type pattern struct {
	text   string // compiled
	prefix int    // length of the text before the first wildcard
	tail   uint64 // the last 8 bytes of that text; of no meaning if it is shorter, or if fold is set
	fold   bool   // ASCII letters match in either case
}

// newPattern returns the pattern of text.
func newPattern(text string, fold bool) pattern {
	return compiled(wildcards(text), fold)
}

// compiled returns the pattern of a compiled text.
func compiled(text string, fold bool) pattern {
	p := pattern{text: text, prefix: literalPrefix(text), fold: fold}
	if p.prefix >= tailSize {
		p.tail = tailOf(text, p.prefix)
	}
	return p
}

const tailSize = 8

// tailOf returns the last 8 bytes of s[:n].
func tailOf(s string, n int) uint64 {
	s = s[n-tailSize : n]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// literalPrefix returns the length of a compiled text before its first wildcard.
func literalPrefix(text string) int {
	for i := range len(text) {
		if text[i] >= anyChar {
			return i
		}
	}
	return len(text)
}

// matches reports whether the pattern matches the whole of s. It allocates nothing.
func (p *pattern) matches(s string) bool {
	if len(s) < p.prefix || p.prefix == len(p.text) && len(s) != p.prefix || !p.begins(s) {
		return false
	}
	text, s := p.text[p.prefix:], s[p.prefix:]
	return text == "" || text == "\xff" || matchText(text, s, p.fold)
}

// matchText reports whether a compiled text matches the whole of s. It takes at most len(s)·len(text) steps: after
// a mismatch, only the last "*" is extended by one character, because extending an earlier one cannot help.
func matchText[T string | []byte](text T, s string, fold bool) bool {
	at, i := 0, 0         // position in text and in s
	star, resume := -1, 0 // the last "*" in text, and how far in s it reaches
	for i < len(s) {
		switch {
		case at < len(text) && text[at] == anyText:
			star, resume = at, i
			at++
		case at < len(text) && text[at] == anyChar:
			at++
			i += width(s[i:])
		case at < len(text) && equal(text[at], s[i], fold):
			at++
			i++
		case star >= 0:
			resume += width(s[resume:])
			at, i = star+1, resume
		default:
			return false
		}
	}
	for at < len(text) && text[at] == anyText {
		at++
	}
	return at == len(text)
}

// begins reports whether s, which is long enough, begins with the text before the first wildcard. It compares the last
// bytes of that text first, because the patterns of one policy mostly begin alike and end differently.
func (p *pattern) begins(s string) bool {
	switch {
	case p.fold:
		return p.prefix == 0 || equal(p.text[p.prefix-1], s[p.prefix-1], true) && hasFoldedPrefix(s, p.text[:p.prefix])
	case p.prefix >= tailSize:
		return tailOf(s, p.prefix) == p.tail && s[:p.prefix-tailSize] == p.text[:p.prefix-tailSize]
	}
	return s[:p.prefix] == p.text[:p.prefix]
}

func hasFoldedPrefix(s, prefix string) bool {
	if s[:len(prefix)] == prefix {
		return true
	}
	for i := range len(prefix) {
		if !equal(s[i], prefix[i], true) {
			return false
		}
	}
	return true
}

func equal(a, b byte, fold bool) bool {
	return a == b || fold && lower(a) == lower(b)
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// width returns the length of the first character of s in bytes.
func width(s string) int {
	if s[0] < utf8.RuneSelf {
		return 1
	}
	_, n := utf8.DecodeRuneInString(s)
	return n
}
