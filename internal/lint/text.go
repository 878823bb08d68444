// The result of a check as text for a terminal.

package lint

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"ferry/internal/tty"
)

// WriteText writes the result for a person, in lines of textWidth columns.
func (r Result) WriteText(w io.Writer) error {
	var text strings.Builder
	text.WriteString(r.heading() + "\n")
	switch {
	case r.Code != "":
		fmt.Fprintf(&text, "  error     %s\n", r.Code)
		paragraph(&text, "       why  ", wrap(r.Error, textWidth-12))
		paragraph(&text, "       fix  ", wrap(r.Fix, textWidth-12))
	case r.Error != "":
		paragraph(&text, "  error     ", wrap(r.Error, textWidth-12))
	}
	for _, f := range r.Findings {
		fmt.Fprintf(&text, "  %-10s%s\n", f.Severity, f.Code)
		paragraph(&text, "       why  ", wrap(f.Why, textWidth-12))
		if f.Fix != "" {
			paragraph(&text, "       fix  ", fixLines(f.Fix, r.path, textWidth-12))
		}
	}
	for _, u := range r.Unchecked {
		paragraph(&text, "  unchecked ", wrap(u, textWidth-12))
	}
	if r.Error == "" && len(r.Findings)+len(r.Unchecked) == 0 {
		text.WriteString("  ok        no findings\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// heading is the source with its type and size as far as they are known, in one line if
// that is not too long.
func (r Result) heading() string {
	words := []string{tty.Clean(r.Source)}
	if r.Type != "" {
		words = append(words, tty.Clean(r.Type))
	}
	if r.Size != nil {
		words = append(words, tty.ExactSize(*r.Size))
	}
	if line := strings.Join(words, "  "); utf8.RuneCountInString(line) <= textWidth {
		return line
	}
	return strings.Join(words, "\n  ")
}

// textWidth is the number of columns of the text.
const textWidth = 80

// paragraph writes lines after a label, each indented like the first.
func paragraph(text *strings.Builder, label string, lines []string) {
	for i, line := range lines {
		if i == 1 {
			label = strings.Repeat(" ", len(label))
		}
		text.WriteString(label + line + "\n")
	}
}

// wrap breaks a text between words into lines of at most width columns.
func wrap(text string, width int) []string {
	return fill(strings.Fields(tty.Clean(text)), width, "")
}

// fill joins words to lines of at most width columns, unless a word is longer. Every line
// but the last gets the given end, which is not counted.
func fill(words []string, width int, end string) []string {
	var lines []string
	line := ""
	for _, word := range words {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			lines = append(lines, line+end)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}

// fixLines puts the command of a fix, if there is one, below its sentence, in lines that can
// be pasted into a shell and with the path of the file in place of IN.
func fixLines(fix, path string, width int) []string {
	at := strings.LastIndex(fix, ": ")
	if at < 0 || strings.HasSuffix(fix, ".") { // a sentence; commands have no full stop
		return wrap(fix, width)
	}
	words := shellWords(fix[at+2:])
	for i, word := range words {
		if word == "IN" && path != "" && path == tty.Clean(path) {
			words[i] = shellQuote(path)
		}
	}
	return append(wrap(fix[:at+1], width), fill(words, width-len(` \`), ` \`)...)
}

// shellWords splits a command at spaces outside of single quotes.
func shellWords(command string) []string {
	quoted := false
	return strings.FieldsFunc(command, func(r rune) bool {
		if r == '\'' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	})
}

// shellQuote makes a path a single word for a shell, which no program interprets as a flag.
func shellQuote(path string) string {
	if strings.HasPrefix(path, "-") {
		path = "./" + path
	}
	plain := func(c rune) bool {
		return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || strings.ContainsRune("/._-+,@%", c)
	}
	if strings.IndexFunc(path, func(c rune) bool { return !plain(c) }) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
