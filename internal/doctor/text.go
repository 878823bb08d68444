package doctor

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Mark returns the sign of a status in one character.
func (s Status) Mark() string {
	return map[Status]string{OK: "✓", Warn: "!", Fail: "✗", Skipped: "–"}[s]
}

// indent is the width of the columns in front of what was found.
const indent = 15

// Text returns results for people, in lines of at most width characters where words allow
// it. All text from elsewhere must still be cleaned.
func Text(results []Result, width int) string {
	var text strings.Builder
	counts := make(map[Status]int)
	for _, r := range results {
		counts[r.Status]++
		found := r.Found
		if r.Subject != "" {
			found = r.Subject + ": " + found
		}
		fmt.Fprintf(&text, "%s %-*s%s\n", r.Status.Mark(), indent-2, r.Check, wrap(found, width))
		if r.Fix == "" {
			continue
		}
		advice, command := r.Advice()
		fmt.Fprintf(&text, "%*s%s\n", indent, "", wrap("→ "+advice, width))
		if command != "" { // whole, so that it can be copied
			fmt.Fprintf(&text, "%*s%s\n", indent+2, "", command)
		}
	}
	fmt.Fprintf(&text, "\n%s\n", Summary(results))
	return text.String()
}

// Advice splits Fix from the command of ferry at its end; empty means that there is none.
func (r Result) Advice() (text, command string) {
	if at := strings.LastIndex(r.Fix, ": ferry "); at >= 0 {
		return r.Fix[:at+1], r.Fix[at+2:]
	}
	return r.Fix, ""
}

// Summary says in a sentence what came of the checks.
func Summary(results []Result) string {
	counts := make(map[Status]int)
	for _, r := range results {
		counts[r.Status]++
	}
	sentence := fmt.Sprintf("%d checks: %d ok", len(results), counts[OK])
	for _, of := range []struct {
		status Status
		text   string
	}{{Warn, "%d with a warning"}, {Fail, "%d failed"}, {Skipped, "%d left out"}} {
		if n := counts[of.status]; n > 0 {
			sentence += ", " + fmt.Sprintf(of.text, n)
		}
	}
	return sentence + "."
}

// wrap breaks a text between words, and indents all lines but the first.
func wrap(text string, width int) string {
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
