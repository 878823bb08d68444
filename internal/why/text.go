package why

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

var signs = map[Sign]string{OK: "✓", Finding: "!", Stopped: "✗", NotReached: "–", Unknown: "?"}

// Mark returns the sign in one character.
func (s Sign) Mark() string { return signs[s] }

// Text returns a report for people, in lines of at most width characters where words
// allow it. All text from elsewhere must still be cleaned.
func Text(r Report, width int) string {
	var text strings.Builder
	fmt.Fprintf(&text, "Why: %s\n", r.ID)
	if r.Subject != "" {
		fmt.Fprintf(&text, "     %s\n", r.Subject)
	}
	text.WriteString("\n")
	for _, c := range r.Candidates {
		fmt.Fprintf(&text, "  %s  %s\n      %s\n", clock(c.Time), c.ID, c.Text)
	}
	for _, s := range r.Stations {
		facts := s.Facts
		if len(facts) == 0 {
			facts = []string{""}
		}
		fmt.Fprintf(&text, "%s %d %-13s", s.Sign.Mark(), s.Number, s.Name)
		for i, fact := range facts {
			if i > 0 {
				text.WriteString(strings.Repeat(" ", indent))
			}
			text.WriteString(wrap(fact, width) + "\n")
		}
		if s.Next != "" {
			advice, command := SplitCommand(s.Next)
			text.WriteString(strings.Repeat(" ", indent) + wrap("→ "+advice, width) + "\n")
			if command != "" { // whole, so that it can be copied
				text.WriteString(strings.Repeat(" ", indent) + "  " + command + "\n")
			}
		}
	}
	if len(r.Stations)+len(r.Candidates) > 0 {
		text.WriteString("\n")
	}
	text.WriteString(wrapTo(r.Verdict, width, 0))
	lines := strings.Split(strings.TrimRight(text.String(), "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// SplitCommand splits advice, the Next of a Station, from the command at its end; empty
// means that there is none.
func SplitCommand(next string) (advice, command string) {
	at := strings.LastIndex(next, ": ")
	if at < 0 || next[at+2] < 'a' || next[at+2] > 'z' {
		return next, ""
	}
	return next[:at+1], next[at+2:]
}

// indent is the width of the columns in front of the facts.
const indent = 17

func wrap(text string, width int) string { return wrapTo(text, width, indent) }

// wrapTo breaks a text between words, and indents all lines but the first.
func wrapTo(text string, width, indent int) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && indent+utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n"+strings.Repeat(" ", indent))
}
