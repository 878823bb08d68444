package media

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"strings"
)

// The syntax of PDF as far as a dictionary needs it (docs/references.md#pdf, §7.2 and §7.3).

const pdfBlanks = "\x00\t\n\f\r "

// pdfToken returns the first token of b and what follows it: a string, a name, a bracket, or
// a run of other characters. The token is empty at the end of b, and where it is incomplete.
func pdfToken(b string) (token, rest string) {
	b = strings.TrimLeft(b, pdfBlanks)
	for strings.HasPrefix(b, "%") {
		b = strings.TrimLeft(b[max(1, strings.IndexAny(b+"\n", "\r\n")):], pdfBlanks)
	}
	n := 1
	switch {
	case b == "":
		return "", ""
	case strings.HasPrefix(b, "<<"), strings.HasPrefix(b, ">>"):
		n = 2
	case b[0] == '<':
		n = strings.IndexByte(b, '>') + 1
	case b[0] == '(':
		_, n = pdfLiteral(b)
	case strings.IndexByte("[]{})>", b[0]) >= 0:
	default:
		if n += strings.IndexAny(b[1:], pdfBlanks+"()<>[]{}/%"); n == 0 {
			n = len(b)
		}
	}
	return b[:n], b[n:]
}

// pdfLiteral returns the bytes of the string in parentheses with which b begins, and where it
// ends; 0 if it does not.
func pdfLiteral(b string) (data []byte, end int) {
	depth := 0
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch c {
		case '(':
			if depth++; depth == 1 {
				continue
			}
		case ')':
			if depth--; depth == 0 {
				return data, i + 1
			}
		case '\\':
			if i++; i == len(b) {
				return nil, 0
			}
			digits := len(b[i:min(len(b), i+3)]) - len(strings.TrimLeft(b[i:min(len(b), i+3)], "01234567"))
			switch at := strings.IndexByte("nrtbf", b[i]); {
			case digits > 0:
				n, _ := strconv.ParseUint(b[i:i+digits], 8, 16) // only digits
				c, i = byte(n), i+digits-1
			case at >= 0:
				c = "\n\r\t\b\f"[at]
			default:
				c = b[i]
			}
		}
		data = append(data, c)
	}
	return nil, 0
}

// pdfString returns the bytes of a string in either notation; false if value is none.
func pdfString(value string) ([]byte, bool) {
	switch {
	case strings.HasPrefix(value, "("):
		data, end := pdfLiteral(value)
		return data, end > 0
	case strings.HasPrefix(value, "<") && !strings.HasPrefix(value, "<<"):
		digits := strings.Join(strings.FieldsFunc(strings.Trim(value, "<>"), func(r rune) bool { return strings.ContainsRune(pdfBlanks, r) }), "")
		data, err := hex.DecodeString(digits + strings.Repeat("0", len(digits)%2))
		return data, err == nil
	}
	return nil, false
}

// pdfDict returns the values of the dictionary with which b begins, each as it is written. It
// returns nil if there is none, or not the whole of it.
func pdfDict(b string) map[string]string {
	token, b := pdfToken(b)
	if token != "<<" {
		return nil
	}
	entries := map[string]string{}
	for {
		name, after := pdfToken(b)
		if name == ">>" {
			return entries
		}
		value, rest := pdfValue(after)
		if !strings.HasPrefix(name, "/") || value == "" {
			return nil
		}
		entries[name[1:]], b = value, rest
	}
}

// pdfValue returns the first value of b and what follows it. A reference, as in "5 0 R", is one value.
func pdfValue(b string) (value, rest string) {
	depth, rest := 0, b
	for {
		token, after := pdfToken(rest)
		switch token {
		case "":
			return "", ""
		case "<<", "[":
			depth++
		case ">>", "]":
			depth--
		}
		if depth < 0 {
			return "", ""
		}
		rest = after
		if depth > 0 {
			continue
		}
		if next, _ := pdfToken(rest); rest != "" && token[0] >= '0' && token[0] <= '9' && (next == "R" || next != "" && next[0] >= '0' && next[0] <= '9') {
			continue
		}
		return strings.Trim(b[:len(b)-len(rest)], pdfBlanks), rest
	}
}

// pdfObject returns what follows the last "5 0 obj" for the reference "5 0 R"; "" if b has none.
func pdfObject(b []byte, reference string) string {
	id, ok := strings.CutSuffix(reference, "R")
	if !ok {
		return ""
	}
	mark := []byte(strings.Join(strings.Fields(id), " ") + " obj")
	for end := len(b); ; {
		at := bytes.LastIndex(b[:end], mark)
		if at < 0 {
			return ""
		}
		if at == 0 || b[at-1] < '0' || b[at-1] > '9' {
			return string(b[at+len(mark) : min(len(b), at+len(mark)+4*kib)])
		}
		end = at
	}
}
