package policy

import (
	"strings"
	"unicode/utf8"
)

// pattern is a text in which "*" matches any number of characters, including ":" and "/", and "?" matches
// one character.
type pattern struct {
	text   string
	prefix int  // length of the text before the first wildcard
	fold   bool // ASCII letters match in either case
}

// newPattern returns the pattern of text. A run of "*" is the same as one.
func newPattern(text string, fold bool) pattern {
	for strings.Contains(text, "**") {
		text = strings.ReplaceAll(text, "**", "*")
	}
	prefix := strings.IndexAny(text, "*?")
	if prefix < 0 {
		prefix = len(text)
	}
	return pattern{text, prefix, fold}
}

// matches reports whether the pattern matches the whole of s. It allocates nothing and takes at most
// len(s)·len(p.text) steps: after a mismatch, only the last "*" is extended by one character, because
// extending an earlier one cannot help.
func (p *pattern) matches(s string) bool {
	if len(s) < p.prefix || p.prefix == len(p.text) && len(s) != p.prefix || !p.begins(s) {
		return false
	}
	text, s := p.text[p.prefix:], s[p.prefix:]
	if text == "" || text == "*" {
		return true
	}
	at, i := 0, 0         // position in text and in s
	star, resume := -1, 0 // the last "*" in text, and how far in s it reaches
	for i < len(s) {
		switch {
		case at < len(text) && text[at] == '*':
			star, resume = at, i
			at++
		case at < len(text) && text[at] == '?':
			at++
			i += width(s[i:])
		case at < len(text) && p.equal(text[at], s[i]):
			at++
			i++
		case star >= 0:
			resume += width(s[resume:])
			at, i = star+1, resume
		default:
			return false
		}
	}
	return at == len(text) || text[at:] == "*"
}

// begins reports whether s begins with the text before the first wildcard. It compares the last byte of
// that text first, because the patterns of one policy mostly begin alike and end differently.
func (p *pattern) begins(s string) bool {
	if p.prefix == 0 {
		return true
	}
	last := p.prefix - 1
	if !p.equal(p.text[last], s[last]) {
		return false
	}
	if s[:last] == p.text[:last] {
		return true
	}
	if !p.fold {
		return false
	}
	for i := range last {
		if !p.equal(p.text[i], s[i]) {
			return false
		}
	}
	return true
}

func (p *pattern) equal(a, b byte) bool {
	return a == b || p.fold && lower(a) == lower(b)
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
